//! `jawline networks`: install, import, list, verify, remove.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::answer::{JsonPath, print_json, print_line};
use super::progress::Reporter;
use super::{Failure, OutputOptions, interrupt};
use crate::networks::Pack;
use crate::networks::install::{Imported, Installed, import, install as install_all, remove_pack};
use crate::networks::pack::{COMMUNITY, Entry, IMPORTED, LICENCE_NOTICE, Origin, installed_packs};
use crate::networks::recognise::Kind;
use crate::runtime::{ProviderChoice, Runtime, find_library};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Install ONNX Runtime and the community pack; what is there already stays
    Install {
        #[command(flatten)]
        console: OutputOptions,
    },
    /// Bring networks of your own into a pack of their own: checkpoints of PyTorch (Gs.pth,
    /// 79999_iter.pth, classification_model.pth, vgg16.pth), dlib's landmark model (.dat, .dat.bz2), or
    /// .onnx. What is in a file is detected from its content. Nothing in it is executed
    Import(ImportOptions),
    /// Say what is installed, where it comes from and under which licence
    List {
        #[command(flatten)]
        console: OutputOptions,
    },
    /// Check every installed file against its SHA-256
    Verify {
        #[command(flatten)]
        console: OutputOptions,
    },
    /// Remove an installed pack
    Remove {
        /// The pack's name
        #[arg(default_value = COMMUNITY)]
        name: String,
    },
}

#[derive(Args)]
pub(super) struct ImportOptions {
    /// The files; all are imported, or none
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Refuse a file that holds anything else
    #[arg(long = "as", value_name = "ROLE")]
    role: Option<Role>,
    /// Pack to make or to add to; what it has of the same role is replaced. What a pack lacks is taken
    /// from the community pack
    #[arg(long, default_value = IMPORTED, value_name = "PACK")]
    name: String,
    #[command(flatten)]
    console: OutputOptions,
}

/// What a network is for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// From latent codes to portraits (StyleGAN2)
    Generator,
    /// Face parsing (BiSeNet)
    Parser,
    /// Double-chin classifier (ResNeXt-50)
    Scorer,
    /// Features to compare pictures by (VGG16)
    Perceptual,
    /// 68 landmarks (dlib)
    Landmarks,
}

impl From<Role> for Kind {
    fn from(role: Role) -> Self {
        match role {
            Role::Generator => Self::Generator,
            Role::Parser => Self::Parser,
            Role::Scorer => Self::Scorer,
            Role::Perceptual => Self::Perceptual,
            Role::Landmarks => Self::Landmarks,
        }
    }
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Install { console } => install(console),
        Command::Import(options) => import_files(&options),
        Command::List { console } => list(console),
        Command::Verify { console } => verify(console),
        Command::Remove { name } => remove(&name),
    }
}

fn install(console: OutputOptions) -> Result<(), Failure> {
    let mut reporter = Reporter::new(console);
    let mut show = |what: &str, step: usize, steps: usize| {
        let counted = format!("{what} ({step} of {steps})");
        reporter.show_stage(&counted, (step - 1) as f32 / steps as f32, "");
    };
    let Installed {
        runtime,
        is_runtime_new,
        is_pack_new,
    } = install_all(&mut show, &interrupt::token())?;
    reporter.finish();
    let pack = Pack::open(COMMUNITY)?;
    if is_pack_new {
        reporter.say(LICENCE_NOTICE);
    }
    let state = |new: bool| {
        if new {
            "installed"
        } else {
            "already installed"
        }
    };
    reporter.say(&format!(
        "ONNX Runtime: {} ({}; {})",
        state(is_runtime_new),
        runtime.library().path.display(),
        runtime.library().trust
    ));
    reporter.say(&format!(
        "networks: {} ({})",
        state(is_pack_new),
        pack.folder().display()
    ));
    if console.json {
        print_json(&json!({
            "runtime": { "path": JsonPath(&runtime.library().path), "installed_now": is_runtime_new },
            "pack": { "name": COMMUNITY, "folder": JsonPath(pack.folder()), "installed_now": is_pack_new },
        }))?;
    }
    Ok(())
}

fn remove(name: &str) -> Result<(), Failure> {
    let reporter = Reporter::new(OutputOptions {
        quiet: false,
        json: false,
    });
    let mut show = |what: &str, _: usize, _: usize| reporter.say(what);
    Ok(remove_pack(name, &mut show, &interrupt::token())?)
}

fn import_files(options: &ImportOptions) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut reporter = Reporter::new(options.console);
    let mut show = |what: &str, step: usize, steps: usize| {
        let counted = format!("{what} ({step} of {steps})");
        reporter.show_stage(&counted, (step - 1) as f32 / steps as f32, "");
    };
    // Without ONNX Runtime a generator's latent space is measured later, when that is there.
    let runtime = Runtime::load(ProviderChoice::Cpu, 0).ok();
    let imported = import(
        &options.files,
        options.role.map(Kind::from),
        &options.name,
        runtime.as_ref(),
        &mut show,
        &interrupt::token(),
    )?;
    reporter.finish();
    let pack = Pack::open(&options.name)?;
    for file in &imported {
        reporter.say(&in_words(file));
    }
    reporter.say(&format!(
        "in the pack '{}' ({}); use it with --pack {}",
        options.name,
        pack.folder().display(),
        options.name
    ));
    if options.console.json {
        print_json(&json!({
            "pack": { "name": options.name, "folder": JsonPath(pack.folder()) },
            "imported": as_json(&imported)?,
            "taken_from_community": pack.borrowed(),
            "seconds": begun.elapsed().as_secs_f64(),
        }))?;
    }
    Ok(())
}

/// What was imported, whatever the files are called.
fn as_json(imported: &[Imported]) -> Result<Vec<Value>, Failure> {
    let told = imported.iter().map(|imported| {
        let nameless = Imported {
            file: PathBuf::new(),
            ..imported.clone()
        };
        let mut told = serde_json::to_value(nameless)?;
        told["file"] = json!(JsonPath(&imported.file));
        Ok(told)
    });
    let told: Result<_, serde_json::Error> = told.collect();
    told.map_err(Failure::because)
}

/// A line about an imported file.
fn in_words(imported: &Imported) -> String {
    let facts = &imported.facts;
    let resolution = facts
        .resolution
        .map_or_else(String::new, |side| format!("{side} px, "));
    format!(
        "{}: {}, {}, {resolution}{} layers, {:.1} M parameters, {:.1} MB, SHA-256 {}",
        imported.file.display(),
        facts.role,
        facts.architecture,
        facts.layers,
        facts.parameters as f64 / 1e6,
        imported.bytes as f64 / 1e6,
        imported.sha256
    )
}

fn list(console: OutputOptions) -> Result<(), Failure> {
    let library = find_library();
    let packs = installed_packs()?
        .iter()
        .map(|name| Pack::open(name))
        .collect::<Result<Vec<_>, _>>()?;
    if console.json {
        let manifests = packs
            .iter()
            .map(|pack| {
                let mut manifest = serde_json::to_value(pack.manifest())?;
                manifest["taken_from_community"] = json!(pack.borrowed());
                Ok(manifest)
            })
            .collect::<Result<Vec<_>, serde_json::Error>>()
            .map_err(Failure::because)?;
        let path = library.as_ref().ok().map(|found| JsonPath(&found.path));
        return print_json(&json!({ "runtime": path, "packs": manifests }));
    }
    match library {
        Ok(found) => print_line(&format!(
            "ONNX Runtime  {} ({}; {})",
            found.path.display(),
            found.because,
            found.trust
        ))?,
        Err(error) => print_line(&error.to_string())?,
    }
    if packs.is_empty() {
        print_line("no network pack is installed; run `jawline networks install`")?;
    }
    for pack in &packs {
        let manifest = pack.manifest();
        let generator = match &manifest.generator {
            Some(spec) => format!("{} px, {} style layers", spec.resolution, spec.layers),
            None => "no generator".to_owned(),
        };
        print_line(&format!(
            "\npack '{}'  {generator}  {}",
            manifest.name,
            pack.folder().display()
        ))?;
        for entry in &manifest.entries {
            print_entry(entry)?;
        }
        for role in pack.borrowed() {
            let role = role.to_string();
            print_line(&format!("  {role:<26} from the pack '{COMMUNITY}'"))?;
        }
    }
    let has_community = |pack: &Pack| pack.manifest().name == COMMUNITY;
    if packs.iter().any(has_community) {
        print_line(&format!("\n{LICENCE_NOTICE}"))?;
    }
    Ok(())
}

fn print_entry(entry: &Entry) -> Result<(), Failure> {
    let Origin {
        package,
        archive_sha256,
        licence,
        limits,
    } = &entry.origin;
    let architecture = match entry.architecture.as_str() {
        "" => String::new(),
        architecture => format!("{architecture}, "),
    };
    let digest = match archive_sha256.get(..12) {
        Some(digest) => format!(" ({digest})"),
        None => String::new(),
    };
    print_line(&format!(
        "  {:<26} {:>6.1} MB  {}  {architecture}{package}{digest}",
        entry.role.to_string(),
        entry.bytes as f64 / 1e6,
        entry.sha256.get(..12).unwrap_or_default(),
    ))?;
    let colon = if limits.is_empty() { "" } else { "; " };
    print_line(&format!("  {:<26} {licence}{colon}{limits}", ""))
}

fn verify(console: OutputOptions) -> Result<(), Failure> {
    let names = installed_packs()?;
    if names.is_empty() {
        return Err(crate::networks::Error::PackMissing {
            name: COMMUNITY.to_owned(),
        }
        .into());
    }
    let runtime = Runtime::load(ProviderChoice::Cpu, 0)?;
    for name in &names {
        Pack::open(name)?.verify()?;
    }
    if console.json {
        print_json(&json!({ "runtime": JsonPath(&runtime.library().path), "sound": names }))
    } else {
        print_line(&format!(
            "ONNX Runtime loads; sound packs: {}",
            names.join(", ")
        ))
    }
}
