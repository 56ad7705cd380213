//! `jawline networks`: install, list, verify, remove.

use clap::Subcommand;
use serde_json::json;

use super::output::{print_json, print_line};
use super::progress::Reporter;
use super::{Failure, Voice, interrupt};
use crate::networks::Pack;
use crate::networks::pack::{
    COMMUNITY, LICENCE_NOTICE, install_community_pack, install_runtime, installed_packs,
    remove_downloads, remove_pack,
};
use crate::runtime::{ProviderChoice, Runtime, find_library};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Install ONNX Runtime and the community pack; what is there already stays
    Install {
        #[command(flatten)]
        voice: Voice,
    },
    /// Say what is installed, where it comes from and under which licence
    List {
        #[command(flatten)]
        voice: Voice,
    },
    /// Check every installed file against its SHA-256
    Verify {
        #[command(flatten)]
        voice: Voice,
    },
    /// Remove an installed pack
    Remove {
        /// The pack's name
        #[arg(default_value = COMMUNITY)]
        name: String,
    },
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Install { voice } => install(voice),
        Command::List { voice } => list(voice),
        Command::Verify { voice } => verify(voice),
        Command::Remove { name } => Ok(remove_pack(&name)?),
    }
}

fn install(voice: Voice) -> Result<(), Failure> {
    let mut reporter = Reporter::new(voice);
    let cancel = interrupt::token();
    let mut show = |what: &str, step: usize, steps: usize| {
        let counted = format!("{what} ({step} of {steps})");
        reporter.show_stage(&counted, (step - 1) as f32 / steps as f32, "");
    };
    let new_runtime = install_runtime(&mut show, &cancel)?;
    let runtime = Runtime::load(ProviderChoice::Cpu, 0)?;
    let new_pack = install_community_pack(&runtime, &mut show, &cancel)?;
    remove_downloads()?;
    reporter.finish();
    let pack = Pack::open(COMMUNITY)?;
    if new_pack {
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
        "ONNX Runtime: {} ({})",
        state(new_runtime),
        runtime.library().path.display()
    ));
    reporter.say(&format!(
        "networks: {} ({})",
        state(new_pack),
        pack.folder().display()
    ));
    if voice.json {
        print_json(&json!({
            "runtime": { "path": runtime.library().path, "installed_now": new_runtime },
            "pack": { "name": COMMUNITY, "folder": pack.folder(), "installed_now": new_pack },
        }))?;
    }
    Ok(())
}

fn list(voice: Voice) -> Result<(), Failure> {
    let library = find_library();
    let packs = installed_packs()?
        .iter()
        .map(|name| Pack::open(name))
        .collect::<Result<Vec<_>, _>>()?;
    if voice.json {
        let manifests: Vec<_> = packs.iter().map(Pack::manifest).collect();
        let path = library.as_ref().ok().map(|found| &found.path);
        return print_json(&json!({ "runtime": path, "packs": manifests }));
    }
    match library {
        Ok(found) => print_line(&format!(
            "ONNX Runtime  {} ({})",
            found.path.display(),
            found.because
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
            print_line(&format!(
                "  {:<18} {:>8.1} MB  {}  {}",
                entry.role.to_string(),
                entry.bytes as f64 / 1e6,
                &entry.sha256[..12.min(entry.sha256.len())],
                entry.origin.package
            ))?;
            let licence = &entry.origin.licence;
            let limits = &entry.origin.limits;
            let colon = if limits.is_empty() { "" } else { "; " };
            print_line(&format!("  {:<18} {licence}{colon}{limits}", ""))?;
        }
        print_line(&format!("\n{LICENCE_NOTICE}"))?;
    }
    Ok(())
}

fn verify(voice: Voice) -> Result<(), Failure> {
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
    if voice.json {
        print_json(&json!({ "runtime": runtime.library().path, "sound": names }))
    } else {
        print_line(&format!(
            "ONNX Runtime loads; sound packs: {}",
            names.join(", ")
        ))
    }
}
