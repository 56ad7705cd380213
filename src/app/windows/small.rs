//! The log, the keys, opening by a typed path.

use std::path::PathBuf;
use std::time::SystemTime;

use egui::{Context, Grid, RichText, ScrollArea};

use super::window;
use crate::app::action::{Action, WindowName};
use crate::app::keys::BINDINGS;
use crate::app::notices::Severity;
use crate::app::state::AppState;
use crate::app::theme;

/// All notices of this run.
pub fn log(app: &AppState, ctx: &Context, actions: &mut Vec<Action>) {
    let closes = Action::ToggleWindow(WindowName::Log);
    window(ctx, "Log", closes, actions, |ui, _| {
        ui.set_min_width(480.0);
        if app.notices.log().is_empty() {
            ui.label("Nothing has happened yet.");
        }
        ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
            for notice in app.notices.log().iter().rev() {
                let color = match notice.severity {
                    Severity::Done => theme::FAINT,
                    Severity::Warning => theme::ACCENT,
                    Severity::Error => theme::ERROR,
                };
                let ago = SystemTime::now()
                    .duration_since(notice.at)
                    .map_or(0, |ago| ago.as_secs());
                ui.horizontal_wrapped(|ui| {
                    ui.label(RichText::new(format!("{ago} s ago")).color(theme::FAINT));
                    ui.label(RichText::new(&notice.text).color(color));
                });
            }
        });
        ui.label(
            RichText::new(format!(
                "window: median frame {:.1} ms, longest {:.1} ms",
                app.frame_stats.median().as_secs_f64() * 1e3,
                app.frame_stats.longest().as_secs_f64() * 1e3
            ))
            .small()
            .color(theme::FAINT),
        );
    });
}

/// All keys.
pub fn keys(ctx: &Context, actions: &mut Vec<Action>) {
    let closes = Action::ToggleWindow(WindowName::Keys);
    window(ctx, "Keys", closes, actions, |ui, _| key_table(ui));
}

/// A table of all keys.
pub fn key_table(ui: &mut egui::Ui) {
    let held = [
        ("B (hold)", "see the photo as it was"),
        ("Space + drag", "move the picture"),
        ("Wheel", "zoom at the pointer"),
        ("Ctrl+C", "copy the result"),
    ];
    let all: Vec<(String, &str)> = BINDINGS
        .iter()
        .map(|binding| (binding.name(), binding.does))
        .chain(held.map(|(key, does)| (key.to_owned(), does)))
        .collect();
    ui.horizontal_top(|ui| {
        for (column, half) in all.chunks(all.len().div_ceil(2)).enumerate() {
            Grid::new(("keys", column))
                .num_columns(2)
                .spacing([14.0, 3.0])
                .show(ui, |ui| {
                    for (key, does) in half {
                        ui.label(RichText::new(key).monospace().color(theme::ACCENT));
                        ui.label(*does);
                        ui.end_row();
                    }
                });
            ui.add_space(16.0);
        }
    });
}

/// Opening by a typed path.
pub fn open_path(ctx: &Context, actions: &mut Vec<Action>) {
    let closes = Action::ToggleWindow(WindowName::OpenPath);
    window(ctx, "Open by path", closes, actions, |ui, actions| {
        let id = egui::Id::unique("typed path");
        let mut path: String = ui.data_mut(|data| data.get_temp(id).unwrap_or_default());
        let field = ui.add(
            egui::TextEdit::singleline(&mut path)
                .hint_text("/photos/portrait.jpg")
                .desired_width(400.0),
        );
        field.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Path of the photo")
        });
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        if !entered {
            field.request_focus();
        }
        let can_open = !path.trim().is_empty();
        if (ui
            .add_enabled(can_open, egui::Button::new("Open this"))
            .clicked()
            || entered)
            && can_open
        {
            actions.push(Action::Open(vec![PathBuf::from(path.trim())]));
            actions.push(Action::ToggleWindow(WindowName::OpenPath));
            path.clear();
        }
        ui.data_mut(|data| data.insert_temp(id, path));
    });
}
