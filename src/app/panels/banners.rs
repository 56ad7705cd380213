//! Banners: one sentence, a fold with more, the action that helps, and a cross.

use egui::{Align, Button, CollapsingHeader, Color32, Frame, Layout, Margin, RichText, Ui};

use crate::app::action::{Action, BatchStep};
use crate::app::keys::capitalised;
use crate::app::notices::{Notice, Remedy, Severity};
use crate::app::state::AppState;
use crate::app::theme;
use crate::editor::batch::Unfinished;

/// Shows what has to be read, above the picture.
pub fn show(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    for recoverable in app.workspace.recoverable() {
        strip(ui, theme::ACCENT, |ui| {
            if button(ui, "Discard").clicked() {
                actions.push(Action::DiscardRecoverable(recoverable.path.clone()));
            }
            if button(ui, "Restore").clicked() {
                actions.push(Action::Recover(recoverable.path.clone()));
            }
            text(ui, |ui| {
                ui.label(format!(
                    "Jawline ended unexpectedly while {} was open. Your edits were kept.",
                    recoverable.name
                ));
            });
        });
    }
    for offer in app.workspace.unfinished_batches() {
        strip(ui, theme::ACCENT, |ui| {
            if button(ui, "Forget it").clicked() {
                actions.push(Action::Batch(BatchStep::Decline(offer.id)));
            }
            if button(ui, "Go on").clicked() {
                actions.push(Action::Batch(BatchStep::GoOn(offer.id)));
            }
            text(ui, |ui| {
                ui.label(unfinished_in_words(&offer.queue));
            });
        });
    }
    for notice in app.notices.shown() {
        let color = match notice.severity {
            Severity::Done => Color32::from_gray(110),
            Severity::Warning => theme::ACCENT,
            Severity::Error => theme::ERROR,
        };
        strip(ui, color, |ui| banner(notice, ui, actions));
    }
}

fn unfinished_in_words(unfinished: &Unfinished) -> String {
    let folder = (unfinished.places.first()).map(|place| place.folder.display().to_string());
    let photos = match unfinished.places.len() {
        1 => "one photo".to_owned(),
        count => format!("{count} photos"),
    };
    format!(
        "A queue of {photos} into {} was not finished. What is done is kept; the rest can still be retouched.",
        folder.unwrap_or_default()
    )
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

fn banner(notice: &Notice, ui: &mut Ui, actions: &mut Vec<Action>) {
    let close = button(ui, "×");
    super::top::named(&close, "Dismiss");
    if close.clicked() {
        actions.push(Action::Dismiss(notice.id));
    }
    for remedy in notice.remedies.iter().rev() {
        let label = match remedy {
            Remedy::Install => "Install now",
            Remedy::MarkFace => "Mark the face",
            Remedy::PaintMask(..) => "Take the brush",
            Remedy::ExportAgain(_) => "Export elsewhere…",
            Remedy::ReplaceExport { .. } => "Replace it",
            Remedy::SaveAs(_) => "Save as…",
            Remedy::ReplaceProject(..) => "Replace the project",
            Remedy::OpenProject(..) => "Go on with the project",
            Remedy::Open => "Open another photo…",
        };
        if button(ui, label).clicked() {
            actions.push(Action::Remedy(remedy.clone()));
            actions.push(Action::Dismiss(notice.id));
        }
    }
    text(ui, |ui| {
        ui.label(capitalised(&notice.text));
        if !notice.details.is_empty() {
            CollapsingHeader::new("Details")
                .id_salt(("details", notice.id))
                .show(ui, |ui| {
                    ui.label(RichText::new(&notice.details).monospace());
                });
        }
    });
}
