//! `jawline codes`: the latent codes that are kept from one run to the next.

use clap::Args;
use serde_json::json;

use super::answer::{JsonPath, print_json, print_line};
use super::{Failure, OutputOptions};
use crate::data_dir::data_dir;
use crate::engine::CodeStore;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Remove them all
    #[arg(long)]
    clear: bool,
    #[command(flatten)]
    console: OutputOptions,
}

/// The user's store of codes, if the system names a place for it.
pub(super) fn store() -> Option<CodeStore> {
    data_dir().map(|folder| CodeStore::at(folder.join(CodeStore::FOLDER)))
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let store = store().ok_or(crate::networks::Error::NoDataDir)?;
    let folder = store.folder().display();
    let (count, bytes) = store.size();
    if options.clear {
        store.clear().map_err(|error| {
            Failure::because(format!(
                "a code in {folder} could not be removed: {error}; remove the folder yourself"
            ))
        })?;
    }
    if options.console.json {
        return print_json(&json!({
            "folder": JsonPath(store.folder()),
            "codes": count,
            "bytes": bytes,
            "removed": options.clear,
        }));
    }
    let what = if options.clear {
        "removed from"
    } else {
        "kept in"
    };
    let megabytes = bytes as f64 / 1e6;
    print_line(&format!(
        "{count} codes ({megabytes:.1} MB) {what} {folder}"
    ))
}
