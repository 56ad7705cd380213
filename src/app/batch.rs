//! Carries out what the user does with the queue.

use super::Jawline;
use super::action::BatchStep;
use super::dialogs::Question;
use super::notices::Notice;
use super::session::Session;
use super::workspace::BatchSettings;
use crate::editor::batch::Edit;
use crate::editor::{BoundaryChoice, FaceParams};

impl Jawline {
    pub(super) fn batch(&mut self, step: BatchStep) {
        let batch = self.state.workspace.batch_mut();
        match step {
            BatchStep::AskPhotos => self.ask(Question::BatchPhotos),
            BatchStep::AskFolder => self.ask(Question::BatchFolder),
            BatchStep::AskInto => self.ask(Question::BatchInto),
            BatchStep::Add(paths) => {
                for path in paths {
                    if !batch.inputs.contains(&path) {
                        batch.inputs.push(path);
                    }
                }
            }
            BatchStep::Remove(index) => {
                if index < batch.inputs.len() {
                    batch.inputs.remove(index);
                }
            }
            BatchStep::Into(folder) => batch.options.folder = folder,
            BatchStep::Options(options) => batch.options = *options,
            BatchStep::Start => self.start_batch(),
            BatchStep::Cancel => self.state.workspace.cancel_batch(self.backend.as_mut()),
            BatchStep::Retry => {
                batch.retry();
                self.start_batch();
            }
            BatchStep::Clear => self.state.workspace.clear_batch(),
            BatchStep::GoOn(offer) => {
                self.state.workspace.go_on_with_batch(offer);
                self.state.ui_state.windows.batch = true;
            }
            BatchStep::Decline(offer) => self.state.workspace.decline_batch(offer),
        }
    }

    fn start_batch(&mut self) {
        let options = &self.state.workspace.batch().options;
        if options.folder.as_os_str().is_empty() {
            let text = "Choose the folder that the queue writes into";
            return self.state.notices.add(Notice::problem(text));
        }
        match self.batch_params(&options.settings.clone()) {
            Ok(params) => {
                let options = &self.state.workspace.batch().options;
                let edit = Edit {
                    params,
                    all_faces: options.all_faces,
                    finds_amount: options.finds_amount,
                    export: match options.settings {
                        BatchSettings::AsBefore => self.state.workspace.batch().edit().export,
                        _ => self.state.settings().export,
                    },
                    pack: self.engine_settings.pack.clone(),
                };
                self.state.workspace.start_batch(edit);
            }
            Err(why) => self.state.notices.add(Notice::problem(why)),
        }
    }

    /// The settings that the photos get.
    fn batch_params(&mut self, settings: &BatchSettings) -> Result<FaceParams, String> {
        let mut params = match settings {
            BatchSettings::Preset(name) => {
                let mut presets = self.state.presets().all().into_iter();
                let preset = presets.find(|preset| preset.name == *name);
                preset
                    .ok_or_else(|| format!("there is no preset {name} any more; choose another"))?
                    .params
            }
            BatchSettings::AsBefore => self.state.workspace.batch().edit().params.clone(),
            BatchSettings::Chosen => {
                let session = self.state.workspace.session();
                let chosen = session.and_then(|session: &Session| {
                    Some(session.portable_params(session.document.chosen?))
                });
                chosen.ok_or_else(|| {
                    "no face is in view whose settings the queue could take; choose a preset"
                        .to_owned()
                })?
            }
        };
        if matches!(params.boundary, BoundaryChoice::File(_)) {
            params.boundary = BoundaryChoice::Fine;
            self.state.notices.add(Notice::warning(
                "The boundary from a file belongs to its photo; the queue follows the fine one",
            ));
        }
        Ok(params)
    }
}
