//! The manifest of a pack.

use std::fmt;
use std::fs;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::super::{CODE_SIZE, Error};

/// The manifest's file name inside a pack's folder.
pub const MANIFEST_FILE: &str = "manifest.json";

/// The version of the manifest's format that this program writes and reads.
const FORMAT: u32 = 1;

/// What a file of a pack is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The generator's mapping network, ONNX: `z [1, n]` → `w [1, n]`.
    Mapping,
    /// The generator's synthesis network, ONNX: `codes [L, n]` (and noise maps) → `image [1, 3, R, R]`.
    Synthesis,
    /// The mean of W, `.npy [n]`.
    LatentMean,
    /// The mean of P_N, `.npy [n]`.
    WhiteningMean,
    /// The whitening basis of P_N, `.npy [n, n]`: its columns are the principal directions,
    /// each as long as the standard deviation along it.
    WhiteningBasis,
    /// The 68-point landmark cascade, dlib's `.dat`.
    Landmarks,
    /// The perceptual network, ONNX: `image [1, 3, 256, 256]` → features of each block.
    Perceptual,
    /// The face parser, ONNX: `image [1, 3, 512, 512]` → `logits [1, 19, 512, 512]`.
    Parser,
    /// The double-chin classifier, ONNX: `image [1, 3, 256, 256]` → `logits [1, 2]`.
    Scorer,
    /// The same with the statistics of the picture in its batch normalisations.
    ScorerPerImage,
}

impl Role {
    /// Whether the file belongs to the generator: such files only serve together.
    pub fn is_of_generator(self) -> bool {
        matches!(
            self,
            Self::Mapping
                | Self::Synthesis
                | Self::LatentMean
                | Self::WhiteningMean
                | Self::WhiteningBasis
        )
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mapping => "mapping network",
            Self::Synthesis => "synthesis network",
            Self::LatentMean => "mean latent code",
            Self::WhiteningMean => "whitening mean",
            Self::WhiteningBasis => "whitening basis",
            Self::Landmarks => "landmark model",
            Self::Perceptual => "perceptual network",
            Self::Parser => "face parser",
            Self::Scorer => "chin classifier",
            Self::ScorerPerImage => "chin classifier, per image",
        })
    }
}

/// What the editor must know of a generator. No code says 18 or 1024.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorSpec {
    /// The number of style layers, L: a code in W+ has the shape `[L, n]`.
    pub layers: usize,
    /// Side of the generated picture, in pixels.
    pub resolution: usize,
    /// For each style layer the resolution that it drives, in pixels, coarse to fine.
    pub layer_resolutions: Vec<usize>,
    /// The number of components of a code, n.
    #[serde(default = "published_code_size")]
    pub code_size: usize,
    /// The side of each noise map that the synthesis network takes, in the order of its inputs; empty
    /// when its noise is fixed.
    #[serde(default)]
    pub noise_resolutions_px: Vec<usize>,
}

/// What manifests mean that do not say it.
fn published_code_size() -> usize {
    CODE_SIZE
}

/// Where a file comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Package and version, such as `random-face 2021.7.21.1 (PyPI)`.
    pub package: String,
    /// The package archive's SHA-256, empty for what was computed here.
    pub archive_sha256: String,
    /// The licence of the package.
    pub licence: String,
    /// What the licence does not say and a user must know.
    pub limits: String,
}

impl Origin {
    /// The origin of a file that was computed here from other files of the pack.
    pub fn made_here() -> Self {
        Self {
            package: concat!("computed by jawline ", env!("CARGO_PKG_VERSION")).to_owned(),
            archive_sha256: String::new(),
            licence: "as the file it was computed from".to_owned(),
            limits: String::new(),
        }
    }

    /// The origin of a network that a user imported.
    pub fn imported(file: &Path, sha256: &str) -> Self {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        Self {
            package: format!("imported from {name}"),
            archive_sha256: sha256.to_owned(),
            licence: "as its publisher says".to_owned(),
            limits: String::new(),
        }
    }
}

/// A file of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What the file is for.
    pub role: Role,
    /// Its name in the pack's folder.
    pub file: String,
    /// Its SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// What is in it, such as `StyleGAN2`; empty where the role says it all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub architecture: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// The manifest of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format.
    format: u32,
    /// The pack's name.
    pub name: String,
    /// The version of the program that put the pack together.
    pub made_by: String,
    /// The generator of the pack, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<GeneratorSpec>,
    /// The files.
    pub entries: Vec<Entry>,
}

impl Manifest {
    /// A manifest of this program's format.
    pub fn new(name: &str, generator: Option<GeneratorSpec>, entries: Vec<Entry>) -> Self {
        Self {
            format: FORMAT,
            name: name.to_owned(),
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            generator,
            entries,
        }
    }

    /// The entry with this role.
    pub fn entry(&self, role: Role) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.role == role)
    }

    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`Error::Manifest`] when it is missing, malformed, newer than this program, or names a file
    /// outside the pack's folder.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Manifest {
            path: path.to_owned(),
            reason,
        };
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let manifest: Self =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if manifest.format > FORMAT {
            return Err(wrong(format!(
                "it has format {}, and this program knows {FORMAT}: a newer Jawline wrote it",
                manifest.format
            )));
        }
        if let Some(generator) = &manifest.generator
            && generator.layer_resolutions.len() != generator.layers
        {
            return Err(wrong(
                "'layer_resolutions' has not one entry a layer".to_owned(),
            ));
        }
        if let Some(entry) = manifest
            .entries
            .iter()
            .find(|entry| !is_plain_name(&entry.file))
        {
            return Err(wrong(format!(
                "the file name '{}' leads out of the pack",
                entry.file
            )));
        }
        Ok(manifest)
    }

    /// Writes the manifest into a folder that is being put together.
    ///
    /// # Errors
    /// [`Error::Write`] when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::Manifest {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        fs::write(path, text).map_err(|source| Error::Write {
            path: path.to_owned(),
            source,
        })
    }
}

fn is_plain_name(file: &str) -> bool {
    let mut components = Path::new(file).components();
    matches!(components.next(), Some(Component::Normal(_))) && components.next().is_none()
}
