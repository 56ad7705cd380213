//! What a frame reads: panels, windows and the picture get it behind `&`, and give actions back.

use super::engine_state::EngineState;
use super::frame_stats::FrameStats;
use super::notices::Notices;
use super::settings_store::SettingsStore;
use super::thumbnails::Thumbnails;
use super::ui_state::UiState;
use super::workspace::Workspace;
use crate::editor::presets::Presets;
use crate::editor::settings::Settings;

/// The state of the window, without what it is drawn with and what works for it.
pub struct AppState {
    pub(super) engine: EngineState,
    pub(super) workspace: Workspace,
    pub(super) ui_state: UiState,
    pub(super) notices: Notices,
    pub(super) settings_store: SettingsStore,
    pub(super) thumbnails: Thumbnails,
    pub(super) frame_stats: FrameStats,
    pub(super) memory_bytes: Option<u64>,
}

impl AppState {
    /// The settings as they are now.
    pub(super) fn settings(&self) -> &Settings {
        self.settings_store.settings()
    }

    /// The presets as they are now.
    pub(super) fn presets(&self) -> &Presets {
        self.settings_store.presets()
    }
}
