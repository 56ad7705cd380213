//! What the user has chosen: small, comparable, and kept in every step of the history.

use std::collections::BTreeMap;
use std::fmt::{self, Formatter};
use std::ops::RangeInclusive;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::FaceId;
use crate::geometry::Landmarks;
use crate::portrait::{EditSettings, Method};

/// The slider's range in per cent: 0 is the photo, 100 the strongest edit, a little below 0 adds chin.
pub const AMOUNT_RANGE: RangeInclusive<f32> = -20.0..=100.0;

/// All edits of a photo.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Edits {
    /// Faces that the user has marked, since the detector did not find them.
    pub marked: Vec<MarkedFace>,
    /// What was chosen for a face; a face that is not here is untouched.
    pub faces: BTreeMap<FaceId, FaceParams>,
    /// The method that untouched faces begin with. Files of the time before it was chosen have none.
    #[serde(default)]
    pub first_method: Method,
}

impl Edits {
    /// What was chosen for a face.
    pub fn of(&self, face: FaceId) -> FaceParams {
        self.faces.get(&face).cloned().unwrap_or_else(|| {
            let mut untouched = FaceParams::default();
            untouched.settings.method = self.first_method;
            untouched
        })
    }
}

/// A face that the user has marked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarkedFace {
    /// Its number.
    pub id: FaceId,
    /// Its landmarks in photo pixels.
    pub landmarks: Landmarks,
}

/// Which boundary a code moves along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoundaryChoice {
    /// Our own fine one: [`Boundary::fine`](crate::latent::Boundary::fine).
    #[default]
    Fine,
    /// Our own coarse one: [`Boundary::coarse`](crate::latent::Boundary::coarse). It was the only one once,
    /// and files of that time call it so.
    #[serde(rename = "double-chin")]
    Coarse,
    /// One from a file, by its place in [`Document::boundaries`](super::Document::boundaries).
    File(usize),
}

/// What the user has chosen for one face. In files the fields of its settings stand among its own.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct FaceParams {
    /// How much of the double chin is removed, per cent, within [`AMOUNT_RANGE`]; 0 is as photographed.
    pub amount: f32,
    /// The boundary.
    pub boundary: BoundaryChoice,
    /// Layers that drive up to this resolution move; `None` leaves it to the boundary.
    pub up_to_px: Option<usize>,
    /// How the edit is put into the portrait.
    #[serde(flatten)]
    pub settings: EditSettings,
}

impl<'de> Deserialize<'de> for FaceParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = FaceParams;

            fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
                formatter.write_str("the settings of a face")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<FaceParams, M::Error> {
                let mut params = FaceParams::default();
                while let Some(field) = map.next_key::<String>()? {
                    match field.as_str() {
                        "amount" => params.amount = map.next_value()?,
                        "boundary" => params.boundary = map.next_value()?,
                        "up_to_px" => params.up_to_px = map.next_value()?,
                        name => params.settings.read_field(name, &mut map)?,
                    }
                }
                Ok(params)
            }
        }

        deserializer.deserialize_map(Form)
    }
}

impl FaceParams {
    /// Is the face as photographed?
    pub fn changes_nothing(&self) -> bool {
        self.amount == 0.0
    }

    /// The same settings at another amount.
    #[must_use]
    pub fn at_amount(&self, amount: f32) -> Self {
        Self {
            amount,
            ..self.clone()
        }
    }

    /// The same with every value brought into its range, and without what is not finite.
    #[must_use]
    pub fn within_range(self) -> Self {
        let amount = match self.amount {
            amount if amount.is_nan() => 0.0,
            amount => amount.clamp(*AMOUNT_RANGE.start(), *AMOUNT_RANGE.end()),
        };
        Self {
            amount,
            settings: self.settings.within_range(),
            ..self
        }
    }

    /// What can be carried over to another face: all but what was drawn on this one.
    #[must_use]
    pub fn portable(&self) -> Self {
        Self {
            settings: self.settings.portable(),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_stand_among_a_faces_own_fields_in_files() {
        let mut params = FaceParams::default().at_amount(40.0);
        params.settings.match_colour = false;
        params.settings.warp.strength = 0.25;
        let mut written = json!(params);
        assert_eq!(written["match_colour"], false);
        assert_eq!(written["warp"]["strength"], 0.25);
        assert!(written.get("settings").is_none());
        written["of a later version"] = json!([1, {"a": 2}]);
        assert_eq!(FaceParams::deserialize(written).unwrap(), params);
        // What a file does not say is as it is at first.
        let short = FaceParams::deserialize(json!({"method": "plain"})).unwrap();
        assert_eq!(short.settings.method, Method::Plain);
        assert!(short.settings.match_colour && short.amount == 0.0);
        assert!(FaceParams::deserialize(json!({"method": "no such"})).is_err());
    }
}
