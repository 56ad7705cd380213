//! The queue: many photos, retouched one after the other into a folder.

use std::path::PathBuf;

use egui::{ComboBox, Context, ProgressBar, RichText, ScrollArea, Ui};

use super::window;
use crate::app::action::{Action, BatchStep, WindowName};
use crate::app::panels::status::minutes;
use crate::app::panels::top::named;
use crate::app::state::AppState;
use crate::app::theme;
use crate::app::workspace::{BatchOptions, BatchProgress, BatchSettings, Item, ItemState};
use crate::photo::Format;

const FORMATS: [Format; 4] = [Format::Jpeg, Format::Png, Format::Tiff, Format::WebP];

/// Shows the window.
pub fn show(app: &AppState, ctx: &Context, actions: &mut Vec<Action>) {
    let closes = Action::ToggleWindow(WindowName::Batch);
    window(ctx, "Queue", closes, actions, |ui, actions| {
        ui.set_min_width(520.0);
        let is_running = app.workspace.batch().is_running();
        ui.add_enabled_ui(!is_running, |ui| {
            inputs(app, ui, actions);
            let mut options = app.workspace.batch().options.clone();
            choices(app, &mut options, ui, actions);
            if options != app.workspace.batch().options {
                actions.push(Action::Batch(BatchStep::Options(Box::new(options))));
            }
        });
        ui.label(
            RichText::new(
                "Quality, size and metadata are those of the export window. Open photos are retouched from \
                 their files: their own edits stay theirs.",
            )
            .color(theme::FAINT),
        );
        buttons(app, ui, actions);
        let items = app.workspace.batch().items();
        if is_running || !items.is_empty() {
            progress(&app.workspace.batch_progress(), is_running, ui);
        }
        list(items, ui);
    });
}

/// Which photos.
fn inputs(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    let mut push = |step| actions.push(Action::Batch(step));
    ui.horizontal(|ui| {
        if ui.button("Add photos…").clicked() {
            push(BatchStep::AskPhotos);
        }
        if ui.button("Add a folder…").clicked() {
            push(BatchStep::AskFolder);
        }
        let open: Vec<PathBuf> = (app.workspace.photos().iter())
            .filter_map(|photo| photo.photo_path().map(PathBuf::from))
            .collect();
        let add_open = egui::Button::new("Add the open photos");
        if ui.add_enabled(!open.is_empty(), add_open).clicked() {
            push(BatchStep::Add(open));
        }
    });
    let id = egui::Id::unique("queue path");
    let mut path: String = ui.data_mut(|data| data.get_temp(id).unwrap_or_default());
    ui.horizontal(|ui| {
        let field = ui.add(
            egui::TextEdit::singleline(&mut path)
                .hint_text("/photos/shoot")
                .desired_width(390.0),
        );
        field.widget_info(|| {
            egui::WidgetInfo::labeled(
                egui::Role::TextInput,
                true,
                "Path of a photo or a folder to add",
            )
        });
        let can_add = !path.trim().is_empty();
        if ui.add_enabled(can_add, egui::Button::new("Add")).clicked() {
            push(BatchStep::Add(vec![PathBuf::from(path.trim())]));
            path.clear();
        }
    });
    ui.data_mut(|data| data.insert_temp(id, path));
    let inputs = &app.workspace.batch().inputs;
    ScrollArea::vertical()
        .id_salt("queue inputs")
        .max_height(72.0)
        .show_rows(ui, 18.0, inputs.len(), |ui, rows| {
            for index in rows {
                let Some(input) = inputs.get(index) else {
                    continue;
                };
                ui.horizontal(|ui| {
                    let remove = ui.small_button("×");
                    named(&remove, &format!("Do not add {}", input.display()));
                    if remove.clicked() {
                        push(BatchStep::Remove(index));
                    }
                    ui.label(input.display().to_string());
                });
            }
        });
}

/// Where to, and how.
fn choices(app: &AppState, options: &mut BatchOptions, ui: &mut Ui, actions: &mut Vec<Action>) {
    ui.checkbox(&mut options.recursive, "Sub-folders too");
    ui.horizontal(|ui| {
        ui.label("Into");
        let mut folder = options.folder.display().to_string();
        let field = ui.add(
            egui::TextEdit::singleline(&mut folder)
                .hint_text("/photos/retouched")
                .desired_width(370.0),
        );
        field.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Folder of the results")
        });
        if field.changed() {
            options.folder = folder.into();
        }
        let choose = ui.button("…");
        named(&choose, "Choose the folder of the results");
        if choose.clicked() {
            actions.push(Action::Batch(BatchStep::AskInto));
        }
    });
    ui.horizontal(|ui| {
        ui.label("Settings");
        let chosen = "The face in view".to_owned();
        let as_before = "As before".to_owned();
        let text = match &options.settings {
            BatchSettings::Chosen => &chosen,
            BatchSettings::Preset(name) => name,
            BatchSettings::AsBefore => &as_before,
        };
        let combo = ComboBox::from_id_salt("queue settings")
            .selected_text(text)
            .show_ui(ui, |ui| {
                let settings = &mut options.settings;
                if *settings == BatchSettings::AsBefore {
                    ui.selectable_value(settings, BatchSettings::AsBefore, &as_before);
                }
                ui.selectable_value(settings, BatchSettings::Chosen, &chosen);
                for preset in app.presets().all() {
                    let choice = BatchSettings::Preset(preset.name.clone());
                    ui.selectable_value(settings, choice, preset.name);
                }
            });
        named(&combo.response, "Choose whose settings the photos get");
        let combo = ComboBox::from_id_salt("queue faces")
            .selected_text(faces_in_words(options.all_faces))
            .show_ui(ui, |ui| {
                for choice in [false, true] {
                    let text = faces_in_words(choice);
                    ui.selectable_value(&mut options.all_faces, choice, text);
                }
            });
        named(&combo.response, "Choose which faces are retouched");
    });
    ui.checkbox(&mut options.finds_amount, "Find the amount for each face")
        .on_hover_text(
            "The least after which the chin meter sees no double chin; a face that has none is left alone",
        );
    ui.horizontal(|ui| {
        ui.label("Format");
        let in_words = |format: Option<Format>| {
            format.map_or_else(
                || "That of each photo".to_owned(),
                |format| format.to_string(),
            )
        };
        let combo = ComboBox::from_id_salt("queue format")
            .selected_text(in_words(options.format))
            .show_ui(ui, |ui| {
                for choice in std::iter::once(None).chain(FORMATS.map(Some)) {
                    ui.selectable_value(&mut options.format, choice, in_words(choice));
                }
            });
        named(&combo.response, "Choose the format of the results");
        ui.checkbox(&mut options.replaces, "Replace files that are there")
            .on_hover_text(
                "Results of an earlier run, say. Photos themselves are never written to",
            );
    });
}

fn faces_in_words(all: bool) -> &'static str {
    match all {
        true => "All faces",
        false => "The largest face",
    }
}

fn buttons(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    let batch = app.workspace.batch();
    let has = |wanted: fn(&ItemState) -> bool| batch.items().iter().any(|item| wanted(&item.state));
    let mut button = |ui: &mut Ui, text: &str, is_enabled: bool, step: BatchStep| {
        if ui
            .add_enabled(is_enabled, egui::Button::new(text))
            .clicked()
        {
            actions.push(Action::Batch(step));
        }
    };
    ui.horizontal(|ui| {
        if batch.is_running() {
            button(ui, "Stop the queue", true, BatchStep::Cancel);
            return;
        }
        let waits = has(|state| *state == ItemState::Waiting);
        let can_start = waits || !batch.inputs.is_empty();
        button(ui, "Start the queue", can_start, BatchStep::Start);
        let has_failed = has(|state| matches!(state, ItemState::Failed(_)));
        button(
            ui,
            "Try those that failed again",
            has_failed,
            BatchStep::Retry,
        );
        let has_items = !batch.items().is_empty();
        button(ui, "Clear the list", has_items, BatchStep::Clear);
    });
}

fn progress(progress: &BatchProgress, is_running: bool, ui: &mut Ui) {
    let mut text = progress_in_words(progress);
    if is_running && !progress.stage.is_empty() {
        text.push_str(&format!(" · {}", progress.stage));
    }
    let bar = ProgressBar::new(progress.fraction.clamp(0.0, 1.0))
        .desired_height(12.0)
        .fill(theme::ACCENT);
    ui.add(bar);
    ui.label(text);
}

/// How many are done, and the time that is left.
pub fn progress_in_words(progress: &BatchProgress) -> String {
    let BatchProgress {
        done,
        failed,
        total,
        left,
        ..
    } = progress;
    let mut text = format!("{done} of {total} retouched");
    if *failed > 0 {
        text.push_str(&format!(", {failed} failed"));
    }
    if let Some(left) = left.filter(|_| done + failed < *total) {
        text.push_str(&format!(" · about {} left", minutes(left)));
    }
    text
}

fn list(items: &[Item], ui: &mut Ui) {
    ScrollArea::vertical()
        .id_salt("queue items")
        .max_height(180.0)
        .show_rows(ui, 18.0, items.len(), |ui, rows| {
            ui.set_min_width(500.0);
            for item in items.get(rows).unwrap_or_default() {
                let (text, colour) = in_words(item);
                let rich = RichText::new(&text);
                let rich = colour.map_or(rich.clone(), |colour| rich.color(colour));
                let label = egui::Label::new(rich).truncate();
                ui.add(label).on_hover_text(text);
            }
        });
}

/// What is said of a photo, and in which colour where that is not the usual one.
fn in_words(item: &Item) -> (String, Option<egui::Color32>) {
    let name = item.place.source.file_name().unwrap_or_default().display();
    match &item.state {
        ItemState::Waiting => (format!("{name}: waits"), Some(theme::FAINT)),
        ItemState::Running => (format!("{name}: in work"), Some(theme::ACCENT)),
        ItemState::Done(warnings) if warnings.is_empty() => (
            format!("{name}: done, {}", item.place.out().display()),
            None,
        ),
        ItemState::Done(warnings) => (
            format!(
                "{name}: done, {}. {}",
                item.place.out().display(),
                warnings.join("; ")
            ),
            None,
        ),
        ItemState::Failed(why) => (format!("{name}: failed: {why}"), Some(theme::ERROR)),
    }
}
