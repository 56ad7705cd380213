//! NumPy's `.npy` files: one array each.
//!
//! The header is parsed and written by the crate `ndarray-npy`; this module adds what a file from a
//! stranger asks for, namely limits that hold before anything is parsed or allocated.
//! Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::path::Path;

use ndarray::{ArrayBase, ArrayD, Data, Dimension, IxDyn, ShapeBuilder};
use ndarray_npy::npy::header::{Header, Layout};
use ndarray_npy::{WritableElement, WriteNpyExt};

use super::{Error, Numbers, read_file};
use crate::fs::atomic;

/// The largest accepted file.
const LIMIT_BYTES: u64 = 4 << 30;

/// Magic number and version.
const PREFIX_LENGTH: usize = 8;

/// The longest header: one that describes an array of numbers needs a fraction of it.
const HEADER_LIMIT_BYTES: usize = 1024;

/// The most opening brackets in a header. One of an array of numbers has two; and the parser behind
/// `ndarray-npy` takes time exponential in the depth of nesting.
const BRACKET_LIMIT: usize = 4;

/// Reads an array of floats (`<f2`, `<f4`, `<f8`) or whole numbers (`<i4`, `<i8`, `|u1`), rounded to
/// 32-bit floats, in either order of axes.
///
/// # Errors
/// An [`Error`] that names the file and what is wrong with it.
pub fn read_f32(path: &Path) -> Result<ArrayD<f32>, Error> {
    parse_f32(path, &read_file(path, LIMIT_BYTES)?)
}

/// Like [`read_f32`], from the content of a file; `path` is only for messages.
///
/// # Errors
/// As [`read_f32`].
pub fn parse_f32(path: &Path, bytes: &[u8]) -> Result<ArrayD<f32>, Error> {
    let (header, data) = split_header(path, bytes)?;
    let numbers = match header.type_descriptor.as_string().map(String::as_str) {
        Some("<f2") => Numbers::F16,
        Some("<f4") => Numbers::F32,
        Some("<f8") => Numbers::F64,
        Some("<i4") => Numbers::I32,
        Some("<i8") => Numbers::I64,
        Some("|u1") => Numbers::U8,
        _ => {
            let problem = format!(
                "is {}; save the array as 32-bit floats (in NumPy: array.astype('<f4'))",
                header.type_descriptor
            );
            return Err(Error::unsupported(path, "the type of the numbers", problem));
        }
    };
    let length = (header.shape.iter()).try_fold(numbers.size(), |all, &axis| all.checked_mul(axis));
    match length {
        Some(length) if length == data.len() => {}
        Some(length) if length < data.len() => {
            let problem = format!("is followed by {} more bytes", data.len() - length);
            return Err(Error::malformed(path, "the end of the array", problem));
        }
        _ => {
            return Err(Error::truncated(
                path,
                format!("the array of shape {:?}", header.shape),
            ));
        }
    }
    let shape = IxDyn(&header.shape).set_f(header.layout == Layout::Fortran);
    let array = ArrayD::from_shape_vec(shape, numbers.to_f32(data))
        .map_err(|e| Error::malformed(path, "the shape", format!("cannot be used ({e})")))?;
    Ok(array.as_standard_layout().into_owned())
}

/// Refuses an array that holds a NaN or an infinity.
///
/// # Errors
/// [`Error::Malformed`].
pub fn check_finite(path: &Path, array: &ArrayD<f32>) -> Result<(), Error> {
    match array.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((index, value)) => {
            let problem = format!("is {value} at {:?}", index.slice());
            Err(Error::malformed(path, "the array", problem))
        }
    }
}

/// Refuses an array of another shape; `None` stands for any length of that axis.
///
/// # Errors
/// [`Error::WrongShape`], under the file's name.
pub fn check_shape(path: &Path, array: &ArrayD<f32>, shape: &[Option<usize>]) -> Result<(), Error> {
    let fits = |(found, expected): (&usize, &Option<usize>)| expected.is_none_or(|e| e == *found);
    if array.ndim() == shape.len() && array.shape().iter().zip(shape).all(fits) {
        return Ok(());
    }
    let axes: Vec<_> = shape
        .iter()
        .map(|axis| axis.map_or("?".into(), |n| n.to_string()))
        .collect();
    Err(Error::WrongShape {
        name: path.display().to_string(),
        found: array.shape().to_vec(),
        expected: format!("[{}]", axes.join(", ")),
    })
}

/// Writes an array. A file of that name is replaced at once, or not at all.
///
/// # Errors
/// [`fs::Error`](crate::fs::Error) of the atomic write.
pub fn write<A, S, D>(path: &Path, array: &ArrayBase<S, D>) -> Result<(), crate::fs::Error>
where
    A: WritableElement,
    S: Data<Elem = A>,
    D: Dimension,
{
    atomic::write(path, |file| array.write_npy(file))
}

/// The content of the file that [`write()`] writes.
pub fn to_bytes<A, S, D>(array: &ArrayBase<S, D>) -> Vec<u8>
where
    A: WritableElement,
    S: Data<Elem = A>,
    D: Dimension,
{
    let mut bytes = Vec::new();
    // Writing to memory cannot fail; an array of numbers always has a header.
    if array.write_npy(&mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

/// Parses the header, once its declared length and its nesting have been found harmless.
fn split_header<'a>(path: &Path, bytes: &'a [u8]) -> Result<(Header, &'a [u8]), Error> {
    let field = "the header";
    let (prefix, rest) = bytes
        .split_at_checked(PREFIX_LENGTH)
        .ok_or_else(|| Error::truncated(path, field))?;
    // Version 1 has a length of 2 bytes, later versions one of 4.
    let length_size = if prefix.get(6) == Some(&1) { 2 } else { 4 };
    let (length, rest) = rest
        .split_at_checked(length_size)
        .ok_or_else(|| Error::truncated(path, field))?;
    let length = length
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | usize::from(byte));
    if prefix.starts_with(b"\x93NUMPY") && length > HEADER_LIMIT_BYTES {
        return Err(Error::unsupported(
            path,
            field,
            format!("is {length} bytes long"),
        ));
    }
    let brackets = rest
        .iter()
        .take(length)
        .filter(|byte| b"([{".contains(byte))
        .count();
    if brackets > BRACKET_LIMIT {
        return Err(Error::unsupported(
            path,
            field,
            "describes more than one array of numbers",
        ));
    }
    let mut unread = bytes;
    let header = Header::from_reader(&mut unread).map_err(|e| match e {
        ndarray_npy::npy::header::ReadHeaderError::Io(_) => Error::truncated(path, field),
        e => Error::malformed(path, field, format!("is not that of an .npy file ({e})")),
    })?;
    Ok((header, unread))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;

    fn file(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
        let fortran = if fortran { "True" } else { "False" };
        raw(
            &format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n"),
            data,
        )
    }

    fn raw(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<ArrayD<f32>, Error> {
        parse_f32(Path::new("w.npy"), bytes)
    }

    fn f32s(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    #[test]
    fn reads_both_orders() {
        let data = f32s(&[1., 2., 3., 4., 5., 6.]);
        let rows = parse(&file("<f4", false, "(2, 3)", &data)).unwrap();
        assert_eq!(rows, array![[1., 2., 3.], [4., 5., 6.]].into_dyn());
        let columns = parse(&file("<f4", true, "(2, 3)", &data)).unwrap();
        assert_eq!(columns, array![[1., 3., 5.], [2., 4., 6.]].into_dyn());
        assert!(columns.is_standard_layout());
    }

    #[test]
    fn rounds_other_floats_and_refuses_other_types() {
        let double = file("<f8", false, "(1,)", &0.1f64.to_le_bytes());
        assert_eq!(parse(&double).unwrap(), array![0.1f32].into_dyn());
        let whole = file("<i4", false, "(1,)", &(-7i32).to_le_bytes());
        assert_eq!(parse(&whole).unwrap(), array![-7f32].into_dyn());
        let half = file("<f2", false, "()", &[0x00, 0xc0]);
        assert_eq!(parse(&half).unwrap(), ndarray::arr0(-2f32).into_dyn());
        for descr in ["<c8", ">f2", ">f4", ">f8", "|O", "<U3"] {
            let message = parse(&file(descr, false, "(1,)", &[0; 4]))
                .unwrap_err()
                .to_string();
            assert!(
                message.contains("w.npy") && message.contains("astype"),
                "{message}"
            );
        }
    }

    #[test]
    fn refuses_a_shape_that_the_file_has_no_room_for() {
        let huge = "(18446744073709551615, 4)";
        for shape in ["(3,)", "(1099511627776,)", huge] {
            let result = parse(&file("<f4", false, shape, &[0; 8]));
            assert!(matches!(result, Err(Error::Truncated { .. })), "{shape}");
        }
        assert!(parse(&file("<f4", false, "(0, 18446744073709551615)", &[])).is_err());
        assert!(matches!(
            parse(&file("<f4", false, "(1,)", &[0; 8])),
            Err(Error::Malformed { .. })
        ));
    }

    #[test]
    fn refuses_headers_that_would_be_slow_to_parse() {
        let deep = format!("{}{}\n", "[".repeat(40), "]".repeat(40));
        assert!(matches!(
            parse(&raw(&deep, &[])),
            Err(Error::Unsupported { .. })
        ));
        let long = " ".repeat(60_000);
        assert!(matches!(
            parse(&raw(&long, &[])),
            Err(Error::Unsupported { .. })
        ));
    }

    #[test]
    fn refuses_every_truncation() {
        let bytes = file("<f4", false, "(2,)", &f32s(&[1., 2.]));
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn refuses_truncations_of_every_type_in_both_orders() {
        for (descr, size) in [
            ("<f2", 2),
            ("<f4", 4),
            ("<f8", 8),
            ("<i4", 4),
            ("<i8", 8),
            ("|u1", 1),
        ] {
            for fortran in [false, true] {
                let bytes = file(descr, fortran, "(2, 3)", &vec![0; 6 * size]);
                assert_eq!(parse(&bytes).unwrap().shape(), [2, 3], "{descr}");
                for length in 0..bytes.len() {
                    assert!(parse(&bytes[..length]).is_err(), "{descr}: {length} bytes");
                }
            }
        }
    }

    #[test]
    fn checks_say_what_was_found() {
        let path = Path::new("w.npy");
        let array = array![[0., f32::NAN]].into_dyn();
        let message = check_finite(path, &array).unwrap_err().to_string();
        assert!(message.contains("NaN at [0, 1]"), "{message}");
        assert!(check_shape(path, &array, &[None, Some(2)]).is_ok());
        let message = check_shape(path, &array, &[Some(1), None, Some(5)])
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("[1, 2]") && message.contains("[1, ?, 5]"),
            "{message}"
        );
    }

    #[test]
    fn says_where_it_could_not_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent").join("w.npy");
        let message = write(&path, &array![1f32]).unwrap_err().to_string();
        assert!(message.contains("absent"), "{message}");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(rows in 0usize..4, values in prop::collection::vec(any::<f32>(), 12)) {
            let array = Array2::from_shape_fn((rows, 3), |(r, c)| values[3 * r + c]);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("w.npy");
            write(&path, &array.t()).unwrap();
            let read = read_f32(&path).unwrap();
            prop_assert_eq!(read.shape(), &[3, rows]);
            let same = read.iter().zip(array.t()).all(|(a, b)| a.to_bits() == b.to_bits());
            prop_assert!(same);
        }

        #[test]
        fn never_panics_on_a_damaged_file(at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = file("<f4", false, "(1, 2)", &f32s(&[1., 2.]));
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(array) = parse(&bytes) {
                prop_assert!(array.len() <= 4);
            }
        }
    }
}
