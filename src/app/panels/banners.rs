//! Banners: one sentence, a fold with more, the action that helps, and a cross.

use egui::{Align, Button, CollapsingHeader, Color32, Frame, Layout, Margin, RichText, Ui};

use crate::app::Jawline;
use crate::app::action::Action;
use crate::app::keys::capitalised;
use crate::app::notices::{Notice, Remedy, Severity};
use crate::app::theme;

/// Shows what has to be read, above the picture.
pub fn show(app: &Jawline, ui: &mut Ui, actions: &mut Vec<Action>) {
    for (index, leftover) in app.workspace.leftovers.iter().enumerate() {
        strip(ui, theme::ACCENT, |ui| {
            if button(ui, "Discard").clicked() {
                actions.push(Action::DiscardRecovered(index));
            }
            if button(ui, "Restore").clicked() {
                actions.push(Action::Recover(index));
            }
            text(ui, |ui| {
                ui.label(format!(
                    "Jawline ended unexpectedly while {} was open. Your edits were kept.",
                    leftover.name
                ));
            });
        });
    }
    for (index, notice) in app.notices.shown().iter().enumerate() {
        let color = match notice.severity {
            Severity::Done => Color32::from_gray(110),
            Severity::Warning => theme::ACCENT,
            Severity::Error => theme::ERROR,
        };
        strip(ui, color, |ui| banner(notice, index, ui, actions));
    }
}

fn strip(ui: &mut Ui, color: Color32, add: impl FnOnce(&mut Ui)) {
    let frame = Frame::new()
        .fill(Color32::from_gray(50))
        .inner_margin(Margin::symmetric(10, 5));
    let shown = frame.show(ui, |ui| {
        let size = egui::vec2(ui.available_width(), 24.0);
        let from_the_right = Layout::right_to_left(Align::TOP);
        ui.allocate_ui_with_layout(size, from_the_right, add);
    });
    let edge = shown.response.rect;
    ui.painter().rect_filled(
        egui::Rect::from_min_max(edge.min, egui::pos2(edge.left() + 3.0, edge.bottom())),
        0.0,
        color,
    );
}

/// A button that stands out from the strip.
fn button(ui: &mut Ui, label: &str) -> egui::Response {
    ui.add(Button::new(label).fill(Color32::from_gray(78)))
}

/// The sentence, from the left, with what room the buttons leave.
fn text(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    ui.with_layout(Layout::top_down(Align::LEFT), |ui| {
        ui.add_space(3.0);
        add(ui);
    });
}

fn banner(notice: &Notice, index: usize, ui: &mut Ui, actions: &mut Vec<Action>) {
    let close = button(ui, "×");
    super::top::named(&close, "Dismiss");
    if close.clicked() {
        actions.push(Action::Dismiss(index));
    }
    if let Some(remedy) = notice.remedy {
        let label = match remedy {
            Remedy::Install => "Install now",
            Remedy::MarkFace => "Mark the face",
            Remedy::ExportAgain => "Export elsewhere…",
            Remedy::Open => "Open another photo…",
        };
        if button(ui, label).clicked() {
            actions.push(Action::Remedy(remedy));
            actions.push(Action::Dismiss(index));
        }
    }
    text(ui, |ui| {
        ui.label(capitalised(&notice.text));
        if !notice.details.is_empty() {
            CollapsingHeader::new("Details")
                .id_salt(("details", index))
                .show(ui, |ui| {
                    ui.label(RichText::new(&notice.details).monospace());
                });
        }
    });
}
