//! Every layout that boundaries are published in.

use std::path::Path;

use ndarray::{ArrayD, Axis, concatenate};

use super::Error;
use crate::checkpoint::npy;

/// How a boundary lies on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A file `[1, d]`: one normal, in W or Z. The file does not say which of the two.
    Coarse,
    /// A file `[1, L, d]`: a normal a layer.
    Fine,
    /// A folder with a file `boundary_0.npy`, `boundary_1.npy` … `[1, d]` a layer.
    PerLayer,
}

/// A boundary as it is stored, of any width, its rows of any length.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundaryFile {
    /// `[1, d]` or `[1, L, d]`.
    pub array: ArrayD<f32>,
    /// How it was stored.
    pub layout: Layout,
    /// The planes' intercepts, one a row of the array, when there is an `intercept.npy` beside it.
    pub intercepts: Option<Vec<f32>>,
}

/// The most layers of a boundary; generators of any resolution have fewer.
pub(super) const MOST_LAYERS: usize = 64;

impl BoundaryFile {
    /// The folder, where a file holds one layer of a boundary that lies in a folder; else the path as it is.
    pub fn holding(path: &Path) -> &Path {
        let is_layer = path
            .file_stem()
            .and_then(|stem| {
                stem.to_str()?
                    .strip_prefix("boundary_")?
                    .parse::<usize>()
                    .ok()
            })
            .is_some();
        match path.parent() {
            Some(folder) if is_layer && folder.join("boundary_1.npy").is_file() => folder,
            _ => path,
        }
    }

    /// Reads a `.npy` file `[d]`, `[1, d]`, `[L, d]` or `[1, L, d]`, or a folder that holds one called
    /// `boundary.npy` or one for each layer.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Shape`], or [`Error::NotFinite`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let whole = path.join("boundary.npy");
        let (array, layout) = if path.join("boundary_0.npy").is_file() {
            (read_layers(path)?, Layout::PerLayer)
        } else {
            read_one(if whole.is_file() { &whole } else { path })?
        };
        if array.iter().any(|value| !value.is_finite()) {
            return Err(Error::NotFinite {
                what: path.display().to_string(),
            });
        }
        let folder = if path.is_dir() {
            Some(path)
        } else {
            path.parent()
        };
        let rows = array.len() / array.shape().last().copied().unwrap_or(1).max(1);
        // An intercept file with another number of values belongs to another boundary.
        let intercepts = folder
            .map(|folder| folder.join("intercept.npy"))
            .filter(|file| file.is_file())
            .and_then(|file| npy::read_f32(&file).ok())
            .filter(|intercepts| intercepts.len() == rows)
            .map(|intercepts| intercepts.iter().copied().collect());
        Ok(Self {
            array,
            layout,
            intercepts,
        })
    }
}

fn read_array(path: &Path) -> Result<ArrayD<f32>, Error> {
    npy::read_f32(path).map_err(|error| Error::Read {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// A file of one boundary, with the leading axis that some leave out.
fn read_one(path: &Path) -> Result<(ArrayD<f32>, Layout), Error> {
    let array = read_array(path)?;
    let is_fine = |layers, width| width > 0 && (1..=MOST_LAYERS).contains(&layers);
    match *array.shape() {
        [1, width] if width > 0 => Ok((array, Layout::Coarse)),
        [width] if width > 0 => Ok((array.insert_axis(Axis(0)), Layout::Coarse)),
        [1, layers, width] if is_fine(layers, width) => Ok((array, Layout::Fine)),
        [layers, width] if is_fine(layers, width) => Ok((array.insert_axis(Axis(0)), Layout::Fine)),
        _ => Err(wrong_shape(path, &array)),
    }
}

/// The files of all layers as `[1, L, d]`.
fn read_layers(folder: &Path) -> Result<ArrayD<f32>, Error> {
    let mut layers: Vec<ArrayD<f32>> = Vec::new();
    for layer in 0..MOST_LAYERS {
        let path = folder.join(format!("boundary_{layer}.npy"));
        if !path.is_file() {
            break;
        }
        let (array, layout) = read_one(&path)?;
        let fits = layers
            .first()
            .is_none_or(|first| first.shape() == array.shape());
        if layout != Layout::Coarse || !fits {
            return Err(wrong_shape(&path, &array));
        }
        layers.push(array);
    }
    let views: Vec<_> = layers.iter().map(|array| array.view()).collect();
    let stacked = concatenate(Axis(0), &views).map_err(|error| Error::Read {
        path: folder.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(stacked.insert_axis(Axis(0)))
}

fn wrong_shape(path: &Path, array: &ArrayD<f32>) -> Error {
    Error::Shape {
        what: path.display().to_string(),
        shape: array.shape().to_vec(),
        expected: "[1, d] (W or Z) or [1, L, d] (W+), and of one width in a folder".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, array};

    use super::*;

    #[test]
    fn a_folder_of_layers_is_a_fine_boundary() {
        let folder = tempfile::tempdir().unwrap();
        for layer in 0..3 {
            let row = Array2::from_elem((1, 4), layer as f32);
            npy::write(&folder.path().join(format!("boundary_{layer}.npy")), &row).unwrap();
        }
        npy::write(
            &folder.path().join("intercept.npy"),
            &array![[0.5_f64], [1.0], [1.5]],
        )
        .unwrap();
        let layer = folder.path().join("boundary_2.npy");
        assert_eq!(BoundaryFile::holding(&layer), folder.path());
        let beside = folder.path().join("intercept.npy");
        assert_eq!(BoundaryFile::holding(&beside), beside);
        let read = BoundaryFile::read(folder.path()).unwrap();
        assert_eq!(read.layout, Layout::PerLayer);
        let expected = Array3::from_shape_fn((1, 3, 4), |(_, layer, _)| layer as f32);
        assert_eq!(read.array, expected.into_dyn());
        assert_eq!(read.intercepts, Some(vec![0.5, 1.0, 1.5]));
    }

    #[test]
    fn files_and_folders_with_one_file_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("boundary.npy");
        for (array, shape, layout) in [
            (array![1.0_f32, 2.0].into_dyn(), &[1, 2][..], Layout::Coarse),
            (array![[1.0, 2.0]].into_dyn(), &[1, 2], Layout::Coarse),
            (
                array![[1.0, 2.0], [3.0, 4.0]].into_dyn(),
                &[1, 2, 2],
                Layout::Fine,
            ),
        ] {
            npy::write(&path, &array).unwrap();
            for place in [&path, folder.path()] {
                let read = BoundaryFile::read(place).unwrap();
                assert_eq!(read.array.shape(), shape);
                assert_eq!((read.layout, read.intercepts), (layout, None));
            }
        }
    }

    #[test]
    fn what_is_no_boundary_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.npy");
        let refused = || BoundaryFile::read(&path).unwrap_err().to_string();
        assert!(refused().contains("mine.npy"));
        npy::write(&path, &Array3::<f32>::zeros((2, 3, 4))).unwrap();
        assert!(refused().contains("[2, 3, 4]"));
        npy::write(&path, &array![[f32::NAN]]).unwrap();
        assert!(refused().contains("not finite"));
        for (layer, width) in [(0, 2), (1, 3)] {
            let name = format!("boundary_{layer}.npy");
            npy::write(&folder.path().join(name), &Array2::<f32>::ones((1, width))).unwrap();
        }
        let mixed = BoundaryFile::read(folder.path()).unwrap_err().to_string();
        assert!(mixed.contains("boundary_1.npy"), "{mixed}");
    }
}
