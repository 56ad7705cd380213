//! dlib's `shape_predictor` files: a cascade of regression trees that moves landmarks over a face.
//!
//! The method is that of Kazemi and Sullivan, *One Millisecond Face Alignment with an Ensemble of
//! Regression Trees* (CVPR 2014). The format is dlib's own serialisation, version 1
//! (`dlib/image_processing/shape_predictor.h` over `dlib/serialize.h`):
//!
//! - an integer is a control byte (bits 0–3: number of bytes that follow, 1–8; bit 7: negative) and
//!   its magnitude in little-endian order;
//! - a float is two integers, mantissa and exponent of two;
//! - a vector is its length and its elements; a matrix its two (negated) lengths and its elements.
//!
//! This module only reads; moving landmarks over a picture is the business of the networks room.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use ndarray::Array2;

use super::Error;

/// The largest accepted file, packed or not: several times the 95 MiB of the 68-landmark model.
const LIMIT_BYTES: u64 = 512 << 20;

/// How many times its packed length a file may have: bzip2 halves the numbers of a model, while a
/// stream made for harm grows a million times.
const UNPACKING_LIMIT: u64 = 64;

/// The shortest integer: a control byte and one byte.
const INTEGER_MIN_BYTES: usize = 2;
const FLOAT_MIN_BYTES: usize = 2 * INTEGER_MIN_BYTES;

/// A cascade of regression trees, as trained by dlib.
///
/// Coordinates are normalised to the face's box: (0, 0) is its top left corner, (1, 1) its bottom
/// right. Reading has checked that every index points at something and every number is finite.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapePredictor {
    /// The mean face, from which the search starts: one `[x, y]` a landmark.
    pub initial_shape: Vec<[f32; 2]>,
    /// The stages, to be applied in this order.
    pub cascades: Vec<Cascade>,
}

/// One stage: it samples pixels near the current landmarks and adds up what its trees say.
#[derive(Debug, Clone, PartialEq)]
pub struct Cascade {
    /// For each sampled pixel, the landmark that it is tied to.
    pub anchors: Vec<usize>,
    /// For each sampled pixel, its `[x, y]` offset from that landmark, in the mean face's frame.
    pub deltas: Vec<[f32; 2]>,
    /// The trees, whose answers are added.
    pub trees: Vec<Tree>,
}

/// A binary tree, stored level by level: the children of split `i` are at `2i + 1` (the answer was
/// yes) and `2i + 2` (no); an index `n` beyond the splits is leaf `n - splits.len()`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// The inner nodes.
    pub splits: Vec<Split>,
    /// One row a leaf, one more than there are splits: the shift `x0, y0, x1, y1, …` of all landmarks.
    pub leaves: Array2<f32>,
}

/// A question: is sampled pixel `first` brighter than sampled pixel `second` by more than `threshold`?
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Index of a sampled pixel.
    pub first: usize,
    /// Index of a sampled pixel.
    pub second: usize,
    /// Difference of brightness, 0–255.
    pub threshold: f32,
}

impl ShapePredictor {
    /// Reads the content of a file, plain or compressed with bzip2 (by its first bytes, not its name); `path` is
    /// only for messages.
    ///
    /// # Errors
    /// An [`Error`] that names the file and the part that is missing or wrong.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let bytes = plain(path, bytes)?;
        Reader {
            path,
            bytes: &bytes,
        }
        .shape_predictor()
    }

    /// The bytes of a plain file from those of one that may be compressed with bzip2; what they hold is
    /// not looked at. `path` is only for messages.
    ///
    /// # Errors
    /// An [`Error`] that names the file when it cannot be unpacked.
    pub fn unpacked(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
        Ok(match plain(path, &bytes)? {
            Cow::Owned(unpacked) => unpacked,
            Cow::Borrowed(_) => bytes,
        })
    }
}

/// Unpacks what is compressed with bzip2.
fn plain<'a>(path: &Path, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, Error> {
    if bytes.starts_with(b"BZh") {
        unpack(path, bytes).map(Cow::Owned)
    } else {
        Ok(Cow::Borrowed(bytes))
    }
}

fn unpack(path: &Path, packed: &[u8]) -> Result<Vec<u8>, Error> {
    let limit_bytes = LIMIT_BYTES.min(UNPACKING_LIMIT * packed.len() as u64);
    let mut bytes = Vec::new();
    bzip2::read::BzDecoder::new(packed)
        .take(limit_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| {
            Error::malformed(
                path,
                "the bzip2 stream",
                format!("cannot be unpacked ({e})"),
            )
        })?;
    if bytes.len() as u64 > limit_bytes {
        let problem = format!("unpacks to more than {limit_bytes} bytes");
        return Err(Error::malformed(path, "the bzip2 stream", problem));
    }
    Ok(bytes)
}

/// What is left of the file.
struct Reader<'a> {
    path: &'a Path,
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn shape_predictor(mut self) -> Result<ShapePredictor, Error> {
        let version = self.integer("the version")?;
        if version != 1 {
            return Err(self.wrong("the version", format!("is {version} instead of 1")));
        }
        let initial = self.column("the initial shape")?;
        let (points, rest) = initial.as_chunks::<2>();
        if points.is_empty() || !rest.is_empty() {
            return Err(self.wrong("the initial shape", "is not a list of points"));
        }
        let shape_length = initial.len();

        let forests = self.list("the list of cascades", INTEGER_MIN_BYTES, |r| {
            r.forest(shape_length)
        })?;
        let anchors = self.list("the list of anchors", INTEGER_MIN_BYTES, |r| {
            r.list("the anchors of a cascade", INTEGER_MIN_BYTES, |r| {
                r.index("an anchor", points.len())
            })
        })?;
        let deltas = self.list("the list of offsets", INTEGER_MIN_BYTES, |r| {
            r.list("the offsets of a cascade", 2 * FLOAT_MIN_BYTES, |r| {
                Ok([r.float("an offset")?, r.float("an offset")?])
            })
        })?;
        if !self.bytes.is_empty() {
            return Err(self.wrong(
                "the end",
                format!("is followed by {} more bytes", self.bytes.len()),
            ));
        }
        if anchors.len() != forests.len() || deltas.len() != forests.len() {
            let problem = format!(
                "is {} and {}, for {} cascades",
                anchors.len(),
                deltas.len(),
                forests.len()
            );
            return Err(self.wrong("the number of lists of anchors and offsets", problem));
        }
        let cascades = (forests.into_iter().zip(anchors).zip(deltas))
            .map(|((trees, anchors), deltas)| self.cascade(trees, anchors, deltas))
            .collect::<Result<_, _>>()?;
        Ok(ShapePredictor {
            initial_shape: points.to_vec(),
            cascades,
        })
    }

    /// Puts together what the file keeps apart, and checks that the parts fit each other.
    fn cascade(
        &self,
        trees: Vec<Tree>,
        anchors: Vec<usize>,
        deltas: Vec<[f32; 2]>,
    ) -> Result<Cascade, Error> {
        if anchors.len() != deltas.len() {
            let problem = format!("is {}, for {} anchors", deltas.len(), anchors.len());
            return Err(self.wrong("the number of offsets of a cascade", problem));
        }
        let pixels = anchors.len();
        let stray = |split: &&Split| split.first >= pixels || split.second >= pixels;
        if let Some(split) = trees.iter().flat_map(|tree| &tree.splits).find(stray) {
            let problem = format!(
                "asks for pixels {} and {} of only {pixels}",
                split.first, split.second
            );
            return Err(self.wrong("a split", problem));
        }
        Ok(Cascade {
            anchors,
            deltas,
            trees,
        })
    }

    fn forest(&mut self, shape_length: usize) -> Result<Vec<Tree>, Error> {
        self.list("a list of trees", 2 * INTEGER_MIN_BYTES, |r| {
            r.tree(shape_length)
        })
    }

    fn tree(&mut self, shape_length: usize) -> Result<Tree, Error> {
        let splits = self.list(
            "the splits of a tree",
            2 * INTEGER_MIN_BYTES + FLOAT_MIN_BYTES,
            |r| {
                Ok(Split {
                    first: r.index("the first pixel of a split", usize::MAX)?,
                    second: r.index("the second pixel of a split", usize::MAX)?,
                    threshold: r.float("the threshold of a split")?,
                })
            },
        )?;
        let leaf_count = self.count("the leaves of a tree", shape_length * FLOAT_MIN_BYTES)?;
        if leaf_count != splits.len() + 1 {
            let problem = format!("number {leaf_count}, for {} splits", splits.len());
            return Err(self.wrong("the leaves of a tree", problem));
        }
        let mut leaves = Vec::with_capacity(leaf_count * shape_length);
        for _ in 0..leaf_count {
            let leaf = self.column("a leaf")?;
            if leaf.len() != shape_length {
                let problem = format!("has {} numbers instead of {shape_length}", leaf.len());
                return Err(self.wrong("a leaf", problem));
            }
            leaves.extend(leaf);
        }
        let leaves = Array2::from_shape_vec((leaf_count, shape_length), leaves)
            .map_err(|e| self.wrong("the leaves of a tree", e.to_string()))?;
        Ok(Tree { splits, leaves })
    }

    /// A list: its length, then its elements of at least `element_min_bytes` each.
    fn list<T>(
        &mut self,
        field: &str,
        element_min_bytes: usize,
        mut element: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = self.count(field, element_min_bytes)?;
        (0..count).map(|_| element(self)).collect()
    }

    /// A column vector, which dlib stores as a matrix.
    fn column(&mut self, field: &str) -> Result<Vec<f32>, Error> {
        // Lengths are stored negated, to tell them from an older layout; both give the same numbers.
        let rows = self.integer(field)?.unsigned_abs();
        let columns = self.integer(field)?.unsigned_abs();
        let count = usize::try_from(rows.saturating_mul(columns)).unwrap_or(usize::MAX);
        self.check_room(field, count, FLOAT_MIN_BYTES)?;
        (0..count).map(|_| self.float(field)).collect()
    }

    /// A length, which the rest of the file must have room for.
    fn count(&mut self, field: &str, element_min_bytes: usize) -> Result<usize, Error> {
        let count = self.index(field, usize::MAX)?;
        self.check_room(field, count, element_min_bytes)?;
        Ok(count)
    }

    fn check_room(&self, field: &str, count: usize, element_min_bytes: usize) -> Result<(), Error> {
        if count.saturating_mul(element_min_bytes) > self.bytes.len() {
            return Err(Error::truncated(self.path, field));
        }
        Ok(())
    }

    /// A whole number below `end`.
    fn index(&mut self, field: &str, end: usize) -> Result<usize, Error> {
        let number = self.integer(field)?;
        usize::try_from(number)
            .ok()
            .filter(|index| *index < end)
            .ok_or_else(|| self.wrong(field, format!("is out of range ({number})")))
    }

    fn integer(&mut self, field: &str) -> Result<i64, Error> {
        let (&control, rest) = self
            .bytes
            .split_first()
            .ok_or_else(|| Error::truncated(self.path, field))?;
        let length = usize::from(control & 0x0f);
        if !(1..=8).contains(&length) || control & 0x70 != 0 {
            return Err(self.wrong(field, "is not an integer of dlib's"));
        }
        let (digits, rest) = rest
            .split_at_checked(length)
            .ok_or_else(|| Error::truncated(self.path, field))?;
        let magnitude = digits
            .iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u64::from(byte));
        let magnitude = i64::try_from(magnitude)
            .map_err(|_| self.wrong(field, "is an integer beyond 63 bits"))?;
        self.bytes = rest;
        Ok(if control & 0x80 != 0 {
            -magnitude
        } else {
            magnitude
        })
    }

    fn float(&mut self, field: &str) -> Result<f32, Error> {
        let mantissa = self.integer(field)?;
        let exponent = self.integer(field)?;
        // dlib marks infinities and NaN by exponents of 32000 and above; they overflow here as well.
        let exponent = i32::try_from(exponent).unwrap_or(i32::MAX);
        let value = (mantissa as f64 * 2f64.powi(exponent)) as f32;
        if value.is_finite() {
            Ok(value)
        } else {
            Err(self.wrong(field, "is not a finite number"))
        }
    }

    fn wrong(&self, field: &str, problem: impl Into<String>) -> Error {
        Error::malformed(self.path, field, problem)
    }
}

#[cfg(test)]
mod tests;
