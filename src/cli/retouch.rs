//! `jawline retouch`: the same photo, with less double chin.

mod face;
mod in_place;
mod notes;
mod outputs;
mod page;
mod preset;
mod recipe;
mod report;
mod session;
mod stages;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::answer::{paths, print_json};
use super::codes::store;
use super::progress::{Reporter, clock};
use super::shard::Shard;
use super::{EngineOptions, Failure, OutputOptions};
use crate::editor::batch::State;
use crate::engine::{EditParams, Engine, Method, Settings};
use crate::latent::{Boundary, diffusion};
use crate::photo::{Quality, Strip};
use face::Amount;
use outputs::{Output, Outputs};
use report::Report;
use session::Session;

#[derive(Args, Debug, Clone)]
pub(super) struct Options {
    /// Photos, and folders of photos
    #[arg(required = true, value_name = "PHOTO|DIR")]
    photos: Vec<PathBuf>,
    /// The retouched photo, or a folder, in which each keeps its name, and its place below a folder that was
    /// named. It is a folder for several photos, when it ends with a slash, when there is such a folder, and
    /// when it has no extension
    #[arg(
        long,
        value_name = "FILE|DIR",
        required_unless_present = "edit_in_place"
    )]
    out: Option<PathBuf>,
    /// Look into the sub-folders of folders too
    #[arg(long)]
    recursive: bool,
    /// Replace files that are there already: results, report, stages. Without it the command refuses
    /// before any work. The photos themselves are never replaced
    #[arg(long)]
    overwrite: bool,
    /// Replace the photos themselves, the only option that does: each at once, after the result was read
    /// back. A photo in which nothing changes is left alone
    #[arg(long, conflicts_with_all = ["out", "resume", "shard", "merge", "layers", "overwrite"])]
    edit_in_place: bool,
    /// Go on where an earlier run into the same folder was stopped: pass over photos whose results are
    /// there, from the same content and by the same options. Reports are written again, for all
    #[arg(long)]
    resume: bool,
    /// Retouch only the K-th of N parts of the photos: for several machines that share the folders. Goes on
    /// like --resume
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// After all shards: retouch nothing, check that all photos are done, and write the reports
    #[arg(long, conflicts_with = "shard")]
    merge: bool,
    /// Take the settings of a preset of the window (its name), or of a file that holds one (.json);
    /// --amount and --alpha go before its amount
    #[arg(long, value_name = "NAME|FILE", conflicts_with_all = ["method", "boundary", "up_to"])]
    preset: Option<PathBuf>,
    /// Metadata to leave out: none; gps, the place (GPS fields and XMP that tells it); private, all but
    /// author and copyright; all. The colour profile always stays
    #[arg(long, default_value_t = Strip::None, value_name = "none|gps|private|all")]
    strip: Strip,
    /// Quality of JPEG and WebP files: as the source (a JPEG photo stays that file, and only what the mask touches is encoded
    /// again), lossless (WebP), or encoded again in a quality from 1 to 100
    #[arg(long, default_value_t = Quality::AsSource, value_name = "source|lossless|1–100")]
    quality: Quality,
    /// Which face: largest, all, or its number (1 is the largest)
    #[arg(long, default_value = "largest", value_name = "largest|all|N")]
    face: FaceChoice,
    /// How much of the double chin to remove, 0 to 100. If nothing is said, the least after which the chin
    /// meter sees none, and nothing where it sees none before
    #[arg(long, value_name = "P", value_parser = amount, conflicts_with = "alpha", allow_negative_numbers = true)]
    amount: Option<f32>,
    /// The same as a distance along the boundary; negative removes
    #[arg(long, value_name = "A", value_parser = finite, allow_negative_numbers = true)]
    alpha: Option<f32>,
    /// How the neck is edited: instant moves the photo's own pixels; warp, diffuse and plain look for a latent
    /// code and draw a new neck, which takes minutes. If nothing is said: instant, but warp where an option
    /// is given that only a code has a use for (--boundary, --up-to, --code, --steps, --seed, --stages)
    #[arg(long, value_enum)]
    method: Option<Method>,
    /// Steps of the diffusion, with --method diffuse
    #[arg(long, default_value_t = diffusion::Options::default().steps, value_name = "N", value_parser = super::at_least_one)]
    diffuse_steps: usize,
    /// Move along this boundary: fine (the default) or coarse, which are built in, or a file: .npy, [1,512]
    /// or [1,L,512]
    #[arg(long, value_name = "fine|coarse|FILE")]
    boundary: Option<PathBuf>,
    /// The boundary moves the layers that drive up to this resolution; 32 for fine, 16 for all others
    #[arg(long, value_name = "PX")]
    up_to: Option<usize>,
    /// The face's latent code from an earlier run (`code.npy` of --stages), instead of looking for it; for
    /// one photo and one face
    #[arg(long, value_name = "F.npy", conflicts_with_all = ["steps", "seed"])]
    code: Option<PathBuf>,
    /// Greatest number of steps of the inversion [default: 100]
    #[arg(long, value_name = "N", value_parser = super::at_least_one)]
    steps: Option<usize>,
    /// Seed of the inversion [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Look for the code even when an earlier run has kept it (see `jawline codes`), and keep none
    #[arg(long)]
    search_again: bool,
    /// Write what was found and measured: a table if the name ends with .csv, a page of before and after if
    /// it ends with .html, else everything as JSON. May be given several times
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
    /// Write TIFF files with layers, in 16 bits: the photo, and above it the retouched neck with its mask
    #[arg(long)]
    layers: bool,
    /// Write where the photo was changed: a grey PNG of its size, white for a full change. A folder for
    /// several photos
    #[arg(long, value_name = "FILE.png|DIR")]
    mask_out: Option<PathBuf>,
    /// Write every stage's picture and array here; a folder each for several photos, and for several
    /// faces
    #[arg(long, value_name = "DIR")]
    stages: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineOptions,
    #[command(flatten)]
    console: OutputOptions,
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

pub(super) fn finite(text: &str) -> Result<f32, String> {
    text.parse()
        .ok()
        .filter(|value: &f32| value.is_finite())
        .ok_or_else(|| "not a number".to_owned())
}

pub(super) fn amount(text: &str) -> Result<f32, String> {
    finite(text)
        .ok()
        .filter(|amount| (0.0..=100.0).contains(amount))
        .ok_or_else(|| "use a number from 0 to 100".to_owned())
}

impl Options {
    /// Whether results of earlier runs are taken into account.
    fn continues(&self) -> bool {
        self.resume || self.merge || self.shard.is_some()
    }
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut outputs = Outputs::plan(options)?;
    let edit = edit(options)?;
    let amount = match (&options.preset, options.amount, options.alpha) {
        (Some(_), None, None) => Amount::Alpha(edit.alpha),
        _ => Amount::of(options),
    };
    let kept = store().filter(|_| !options.search_again);
    let engine = Settings {
        codes: kept.map(|store| store.folder().to_owned()),
        ..options.engine.settings()
    };
    let mut session = Session {
        options,
        amount,
        edit,
        engine: Engine::start(engine)?,
        reporter: Reporter::new(options.console),
        page: page::Page::wanted(&options.report)?,
    };
    for remark in &outputs.remarks {
        session.reporter.say(remark);
    }

    let mut report = Report::new(&options.engine.pack);
    let mut written = Vec::new();
    let mut causes = std::mem::take(&mut outputs.causes);
    let mut ending = Ok(());
    let is_new = |output: &&Output| !matches!(output.state, State::Done(_));
    let mut left = Left::of(outputs.photos.iter().filter(is_new).count());
    for output in &outputs.photos {
        let outcome = match &output.state {
            State::Done(done) => {
                report.take_over(done.report.clone(), output);
                session.show_result(output, &done.report)
            }
            _ if options.merge => Err(Failure::because("it is not done yet")),
            _ => {
                left.announce(&mut session.reporter, &output.source);
                let outcome = session.retouch_noted(output);
                left.count_one();
                outcome.map(|done| {
                    written.push(output.photo.clone());
                    report.photos.push(done);
                })
            }
        };
        match outcome {
            Ok(()) => {}
            Err(Failure::Failed(why)) => {
                let why = why.into_iter();
                let why: Vec<String> = why.map(|cause| named(&output.source, cause)).collect();
                report.failed(&output.source, &why);
                causes.extend(why);
            }
            Err(other) => {
                ending = Err(other);
                break;
            }
        }
    }
    session.reporter.finish();
    report.interrupted = ending.as_ref().is_err_and(Failure::is_interruption);
    report.complete(&session.engine, begun.elapsed());
    let passed_over = std::mem::take(&mut report.passed_over);
    if !passed_over.is_empty() && !options.merge {
        let count = passed_over.len();
        session.reporter.say(&format!("{count} were done before"));
    }
    let overwrite = options.overwrite || options.continues();
    for path in &options.report {
        let told = match report::Kind::of(path) {
            report::Kind::Json => super::output::write_json(path, &report, overwrite),
            report::Kind::Table => table::write(path, &report, overwrite),
            report::Kind::Page => session.write_page(path, &report, overwrite),
        };
        if let Err(error) = told {
            causes.extend(error.causes());
        }
    }
    if options.console.json {
        print_json(&json!({
            "written": paths(&written),
            "passed_over": paths(&passed_over),
            "failed": causes,
            "interrupted": report.interrupted,
            "report": report,
            "seconds": begun.elapsed().as_secs_f64(),
        }))?;
    }
    ending?;
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Failure::Failed(causes))
    }
}

/// How much of the run is left.
struct Left {
    total: usize,
    done: usize,
    begun: Instant,
}

impl Left {
    fn of(total: usize) -> Self {
        Self {
            total,
            done: 0,
            begun: Instant::now(),
        }
    }

    fn count_one(&mut self) {
        self.done += 1;
    }

    /// Says which photo is next, and how long the rest will take.
    fn announce(&self, reporter: &mut Reporter, photo: &Path) {
        if self.total < 2 {
            return;
        }
        let place = format!("{} of {}", self.done + 1, self.total);
        let time = (self.done > 0).then(|| {
            let each = self.begun.elapsed().as_secs_f64() / self.done as f64;
            let left = each * (self.total - self.done) as f64;
            format!(", about {} left", clock(Duration::from_secs_f64(left)))
        });
        let place = format!("photo {place}{}", time.unwrap_or_default());
        reporter.begin_piece(&place, &photo.display().to_string());
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

/// The method that was asked for, or that suits what else was asked for.
fn method(options: &Options) -> Method {
    let needs_code = options.boundary.is_some()
        || options.up_to.is_some()
        || options.code.is_some()
        || options.steps.is_some()
        || options.seed.is_some()
        || options.stages.is_some();
    options.method.unwrap_or(match needs_code {
        true => Method::Warp,
        false => Method::Instant,
    })
}

/// The edit of all faces; its alpha counts only for a preset.
fn edit(options: &Options) -> Result<EditParams, Failure> {
    if let Some(name) = &options.preset {
        return preset::edit_params(&preset::load(name)?);
    }
    let boundary = match &options.boundary {
        Some(name) => Boundary::named(name)?,
        None => Boundary::fine()?,
    };
    let mut edit = EditParams::along(Arc::new(boundary), 0.0).by(method(options));
    edit.up_to_px = options.up_to.unwrap_or(edit.up_to_px);
    Ok(edit)
}
