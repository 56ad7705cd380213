//! What shapes the edit: method, mask, warp, layers.

use egui::{CollapsingHeader, ComboBox, RichText, Ui};

use super::rows::{emit, slider};
use crate::app::action::Action;
use crate::app::panels::top::named;
use crate::app::session::Session;
use crate::app::state::AppState;
use crate::app::theme;
use crate::app::ui_state::{Brush, Tool};
use crate::editor::{BoundaryChoice, Change, FaceId, FaceParams};
use crate::engine::Method;
use crate::portrait::edit_mask::MaskSettings;
use crate::portrait::strokes::StrokeKind;
use crate::portrait::warp::WarpSettings;

pub(super) fn method(params: &FaceParams, ui: &mut Ui, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.label("Method");
        let mut method = params.settings.method;
        let combo = ComboBox::from_id_salt("method")
            .selected_text(method.name())
            .show_ui(ui, |ui| {
                for choice in Method::ALL {
                    ui.selectable_value(&mut method, choice, choice.name())
                        .on_hover_text(choice.description());
                }
            });
        named(&combo.response, "Choose the method");
        combo
            .response
            .on_hover_text("How the new neck is put into the photo");
        if method != params.settings.method {
            actions.push(Action::Change(Change::Method(method)));
        }
    });
}

pub(super) fn mask(app: &AppState, params: &FaceParams, ui: &mut Ui, actions: &mut Vec<Action>) {
    CollapsingHeader::new("Mask").show(ui, |ui| {
        let mut settings = params.settings.mask;
        let growth = slider(
            ui,
            "Growth",
            &mut settings.growth_px,
            -40..=100,
            " px",
            "How far the change reaches up over the jaw line into the face",
        );
        emit(&growth, Change::Mask(settings), actions);
        let mut settings = params.settings.mask;
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
                let is_on = app.ui_state.tool == tool;
                let button = ui.add(egui::Button::selectable(is_on, name));
                named(&button, &format!("Brush: {name}"));
                if button.on_hover_text(tooltip).clicked() {
                    actions.push(Action::Tool(if is_on { Tool::Hand } else { tool }));
                }
            }
            let has_paint = !params.settings.strokes.is_empty();
            if ui
                .add_enabled(has_paint, egui::Button::new("Remove paint"))
                .on_hover_text("Back to the mask that was found")
                .clicked()
            {
                actions.push(Action::Change(Change::RemovePaint));
            }
        });
        let mut brush = app.ui_state.brush;
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

pub(super) fn warp(
    app: &AppState,
    session: &Session,
    face: FaceId,
    params: &FaceParams,
    ui: &mut Ui,
    actions: &mut Vec<Action>,
) {
    CollapsingHeader::new("Warp").show(ui, |ui| {
        let can_pull = matches!(params.settings.method, Method::Instant | Method::Warp);
        ui.add_enabled_ui(can_pull, |ui| {
            let mut percent = (params.settings.warp.strength * 100.0).round();
            if params.settings.method != Method::Instant {
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
                    ..params.settings.warp
                };
                emit(&strength, Change::Warp(warp), actions);
            }
            let tool = Tool::Pull;
            let is_on = app.ui_state.tool == tool;
            ui.horizontal(|ui| {
                if ui
                    .add(egui::Button::selectable(is_on, "Pull points"))
                    .on_hover_text("Drag a point of the outline, or any spot of the neck, to where it belongs")
                    .clicked()
                {
                    actions.push(Action::Tool(if is_on { Tool::Hand } else { tool }));
                }
                let has_pulls = !params.settings.pulls.is_empty();
                if ui
                    .add_enabled(has_pulls, egui::Button::new("Let go"))
                    .on_hover_text("All pulled points go back")
                    .clicked()
                {
                    actions.push(Action::Change(Change::RemovePulls));
                }
            });
            let measured = session
                .face_state(face)
                .and_then(|state| state.frame.as_ref()?.rendered.redrawn()?.measured);
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
        let mut is_matched = params.settings.match_colour;
        let seam = ui
            .checkbox(&mut is_matched, "Match colours at the seam")
            .on_hover_text("Brings the new neck into the photo's light and tint");
        if seam.changed() {
            actions.push(Action::Change(Change::MatchColour(is_matched)));
        }
    });
}

pub(super) fn layers(
    session: &Session,
    params: &FaceParams,
    ui: &mut Ui,
    actions: &mut Vec<Action>,
) {
    CollapsingHeader::new("Layers & boundary").show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label("Layers up to");
            let mut up_to_px = params.up_to_px;
            let name = |up_to_px: Option<usize>| match up_to_px {
                Some(px) => format!("{px} px"),
                None => "as suits the boundary".to_owned(),
            };
            let combo = ComboBox::from_id_salt("layers")
                .selected_text(name(up_to_px))
                .show_ui(ui, |ui| {
                    let resolutions = [8, 16, 32, 64, 128, 1024].map(Some);
                    for px in std::iter::once(None).chain(resolutions) {
                        ui.selectable_value(&mut up_to_px, px, name(px));
                    }
                });
            named(&combo.response, "Choose the layers");
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
                BoundaryChoice::Fine => "Double chin, fine".to_owned(),
                BoundaryChoice::Coarse => "Double chin, coarse".to_owned(),
                BoundaryChoice::File(index) => boundaries
                    .get(index)
                    .map_or_else(|| "missing".to_owned(), |named| named.name.clone()),
            };
            let mut choice = params.boundary;
            let combo = ComboBox::from_id_salt("boundary")
                .selected_text(name(choice))
                .show_ui(ui, |ui| {
                    let files = (0..boundaries.len()).map(BoundaryChoice::File);
                    let own = [BoundaryChoice::Fine, BoundaryChoice::Coarse];
                    for option in own.into_iter().chain(files) {
                        ui.selectable_value(&mut choice, option, name(option));
                    }
                });
            named(&combo.response, "Choose the boundary");
            combo
                .response
                .on_hover_text(
                    "The direction in which the face is changed: the fine one takes the double chin alone, the \
                     coarse one slims the lower face along with it",
                );
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
