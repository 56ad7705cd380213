//! The panel on the right: the chin slider, and folded away below it all that shapes the edit.

mod chin_meter;
mod rows;
mod shape;

use egui::{CollapsingHeader, DragValue, RichText, ScrollArea, Slider, Ui};

use crate::app::action::Action;
use crate::app::chin_slider::{SliderEvent, chin_slider};
use crate::app::session::{NoLeastAmount, Preparation, Session};
use crate::app::state::AppState;
use crate::app::theme;
use crate::app::ui_state::Overlay;
use crate::editor::presets::Presets;
use crate::editor::{AMOUNT_RANGE, Change, FaceId};
use crate::engine::Method;
use crate::latent::Boundary;
use chin_meter::chin_meter;
use rows::{emit, on_the_left};

/// Shows the panel.
pub fn show(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    ScrollArea::vertical()
        .id_salt("edit")
        .auto_shrink([false, false])
        .show(ui, |ui| {
            let session = app.workspace.session();
            let chosen = session.and_then(|session| Some((session, session.document.chosen?)));
            chin(chosen, ui, actions);
            if let Some((session, face)) = chosen {
                let params = session.document.params(face);
                shape::method(&params, ui, actions);
                shape::mask(app, &params, ui, actions);
                shape::warp(app, session, face, &params, ui, actions);
                shape::layers(session, &params, ui, actions);
                presets(app, session, ui, actions);
            }
            overlays(app, ui, actions);
        });
}

fn chin(chosen: Option<(&Session, FaceId)>, ui: &mut Ui, actions: &mut Vec<Action>) {
    theme::heading(ui, "CHIN");
    let amount = chosen.map_or(0.0, |(session, face)| session.document.params(face).amount);
    let is_usable = chosen.is_some_and(|(session, face)| session.is_editable(face));
    let (response, events) = chin_slider(ui, amount, is_usable);
    ui.data_mut(|data| data.insert_temp(slider_id(), response.id));
    for event in events {
        actions.push(match event {
            SliderEvent::Began => Action::Gesture { begins: true },
            SliderEvent::Ended => Action::Gesture { begins: false },
            SliderEvent::To(amount) => Action::Change(Change::Amount(amount)),
            SliderEvent::Nudged(by) => Action::Nudge(by),
            SliderEvent::Reset => Action::Change(Change::Amount(0.0)),
        });
    }
    if !response.dragged() {
        response.on_hover_text(
            "How much of the double chin goes: 0 is the photo, 100 the most. Double-click for 0; \
             arrow keys and the wheel move it in steps",
        );
    }
    ui.horizontal(|ui| {
        let mut typed = amount;
        let value = ui.add_enabled(
            is_usable,
            DragValue::new(&mut typed)
                .range(AMOUNT_RANGE)
                .speed(0.5)
                .max_decimals(1)
                .suffix(" %"),
        );
        super::top::named(&value, "Chin in per cent");
        emit(&value, Change::Amount(typed), actions);
        if ui
            .add_enabled(amount != 0.0, egui::Button::new("Reset"))
            .on_hover_text("Back to the photo as it was taken")
            .clicked()
        {
            actions.push(Action::Change(Change::Amount(0.0)));
        }
        auto(chosen, ui, actions);
    });
    chin_meter(
        ui,
        chosen.map(|(session, face)| session.chin_readings(face)),
    );
    // A line that is always there, so that nothing below it jumps.
    let line = egui::vec2(ui.available_width(), 22.0);
    ui.allocate_ui(line, |ui| {
        ui.set_min_height(line.y);
        match chosen {
            Some((session, face)) => state(session, face, ui, actions),
            None => {
                ui.label(RichText::new("No face to edit yet").color(theme::FAINT));
            }
        }
    });
}

/// The button that takes the least amount which is enough.
fn auto(chosen: Option<(&Session, FaceId)>, ui: &mut Ui, actions: &mut Vec<Action>) {
    let least = chosen.map_or(Err(NoLeastAmount::NotPrepared), |(session, face)| {
        session.least_amount(face)
    });
    let button = ui.add_enabled(least.is_ok(), egui::Button::new("Auto"));
    match least {
        Ok(amount) => {
            let tooltip = format!(
                "The least amount after which the meter below sees no double chin, or the usual {:.0} % where \
                 no amount is enough",
                Boundary::DEFAULT_AMOUNT
            );
            if button.on_hover_text(tooltip).clicked() {
                actions.push(Action::Change(Change::Amount(amount)));
            }
        }
        Err(why) => {
            button.on_disabled_hover_text(why.to_string());
        }
    }
}

/// The id under which the slider's own id is kept, so that arrow keys know it.
pub fn slider_id() -> egui::Id {
    egui::Id::unique("chin slider")
}

fn state(session: &Session, face: FaceId, ui: &mut Ui, actions: &mut Vec<Action>) {
    let Some(preparation) = session.preparation(face) else {
        return;
    };
    match preparation {
        Preparation::Running(_) if !session.is_editable(face) => {
            let text = match session.document.params(face).settings.method {
                Method::Instant => "The slider wakes with the crop…",
                Method::Warp | Method::Plain | Method::Diffuse => {
                    "The slider wakes with the first code…"
                }
            };
            ui.label(RichText::new(text).color(theme::FAINT));
        }
        Preparation::Running(_) => {
            ui.label(RichText::new("Usable; still getting better").color(theme::FAINT));
        }
        Preparation::Cancelled => {
            ui.horizontal(|ui| {
                ui.label(RichText::new("Preparation was stopped").color(theme::FAINT));
                if ui.button("Go on").clicked() {
                    actions.push(Action::Prepare(face));
                }
            });
        }
        Preparation::Failed(why) => {
            ui.label(RichText::new(why).color(theme::ACCENT));
            if ui.button("Try again").clicked() {
                actions.push(Action::Prepare(face));
            }
        }
        Preparation::NotAsked | Preparation::Ready => (),
    }
}

fn presets(app: &AppState, session: &Session, ui: &mut Ui, actions: &mut Vec<Action>) {
    CollapsingHeader::new("Presets").show(ui, |ui| {
        for preset in app.presets().all() {
            ui.horizontal(|ui| {
                let button = ui.button(&preset.name);
                super::top::named(&button, &format!("Preset: {}", preset.name));
                if button
                    .on_hover_text("Give this face these settings; paint and pulled points stay")
                    .clicked()
                {
                    actions.push(Action::Change(preset.change()));
                }
                if Presets::is_usable_name(&preset.name) {
                    let delete = ui.small_button("×");
                    super::top::named(&delete, &format!("Delete preset {}", preset.name));
                    if delete.clicked() {
                        actions.push(Action::DeletePreset(preset.name.clone()));
                    }
                }
            });
        }
        let id = egui::Id::unique("preset name");
        let mut name: String = ui.data_mut(|data| data.get_temp(id).unwrap_or_default());
        ui.horizontal(|ui| {
            let field = ui.add(
                egui::TextEdit::singleline(&mut name)
                    .hint_text("Name")
                    .desired_width(110.0),
            );
            field.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Name of the preset")
            });
            let can_save = !name.trim().is_empty();
            if ui
                .add_enabled(can_save, egui::Button::new("Save preset"))
                .on_hover_text("Keep this face's settings under this name")
                .clicked()
            {
                actions.push(Action::SavePreset(name.trim().to_owned()));
                name.clear();
            }
        });
        ui.data_mut(|data| data.insert_temp(id, name));
        let others = session.document.faces().len() > 1;
        if ui
            .add_enabled(others, egui::Button::new("Apply to all faces"))
            .on_hover_text("Every face of this photo gets the settings of this one")
            .clicked()
        {
            actions.push(Action::ApplyToAllFaces);
        }
    });
}

fn overlays(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    CollapsingHeader::new("Overlays").show(ui, |ui| {
        let mut all = app.ui_state.overlays;
        let row = |ui: &mut Ui, name: &str, overlay: &mut Overlay, tooltip: &str| {
            ui.horizontal(|ui| {
                let check = on_the_left(ui, 118.0, |ui| ui.checkbox(&mut overlay.is_on, name));
                check.on_hover_text(tooltip);
                let slider = Slider::new(&mut overlay.opacity, 0.05..=1.0).show_value(false);
                let slider = ui.add_enabled(overlay.is_on, slider);
                slider.widget_info(|| {
                    egui::WidgetInfo::labeled(
                        egui::Role::Slider,
                        slider.enabled(),
                        format!("Opacity of {name}"),
                    )
                });
            });
        };
        row(ui, "Faces", &mut all.faces, "A frame around every face");
        row(
            ui,
            "Landmarks",
            &mut all.landmarks,
            "The 68 points that were found on the face (L)",
        );
        row(
            ui,
            "Labels",
            &mut all.labels,
            "What the face parsing takes for skin, neck, hair, cloth",
        );
        row(
            ui,
            "Mask",
            &mut all.mask,
            "Where the photo may change, as a tint (M)",
        );
        row(
            ui,
            "Mask contour",
            &mut all.contour,
            "The line at which the change has half its strength",
        );
        row(
            ui,
            "Warp",
            &mut all.warp,
            "The triangles of the warp, and where its points move (W)",
        );
        row(
            ui,
            "Changed pixels",
            &mut all.heat,
            "How much each pixel has changed, from blue to red",
        );
        if all != app.ui_state.overlays {
            actions.push(Action::Overlays(all));
        }
    });
}
