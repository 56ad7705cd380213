//! Windows over the picture: none of them stops the work.

mod about;
pub mod batch;
mod closing;
mod export;
pub mod missing;
mod save_as;
mod settings;
mod small;
pub mod welcome;

use egui::Context;

use super::action::Action;
use super::state::AppState;

/// Shows all open windows.
pub fn show(app: &AppState, ctx: &Context, actions: &mut Vec<Action>) {
    let open = app.ui_state.windows;
    if open.settings {
        settings::show(app, ctx, actions);
    }
    if open.about {
        about::show(app, ctx, actions);
    }
    if open.export {
        export::show(app, ctx, actions);
    }
    if open.batch {
        batch::show(app, ctx, actions);
    }
    if open.log {
        small::log(app, ctx, actions);
    }
    if open.keys {
        small::keys(ctx, actions);
    }
    if open.open_path {
        small::open_path(ctx, actions);
    }
    if open.save_as {
        save_as::show(app, ctx, actions);
    }
    if let Some(question) = app.workspace.question() {
        closing::show(app, question, ctx, actions);
    }
}

/// A window with a cross that closes it.
fn window(
    ctx: &Context,
    title: &str,
    closes: Action,
    actions: &mut Vec<Action>,
    content: impl FnOnce(&mut egui::Ui, &mut Vec<Action>),
) {
    let mut is_open = true;
    let place = ctx.content_rect();
    // As high as what is in it, as far as there is room.
    let most_points = (place.height() - 96.0).max(96.0);
    egui::Window::new(title)
        .open(&mut is_open)
        .collapsible(false)
        .auto_sized()
        .pivot(egui::Align2::CENTER_CENTER)
        .default_pos(place.center())
        .show(ctx, |ui| {
            ui.set_max_width(560.0);
            egui::ScrollArea::vertical()
                .max_height(most_points)
                .show(ui, |ui| content(ui, actions));
        });
    if !is_open {
        actions.push(closes);
    }
}
