//! The folder in which a boundary is trained from nothing but a generator, step by step.
//!
//! ```text
//! manifest.json                             generator and network checksums, settings of every step
//! w.npy [n, d]  wp.npy [n, L, d]            codes in W before truncation, in W+ after it
//! codes/NNNNNN_wp.npy [1, L, d]             the same code by code
//! images/NNNNNN.png                         what the generator draws for it
//! double_chin_scores.npy [n, 1]
//! coarse/boundary.npy [1, d]  svm.json
//! pairs/NNNNNN.png  NNNNNN_mask.png         a positive with its edited neck pasted in; the soft mask
//! diffuse/NNNNNN_inverted_WP_codes.npy      the code that was found for it, [1, L, d]
//! diffuse/NNNNNN.png                        what the generator draws for that
//! fine/boundary.npy [1, L, d]  boundary_K.npy  intercept.npy  svm.json
//! ```
//!
//! The arrays have the names and shapes of the published system's. Files appear whole, and a step
//! skips those that are there: a step that was stopped goes on where it was.

pub mod names;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array3, ArrayD, Axis, Ix2};
use serde::{Deserialize, Serialize};

use super::{Choice, Error};
use crate::checkpoint::npy;
use crate::photo::atomic;

/// The manifest's name in a dataset's folder.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The format of the manifest that this program writes and reads.
const FORMAT: u32 = 1;
/// A manifest is a page of text; a file that is larger is none.
const MANIFEST_LIMIT_BYTES: u64 = 16 << 20;

/// What a dataset is made with, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// The version of the program that began it.
    pub made_by: String,
    /// What draws the portraits.
    pub generator: GeneratorIdentity,
    /// How they are drawn.
    pub sample: Sampling,
    /// How they are scored, once they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Scoring>,
    /// How the coarse boundary was trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coarse: Option<Choice>,
    /// How positives were edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<Pairing>,
    /// How the edited ones were brought back into latent space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diffuse: Option<Diffusing>,
    /// How the fine boundary was trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine: Option<Choice>,
}

/// Which generator a dataset comes from, to the bit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorIdentity {
    /// The pack, or the checkpoint's file.
    pub name: String,
    /// For each style layer the resolution that it drives, in pixels.
    pub layer_resolutions: Vec<usize>,
    /// Side of its pictures, in pixels.
    pub resolution: usize,
    /// Components of a code.
    pub code_size: usize,
    /// The SHA-256 of each network that takes part, by its role.
    pub checksums: BTreeMap<String, String>,
}

/// How portraits are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Seed of the Gaussian latents.
    pub seed: u64,
    /// Truncation ψ.
    pub psi: f32,
    /// How many there are.
    pub count: usize,
}

/// How portraits are scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scoring {
    /// What scores, in words.
    pub scorer: String,
    /// The SHA-256 of its weights.
    pub checksum: String,
    /// How many portraits could be scored; others have the mean score.
    pub scored: usize,
}

/// How the necks of positives were edited (fine training, step 1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pairing {
    /// The part of the samples, from the highest score down, that are positives.
    pub ratio: f64,
    /// Distance along the coarse boundary.
    pub alpha: f32,
    /// Layers that drive more than this are mixed back.
    pub keep_above_px: usize,
    /// How much of the original those layers get back.
    pub mix: f32,
    /// The SHA-256 of the coarse boundary.
    pub boundary: String,
    /// Positives without a face that could be found, by number.
    pub skipped: Vec<usize>,
}

impl Pairing {
    /// Was it made in the same way? What was skipped does not matter.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let skipped = Vec::new();
        let plain = |pairing: &Self| Self {
            skipped: skipped.clone(),
            ..pairing.clone()
        };
        plain(self) == plain(other)
    }
}

/// How codes were found for the edited pictures (fine training, step 2).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Diffusing {
    /// Steps of the optimiser.
    pub steps: usize,
    /// Its learning rate.
    pub learning_rate: f32,
    /// The weight of the features' difference.
    pub feature_weight: f32,
}

/// A dataset's folder.
#[derive(Debug, Clone)]
pub struct Dataset {
    folder: PathBuf,
    /// What it is made with; [`save`](Self::save) keeps a change.
    pub manifest: Manifest,
}

impl Dataset {
    /// Opens the dataset in a folder, or begins it there. One that is there may be enlarged, but not
    /// drawn by another generator or in another way.
    ///
    /// # Errors
    /// [`Error::OtherSettings`], [`Error::Manifest`], [`Error::Write`].
    pub fn begin(
        folder: &Path,
        generator: GeneratorIdentity,
        sampling: Sampling,
    ) -> Result<Self, Error> {
        if !folder.join(MANIFEST_FILE).is_file() {
            let dataset = Self {
                folder: folder.to_owned(),
                manifest: Manifest {
                    format: FORMAT,
                    made_by: env!("CARGO_PKG_VERSION").to_owned(),
                    generator,
                    sample: sampling,
                    score: None,
                    coarse: None,
                    pairs: None,
                    diffuse: None,
                    fine: None,
                },
            };
            dataset.save()?;
            return Ok(dataset);
        }
        let mut dataset = Self::open(folder)?;
        dataset.check_generator(&generator)?;
        let there = dataset.manifest.sample;
        if (there.seed, there.psi) != (sampling.seed, sampling.psi) {
            return Err(Error::OtherSettings {
                what: format!("seed {} and ψ {}", there.seed, there.psi),
                path: folder.to_owned(),
            });
        }
        if sampling.count > there.count {
            dataset.manifest.sample = sampling;
            dataset.save()?;
        }
        Ok(dataset)
    }

    /// Opens the dataset in a folder.
    ///
    /// # Errors
    /// [`Error::Manifest`] when there is none, or it cannot be understood.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(MANIFEST_FILE);
        let wrong = |reason: String| Error::Manifest {
            path: path.clone(),
            reason,
        };
        let length = fs::metadata(&path).map_err(|error| wrong(error.to_string()))?;
        if length.len() > MANIFEST_LIMIT_BYTES {
            return Err(wrong("it is far too large".to_owned()));
        }
        let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if manifest.format > FORMAT {
            return Err(wrong(format!(
                "it has format {}, and this program knows {FORMAT}: a newer Jawline wrote it",
                manifest.format
            )));
        }
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
        })
    }

    /// Refuses to go on with another generator than the one that drew the samples.
    ///
    /// # Errors
    /// [`Error::OtherSettings`].
    pub fn check_generator(&self, generator: &GeneratorIdentity) -> Result<(), Error> {
        if &self.manifest.generator == generator {
            return Ok(());
        }
        Err(Error::OtherSettings {
            what: format!(
                "the generator '{}' and its networks",
                self.manifest.generator.name
            ),
            path: self.folder.clone(),
        })
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self) -> Result<(), Error> {
        let path = self.path(MANIFEST_FILE)?;
        let mut text =
            serde_json::to_vec_pretty(&self.manifest).map_err(|error| Error::Manifest {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        text.push(b'\n');
        Ok(atomic::write(&path, |file| file.write_all(&text))?)
    }

    /// The path of a file of the dataset; its folder is made if need be.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn path(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| Error::Folder {
                path: parent.to_owned(),
                source,
            })?;
        }
        Ok(path)
    }

    /// Removes a file that is needed no longer. One that stays behind does no harm.
    pub fn discard(&self, name: &str) {
        let path = self.folder.join(name);
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::debug!(path = %path.display(), %error, "not removed");
        }
    }

    /// Is there such a file already?
    pub fn has(&self, name: &str) -> bool {
        self.folder.join(name).is_file()
    }

    /// Writes an array.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write<D: ndarray::Dimension>(
        &self,
        name: &str,
        array: &ndarray::Array<f32, D>,
    ) -> Result<(), Error> {
        Ok(npy::write(&self.path(name)?, array)?)
    }

    /// Reads an array of the dataset, all of its values finite.
    ///
    /// # Errors
    /// [`Error::Array`]; for a missing file it says which step makes it.
    pub fn read(&self, name: &str, made_by: &'static str) -> Result<ArrayD<f32>, Error> {
        let path = self.folder.join(name);
        if !path.is_file() {
            return Err(Error::StepMissing { path, made_by });
        }
        let array = npy::read_f32(&path)?;
        npy::check_finite(&path, &array)?;
        Ok(array)
    }

    /// The code in W+ of a sample, `[L, d]`.
    ///
    /// # Errors
    /// [`Error::Array`], [`Error::StepMissing`].
    pub fn code(&self, sample: usize) -> Result<Array2<f32>, Error> {
        self.one_code(&names::code(sample), "sample")
    }

    /// The code that was found for a sample's edited picture, `[L, d]`.
    ///
    /// # Errors
    /// As [`code`](Self::code).
    pub fn diffused_code(&self, sample: usize) -> Result<Array2<f32>, Error> {
        self.one_code(&names::diffused_code(sample), "diffuse")
    }

    fn one_code(&self, name: &str, made_by: &'static str) -> Result<Array2<f32>, Error> {
        let array = self.read(name, made_by)?;
        let generator = &self.manifest.generator;
        let expected = [generator.layer_resolutions.len(), generator.code_size];
        npy::check_shape(
            &self.folder.join(name),
            &array,
            &[Some(1), Some(expected[0]), Some(expected[1])],
        )?;
        let shape = array.shape().to_vec();
        array
            .index_axis_move(Axis(0), 0)
            .into_dimensionality::<Ix2>()
            .map_err(|_| Error::Shape {
                what: name.to_owned(),
                shape,
                expected: format!("{expected:?}"),
            })
    }

    /// The scores of all samples.
    ///
    /// # Errors
    /// [`Error::Array`], [`Error::StepMissing`], [`Error::Length`].
    pub fn scores(&self) -> Result<Vec<f64>, Error> {
        let scores = self.read(names::SCORES, "score")?;
        let count = self.manifest.sample.count;
        if scores.len() != count {
            return Err(Error::Length {
                what: names::SCORES.to_owned(),
                expected: count,
                found: scores.len(),
            });
        }
        Ok(scores.iter().map(|&score| f64::from(score)).collect())
    }

    /// The samples with the highest scores, highest first: a part `ratio` of all.
    ///
    /// # Errors
    /// As [`scores`](Self::scores).
    pub fn positives(&self, ratio: f64) -> Result<Vec<usize>, Error> {
        let scores = self.scores()?;
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        order.truncate((scores.len() as f64 * ratio) as usize);
        Ok(order)
    }

    /// The codes of samples, before and after diffusion, `[m, L, d]` each.
    ///
    /// # Errors
    /// As [`code`](Self::code).
    pub fn pairs(&self, samples: &[usize]) -> Result<[Array3<f32>; 2], Error> {
        let generator = &self.manifest.generator;
        let shape = (
            samples.len(),
            generator.layer_resolutions.len(),
            generator.code_size,
        );
        let (mut with, mut without) = (Array3::zeros(shape), Array3::zeros(shape));
        for (index, &sample) in samples.iter().enumerate() {
            with.index_axis_mut(Axis(0), index)
                .assign(&self.code(sample)?);
            without
                .index_axis_mut(Axis(0), index)
                .assign(&self.diffused_code(sample)?);
        }
        Ok([with, without])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generator() -> GeneratorIdentity {
        GeneratorIdentity {
            name: "tiny".to_owned(),
            layer_resolutions: vec![4, 8],
            resolution: 8,
            code_size: 3,
            checksums: BTreeMap::from([("synthesis".to_owned(), "abc".to_owned())]),
        }
    }

    const SAMPLING: Sampling = Sampling {
        seed: 7,
        psi: 0.5,
        count: 4,
    };

    #[test]
    fn a_dataset_is_found_again_and_may_only_grow() {
        let folder = tempfile::tempdir().unwrap();
        let begun = Dataset::begin(folder.path(), generator(), SAMPLING).unwrap();
        let again = Dataset::open(folder.path()).unwrap();
        assert_eq!(begun.manifest, again.manifest);
        let sampled = |sampling| Dataset::begin(folder.path(), generator(), sampling);
        let more = Sampling {
            count: 9,
            ..SAMPLING
        };
        assert_eq!(sampled(more).unwrap().manifest.sample.count, 9);
        assert_eq!(sampled(SAMPLING).unwrap().manifest.sample.count, 9);
        let other = Sampling {
            psi: 0.8,
            ..SAMPLING
        };
        assert!(matches!(sampled(other), Err(Error::OtherSettings { .. })));
        let mut strange = generator();
        strange.checksums.clear();
        let strange = Dataset::begin(folder.path(), strange, SAMPLING);
        assert!(matches!(strange, Err(Error::OtherSettings { .. })));
    }

    #[test]
    fn damaged_and_newer_manifests_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Dataset::open(folder.path()).unwrap_err().to_string();
        assert!(open().contains(MANIFEST_FILE));
        let path = folder.path().join(MANIFEST_FILE);
        fs::write(&path, "{").unwrap();
        assert!(open().contains(MANIFEST_FILE));
        fs::remove_file(&path).unwrap();
        Dataset::begin(folder.path(), generator(), SAMPLING).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
        assert!(open().contains("newer"));
    }

    #[test]
    fn a_missing_step_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = Dataset::begin(folder.path(), generator(), SAMPLING).unwrap();
        let message = dataset.scores().unwrap_err().to_string();
        assert!(message.contains("jawline train score"), "{message}");
    }

    #[test]
    fn positives_are_the_highest_scores() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = Dataset::begin(folder.path(), generator(), SAMPLING).unwrap();
        let scores = ndarray::array![[0.1_f32], [0.9], [0.5], [0.7]];
        dataset.write(names::SCORES, &scores).unwrap();
        assert_eq!(dataset.positives(0.5).unwrap(), [1, 3]);
        dataset
            .write(names::SCORES, &ndarray::array![0.1_f32])
            .unwrap();
        assert!(matches!(dataset.positives(0.5), Err(Error::Length { .. })));
    }

    #[test]
    fn pairs_are_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = Dataset::begin(folder.path(), generator(), SAMPLING).unwrap();
        for sample in [2, 0] {
            let code = Array3::from_elem((1, 2, 3), sample as f32);
            dataset.write(&names::code(sample), &code).unwrap();
            dataset
                .write(&names::diffused_code(sample), &(code + 10.0))
                .unwrap();
        }
        let [with, without] = dataset.pairs(&[2, 0]).unwrap();
        assert_eq!((with[(0, 1, 1)], with[(1, 0, 0)]), (2.0, 0.0));
        assert_eq!(without[(0, 0, 2)], 12.0);
        let wrong = Array3::<f32>::zeros((1, 5, 3));
        dataset.write(&names::code(2), &wrong).unwrap();
        assert!(dataset.pairs(&[2]).is_err());
    }
}
