//! How much a JPEG file may lose.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Quality of a JPEG file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum JpegQuality {
    /// A photo that comes from a JPEG file is saved as that file: the same quantisation tables, chroma
    /// sampling and scans, and the same coefficients in blocks in which no pixel has changed. All others
    /// are encoded in [`JpegQuality::WITHOUT_VISIBLE_LOSS`].
    #[default]
    AsSource,
    /// Encoded from the pixels, 1 to 100, with chroma at full resolution (4:4:4).
    Percent(u8),
}

impl JpegQuality {
    /// In per cent.
    pub const WITHOUT_VISIBLE_LOSS: u8 = 95;

    /// The same with a percentage from 1 to 100.
    #[must_use]
    pub fn within_range(self) -> Self {
        match self {
            Self::AsSource => Self::AsSource,
            Self::Percent(percent) => Self::Percent(percent.clamp(1, 100)),
        }
    }

    /// What pixels that come from no JPEG file are encoded with.
    pub fn percent(self) -> u8 {
        match self.within_range() {
            Self::AsSource => Self::WITHOUT_VISIBLE_LOSS,
            Self::Percent(percent) => percent,
        }
    }
}

impl fmt::Display for JpegQuality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsSource => f.write_str("source"),
            Self::Percent(percent) => percent.fmt(f),
        }
    }
}

impl FromStr for JpegQuality {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(percent @ 1..=100) => Ok(Self::Percent(percent)),
            _ if text == "source" => Ok(Self::AsSource),
            _ => Err("use source, or a number from 1 to 100"),
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

impl Serialize for JpegQuality {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = match self {
            Self::Percent(percent) => Stored::Percent(*percent),
            Self::AsSource => Stored::Word(self.to_string()),
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JpegQuality {
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
            (JpegQuality::AsSource, "source"),
            (JpegQuality::Percent(87), "87"),
        ] {
            assert_eq!(text.parse(), Ok(quality));
            assert_eq!(quality.to_string(), text);
            let json = serde_json::to_string(&quality).unwrap();
            assert_eq!(serde_json::from_str::<JpegQuality>(&json).unwrap(), quality);
        }
        for wrong in ["0", "101", "best", "-1", ""] {
            assert!(wrong.parse::<JpegQuality>().is_err(), "{wrong}");
        }
        // As settings of earlier versions have it.
        assert_eq!(
            serde_json::from_str::<JpegQuality>("95").unwrap(),
            JpegQuality::Percent(95)
        );
        assert!(serde_json::from_str::<JpegQuality>("\"best\"").is_err());
    }
}
