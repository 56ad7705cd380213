//! `jawline batch`: the folder workflow of the reference. Aligned crops and their codes go in,
//! edited crops come out; what is done already stays, so that a run can be stopped and continued.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, ValueEnum};
use ndarray::Array2;
use serde_json::json;

use super::answer::{paths, print_json};
use super::arrays::read_codes;
use super::output::OutputFolder;
use super::progress::Reporter;
use super::{EngineOptions, Failure, OutputOptions, interrupt, pictures};
use crate::engine::{
    EditCrop, EditedCrop, Engine, ReferenceEdit, ReferenceMethod, describe_generator,
};
use crate::latent::{Boundary, diffusion};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Folder with origin/NAME.png|jpg (aligned, square crops) and code/NAME_wp.npy (their codes, [1,L,n])
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// How the edited neck is put back: into DIR/warp_res, or into DIR/diffuse_res with the codes in
    /// DIR/diffuse_code
    #[arg(long, value_enum, default_value_t = Method::Warp)]
    method: Method,
    /// Move along this boundary instead of the built-in one: .npy, [1,n] or [1,L,n]
    #[arg(long, value_name = "B")]
    boundary: Option<PathBuf>,
    /// How far; negative removes the double chin
    #[arg(
        long,
        default_value_t = -5.0,
        allow_negative_numbers = true,
        value_name = "A"
    )]
    alpha: f32,
    /// Steps of the diffusion
    #[arg(long, default_value_t = diffusion::Options::default().steps, value_name = "N", value_parser = super::at_least_one)]
    steps: usize,
    /// Weight of the features in the diffusion's loss
    #[arg(long, default_value_t = diffusion::Options::default().feature_weight, value_name = "W")]
    feature_weight: f32,
    #[command(flatten)]
    engine: EngineOptions,
    #[command(flatten)]
    console: OutputOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    Warp,
    Diffuse,
}

impl Method {
    fn results(self) -> &'static str {
        match self {
            Self::Warp => "warp_res",
            Self::Diffuse => "diffuse_res",
        }
    }
}

/// A crop with its code.
struct Item {
    name: String,
    crop: PathBuf,
    code: PathBuf,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let begun = Instant::now();
    let items = items(&options.data)?;
    let mut results = OutputFolder::resumed(&options.data.join(options.method.results()))?;
    let mut codes = match options.method {
        Method::Warp => None,
        Method::Diffuse => Some(OutputFolder::resumed(&options.data.join("diffuse_code"))?),
    };
    let edit = edit(options)?;
    let engine = Engine::start(options.engine.settings())?;
    let spec = interrupt::run_job(&engine, describe_generator(), |_| ())?;
    let mut reporter = Reporter::new(options.console);

    let mut skipped = 0;
    let mut causes = Vec::new();
    let mut ending = Ok(());
    for (index, item) in items.iter().enumerate() {
        let picture = format!("{}.png", item.name);
        // The picture is written last, so where it is all is there.
        if results.has(&picture) {
            skipped += 1;
            continue;
        }
        let shape = [spec.layers, spec.code_size];
        let stage = format!("{} ({} of {})", item.name, index + 1, items.len());
        let edited = edit_item(
            &engine,
            item,
            shape,
            &edit,
            options.console,
            |fraction, detail| {
                reporter.show_stage(&stage, fraction, detail);
            },
        );
        match edited {
            Ok(edited) => {
                if let Some(warning) = &edited.warning {
                    reporter.say(&format!("{}: {warning}", item.name));
                }
                if let Some(codes) = &mut codes {
                    let code = edited.code.view().insert_axis(ndarray::Axis(0));
                    codes.npy(&format!("{}_wp.npy", item.name), &code)?;
                }
                results.png(&picture, edited.result)?;
            }
            Err(Failure::Failed(why)) => {
                causes.extend(why.iter().map(|cause| format!("{}: {cause}", item.name)));
            }
            Err(other) => {
                ending = Err(other);
                break;
            }
        }
    }
    reporter.finish();
    let done = results.written().len();
    reporter.say(&format!("{done} edited, {skipped} were done before"));
    if options.console.json {
        let codes = codes.iter().flat_map(OutputFolder::written);
        let interrupted = ending.as_ref().is_err_and(Failure::is_interruption);
        print_json(&json!({
            "written": paths(results.written().iter().chain(codes)),
            "skipped": skipped,
            "failed": causes,
            "interrupted": interrupted,
            "seconds": begun.elapsed().as_secs_f64(),
        }))?;
    }
    ending?;
    match causes.is_empty() {
        true => Ok(()),
        false => Err(Failure::Failed(causes)),
    }
}

fn edit(options: &Options) -> Result<ReferenceEdit, Failure> {
    let boundary = match &options.boundary {
        Some(name) => Boundary::named(name)?,
        // As in the reference: the coarse one.
        None => Boundary::coarse()?,
    };
    Ok(ReferenceEdit {
        boundary: Arc::new(boundary),
        alpha: options.alpha,
        method: match options.method {
            Method::Warp => ReferenceMethod::Warp,
            Method::Diffuse => ReferenceMethod::Diffuse(diffusion::Options {
                steps: options.steps,
                feature_weight: options.feature_weight,
                ..diffusion::Options::default()
            }),
        },
    })
}

fn edit_item(
    engine: &Engine,
    item: &Item,
    shape: [usize; 2],
    edit: &ReferenceEdit,
    console: OutputOptions,
    mut show: impl FnMut(f32, &str),
) -> Result<EditedCrop, Failure> {
    let crop = pictures::load(&item.crop, console)?.pixels().to_rgb8();
    let code: Option<Array2<f32>> = read_codes(&item.code, shape)?.into_iter().next();
    let code =
        code.ok_or_else(|| Failure::because(format!("{} holds no code", item.code.display())))?;
    let job = EditCrop::new(item.crop.display().to_string(), crop, code, edit.clone());
    Ok(interrupt::run_job(engine, job, |progress| {
        show(progress.fraction, &progress.detail);
    })?)
}

/// The crops of the folder that have a code, sorted by name.
fn items(data: &Path) -> Result<Vec<Item>, Failure> {
    let origin = data.join("origin");
    let entries = std::fs::read_dir(&origin).map_err(|error| {
        Failure::because(format!(
            "{} cannot be read: {error}; --data is a folder with the folders origin and code",
            origin.display()
        ))
    })?;
    let mut items: Vec<Item> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .filter_map(|crop| {
            let name = crop.file_stem()?.to_str()?.to_owned();
            let code = data.join("code").join(format!("{name}_wp.npy"));
            Some(Item { name, crop, code })
        })
        .collect();
    items.sort_by(|a, b| a.crop.cmp(&b.crop));
    let twice = items.windows(2).find(|pair| pair[0].name == pair[1].name);
    if let Some(pair) = twice {
        return Err(Failure::because(format!(
            "{} and {} would both become {}.png; rename one",
            pair[0].crop.display(),
            pair[1].crop.display(),
            pair[0].name
        )));
    }
    match items.is_empty() {
        true => Err(Failure::because(format!(
            "there is no picture in {}",
            origin.display()
        ))),
        false => Ok(items),
    }
}
