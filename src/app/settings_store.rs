//! Settings and presets on disk: read at the start, written by a thread of their own, since a frame
//! touches no disk.

use std::path::PathBuf;
use std::thread;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::editor::json_file::{Error, Kept};
use crate::editor::presets::Presets;
use crate::editor::settings::Settings;
use crate::engine::Waker;

type Change = Box<dyn FnOnce(&mut Kept<Settings>, &mut Kept<Presets>) -> Result<(), Error> + Send>;

/// The thread that writes. Dropping it waits until all is written.
pub struct SettingsStore {
    changes: Option<Sender<Change>>,
    errors: Receiver<String>,
    thread: Option<thread::JoinHandle<()>>,
}

impl SettingsStore {
    /// Reads settings and presets and begins to keep them. Problems come from
    /// [`errors`](Self::errors).
    pub fn open(data_dir: Option<PathBuf>, wake: Waker) -> (Self, Settings, Presets) {
        let (mut settings, settings_error) = Settings::load(data_dir.as_deref());
        let (mut presets, presets_error) = Presets::load(data_dir.as_deref());
        let values = (settings.get().clone(), presets.get().clone());
        let (sender, errors) = unbounded();
        for error in settings_error.into_iter().chain(presets_error) {
            let _ = sender.send(error.to_string());
        }
        let (changes, queue) = unbounded::<Change>();
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
        let settings_store = Self {
            changes: Some(changes),
            errors,
            thread,
        };
        (settings_store, values.0, values.1)
    }

    /// Keeps a change of the settings.
    pub fn update_settings(&self, change: impl FnOnce(&mut Settings) + Send + 'static) {
        self.send(Box::new(move |settings, _| settings.update(change)));
    }

    /// Keeps a change of the presets.
    pub fn update_presets(&self, change: impl FnOnce(&mut Presets) + Send + 'static) {
        self.send(Box::new(move |_, presets| presets.update(change)));
    }

    fn send(&self, change: Change) {
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
