//! How a user names a network, and how a picture is handed to it.

use std::path::{Path, PathBuf};

use ndarray::{Array4, ArrayView4, Axis};

/// Where a network comes from: what options such as `--parser` take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkSource {
    /// An installed pack.
    Pack(String),
    /// A checkpoint or an ONNX file, read without being installed.
    File(PathBuf),
}

impl NetworkSource {
    /// What a user's word means: a file if it is one or looks like one, so that a mistyped path is reported
    /// as a missing file; else the name of a pack.
    pub fn named(word: &str) -> Self {
        let path = Path::new(word);
        let is_file = path.is_file() || path.extension().is_some() || path.components().count() > 1;
        if is_file {
            Self::File(path.to_owned())
        } else {
            Self::Pack(word.to_owned())
        }
    }
}

/// In which order a network sees the channels of a picture that is RGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelOrder {
    /// As they are.
    #[default]
    Rgb,
    /// Red and blue swapped: what the reference does where it reads a file with OpenCV and hands
    /// the array to a network that expects RGB.
    Bgr,
}

impl ChannelOrder {
    /// The picture `[n, 3, height, width]` in this order.
    pub(super) fn arranged(self, picture: ArrayView4<'_, f32>) -> Array4<f32> {
        let mut arranged = picture;
        if self == Self::Bgr {
            arranged.invert_axis(Axis(1));
        }
        arranged.as_standard_layout().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn words_are_packs_and_paths_are_files() {
        let pack = |word: &str| matches!(NetworkSource::named(word), NetworkSource::Pack(_));
        assert!(pack("community") && pack("imported"));
        assert!(!pack("79999_iter.pth") && !pack("folder/net") && !pack("./net"));
    }

    #[test]
    fn swapping_twice_changes_nothing() {
        let picture = array![[[[1.0]], [[2.0]], [[3.0]]]];
        assert_eq!(ChannelOrder::Rgb.arranged(picture.view()), picture);
        let swapped = ChannelOrder::Bgr.arranged(picture.view());
        assert_eq!(swapped, array![[[[3.0]], [[2.0]], [[1.0]]]]);
        assert_eq!(ChannelOrder::Bgr.arranged(swapped.view()), picture);
    }
}
