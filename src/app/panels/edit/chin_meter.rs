//! The chin meter: a quiet bar that says how much of a double chin is seen, before and after.

use egui::{Color32, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::app::session::{ChinReadings, Shown};
use crate::app::theme;
use crate::engine::ChinReading;

/// Two rows, whatever they say, so that nothing below jumps.
const BAR_HEIGHT: f32 = 16.0;
const WORDS_HEIGHT: f32 = 18.0;
/// Room for half a mark at both ends of the bar.
const MARGIN: f32 = 9.0;

/// Shows the meter.
pub(super) fn chin_meter(ui: &mut Ui, readings: Option<ChinReadings>) {
    let words = readings.map_or_else(|| "–".to_owned(), |readings| in_words(&readings));
    let tooltip = || {
        format!(
            "An estimate of a small network of our own, not a measurement: it goes by the whole lower face and \
             may be wrong, above all with beards and turned heads.\n{}\nRing: the photo. Dot: what is shown. \
             Line: from here on to the right a double chin is seen.",
            readings.map_or_else(String::new, |readings| in_numbers(&readings))
        )
    };
    let size = vec2(ui.available_width(), BAR_HEIGHT);
    let (rect, bar) = ui.allocate_exact_size(size, Sense::hover());
    bar.widget_info(|| WidgetInfo::labeled(Role::Meter, true, "Double chin, before and after"));
    ui.ctx().accesskit_node_builder(bar.id, |node| {
        node.set_value(words.as_str());
        node.set_min_numeric_value(0.0);
        node.set_max_numeric_value(1.0);
        let now = readings.and_then(|readings| readings.after.or(readings.before));
        if let Some(now) = now {
            node.set_numeric_value(f64::from(now.probability));
        }
    });
    if ui.is_rect_visible(rect) {
        paint(ui, rect, readings);
    }
    bar.on_hover_text(tooltip());
    let size = vec2(ui.available_width(), WORDS_HEIGHT);
    ui.allocate_ui(size, |ui| {
        ui.set_min_height(size.y);
        let text = egui::RichText::new(sentence(readings.as_ref(), &words)).color(theme::FAINT);
        ui.add(egui::Label::new(text).truncate())
            .on_hover_text(tooltip());
    });
}

/// How much of a double chin a reading says is seen.
fn grade(chin: ChinReading) -> &'static str {
    if !chin.has_double_chin() {
        return "none seen";
    }
    match chin.severity {
        severity if severity < 0.4 => "faint",
        severity if severity < 0.7 => "visible",
        _ => "clear",
    }
}

/// Both readings, and how far the second can be relied on.
fn in_words(readings: &ChinReadings) -> String {
    let Some(before) = readings.before.map(grade) else {
        return "not read yet".to_owned();
    };
    let Some(after) = readings.after.map(grade) else {
        return before.to_owned();
    };
    let of = match readings.shown {
        Shown::Blend | Shown::Stale => " (preview)",
        Shown::Draft => " (draft)",
        Shown::Exact | Shown::Original => "",
    };
    format!("{before}, now {after}{of}")
}

/// What is written below the bar.
fn sentence(readings: Option<&ChinReadings>, words: &str) -> String {
    let has_nothing = readings.is_some_and(|readings| {
        let is_clear = |chin: ChinReading| !chin.has_double_chin();
        readings.before.is_some_and(is_clear) && readings.after.is_none_or(is_clear)
    });
    let shows_neck = readings.is_none_or(|readings| readings.shows_neck);
    match (has_nothing, shows_neck) {
        (true, true) => "No double chin seen: nothing to remove".to_owned(),
        (true, false) => "No bare neck seen".to_owned(),
        (false, _) => format!("Double chin: {words}"),
    }
}

fn in_numbers(readings: &ChinReadings) -> String {
    let percent = |chin: ChinReading| format!("{:.0} %", chin.probability * 100.0);
    let probability = match (readings.before, readings.after) {
        (None, _) => return "The face was not read yet.".to_owned(),
        (Some(before), None) => percent(before),
        (Some(before), Some(after)) => {
            format!("{} before, {} now", percent(before), percent(after))
        }
    };
    format!(
        "Probability: {probability}; a double chin counts as seen above {:.0} %.",
        ChinReading::THRESHOLD * 100.0
    )
}

fn paint(ui: &Ui, rect: Rect, readings: Option<ChinReadings>) {
    let painter = ui.painter_at(rect.expand(1.0));
    let (left, right, y) = (rect.left() + MARGIN, rect.right() - MARGIN, rect.center().y);
    let x_of = |probability: f32| egui::remap_clamp(probability, 0.0..=1.0, left..=right);
    let line = |from: f32, to: f32, color| {
        let line = Rect::from_min_max(pos2(from.min(to), y - 1.5), pos2(from.max(to), y + 1.5));
        painter.rect_filled(line, 1.5, color);
    };
    line(left, right, Color32::from_gray(58));
    painter.vline(
        x_of(ChinReading::THRESHOLD),
        y - 5.0..=y + 5.0,
        Stroke::new(1.0, Color32::from_gray(110)),
    );
    let Some(readings) = readings else {
        return;
    };
    let Some(before) = readings.before.map(|chin| x_of(chin.probability)) else {
        return;
    };
    let after = readings.after.map(|chin| x_of(chin.probability));
    if let Some(after) = after {
        line(before, after, Color32::from_gray(120));
    }
    let ring = Stroke::new(1.5, Color32::from_gray(170));
    painter.circle(pos2(before, y), 4.0, theme::PANEL, ring);
    if let Some(after) = after {
        let color = match readings.shown {
            Shown::Exact => theme::ACCENT,
            // Fainter as long as it may change by itself.
            _ => theme::ACCENT.gamma_multiply(0.6),
        };
        painter.circle_filled(pos2(after, y), 4.0, color);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(probability: f32, severity: f32) -> Option<ChinReading> {
        Some(ChinReading {
            probability,
            severity,
        })
    }

    fn said(before: Option<ChinReading>, after: Option<ChinReading>, shown: Shown) -> String {
        let readings = ChinReadings {
            before,
            after,
            shown,
            shows_neck: true,
        };
        sentence(Some(&readings), &in_words(&readings))
    }

    #[test]
    fn both_readings_are_said_in_words() {
        let (clear, faint) = (reading(0.9, 0.9), reading(0.3, 0.3));
        let gone = reading(0.1, 0.2);
        assert_eq!(
            said(None, None, Shown::Original),
            "Double chin: not read yet"
        );
        assert_eq!(said(clear, None, Shown::Original), "Double chin: clear");
        assert_eq!(
            said(clear, faint, Shown::Blend),
            "Double chin: clear, now faint (preview)"
        );
        assert_eq!(
            said(clear, reading(0.4, 0.5), Shown::Draft),
            "Double chin: clear, now visible (draft)"
        );
        assert_eq!(
            said(clear, gone, Shown::Exact),
            "Double chin: clear, now none seen"
        );
    }

    #[test]
    fn a_covered_neck_is_not_called_good() {
        let readings = ChinReadings {
            before: reading(0.1, 0.2),
            after: None,
            shown: Shown::Original,
            shows_neck: false,
        };
        assert_eq!(sentence(Some(&readings), "none seen"), "No bare neck seen");
    }

    #[test]
    fn where_nothing_is_seen_there_is_nothing_to_remove() {
        let gone = reading(0.1, 0.2);
        let nothing = "No double chin seen: nothing to remove";
        assert_eq!(said(gone, None, Shown::Original), nothing);
        assert_eq!(said(gone, gone, Shown::Exact), nothing);
        // The slider's other end adds one.
        assert_eq!(
            said(gone, reading(0.3, 0.3), Shown::Exact),
            "Double chin: none seen, now faint"
        );
        assert_eq!(
            said(reading(ChinReading::THRESHOLD, 0.9), None, Shown::Original),
            nothing
        );
    }
}
