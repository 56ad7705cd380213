//! What a result depends on beside its photo: told as a checksum, so that a result by other options is
//! never taken for the wanted one.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::{EngineOptions, Failure, OutputOptions};
use super::Options;
use crate::runtime::ProviderChoice;
use crate::sha256::sha256_hex;

/// The recipe of a run: all options but those that say where things go and what is printed, with the content
/// of the files that they name.
pub(super) fn of(options: &Options) -> Result<String, Failure> {
    let shaping = Options {
        photos: Vec::new(),
        out: None,
        recursive: false,
        overwrite: false,
        resume: false,
        shard: None,
        merge: false,
        report: Vec::new(),
        // Where it is computed changes the rounding, and not what is asked for.
        engine: EngineOptions {
            provider: ProviderChoice::Auto,
            threads: 0,
            ..options.engine.clone()
        },
        console: OutputOptions {
            quiet: false,
            json: false,
        },
        ..options.clone()
    };
    let files = [&options.boundary, &options.code, &options.preset];
    let contents = files.map(|file| file.as_deref().and_then(checksum));
    let preset = match &options.preset {
        Some(name) => Some(super::preset::load(name)?),
        None => None,
    };
    let version = env!("CARGO_PKG_VERSION");
    let text = format!("{version} {shaping:?} {contents:?} {preset:?}");
    Ok(sha256_hex(text.as_bytes()))
}

/// Of a file; a name that stands for something built in has none.
fn checksum(path: &Path) -> Option<String> {
    let path: PathBuf = path.into();
    fs::read(path).ok().map(|bytes| sha256_hex(&bytes))
}
