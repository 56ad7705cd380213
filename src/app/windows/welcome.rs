//! The welcome: nothing is open yet.

use egui::{Align, Layout, RichText, Ui, vec2};

use crate::app::action::Action;
use crate::app::samples::SAMPLES;
use crate::app::state::AppState;
use crate::app::theme;

/// Shows the welcome where the picture will be.
pub fn show(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    let height = ui.available_height();
    ui.with_layout(Layout::top_down(Align::Center), |ui| {
        ui.add_space((height * 0.5 - 250.0).max(16.0));
        ui.label(RichText::new("Jawline").size(34.0));
        ui.label(RichText::new("Drop a portrait here, or").color(theme::FAINT));
        ui.add_space(6.0);
        if ui
            .button(RichText::new("Open photos…").size(16.0))
            .clicked()
        {
            actions.push(Action::AskOpen);
        }
        ui.add_space(22.0);
        setup(app, ui, actions);
        ui.label(
            RichText::new("Try a sample (drawn by a network; it shows nobody)").color(theme::FAINT),
        );
        ui.add_space(6.0);
        samples(app, ui, actions);
        recent(app, ui, actions);
    });
}

fn setup(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    let Some(why) = &app.engine.missing else {
        return;
    };
    if app.engine.installing.is_some() {
        ui.label("Installing; the line below tells how far it is.");
    } else {
        ui.label(RichText::new(why).color(theme::ACCENT));
        ui.label(
            RichText::new("About 120 MB are fetched. The networks are for non-commercial use.")
                .color(theme::FAINT),
        );
        ui.add_space(4.0);
        if ui
            .button(RichText::new("Install the networks").size(16.0))
            .clicked()
        {
            actions.push(Action::Install);
        }
    }
    ui.add_space(18.0);
}

fn samples(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    const SIDE: f32 = 150.0;
    let width =
        SAMPLES.len() as f32 * (SIDE + ui.spacing().item_spacing.x) - ui.spacing().item_spacing.x;
    ui.allocate_ui(vec2(width, SIDE + 28.0), |ui| {
        ui.horizontal_top(|ui| {
            for (index, sample) in SAMPLES.iter().enumerate() {
                ui.vertical(|ui| {
                    ui.set_width(SIDE);
                    let clicked = match app.thumbnails.samples.get(index).and_then(Option::as_ref) {
                        Some(texture) => {
                            let image =
                                egui::Image::new(texture).fit_to_exact_size(vec2(SIDE, SIDE));
                            let button = ui.add(egui::Button::image(image).frame(false));
                            crate::app::panels::top::named(
                                &button,
                                &format!("Sample: {}", sample.title),
                            );
                            button.clicked()
                        }
                        None => ui.add_sized([SIDE, SIDE], egui::Button::new("…")).clicked(),
                    };
                    ui.vertical_centered(|ui| {
                        ui.label(RichText::new(sample.title).color(theme::FAINT));
                    });
                    if clicked {
                        actions.push(Action::OpenSample(sample));
                    }
                });
            }
        });
    });
}

fn recent(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    if app.settings().recent.is_empty() {
        return;
    }
    ui.add_space(16.0);
    ui.label(RichText::new("Recent").color(theme::FAINT));
    for path in app.settings().recent.iter().take(5) {
        let name = path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        if ui
            .link(name)
            .on_hover_text(path.display().to_string())
            .clicked()
        {
            actions.push(Action::Open(vec![path.clone()]));
        }
    }
}
