//! The sample portraits of the welcome screen: drawn by the generator, so they show nobody.

use std::io::Write;
use std::path::PathBuf;
use std::{fmt, fs};

use crate::data_dir::data_dir;
use crate::fs::atomic;

/// A sample portrait.
#[derive(PartialEq)]
pub struct Sample {
    /// What the welcome screen calls it.
    pub title: &'static str,
    file: &'static str,
    bytes: &'static [u8],
}

impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title)
    }
}

/// All samples.
pub static SAMPLES: [Sample; 3] = [
    Sample {
        title: "Man with glasses",
        file: "man_with_glasses.jpg",
        bytes: include_bytes!("../../assets/portraits/man_with_glasses.jpg"),
    },
    Sample {
        title: "Older woman",
        file: "older_woman.jpg",
        bytes: include_bytes!("../../assets/portraits/older_woman.jpg"),
    },
    Sample {
        title: "Young woman",
        file: "young_woman.jpg",
        bytes: include_bytes!("../../assets/portraits/young_woman.jpg"),
    },
];

impl Sample {
    /// The encoded picture.
    pub fn bytes(&self) -> &'static [u8] {
        self.bytes
    }

    /// Puts the sample into the data directory, where it is a photo like any other. Not for the
    /// window's thread.
    ///
    /// # Errors
    /// In words, when the disk refuses.
    pub fn unpack(&self) -> Result<PathBuf, String> {
        let folder = data_dir()
            .ok_or("the system names no home directory; set JAWLINE_DATA_DIR")?
            .join("samples");
        fs::create_dir_all(&folder)
            .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
        let path = folder.join(self.file);
        if fs::read(&path).is_ok_and(|bytes| bytes == self.bytes) {
            return Ok(path);
        }
        atomic::write(&path, |file| file.write_all(self.bytes))
            .map_err(|error: crate::fs::Error| error.to_string())?;
        Ok(path)
    }
}
