//! What the steps of a training have in common.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::answer::{note_figure, print_json};
use crate::cli::progress::Reporter;
use crate::cli::shard::{Shard, is_mine};
use crate::cli::{EngineOptions, Failure, OutputOptions, interrupt};
use crate::engine::{Engine, Error, Job, Progress, describe, describe_generator};
use crate::networks::pack::{Manifest, sha256_hex};
use crate::training::dataset::{Dataset, GeneratorIdentity};

/// Options of every step that looks at a dataset.
#[derive(Args, Debug, Clone)]
pub(super) struct Data {
    /// The dataset's folder
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    #[command(flatten)]
    pub console: OutputOptions,
}

/// Options of every step that does the same for each sample.
#[derive(Args, Debug, Clone, Copy)]
pub(super) struct Part {
    /// Do only the K-th of N parts of the samples: for several machines that share the folder
    #[arg(long, value_name = "K/N")]
    pub shard: Option<Shard>,
}

impl Part {
    /// Whether the piece at this place is to be done here.
    pub fn has(self, place: usize) -> bool {
        is_mine(self.shard, place)
    }

    /// How many of so many pieces are to be done here.
    pub fn count(self, total: usize) -> usize {
        (0..total).filter(|&place| self.has(place)).count()
    }
}

/// A piece of the work that no part has done yet.
pub(super) fn not_done(folder: &Path, name: &str) -> Failure {
    Failure::because(format!(
        "{}: is not there yet; run the step's other parts (--shard) first",
        folder.join(name).display()
    ))
}

/// The engine, for steps that draw.
pub(super) struct TrainingContext {
    engine: Engine,
    /// The pack that it works with.
    pub pack: Manifest,
    /// Which generator it has.
    pub generator: GeneratorIdentity,
}

impl TrainingContext {
    /// Starts the engine and finds out what it has.
    pub fn start(options: &EngineOptions) -> Result<Self, Failure> {
        let settings = options.settings();
        let file = settings.generator.clone();
        let engine = Engine::start(settings)?;
        let pack = interrupt::run_job(&engine, describe(), |_| ())?.pack;
        let spec = interrupt::run_job(&engine, describe_generator(), |_| ())?;
        let mut checksums: BTreeMap<String, String> = pack
            .entries
            .iter()
            .map(|entry| (entry.role.to_string(), entry.sha256.clone()))
            .collect();
        let name = match file {
            None => pack.name.clone(),
            Some(path) => {
                let bytes = std::fs::read(&path).map_err(|error| {
                    Failure::because(format!("{} cannot be read: {error}", path.display()))
                })?;
                checksums.insert("generator".to_owned(), sha256_hex(&bytes));
                path.display().to_string()
            }
        };
        Ok(Self {
            engine,
            pack,
            generator: GeneratorIdentity {
                name,
                layer_resolutions: spec.layer_resolutions,
                resolution: spec.resolution,
                code_size: spec.code_size,
                checksums,
            },
        })
    }

    /// Starts the engine with the generator of a dataset.
    pub fn for_dataset(options: &EngineOptions, dataset: &Dataset) -> Result<Self, Failure> {
        let context = Self::start(options)?;
        dataset.check_generator(&context.generator)?;
        Ok(context)
    }

    /// Runs a job until it ends.
    pub fn run<J: Job>(
        &self,
        job: J,
        on_progress: impl FnMut(&Progress),
    ) -> Result<J::Output, Error> {
        interrupt::run_job(&self.engine, job, on_progress)
    }
}

/// Counts the pieces of a step's work, and says how far it is and how long the rest takes.
pub(super) struct Count {
    reporter: Reporter,
    stage: &'static str,
    begun: Instant,
    total: usize,
    done: usize,
    new: usize,
}

impl Count {
    /// So many pieces.
    pub fn of(total: usize, stage: &'static str, console: OutputOptions) -> Self {
        Self {
            reporter: Reporter::new(console),
            stage,
            begun: Instant::now(),
            total,
            done: 0,
            new: 0,
        }
    }

    /// A piece was there already.
    pub fn skip(&mut self) {
        self.done += 1;
    }

    /// A piece was made.
    pub fn made(&mut self) {
        self.done += 1;
        self.new += 1;
        note_figure("made", self.new);
        self.show(0.0);
    }

    /// A part of the next piece is made.
    pub fn show(&mut self, part: f32) {
        let made = self.new as f64 + f64::from(part);
        let left = (self.total.saturating_sub(self.done)) as f64 - f64::from(part);
        let elapsed = self.begun.elapsed();
        self.reporter.show(&Progress {
            stage: self.stage,
            fraction: (self.done as f32 + part) / self.total.max(1) as f32,
            detail: format!("{} of {}", self.done, self.total),
            left: (made > 0.0).then(|| elapsed.mul_f64((left / made).max(0.0))),
        });
    }

    /// Says one line that stays.
    pub fn say(&self, line: &str) {
        self.reporter.say(line);
    }

    /// Ends the bar, and says what there is to say of the step.
    pub fn finish(
        mut self,
        console: OutputOptions,
        summary: &str,
        figures: &Value,
    ) -> Result<(), Failure> {
        self.reporter.finish();
        self.reporter.say(summary);
        if console.json {
            print_json(&json!({
                "made": self.new,
                "there_before": self.done - self.new,
                "figures": figures,
                "seconds": self.begun.elapsed().as_secs_f64(),
            }))?;
        }
        Ok(())
    }
}
