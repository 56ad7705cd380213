//! What is chosen of an edit beside how much and along what: how the new neck is put into the portrait.
//!
//! The command line, the document with its history, project files, presets and the engine share it.

use std::sync::Arc;

use serde::de::MapAccess;
use serde::{Deserialize, Serialize};

use super::edit_mask::MaskSettings;
use super::strokes::Stroke;
use super::warp::{Pull, WarpSettings};

/// How the edited neck is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// At once: the photo's own pixels are moved by the neck field ([`field`](super::field)), without
    /// generator and code.
    Instant,
    /// Warped towards the photo's outline, then pasted with the soft mask.
    #[default]
    Warp,
    /// Pasted with the soft mask as the generator drew it.
    Plain,
    /// A code is looked for whose picture meets the photo around the neck
    /// ([`diffusion`](crate::latent::diffusion)); that picture is pasted with the soft mask.
    Diffuse,
}

impl Method {
    /// All methods, the quickest first.
    pub const ALL: [Self; 4] = [Self::Instant, Self::Warp, Self::Plain, Self::Diffuse];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instant => "Instant",
            Self::Warp => "Warp",
            Self::Plain => "Plain",
            Self::Diffuse => "Diffuse",
        }
    }

    /// What it does, and when to take it, in a sentence.
    pub fn description(self) -> &'static str {
        match self {
            Self::Instant => {
                "Moves and shades the photo's own pixels, at once and at full resolution: skin stays skin"
            }
            Self::Warp => {
                "Draws a new neck along the boundary, bends it to meet the photo's jaw line and blends it in: \
                 for folds that must be painted again"
            }
            Self::Plain => "Blends the new neck in as it was drawn",
            Self::Diffuse => {
                "Draws the neck again and again until it meets the photo around it: slow, for seams that \
                 the warp leaves"
            }
        }
    }
}

/// How an edit is put into a portrait.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EditSettings {
    /// How the edited neck is put back.
    pub method: Method,
    /// The warp, for [`Method::Warp`].
    pub warp: WarpSettings,
    /// Points that were pulled aside, for [`Method::Warp`] and [`Method::Instant`].
    pub pulls: Vec<Pull>,
    /// The shape of the mask.
    pub mask: MaskSettings,
    /// What was painted into the mask.
    pub strokes: Vec<Arc<Stroke>>,
    /// Whether the edited neck is brought into the photo's colours.
    pub match_colour: bool,
}

impl Default for EditSettings {
    /// As it suits most portraits.
    fn default() -> Self {
        Self {
            method: Method::default(),
            warp: WarpSettings::default(),
            pulls: Vec::new(),
            mask: MaskSettings::default(),
            strokes: Vec::new(),
            match_colour: true,
        }
    }
}

impl EditSettings {
    /// Reads the value of the field `name` from a form that is flat: its fields stand among those of what the
    /// settings belong to. (`serde(flatten)` keeps all that it reads a second time, and a file may hold a million
    /// points of strokes.) Other fields are passed over.
    ///
    /// # Errors
    /// When the value makes no sense.
    pub fn read_field<'de, M: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match name {
            "method" => self.method = map.next_value()?,
            "warp" => self.warp = map.next_value()?,
            "pulls" => self.pulls = map.next_value()?,
            "mask" => self.mask = map.next_value()?,
            "strokes" => self.strokes = map.next_value()?,
            "match_colour" => self.match_colour = map.next_value()?,
            _ => {
                map.next_value::<serde::de::IgnoredAny>()?;
            }
        }
        Ok(())
    }

    /// The same with every value brought into its range, and without what is not finite.
    #[must_use]
    pub fn within_range(mut self) -> Self {
        self.warp = self.warp.within_range();
        self.mask = self.mask.within_range();
        self.pulls.retain(Pull::is_finite);
        self.strokes.retain(|stroke| stroke.is_finite());
        self
    }

    /// What can be carried over to another face: all but what was drawn on this one.
    #[must_use]
    pub fn portable(&self) -> Self {
        Self {
            pulls: Vec::new(),
            strokes: Vec::new(),
            ..self.clone()
        }
    }
}
