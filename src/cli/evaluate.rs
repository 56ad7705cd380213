//! `jawline evaluate`: how good the edits are, in figures and side by side. What each figure means is in
//! `docs/quality.md`.

mod columns;
mod html;
mod outcome;
mod parts;
mod report;
mod session;
mod source;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::{ArgGroup, Args};
use serde_json::json;

use super::answer::{paths, print_json};
use super::output::{FolderOptions, OutputFolder, create_folder};
use super::progress::Reporter;
use super::retouch::{amount, finite};
use super::shard::{Shard, is_mine};
use super::{EngineOptions, Failure, OutputOptions};
use crate::engine::{EditParams, Engine, Method};
use crate::fs::atomic;
use crate::latent::{Boundary, diffusion, inversion};
use outcome::{Failed, Outcome};
use report::{Evaluation, Settings};
use session::Session;
use source::Source;

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("portraits").required(true).args(["photos", "count"]))]
pub(super) struct Options {
    /// Evaluate the photos in this folder: the largest face of each
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    /// Evaluate so many portraits that the generator draws; their codes are known, so nothing is inverted
    #[arg(long, value_name = "N", value_parser = super::at_least_one)]
    count: Option<usize>,
    /// Seed: with --count that of the portraits, with --photos that of the inversion
    #[arg(long, default_value_t = 0, value_name = "S")]
    seed: u64,
    /// Truncation ψ of the drawn portraits: 0 is the mean face, 1 the full variety
    #[arg(long, default_value_t = 0.7, value_parser = psi, conflicts_with = "photos")]
    psi: f32,
    /// The codes of the photos: a folder with NAME/code.npy for each, as `retouch --stages` writes it for
    /// several photos. A photo without one is inverted
    #[arg(long, value_name = "DIR", conflicts_with = "count")]
    codes: Option<PathBuf>,
    /// Pass over portraits in which the chin meter sees no double chin
    #[arg(long)]
    only_double_chins: bool,
    /// How the edited neck is put back: one method or several, to be compared
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "warp",
        value_name = "M,M…"
    )]
    method: Vec<Method>,
    /// How much of the double chin to remove, 0 to 100. If nothing is said, the usual amount; never the least
    /// that will do, so that all portraits get the same
    #[arg(long, value_name = "P", value_parser = amount, conflicts_with = "alpha", allow_negative_numbers = true)]
    amount: Option<f32>,
    /// The same as a distance along the boundary; negative removes
    #[arg(long, value_name = "A", value_parser = finite, allow_negative_numbers = true)]
    alpha: Option<f32>,
    /// Move along this boundary: fine or coarse, which are built in, or a file: .npy, [1,512] or [1,L,512]
    #[arg(long, default_value = "fine", value_name = "fine|coarse|FILE")]
    boundary: PathBuf,
    /// The boundary moves the layers that drive up to this resolution; 32 for fine, 16 for all others
    #[arg(long, value_name = "PX")]
    up_to: Option<usize>,
    /// Greatest number of steps of the inversion
    #[arg(long, default_value_t = inversion::Options::default().steps, value_name = "N", value_parser = super::at_least_one)]
    steps: usize,
    /// Steps of the diffusion, with --method diffuse
    #[arg(long, default_value_t = diffusion::Options::default().steps, value_name = "N", value_parser = super::at_least_one)]
    diffuse_steps: usize,
    /// Evaluate only the K-th of N parts of the portraits: for several machines that share the folder of
    /// --out, where each writes a file of its own
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// After all shards: evaluate nothing, and put together what they have measured
    #[arg(long, conflicts_with = "shard")]
    merge: bool,
    #[command(flatten)]
    out: FolderOptions,
    #[command(flatten)]
    engine: EngineOptions,
    #[command(flatten)]
    console: OutputOptions,
}

fn psi(text: &str) -> Result<f32, String> {
    finite(text)
        .ok()
        .filter(|psi| (0.0..=1.0).contains(psi))
        .ok_or_else(|| "use a number from 0 to 1".to_owned())
}

/// The names of the files.
const NAMES: [&str; 2] = ["evaluate.json", "evaluate.html"];

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let begun = Instant::now();
    let source = Source::of(options)?;
    let edit = edit(options)?;
    if options.merge {
        return merge(options, &source, &edit);
    }
    let part = options.shard.map(parts::name);
    let names: Vec<&str> = match &part {
        Some(part) => vec![part],
        None => NAMES.to_vec(),
    };
    let mut folder = options.out.folder(&names, &inputs(options, &source))?;
    create_folder(&options.out.out)?;
    for name in names {
        atomic::check(&options.out.out.join(name))?;
    }
    let mut reporter = Reporter::new(options.console);
    let mut evaluation = Evaluation::new(Settings::new(options, &source, &edit));
    reporter.say(&evaluation.settings.words);
    let engine = Engine::start(options.engine.settings())?;
    let methods = &evaluation.settings.methods;
    let mut session = Session::new(options, &source, edit, methods, &engine, &mut reporter)?;

    let mut ending = Ok(());
    let mut outcomes = Vec::new();
    for index in (0..source.len()).filter(|&index| is_mine(options.shard, index)) {
        let outcome = match session.evaluate(index) {
            Ok(outcome) => outcome,
            Err(Failure::Failed(causes)) => {
                Outcome::Failed(Failed::new(source.name(index), None, &causes))
            }
            Err(other) => {
                ending = Err(other);
                break;
            }
        };
        outcomes.push((index, outcome));
    }
    reporter.finish();
    if let Some(shard) = options.shard {
        ending?;
        let part = parts::Part::new(&evaluation.settings, outcomes)?;
        folder.bytes(&parts::name(shard), &part.to_bytes()?)?;
        return told(options, &folder, &evaluation, &reporter, begun);
    }
    outcomes
        .into_iter()
        .for_each(|(_, outcome)| evaluation.add(outcome));
    finish(options, folder, evaluation, &reporter, begun, ending)
}

/// The last step of parts: what they have measured, as if one run had.
fn merge(options: &Options, source: &Source, edit: &EditParams) -> Result<(), Failure> {
    let begun = Instant::now();
    let folder = options.out.folder(&NAMES, &inputs(options, source))?;
    let mut evaluation = Evaluation::new(Settings::new(options, source, edit));
    let outcomes = parts::read(&options.out.out, &evaluation.settings, source.len())?;
    outcomes
        .into_iter()
        .for_each(|outcome| evaluation.add(outcome));
    let reporter = Reporter::new(options.console);
    finish(options, folder, evaluation, &reporter, begun, Ok(()))
}

/// Writes what was measured, and says it.
fn finish(
    options: &Options,
    mut folder: OutputFolder,
    mut evaluation: Evaluation,
    reporter: &Reporter,
    begun: Instant,
    ending: Result<(), Failure>,
) -> Result<(), Failure> {
    evaluation.interrupted = ending.as_ref().is_err_and(Failure::is_interruption);
    evaluation.seconds = begun.elapsed().as_secs_f64();
    evaluation.sort();
    folder.json(NAMES[0], &evaluation.to_json())?;
    folder.bytes(NAMES[1], html::page(&evaluation).as_bytes())?;
    let told = told(options, &folder, &evaluation, reporter, begun);
    ending.and(told)
}

/// Says what was measured, and fails where something could not be.
fn told(
    options: &Options,
    folder: &OutputFolder,
    evaluation: &Evaluation,
    reporter: &Reporter,
    begun: Instant,
) -> Result<(), Failure> {
    let causes: Vec<String> = evaluation.failed.iter().map(ToString::to_string).collect();
    if options.console.json {
        print_json(&json!({
            "written": paths(folder.written()),
            "failed": causes,
            "interrupted": evaluation.interrupted,
            "report": evaluation.to_json(),
            "seconds": begun.elapsed().as_secs_f64(),
        }))?;
    } else if !options.console.quiet {
        table::print(evaluation)?;
        for path in folder.written() {
            reporter.say(&format!("→ {}", path.display()));
        }
    }
    match causes.is_empty() {
        true => Ok(()),
        false => Err(Failure::Failed(causes)),
    }
}

/// What the command reads and must not replace.
fn inputs<'a>(options: &'a Options, source: &'a Source) -> Vec<&'a Path> {
    source.files().chain([options.boundary.as_path()]).collect()
}

fn edit(options: &Options) -> Result<EditParams, Failure> {
    let boundary = Boundary::named(&options.boundary)?;
    let alpha = match (options.alpha, options.amount) {
        (Some(alpha), _) => alpha,
        (None, amount) => Boundary::alpha_of_amount(amount.unwrap_or(Boundary::DEFAULT_AMOUNT)),
    };
    Ok(EditParams {
        up_to_px: options.up_to.unwrap_or(boundary.resolution_px()),
        ..EditParams::along(Arc::new(boundary), alpha)
    })
}
