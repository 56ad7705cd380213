//! About Jawline: what it is, whose work is in it, and what it may not be used for.

use egui::{Context, RichText, ScrollArea};

use super::window;
use crate::app::action::{Action, WindowName};
use crate::app::state::AppState;
use crate::app::theme;
use crate::engine::LICENCE_NOTICE;

/// Shows the window.
pub fn show(app: &AppState, ctx: &Context, actions: &mut Vec<Action>) {
    let closes = Action::ToggleWindow(WindowName::About);
    window(ctx, "About Jawline", closes, actions, |ui, _| {
        ui.set_max_width(760.0);
        ui.heading(format!("Jawline {}", env!("CARGO_PKG_VERSION")));
        ui.label("Removes double chins from portraits. MIT or Apache-2.0.");
        ui.label(
            RichText::new(
                "After «Coarse-to-Fine: Facial Structure Editing of Portrait Images via Latent Space \
                 Classifications», Wu, Yang, Xiao, Jin, ACM TOG 40(4), 2021.",
            )
            .color(theme::FAINT),
        );
        ui.separator();
        ui.label(RichText::new("The networks are for non-commercial use").color(theme::ACCENT));
        ScrollArea::vertical()
            .id_salt("licences")
            .max_height(260.0)
            .show(ui, |ui| {
                ui.label(RichText::new(LICENCE_NOTICE).monospace());
                ui.separator();
                ui.label(RichText::new(include_str!("../../../THIRD_PARTY.md")).monospace());
            });
        ui.separator();
        ui.label(RichText::new(app.engine.details_in_words()).color(theme::FAINT));
    });
}
