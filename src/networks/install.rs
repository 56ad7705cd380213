//! Packs are made here: ONNX Runtime and the community pack are fetched, checked, converted and put in place;
//! networks of the user's own are imported.

mod cancellable;
mod convert;
mod fetch;
mod import;
mod unpack;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::pack::place::{self, InstallLock, into_place, write};
use super::pack::sources::{self, Source};
use super::pack::{
    COMMUNITY, Entry, MANIFEST_FILE, Manifest, Origin, Pack, Role, home, installed_packs,
    packs_folder, sha256_hex,
};
use super::whitening::sample_codes;
use super::{CODE_SIZE, Error};
use cancellable::cancellable;
use fetch::fetch;
pub use import::{Imported, import};
use unpack::member;

use crate::runtime::{
    self, CancelToken, KnownLibrary, ProviderChoice, RUNTIME_FOLDER, Runtime, find_library,
    library_of_python,
};

/// Told before each step of an installation: what is done, and which of how many steps it is.
pub type Progress<'a> = &'a mut dyn FnMut(&str, usize, usize);

/// What an installation found or brought.
pub struct Installed {
    /// ONNX Runtime, loaded.
    pub runtime: Runtime,
    /// Whether ONNX Runtime was installed now.
    pub is_runtime_new: bool,
    /// Whether the community pack was installed now.
    pub is_pack_new: bool,
}

const STEPS: usize = 7;

/// Installs ONNX Runtime and the community pack, as far as they are not there and sound. While another
/// installation runs, this one waits for it.
///
/// # Errors
/// [`Error::NoRuntimePackage`] where ONNX Runtime is not packaged for this machine; what fetching,
/// converting and the disk say; [`Error::Cancelled`]. Whatever fails, what was installed stays as it was,
/// and archives that were fetched stay, so that the next try continues.
pub fn install(progress: Progress<'_>, cancel: &CancelToken) -> Result<Installed, Error> {
    let lock = wait_for_others(progress, cancel)?;
    let is_runtime_new = install_runtime(&lock, progress, cancel)?;
    let runtime = Runtime::load(ProviderChoice::Cpu, 0)?;
    let is_pack_new = install_community_pack(&lock, &runtime, progress, cancel)?;
    remove_downloads()?;
    Ok(Installed {
        runtime,
        is_runtime_new,
        is_pack_new,
    })
}

/// Removes an installed pack. While an installation runs, this waits for it.
///
/// # Errors
/// [`Error::PackMissing`] when there is none of that name, [`Error::Write`] when it cannot be
/// removed, [`Error::Cancelled`].
pub fn remove_pack(name: &str, progress: Progress<'_>, cancel: &CancelToken) -> Result<(), Error> {
    if !installed_packs()?.iter().any(|installed| installed == name) {
        return Err(Error::PackMissing {
            name: name.to_owned(),
        });
    }
    let lock = wait_for_others(progress, cancel)?;
    place::remove(&lock, &packs_folder()?, name)
}

/// The lock of the data directory.
fn wait_for_others(progress: Progress<'_>, cancel: &CancelToken) -> Result<InstallLock, Error> {
    let say = || progress("waiting for another installation to end", 1, STEPS);
    InstallLock::wait(&home()?, say, cancel)
}

/// Installs ONNX Runtime into the data directory unless a library is found already. Says whether it
/// did.
fn install_runtime(
    lock: &InstallLock,
    progress: Progress<'_>,
    cancel: &CancelToken,
) -> Result<bool, Error> {
    match find_library() {
        Ok(_) => return Ok(false),
        Err(runtime::Error::LibraryMissing { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    progress("looking for ONNX Runtime", 1, STEPS);
    let (known, library, origin) = match library_of_python(cancel)? {
        Some((known, library)) => (known, library, python_origin(known)),
        None => fetch_library(progress, cancel)?,
    };
    let name = format!("onnxruntime-{}", known.version);
    let is_sound = |folder: &Path| {
        let path = folder.join(known.file);
        let bytes = fs::read(&path).map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
        match KnownLibrary::with_bytes(&bytes) {
            Some(_) => Ok(()),
            None => Err(Error::NotAsWritten { path }),
        }
    };
    let fill = |folder: &Path| {
        write(&folder.join(known.file), &library)?;
        let manifest = json!({
            "made_by": env!("CARGO_PKG_VERSION"),
            "version": known.version,
            "file": known.file,
            "sha256": known.sha256,
            "bytes": known.bytes,
            "origin": origin,
        });
        write(
            &folder.join(MANIFEST_FILE),
            format!("{manifest:#}").as_bytes(),
        )
    };
    into_place(lock, &home()?.join(RUNTIME_FOLDER), &name, fill, is_sound)?;
    Ok(true)
}

/// The origin of a library that Python's own package held.
fn python_origin(known: &KnownLibrary) -> Origin {
    Origin {
        package: format!("onnxruntime {} (as installed in Python)", known.version),
        archive_sha256: String::new(),
        licence: "MIT".to_owned(),
        limits: String::new(),
    }
}

/// The library out of the package for this machine.
fn fetch_library(
    progress: Progress<'_>,
    cancel: &CancelToken,
) -> Result<(&'static KnownLibrary, Vec<u8>, Origin), Error> {
    let source = sources::runtime().ok_or(Error::NoRuntimePackage)?;
    progress(&fetching(&source), 1, STEPS);
    let archive = fetch(&source, &downloads()?, cancel)?;
    let file = format!("capi/libonnxruntime.so.{}", source.version);
    let library = member(archive.path(), &archive.read()?, &file)?;
    match KnownLibrary::with_bytes(&library) {
        Some(known) => Ok((known, library, source.origin())),
        None => Err(Error::Archive {
            path: archive.path().to_owned(),
            reason: format!("its file '{file}' is not the one Jawline knows"),
        }),
    }
}

/// Installs the community pack unless it is installed and sound. Says whether it did.
///
/// `runtime` runs the mapping network, from whose samples the statistics of W are taken.
fn install_community_pack(
    lock: &InstallLock,
    runtime: &Runtime,
    progress: Progress<'_>,
    cancel: &CancelToken,
) -> Result<bool, Error> {
    match cancellable(cancel, || Pack::open(COMMUNITY)?.verify()) {
        Ok(()) => return Ok(false),
        Err(Error::PackMissing { .. }) => {}
        Err(Error::Cancelled) => return Err(Error::Cancelled),
        Err(error) => tracing::warn!(%error, "the installed pack is not sound; it is made again"),
    }
    let proceed = || match cancel.is_cancelled() {
        true => Err(Error::Cancelled),
        false => Ok(()),
    };
    let downloads = downloads()?;
    progress(&fetching(&sources::GENERATOR), 2, STEPS);
    let generator = fetch(&sources::GENERATOR, &downloads, cancel)?;
    progress(&fetching(&sources::LANDMARKS), 3, STEPS);
    let landmarks = fetch(&sources::LANDMARKS, &downloads, cancel)?;
    progress(&fetching(&sources::PERCEPTUAL), 4, STEPS);
    let perceptual = fetch(&sources::PERCEPTUAL, &downloads, cancel)?;

    progress("converting the networks", 5, STEPS);
    let generator = cancellable(cancel, move || convert::generator(&generator))?;
    let perceptual = cancellable(cancel, move || convert::perceptual(&perceptual))?;
    let landmarks = cancellable(cancel, move || convert::landmarks(&landmarks))?;
    progress("measuring the latent space", 6, STEPS);
    let codes = sample_codes(runtime, &generator.mapping, CODE_SIZE, cancel)?;
    let statistics = cancellable(cancel, move || convert::latent_statistics(&codes))?;

    progress("writing the pack", 7, STEPS);
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
    let fill = |folder: &Path| {
        let mut entries = Vec::new();
        for (role, file, bytes, origin) in &files {
            proceed()?;
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
    };
    let is_sound = |folder: &Path| Pack::open_community(folder)?.verify();
    into_place(lock, &packs_folder()?, COMMUNITY, fill, is_sound)?;
    Ok(true)
}

/// Removes the fetched archives. Nothing needs them once the installation is complete.
fn remove_downloads() -> Result<(), Error> {
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
