//! In the picture's place: a photo that is being loaded, or could not be.

use egui::{Align, Layout, RichText, Ui};

use crate::app::action::Action;
use crate::app::keys::capitalised;
use crate::app::theme;
use crate::app::workspace::{Loading, OpenPhoto};

/// Says why there is no picture, and offers what helps.
pub fn show(photo: &OpenPhoto, ui: &mut Ui, actions: &mut Vec<Action>) {
    let Loading::Failed(why) = &photo.loading else {
        return;
    };
    let height = ui.available_height();
    ui.with_layout(Layout::top_down(Align::Center), |ui| {
        ui.add_space((height * 0.4 - 60.0).max(48.0));
        ui.label(RichText::new(format!("{} can't be shown", photo.name)).size(20.0));
        ui.add_space(6.0);
        ui.label(RichText::new(capitalised(why)).color(theme::ACCENT));
        ui.label(RichText::new("Your edits are kept.").color(theme::FAINT));
        ui.add_space(10.0);
        if ui.button("Try again").clicked() {
            actions.push(Action::TryAgain(photo.id));
        }
        if ui
            .button("Locate…")
            .on_hover_text("Show where the photo is now")
            .clicked()
        {
            actions.push(Action::AskLocate(photo.id));
        }
        if ui.button("Close").clicked() {
            actions.push(Action::Close(photo.id));
        }
    });
}
