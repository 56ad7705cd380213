//! The reference's network at its full size, on random weights: what drawing, diffusing and projecting
//! with it cost. Weights do not matter to either time or memory.

use std::time::Instant;

use ndarray::{Array2, Array4};
use serde::Serialize;

use super::{load_average, median};
use crate::architectures::stylegan2::{Sizes, StyleGan2};
use crate::architectures::vgg16::Vgg16;
use crate::cli::answer::{print_json, print_line};
use crate::cli::{EngineOptions, Failure, OutputOptions, interrupt};
use crate::latent::diffusion::{self, Diffusion};
use crate::latent::projector::{self, Objective, Projector, Regularisation, Statistics};
use crate::latent::{Error, Lpips};
use crate::memory::{cpu_seconds, peak_rss_bytes, reset_peak_rss};
use crate::networks::{self, Drawn, Generator, GeneratorNetworks, Perceptual};
use crate::runtime::{CancelToken, Runtime};

/// What was measured.
#[derive(Debug, Serialize)]
struct Results {
    jawline: &'static str,
    provider: &'static str,
    cores: usize,
    load_before: Option<f64>,
    /// Each measurement: its name, median seconds, and the peak of the process's memory in bytes from
    /// the loading of its networks on, where that is known.
    stages: Vec<Stage>,
}

#[derive(Debug, Serialize)]
struct Stage {
    name: String,
    seconds: f64,
    /// Seconds of all cores together in a run, on average: hardly changed by other programs.
    cpu_seconds: Option<f64>,
    peak_rss_bytes: Option<u64>,
}

/// Measures the CPU time of some runs.
struct CpuClock(Option<f64>);

impl CpuClock {
    fn start() -> Self {
        Self(cpu_seconds())
    }

    /// Seconds a run since the start.
    fn each_of(&self, runs: usize) -> Option<f64> {
        Some((cpu_seconds()? - self.0?) / runs.max(1) as f64)
    }
}

/// Seeds all that is random here.
const SEED: u64 = 1;

pub(super) fn run(
    runs: usize,
    steps: usize,
    engine: &EngineOptions,
    console: OutputOptions,
) -> Result<(), Failure> {
    let load_before = load_average();
    let settings = engine.settings();
    let runtime = Runtime::load(settings.provider, settings.threads)?;
    let cancel = interrupt::token();
    let mut stages = synthesis(&runtime, runs, &cancel)?;
    stages.push(diffusion_step(&runtime, steps, &cancel)?);
    stages.push(projector_step(&runtime, steps, &cancel)?);
    let results = Results {
        jawline: env!("CARGO_PKG_VERSION"),
        provider: runtime.provider().name(),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        load_before,
        stages,
    };
    if console.json {
        print_json(&results)
    } else {
        results.print()
    }
}

fn generator() -> Result<GeneratorNetworks, Failure> {
    let network = StyleGan2::random(&Sizes::ffhq(), SEED).map_err(networks::Error::from)?;
    Ok(GeneratorNetworks::from_stylegan2(&network)?)
}

fn perceptual() -> Result<Vgg16, Failure> {
    Ok(Vgg16::random(SEED).map_err(networks::Error::from)?)
}

fn codes(generator: &GeneratorNetworks) -> Array2<f32> {
    let spec = &generator.spec;
    networks::gaussian_latents(SEED, spec.layers, spec.code_size)
}

fn grey(generator: &GeneratorNetworks) -> Array4<f32> {
    let side = generator.spec.resolution;
    Array4::zeros((1, 3, side, side))
}

/// Drawing: the time until each preview, and until the picture, from the beginning.
fn synthesis(runtime: &Runtime, runs: usize, cancel: &CancelToken) -> Result<Vec<Stage>, Failure> {
    reset_peak_rss();
    let (mut generator, codes) = {
        let networks = generator()?;
        (Generator::load(runtime, &networks)?, codes(&networks))
    };
    let mut times: Vec<(usize, Vec<f64>)> = Vec::new();
    let mut cpu = CpuClock::start();
    // The first run does not count.
    for run in 0..=runs {
        if run == 1 {
            cpu = CpuClock::start();
        }
        let begun = Instant::now();
        let mut drawing = generator.begin(codes.view());
        for part in 0.. {
            let drawn = generator.advance(&mut drawing, cancel)?;
            let seconds = begun.elapsed().as_secs_f64();
            let (Drawn::Preview(picture) | Drawn::Picture(picture)) = &drawn;
            match times.get_mut(part) {
                None => times.push((picture.dim().3, Vec::new())),
                Some((_, seconds_of_part)) if run > 0 => seconds_of_part.push(seconds),
                Some(_) => {}
            }
            if let Drawn::Picture(_) = drawn {
                break;
            }
        }
    }
    let (peak, cpu_seconds) = (peak_rss_bytes(), cpu.each_of(runs));
    let last = times.len().saturating_sub(1);
    Ok(times
        .into_iter()
        .enumerate()
        .map(|(part, (side, mut seconds))| Stage {
            name: format!("synthesis until {side} px"),
            seconds: median(&mut seconds),
            cpu_seconds: cpu_seconds.filter(|_| part == last),
            peak_rss_bytes: peak,
        })
        .collect())
}

fn diffusion_step(runtime: &Runtime, steps: usize, cancel: &CancelToken) -> Result<Stage, Failure> {
    reset_peak_rss();
    let (mut loaded, picture, codes) = {
        let generator = generator()?;
        let noise = generator.spec.noise_maps(SEED);
        let synthesis = generator.with_noise(&noise)?;
        let perceptual = Perceptual::new(perceptual()?).diffusion_graph()?;
        let variable = diffusion::Variable::EachLayer;
        (
            diffusion::Networks::load(runtime, &synthesis, &perceptual, variable)?,
            grey(&generator),
            codes(&generator),
        )
    };
    let (_, _, height, width) = picture.dim();
    let target = diffusion::Target {
        mask: Array4::from_elem((1, 1, height, width), 0.5),
        picture,
    };
    let options = diffusion::Options {
        steps: steps + 1,
        ..diffusion::Options::default()
    };
    let mut diffusion = Diffusion::start(&mut loaded, target, codes, options, cancel)?;
    let (seconds, cpu_seconds) =
        step_seconds(steps, || diffusion.step(&mut loaded, cancel).map(|_| ()))?;
    Ok(Stage {
        name: "diffusion step (1024 px, VGG at 256 px)".to_owned(),
        seconds,
        cpu_seconds,
        peak_rss_bytes: peak_rss_bytes(),
    })
}

fn projector_step(runtime: &Runtime, steps: usize, cancel: &CancelToken) -> Result<Stage, Failure> {
    reset_peak_rss();
    let (mut loaded, picture, noise, mean) = {
        let generator = generator()?;
        let lpips = Lpips::even(perceptual()?);
        let objective = Objective {
            lpips: &lpips,
            lpips_size: 256,
            regularisation: Regularisation::Published,
        };
        (
            projector::Networks::load(runtime, &generator, &objective)?,
            grey(&generator),
            generator.spec.noise_maps(SEED),
            generator.mean.clone(),
        )
    };
    let statistics = Statistics {
        mean,
        deviation: 1.0,
    };
    let options = projector::Options {
        steps: steps + 1,
        ..projector::Options::default()
    };
    let mut projector =
        Projector::start(&mut loaded, picture, noise, &statistics, options, cancel)?;
    let (seconds, cpu_seconds) =
        step_seconds(steps, || projector.step(&mut loaded, cancel).map(|_| ()))?;
    Ok(Stage {
        name: "projector step (1024 px, LPIPS at 256 px)".to_owned(),
        seconds,
        cpu_seconds,
        peak_rss_bytes: peak_rss_bytes(),
    })
}

/// The median of a step's seconds, and its CPU time on average; the first step does not count.
fn step_seconds(
    steps: usize,
    mut step: impl FnMut() -> Result<(), Error>,
) -> Result<(f64, Option<f64>), Failure> {
    step()?;
    let cpu = CpuClock::start();
    let mut seconds = Vec::new();
    for _ in 0..steps {
        let begun = Instant::now();
        step()?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    Ok((median(&mut seconds), cpu.each_of(steps)))
}

impl Results {
    fn print(&self) -> Result<(), Failure> {
        let load = self
            .load_before
            .map_or_else(String::new, |load| format!(", load {load:.2}"));
        print_line(&format!(
            "jawline {} on {}, {} cores{load}: StyleGAN2 of 1024 px, random weights",
            self.jawline, self.provider, self.cores
        ))?;
        for stage in &self.stages {
            let memory = stage.peak_rss_bytes.map_or_else(String::new, |bytes| {
                format!("{:>7.2} GB", bytes as f64 / 1e9)
            });
            let cpu = stage
                .cpu_seconds
                .map_or_else(String::new, |seconds| format!("{seconds:.2} s CPU"));
            print_line(&format!(
                "{:<44} {:>9.1} ms {memory} {cpu:>12}",
                stage.name,
                stage.seconds * 1e3
            ))?;
        }
        Ok(())
    }
}
