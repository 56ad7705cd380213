//! The window: panels, the canvas, input. It reads the editor's state and emits actions; it touches
//! neither the runtime nor the networks.
//!
//! A frame goes like this: what has happened elsewhere is taken in (`poll_events`); the panels,
//! the picture and the keys get the state behind `&` and emit [`action::Action`]s; `dispatch` carries them
//! out; the [`session::Session`] compares what the document now asks for with what it has and sends
//! for the difference. Nothing in a frame waits, decodes or touches a disk.

pub mod action;
mod batch;
pub mod canvas;
mod chin_slider;
mod dialogs;
mod dispatch;
mod edits;
mod engine_state;
mod events;
mod frame_stats;
#[cfg(unix)]
mod instance;
pub mod keys;
pub mod notices;
mod panels;
mod picture;
mod run;
mod samples;
pub mod session;
mod settings_store;
mod state;
mod theme;
mod thumbnails;
pub mod ui_state;
pub mod view;
mod windows;
pub mod workspace;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::Receiver;
use egui::{CentralPanel, Color32, Context, Frame, Margin, Panel, Ui};

pub use frame_stats::FrameStats;
pub use run::run;

use crate::engine::client::{Backend, Request};
use crate::engine::{self, CodeStore, Waker};
use crate::latent::OwnBoundaries;
use action::Action;
use canvas::Canvas;
use dialogs::{Dialogs, Question};
use engine_state::EngineState;
use notices::{Notice, Notices};
use settings_store::SettingsStore;
use state::AppState;
use thumbnails::Thumbnails;
use ui_state::{Held, Tool, UiState};
use workspace::{Threads, Workspace};

/// Starts an engine with these settings.
pub type StartBackend =
    Box<dyn Fn(engine::Settings, Waker) -> Result<Box<dyn Backend>, engine::Error>>;

/// What the window is started with.
pub struct Start {
    /// Photos and projects to open.
    pub paths: Vec<PathBuf>,
    /// Starts the engine.
    pub backend: StartBackend,
    /// Where settings, presets and autosaves are; `None` keeps nothing.
    pub data_dir: Option<PathBuf>,
    /// Engine settings from the command line, which go before those kept.
    pub engine: Option<engine::Settings>,
    /// The method that new photos begin with, which goes before the one kept.
    pub method: Option<engine::Method>,
}

/// The window's state.
pub struct Jawline {
    /// What a frame reads; only the dispatcher and what is taken in from elsewhere change it.
    state: AppState,
    wake: Waker,
    backend: Box<dyn Backend>,
    start_backend: StartBackend,
    engine_settings: engine::Settings,
    canvas: Option<Canvas>,
    dialogs: Dialogs,
    memory_asked: Option<Instant>,
    nudged_at: Option<Instant>,
    may_close: bool,
    title: String,
    device_lost: Arc<AtomicBool>,
    /// Paths that other starts of the program hand over.
    handed_over: Option<Receiver<Vec<PathBuf>>>,
}

impl Jawline {
    /// Opens the window's state in a context. `render_state` draws the pictures; without one there are
    /// none.
    ///
    /// # Errors
    /// When our own boundary cannot be read, or the engine does not start.
    pub fn new(
        ctx: &Context,
        render_state: Option<&egui_wgpu::RenderState>,
        start: Start,
    ) -> Result<Self, engine::Error> {
        theme::apply(ctx);
        let wake: Waker = {
            let ctx = ctx.clone();
            Arc::new(move || ctx.request_repaint())
        };
        let boundaries = OwnBoundaries::read()?;
        let settings_store = SettingsStore::open(start.data_dir.clone(), Arc::clone(&wake));
        let settings = settings_store.settings();
        ctx.set_zoom_factor(settings.ui_scale);
        let mut engine_settings = start.engine.unwrap_or_else(|| settings.engine());
        let data_dir = start.data_dir.as_deref();
        engine_settings.codes = data_dir.map(|folder| folder.join(CodeStore::FOLDER));
        let mut backend = (start.backend)(engine_settings.clone(), Arc::clone(&wake))?;
        backend.send(Request::Describe);
        let device_lost = Arc::new(AtomicBool::new(false));
        if let Some(render_state) = render_state {
            let (lost, wake) = (Arc::clone(&device_lost), Arc::clone(&wake));
            render_state
                .device
                .set_device_lost_callback(move |reason, detail| {
                    if reason != wgpu::DeviceLostReason::Destroyed {
                        tracing::error!(detail, "the graphics device was lost");
                        lost.store(true, Ordering::SeqCst);
                        wake();
                    }
                });
        }
        let autosave_folder = start.data_dir.map(|folder| folder.join("autosave"));
        let disk = Threads::new(autosave_folder, Arc::clone(&wake));
        let mut thumbnails = Thumbnails::default();
        thumbnails.load_samples(Arc::clone(&wake));
        let method = start.method.unwrap_or(settings.method);
        let mut workspace = Workspace::new(Box::new(disk), boundaries);
        workspace.method = method;
        let mut app = Self {
            state: AppState {
                engine: EngineState::default(),
                workspace,
                ui_state: UiState::default(),
                notices: Notices::default(),
                settings_store,
                thumbnails,
                frame_stats: FrameStats::default(),
                memory_bytes: None,
            },
            backend,
            start_backend: start.backend,
            engine_settings,
            canvas: render_state.map(Canvas::new),
            dialogs: Dialogs::default(),
            memory_asked: None,
            nudged_at: None,
            may_close: false,
            title: String::new(),
            device_lost,
            handed_over: None,
            wake,
        };
        app.open(ctx, start.paths);
        Ok(app)
    }

    /// How long frames keep the thread.
    pub fn frame_stats(&self) -> &FrameStats {
        &self.state.frame_stats
    }

    /// Starts counting frames again.
    pub fn reset_frame_stats(&mut self) {
        self.state.frame_stats.reset();
    }

    /// Is the photo on the canvas, be it reduced?
    pub fn is_photo_begun(&self) -> bool {
        self.canvas
            .as_ref()
            .is_some_and(|canvas| canvas.load_state() != canvas::LoadState::Nothing)
    }

    /// Is the photo on the canvas in full?
    pub fn is_photo_shown(&self) -> bool {
        self.canvas
            .as_ref()
            .is_some_and(|canvas| canvas.load_state() == canvas::LoadState::Full)
    }

    /// The work, for tests.
    pub fn workspace(&self) -> &Workspace {
        &self.state.workspace
    }

    /// What is shown, for tests.
    pub fn ui_state(&self) -> &UiState {
        &self.state.ui_state
    }

    /// The notices, for tests.
    pub fn notices(&self) -> &Notices {
        &self.state.notices
    }

    /// One frame: takes in what has happened, shows everything, carries out what the user did.
    pub fn frame(&mut self, ui: &mut Ui) {
        let begun = Instant::now();
        let ctx = ui.ctx().clone();
        self.poll_events(&ctx);
        let mut actions = keys::actions(&ctx, &self.state.ui_state, chin_slider_id(&ctx));
        self.dropped(&ctx, &mut actions);
        if let Some(held) = show(&self.state, self.canvas.as_mut(), ui, &mut actions) {
            self.state.ui_state.hold(held);
        }
        for action in actions {
            self.dispatch(&ctx, action);
        }
        self.reconcile(&ctx);
        self.title(&ctx);
        self.closing(&ctx);
        self.state.frame_stats.note(begun.elapsed());
    }

    fn reconcile(&mut self, ctx: &Context) {
        let wait = self.state.workspace.reconcile(
            Instant::now(),
            self.state.ui_state.is_dragging(),
            self.state.settings_store.settings().refines_keyframes,
            self.backend.as_mut(),
        );
        if let Some(wait) = wait {
            ctx.request_repaint_after(wait);
        }
    }

    /// Files that were dropped on the window.
    fn dropped(&self, ctx: &Context, actions: &mut Vec<Action>) {
        let dropped: Vec<PathBuf> = ctx.input(|input| {
            let files = input.raw.dropped_files.iter();
            files.map(|file| file.path().to_owned()).collect()
        });
        let (networks, photos): (Vec<_>, Vec<_>) = dropped
            .into_iter()
            .partition(|path| dialogs::is_network_file(path));
        if !networks.is_empty() {
            actions.push(Action::ImportNetworks(networks));
        }
        if !photos.is_empty() {
            actions.push(Action::Open(photos));
        }
    }

    fn ask(&mut self, question: Question) {
        let photo = self.state.workspace.photo_path().map(PathBuf::from);
        let wake = Arc::clone(&self.wake);
        self.dialogs.ask(
            question,
            photo,
            self.state.settings_store.settings().export,
            wake,
        );
    }

    /// Restarts the engine with these settings; what was under way is requested again.
    fn restart_engine(&mut self, settings: engine::Settings) {
        let settings = engine::Settings {
            codes: self.engine_settings.codes.clone(),
            ..settings
        };
        match (self.start_backend)(settings.clone(), Arc::clone(&self.wake)) {
            Ok(backend) => {
                self.backend = backend;
                self.state.engine.description = None;
                self.engine_settings = settings.clone();
                self.state.settings_store.update_settings(move |kept| {
                    kept.provider = settings.provider;
                    kept.threads = settings.threads;
                    kept.pack.clone_from(&settings.pack);
                });
                self.backend.send(Request::Describe);
                self.state.workspace.start_over();
            }
            Err(error) => {
                let notice = Notice::error("The engine could not be started", &error);
                self.state.notices.add(notice);
            }
        }
    }

    fn title(&mut self, ctx: &Context) {
        let title = match self.state.workspace.current() {
            Some(photo) => {
                let mark = if photo.is_unsaved() { " •" } else { "" };
                format!("Jawline — {}{mark}", photo.name)
            }
            None => "Jawline".to_owned(),
        };
        // Every command asks for another frame, so only a change is worth one.
        if self.title != title {
            self.title.clone_from(&title);
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title));
        }
    }

    /// The window manager asks to close.
    fn closing(&mut self, ctx: &Context) {
        if ctx.input(|input| input.viewport().close_requested()) && !self.may_close {
            // Whether it may is found out first; then the window closes by itself.
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            let events = self.state.workspace.quit();
            self.handle_events(ctx, events);
        }
    }

    /// Whether a tool is in use that needs the picture to itself.
    pub fn tool(&self) -> &Tool {
        &self.state.ui_state.tool
    }
}

fn chin_slider_id(ctx: &Context) -> Option<egui::Id> {
    ctx.data(|data| data.get_temp(panels::edit::slider_id()))
}

/// Shows everything. Only what draws the picture changes; what the pointer holds in it comes back.
fn show(
    app: &AppState,
    canvas: Option<&mut Canvas>,
    ui: &mut Ui,
    actions: &mut Vec<Action>,
) -> Option<Held> {
    let bar = Frame::new()
        .fill(theme::PANEL)
        .inner_margin(Margin::symmetric(8, 3));
    let side = Frame::new()
        .fill(theme::PANEL)
        .inner_margin(Margin::same(8));
    let photos = app.workspace.photos();
    let has_document = app.workspace.session().is_some() || photos.len() > 1;
    if !app.ui_state.hides_panels {
        Panel::top("top")
            .frame(bar)
            .show(ui, |ui| panels::top::show(app, ui, actions));
        Panel::bottom("status")
            .frame(bar)
            .show(ui, |ui| panels::status::show(app, ui, actions));
    }
    let is_left =
        !app.workspace.recoverable().is_empty() || !app.workspace.unfinished_batches().is_empty();
    let banners = is_left || !app.notices.shown().is_empty();
    // Where there is little room the picture gets it: faces are chosen by a click, undone by a key.
    let is_narrow = ui.available_width() < 720.0;
    if has_document && !app.ui_state.hides_panels && !is_narrow {
        Panel::left("left")
            .frame(side)
            .resizable(false)
            .exact_size(196.0)
            .show(ui, |ui| panels::left::show(app, ui, actions));
    }
    if has_document && !app.ui_state.hides_panels {
        Panel::right("edit")
            .frame(side)
            .resizable(false)
            .exact_size(296.0)
            .show(ui, |ui| panels::edit::show(app, ui, actions));
    }
    let grey = Color32::from_gray(app.settings().background);
    let mut held = None;
    CentralPanel::default()
        .frame(Frame::new().fill(grey))
        .show(ui, |ui| {
            let place = ui.max_rect();
            if app.workspace.session().is_some() {
                held = picture::show(app, canvas, ui, actions);
            } else if let Some(photo) = app.workspace.current() {
                windows::missing::show(photo, ui, actions);
            } else {
                windows::welcome::show(app, ui, actions);
            }
            if banners {
                // Over the picture, which stays where it is.
                egui::Area::new(egui::Id::unique("banners"))
                    .order(egui::Order::Middle)
                    .fixed_pos(place.min)
                    .constrain(false)
                    .show(ui.ctx(), |ui| {
                        ui.set_width(place.width());
                        panels::banners::show(app, ui, actions);
                    });
            }
        });
    windows::show(app, ui.ctx(), actions);
    held
}
