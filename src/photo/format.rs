use std::fmt;
#[cfg(feature = "heif")]
use std::fs::File;
#[cfg(feature = "heif")]
use std::io::Read;
use std::path::Path;

use image::ImageFormat;
use serde::{Deserialize, Serialize};

#[cfg(feature = "heif")]
use super::foreign::Foreign;
#[cfg(feature = "heif")]
use super::heif;

/// The file formats that a photo can be loaded from and saved in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Portable Network Graphics: lossless, 8 or 16 bits.
    Png,
    /// JPEG: lossy, 8 bits, no alpha.
    Jpeg,
    /// TIFF: lossless, 8 or 16 bits.
    Tiff,
    /// WebP: 8 bits, lossy or lossless.
    WebP,
    /// Windows bitmap: lossless, 8 bits, no metadata.
    Bmp,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Png, Self::Jpeg, Self::Tiff, Self::WebP, Self::Bmp];

    /// The format that the extension of a file name stands for, in any case.
    pub fn from_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "png" => Some(Self::Png),
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "tif" | "tiff" => Some(Self::Tiff),
            "webp" => Some(Self::WebP),
            "bmp" => Some(Self::Bmp),
            _ => None,
        }
    }

    /// Whether a file is called like one that can be opened.
    pub fn is_name_of_photo(path: &Path) -> bool {
        Self::from_path(path).is_some() || cfg!(feature = "heif") && Self::is_heif_name(path)
    }

    /// Whether a file is called like a HEIC or AVIF file.
    pub(super) fn is_heif_name(path: &Path) -> bool {
        let extension = path.extension().unwrap_or_default();
        let mut names = ["heic", "heif", "hif", "avif"].into_iter();
        names.any(|name| extension.eq_ignore_ascii_case(name))
    }

    /// The format that holds all of a photo in a file that can be opened, and whose own format is not written:
    /// HEIC or AVIF, detected from its content. `None` for other files, and without libheif.
    #[cfg(feature = "heif")]
    pub fn instead_of(path: &Path) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        let mut bytes = Vec::new();
        (&mut file).take(32).read_to_end(&mut bytes).ok()?;
        let foreign = Foreign::of(&bytes, path)?;
        if !matches!(foreign, Foreign::Heif(_)) || !heif::is_there() {
            return None;
        }
        file.read_to_end(&mut bytes).ok()?;
        Some(heif::written_as(&bytes))
    }

    /// The format that holds all of a photo in a file that can be opened, and whose own format is not written: there
    /// is none without the feature `heif`.
    #[cfg(not(feature = "heif"))]
    pub fn instead_of(_: &Path) -> Option<Self> {
        None
    }

    /// The format that a file beginning with `head` (32 bytes suffice) is in.
    pub fn from_content(head: &[u8]) -> Option<Self> {
        if matches!(head, [b'I', b'I', b'+', 0, ..] | [b'M', b'M', 0, b'+', ..]) {
            return Some(Self::Tiff);
        }
        match image::guess_format(head).ok()? {
            ImageFormat::Png => Some(Self::Png),
            ImageFormat::Jpeg => Some(Self::Jpeg),
            ImageFormat::Tiff => Some(Self::Tiff),
            ImageFormat::WebP => Some(Self::WebP),
            ImageFormat::Bmp => Some(Self::Bmp),
            _ => None,
        }
    }

    /// Width and height as a file beginning with `head` declares them, for formats whose decoders
    /// refuse strange sizes with messages that nobody understands.
    pub(super) fn declared_size(self, head: &[u8]) -> Option<(u32, u32)> {
        match (self, head) {
            // The header chunk comes first (ISO/IEC 15948, 5.6 and 11.2.2).
            (
                Self::Png,
                [
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    b'I',
                    b'H',
                    b'D',
                    b'R',
                    sizes @ ..,
                ],
            ) => {
                let (sizes, _) = sizes.as_chunks::<4>();
                let [width, height] = sizes.first_chunk::<2>()?.map(u32::from_be_bytes);
                Some((width, height))
            }
            // A BITMAPINFOHEADER or longer; a negative height counts rows from the top.
            (Self::Bmp, head) if *head.get(14)? >= 40 => {
                let (sizes, _) = head.get(18..)?.as_chunks::<4>();
                let [width, height] = sizes.first_chunk::<2>()?.map(i32::from_le_bytes);
                Some((width.unsigned_abs(), height.unsigned_abs()))
            }
            _ => None,
        }
    }

    /// The usual file name extension, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Tiff => "tif",
            Self::WebP => "webp",
            Self::Bmp => "bmp",
        }
    }

    /// Whether Jawline writes the format without changing a pixel.
    pub fn is_lossless(self) -> bool {
        self != Self::Jpeg
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Tiff => "TIFF",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_name_formats_in_any_case() {
        assert_eq!(Format::from_path(Path::new("a/b.JPEG")), Some(Format::Jpeg));
        assert_eq!(Format::from_path(Path::new("b.Tif")), Some(Format::Tiff));
        assert_eq!(Format::from_path(Path::new("b.gif")), None);
        assert_eq!(Format::from_path(Path::new("png")), None);
        for format in Format::ALL {
            let name = format!("x.{}", format.extension());
            assert_eq!(Format::from_path(Path::new(&name)), Some(format));
        }
    }
}
