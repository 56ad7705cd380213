//! File names in JSON, also those that are not text.
//!
//! A name that is no UTF-8 (an old memory card's, say) is stored as its bytes where the system's
//! names are bytes, so that it leads to the same file again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A path that serialises as text, or as a list of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Text", into = "Text")]
pub(super) struct PathText(pub PathBuf);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Utf8(String),
    Bytes(Vec<u8>),
}

impl From<Text> for PathText {
    fn from(text: Text) -> Self {
        Self(match text {
            Text::Utf8(text) => text.into(),
            Text::Bytes(bytes) => from_bytes(bytes),
        })
    }
}

impl From<PathText> for Text {
    fn from(PathText(path): PathText) -> Self {
        match path.into_os_string().into_string() {
            Ok(text) => Self::Utf8(text),
            Err(other) => to_bytes(Path::new(&other)),
        }
    }
}

#[cfg(unix)]
fn from_bytes(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(unix)]
fn to_bytes(path: &Path) -> Text {
    use std::os::unix::ffi::OsStrExt;
    Text::Bytes(path.as_os_str().as_bytes().to_vec())
}

#[cfg(not(unix))]
fn from_bytes(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(not(unix))]
fn to_bytes(path: &Path) -> Text {
    Text::Utf8(path.to_string_lossy().into_owned())
}

/// For `#[serde(with)]` on a path.
pub(super) mod one {
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::PathText;

    pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        PathText(path.to_owned()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        PathText::deserialize(deserializer).map(|PathText(path)| path)
    }
}

/// For `#[serde(with)]` on a list of paths.
pub(super) mod list {
    use std::path::PathBuf;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::PathText;

    pub fn serialize<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(paths.iter().cloned().map(PathText))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<PathBuf>, D::Error> {
        let paths = Vec::<PathText>::deserialize(deserializer)?;
        Ok(paths.into_iter().map(|PathText(path)| path).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let path = PathText("a/ü.jpg".into());
        let json = serde_json::to_string(&path).unwrap();
        assert_eq!(json, "\"a/ü.jpg\"");
        assert_eq!(serde_json::from_str::<PathText>(&json).unwrap(), path);
    }

    #[cfg(unix)]
    #[test]
    fn other_bytes_lead_to_the_same_file() {
        let path = PathText(from_bytes(vec![b'a', 0xff, b'b']));
        let json = serde_json::to_string(&path).unwrap();
        assert_eq!(serde_json::from_str::<PathText>(&json).unwrap(), path);
    }
}
