//! `jawline bench`: time and memory of every stage, on this machine, now.
//!
//! The photo has 24 megapixels: a drawn portrait, enlarged, on a plain wall. Stages without inversion
//! run first, so that their peak of memory is theirs alone.

mod reference;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use image::{DynamicImage, Rgb, RgbImage, imageops};
use ndarray::Array2;
use serde::Serialize;

use super::answer::{print_json, print_line};
use super::progress::Reporter;
use super::{EngineOptions, Failure, OutputOptions};
use crate::engine::{
    AlignFace, EditParams, Engine, FindFaces, InvertPicture, Job, MoveFace, PrepareFace,
    RenderFace, Synthesize, describe,
};
use crate::latent::{Boundary, inversion};
use crate::memory::peak_rss_bytes;
use crate::networks::detector::Search;
use crate::photo::resize::resize_levels;
use crate::photo::{ColourSpace, Limits, Photo, SaveOptions};
use crate::portrait::paste::PhotoEdit;
use crate::portrait::tensor::{picture_from_tensor, reduced_tensor};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// How often each stage runs; the median counts
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Steps of the inversion that are timed
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    steps: u32,
    /// Measure the reference's network instead: StyleGAN2 at its full size, on random weights
    #[arg(long)]
    reference_config: bool,
    #[command(flatten)]
    engine: EngineOptions,
    #[command(flatten)]
    console: OutputOptions,
}

const PHOTO_SIZE: (u32, u32) = (6000, 4000);
/// Side of the portrait in the photo.
const PORTRAIT_SIZE: u32 = 2600;

#[derive(Debug, Serialize)]
struct Results {
    jawline: &'static str,
    provider: &'static str,
    cores: usize,
    /// Load of the machine over the last minute when the measurement began, if the system tells.
    load_before: Option<f64>,
    /// Median seconds of each stage.
    seconds: Vec<(String, f64)>,
    /// Median seconds of all stages of a retouch by the instant method but loading and saving, and the most
    /// memory until then.
    instant: f64,
    instant_rss_bytes: Option<u64>,
    /// Median seconds of all stages of a retouch by the warp method but loading, inversion and saving.
    all_but_inversion: f64,
    peak_rss_bytes_without_inversion: Option<u64>,
    peak_rss_bytes: Option<u64>,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    if options.reference_config {
        let (runs, steps) = (options.runs as usize, options.steps as usize);
        return reference::run(runs, steps, &options.engine, options.console);
    }
    let load_before = load_average();
    let mut bench = Bench {
        engine: Engine::start(options.engine.settings())?,
        reporter: Reporter::new(options.console),
        seconds: Vec::new(),
    };
    let description = bench.job(describe())?;

    let portrait = bench.synthesize(options.runs)?;
    let photo = bench.photo(&portrait.0)?;
    let instant = bench.instant(&photo, options.runs)?;
    let instant_rss_bytes = peak_rss_bytes();
    let all_but_inversion = bench.retouch(&photo, &portrait.1, options.runs)?;
    let without_inversion = peak_rss_bytes();
    bench.inversion(&portrait.0, options.steps as usize)?;
    bench.reporter.finish();

    let results = Results {
        jawline: env!("CARGO_PKG_VERSION"),
        provider: description.provider,
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        load_before,
        seconds: bench.seconds,
        instant,
        instant_rss_bytes,
        all_but_inversion,
        peak_rss_bytes_without_inversion: without_inversion,
        peak_rss_bytes: peak_rss_bytes(),
    };
    if options.console.json {
        print_json(&results)
    } else {
        results.print()
    }
}

struct Bench {
    engine: Engine,
    reporter: Reporter,
    seconds: Vec<(String, f64)>,
}

impl Bench {
    fn job<J: Job>(&mut self, job: J) -> Result<J::Output, Failure> {
        self.reporter.run(&self.engine, job)
    }

    fn record(&mut self, stage: &str, mut runs: Vec<f64>) -> f64 {
        let seconds = median(&mut runs);
        self.seconds.push((stage.to_owned(), seconds));
        seconds
    }

    /// Draws a portrait: the picture and its code. The first run loads the network and does not count.
    fn synthesize(&mut self, runs: u32) -> Result<(RgbImage, Array2<f32>), Failure> {
        let begun = Instant::now();
        let first = self.job(Synthesize::from_seed(1, 1, 0.5, None))?;
        self.record(
            "load the generator and draw once",
            vec![begun.elapsed().as_secs_f64()],
        );
        let Some(portrait) = first.into_iter().next() else {
            return Err(Failure::because("the generator drew nothing"));
        };
        let mut times = Vec::new();
        for _ in 0..runs {
            let begun = Instant::now();
            self.job(Synthesize::from_codes(vec![portrait.code.clone()]))?;
            times.push(begun.elapsed().as_secs_f64());
        }
        self.record("synthesize", times);
        Ok((picture_from_tensor(portrait.image.view()), portrait.code))
    }

    /// The portrait on a wall, written and read again as JPEG.
    fn photo(&mut self, portrait: &RgbImage) -> Result<Arc<Photo>, Failure> {
        let mut wall = RgbImage::from_pixel(PHOTO_SIZE.0, PHOTO_SIZE.1, Rgb([122, 118, 112]));
        let enlarged = resize_levels(portrait, PORTRAIT_SIZE, PORTRAIT_SIZE);
        let left = i64::from((PHOTO_SIZE.0 - PORTRAIT_SIZE) / 2);
        let top = i64::from((PHOTO_SIZE.1 - PORTRAIT_SIZE) / 2);
        imageops::replace(&mut wall, &enlarged, left, top);
        let folder = tempfile::tempdir().map_err(Failure::because)?;
        let path = folder.path().join("photo.jpg");
        let begun = Instant::now();
        Photo::from_pixels(DynamicImage::ImageRgb8(wall))
            .save(&path, &SaveOptions::for_path(&path)?)?;
        self.record(
            "save 24 megapixels as JPEG",
            vec![begun.elapsed().as_secs_f64()],
        );
        let begun = Instant::now();
        let photo = Photo::load(&path, &Limits::default())?;
        self.record(
            "load 24 megapixels of JPEG",
            vec![begun.elapsed().as_secs_f64()],
        );
        Ok(Arc::new(photo))
    }

    /// All stages of a retouch by the instant method but loading and saving; the median of their sum. The
    /// first round loads the networks and does not count.
    fn instant(&mut self, photo: &Arc<Photo>, runs: u32) -> Result<f64, Failure> {
        let edit = EditParams::along(
            Arc::new(Boundary::fine()?),
            Boundary::alpha_of_amount(Boundary::DEFAULT_AMOUNT),
        );
        let (mut sums, mut fields, mut masks, mut pastes) = (vec![], vec![], vec![], vec![]);
        for round in 0..=runs {
            let begun = Instant::now();
            let name = "the bench photo".to_owned();
            let faces = self.job(FindFaces::new(Arc::clone(photo), name, Search::Quick))?;
            let landmarks = faces.into_iter().find_map(|face| face.landmarks.ok());
            let found = landmarks
                .ok_or_else(|| Failure::because("the face of the bench photo was not found"))?;
            let align = AlignFace::new(Arc::clone(photo), found.landmarks);
            let (face, seconds) = self.job(align)?;
            let moving = Instant::now();
            let moved = self.job(MoveFace::new(Arc::clone(&face), edit.clone()))?;
            let moving = moving.elapsed().as_secs_f64();
            let pasting = Instant::now();
            let mut photo_edit = PhotoEdit::of(photo.pixels()).in_space(ColourSpace::of(photo));
            photo_edit.add_field(&moved.edit, &face.aligned.photo_from_crop)?;
            photo_edit.pasted()?;
            if round > 0 {
                let field = seconds.iter().find(|(stage, _)| *stage == "neck field");
                fields.extend(field.map(|(_, seconds)| *seconds));
                masks.push(moving);
                pastes.push(pasting.elapsed().as_secs_f64());
                sums.push(begun.elapsed().as_secs_f64());
            }
        }
        self.record("instant: neck field", fields);
        self.record("instant: mask, five readings of the chin", masks);
        self.record("instant: paste", pastes);
        Ok(median(&mut sums))
    }

    /// All stages of a retouch by the warp method but loading, inversion and saving; the median of their sum.
    fn retouch(
        &mut self,
        photo: &Arc<Photo>,
        code: &Array2<f32>,
        runs: u32,
    ) -> Result<f64, Failure> {
        let edit = EditParams::along(
            Arc::new(Boundary::fine()?),
            Boundary::alpha_of_amount(Boundary::DEFAULT_AMOUNT),
        );
        let mut stages: Vec<(&'static str, Vec<f64>)> = Vec::new();
        let mut note = |stage: &'static str, seconds: f64| match stages
            .iter_mut()
            .find(|(name, _)| *name == stage)
        {
            Some((_, times)) => times.push(seconds),
            None => stages.push((stage, vec![seconds])),
        };
        let mut sums = Vec::new();
        // The first round loads the landmark model and does not count.
        for round in 0..=runs {
            let begun = Instant::now();
            let faces = self.job(FindFaces::new(
                Arc::clone(photo),
                "the bench photo".to_owned(),
                Search::Quick,
            ))?;
            let finding = begun.elapsed().as_secs_f64();
            let Some(Ok(found)) = faces.into_iter().next().map(|face| face.landmarks) else {
                return Err(Failure::because(
                    "the face of the bench photo was not found",
                ));
            };
            let prepare = PrepareFace::with_code(Arc::clone(photo), found.landmarks, code.clone());
            let face = Arc::new(self.job(prepare)?);
            let rendered = self.job(RenderFace::new(Arc::clone(&face), edit.clone()))?;
            let pasting = Instant::now();
            let mut photo_edit = PhotoEdit::of(photo.pixels()).in_space(ColourSpace::of(photo));
            photo_edit.add(&rendered.change(), &face.face.aligned.photo_from_crop)?;
            photo_edit.pasted()?;
            let pasting = pasting.elapsed().as_secs_f64();
            if round == 0 {
                continue;
            }
            note("find faces and landmarks", finding);
            face.seconds
                .iter()
                .chain(&rendered.seconds)
                .for_each(|&(stage, seconds)| note(stage, seconds));
            note("paste", pasting);
            sums.push(begun.elapsed().as_secs_f64());
        }
        for (stage, times) in stages {
            self.record(stage, times);
        }
        Ok(median(&mut sums))
    }

    /// Single steps of an inversion; the first two load and warm up, and do not count.
    fn inversion(&mut self, portrait: &RgbImage, steps: usize) -> Result<(), Failure> {
        let target = inversion::Target::even(reduced_tensor(portrait, inversion::LOSS_SIZE as u32));
        let warm_up = inversion::Options {
            steps: 1,
            ..inversion::Options::default()
        };
        let begun = Instant::now();
        self.job(InvertPicture::new(target.clone(), warm_up))?;
        self.record(
            "load the inversion and step once",
            vec![begun.elapsed().as_secs_f64()],
        );
        let timed = inversion::Options {
            steps,
            ..inversion::Options::default()
        };
        let inverted = self.job(InvertPicture::new(target, timed))?;
        self.record("inversion step", inverted.report.step_seconds);
        Ok(())
    }
}

impl Results {
    fn print(&self) -> Result<(), Failure> {
        let load = self
            .load_before
            .map_or_else(String::new, |load| format!(", load {load:.2}"));
        print_line(&format!(
            "jawline {} on {}, {} cores{load}",
            self.jawline, self.provider, self.cores
        ))?;
        for (stage, seconds) in &self.seconds {
            print_line(&format!("{stage:<40} {:>9.1} ms", seconds * 1e3))?;
        }
        for (what, seconds) in [
            ("instant: all but load and save", self.instant),
            ("all but inversion, load and save", self.all_but_inversion),
        ] {
            print_line(&format!("{what:<40} {:>9.1} ms", seconds * 1e3))?;
        }
        for (what, bytes) in [
            ("peak memory, instant", self.instant_rss_bytes),
            (
                "peak memory without inversion",
                self.peak_rss_bytes_without_inversion,
            ),
            ("peak memory", self.peak_rss_bytes),
        ] {
            if let Some(bytes) = bytes {
                print_line(&format!("{what:<40} {:>9.2} GB", bytes as f64 / 1e9))?;
            }
        }
        Ok(())
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string(Path::new("/proc/loadavg")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_an_outlier() {
        assert_eq!(median(&mut [2.0, 900.0, 1.0, 3.0, 2.5]), 2.5);
        assert!(median(&mut []).is_nan());
    }
}
