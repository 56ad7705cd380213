//! Putting a pack together: fetch, check, convert, rename into place.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::Error;
use super::convert;
use super::fetch::fetch;
use super::manifest::{Entry, MANIFEST_FILE, Manifest, Origin, Role};
use super::sources::{self, Source};
use super::unpack::member;
use super::{COMMUNITY, Pack, home, packs_folder, sha256_hex};
use crate::runtime::{CancelToken, RUNTIME_FOLDER, Runtime, find_library};

/// Told before each step of an installation: what is done, and which of how many steps it is.
pub type Progress<'a> = &'a mut dyn FnMut(&str, usize, usize);

/// The names of half-made folders; those left by an interrupted installation are swept away.
const PARTIAL: &str = ".partial-";

/// Installs ONNX Runtime into the data directory unless a library is found already. Says whether it
/// did.
///
/// # Errors
/// [`Error::NoRuntimePackage`] where no package exists for this machine; what [`fetch`] and the disk
/// say.
pub fn install_runtime(progress: Progress<'_>, cancel: &CancelToken) -> Result<bool, Error> {
    if find_library().is_ok() {
        return Ok(false);
    }
    let source = sources::runtime().ok_or(Error::NoRuntimePackage)?;
    progress(&fetching(&source), 1, 1);
    let archive = fetch(&source, &downloads()?, cancel)?;
    let file = format!("libonnxruntime.so.{}", source.version);
    let library = member(&archive, &format!("capi/{file}"))?;
    let name = format!("{}-{}", source.package, source.version);
    into_place(&home()?.join(RUNTIME_FOLDER), &name, |folder| {
        write(&folder.join(&file), &library)
    })?;
    Ok(true)
}

/// Installs the community pack unless it is installed and sound. Says whether it did.
///
/// `runtime` runs the mapping network, from whose samples the statistics of W are taken.
///
/// # Errors
/// What fetching, converting and the disk say. Whatever fails, no half pack is left: archives that
/// were fetched stay, so that the next try continues.
pub fn install_community_pack(
    runtime: &Runtime,
    progress: Progress<'_>,
    cancel: &CancelToken,
) -> Result<bool, Error> {
    if let Ok(pack) = Pack::open(COMMUNITY) {
        match pack.verify() {
            Ok(()) => return Ok(false),
            Err(error) => {
                tracing::warn!(%error, "the installed pack is not sound; it is made anew")
            }
        }
    }
    const STEPS: usize = 6;
    let downloads = downloads()?;
    progress(&fetching(&sources::GENERATOR), 1, STEPS);
    let generator = fetch(&sources::GENERATOR, &downloads, cancel)?;
    progress(&fetching(&sources::LANDMARKS), 2, STEPS);
    let landmarks = fetch(&sources::LANDMARKS, &downloads, cancel)?;
    progress(&fetching(&sources::PERCEPTUAL), 3, STEPS);
    let perceptual = fetch(&sources::PERCEPTUAL, &downloads, cancel)?;

    progress("converting the networks", 4, STEPS);
    let generator = convert::generator(&generator)?;
    let perceptual = convert::perceptual(&perceptual)?;
    let landmarks = convert::landmarks(&landmarks)?;
    progress("measuring the latent space", 5, STEPS);
    let statistics = convert::latent_statistics(runtime, &generator.mapping, cancel)?;

    progress("writing the pack", 6, STEPS);
    let files = [
        (
            Role::Mapping,
            "mapping.onnx",
            generator.mapping,
            sources::GENERATOR.origin(),
        ),
        (
            Role::Synthesis,
            "synthesis.onnx",
            generator.synthesis,
            sources::GENERATOR.origin(),
        ),
        (
            Role::LatentMean,
            "latent_mean.npy",
            statistics.mean,
            Origin::made_here(),
        ),
        (
            Role::WhiteningMean,
            "whitening_mean.npy",
            statistics.whitening_mean,
            Origin::made_here(),
        ),
        (
            Role::WhiteningBasis,
            "whitening_basis.npy",
            statistics.whitening_basis,
            Origin::made_here(),
        ),
        (
            Role::Landmarks,
            "landmarks.dat",
            landmarks,
            sources::LANDMARKS.origin(),
        ),
        (
            Role::Perceptual,
            "perceptual.onnx",
            perceptual,
            sources::PERCEPTUAL.origin(),
        ),
    ];
    into_place(&packs_folder()?, COMMUNITY, |folder| {
        let mut entries = Vec::new();
        for (role, file, bytes, origin) in &files {
            write(&folder.join(file), bytes)?;
            entries.push(Entry {
                role: *role,
                file: (*file).to_owned(),
                sha256: sha256_hex(bytes),
                bytes: bytes.len() as u64,
                architecture: String::new(),
                origin: origin.clone(),
            });
        }
        Manifest::new(COMMUNITY, Some(generator.spec.clone()), entries)
            .write(&folder.join(MANIFEST_FILE))
    })?;
    Ok(true)
}

/// Removes the fetched archives. Nothing needs them once the installation is complete.
///
/// # Errors
/// [`Error::Write`] when the folder cannot be removed.
pub fn remove_downloads() -> Result<(), Error> {
    let path = downloads()?;
    if path.exists() {
        fs::remove_dir_all(&path).map_err(|source| Error::Write { path, source })?;
    }
    Ok(())
}

fn downloads() -> Result<PathBuf, Error> {
    Ok(home()?.join("downloads"))
}

fn fetching(source: &Source) -> String {
    format!("fetching {} {}", source.package, source.version)
}

/// Fills a temporary folder beside its final place and renames it there, replacing what was there.
pub(super) fn into_place(
    parent: &Path,
    name: &str,
    fill: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let cannot = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Write { path, source }
    };
    fs::create_dir_all(parent).map_err(cannot(parent))?;
    sweep(parent);
    let partial = tempfile::Builder::new()
        .prefix(PARTIAL)
        .tempdir_in(parent)
        .map_err(cannot(parent))?;
    fill(partial.path())?;
    let place = parent.join(name);
    if place.exists() {
        fs::remove_dir_all(&place).map_err(cannot(&place))?;
    }
    let filled = partial.keep();
    fs::rename(&filled, &place).map_err(cannot(&place))
}

/// Removes what an interrupted installation left.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            tracing::info!(folder = %entry.path().display(), "removing a half-made folder");
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let sync = || -> std::io::Result<()> {
        let mut file = fs::File::create(path)?;
        std::io::Write::write_all(&mut file, bytes)?;
        file.sync_all()
    };
    sync().map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_fill_leaves_the_old_folder_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        into_place(parent.path(), "pack", |folder| {
            write(&folder.join("a"), b"old")
        })
        .unwrap();
        let failed = into_place(parent.path(), "pack", |folder| {
            write(&folder.join("a"), b"new")?;
            Err(Error::Cancelled)
        });
        assert!(matches!(failed, Err(Error::Cancelled)));
        assert_eq!(fs::read(parent.path().join("pack/a")).unwrap(), b"old");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_an_interruption_left_is_swept_and_the_new_folder_replaces_the_old() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join(".partial-dead")).unwrap();
        into_place(parent.path(), "pack", |folder| {
            write(&folder.join("a"), b"old")
        })
        .unwrap();
        into_place(parent.path(), "pack", |folder| {
            write(&folder.join("b"), b"new")
        })
        .unwrap();
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
        assert!(parent.path().join("pack/b").is_file());
        assert!(!parent.path().join("pack/a").exists());
    }
}
