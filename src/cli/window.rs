//! `jawline [PHOTO…]`: the window.

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use crate::app;
use crate::engine::Settings;
use crate::runtime::ProviderChoice;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Photos and projects to open in the window; in the one that is open already, if there is one
    #[arg(value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// Execution provider for this run; else the one of the settings
    #[arg(long)]
    provider: Option<ProviderChoice>,
}

pub(super) fn run(options: Options) -> Result<(), Failure> {
    // A word that names no file is a mistyped command; a missing photo is reported in the window.
    let is_word = |path: &PathBuf| path.components().count() == 1 && path.extension().is_none();
    if let Some(word) = options
        .photos
        .iter()
        .find(|path| is_word(path) && !path.exists())
    {
        return Err(Failure::Usage(format!(
            "'{}' is neither a command nor a file; see jawline --help",
            word.display()
        )));
    }
    let engine = options.provider.map(|provider| Settings {
        provider,
        ..Settings::default()
    });
    // A window that is started from a folder keeps its photos when the folder is left.
    let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
    let photos = options.photos.into_iter().map(absolute).collect();
    app::run(photos, engine).map_err(Failure::because)
}
