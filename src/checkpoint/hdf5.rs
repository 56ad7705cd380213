//! HDF5 files, as Keras saves weights (`.weights.h5`): groups of data sets.
//!
//! The format is read by the crate `hdf5-reader`; this module sets limits and flattens the groups.
//! Weights of Keras are in Keras' order of axes (a convolution's are height, width, input channels,
//! output channels); they are left so.

use std::path::Path;

use hdf5_reader::{Dataset, Datatype, Hdf5File, OpenOptions, group::Group};
use ndarray::ArrayD;

use super::{Error, Tensors};

/// How deeply groups may be nested; links can make a group contain itself.
const DEPTH_LIMIT: usize = 16;

/// The most groups and data sets that are looked at.
const OBJECT_LIMIT: usize = 16_384;

/// The longest description of one object. Descriptions may overlap, so this bounds the time for all.
const OBJECT_HEADER_LIMIT_BYTES: usize = 1 << 20;

/// Reads all data sets of floats from the content of a file; `path` is only for messages. Names are the paths of
/// groups, joined by dots. Data sets of other types are passed over.
///
/// # Errors
/// An [`Error`] that names the file and what is wrong with it.
pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Tensors, Error> {
    // Weights are not compressed, so nothing in the file is larger than the file.
    let bytes_left = bytes.len();
    let options = OpenOptions::default()
        .with_max_read_bytes(bytes_left)
        .with_max_chunk_bytes(bytes_left)
        .with_max_object_header_bytes(bytes_left.min(OBJECT_HEADER_LIMIT_BYTES));
    let whole = |e| error_of(path, "the file", e);
    let file = Hdf5File::from_vec_with_options(bytes, options).map_err(whole)?;
    let root = file.root_group().map_err(whole)?;
    let mut walk = Walk {
        path,
        bytes_left,
        objects_left: OBJECT_LIMIT,
        tensors: Tensors::new(),
    };
    walk.group(&root, "", 0)?;
    Ok(walk.tensors)
}

/// The way through the groups, and what may still be read on it.
struct Walk<'a> {
    path: &'a Path,
    bytes_left: usize,
    objects_left: usize,
    tensors: Tensors,
}

impl Walk<'_> {
    fn group(&mut self, group: &Group, name: &str, depth: usize) -> Result<(), Error> {
        let (groups, datasets) = group
            .members()
            .map_err(|e| error_of(self.path, &format!("the group `{name}`"), e))?;
        let objects = groups.len() + datasets.len();
        match self.objects_left.checked_sub(objects) {
            Some(left) if depth < DEPTH_LIMIT => self.objects_left = left,
            _ => {
                return Err(Error::unsupported(
                    self.path,
                    "the tree of groups",
                    "is too large",
                ));
            }
        }
        let inside = |member: &str| match name {
            "" => member.to_owned(),
            _ => format!("{name}.{member}"),
        };
        for dataset in datasets {
            self.dataset(&dataset, inside(dataset.name()))?;
        }
        for member in groups {
            self.group(&member, &inside(member.name()), depth + 1)?;
        }
        Ok(())
    }

    fn dataset(&mut self, dataset: &Dataset, name: String) -> Result<(), Error> {
        let Datatype::FloatingPoint { size, .. } = *dataset.dtype() else {
            return Ok(());
        };
        let field = format!("the data set `{name}`");
        // Chunks are unpacked whole, so those of a small set could cost many times the file.
        let chunk = dataset.chunks().unwrap_or_default();
        if (chunk.iter().zip(dataset.shape())).any(|(chunk, axis)| u64::from(*chunk) > *axis) {
            return Err(Error::unsupported(
                self.path,
                field,
                "has chunks larger than itself",
            ));
        }
        let length = (dataset.shape().iter())
            .try_fold(u64::from(size), |all, axis| all.checked_mul(*axis))
            .and_then(|length| usize::try_from(length).ok());
        self.bytes_left = length
            .and_then(|length| self.bytes_left.checked_sub(length))
            .ok_or_else(|| Error::truncated(self.path, field.as_str()))?;
        let wrong = |e| error_of(self.path, &field, e);
        let array: ArrayD<f32> = match size {
            4 => dataset.read_array().map_err(wrong)?,
            8 => dataset
                .read_array::<f64>()
                .map_err(wrong)?
                .mapv(|value| value as f32),
            _ => {
                return Err(Error::unsupported(
                    self.path,
                    field,
                    format!("has floats of {size} bytes"),
                ));
            }
        };
        self.tensors.insert(name, array);
        Ok(())
    }
}

fn error_of(path: &Path, field: &str, error: hdf5_reader::error::Error) -> Error {
    Error::malformed(path, field, format!("cannot be read ({error})"))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, array};
    use proptest::prelude::*;

    use super::*;

    /// Written by h5py: a group `block1/layers/conv2d/vars` with the data sets `0` ([1, 2, 2, 3],
    /// 32-bit floats 0, 1/8, 2/8, …), `1` (three 64-bit floats) and `steps` (an integer).
    const KERAS: &[u8] = include_bytes!("../../tests/fixtures/keras.h5");

    /// Written by h5py: a group `a` that contains itself twice.
    const LOOP: &[u8] = include_bytes!("../../tests/fixtures/loop.h5");

    /// Written by h5py with `libver='latest'`: a group `g` of data sets `d0` ([0]) to `d11` ([11]);
    /// `chunks` (0 to 29 as [5, 6], 32-bit) in packed chunks of [2, 4]; `grown` (0 to 4, 64-bit) in
    /// chunks of [2].
    const LATEST: &[u8] = include_bytes!("../../tests/fixtures/latest.h5");

    /// Written by h5py: `w` of [16, 1] numbers in packed chunks of [1, 1024].
    const WIDE_CHUNKS: &[u8] = include_bytes!("../../tests/fixtures/wide_chunks.h5");

    fn parse_bytes(bytes: &[u8]) -> Result<Tensors, Error> {
        parse(Path::new("net.h5"), bytes.to_vec())
    }

    #[test]
    fn flattens_groups_and_passes_over_integers() {
        let tensors = parse_bytes(KERAS).unwrap();
        let weight = Array::from_iter((0..12).map(|i| i as f32 / 8.0));
        let weight = weight
            .into_shape_with_order((1, 2, 2, 3))
            .unwrap()
            .into_dyn();
        assert_eq!(tensors.len(), 2);
        assert_eq!(tensors.get("block1.layers.conv2d.vars.0"), Some(&weight));
        assert_eq!(
            tensors.get("block1.layers.conv2d.vars.1"),
            Some(&array![-1., 0.5, 2.].into_dyn())
        );
    }

    #[test]
    fn reads_the_newer_structures_and_chunks() {
        let tensors = parse_bytes(LATEST).unwrap();
        assert_eq!(tensors.len(), 14);
        assert_eq!(tensors.get("g.d11"), Some(&array![11.].into_dyn()));
        let chunks = Array::from_iter((0..30).map(|i| i as f32));
        let chunks = chunks.into_shape_with_order((5, 6)).unwrap().into_dyn();
        assert_eq!(tensors.get("chunks"), Some(&chunks));
        assert_eq!(
            tensors.get("grown"),
            Some(&array![0., 1., 2., 3., 4.].into_dyn())
        );
    }

    #[test]
    fn refuses_chunks_larger_than_their_data_set() {
        let message = parse_bytes(WIDE_CHUNKS).unwrap_err().to_string();
        assert!(message.contains("chunks larger than itself"), "{message}");
    }

    #[test]
    fn refuses_a_group_that_contains_itself() {
        let result = parse_bytes(LOOP);
        assert!(
            matches!(result, Err(Error::Unsupported { .. })),
            "{result:?}"
        );
    }

    #[test]
    fn refuses_truncations_and_garbage() {
        for length in (0..KERAS.len()).step_by(97) {
            let message = parse_bytes(&KERAS[..length]).unwrap_err().to_string();
            assert!(message.contains("net.h5"), "{message}");
        }
        assert!(parse_bytes(&[0x55; 4096]).is_err());
    }

    proptest! {
        #[test]
        fn never_panics_on_a_damaged_file(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
        ) {
            let mut bytes = KERAS.to_vec();
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            _ = parse_bytes(&bytes);
        }
    }
}
