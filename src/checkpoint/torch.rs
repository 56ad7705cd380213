//! PyTorch checkpoints (`.pth`): both the zip files of today and the serialisation before 1.6.
//!
//! A checkpoint is a Python pickle, a small program that may name any Python function. The crate
//! `pytorch-reader` interprets pickles as data: it knows how a tensor is described and calls nothing.
//! This module adds the limits of this room, and refuses a file whose objects are anything else
//! than tensors, numbers, strings and collections of them.

use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use pytorch_reader::{DType, PickleError, PickleValue, PytorchError, PytorchReader};

use super::{Error, Numbers, Tensors, file_length};

/// The largest accepted file; the largest network of interest takes 130 MiB.
const LIMIT_BYTES: u64 = 4 << 30;

/// How many times the length of the file all tensors together may take: tensors that share their
/// storage are written once, but read each for itself.
const SHARING_LIMIT: u64 = 4;

/// Reads all tensors of a checkpoint.
///
/// Names are the paths of keys, joined by dots (`G_synthesis.state_dict.const`). Every type of number
/// is converted to the nearest 32-bit float.
///
/// # Errors
/// [`Error::RefusedGlobal`] if the file describes a Python object of another kind than listed above,
/// and otherwise an [`Error`] that names the file and what is wrong with it.
pub fn read(path: &Path) -> Result<Tensors, Error> {
    let file_bytes = file_length(path, LIMIT_BYTES)?;
    let wrong = |e| error_of(path, e);
    refuse_objects(
        path,
        &PytorchReader::read_pickle_data(path, None).map_err(wrong)?,
    )?;
    let tensors = PytorchReader::new(path).map_err(wrong)?.into_tensors();
    let total_bytes: u64 = tensors
        .values()
        .map(|tensor| tensor.byte_len() as u64)
        .sum();
    if tensors
        .values()
        .any(|tensor| tensor.byte_len() as u64 > file_bytes)
        || total_bytes > SHARING_LIMIT * file_bytes
    {
        return Err(Error::truncated(
            path,
            "its tensors, which would be larger than the file",
        ));
    }
    tensors
        .into_iter()
        .map(|(name, tensor)| Ok((name.clone(), array(path, &name, &tensor)?)))
        .collect()
}

fn array(path: &Path, name: &str, tensor: &pytorch_reader::Tensor) -> Result<ArrayD<f32>, Error> {
    let field = || format!("the tensor `{name}`");
    let bytes = tensor.read().map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::truncated(path, field()),
        std::io::ErrorKind::InvalidData => {
            Error::malformed(path, field(), format!("is damaged ({e})"))
        }
        _ => Error::Io {
            path: path.to_owned(),
            source: e,
        },
    })?;
    let numbers = match tensor.dtype() {
        DType::F64 => Numbers::F64,
        DType::F32 => Numbers::F32,
        DType::F16 => Numbers::F16,
        DType::BF16 => Numbers::Bf16,
        DType::I64 => Numbers::I64,
        DType::I32 => Numbers::I32,
        DType::I16 => Numbers::I16,
        DType::I8 => Numbers::I8,
        DType::U64 => Numbers::U64,
        DType::U32 => Numbers::U32,
        DType::U16 => Numbers::U16,
        DType::U8 | DType::Bool => Numbers::U8,
    };
    ArrayD::from_shape_vec(IxDyn(tensor.shape()), numbers.to_f32(&bytes))
        .map_err(|e| Error::malformed(path, field(), format!("does not fit its shape ({e})")))
}

/// Refuses whatever is not plain data, by its Python name. (The reader limits the nesting.)
fn refuse_objects(path: &Path, value: &PickleValue) -> Result<(), Error> {
    match value {
        PickleValue::Unsupported(name) if name != "torch.Tensor" => Err(Error::RefusedGlobal {
            path: path.to_owned(),
            global: name.clone(),
        }),
        PickleValue::List(values) => values.iter().try_for_each(|v| refuse_objects(path, v)),
        PickleValue::Dict(entries) => entries.values().try_for_each(|v| refuse_objects(path, v)),
        _ => Ok(()),
    }
}

fn error_of(path: &Path, error: PytorchError) -> Error {
    let is_end = |e: &std::io::Error| e.kind() == std::io::ErrorKind::UnexpectedEof;
    match error {
        PytorchError::Pickle(PickleError::UnsupportedType(global)) => Error::RefusedGlobal {
            path: path.to_owned(),
            global,
        },
        PytorchError::Pickle(PickleError::Io(e)) | PytorchError::Io(e) if is_end(&e) => {
            Error::truncated(path, "the pickle")
        }
        PytorchError::Io(source) => Error::Io {
            path: path.to_owned(),
            source,
        },
        error => Error::malformed(path, "the checkpoint", format!("cannot be read ({error})")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use ndarray::array;
    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;

    /// Pickles a tensor of 32-bit floats, stored under `key`, as protocol 2 spells it.
    fn tensor(key: &str, numel: u8, shape: &[u8], strides: &[u8]) -> Vec<u8> {
        let tuple = |numbers: &[u8]| {
            let numbers = numbers.iter().flat_map(|n| [b'K', *n]).collect();
            [b"(".to_vec(), numbers, b"t".to_vec()].concat()
        };
        [
            b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
            string("storage"),
            b"ctorch\nFloatStorage\n".to_vec(),
            string(key),
            string("cpu"),
            vec![b'K', numel, b'N', b't', b'Q', b'K', 0],
            tuple(shape),
            tuple(strides),
            vec![0x89],
            b"ccollections\nOrderedDict\n)RtR".to_vec(),
        ]
        .concat()
    }

    fn string(text: &str) -> Vec<u8> {
        [
            b"X",
            (text.len() as u32).to_le_bytes().as_slice(),
            text.as_bytes(),
        ]
        .concat()
    }

    fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let items = entries
            .iter()
            .flat_map(|(key, value)| [string(key), value.clone()].concat());
        [b"}(".to_vec(), items.collect(), b"u".to_vec()].concat()
    }

    fn pickle(body: &[u8]) -> Vec<u8> {
        [&[0x80, 2], body, b"."].concat()
    }

    /// A legacy file: magic number, protocol, system, the object, the storages' keys and bytes.
    fn legacy(object: &[u8], storages: &[(&str, &[f32])]) -> Vec<u8> {
        let magic = [
            0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19,
        ];
        let system = dict(&[("little_endian", vec![0x88])]);
        let keys = storages.iter().flat_map(|(key, _)| string(key)).collect();
        let mut bytes = [
            pickle(&magic),
            pickle(&[b'M', 0xe9, 0x03]),
            pickle(&system),
            pickle(object),
            pickle(&[b"](".to_vec(), keys, b"e".to_vec()].concat()),
        ]
        .concat();
        for (_, values) in storages {
            bytes.extend((values.len() as i64).to_le_bytes());
            bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        }
        bytes
    }

    fn sample() -> Vec<u8> {
        let inner = dict(&[("const", tensor("7", 6, &[2, 3], &[1, 2]))]);
        let object = dict(&[
            ("name", string("Generator")),
            ("G", dict(&[("state_dict", inner)])),
            ("bias", tensor("8", 1, &[1], &[1])),
        ]);
        legacy(&object, &[("7", &[1., 2., 3., 4., 5., 6.]), ("8", &[-0.5])])
    }

    fn saved(bytes: &[u8]) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.pth");
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    fn read_bytes(bytes: &[u8]) -> Result<Tensors, Error> {
        let (_folder, path) = saved(bytes);
        read(&path)
    }

    #[test]
    fn flattens_the_dictionaries_of_a_legacy_file() {
        let tensors = read_bytes(&sample()).unwrap();
        assert_eq!(tensors.len(), 2);
        let expected = array![[1., 3., 5.], [2., 4., 6.]].into_dyn();
        assert_eq!(
            tensors.get("G.state_dict.const"),
            Some(&expected),
            "strides are heeded"
        );
        assert_eq!(tensors.get("bias"), Some(&array![-0.5].into_dyn()));
    }

    #[test]
    fn reads_zip_files() {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        let object = dict(&[("bias", tensor("0", 2, &[2], &[1]))]);
        for (name, bytes) in [
            ("net/data.pkl", pickle(&object)),
            (
                "net/data/0",
                [1f32, 2.].iter().flat_map(|v| v.to_le_bytes()).collect(),
            ),
            ("net/version", b"3\n".to_vec()),
        ] {
            archive.start_file(name, stored).unwrap();
            archive.write_all(&bytes).unwrap();
        }
        let tensors = read_bytes(&archive.finish().unwrap().into_inner()).unwrap();
        assert_eq!(tensors.get("bias"), Some(&array![1., 2.].into_dyn()));
    }

    #[test]
    fn refuses_foreign_objects_by_name() {
        let call = [
            b"cposix\nsystem\n(".to_vec(),
            string("true"),
            b"tR".to_vec(),
        ]
        .concat();
        let reference = b"csubprocess\nPopen\n".to_vec();
        for (object, name) in [(call, "posix.system"), (reference, "subprocess.Popen")] {
            let file = legacy(&dict(&[("evil", object)]), &[]);
            match read_bytes(&file) {
                Err(Error::RefusedGlobal { global, .. }) => assert_eq!(global, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn refuses_every_truncation() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(read_bytes(&bytes[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn does_not_reserve_memory_for_a_lie() {
        let storage_too_short = dict(&[("w", tensor("7", 255, &[255], &[1]))]);
        assert!(read_bytes(&legacy(&storage_too_short, &[("7", &[1.])])).is_err());
        let repeated = dict(&[("w", tensor("7", 1, &[255, 255, 255], &[0, 0, 0]))]);
        let result = read_bytes(&legacy(&repeated, &[("7", &[1.])]));
        assert!(matches!(result, Err(Error::Truncated { .. })), "{result:?}");
    }

    #[test]
    fn names_the_file_that_is_not_there() {
        let message = read(Path::new("absent.pth")).unwrap_err().to_string();
        assert!(message.contains("absent.pth"), "{message}");
    }

    proptest! {
        #[test]
        fn never_panics_on_a_damaged_file(at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = sample();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            _ = read_bytes(&bytes);
        }
    }
}
