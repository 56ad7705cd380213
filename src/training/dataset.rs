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
//! The arrays have the names and shapes of the reference's. Files appear whole, and a step
//! skips those that are there: a step that was stopped goes on where it was.

mod manifest;
pub mod names;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array3, ArrayD, Axis, Ix2};

use super::Error;
use crate::checkpoint::npy;
use crate::fs::atomic;

use names::{DIFFUSE, PAIRS};

pub use manifest::{Diffusing, GeneratorIdentity, Manifest, Pairing, Sampling, Scoring};

/// The manifest's name in a dataset's folder.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The format of the manifest that this program writes and reads.
const FORMAT: u32 = 1;
/// A manifest is a page of text; a file that is larger is none.
const MANIFEST_LIMIT_BYTES: u64 = 16 << 20;

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
                    diffused_pairs: None,
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

    /// Begins to edit positives like this, or goes on with it: yields the settings with what was skipped
    /// before.
    ///
    /// # Errors
    /// [`Error::OtherSettings`] when there are pairs that were made in another way; [`Error::Write`].
    pub fn begin_pairs(&mut self, pairing: Pairing) -> Result<Pairing, Error> {
        let there = self.manifest.pairs.as_ref();
        let pairing = match there.filter(|_| self.has_files_in(PAIRS)) {
            None => pairing,
            Some(there) if there.settings() == pairing.settings() => there.clone(),
            Some(there) => {
                let what = format!(
                    "α {}, ratio {}, {} of the layers above {} px mixed back, and maybe another boundary",
                    there.alpha, there.ratio, there.mix, there.keep_above_px
                );
                return Err(self.other_settings(what, PAIRS));
            }
        };
        self.manifest.pairs = Some(pairing.clone());
        self.save()?;
        Ok(pairing)
    }

    /// Begins to find codes for the pairs like this, or goes on with it.
    ///
    /// # Errors
    /// [`Error::OtherSettings`] when there are codes that were found in another way, or for other pairs;
    /// [`Error::Write`].
    pub fn begin_diffusing(&mut self, diffusing: Diffusing) -> Result<(), Error> {
        if self.has_files_in(DIFFUSE) {
            self.check_diffused()?;
            if let Some(there) = self
                .manifest
                .diffuse
                .as_ref()
                .filter(|&there| *there != diffusing)
            {
                let what = format!(
                    "{} steps, learning rate {} and feature weight {}",
                    there.steps, there.learning_rate, there.feature_weight
                );
                return Err(self.other_settings(what, DIFFUSE));
            }
        }
        self.manifest.diffuse = Some(diffusing);
        self.manifest.diffused_pairs = self.manifest.pairs.clone();
        self.save()
    }

    /// Refuses codes that were found for other pairs than those that are there now.
    ///
    /// # Errors
    /// [`Error::OtherSettings`].
    pub fn check_diffused(&self) -> Result<(), Error> {
        let Manifest {
            pairs,
            diffused_pairs,
            ..
        } = &self.manifest;
        match (pairs, diffused_pairs) {
            (Some(now), Some(then)) if now.settings() != then.settings() => {
                let what = "other pairs than those that are there now".to_owned();
                Err(self.other_settings(what, DIFFUSE))
            }
            _ => Ok(()),
        }
    }

    fn other_settings(&self, what: String, part: &str) -> Error {
        Error::OtherSettings {
            what,
            path: self.folder.join(part),
        }
    }

    fn has_files_in(&self, part: &str) -> bool {
        fs::read_dir(self.folder.join(part)).is_ok_and(|mut entries| entries.next().is_some())
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
mod tests;
