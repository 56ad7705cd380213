//! Named settings of a face that can be put on any other: `presets.json` in the data directory.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::json_file::{Error, JsonStore, Value};
use super::{BoundaryChoice, Change, FaceParams};

/// A preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preset {
    /// Its name.
    pub name: String,
    /// The settings, as [`FaceParams::portable`].
    pub params: FaceParams,
}

impl Preset {
    /// The change that puts the preset on a face.
    pub fn change(&self) -> Change {
        Change::Apply {
            name: format!("Preset {}", self.name),
            params: Box::new(self.params.clone()),
        }
    }
}

/// The presets that the user has saved.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Presets {
    presets: Vec<Preset>,
}

impl Presets {
    /// The file's name.
    pub const FILE: &str = "presets.json";

    /// Loads the presets from the data directory. A file that makes no sense is put aside and reported.
    pub fn load(data_dir: Option<&Path>) -> (JsonStore<Self>, Option<Error>) {
        JsonStore::load(data_dir, Self::FILE)
    }

    /// Those that come with the program. They can be neither changed nor deleted.
    pub fn built_in() -> Vec<Preset> {
        let preset = |name: &str, amount| Preset {
            name: name.to_owned(),
            params: FaceParams::default().at_amount(amount),
        };
        vec![
            preset("Subtle", 40.0),
            preset("Natural", 75.0),
            preset("Strong", 100.0),
        ]
    }

    /// The user's own, in alphabetical order.
    pub fn own(&self) -> &[Preset] {
        &self.presets
    }

    /// Those built in, then the user's own.
    pub fn all(&self) -> Vec<Preset> {
        let mut all = Self::built_in();
        all.extend_from_slice(&self.presets);
        all
    }

    /// Whether a name is free for a preset of the user's: not empty, and not that of one built in.
    pub fn is_usable_name(name: &str) -> bool {
        let name = name.trim();
        !name.is_empty() && Self::built_in().iter().all(|preset| preset.name != name)
    }

    /// Saves the settings of a face under a name, and replaces a preset of that name. A boundary from a
    /// file belongs to its document: the preset gets our own instead. `false` for an unusable name.
    pub fn save(&mut self, name: &str, params: &FaceParams) -> bool {
        if !Self::is_usable_name(name) {
            return false;
        }
        let name = name.trim();
        self.delete(name);
        let mut params = params.portable().within_range();
        if matches!(params.boundary, BoundaryChoice::File(_)) {
            params.boundary = BoundaryChoice::Fine;
        }
        self.presets.push(Preset {
            name: name.to_owned(),
            params,
        });
        self.sort();
        true
    }

    /// Deletes a preset; `false` if there is none of that name.
    pub fn delete(&mut self, name: &str) -> bool {
        let before = self.presets.len();
        self.presets.retain(|preset| preset.name != name);
        self.presets.len() < before
    }

    fn sort(&mut self) {
        self.presets
            .sort_by_cached_key(|preset| preset.name.to_lowercase());
    }
}

impl Value for Presets {
    fn within_range(mut self) -> Self {
        self.presets
            .retain(|preset| Self::is_usable_name(&preset.name));
        for preset in &mut self.presets {
            preset.params = preset.params.portable().within_range();
        }
        self.sort();
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::editor::{Command, Document, FaceId};
    use crate::geometry::Point;
    use crate::portrait::strokes::{Stroke, StrokeKind};

    fn params(amount: f32) -> FaceParams {
        FaceParams::default().at_amount(amount)
    }

    fn names(presets: &Presets) -> Vec<&str> {
        let own = presets.own().iter();
        own.map(|preset| preset.name.as_str()).collect()
    }

    #[test]
    fn presets_are_saved_replaced_and_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let (mut kept, _) = Presets::load(Some(folder.path()));
        kept.update(|presets| {
            assert!(presets.save(" wedding ", &params(60.0)));
            assert!(presets.save("Album", &params(50.0)));
            assert!(presets.save("wedding", &params(61.0)));
            assert!(presets.save("Album", &params(10.0)));
            assert!(!presets.save("  ", &params(10.0)));
        })
        .unwrap();
        let (mut again, problem) = Presets::load(Some(folder.path()));
        assert!(problem.is_none());
        assert_eq!(names(again.get()), ["Album", "wedding"]);
        assert_eq!(again.get().own()[0].params.amount, 10.0);
        assert_eq!(again.get().own()[1].params.amount, 61.0);
        again
            .update(|presets| assert!(presets.delete("Album")))
            .unwrap();
        assert_eq!(
            names(Presets::load(Some(folder.path())).0.get()),
            ["wedding"]
        );
    }

    #[test]
    fn those_built_in_stay() {
        let mut presets = Presets::default();
        assert!(!presets.save("Natural", &params(1.0)));
        assert!(!presets.delete("Natural"));
        let all = presets.all();
        let amounts: Vec<f32> = all.iter().map(|preset| preset.params.amount).collect();
        assert_eq!(amounts, [40.0, 75.0, 100.0]);
    }

    #[test]
    fn a_preset_carries_no_drawing_over_and_takes_none_away() {
        let stroke = Arc::new(Stroke {
            kind: StrokeKind::Add,
            radius_px: 9.0,
            hardness: 0.5,
            path: vec![Point::new(1.0, 2.0)],
        });
        let mut drawn = params(80.0);
        drawn.settings.strokes.push(Arc::clone(&stroke));
        drawn.boundary = BoundaryChoice::File(3);
        let mut presets = Presets::default();
        presets.save("mine", &drawn);
        let preset = &presets.own()[0];
        assert!(preset.params.settings.strokes.is_empty());
        assert_eq!(preset.params.boundary, BoundaryChoice::Fine);

        let mut document = Document::new(None, "x".to_owned());
        let face = FaceId(1);
        let edit = |change| Command::Edit { face, change };
        document.apply(&edit(Change::Paint(stroke)), None);
        document.apply(&edit(preset.change()), None);
        assert_eq!(document.params(face).amount, 80.0);
        assert_eq!(document.params(face).settings.strokes.len(), 1);
    }

    #[test]
    fn absurd_values_in_the_file_are_brought_into_range() {
        let folder = tempfile::tempdir().unwrap();
        let text = "{\"presets\": [{\"name\": \"x\", \"params\": {\"amount\": 1e20}}]}";
        std::fs::write(folder.path().join(Presets::FILE), text).unwrap();
        let (kept, problem) = Presets::load(Some(folder.path()));
        assert!(problem.is_none());
        let mut document = Document::new(None, "x".to_owned());
        let face = FaceId(1);
        let change = kept.get().own()[0].change();
        document.apply(&Command::Edit { face, change }, None);
        assert_eq!(document.params(face).amount, 100.0);
    }
}
