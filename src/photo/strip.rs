//! What its owner does not want to give away with a photo.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Metadata, exif};

/// Which metadata to leave out of a file. The colour profile always stays, since the colours would be
/// wrong without it; and pixels are upright, whatever the metadata said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strip {
    /// Everything stays.
    #[default]
    None,
    /// The place goes: the GPS fields of the EXIF data, whose bytes are overwritten, and an XMP packet
    /// in them that tells the place.
    Gps,
    /// Everything goes but author and copyright.
    Private,
    /// Everything goes.
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
        let exif = match (strip, &self.exif) {
            (Strip::None, exif) => exif.clone(),
            (Strip::All, _) | (_, None) => None,
            (Strip::Gps, Some(exif)) => {
                let mut exif = exif.clone();
                exif::remove_place(&mut exif);
                Some(exif)
            }
            (Strip::Private, Some(exif)) => exif::credits(exif),
        };
        Self {
            exif,
            ..self.clone()
        }
    }
}
