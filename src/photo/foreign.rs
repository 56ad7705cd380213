//! Files that photographers have and that another program has to convert first, detected from their content
//! where it is clear and by their name where only that tells.

use std::path::Path;

use super::Error;

/// A kind of raw photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawKind(&'static str);

impl RawKind {
    /// What photographers call it.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// The kind that a file name stands for.
    pub fn from_path(path: &Path) -> Option<Self> {
        /// Canon, Nikon, Sony, Fujifilm, Olympus, Panasonic, Leica, Pentax, Samsung, Hasselblad, Phase
        /// One, Mamiya, Leaf, Epson, Kodak, Sigma, GoPro; Adobe's own.
        const NAMES: [&str; 28] = [
            "CR2", "CR3", "CRW", "NEF", "NRW", "ARW", "SR2", "SRF", "RAF", "ORF", "ORI", "RW2",
            "RWL", "RAW", "PEF", "SRW", "3FR", "FFF", "IIQ", "MEF", "MOS", "ERF", "DCR", "KDC",
            "X3F", "GPR", "MRW", "DNG",
        ];
        let extension = path.extension()?.to_str()?;
        let mut names = NAMES.into_iter();
        names
            .find(|name| name.eq_ignore_ascii_case(extension))
            .map(Self)
    }
}

/// What to do about a HEIC or AVIF file.
const HEIF: &str = if cfg!(feature = "heif") {
    "install libheif (on Debian and Ubuntu the package libheif1), or convert the photo to JPEG, PNG or TIFF (on a phone: share it as \"most compatible\", or JPEG)"
} else {
    "convert the photo to JPEG, PNG or TIFF first (on a phone: share it as \"most compatible\", or JPEG), or build Jawline with libheif (cargo build --release --features heif)"
};

/// A file that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    Raw(RawKind),
    /// HEIC or AVIF.
    Heif(&'static str),
    Other {
        kind: &'static str,
        remedy: &'static str,
    },
}

impl Foreign {
    /// What a file beginning with `head` (32 bytes) is, if it is none that could be read.
    pub fn of(head: &[u8], path: &Path) -> Option<Self> {
        const CONVERT: &str = "convert the photo to JPEG, PNG or TIFF first (on a phone: share it as \"most compatible\", or JPEG)";
        const FLATTEN: &str = "save the picture as TIFF or PNG first";
        let other = |kind, remedy| Some(Self::Other { kind, remedy });
        let named = RawKind::from_path(path);
        let raw = |kind| Some(Self::Raw(named.unwrap_or(RawKind(kind))));
        // The brand of an ISO media file, behind the length of its first box.
        let brand = head
            .get(4..8)
            .filter(|kind| *kind == b"ftyp")
            .and(head.get(8..12));
        match brand {
            Some(b"crx ") => return raw("CR3"),
            Some(b"avif" | b"avis") => return Some(Self::Heif("AVIF")),
            Some(
                b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"mif2"
                | b"miaf" | b"msf1",
            ) => {
                // Which of the two the general brand stands for, its companions tell.
                let is_avif = head.windows(4).any(|word| word == b"avif");
                return Some(Self::Heif(if is_avif { "AVIF" } else { "HEIC" }));
            }
            _ => {}
        }
        let is_tiff = matches!(
            head,
            [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..]
        );
        match head {
            [b'I', b'I', b'*', 0, _, _, _, _, b'C', b'R', ..] => raw("CR2"),
            [b'I', b'I', 0x55, 0, ..] => raw("RW2"),
            [b'I', b'I', b'R', b'O' | b'S', ..] | [b'M', b'M', b'O', b'R', ..] => raw("ORF"),
            [b'I', b'I', 0x1A, 0, 0, 0, b'H', b'E', b'A', b'P', ..] => raw("CRW"),
            [0, b'M', b'R', b'M', ..] => raw("MRW"),
            _ if head.starts_with(b"FUJIFILMCCD-RAW") => raw("RAF"),
            _ if head.starts_with(b"FOVb") => raw("X3F"),
            // Most of the others are TIFF files whose first picture is a preview.
            _ if is_tiff => named.map(Self::Raw),
            _ if head.starts_with(b"8BPS") => other("Photoshop (PSD, PSB)", FLATTEN),
            _ if head.starts_with(b"gimp xcf") => other("GIMP (XCF)", FLATTEN),
            [0xFF, 0x0A, ..] | [0, 0, 0, 0x0C, b'J', b'X', b'L', b' ', ..] => {
                other("JPEG XL", CONVERT)
            }
            [0, 0, 0, 0x0C, b'j', b'P', b' ', b' ', ..] | [0xFF, 0x4F, 0xFF, 0x51, ..] => {
                other("JPEG 2000", CONVERT)
            }
            _ => None,
        }
    }

    /// The refusal of a file.
    pub fn refused(self, path: &Path) -> Error {
        let path = path.to_owned();
        match self {
            Self::Raw(kind) => Error::RawPhoto {
                path,
                kind: kind.name(),
            },
            Self::Heif(kind) => Error::Foreign {
                path,
                kind,
                remedy: HEIF,
            },
            Self::Other { kind, remedy } => Error::Foreign { path, kind, remedy },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(head: &[u8], name: &str) -> Option<String> {
        let path = Path::new(name);
        Foreign::of(head, path).map(|foreign| foreign.refused(path).to_string())
    }

    #[test]
    fn raw_photos_are_refused_by_name_with_what_to_do() {
        for (head, name, kind) in [
            (&b"\0\0\0\x18ftypcrx \0\0\0\x01"[..], "a.cr3", "CR3"),
            (b"II*\0\x10\0\0\0CR\x02\0", "no name", "CR2"),
            (b"II\x55\0\x18\0\0\0", "a.rw2", "RW2"),
            (b"IIRO\x08\0\0\0", "a.orf", "ORF"),
            (b"FUJIFILMCCD-RAW 0201", "a.raf", "RAF"),
            (b"MM\0*\0\0\0\x08", "DSC_1.NEF", "NEF"),
            (b"II*\0\x08\0\0\0", "a.dng", "DNG"),
            (b"II*\0\x08\0\0\0", "a.arw", "ARW"),
        ] {
            let message = message(head, name).unwrap();
            assert!(
                message.contains(&format!("RAW photo ({kind})")),
                "{message}"
            );
            assert!(message.contains("16-bit TIFF"), "{message}");
        }
    }

    #[test]
    fn formats_of_phones_and_of_painters_are_refused_by_name() {
        for (head, kind) in [
            (&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], "HEIC"),
            (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf", "AVIF"),
            (b"\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
            (b"8BPS\0\x01", "Photoshop"),
            (b"\xFF\x0A\xFA\x1F", "JPEG XL"),
        ] {
            let message = message(head, "photo").unwrap();
            assert!(message.contains(kind), "{message}");
        }
    }

    #[test]
    fn what_is_read_is_not_foreign() {
        for (head, name) in [
            (&b"II*\0\x08\0\0\0"[..], "a.tif"),
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF", "a.dng"),
            (b"\x89PNG\r\n\x1A\n", "a.png"),
            (b"GIF89a", "a.gif"),
            (b"", "a.nef"),
        ] {
            assert_eq!(message(head, name), None, "{name}");
        }
    }
}
