//! Carries actions out: the one place where the window changes anything.

use std::path::PathBuf;
use std::sync::Arc;

use super::Jawline;
use super::action::{Action, WindowName};
use super::dialogs::Question;
use super::look::{Drag, Tool};
use super::notices::{Notice, Remedy};
use super::samples::SAMPLES;
use super::view::{Compare, View};
use crate::editor::presets::{Preset, Presets};
use crate::editor::{BoundaryChoice, Change, Command, FaceId, NamedBoundary};
use crate::engine::desk::{Request, Slot};

impl Jawline {
    /// Carries one action out.
    pub(super) fn dispatch(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::AskOpen => self.ask(Question::Photos),
            Action::Open(paths) => self.open(paths),
            Action::OpenSample(index) => {
                if let Some(sample) = SAMPLES.get(index) {
                    self.dialogs.unpack(sample, Arc::clone(&self.wake));
                }
            }
            Action::Switch(index) => self.workspace.switch(index, self.backend.as_mut()),
            Action::Close(index) => self.close(index),
            Action::Save => self.workspace.save(),
            Action::AskExport => self.ask(Question::Export),
            Action::Export(path) => self.export(path),
            Action::AskExportComparison => self.ask(Question::Comparison),
            Action::ExportComparison(path) => {
                if let Some(options) = self.export_options(&path) {
                    self.workspace.export_comparison(path, options);
                }
            }
            Action::Copy => {
                if self.workspace.session.is_some() {
                    self.workspace.copy();
                }
            }
            Action::CancelExport => self.workspace.cancel_export(),

            Action::Undo => self.with_document(|document| document.undo()),
            Action::Redo => self.with_document(|document| document.redo()),
            Action::Jump(step) => self.with_document(|document| document.jump(step)),
            Action::ChooseFace(id) => {
                if let Some(session) = &mut self.workspace.session {
                    session.choose(id, self.backend.as_mut());
                }
            }
            Action::Prepare(id) => {
                if let Some(session) = &mut self.workspace.session {
                    session.prepare_anew(id, self.backend.as_mut());
                }
            }
            Action::CancelPreparation(id) => {
                if let Some(session) = &mut self.workspace.session {
                    session.cancel_preparation(id, self.backend.as_mut());
                }
            }
            Action::CancelDiffusion(id) => {
                if let Some(session) = &mut self.workspace.session {
                    session.cancel_diffusion(id, self.backend.as_mut());
                }
            }
            Action::FindFaces => {
                if let Some(session) = &mut self.workspace.session {
                    session.find_faces(self.backend.as_mut());
                }
            }
            Action::MarkFace([left, right, chin]) => {
                if let Some(session) = &mut self.workspace.session {
                    session.mark_face([left, right], chin, self.backend.as_mut());
                }
            }
            Action::Change(change) => self.change(change, false),
            Action::ChangeOn(change) => self.change(change, true),
            Action::Nudge(by) => self.nudge(by),
            Action::Gesture { begins: true } => self.look.begin_gesture(),
            Action::Gesture { begins: false } => self.look.end_gesture(),
            Action::AskBoundary => self.ask(Question::Boundary),
            Action::OpenBoundary(path) => self.dialogs.read_boundary(path, Arc::clone(&self.wake)),
            Action::SavePreset(name) => self.save_preset(&name),
            Action::DeletePreset(name) => {
                self.presets.delete(&name);
                self.shelf.update_presets(move |presets| {
                    presets.delete(&name);
                });
            }
            Action::ApplyToAllFaces => self.apply_to_all_faces(),

            Action::Compare(compare) => {
                if let Compare::Split { axis, position } = compare {
                    self.look.split = (axis, position);
                }
                self.look.compare = compare;
            }
            Action::HoldBefore(holds) => self.look.holds_before = holds,
            Action::View(view) => {
                self.look.view = Some(view);
                self.look.is_fit = false;
            }
            Action::Fit => self.look.is_fit = true,
            Action::Zoom(zoom) => self.zoom(zoom),
            Action::ZoomStep { closer } => {
                if let Some(view) = self.look.view {
                    self.zoom(view.next_zoom(closer));
                }
            }
            Action::Tool(tool) => {
                self.look.tool = tool;
                self.look.drag = Drag::Nothing;
                self.look.stroke = None;
                self.look.pull = None;
            }
            Action::Brush(brush) => self.look.brush = brush,
            Action::Overlays(overlays) => self.look.overlays = overlays,
            Action::TogglePanels => self.look.hides_panels = !self.look.hides_panels,
            Action::ToggleWindow(name) => self.toggle_window(name),
            Action::Escape => self.escape(),

            Action::Install => {
                self.engine.installing = Some(None);
                self.backend.send(Request::Install);
            }
            Action::CancelInstall => {
                self.engine.installing = None;
                self.backend.cancel(Slot::Install);
            }
            Action::AskNetworks => self.ask(Question::Networks),
            Action::ImportNetworks(files) => {
                self.engine.importing = Some(None);
                self.backend.send(Request::Import { files });
            }
            Action::CancelImport => {
                self.engine.importing = None;
                self.backend.cancel(Slot::Import);
            }
            Action::Engine(settings) => self.restart_engine(settings),
            Action::RefineKeyframes(refines) => {
                self.settings.refines_keyframes = refines;
                self.shelf
                    .update_settings(move |settings| settings.refines_keyframes = refines);
            }
            Action::UiScale(scale) => {
                self.settings.ui_scale = scale;
                ctx.set_zoom_factor(scale);
                self.shelf
                    .update_settings(move |settings| settings.ui_scale = scale);
            }
            Action::Background(grey) => {
                self.settings.background = grey;
                self.shelf
                    .update_settings(move |settings| settings.background = grey);
            }
            Action::DifferenceGain(gain) => {
                self.settings.difference_gain = gain;
                self.shelf
                    .update_settings(move |settings| settings.difference_gain = gain);
            }
            Action::ExportOptions(options) => {
                self.settings.export = options;
                self.shelf
                    .update_settings(move |settings| settings.export = options);
            }
            Action::ClearRecent => {
                self.settings.recent.clear();
                self.shelf
                    .update_settings(|settings| settings.recent.clear());
            }
            Action::Dismiss(index) => self.notices.dismiss(index),
            Action::Remedy(remedy) => self.remedy(ctx, remedy),
            Action::Recover(index) => self.workspace.recover(index, self.backend.as_mut()),
            Action::DiscardRecovered(index) => {
                if let Some(notice) = self.workspace.discard(index) {
                    self.notices.add(notice);
                }
            }
            Action::Quit => self.ask_to_quit(ctx),
            Action::QuitUnsaved => self.quit(ctx),
            Action::SaveAndQuit => {
                self.quits_when_saved = true;
                self.look.windows.closing = false;
                self.workspace.save_all();
            }
        }
    }

    /// Opens files and remembers them.
    pub(super) fn open(&mut self, paths: Vec<PathBuf>) {
        if paths.is_empty() {
            return;
        }
        for path in paths.iter().rev() {
            self.settings.add_recent(path);
        }
        let recent = paths.clone();
        self.shelf.update_settings(move |settings| {
            for path in recent.iter().rev() {
                settings.add_recent(path);
            }
        });
        self.workspace.open(paths, self.backend.as_mut());
    }

    fn close(&mut self, index: usize) {
        if self.workspace.is_unsaved(index) && self.closing_asked != Some(index) {
            self.closing_asked = Some(index);
            let name = self
                .workspace
                .photos
                .get(index)
                .map_or("", |photo| photo.name.as_str());
            self.notices.add(Notice::warning(format!(
                "{name} has edits that are not saved. Save it, or close it once more to let them go"
            )));
            return;
        }
        self.closing_asked = None;
        self.workspace.close(index, self.backend.as_mut());
        if self.workspace.photos.is_empty() {
            self.show_photo();
        }
    }

    fn with_document(&mut self, change: impl FnOnce(&mut crate::editor::Document) -> bool) {
        if let Some(session) = &mut self.workspace.session {
            change(&mut session.document);
        }
    }

    fn change(&mut self, change: Change, continues: bool) {
        let gesture = self.look.gesture(continues);
        if let Some(session) = &mut self.workspace.session
            && let Some(face) = session.document.chosen
        {
            session.apply(&Command::Edit { face, change }, Some(gesture));
        }
    }

    /// Moves the slider by the wheel or by a key. Steps that follow each other are one step of the
    /// history.
    fn nudge(&mut self, by: f32) {
        let Some(session) = &self.workspace.session else {
            return;
        };
        let usable = session
            .chosen_live()
            .is_some_and(|live| live.prepared.is_some());
        let Some(face) = session.document.chosen.filter(|_| usable) else {
            return;
        };
        let now = std::time::Instant::now();
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

    fn zoom(&mut self, zoom: f32) {
        if let Some(view) = self.look.view {
            self.look.view = Some(View { zoom, ..view });
            self.look.is_fit = false;
        }
    }

    fn toggle_window(&mut self, name: WindowName) {
        let windows = &mut self.look.windows;
        let open = match name {
            WindowName::Settings => &mut windows.settings,
            WindowName::About => &mut windows.about,
            WindowName::Log => &mut windows.log,
            WindowName::Keys => &mut windows.keys,
            WindowName::Export => &mut windows.export,
            WindowName::OpenPath => &mut windows.open_path,
        };
        *open = !*open;
        if name == WindowName::Export && self.workspace.session.is_none() {
            self.look.windows.export = false;
        }
    }

    fn escape(&mut self) {
        if self.look.windows != super::look::OpenWindows::default() {
            self.look.windows = super::look::OpenWindows::default();
        } else if self.look.tool != Tool::Hand {
            self.look.tool = Tool::Hand;
            self.look.stroke = None;
        } else if self.look.hides_panels {
            self.look.hides_panels = false;
        } else {
            self.notices.dismiss_done();
        }
    }

    fn export_options(
        &mut self,
        path: &std::path::Path,
    ) -> Option<crate::editor::export::ExportOptions> {
        let options = self.settings.export.for_path(path);
        if options.is_none() {
            self.notices.add(
                Notice::problem(format!(
                    "{} does not say which format is wanted; end the name with .jpg, .png, .tif or .webp",
                    path.display()
                ))
                .with_remedy(Remedy::ExportAgain),
            );
        }
        options
    }

    fn export(&mut self, path: PathBuf) {
        if let Some(options) = self.export_options(&path) {
            self.workspace.export(path, options);
        }
    }

    fn save_preset(&mut self, name: &str) {
        let Some(session) = &self.workspace.session else {
            return;
        };
        let Some(face) = session.document.chosen else {
            return;
        };
        if !Presets::is_usable_name(name) {
            self.notices.add(Notice::warning(format!(
                "«{name}» comes with Jawline; choose another name"
            )));
            return;
        }
        let params = session.document.params(face);
        self.presets.save(name, &params);
        let name = name.to_owned();
        self.shelf.update_presets(move |presets| {
            presets.save(&name, &params);
        });
    }

    fn apply_to_all_faces(&mut self) {
        let Some(session) = &mut self.workspace.session else {
            return;
        };
        let Some(chosen) = session.document.chosen else {
            return;
        };
        let preset = Preset {
            name: format!("As face {}", chosen.0),
            params: session.portable_params(chosen),
        };
        let gesture = self.look.gesture(false);
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
            if session.live(face).is_none() {
                session.prepare(face, self.backend.as_mut());
            }
        }
    }

    /// A boundary was read from a file: the chosen face moves along it.
    pub(super) fn use_boundary(&mut self, boundary: NamedBoundary) {
        let Some(session) = &mut self.workspace.session else {
            return;
        };
        let boundaries = &mut session.document.boundaries;
        let index = match boundaries.iter().position(|known| *known == boundary) {
            Some(index) => index,
            None => {
                boundaries.push(boundary);
                boundaries.len() - 1
            }
        };
        self.change(Change::Boundary(BoundaryChoice::File(index)), false);
    }

    fn remedy(&mut self, ctx: &egui::Context, remedy: Remedy) {
        match remedy {
            Remedy::Install => self.dispatch(ctx, Action::Install),
            Remedy::MarkFace => self.dispatch(ctx, Action::Tool(Tool::Mark(Vec::new()))),
            Remedy::ExportAgain => self.look.windows.export = true,
            Remedy::Open => self.dispatch(ctx, Action::AskOpen),
        }
    }

    /// Closes, unless there is something to save.
    pub(super) fn ask_to_quit(&mut self, ctx: &egui::Context) {
        if self.workspace.unsaved_names().is_empty() {
            self.quit(ctx);
        } else {
            self.look.windows.closing = true;
        }
    }

    /// Closes.
    pub(super) fn quit(&mut self, ctx: &egui::Context) {
        self.may_close = true;
        self.workspace.forget_autosaves();
        ctx.send_viewport_cmd(egui::ViewportCommand::Close);
    }
}

/// Steps of the wheel or of a key within this time are one step of the history.
const NUDGES_JOIN: std::time::Duration = std::time::Duration::from_millis(800);
