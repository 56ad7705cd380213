//! `jawline retouch`: the same photo, with less double chin.

mod face;
mod outputs;
mod report;
mod stages;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::answer::{note_written, paths, print_json};
use super::output::write_json;
use super::progress::Reporter;
use super::{EngineOptions, Failure, Voice, interrupt, pictures};
use crate::engine::{EditParams, Engine, FindFaces, FoundFace, Method, Priority};
use crate::latent::{Boundary, diffusion, inversion};
use crate::networks::detector::Search;
use crate::photo::{ColourSpace, Overwrite, Photo, SaveOptions, Strip};
use crate::portrait::paste::PhotoEdit;
use face::{Amount, Retouched};
use outputs::{Output, Outputs};
use report::{PhotoReport, Report};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The photos
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// The retouched photo, or a folder, in which each keeps its name. It is a folder for several photos,
    /// when it ends with a slash, when there is such a folder, and when it has no extension
    #[arg(long, value_name = "FILE|DIR")]
    out: PathBuf,
    /// Replace files that are there already: results, report, stages. Without it the command refuses
    /// before any work. The photos themselves are never replaced
    #[arg(long)]
    overwrite: bool,
    /// Metadata to leave out: none; gps, the place (GPS fields and XMP that tells it); private, all but
    /// author and copyright; all. The colour profile always stays
    #[arg(long, default_value_t = Strip::None, value_name = "none|gps|private|all")]
    strip: Strip,
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
    /// How the edited neck is put back
    #[arg(long, value_enum, default_value_t = Method::Warp)]
    method: Method,
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
    /// Greatest number of steps of the inversion
    #[arg(long, default_value_t = inversion::Options::default().steps, value_name = "N", value_parser = super::at_least_one)]
    steps: usize,
    /// Seed of the inversion
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Write everything that was found and measured as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write every stage's picture and array here; a folder each for several photos, and for several
    /// faces
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

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let begun = Instant::now();
    if options.code.is_some() && (options.photos.len() > 1 || options.face == FaceChoice::All) {
        return Err(Failure::Usage(
            "--code is the code of one face: give one photo, and not --face all".to_owned(),
        ));
    }
    let outputs = Outputs::plan(options)?;
    let edit = edit_params(options)?;
    let engine = Engine::start(options.engine.settings())?;
    let mut session = Session {
        options,
        amount: Amount::of(options),
        edit,
        engine,
        reporter: Reporter::new(options.voice),
    };

    let mut report = Report::new(&options.engine.pack);
    let mut causes = Vec::new();
    let mut ending = Ok(());
    for (photo, output) in options.photos.iter().zip(&outputs.photos) {
        match session.retouch(photo, output) {
            Ok(photo_report) => report.photos.push(photo_report),
            Err(Failure::Failed(why)) => {
                causes.extend(why.into_iter().map(|cause| named(photo, cause)));
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
    if let Some(path) = &options.report
        && let Err(error) = write_json(path, &report, options.overwrite)
    {
        causes.extend(error.causes());
    }
    if options.voice.json {
        print_json(&json!({
            "written": paths(report.photos.iter().map(|photo| &photo.out)),
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

/// A cause that says which photo it is about.
fn named(photo: &Path, cause: String) -> String {
    let name = photo.display().to_string();
    if cause.contains(&name) {
        cause
    } else {
        format!("{name}: {cause}")
    }
}

/// The edit at an alpha of 0.
fn edit_params(options: &Options) -> Result<EditParams, Failure> {
    let boundary = match &options.boundary {
        Some(name) => Boundary::named(name)?,
        None => Boundary::fine()?,
    };
    Ok(EditParams {
        up_to_px: options.up_to.unwrap_or(boundary.resolution_px()),
        method: options.method,
        ..EditParams::along(Arc::new(boundary), 0.0)
    })
}

/// What all photos of a run share.
struct Session<'a> {
    options: &'a Options,
    amount: Amount,
    edit: EditParams,
    engine: Engine,
    reporter: Reporter,
}

impl Session<'_> {
    fn retouch(&mut self, path: &Path, output: &Output) -> Result<PhotoReport, Failure> {
        let begun = Instant::now();
        interrupt::check()?;
        let out = output.photo.as_path();
        let photo = Arc::new(pictures::load(path, self.options.voice)?);
        photo.check_save(out, &self.save_options(out)?)?;
        let mut report = PhotoReport::new(path, out, &photo);
        report.time("load", begun);
        if self.amount == Amount::Alpha(0.0) {
            // Nothing is to change, so nothing is computed.
            let written = Instant::now();
            let warnings = self.write_unchanged(&photo, out)?;
            report.warnings.extend(warnings);
            report.time("save", written);
            return Ok(report);
        }

        let found = Instant::now();
        let faces = self.find(&photo, path)?;
        report.time("find faces", found);
        let mut photo_edit = PhotoEdit::of(photo.pixels()).in_space(ColourSpace::of(&photo));
        let mut is_changed = false;
        for (number, face) in self.chosen(path, &faces)? {
            let Retouched {
                rendered,
                aligned,
                report: face_report,
            } = self.retouch_face(&photo, number, face)?;
            for remark in face_report.remarks() {
                self.reporter
                    .say(&format!("{}: face {number}: {remark}", path.display()));
            }
            report.faces.push(face_report);
            if let Some(stages) = &output.stages {
                let folder = stages.of_face(number);
                stages::write(&folder, &aligned, rendered.as_ref(), self.options.overwrite)?;
            }
            if let Some(rendered) = rendered {
                photo_edit.add(&rendered.change(), &aligned.aligned.photo_from_crop)?;
                is_changed = true;
            }
        }
        if !is_changed {
            let written = Instant::now();
            let warnings = self.write_unchanged(&photo, out)?;
            report.warnings.extend(warnings);
            report.time("save", written);
            return Ok(report);
        }
        let pasted = Instant::now();
        let pixels = photo_edit.pasted()?;
        report.time("paste", pasted);
        let saved = Instant::now();
        let retouched = photo.with_pixels(pixels)?;
        let warnings = self.save(&retouched, out)?;
        report.warnings.extend(warnings);
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

    fn save_options(&self, out: &Path) -> Result<SaveOptions, Failure> {
        Ok(SaveOptions {
            overwrite: match self.options.overwrite {
                true => Overwrite::ExceptSource,
                false => Overwrite::Never,
            },
            strip: self.options.strip,
            ..SaveOptions::for_path(out)?
        })
    }

    /// Writes the file; what it could not take is told, and yielded for the report.
    fn save(&self, photo: &Photo, out: &Path) -> Result<Vec<String>, Failure> {
        let warnings = photo.save(out, &self.save_options(out)?)?;
        note_written(out);
        let warnings = warnings.iter().map(|warning| {
            self.reporter.say(&format!("{}: {warning}", out.display()));
            warning.to_string()
        });
        Ok(warnings.collect())
    }

    /// A photo in which nothing changes is copied byte for byte where the format stays the same and all
    /// metadata may stay.
    fn write_unchanged(&self, photo: &Photo, out: &Path) -> Result<Vec<String>, Failure> {
        let options = self.save_options(out)?;
        let keeps_all = options.strip == Strip::None;
        let warnings = match (photo.source(), photo.format()) {
            (Some(_), Some(format)) if format == options.format && keeps_all => {
                photo.copy_source(out, options.overwrite)?;
                note_written(out);
                Vec::new()
            }
            _ => self.save(photo, out)?,
        };
        self.reporter.say(&format!(
            "{} → {} (unchanged)",
            photo.source().unwrap_or(out).display(),
            out.display()
        ));
        Ok(warnings)
    }
}
