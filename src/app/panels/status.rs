//! The line below the picture: what is being done, what is shown, what it runs on.

use std::time::Duration;

use egui::{ProgressBar, RichText, Ui};

use crate::app::action::{Action, WindowName};
use crate::app::session::Shown;
use crate::app::state::AppState;
use crate::app::theme;

/// Shows the line.
pub fn show(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.set_min_height(24.0);
        work(app, ui, actions);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            facts(app, ui, actions);
        });
    });
}

fn work(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    if let Some(install) = &app.engine.installing {
        let text = match install {
            Some(progress) => progress.detail.clone(),
            None => "beginning".to_owned(),
        };
        let fraction = install.as_ref().map_or(0.0, |progress| progress.fraction);
        bar(ui, &format!("Installing: {text}"), fraction, None);
        if ui.button("Cancel").clicked() {
            actions.push(Action::CancelInstall);
        }
        return;
    }
    if let Some(import) = &app.engine.importing {
        let text = match import {
            Some(progress) => progress.detail.as_str(),
            None => "beginning to import",
        };
        let fraction = import.as_ref().map_or(0.0, |progress| progress.fraction);
        bar(ui, text, fraction, None);
        if ui.button("Cancel").clicked() {
            actions.push(Action::CancelImport);
        }
        return;
    }
    let writes = app.workspace.write_states();
    if let Some(write) = writes.first() {
        bar(ui, &write.text, write.fraction, None);
        if write.can_cancel && ui.button("Cancel").clicked() {
            actions.push(Action::CancelWrite(write.id));
        }
        if writes.len() > 1 {
            more(ui, writes.len() - 1);
        }
        return;
    }
    if app.workspace.batch().is_running() {
        let progress = app.workspace.batch_progress();
        let ended = progress.done + progress.failed;
        let text = format!("Queue: {ended} of {}", progress.total);
        bar(ui, &text, progress.fraction, progress.left);
        if ui.button("Show").clicked() && !app.ui_state.windows.batch {
            actions.push(Action::ToggleWindow(WindowName::Batch));
        }
        return;
    }
    if let Some(name) = app.workspace.opening() {
        ui.label(format!("Opening {name}…"));
        return;
    }
    let Some(session) = app.workspace.session() else {
        return;
    };
    if let Some((id, progress)) = session.diffusing().next() {
        let text = format!("Diffusing face {}", id.0);
        bar(ui, &text, progress.fraction, progress.left);
        if ui
            .button("Cancel")
            .on_hover_text("Stop here: the best found so far is kept")
            .clicked()
        {
            actions.push(Action::CancelDiffusion(id));
        }
        return;
    }
    let mut preparing: Vec<_> = session.preparing().collect();
    preparing.sort_by_key(|(id, _)| (Some(*id) != session.document.chosen, *id));
    if let Some((id, progress)) = preparing.first() {
        let fraction = progress.map_or(0.0, |progress| progress.fraction);
        let left = progress.and_then(|progress| progress.left);
        bar(ui, &format!("Preparing face {}", id.0), fraction, left);
        if ui
            .button("Cancel")
            .on_hover_text("Stop here: the slider goes on with the best code found so far")
            .clicked()
        {
            actions.push(Action::CancelPreparation(*id));
        }
        if preparing.len() > 1 {
            more(ui, preparing.len() - 1);
        }
    }
}

fn more(ui: &mut Ui, count: usize) {
    ui.label(RichText::new(format!("+{count} more")).color(theme::FAINT));
}

/// Minutes and seconds, as a clock shows them.
pub fn minutes(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn bar(ui: &mut Ui, text: &str, fraction: f32, left: Option<Duration>) {
    ui.label(text);
    let bar = ProgressBar::new(fraction.clamp(0.0, 1.0))
        .desired_width(150.0)
        .desired_height(12.0)
        .fill(theme::ACCENT);
    ui.add(bar);
    let mut text = format!("{:.0} %", fraction * 100.0);
    if let Some(left) = left {
        text.push_str(&format!(" · {} left", minutes(left)));
    }
    // As wide as it will ever be, so that the button beside it stays where it is.
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(egui::vec2(104.0, 20.0), layout, |ui| {
        ui.set_min_width(104.0);
        ui.label(text);
    });
}

fn facts(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    let unread = app.notices.unread();
    if unread > 0 {
        let button = ui.button(RichText::new(format!("⚠ {unread}")).color(theme::ACCENT));
        super::top::named(&button, "Open the log");
        if button.clicked() {
            actions.push(Action::ToggleWindow(WindowName::Log));
        }
    }
    let mut facts = Vec::new();
    if let Some(session) = app.workspace.session()
        && let Some(chosen) = session.document.chosen
    {
        facts.push(match session.shown(chosen) {
            Shown::Original if session.document.params(chosen).changes_nothing() => {
                "photo".to_owned()
            }
            Shown::Original => "drawing…".to_owned(),
            Shown::Blend | Shown::Stale => "preview".to_owned(),
            Shown::Draft => "draft".to_owned(),
            Shown::Exact => "exact".to_owned(),
        });
        if let Some(took) = session
            .face_state(chosen)
            .and_then(|state| state.frame_took)
        {
            facts.push(format!("{} ms", took.as_millis()));
        }
    }
    facts.push(app.engine.provider_in_words());
    if let Some(bytes) = app.memory_bytes {
        facts.push(format!("{:.1} GB", bytes as f64 / 1e9));
    }
    let label = ui.label(RichText::new(facts.join(" · ")).color(theme::FAINT));
    label.on_hover_text(app.engine.details_in_words());
}
