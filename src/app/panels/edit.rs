//! The panel on the right: the chin slider, and folded away below it all that shapes the edit.

use egui::{CollapsingHeader, ComboBox, DragValue, RichText, ScrollArea, Slider, Ui};

use crate::app::Jawline;
use crate::app::action::Action;
use crate::app::chin_slider::{Slid, chin_slider};
use crate::app::look::{Brush, Overlay, Tool};
use crate::app::session::{Preparation, Session};
use crate::app::theme;
use crate::editor::presets::Presets;
use crate::editor::{AMOUNT_RANGE, BoundaryChoice, Change, FaceId, FaceParams};
use crate::engine::Method;
use crate::latent::Boundary;
use crate::portrait::edit_mask::MaskSettings;
use crate::portrait::strokes::StrokeKind;
use crate::portrait::warp::WarpSettings;

/// Shows the panel.
pub fn show(app: &Jawline, ui: &mut Ui, actions: &mut Vec<Action>) {
    ScrollArea::vertical()
        .id_salt("edit")
        .auto_shrink([false, false])
        .show(ui, |ui| {
            let session = app.workspace.session.as_ref();
            let chosen = session.and_then(|session| Some((session, session.document.chosen?)));
            chin(chosen, ui, actions);
            if let Some((session, face)) = chosen {
                let params = session.document.params(face);
                method(&params, ui, actions);
                mask(app, &params, ui, actions);
                warp(app, session, face, &params, ui, actions);
                layers(session, &params, ui, actions);
                presets(app, session, ui, actions);
            }
            overlays(app, ui, actions);
        });
}

fn chin(chosen: Option<(&Session, FaceId)>, ui: &mut Ui, actions: &mut Vec<Action>) {
    theme::heading(ui, "CHIN");
    let amount = chosen.map_or(0.0, |(session, face)| session.document.params(face).amount);
    let live = chosen.and_then(|(session, face)| session.live(face));
    let is_usable = live.is_some_and(|live| live.prepared.is_some());
    let (response, slid) = chin_slider(ui, amount, is_usable);
    ui.data_mut(|data| data.insert_temp(slider_id(), response.id));
    for slid in slid {
        actions.push(match slid {
            Slid::Began => Action::Gesture { begins: true },
            Slid::Ended => Action::Gesture { begins: false },
            Slid::To(amount) => Action::Change(Change::Amount(amount)),
            Slid::Nudged(by) => Action::Nudge(by),
            Slid::Reset => Action::Change(Change::Amount(0.0)),
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
    });
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

/// The id under which the slider's own id is kept, so that arrow keys know it.
pub fn slider_id() -> egui::Id {
    egui::Id::unique("chin slider")
}

fn state(session: &Session, face: FaceId, ui: &mut Ui, actions: &mut Vec<Action>) {
    let Some(live) = session.live(face) else {
        return;
    };
    match &live.preparation {
        Preparation::Running(_) if live.prepared.is_none() => {
            ui.label(RichText::new("The slider wakes with the first code…").color(theme::FAINT));
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

/// A value that was dragged or typed: one step of the history a drag.
fn emit(response: &egui::Response, change: Change, actions: &mut Vec<Action>) {
    if response.drag_started() {
        actions.push(Action::Gesture { begins: true });
    }
    if response.changed() {
        actions.push(Action::Change(change));
    }
    if response.drag_stopped() {
        actions.push(Action::Gesture { begins: false });
    }
}

/// A cell of a row, as wide as said, with its content on the left.
fn on_the_left<R>(ui: &mut Ui, width: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(egui::vec2(width, 20.0), layout, |ui| {
        ui.set_min_width(width);
        add(ui)
    })
    .inner
}

/// A labelled slider on a line of its own.
fn slider<T: egui::emath::Numeric>(
    ui: &mut Ui,
    name: &str,
    value: &mut T,
    range: std::ops::RangeInclusive<T>,
    suffix: &str,
    tooltip: &str,
) -> egui::Response {
    ui.horizontal(|ui| {
        on_the_left(ui, 62.0, |ui| ui.label(name));
        let slider = Slider::new(value, range).suffix(suffix);
        let response = ui.add(slider).on_hover_text(tooltip);
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::Slider, response.enabled(), name)
        });
        response
    })
    .inner
}

fn method(params: &FaceParams, ui: &mut Ui, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.label("Method");
        let mut method = params.method;
        let combo = ComboBox::from_id_salt("method")
            .selected_text(match method {
                Method::Warp => "Warp",
                Method::Plain => "Plain",
            })
            .show_ui(ui, |ui| {
                ui.selectable_value(&mut method, Method::Warp, "Warp")
                    .on_hover_text(
                        "Bends the new neck to meet the photo's jaw line, then blends it in",
                    );
                ui.selectable_value(&mut method, Method::Plain, "Plain")
                    .on_hover_text("Blends the new neck in as it was drawn");
            });
        super::top::named(&combo.response, "Choose the method");
        combo
            .response
            .on_hover_text("How the new neck is put into the photo");
        if method != params.method {
            actions.push(Action::Change(Change::Method(method)));
        }
    });
}

fn mask(app: &Jawline, params: &FaceParams, ui: &mut Ui, actions: &mut Vec<Action>) {
    CollapsingHeader::new("Mask").show(ui, |ui| {
        let mut settings = params.mask;
        let growth = slider(
            ui,
            "Growth",
            &mut settings.growth_px,
            -40..=100,
            " px",
            "How far the change reaches up over the jaw line into the face",
        );
        emit(&growth, Change::Mask(settings), actions);
        let mut settings = params.mask;
        let feather = slider(
            ui,
            "Feather",
            &mut settings.feather_px,
            1..=100,
            " px",
            "How softly the change ends at its edge",
        );
        emit(&feather, Change::Mask(settings), actions);
        ui.horizontal(|ui| {
            for (kind, name, tooltip) in [
                (
                    StrokeKind::Add,
                    "Add",
                    "Paint where more of the change should show (P)",
                ),
                (
                    StrokeKind::Erase,
                    "Erase",
                    "Paint where the photo should stay as it is (Shift+P)",
                ),
            ] {
                let tool = Tool::Brush(kind);
                let is_on = app.look.tool == tool;
                let button = ui.add(egui::Button::selectable(is_on, name));
                super::top::named(&button, &format!("Brush: {name}"));
                if button.on_hover_text(tooltip).clicked() {
                    actions.push(Action::Tool(if is_on { Tool::Hand } else { tool }));
                }
            }
            let has_paint = !params.strokes.is_empty();
            if ui
                .add_enabled(has_paint, egui::Button::new("Remove paint"))
                .on_hover_text("Back to the mask that was found")
                .clicked()
            {
                actions.push(Action::Change(Change::RemovePaint));
            }
        });
        let mut brush = app.look.brush;
        let size = slider(
            ui,
            "Size",
            &mut brush.radius_px,
            Brush::RADII,
            " px",
            "Radius of the brush ([ and ])",
        );
        let mut hardness_percent = (brush.hardness * 100.0).round();
        let hardness = slider(
            ui,
            "Hardness",
            &mut hardness_percent,
            0.0..=100.0,
            " %",
            "How much of the brush has full effect; the rest fades out",
        );
        if hardness.changed() {
            brush.hardness = hardness_percent / 100.0;
        }
        if size.changed() || hardness.changed() {
            actions.push(Action::Brush(brush));
        }
        if ui
            .button("Reset mask")
            .on_hover_text("Growth and feather as they suit most portraits")
            .clicked()
        {
            actions.push(Action::Change(Change::Mask(MaskSettings::default())));
        }
    });
}

fn warp(
    app: &Jawline,
    session: &Session,
    face: FaceId,
    params: &FaceParams,
    ui: &mut Ui,
    actions: &mut Vec<Action>,
) {
    CollapsingHeader::new("Warp").show(ui, |ui| {
        ui.add_enabled_ui(params.method == Method::Warp, |ui| {
            let mut percent = (params.warp.strength * 100.0).round();
            let strength = slider(
                ui,
                "Strength",
                &mut percent,
                0.0..=100.0,
                " %",
                "How far the new outline is bent back to the photo's: 0 keeps the new shape, 100 the \
                 photo's jaw",
            );
            let warp = WarpSettings {
                strength: percent / 100.0,
                ..params.warp
            };
            emit(&strength, Change::Warp(warp), actions);
            let tool = Tool::Pull;
            let is_on = app.look.tool == tool;
            ui.horizontal(|ui| {
                if ui
                    .add(egui::Button::selectable(is_on, "Pull points"))
                    .on_hover_text("Drag a point of the outline, or any spot of the neck, to where it belongs")
                    .clicked()
                {
                    actions.push(Action::Tool(if is_on { Tool::Hand } else { tool }));
                }
                let has_pulls = !params.pulls.is_empty();
                if ui
                    .add_enabled(has_pulls, egui::Button::new("Let go"))
                    .on_hover_text("All pulled points go back")
                    .clicked()
                {
                    actions.push(Action::Change(Change::RemovePulls));
                }
            });
            let measured = session
                .live(face)
                .and_then(|live| live.frame.as_ref()?.rendered.measured);
            if let Some(rows) = measured {
                ui.label(
                    RichText::new(format!(
                        "measured on {} rows of the face, {} of the neck",
                        rows.face, rows.neck
                    ))
                    .small()
                    .color(theme::FAINT),
                );
            }
        });
        let mut is_matched = params.match_colour;
        let seam = ui
            .checkbox(&mut is_matched, "Match colours at the seam")
            .on_hover_text("Brings the new neck into the photo's light and tint");
        if seam.changed() {
            actions.push(Action::Change(Change::MatchColour(is_matched)));
        }
    });
}

fn layers(session: &Session, params: &FaceParams, ui: &mut Ui, actions: &mut Vec<Action>) {
    CollapsingHeader::new("Layers & boundary").show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label("Layers up to");
            let mut up_to_px = params.up_to_px;
            let combo = ComboBox::from_id_salt("layers")
                .selected_text(format!("{up_to_px} px"))
                .show_ui(ui, |ui| {
                    for px in [8, 16, 32, 64, 128, 1024] {
                        let mark = if px == Boundary::DEFAULT_RESOLUTION_PX {
                            " (usual)"
                        } else {
                            ""
                        };
                        ui.selectable_value(&mut up_to_px, px, format!("{px} px{mark}"));
                    }
                });
            super::top::named(&combo.response, "Choose the layers");
            combo.response.on_hover_text(
                "Coarse layers hold the shape, fine ones skin and light: the more move, the more of \
                 the look changes along",
            );
            if up_to_px != params.up_to_px {
                actions.push(Action::Change(Change::UpTo(up_to_px)));
            }
        });
        ui.horizontal(|ui| {
            ui.label("Boundary");
            let boundaries = &session.document.boundaries;
            let name = |choice| match choice {
                BoundaryChoice::DoubleChin => "Double chin (own)".to_owned(),
                BoundaryChoice::File(index) => boundaries
                    .get(index)
                    .map_or_else(|| "missing".to_owned(), |named| named.name.clone()),
            };
            let mut choice = params.boundary;
            let combo = ComboBox::from_id_salt("boundary")
                .selected_text(name(choice))
                .show_ui(ui, |ui| {
                    let files = (0..boundaries.len()).map(BoundaryChoice::File);
                    for option in std::iter::once(BoundaryChoice::DoubleChin).chain(files) {
                        ui.selectable_value(&mut choice, option, name(option));
                    }
                });
            super::top::named(&combo.response, "Choose the boundary");
            combo
                .response
                .on_hover_text("The direction in which the face is changed");
            if choice != params.boundary {
                actions.push(Action::Change(Change::Boundary(choice)));
            }
        });
        if ui
            .button("Boundary from a file…")
            .on_hover_text("A direction that was trained elsewhere: .npy, [1, 512] or [1, L, 512]")
            .clicked()
        {
            actions.push(Action::AskBoundary);
        }
    });
}

fn presets(app: &Jawline, session: &Session, ui: &mut Ui, actions: &mut Vec<Action>) {
    CollapsingHeader::new("Presets").show(ui, |ui| {
        for preset in app.presets.all() {
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

fn overlays(app: &Jawline, ui: &mut Ui, actions: &mut Vec<Action>) {
    CollapsingHeader::new("Overlays").show(ui, |ui| {
        let mut all = app.look.overlays;
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
        if all != app.look.overlays {
            actions.push(Action::Overlays(all));
        }
    });
}
