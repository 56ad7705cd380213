//! `jawline retouch`: the same photo, with less double chin.

mod report;
mod stages;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use image::DynamicImage;
use serde_json::json;

use super::output::{print_json, write_json};
use super::progress::Reporter;
use super::{EngineOptions, Failure, Voice, interrupt};
use crate::engine::{
    DiffuseFace, EditParams, Engine, FindFaces, FoundFace, Method, PrepareFace, Priority,
    RenderFace, RenderedFace,
};
use crate::latent::{Boundary, diffusion, inversion};
use crate::networks::detector::Search;
use crate::photo::{Limits, Photo, SaveOptions};
use crate::portrait::paste::paste;
use report::{FaceReport, PhotoReport, Report};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The photos
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// The retouched photo; a folder for several
    #[arg(long, value_name = "FILE|DIR")]
    out: PathBuf,
    /// Which face: largest, all, or its number (1 is the largest)
    #[arg(long, default_value = "largest", value_name = "largest|all|N")]
    face: FaceChoice,
    /// How much of the double chin to remove, 0 to 100; 75 if nothing is said
    #[arg(long, value_name = "P", value_parser = amount, conflicts_with = "alpha", allow_negative_numbers = true)]
    amount: Option<f32>,
    /// The same as a distance along the boundary; negative removes
    #[arg(long, value_name = "A", value_parser = finite, allow_negative_numbers = true)]
    alpha: Option<f32>,
    /// How the edited neck is put back
    #[arg(long, value_enum, default_value_t = Method::Warp)]
    method: Method,
    /// Steps of the diffusion, with --method diffuse
    #[arg(long, default_value_t = diffusion::Options::default().steps, value_name = "N", value_parser = super::at_least_one)]
    diffuse_steps: usize,
    /// Move along this boundary instead of the built-in one: .npy, [1,512] or [1,L,512]
    #[arg(long, value_name = "FILE")]
    boundary: Option<PathBuf>,
    /// The boundary moves the layers that drive up to this resolution
    #[arg(long, default_value_t = Boundary::DEFAULT_RESOLUTION_PX, value_name = "PX")]
    up_to: usize,
    /// Greatest number of steps of the inversion
    #[arg(long, default_value_t = inversion::Options::default().steps, value_name = "N", value_parser = super::at_least_one)]
    steps: usize,
    /// Seed of the inversion
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Write everything that was found and measured as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write every stage's picture and array here
    #[arg(long, value_name = "DIR")]
    stages: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineOptions,
    #[command(flatten)]
    voice: Voice,
}

/// Which faces of a photo are retouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FaceChoice {
    Largest,
    All,
    /// Counted from 1, the largest first.
    Number(usize),
}

impl std::str::FromStr for FaceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("largest", _) => Ok(Self::Largest),
            ("all", _) => Ok(Self::All),
            (_, Ok(number)) if number > 0 => Ok(Self::Number(number)),
            _ => Err("use largest, all, or a number from 1 on".to_owned()),
        }
    }
}

fn finite(text: &str) -> Result<f32, String> {
    text.parse()
        .ok()
        .filter(|value: &f32| value.is_finite())
        .ok_or_else(|| "not a number".to_owned())
}

fn amount(text: &str) -> Result<f32, String> {
    finite(text)
        .ok()
        .filter(|amount| (0.0..=100.0).contains(amount))
        .ok_or_else(|| "use a number from 0 to 100".to_owned())
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let begun = Instant::now();
    let outputs = output_paths(options)?;
    let edit = edit_params(options)?;
    let engine = Engine::start(options.engine.settings())?;
    let mut session = Session {
        options,
        edit,
        engine,
        reporter: Reporter::new(options.voice),
    };

    let mut report = Report::new(&options.engine.pack);
    let mut causes = Vec::new();
    for (photo, out) in options.photos.iter().zip(&outputs) {
        match session.retouch(photo, out) {
            Ok(photo_report) => report.photos.push(photo_report),
            Err(Failure::Failed(why)) => {
                causes.extend(why.into_iter().map(|cause| named(photo, cause)));
            }
            Err(other) => return Err(other),
        }
    }
    session.reporter.finish();
    report.complete(&session.engine, begun.elapsed());
    if let Some(path) = &options.report {
        write_json(path, &report)?;
    }
    if options.voice.json {
        print_json(&json!({
            "written": report.photos.iter().map(|photo| &photo.out).collect::<Vec<_>>(),
            "failed": causes,
            "report": report,
            "seconds": begun.elapsed().as_secs_f64(),
        }))?;
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Failure::Failed(causes))
    }
}

/// A cause that says which photo it is about.
fn named(photo: &Path, cause: String) -> String {
    let name = photo.display().to_string();
    if cause.contains(&name) {
        cause
    } else {
        format!("{name}: {cause}")
    }
}

/// Where each photo's result goes: `--out` itself for one photo, into it when it is a folder or there
/// are several.
fn output_paths(options: &Options) -> Result<Vec<PathBuf>, Failure> {
    let is_folder =
        options.out.is_dir() || options.photos.len() > 1 || options.out.extension().is_none();
    if !is_folder {
        SaveOptions::for_path(&options.out)?;
        return Ok(vec![options.out.clone()]);
    }
    std::fs::create_dir_all(&options.out).map_err(|error| {
        Failure::because(format!(
            "the folder {} cannot be made: {error}",
            options.out.display()
        ))
    })?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for photo in &options.photos {
        let Some(name) = photo.file_name() else {
            return Err(Failure::because(format!(
                "{} is not a file",
                photo.display()
            )));
        };
        let path = options.out.join(name);
        if paths.contains(&path) {
            return Err(Failure::Usage(format!(
                "two photos are called {}; retouch them into different folders",
                photo.display()
            )));
        }
        paths.push(path);
    }
    Ok(paths)
}

fn edit_params(options: &Options) -> Result<EditParams, Failure> {
    let boundary = match &options.boundary {
        Some(path) => Boundary::read(path)?,
        None => Boundary::double_chin()?,
    };
    let amount = options.amount.unwrap_or(Boundary::DEFAULT_AMOUNT);
    let alpha = options
        .alpha
        .unwrap_or_else(|| Boundary::alpha_of_amount(amount));
    Ok(EditParams {
        up_to_px: options.up_to,
        method: options.method,
        ..EditParams::along(Arc::new(boundary), alpha)
    })
}

/// What all photos of a run share.
struct Session<'a> {
    options: &'a Options,
    edit: EditParams,
    engine: Engine,
    reporter: Reporter,
}

impl Session<'_> {
    fn retouch(&mut self, path: &Path, out: &Path) -> Result<PhotoReport, Failure> {
        let begun = Instant::now();
        let photo = Arc::new(Photo::load(path, &Limits::default())?);
        for warning in photo.warnings() {
            self.reporter.say(&format!("{}: {warning}", path.display()));
        }
        photo.check_save(out, &SaveOptions::for_path(out)?)?;
        let mut report = PhotoReport::new(path, out, &photo);
        report.time("load", begun);
        if self.edit.alpha == 0.0 {
            // Nothing is to change, so nothing is computed.
            let written = Instant::now();
            self.write_unchanged(&photo, out)?;
            report.time("save", written);
            return Ok(report);
        }

        let found = Instant::now();
        let faces = self.find(&photo, path)?;
        report.time("find faces", found);
        let mut pixels = photo.pixels().clone();
        for (number, face) in self.chosen(path, &faces)? {
            let rendered = self.edit_face(&photo, face)?;
            let pasted = Instant::now();
            paste(
                &mut pixels,
                &rendered.change(),
                &rendered.face.aligned.photo_from_crop,
            )?;
            let mut face_report = FaceReport::new(number, face, &rendered, &self.edit);
            face_report.time("paste", pasted);
            for doubt in &face_report.doubts {
                self.reporter
                    .say(&format!("{}: face {number}: {doubt}", path.display()));
            }
            if let Some(folder) = &self.options.stages {
                let folder = self.stages_folder(folder, path, number);
                stages::write(&folder, &rendered)?;
            }
            report.faces.push(face_report);
        }
        let saved = Instant::now();
        self.save(&photo, pixels, out)?;
        report.time("save", saved);
        self.reporter.finish();
        self.reporter
            .say(&format!("{} → {}", path.display(), out.display()));
        Ok(report)
    }

    fn find(&mut self, photo: &Arc<Photo>, path: &Path) -> Result<Vec<FoundFace>, Failure> {
        let search = match self.options.face {
            FaceChoice::Largest => Search::Quick,
            FaceChoice::All | FaceChoice::Number(_) => Search::Thorough,
        };
        let job = FindFaces::new(Arc::clone(photo), path.display().to_string(), search);
        let reporter = &mut self.reporter;
        let handle = self
            .engine
            .submit(Priority::Background, interrupt::token(), job);
        Ok(handle.wait(|progress| reporter.show(progress))?)
    }

    /// The faces to retouch with their numbers. Faces that cannot be retouched are passed over where
    /// the user did not ask for them by number, as long as one is left.
    fn chosen<'f>(
        &self,
        path: &Path,
        faces: &'f [FoundFace],
    ) -> Result<Vec<(usize, &'f FoundFace)>, Failure> {
        let numbered: Vec<(usize, &FoundFace)> = faces
            .iter()
            .enumerate()
            .map(|(index, face)| (index + 1, face))
            .collect();
        let usable: Vec<_> = numbered
            .iter()
            .copied()
            .filter(|(_, face)| face.landmarks.is_ok())
            .collect();
        let chosen = match self.options.face {
            FaceChoice::Largest => usable.into_iter().take(1).collect(),
            FaceChoice::All => usable,
            FaceChoice::Number(number) => match numbered.get(number - 1) {
                Some(&(_, face)) if face.landmarks.is_ok() => vec![(number, face)],
                Some(_) => Vec::new(),
                None => {
                    return Err(Failure::because(format!(
                        "{}: there is no face {number}; {} found",
                        path.display(),
                        faces.len()
                    )));
                }
            },
        };
        if !chosen.is_empty() {
            return Ok(chosen);
        }
        let asked = match self.options.face {
            FaceChoice::Number(number) => number - 1,
            _ => 0,
        };
        let why = faces
            .get(asked)
            .and_then(|face| face.landmarks.as_ref().err());
        Err(Failure::because(format!(
            "{}: {}",
            path.display(),
            why.map_or_else(
                || "no face can be retouched".to_owned(),
                ToString::to_string
            )
        )))
    }

    fn edit_face(&mut self, photo: &Arc<Photo>, face: &FoundFace) -> Result<RenderedFace, Failure> {
        let Ok(found) = &face.landmarks else {
            return Err(Failure::because("the face has no landmarks"));
        };
        let inversion = inversion::Options {
            steps: self.options.steps,
            seed: self.options.seed,
            ..inversion::Options::default()
        };
        let reporter = &mut self.reporter;
        let prepare = PrepareFace::new(Arc::clone(photo), found.landmarks.clone(), inversion);
        let prepared = self
            .engine
            .submit(Priority::Background, interrupt::token(), prepare)
            .wait(|progress| reporter.show(progress))?;
        let prepared = Arc::new(prepared);
        let drawing = match self.edit.method {
            Method::Diffuse => {
                let diffusion = diffusion::Options {
                    steps: self.options.diffuse_steps,
                    ..diffusion::Options::default()
                };
                let job = DiffuseFace::new(Arc::clone(&prepared), self.edit.clone(), diffusion);
                Some(
                    self.engine
                        .submit(Priority::Background, interrupt::token(), job)
                        .wait(|progress| reporter.show(progress))?,
                )
            }
            Method::Warp | Method::Plain => None,
        };
        let render = RenderFace::new(prepared, self.edit.clone()).reusing(drawing);
        Ok(self
            .engine
            .submit(Priority::Interactive, interrupt::token(), render)
            .wait(|progress| reporter.show(progress))?)
    }

    /// One folder for the stages of one face; a subfolder each when there are more.
    fn stages_folder(&self, folder: &Path, photo: &Path, number: usize) -> PathBuf {
        let mut folder = folder.to_owned();
        if self.options.photos.len() > 1 {
            folder.push(photo.file_stem().unwrap_or_default());
        }
        if self.options.face == FaceChoice::All {
            folder.push(format!("face_{number}"));
        }
        folder
    }

    fn save(&self, photo: &Photo, pixels: DynamicImage, out: &Path) -> Result<(), Failure> {
        let options = SaveOptions::for_path(out)?;
        for warning in photo.with_pixels(pixels)?.save(out, &options)? {
            self.reporter.say(&format!("{}: {warning}", out.display()));
        }
        Ok(())
    }

    /// A photo in which nothing changes is copied byte for byte where the format stays the same.
    fn write_unchanged(&self, photo: &Photo, out: &Path) -> Result<(), Failure> {
        let options = SaveOptions::for_path(out)?;
        match (photo.source(), photo.format()) {
            (Some(_), Some(format)) if format == options.format => photo.copy_source(out),
            _ => photo.save(out, &options).map(|_| ()),
        }?;
        self.reporter.say(&format!(
            "{} → {} (unchanged)",
            photo.source().unwrap_or(out).display(),
            out.display()
        ));
        Ok(())
    }
}
