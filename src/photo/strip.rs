//! What its owner does not want to give away with a photo.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::metadata::{JpegPart, photoshop, png, xmp};
use super::{Metadata, exif};

/// Which metadata to leave out of a file. The colour profile always stays, since the colours would be
/// wrong without it; and pixels are upright, whatever the metadata said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strip {
    /// Everything stays.
    #[default]
    None,
    /// The place goes: the GPS fields of the EXIF data, whose bytes are overwritten, and those of XMP;
    /// city, country and location in XMP and IPTC.
    Gps,
    /// Everything goes but author and copyright, and the print resolution.
    Private,
    /// Everything goes but what tells the colours.
    All,
}

impl Strip {
    /// Every choice, from keeping all to keeping nothing.
    pub const ALL: [Self; 4] = [Self::None, Self::Gps, Self::Private, Self::All];

    /// The word that the command line takes.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gps => "gps",
            Self::Private => "private",
            Self::All => "all",
        }
    }
}

impl fmt::Display for Strip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Strip {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|strip| strip.word() == text);
        known.ok_or("use none, gps, private or all")
    }
}

impl Metadata {
    /// The same without what is to be left out.
    #[must_use]
    pub fn without(&self, strip: Strip) -> Self {
        match strip {
            Strip::None => self.clone(),
            Strip::Gps => self.without_place(),
            Strip::Private => self.credits(),
            Strip::All => self.colours(),
        }
    }

    fn without_place(&self) -> Self {
        let mut metadata = self.clone();
        if let Some(exif) = &mut metadata.exif {
            exif::remove_place(exif);
        }
        if metadata.xmp_extension.is_some() {
            metadata.merge_extension();
        }
        match metadata.xmp.as_deref().map(xmp::without_place) {
            Some(Ok(Some(packet))) => metadata.xmp = Some(packet),
            // Nobody knows what such a packet tells.
            Some(Err(xmp::Unreadable)) => metadata.xmp = None,
            Some(Ok(None)) | None => {}
        }
        let iptc = metadata.iptc.as_deref();
        metadata.iptc = iptc.and_then(photoshop::iptc_without_place);
        metadata.follow_iptc();
        // Some converters copy each field of the EXIF data into a text of its own.
        metadata.texts.retain(|text| !mentions_place(&text.content));
        metadata.jpeg_parts.retain(|part| match part {
            JpegPart::Other { content, .. } => !mentions_place(content),
            _ => true,
        });
        metadata
    }

    fn credits(&self) -> Self {
        let mut whole = self.clone();
        whole.merge_extension();
        let mut metadata = Self {
            exif: self.exif.as_deref().and_then(exif::credits),
            xmp: whole.xmp.as_deref().and_then(xmp::credits),
            iptc: self.iptc.as_deref().and_then(photoshop::iptc_credits),
            photoshop: whole.photoshop,
            texts: whole.texts,
            density: self.density,
            ..self.colours()
        };
        photoshop::retain_credits(&mut metadata.photoshop);
        metadata
            .texts
            .retain(|text| matches!(png::keyword(text), b"Author" | b"Copyright"));
        metadata
    }

    /// What the pixels need to be shown as they are.
    fn colours(&self) -> Self {
        Self {
            icc_profile: self.icc_profile.clone(),
            png_gamma: self.png_gamma,
            png_chromaticities: self.png_chromaticities,
            png_srgb_intent: self.png_srgb_intent,
            cicp: self.cicp,
            tiff: self.tiff,
            ..Self::default()
        }
    }

    /// Brings the records inside Photoshop's resources up to date.
    fn follow_iptc(&mut self) {
        if let Some(block) = &mut self.photoshop {
            *block = photoshop::with_iptc(block, self.iptc.as_deref());
        }
        self.photoshop = self.photoshop.take().filter(|block| !block.is_empty());
    }
}

fn mentions_place(content: &[u8]) -> bool {
    let mut words = content.windows(3);
    words.any(|word| word.eq_ignore_ascii_case(b"gps"))
}
