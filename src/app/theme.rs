//! The calm of a darkroom: neutral greys, one accent, text that can be read.

use egui::{Color32, CornerRadius, FontId, Stroke, TextStyle, Theme, Visuals};

/// The one colour of the window.
pub const ACCENT: Color32 = Color32::from_rgb(232, 168, 74);
/// Something went wrong.
pub const ERROR: Color32 = Color32::from_rgb(226, 98, 84);
/// Panels.
pub const PANEL: Color32 = Color32::from_gray(38);
/// Text that matters less.
pub const FAINT: Color32 = Color32::from_gray(150);
/// 18 % grey, in sRGB: what photographers judge pictures on.
pub const MIDDLE_GREY: u8 = 118;

/// Dresses the window.
pub fn apply(ctx: &egui::Context) {
    ctx.set_theme(Theme::Dark);
    let mut visuals = Visuals::dark();
    visuals.panel_fill = PANEL;
    visuals.window_fill = Color32::from_gray(44);
    visuals.extreme_bg_color = Color32::from_gray(24);
    visuals.faint_bg_color = Color32::from_gray(46);
    visuals.selection.bg_fill = Color32::from_rgb(122, 88, 38);
    visuals.selection.stroke = Stroke::new(1.0, Color32::WHITE);
    visuals.hyperlink_color = ACCENT;
    visuals.warn_fg_color = ACCENT;
    visuals.error_fg_color = ERROR;
    visuals.window_corner_radius = CornerRadius::same(6);
    for (widget, text) in [
        (&mut visuals.widgets.noninteractive, 205),
        (&mut visuals.widgets.inactive, 220),
        (&mut visuals.widgets.hovered, 250),
        (&mut visuals.widgets.active, 255),
        (&mut visuals.widgets.open, 230),
    ] {
        widget.fg_stroke.color = Color32::from_gray(text);
        widget.corner_radius = CornerRadius::same(4);
    }
    ctx.all_styles_mut(|style| {
        style.visuals = visuals.clone();
        style.text_styles = [
            (TextStyle::Heading, FontId::proportional(18.0)),
            (TextStyle::Body, FontId::proportional(13.5)),
            (TextStyle::Button, FontId::proportional(13.5)),
            (TextStyle::Monospace, FontId::monospace(12.5)),
            (TextStyle::Small, FontId::proportional(12.0)),
        ]
        .into();
        style.spacing.item_spacing = egui::vec2(7.0, 5.0);
        style.spacing.button_padding = egui::vec2(7.0, 3.0);
        style.spacing.slider_width = 120.0;
        style.spacing.interact_size.y = 22.0;
        // Nothing moves by itself but what the user moves: animation would also keep drawing.
        style.animation_time = 0.0;
    });
}

/// A small heading of a panel.
pub fn heading(ui: &mut egui::Ui, text: &str) {
    ui.add_space(4.0);
    ui.label(egui::RichText::new(text).small().strong().color(FAINT));
}
