//! The network pack: a folder of networks in our own format with a manifest that says of each where
//! it comes from, under which licence, and what its bytes hash to.
//!
//! A pack is complete or absent: it is put together in a temporary folder, checked, and exchanged for the
//! one in its place. Loading reads only bytes whose SHA-256 the manifest has, and the community pack's
//! networks must have those that the program has.

mod manifest;
pub(super) mod place;
pub(super) mod sources;

use std::fs;
use std::path::{Path, PathBuf};

pub use manifest::{Entry, GeneratorSpec, MANIFEST_FILE, Manifest, Origin, Role};
pub use sources::LICENCE_NOTICE;

use ndarray::{Array, Dimension};

use super::Error;
use crate::checkpoint::npy;
use crate::data_dir::data_dir;
pub(crate) use crate::sha256::sha256_hex;

/// The name of the pack that `jawline networks install` installs.
pub const COMMUNITY: &str = "community";

/// The pack that networks are imported into unless the user names another.
pub const IMPORTED: &str = "imported";

/// An installed pack. What it lacks it takes from the community pack, if that is installed; a generator
/// with its statistics of the latent space comes from one of the two as a whole.
#[derive(Debug, Clone)]
pub struct Pack {
    folder: PathBuf,
    manifest: Manifest,
    fallback: Option<Box<Pack>>,
}

impl Pack {
    /// Opens an installed pack by name. Its files are checked when they are read.
    ///
    /// # Errors
    /// [`Error::PackMissing`] when no such pack is installed, [`Error::Manifest`] when its manifest
    /// cannot be understood.
    pub fn open(name: &str) -> Result<Self, Error> {
        let folder = place::current(&packs_folder()?, name);
        if !folder.join(MANIFEST_FILE).is_file() {
            return Err(Error::PackMissing {
                name: name.to_owned(),
            });
        }
        if name == COMMUNITY {
            return Self::open_community(&folder);
        }
        let mut pack = Self::open_folder(&folder)?;
        pack.fallback = match Self::open(COMMUNITY) {
            Ok(community) => Some(Box::new(community)),
            Err(Error::PackMissing { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(pack)
    }

    /// Opens the community pack in this folder, whose networks must be those that this program's own
    /// installation makes.
    pub(super) fn open_community(folder: &Path) -> Result<Self, Error> {
        let pack = Self::open_folder(folder)?;
        let is_known = |entry: &&Entry| sources::is_of_community(entry.role, &entry.sha256);
        match pack.manifest.entries.iter().find(|entry| !is_known(entry)) {
            None => Ok(pack),
            Some(entry) => Err(Error::NotKnown {
                path: folder.join(&entry.file),
            }),
        }
    }

    /// Opens the pack in this folder, by itself.
    ///
    /// # Errors
    /// [`Error::Manifest`] when the manifest is missing or cannot be understood.
    pub fn open_folder(folder: &Path) -> Result<Self, Error> {
        let manifest = Manifest::read(&folder.join(MANIFEST_FILE))?;
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
            fallback: None,
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
        let provider = self.provider(Role::Synthesis);
        let generator = provider.and_then(|pack| pack.manifest.generator.as_ref());
        generator.ok_or_else(|| self.missing(Role::Synthesis))
    }

    /// The file with this role, the pack's own or the community pack's.
    pub fn entry(&self, role: Role) -> Option<&Entry> {
        self.provider(role)?.manifest.entry(role)
    }

    /// The roles that the pack lacks and the community pack fills.
    pub fn borrowed(&self) -> Vec<Role> {
        let Some(fallback) = &self.fallback else {
            return Vec::new();
        };
        let roles = fallback.manifest.entries.iter().map(|entry| entry.role);
        roles
            .filter(|&role| {
                let provider = self.provider(role);
                provider.is_some_and(|provider| std::ptr::eq(provider, fallback.as_ref()))
            })
            .collect()
    }

    /// Which pack the file with this role comes from.
    fn provider(&self, role: Role) -> Option<&Pack> {
        let is_own = match role.is_of_generator() {
            true => self.manifest.generator.is_some(),
            false => self.manifest.entry(role).is_some(),
        };
        if is_own {
            Some(self)
        } else {
            self.fallback.as_deref()?.provider(role)
        }
    }

    fn missing(&self, role: Role) -> Error {
        Error::RoleMissing {
            pack: self.manifest.name.clone(),
            role,
        }
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
        let provider = self.provider(role).ok_or_else(|| self.missing(role))?;
        let entry = provider.manifest.entry(role);
        provider.read_entry(entry.ok_or_else(|| self.missing(role))?)
    }

    /// Checks every file of the pack's own.
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
    let packs = packs_folder()?;
    let mut names = place::names(&packs);
    names.retain(|name| place::current(&packs, name).join(MANIFEST_FILE).is_file());
    Ok(names)
}

pub(super) fn packs_folder() -> Result<PathBuf, Error> {
    Ok(home()?.join("packs"))
}

pub(super) fn home() -> Result<PathBuf, Error> {
    data_dir().ok_or(Error::NoDataDir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack_with(contents: &[u8]) -> (tempfile::TempDir, Pack) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("synthesis.onnx"), contents).unwrap();
        let manifest = Manifest::new(
            "test",
            Some(GeneratorSpec {
                layers: 1,
                resolution: 4,
                layer_resolutions: vec![4],
                code_size: 2,
                noise_resolutions_px: Vec::new(),
            }),
            vec![Entry {
                role: Role::Synthesis,
                file: "synthesis.onnx".to_owned(),
                sha256: sha256_hex(contents),
                bytes: contents.len() as u64,
                architecture: String::new(),
                origin: Origin::made_here(),
            }],
        );
        manifest.write(&folder.path().join(MANIFEST_FILE)).unwrap();
        let pack = Pack::open_folder(folder.path()).unwrap();
        (folder, pack)
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
        assert!(
            message.contains("import the network into the pack 'test'"),
            "{message}"
        );
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
    fn a_pack_borrows_what_it_lacks_but_no_part_of_a_generator() {
        let (_folder, community) = pack_with(b"community");
        let (_own_folder, mut own) = pack_with(b"own");
        let entry = |role| Entry {
            role,
            ..community.manifest.entries[0].clone()
        };
        let mut community = community.clone();
        let more = [Role::LatentMean, Role::Perceptual].map(entry);
        community.manifest.entries.extend(more);
        own.fallback = Some(Box::new(community.clone()));
        assert_eq!(own.read(Role::Synthesis).unwrap(), b"own");
        assert_eq!(own.read(Role::Perceptual).unwrap(), b"community");
        assert!(matches!(
            own.read(Role::LatentMean),
            Err(Error::RoleMissing { .. })
        ));
        assert!(own.entry(Role::LatentMean).is_none());
        assert_eq!(own.borrowed(), [Role::Perceptual]);

        own.manifest.generator = None;
        own.manifest.entries.clear();
        assert_eq!(own.read(Role::LatentMean).unwrap(), b"community");
        assert_eq!(own.generator().unwrap().code_size, 2);
        assert_eq!(own.borrowed().len(), 3);
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
