//! What the user has set for the program as a whole: `settings.json` in the data directory.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::export::ExportOptions;
use super::json_file::{Error, JsonStore, Value};
use super::path_text;
use crate::engine::Method;
use crate::runtime::ProviderChoice;

/// How many recent files are remembered.
const MOST_RECENT: usize = 12;

/// The settings. Values beyond their range are brought into it when loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The execution provider.
    #[serde(with = "as_text")]
    pub provider: ProviderChoice,
    /// CPU threads of the networks, at most 1024; 0 means one for each core.
    pub threads: usize,
    /// The network pack.
    pub pack: String,
    /// Size of the window's text and controls, 0.5 to 4; 1 is the system's.
    pub ui_scale: f32,
    /// Whether previews are refined when there is nothing else to do, which takes memory.
    pub refines_keyframes: bool,
    /// The grey around the photo, 0 to 255.
    pub background: u8,
    /// How many times the difference view amplifies, 1 to 64.
    pub difference_gain: f32,
    /// The files opened last, the newest first, at most 12.
    #[serde(with = "path_text::list")]
    pub recent: Vec<PathBuf>,
    /// The method that the faces of a photo begin with.
    pub method: Method,
    /// What the last export was like.
    pub export: ExportOptions,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            provider: ProviderChoice::Auto,
            threads: 0,
            pack: crate::engine::Settings::default().pack,
            ui_scale: 1.0,
            refines_keyframes: true,
            background: 32,
            difference_gain: 4.0,
            recent: Vec::new(),
            method: Method::Instant,
            export: ExportOptions::default(),
        }
    }
}

impl Settings {
    /// The file's name.
    pub const FILE: &str = "settings.json";

    /// Loads the settings from the data directory. A file that makes no sense is put aside and reported.
    pub fn load(data_dir: Option<&Path>) -> (JsonStore<Self>, Option<Error>) {
        JsonStore::load(data_dir, Self::FILE)
    }

    /// What the engine is started with.
    pub fn engine(&self) -> crate::engine::Settings {
        crate::engine::Settings {
            provider: self.provider,
            threads: self.threads,
            pack: self.pack.clone(),
            ..crate::engine::Settings::default()
        }
    }

    /// Puts a file at the head of the recent ones.
    pub fn add_recent(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.recent.retain(|other| *other != path);
        self.recent.insert(0, path);
        self.recent.truncate(MOST_RECENT);
    }

    /// Takes a file that is gone out of the recent ones.
    pub fn remove_recent(&mut self, path: &Path) {
        self.recent.retain(|other| other != path);
    }
}

impl Value for Settings {
    fn within_range(mut self) -> Self {
        let default = Self::default();
        let within = |value: f32, least: f32, most: f32, default: f32| match value.is_nan() {
            true => default,
            false => value.clamp(least, most),
        };
        self.threads = self.threads.min(1024);
        self.ui_scale = within(self.ui_scale, 0.5, 4.0, default.ui_scale);
        self.difference_gain = within(self.difference_gain, 1.0, 64.0, default.difference_gain);
        self.export = self.export.within_range();
        let mut seen = Vec::new();
        self.recent.retain(|path| {
            let is_new = !seen.contains(path);
            seen.push(path.clone());
            is_new
        });
        self.recent.truncate(MOST_RECENT);
        self
    }
}

/// A choice as the word that the command line takes.
mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_and_are_brought_into_range() {
        let folder = tempfile::tempdir().unwrap();
        let (mut kept, problem) = Settings::load(Some(folder.path()));
        assert!(problem.is_none());
        kept.update(|settings| {
            settings.provider = ProviderChoice::WebGpu;
            settings.ui_scale = 1.25;
            settings.add_recent(Path::new("/a/b.jpg"));
        })
        .unwrap();
        let (again, problem) = Settings::load(Some(folder.path()));
        assert!(problem.is_none());
        assert_eq!(again.get(), kept.get());

        let text = "{\"ui_scale\": 1e9, \"unknown\": 1, \"threads\": 7}";
        std::fs::write(folder.path().join(Settings::FILE), text).unwrap();
        let (odd, problem) = Settings::load(Some(folder.path()));
        assert!(problem.is_none());
        let odd = odd.get();
        assert_eq!((odd.ui_scale, odd.threads), (4.0, 7));
    }

    #[test]
    fn a_provider_that_does_not_exist_is_told_and_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(Settings::FILE);
        std::fs::write(&path, "{\"provider\": \"tpu\"}").unwrap();
        let (kept, problem) = Settings::load(Some(folder.path()));
        assert!(problem.unwrap().to_string().contains("tpu"));
        assert_eq!(kept.get(), &Settings::default());
        assert!(folder.path().join("settings.json.bad").exists());
    }

    #[test]
    fn recent_files_are_few_and_each_is_there_once() {
        let mut settings = Settings::default();
        for number in 0..30 {
            settings.add_recent(Path::new(&format!("/photos/{}.jpg", number % 20)));
        }
        settings.add_recent(Path::new("/photos/3.jpg"));
        assert_eq!(settings.recent.len(), MOST_RECENT);
        assert_eq!(settings.recent[0], Path::new("/photos/3.jpg"));
        let again = settings.clone().within_range();
        assert_eq!(again, settings);
        settings.remove_recent(Path::new("/photos/3.jpg"));
        assert_eq!(settings.recent.len(), MOST_RECENT - 1);
    }
}
