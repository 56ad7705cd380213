//! The network pack: a folder of networks in our own format with a manifest that says of each where
//! it comes from, under which licence, and what its bytes hash to.
//!
//! A pack is complete or absent: it is put together in a temporary folder and renamed into place.
//! Loading reads only bytes whose SHA-256 the manifest pins.

mod convert;
mod fetch;
mod install;
mod manifest;
mod sources;
mod unpack;

use std::fs;
use std::path::{Path, PathBuf};

pub use install::{Progress, install_community_pack, install_runtime, remove_downloads};
pub use manifest::{Entry, GeneratorSpec, MANIFEST_FILE, Manifest, Origin, Role};
pub use sources::LICENCE_NOTICE;

use ndarray::{Array, Dimension};

use super::Error;
use crate::checkpoint::npy;
use crate::data_dir::data_dir;

/// The name of the pack that `jawline networks install` installs.
pub const COMMUNITY: &str = "community";

/// An installed pack.
#[derive(Debug, Clone)]
pub struct Pack {
    folder: PathBuf,
    manifest: Manifest,
}

impl Pack {
    /// Opens an installed pack by name. Its files are checked when they are read.
    ///
    /// # Errors
    /// [`Error::PackMissing`] when no such pack is installed, [`Error::Manifest`] when its manifest
    /// cannot be understood.
    pub fn open(name: &str) -> Result<Self, Error> {
        let folder = packs_folder()?.join(name);
        if !folder.join(MANIFEST_FILE).is_file() {
            return Err(Error::PackMissing {
                name: name.to_owned(),
            });
        }
        Self::open_folder(&folder)
    }

    /// Opens the pack in this folder.
    ///
    /// # Errors
    /// [`Error::Manifest`] when the manifest is missing or cannot be understood.
    pub fn open_folder(folder: &Path) -> Result<Self, Error> {
        let manifest = Manifest::read(&folder.join(MANIFEST_FILE))?;
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
        })
    }

    /// What the pack says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What must be known of the pack's generator.
    ///
    /// # Errors
    /// [`Error::RoleMissing`] when the pack has no generator.
    pub fn generator(&self) -> Result<&GeneratorSpec, Error> {
        let generator = self.manifest.generator.as_ref();
        generator.ok_or_else(|| Error::RoleMissing {
            pack: self.manifest.name.clone(),
            role: Role::Synthesis,
        })
    }

    /// The pack's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The bytes of the file with this role, checked against the manifest.
    ///
    /// # Errors
    /// [`Error::RoleMissing`] when the pack has no such file, [`Error::Read`] when it cannot be
    /// read, [`Error::Tampered`] when its bytes are not those that were installed.
    pub fn read(&self, role: Role) -> Result<Vec<u8>, Error> {
        let entry = self
            .manifest
            .entry(role)
            .ok_or_else(|| Error::RoleMissing {
                pack: self.manifest.name.clone(),
                role,
            })?;
        self.read_entry(entry)
    }

    /// Checks every file of the pack.
    ///
    /// # Errors
    /// The first file that is missing or differs from what was installed.
    pub fn verify(&self) -> Result<(), Error> {
        self.manifest
            .entries
            .iter()
            .try_for_each(|entry| self.read_entry(entry).map(|_| ()))
    }

    fn read_entry(&self, entry: &Entry) -> Result<Vec<u8>, Error> {
        let path = self.folder.join(&entry.file);
        let bytes = fs::read(&path).map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
        if sha256_hex(&bytes) != entry.sha256 {
            return Err(Error::Tampered {
                path,
                pack: self.manifest.name.clone(),
            });
        }
        Ok(bytes)
    }
}

/// The array with this role; `expected` says its shape in messages.
pub(super) fn read_array<D: Dimension>(
    pack: &Pack,
    role: Role,
    expected: &str,
) -> Result<Array<f32, D>, Error> {
    let array = npy::parse_f32(Path::new(&role.to_string()), &pack.read(role)?)?;
    let shape = array.shape().to_vec();
    array.into_dimensionality().map_err(|_| Error::Shape {
        role,
        shape,
        expected: expected.to_owned(),
    })
}

/// The names of the installed packs, sorted.
///
/// # Errors
/// [`Error::NoDataDir`] when the platform names no home directory.
pub fn installed_packs() -> Result<Vec<String>, Error> {
    let folder = packs_folder()?;
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            entry.path().join(MANIFEST_FILE).is_file().then_some(())?;
            entry.file_name().into_string().ok()
        })
        .collect();
    names.sort();
    Ok(names)
}

/// Removes an installed pack.
///
/// # Errors
/// [`Error::PackMissing`] when there is none of that name, [`Error::Write`] when it cannot be
/// removed.
pub fn remove_pack(name: &str) -> Result<(), Error> {
    if !installed_packs()?.iter().any(|installed| installed == name) {
        return Err(Error::PackMissing {
            name: name.to_owned(),
        });
    }
    let path = packs_folder()?.join(name);
    fs::remove_dir_all(&path).map_err(|source| Error::Write { path, source })
}

fn packs_folder() -> Result<PathBuf, Error> {
    Ok(home()?.join("packs"))
}

fn home() -> Result<PathBuf, Error> {
    data_dir().ok_or(Error::NoDataDir)
}

/// The SHA-256 of these bytes in lower-case hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack_with(contents: &[u8]) -> (tempfile::TempDir, Pack) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("synthesis.onnx"), contents).unwrap();
        let manifest = Manifest::new(
            "test",
            None,
            vec![Entry {
                role: Role::Synthesis,
                file: "synthesis.onnx".to_owned(),
                sha256: sha256_hex(contents),
                bytes: contents.len() as u64,
                origin: Origin::made_here(),
            }],
        );
        manifest.write(&folder.path().join(MANIFEST_FILE)).unwrap();
        let pack = Pack::open_folder(folder.path()).unwrap();
        (folder, pack)
    }

    #[test]
    fn the_digest_is_the_published_one() {
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_sound_pack_is_read_and_verified() {
        let (_folder, pack) = pack_with(b"weights");
        assert_eq!(pack.read(Role::Synthesis).unwrap(), b"weights");
        pack.verify().unwrap();
    }

    #[test]
    fn one_flipped_byte_is_refused() {
        let (folder, pack) = pack_with(b"weights");
        fs::write(folder.path().join("synthesis.onnx"), b"wexghts").unwrap();
        assert!(matches!(
            pack.read(Role::Synthesis),
            Err(Error::Tampered { .. })
        ));
        let message = pack.verify().unwrap_err().to_string();
        assert!(message.contains("jawline networks install"), "{message}");
    }

    #[test]
    fn a_missing_file_and_a_missing_role_are_told_apart() {
        let (folder, pack) = pack_with(b"weights");
        assert!(matches!(
            pack.read(Role::Landmarks),
            Err(Error::RoleMissing { .. })
        ));
        fs::remove_file(folder.path().join("synthesis.onnx")).unwrap();
        assert!(matches!(
            pack.read(Role::Synthesis),
            Err(Error::Read { .. })
        ));
    }

    #[test]
    fn a_manifest_that_reaches_out_of_its_folder_is_refused() {
        let (folder, pack) = pack_with(b"weights");
        let mut manifest = pack.manifest().clone();
        manifest.entries[0].file = "../secret".to_owned();
        manifest.write(&folder.path().join(MANIFEST_FILE)).unwrap();
        let error = Pack::open_folder(folder.path()).unwrap_err();
        assert!(error.to_string().contains("../secret"), "{error}");
    }
}
