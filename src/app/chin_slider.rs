//! The one big control: how much of the double chin is removed.

use egui::{Color32, Pos2, Rect, Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::theme;
use crate::editor::AMOUNT_RANGE;

/// What the user did with the slider.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SliderEvent {
    /// The handle was taken.
    Began,
    /// To this amount, per cent.
    To(f32),
    /// The handle was let go.
    Ended,
    /// By the wheel or by an arrow key, by so many per cent.
    Nudged(f32),
    /// Back to 0.
    Reset,
}

const HEIGHT: f32 = 34.0;
const HANDLE: f32 = 9.0;

/// Shows the slider at an amount (per cent) and says what the user did. It has the accessibility role
/// of a slider and the name «Chin».
pub fn chin_slider(ui: &mut Ui, amount: f32, is_enabled: bool) -> (Response, Vec<SliderEvent>) {
    let sense = if is_enabled {
        Sense::click_and_drag()
    } else {
        Sense::hover()
    };
    let size = vec2(ui.available_width(), HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, sense);
    let mut events = Vec::new();
    let track = Track::of(rect);

    if response.drag_started() {
        events.push(SliderEvent::Began);
    }
    if response.dragged()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        events.push(SliderEvent::To(track.amount_at(pointer.x)));
    }
    if response.drag_stopped() {
        events.push(SliderEvent::Ended);
    }
    if response.double_clicked() {
        events.push(SliderEvent::Reset);
    } else if response.clicked()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        events.push(SliderEvent::To(track.amount_at(pointer.x)));
    }
    if is_enabled && response.hovered() {
        let wheel = ui.input(|input| input.smooth_scroll_delta().y);
        if wheel != 0.0 {
            events.push(SliderEvent::Nudged(wheel / 20.0));
        }
    }
    if is_enabled && response.has_focus() {
        events.extend(asked_by_assistant(ui, &response));
        // Arrow keys are the slider's own, so they do not move the focus.
        ui.memory_mut(|memory| {
            memory.set_focus_lock_filter(
                response.id,
                egui::EventFilter {
                    horizontal_arrows: true,
                    ..Default::default()
                },
            );
        });
    }
    response.widget_info(|| WidgetInfo::slider(is_enabled, f64::from(amount), "Chin"));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_min_numeric_value(f64::from(*AMOUNT_RANGE.start()));
        node.set_max_numeric_value(f64::from(*AMOUNT_RANGE.end()));
        node.set_numeric_value_step(1.0);
        if is_enabled {
            node.add_action(egui::accesskit::Action::SetValue);
            node.add_action(egui::accesskit::Action::Increment);
            node.add_action(egui::accesskit::Action::Decrement);
        }
    });
    if ui.is_rect_visible(rect) {
        paint(ui, &track, rect, &response, amount, is_enabled);
    }
    (response, events)
}

/// Steps and values that an assistive technology asks for.
fn asked_by_assistant(ui: &Ui, response: &Response) -> Vec<SliderEvent> {
    use egui::accesskit::{Action, ActionData};
    ui.input(|input| {
        let mut asked = Vec::new();
        for request in input.accesskit_action_requests(response.id, Action::SetValue) {
            if let Some(ActionData::NumericValue(value)) = request.data {
                asked.push(SliderEvent::To(value as f32));
            }
        }
        let steps = |action| input.num_accesskit_action_requests(response.id, action) as f32;
        let by = steps(Action::Increment) - steps(Action::Decrement);
        if by != 0.0 {
            asked.push(SliderEvent::Nudged(by));
        }
        asked
    })
}

/// Where amounts lie.
struct Track {
    left: f32,
    right: f32,
    y: f32,
}

impl Track {
    fn of(rect: Rect) -> Self {
        Self {
            left: rect.left() + HANDLE,
            right: rect.right() - HANDLE,
            y: rect.center().y - 4.0,
        }
    }

    fn x_of(&self, amount: f32) -> f32 {
        let (low, high) = (*AMOUNT_RANGE.start(), *AMOUNT_RANGE.end());
        egui::remap(amount, low..=high, self.left..=self.right)
    }

    /// Amounts close to 0 are 0, so that the photo itself is easy to find.
    fn amount_at(&self, x: f32) -> f32 {
        let (low, high) = (*AMOUNT_RANGE.start(), *AMOUNT_RANGE.end());
        let amount = egui::remap_clamp(x, self.left..=self.right, low..=high);
        if amount.abs() < 1.0 {
            0.0
        } else {
            amount.round()
        }
    }
}

fn paint(ui: &Ui, track: &Track, rect: Rect, response: &Response, amount: f32, is_enabled: bool) {
    let painter = ui.painter_at(rect.expand(2.0));
    let line = |from: f32, to: f32, color| {
        let line = Rect::from_min_max(
            Pos2::new(from.min(to), track.y - 2.0),
            Pos2::new(from.max(to), track.y + 2.0),
        );
        painter.rect_filled(line, 2.0, color);
    };
    line(track.left, track.right, Color32::from_gray(70));
    let (zero, here) = (track.x_of(0.0), track.x_of(amount));
    let accent = if is_enabled {
        theme::ACCENT
    } else {
        Color32::from_gray(110)
    };
    line(zero, here, accent);
    painter.vline(
        zero,
        track.y - 6.0..=track.y + 6.0,
        Stroke::new(1.5, Color32::from_gray(150)),
    );
    for (amount, text, align) in [
        (0.0, "0", egui::Align2::CENTER_TOP),
        (50.0, "50", egui::Align2::CENTER_TOP),
        (100.0, "100", egui::Align2::RIGHT_TOP),
    ] {
        let x = if amount == 100.0 {
            track.right + HANDLE * 0.5
        } else {
            track.x_of(amount)
        };
        painter.text(
            Pos2::new(x, track.y + 9.0),
            align,
            text,
            egui::FontId::proportional(12.0),
            theme::FAINT,
        );
    }
    let handle = Pos2::new(here, track.y);
    let fill = if !is_enabled {
        Color32::from_gray(110)
    } else if response.hovered() || response.dragged() {
        Color32::WHITE
    } else {
        Color32::from_gray(225)
    };
    painter.circle(handle, HANDLE - 1.0, fill, Stroke::new(1.0, Color32::BLACK));
    if response.has_focus() {
        painter.rect_stroke(
            rect,
            4.0,
            Stroke::new(1.0, theme::ACCENT),
            StrokeKind::Inside,
        );
    }
}

/// Is the chin slider the only widget with the keyboard, so that arrow keys are free for it?
pub fn arrow_keys_are_free(ctx: &egui::Context, slider: Option<egui::Id>) -> bool {
    let focused = ctx.memory(|memory| memory.focused());
    focused.is_none() || focused == slider
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_the_track_is_the_middle_of_the_range() {
        let track = Track {
            left: 0.0,
            right: 120.0,
            y: 0.0,
        };
        assert_eq!(track.amount_at(60.0), 40.0);
        assert_eq!(track.amount_at(20.4), 0.0);
        assert_eq!(track.amount_at(-99.0), -20.0);
        assert_eq!(track.amount_at(999.0), 100.0);
        assert_eq!(track.x_of(track.amount_at(75.0)), 75.0);
    }
}
