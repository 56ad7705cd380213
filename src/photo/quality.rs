//! How much a JPEG or WebP file may lose.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Quality of a JPEG or WebP file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Quality {
    /// A photo that comes from a JPEG file is saved as that file: the same quantisation tables, chroma
    /// sampling and scans, and the same coefficients in blocks in which no pixel has changed. All others
    /// are encoded in [`Quality::WITHOUT_VISIBLE_LOSS`]. A photo that comes from a lossy WebP file is saved as
    /// WebP about as lossy, all others without loss.
    #[default]
    AsSource,
    /// Without loss, which JPEG files can't be.
    Lossless,
    /// Encoded from the pixels, 1 to 100; JPEG with chroma at full resolution (4:4:4).
    Percent(u8),
}

impl Quality {
    /// In per cent.
    pub const WITHOUT_VISIBLE_LOSS: u8 = 95;

    /// The same with a percentage from 1 to 100.
    #[must_use]
    pub fn within_range(self) -> Self {
        match self {
            Self::AsSource | Self::Lossless => self,
            Self::Percent(percent) => Self::Percent(percent.clamp(1, 100)),
        }
    }

    /// What pixels that come from no JPEG file are encoded with.
    pub fn percent(self) -> u8 {
        match self.within_range() {
            Self::AsSource | Self::Lossless => Self::WITHOUT_VISIBLE_LOSS,
            Self::Percent(percent) => percent,
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsSource => f.write_str("source"),
            Self::Lossless => f.write_str("lossless"),
            Self::Percent(percent) => percent.fmt(f),
        }
    }
}

impl FromStr for Quality {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(percent @ 1..=100) => Ok(Self::Percent(percent)),
            _ if text == "source" => Ok(Self::AsSource),
            _ if text == "lossless" => Ok(Self::Lossless),
            _ => Err("use source, lossless, or a number from 1 to 100"),
        }
    }
}

/// A number, as before there was a choice, or the word.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Percent(u8),
    Word(String),
}

impl Serialize for Quality {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = match self {
            Self::Percent(percent) => Stored::Percent(*percent),
            Self::AsSource | Self::Lossless => Stored::Word(self.to_string()),
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Quality {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Stored::deserialize(deserializer)? {
            Stored::Percent(percent) => Ok(Self::Percent(percent).within_range()),
            Stored::Word(word) => word.parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_read_as_they_are_written() {
        for (quality, text) in [
            (Quality::AsSource, "source"),
            (Quality::Lossless, "lossless"),
            (Quality::Percent(87), "87"),
        ] {
            assert_eq!(text.parse(), Ok(quality));
            assert_eq!(quality.to_string(), text);
            let json = serde_json::to_string(&quality).unwrap();
            assert_eq!(serde_json::from_str::<Quality>(&json).unwrap(), quality);
        }
        for wrong in ["0", "101", "best", "-1", ""] {
            assert!(wrong.parse::<Quality>().is_err(), "{wrong}");
        }
        // As settings of earlier versions have it.
        assert_eq!(
            serde_json::from_str::<Quality>("95").unwrap(),
            Quality::Percent(95)
        );
        assert!(serde_json::from_str::<Quality>("\"best\"").is_err());
    }
}
