//! Carries actions out: the one place where the window changes anything.

use std::path::PathBuf;
use std::sync::Arc;

use super::Jawline;
use super::action::{Action, WindowName};
use super::dialogs::Question;
use super::notices::{Notice, Remedy};
use super::session::Session;
use super::ui_state::{Hand, Tool};
use super::view::{Compare, View};
use super::workspace::{Event, Workspace};
use crate::editor::compare::Layout;
use crate::editor::project::Replace;
use crate::editor::settings::Settings;
use crate::engine::client::{Backend, Request, Slot};
use crate::photo::{Overwrite, PhotoId};

impl Jawline {
    /// Carries one action out.
    pub(super) fn dispatch(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::AskOpen => self.ask(Question::Photos),
            Action::Open(paths) => self.open(ctx, paths),
            Action::OpenSample(sample) => self.dialogs.unpack(sample, Arc::clone(&self.wake)),
            Action::Switch(id) => {
                self.in_workspace(ctx, |workspace, backend| workspace.switch(id, backend))
            }
            Action::Close(id) => {
                self.in_workspace(ctx, |workspace, backend| workspace.close(id, backend))
            }
            Action::SaveAndClose(id) => self.state.workspace.save_and_close(id),
            Action::DiscardAndClose(id) => self.in_workspace(ctx, |workspace, backend| {
                workspace.discard_and_close(id, backend)
            }),
            Action::TryAgain(id) => self.state.workspace.try_again(id),
            Action::AskLocate(id) => self.ask(Question::Locate(id)),
            Action::Locate(id, path) => self.state.workspace.locate(id, path),
            Action::Save => {
                if let Some(id) = self.state.workspace.current().map(|photo| photo.id) {
                    self.state.workspace.save(id);
                }
            }
            Action::AskSaveAs(id) => self.ask(Question::SaveAs(id)),
            Action::SaveAs {
                photo,
                path,
                replace,
            } => self.state.workspace.save_as(photo, path, replace),
            Action::AskExport {
                photo,
                is_comparison,
            } => self.ask(match is_comparison {
                true => Question::Comparison(photo),
                false => Question::Export(photo),
            }),
            Action::Export {
                photo,
                path,
                is_comparison,
                replaces,
            } => self.export(photo, path, is_comparison, replaces),
            Action::Batch(step) => self.batch(step),
            Action::Copy => {
                if let Some(id) = self.state.workspace.current().map(|photo| photo.id) {
                    self.state.workspace.copy(id);
                }
            }
            Action::CancelWrite(id) => {
                let notice = self.state.workspace.cancel_write(id, self.backend.as_mut());
                notice
                    .into_iter()
                    .for_each(|notice| self.state.notices.add(notice));
            }

            Action::Undo => self.with_document(|document| document.undo()),
            Action::Redo => self.with_document(|document| document.redo()),
            Action::Jump(step) => self.with_document(|document| document.jump(step)),
            Action::ChooseFace(id) => self.with_session(|session, _| session.choose(id)),
            Action::Prepare(id) => {
                self.with_session(|session, backend| session.search_again(id, backend));
            }
            Action::CancelPreparation(id) => {
                self.with_session(|session, backend| session.cancel_preparation(id, backend));
            }
            Action::CancelDiffusion(id) => {
                self.with_session(|session, backend| session.cancel_diffusion(id, backend));
            }
            Action::FindFaces => self.with_session(|session, backend| session.find_faces(backend)),
            Action::MarkFace([left, right, chin]) => self.with_session(|session, backend| {
                session.mark_face([left, right], chin, backend);
            }),
            Action::Change(change) => self.change(change, false),
            Action::Nudge(by) => self.nudge(by),
            Action::Gesture { begins: true } => self.state.ui_state.begin_gesture(),
            Action::Gesture { begins: false } => self.state.ui_state.end_gesture(),
            Action::AskBoundary => {
                if let Some(photo) = self.state.workspace.current()
                    && let Some(face) = photo.document().and_then(|document| document.chosen)
                {
                    self.ask(Question::Boundary(photo.id, face));
                }
            }
            Action::OpenBoundary(photo, face, path) => {
                let wake = Arc::clone(&self.wake);
                self.dialogs.read_boundary(photo, face, path, wake);
            }
            Action::SavePreset(name) => self.save_preset(&name),
            Action::DeletePreset(name) => {
                self.state.settings_store.update_presets(move |presets| {
                    presets.delete(&name);
                });
            }
            Action::ApplyToAllFaces => self.apply_to_all_faces(),

            Action::Compare(compare) => {
                if let Compare::Split { axis, position } = compare {
                    self.state.ui_state.split = (axis, position);
                }
                self.state.ui_state.compare = compare;
            }
            Action::HoldBefore(holds) => self.state.ui_state.holds_before = holds,
            Action::View(view) => {
                self.state.ui_state.view = Some(view);
                self.state.ui_state.is_fit = false;
            }
            Action::Fit => self.state.ui_state.is_fit = true,
            Action::Zoom(zoom) => self.zoom(zoom),
            Action::ZoomStep { closer } => {
                if let Some(view) = self.state.ui_state.view {
                    self.zoom(view.next_zoom(closer));
                }
            }
            Action::Tool(tool) => {
                self.state.ui_state.tool = tool;
                self.state.ui_state.hand = Hand::default();
            }
            Action::Brush(brush) => self.state.ui_state.brush = brush,
            Action::Overlays(overlays) => self.state.ui_state.overlays = overlays,
            Action::TogglePanels => {
                self.state.ui_state.hides_panels = !self.state.ui_state.hides_panels
            }
            Action::ToggleWindow(name) => self.toggle_window(name),
            Action::Escape => self.escape(),

            Action::Install => {
                self.state.engine.installing = Some(None);
                self.backend.send(Request::Install);
            }
            Action::CancelInstall => {
                self.state.engine.installing = None;
                self.backend.cancel(Slot::Install);
            }
            Action::AskNetworks => self.ask(Question::Networks),
            Action::ImportNetworks(files) => {
                self.state.engine.importing = Some(None);
                self.backend.send(Request::Import { files });
            }
            Action::CancelImport => {
                self.state.engine.importing = None;
                self.backend.cancel(Slot::Import);
            }
            Action::Engine(settings) => self.restart_engine(settings),
            Action::FirstMethod(method) => {
                self.state.workspace.method = method;
                self.set(move |settings| settings.method = method);
            }
            Action::RefineKeyframes(refines) => {
                self.set(move |settings| settings.refines_keyframes = refines)
            }
            Action::UiScale(scale) => {
                ctx.set_zoom_factor(scale);
                self.set(move |settings| settings.ui_scale = scale);
            }
            Action::Background(grey) => self.set(move |settings| settings.background = grey),
            Action::DifferenceGain(gain) => {
                self.set(move |settings| settings.difference_gain = gain)
            }
            Action::ExportOptions(options) => self.set(move |settings| settings.export = options),
            Action::ClearRecent => self.set(|settings| settings.recent.clear()),
            Action::Dismiss(id) => self.state.notices.dismiss(id),
            Action::Remedy(remedy) => self.remedy(ctx, remedy),
            Action::Recover(autosave) => self.in_workspace(ctx, |workspace, backend| {
                workspace.recover(&autosave, backend)
            }),
            Action::DiscardRecoverable(autosave) => {
                self.state.workspace.discard_recoverable(&autosave)
            }
            Action::Quit => self.in_workspace(ctx, |workspace, _| workspace.quit()),
            Action::QuitUnsaved => {
                self.in_workspace(ctx, |workspace, _| workspace.discard_all_and_quit())
            }
            Action::SaveAndQuit => self.state.workspace.save_all_and_quit(),
            Action::Stay => self.state.workspace.stay(),
        }
    }

    /// Opens files and remembers them.
    pub(super) fn open(&mut self, ctx: &egui::Context, paths: Vec<PathBuf>) {
        if paths.is_empty() {
            return;
        }
        let recent = paths.clone();
        self.state.settings_store.update_settings(move |settings| {
            for path in recent.iter().rev() {
                settings.add_recent(path);
            }
        });
        let events = self.state.workspace.open(paths, self.backend.as_mut());
        self.handle_events(ctx, events);
    }

    /// Changes the settings, which are kept.
    fn set(&mut self, change: impl Fn(&mut Settings) + Send + 'static) {
        self.state.settings_store.update_settings(change);
    }

    fn in_workspace(
        &mut self,
        ctx: &egui::Context,
        change: impl FnOnce(&mut Workspace, &mut dyn Backend) -> Vec<Event>,
    ) {
        let events = change(&mut self.state.workspace, self.backend.as_mut());
        self.handle_events(ctx, events);
    }

    fn with_session(&mut self, change: impl FnOnce(&mut Session, &mut dyn Backend)) {
        if let Some(session) = self.state.workspace.session_mut() {
            change(session, self.backend.as_mut());
        }
    }

    fn with_document(&mut self, change: impl FnOnce(&mut crate::editor::Document) -> bool) {
        if let Some(session) = self.state.workspace.session_mut() {
            change(&mut session.document);
        }
    }

    fn zoom(&mut self, zoom: f32) {
        if let Some(view) = self.state.ui_state.view {
            self.state.ui_state.view = Some(View { zoom, ..view });
            self.state.ui_state.is_fit = false;
        }
    }

    fn toggle_window(&mut self, name: WindowName) {
        let windows = &mut self.state.ui_state.windows;
        let open = match name {
            WindowName::Settings => &mut windows.settings,
            WindowName::About => &mut windows.about,
            WindowName::Log => &mut windows.log,
            WindowName::Keys => &mut windows.keys,
            WindowName::Export => &mut windows.export,
            WindowName::Batch => &mut windows.batch,
            WindowName::OpenPath => &mut windows.open_path,
            WindowName::SaveAs => &mut windows.save_as,
        };
        *open = !*open;
        if self.state.workspace.session().is_none() {
            self.state.ui_state.windows.export = false;
            self.state.ui_state.windows.save_as = false;
        }
    }

    fn escape(&mut self) {
        if self.state.workspace.question().is_some() {
            self.state.workspace.stay();
        } else if self.state.ui_state.windows != super::ui_state::OpenWindows::default() {
            self.state.ui_state.windows = super::ui_state::OpenWindows::default();
        } else if self.state.ui_state.tool != Tool::Hand {
            self.state.ui_state.tool = Tool::Hand;
            self.state.ui_state.hand.stroke = None;
        } else if self.state.ui_state.hides_panels {
            self.state.ui_state.hides_panels = false;
        } else {
            self.state.notices.dismiss_done();
        }
    }

    fn export_options(
        &mut self,
        photo: PhotoId,
        path: &std::path::Path,
        is_comparison: bool,
    ) -> Option<crate::editor::export::ExportOptions> {
        let export = self.state.settings().export;
        let (options, endings) = match (is_comparison, export.comparison) {
            (true, Layout::Blink(_)) => (export.for_comparison_path(path), ".gif or .webp"),
            _ => (export.for_path(path), ".jpg, .png, .tif or .webp"),
        };
        if options.is_none() {
            self.state.notices.add(
                Notice::problem(format!(
                    "{} does not say which format is wanted; end the name with {endings}",
                    path.display()
                ))
                .with_remedy(Remedy::ExportAgain(photo)),
            );
        }
        options
    }

    fn export(&mut self, photo: PhotoId, path: PathBuf, is_comparison: bool, replaces: bool) {
        // Whatever the user agrees to: no photo that is open is ever written to.
        let mut photos = self.state.workspace.photos().iter();
        if let Some(open) = photos.find(|open| open.photo_path() == Some(&path)) {
            let text = format!(
                "{} is open here as {}, and an original is never written to",
                path.display(),
                open.name
            );
            let remedy = Remedy::ExportAgain(photo);
            return self
                .state
                .notices
                .add(Notice::problem(text).with_remedy(remedy));
        }
        if let Some(mut options) = self.export_options(photo, &path, is_comparison) {
            options.overwrite = match replaces {
                true => Overwrite::ExceptSource,
                false => Overwrite::Never,
            };
            self.state
                .workspace
                .export(photo, path, options, is_comparison);
        }
    }

    fn remedy(&mut self, ctx: &egui::Context, remedy: Remedy) {
        match remedy {
            Remedy::Install => self.dispatch(ctx, Action::Install),
            Remedy::MarkFace => self.dispatch(ctx, Action::Tool(Tool::Mark(Vec::new()))),
            Remedy::PaintMask(photo, face) => self.paint_mask(ctx, photo, face),
            Remedy::ExportAgain(photo) => {
                self.dispatch(ctx, Action::Switch(photo));
                self.state.ui_state.windows.export = true;
            }
            Remedy::ReplaceExport {
                photo,
                path,
                is_comparison,
            } => self.export(photo, path, is_comparison, true),
            Remedy::SaveAs(photo) => {
                self.dispatch(ctx, Action::Switch(photo));
                self.state.ui_state.windows.save_as = true;
            }
            Remedy::ReplaceProject(photo, path) => {
                self.state.workspace.save_as(photo, path, Replace::Agreed);
            }
            Remedy::OpenProject(photo, path) => {
                let backend = self.backend.as_mut();
                let notice = self
                    .state
                    .workspace
                    .open_project_beside(photo, path, backend);
                notice
                    .into_iter()
                    .for_each(|notice| self.state.notices.add(notice));
            }
            Remedy::Open => self.dispatch(ctx, Action::AskOpen),
        }
    }

    /// Closes: nothing keeps the window open any more.
    pub(super) fn quit(&mut self, ctx: &egui::Context) {
        self.may_close = true;
        ctx.send_viewport_cmd(egui::ViewportCommand::Close);
    }
}
