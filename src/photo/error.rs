use std::io;
use std::path::{Path, PathBuf};

use super::save::FLOATING_POINT;
use super::{Format, Limits};
use crate::fs;

/// Why a photo could not be read, or a file not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No file of that name.
    #[error("{path}: there is no such file")]
    NotFound {
        /// The file asked for.
        path: PathBuf,
    },
    /// The user may not read the file.
    #[error("{path}: permission to read it is denied")]
    ReadDenied {
        /// The file asked for.
        path: PathBuf,
    },
    /// The operating system failed to deliver the file.
    #[error("{path}: cannot be read: {source}")]
    Read {
        /// The file asked for.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The content is no picture of a known format.
    #[error("{path}: is not a picture that Jawline reads (PNG, JPEG, TIFF, WebP or BMP)")]
    NotAnImage {
        /// The file asked for.
        path: PathBuf,
    },
    /// The file ends before the picture does.
    #[error(
        "{path}: the file is cut off: the {format} picture ends too early; copy it again from where it came"
    )]
    Truncated {
        /// The file asked for.
        path: PathBuf,
        /// The format that its beginning shows.
        format: Format,
    },
    /// The content breaks the format's rules.
    #[error("{path}: the {format} picture is damaged: {reason}")]
    Damaged {
        /// The file asked for.
        path: PathBuf,
        /// The format that its beginning shows.
        format: Format,
        /// What the decoder found.
        reason: String,
    },
    /// A picture without pixels.
    #[error("{path}: the picture is empty ({width}×{height} pixels)")]
    ZeroSize {
        /// The file asked for.
        path: PathBuf,
        /// Declared width.
        width: u32,
        /// Declared height.
        height: u32,
    },
    /// More pixels or bytes than [`Limits`] allow.
    #[error("{path}: the picture is too large ({what}); the limit is {} pixels a side and {} MiB of pixels", limits.side_px, limits.pixel_bytes >> 20)]
    TooLarge {
        /// The file asked for.
        path: PathBuf,
        /// The size found, in words.
        what: String,
        /// The limits it broke.
        limits: Limits,
    },
    /// A picture of a kind that Jawline does not edit.
    #[error(
        "{path}: this kind of {format} picture is not supported ({what}); {}",
        match format {
            Format::Jpeg => "save it as an ordinary JPEG, or as PNG or TIFF, with the program that made it",
            Format::WebP if what == "an animation" => "save the picture that you want of it as a still one",
            Format::Tiff if what.starts_with("compressed by") => "save it without compression, or with LZW or Deflate",
            _ => "convert it to 8 or 16 bits a channel (or floating point of 32), grey or RGB",
        }
    )]
    Unsupported {
        /// The file asked for.
        path: PathBuf,
        /// The format that its beginning shows.
        format: Format,
        /// What is unusual, in words.
        what: String,
    },
    /// What a camera's sensor has seen, which has to be developed first.
    #[error(
        "{path}: this is a RAW photo{}; develop it in your RAW program (Lightroom, Capture One, darktable …), export it as a 16-bit TIFF, and open that",
        if kind.is_empty() { String::new() } else { format!(" ({kind})") }
    )]
    RawPhoto {
        /// The file asked for.
        path: PathBuf,
        /// Its kind, as photographers call it; empty where it is unknown.
        kind: &'static str,
    },
    /// A picture in a format that Jawline does not read.
    #[error("{path}: {kind} files are not read; {remedy}")]
    Foreign {
        /// The file asked for.
        path: PathBuf,
        /// Its format.
        kind: &'static str,
        /// What to do, in words.
        remedy: &'static str,
    },

    /// A HEIC or AVIF file that libheif does not read.
    #[error(
        "{path}: the {kind} picture cannot be read: {reason}; copy it again from where it came, or convert it to JPEG, PNG or TIFF"
    )]
    Heif {
        /// The file asked for.
        path: PathBuf,
        /// HEIC or AVIF.
        kind: &'static str,
        /// What libheif said.
        reason: String,
    },

    /// New pixels do not fit the photo.
    #[error("new pixels must be {expected} like the photo, not {got}")]
    PixelsDiffer {
        /// Size and kind of the photo.
        expected: String,
        /// Size and kind of the new pixels.
        got: String,
    },
    /// No writable format has this file name extension.
    #[error(
        "{path}: the name must end in .png, .jpg, .jpeg, .tif, .tiff, .webp or .bmp{}",
        if Format::is_heif_name(path) { "; HEIC and AVIF files are not written" } else { "" }
    )]
    UnknownExtension {
        /// The file to be written.
        path: PathBuf,
    },
    /// The output format cannot hold these pixels.
    #[error("{path}: a {format} file cannot hold {what}; choose {}", if *what == FLOATING_POINT { ".tif" } else { ".png or .tif" })]
    CannotHold {
        /// The file to be written.
        path: PathBuf,
        /// Its format.
        format: Format,
        /// What would be lost, in words.
        what: &'static str,
    },
    /// The output would replace the photo that it was made from.
    #[error("{path}: this is the original photo; choose another name")]
    IsSource {
        /// The file to be written.
        path: PathBuf,
    },
    /// Whoever asked for the file does not want it any more; nothing was written.
    #[error("{path}: cancelled; nothing was written")]
    Cancelled {
        /// The file to be written.
        path: PathBuf,
    },
    /// The file could not be written.
    #[error(transparent)]
    File(#[from] fs::Error),
}

impl Error {
    /// What `source` means for a reader of `path`.
    pub(super) fn reading(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path },
            io::ErrorKind::PermissionDenied => Self::ReadDenied { path },
            _ => Self::Read { path, source },
        }
    }
}
