//! Settings and presets: read from the disk at the start, changed in memory and on the disk at once. A thread of
//! its own writes, since a frame touches no disk.

use std::path::PathBuf;
use std::thread;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::editor::json_file::{Error, JsonStore};
use crate::editor::presets::Presets;
use crate::editor::settings::Settings;
use crate::engine::Waker;

type SettingsWrite =
    Box<dyn FnOnce(&mut JsonStore<Settings>, &mut JsonStore<Presets>) -> Result<(), Error> + Send>;

/// The settings and presets, and the thread that writes them. Dropping it waits until all is written.
pub struct SettingsStore {
    settings: Settings,
    presets: Presets,
    changes: Option<Sender<SettingsWrite>>,
    errors: Receiver<String>,
    thread: Option<thread::JoinHandle<()>>,
}

impl SettingsStore {
    /// Reads settings and presets and begins to keep them. Problems come from
    /// [`errors`](Self::errors).
    pub fn open(data_dir: Option<PathBuf>, wake: Waker) -> Self {
        let (mut settings, settings_error) = Settings::load(data_dir.as_deref());
        let (mut presets, presets_error) = Presets::load(data_dir.as_deref());
        let (settings_now, presets_now) = (settings.get().clone(), presets.get().clone());
        let (sender, errors) = unbounded();
        for error in settings_error.into_iter().chain(presets_error) {
            let _ = sender.send(error.to_string());
        }
        let (changes, queue) = unbounded::<SettingsWrite>();
        let thread = thread::Builder::new()
            .name("settings".to_owned())
            .spawn(move || {
                for change in queue {
                    if let Err(error) = change(&mut settings, &mut presets) {
                        let _ = sender.send(error.to_string());
                        wake();
                    }
                }
            })
            .ok();
        Self {
            settings: settings_now,
            presets: presets_now,
            changes: Some(changes),
            errors,
            thread,
        }
    }

    /// The settings as they are now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The presets as they are now.
    pub fn presets(&self) -> &Presets {
        &self.presets
    }

    /// Changes the settings. It is called twice: for those in memory, and for those on the disk.
    pub fn update_settings(&mut self, change: impl Fn(&mut Settings) + Send + 'static) {
        change(&mut self.settings);
        self.send(Box::new(move |settings, _| settings.update(change)));
    }

    /// Changes the presets, as [`update_settings`](Self::update_settings) does.
    pub fn update_presets(&mut self, change: impl Fn(&mut Presets) + Send + 'static) {
        change(&mut self.presets);
        self.send(Box::new(move |_, presets| presets.update(change)));
    }

    fn send(&self, change: SettingsWrite) {
        if let Some(changes) = &self.changes {
            // Without a thread the change holds for this run only.
            let _ = changes.send(change);
        }
    }

    /// What went wrong since the last call, in words.
    pub fn errors(&self) -> Vec<String> {
        self.errors.try_iter().collect()
    }
}

impl Drop for SettingsStore {
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
