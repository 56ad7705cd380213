//! Rows of the panel: a name, a control, and the actions of a drag.

use egui::{Slider, Ui};

use crate::app::action::Action;
use crate::editor::Change;

/// A value that was dragged or typed: one step of the history a drag.
pub(super) fn emit(response: &egui::Response, change: Change, actions: &mut Vec<Action>) {
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
pub(super) fn on_the_left<R>(ui: &mut Ui, width: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(egui::vec2(width, 20.0), layout, |ui| {
        ui.set_min_width(width);
        add(ui)
    })
    .inner
}

/// A labelled slider on a line of its own.
pub(super) fn slider<T: egui::emath::Numeric>(
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
