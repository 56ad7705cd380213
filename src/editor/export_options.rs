//! How a photo is to be exported: what the export window shows, and the queue remembers.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::compare::{Animation, Layout};
use crate::photo::{Format, Overwrite, Photo, Quality, SaveOptions, Strip};

/// How to export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportOptions {
    /// The file format.
    pub format: Format,
    /// Quality of JPEG and WebP files.
    #[serde(alias = "jpeg_quality")]
    pub quality: Quality,
    /// The longer side in pixels; a photo that is smaller is not enlarged. `None` keeps the size.
    pub longest_side_px: Option<u32>,
    /// Metadata to leave out.
    pub strip: Strip,
    /// How a comparison shows before and after.
    pub comparison: Layout,
    /// Whether "Before" and "After" stand on a comparison.
    pub has_labels: bool,
    /// What may happen to a file of the same name. Not remembered: the user is asked each time.
    #[serde(skip)]
    pub overwrite: Overwrite,
}

impl Default for ExportOptions {
    /// JPEG as the source, in full size, with all metadata; anything but the original may be replaced.
    fn default() -> Self {
        Self {
            format: Format::Jpeg,
            quality: Quality::AsSource,
            longest_side_px: None,
            strip: Strip::None,
            comparison: Layout::SideBySide,
            has_labels: true,
            overwrite: Overwrite::default(),
        }
    }
}

impl ExportOptions {
    /// The same with every value in its range.
    #[must_use]
    pub fn within_range(self) -> Self {
        Self {
            quality: self.quality.within_range(),
            longest_side_px: self.longest_side_px.filter(|&side| side > 0),
            comparison: match self.comparison {
                Layout::Split { percent } => Layout::Split {
                    percent: percent.min(100),
                },
                other => other,
            },
            ..self
        }
    }

    /// The same in the format that a file name asks for; `None` for a name that asks for none.
    pub fn for_path(self, path: &Path) -> Option<Self> {
        let format = Format::from_path(path)?;
        Some(Self { format, ..self })
    }

    /// As [`for_path`](Self::for_path), for a comparison: a blinking one has a name that ends in .gif or .webp.
    pub fn for_comparison_path(self, path: &Path) -> Option<Self> {
        match self.comparison {
            Layout::Blink(_) => Some(Self {
                comparison: Layout::Blink(Animation::from_path(path)?),
                ..self
            }),
            Layout::SideBySide | Layout::Split { .. } => self.for_path(path),
        }
    }

    /// How the name of a comparison ends, without the dot.
    pub fn comparison_extension(&self) -> &'static str {
        match self.comparison {
            Layout::Blink(animation) => animation.extension(),
            Layout::SideBySide | Layout::Split { .. } => self.format.extension(),
        }
    }

    /// What of a photo's pixels and metadata the file could not hold, in words.
    pub fn losses(&self, photo: &Photo) -> Vec<String> {
        let given_up = photo.given_up_for(self.format).into_iter();
        let losses = photo.losses(&self.save_options()).into_iter();
        given_up
            .map(|given_up| given_up.to_string())
            .chain(losses.map(|loss| loss.to_string()))
            .collect()
    }

    pub(super) fn save_options(&self) -> SaveOptions {
        SaveOptions {
            format: self.format,
            quality: match (self.format, self.quality) {
                // Chosen for a WebP file before.
                (Format::Jpeg, Quality::Lossless) => Quality::AsSource,
                (_, quality) => quality,
            },
            overwrite: self.overwrite,
            strip: self.strip,
        }
    }
}
