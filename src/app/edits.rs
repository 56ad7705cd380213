//! Carries out what the user does to the faces of a photo: edits, presets, boundaries, the brush.

use std::time::{Duration, Instant};

use super::Jawline;
use super::action::Action;
use super::notices::Notice;
use super::ui_state::Tool;
use crate::editor::presets::{Preset, Presets};
use crate::editor::{Change, Command, FaceId, NamedBoundary};
use crate::photo::PhotoId;
use crate::portrait::strokes::StrokeKind;

/// Steps of the wheel or of a key within this time are one step of the history.
const NUDGES_JOIN: Duration = Duration::from_millis(800);

impl Jawline {
    /// Changes the edit of the chosen face; `continues`: as part of what went before.
    pub(super) fn change(&mut self, change: Change, continues: bool) {
        let gesture = self.state.ui_state.gesture(continues);
        if let Some(session) = self.state.workspace.session_mut()
            && let Some(face) = session.document.chosen
        {
            session.apply(&Command::Edit { face, change }, Some(gesture));
            let amount = session.document.params(face).amount;
            tracing::debug!(face = face.0, amount, "edit");
        }
    }

    /// Moves the slider by the wheel or by a key. Steps that follow each other are one step of the
    /// history.
    pub(super) fn nudge(&mut self, by: f32) {
        let Some(session) = self.state.workspace.session() else {
            return;
        };
        let chosen = session.document.chosen;
        let Some(face) = chosen.filter(|face| session.is_editable(*face)) else {
            return;
        };
        let now = Instant::now();
        let continues = self
            .nudged_at
            .is_some_and(|at| now.duration_since(at) < NUDGES_JOIN);
        self.nudged_at = Some(now);
        let amount = session.document.params(face).amount + by;
        // Whole steps give whole numbers, even from a fraction.
        let amount = if by.fract() == 0.0 {
            amount.round()
        } else {
            amount
        };
        self.change(Change::Amount(amount), continues);
    }

    /// Keeps the chosen face's settings under a name.
    pub(super) fn save_preset(&mut self, name: &str) {
        let Some(session) = self.state.workspace.session() else {
            return;
        };
        let Some(face) = session.document.chosen else {
            return;
        };
        if !Presets::is_usable_name(name) {
            self.state.notices.add(Notice::warning(format!(
                "«{name}» comes with Jawline; choose another name"
            )));
            return;
        }
        let params = session.document.params(face);
        let name = name.to_owned();
        self.state.settings_store.update_presets(move |presets| {
            presets.save(&name, &params);
        });
    }

    /// Gives all other faces of the photo the chosen one's settings.
    pub(super) fn apply_to_all_faces(&mut self) {
        let Some(session) = self.state.workspace.session_mut() else {
            return;
        };
        let Some(chosen) = session.document.chosen else {
            return;
        };
        let preset = Preset {
            name: format!("As face {}", chosen.0),
            params: session.portable_params(chosen),
        };
        let gesture = self.state.ui_state.gesture(false);
        let others: Vec<FaceId> = session
            .document
            .faces()
            .iter()
            .filter(|face| face.id != chosen && face.landmarks.is_ok())
            .map(|face| face.id)
            .collect();
        for face in others {
            let change = preset.change();
            session.apply(&Command::Edit { face, change }, Some(gesture));
        }
    }

    /// A boundary was read from a file for a face, which moves along it from now on.
    pub(super) fn use_boundary(&mut self, photo: PhotoId, face: FaceId, boundary: NamedBoundary) {
        let gesture = self.state.ui_state.gesture(false);
        if let Some(document) = self.state.workspace.document_mut(photo) {
            let change = Change::Boundary(document.add_boundary(boundary));
            document.apply(&Command::Edit { face, change }, Some(gesture));
        }
    }

    /// Takes the brush in hand for a face, once its photo is in view.
    pub(super) fn paint_mask(&mut self, ctx: &egui::Context, photo: PhotoId, face: FaceId) {
        self.dispatch(ctx, Action::Switch(photo));
        let Some(document) = self.state.workspace.document_mut(photo) else {
            return;
        };
        if document.face(face).is_some() {
            document.chosen = Some(face);
            self.state.ui_state.awaited_brush = Some(photo);
            self.take_awaited_brush();
        }
    }

    /// Takes up the brush for the photo that it was asked for, once that is loaded and as long as it stays in
    /// view.
    pub(super) fn take_awaited_brush(&mut self) {
        let in_view = self.state.workspace.current().map(|photo| photo.id);
        self.state.ui_state.awaited_brush = self
            .state
            .ui_state
            .awaited_brush
            .filter(|photo| Some(*photo) == in_view);
        if self.state.workspace.session().is_some()
            && self.state.ui_state.awaited_brush.take().is_some()
        {
            self.state.ui_state.tool = Tool::Brush(StrokeKind::Add);
        }
    }
}
