//! The export: the photo or a comparison, format, quality, size, metadata, and where to.

use egui::{ComboBox, Context, DragValue, RichText};

use super::window;
use crate::app::action::{Action, WindowName};
use crate::app::panels::top::named;
use crate::app::state::AppState;
use crate::app::theme;
use crate::app::workspace::OpenPhoto;
use crate::editor::compare::{Animation, Layout};
use crate::editor::export::{ExportOptions, default_comparison_path, default_path};
use crate::photo::{Format, PhotoId, Quality, Strip};

const FORMATS: [Format; 4] = [Format::Jpeg, Format::Png, Format::Tiff, Format::WebP];

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Photo,
    Comparison(Layout),
}

impl What {
    const ALL: [Self; 4] = [
        Self::Photo,
        Self::Comparison(Layout::SideBySide),
        Self::Comparison(Layout::Split { percent: 50 }),
        Self::Comparison(Layout::Blink(Animation::Gif)),
    ];

    fn in_words(self) -> &'static str {
        match self {
            Self::Photo => "The retouched photo",
            Self::Comparison(Layout::SideBySide) => "Before and after, side by side",
            Self::Comparison(Layout::Split { .. }) => "Before and after, split by a line",
            Self::Comparison(Layout::Blink(_)) => "Before and after, blinking",
        }
    }
}

/// Shows the window.
pub fn show(app: &AppState, ctx: &Context, actions: &mut Vec<Action>) {
    let closes = Action::ToggleWindow(WindowName::Export);
    window(ctx, "Export", closes, actions, |ui, actions| {
        ui.set_min_width(440.0);
        let mut options = app.settings().export;
        let what = what(&mut options, ui);
        match what {
            What::Photo => shape(&mut options, ui),
            What::Comparison(_) => comparison(&mut options, ui),
        }
        if !matches!(what, What::Comparison(Layout::Blink(_))) {
            losses(app, &options, ui);
        }
        if options != app.settings().export {
            actions.push(Action::ExportOptions(options));
        }
        if let Some(photo) = app.workspace.current() {
            target(photo, what, &options, ui, actions);
        }
    });
}

/// Chooses between the photo and its comparisons.
fn what(options: &mut ExportOptions, ui: &mut egui::Ui) -> What {
    let id = egui::Id::unique("export what");
    let was_comparison = ui.data(|data| data.get_temp(id)).unwrap_or(false);
    let mut what = match was_comparison {
        true => What::Comparison(options.comparison),
        false => What::Photo,
    };
    ui.horizontal(|ui| {
        ui.label("What");
        let combo = ComboBox::from_id_salt("what")
            .width(260.0)
            .selected_text(what.in_words())
            .show_ui(ui, |ui| {
                for choice in What::ALL {
                    let is_chosen = choice.in_words() == what.in_words();
                    if ui.selectable_label(is_chosen, choice.in_words()).clicked() && !is_chosen {
                        what = choice;
                    }
                }
            });
        named(&combo.response, "Choose what to export");
    });
    if let What::Comparison(layout) = what {
        options.comparison = layout;
    }
    ui.data_mut(|data| data.insert_temp(id, what != What::Photo));
    what
}

/// How a comparison looks.
fn comparison(options: &mut ExportOptions, ui: &mut egui::Ui) {
    ui.horizontal(|ui| {
        if let Layout::Split { percent } = &mut options.comparison {
            ui.label("Line at");
            let position = ui.add(DragValue::new(percent).range(0..=100).suffix(" %"));
            named(&position, "Where the line lies, in per cent of the width");
        }
        ui.checkbox(&mut options.has_labels, "Labels")
            .on_hover_text("\u{201c}Before\u{201d} and \u{201c}After\u{201d} in the picture");
    });
    let Layout::Blink(animation) = &mut options.comparison else {
        return shape(options, ui);
    };
    ui.horizontal(|ui| {
        ui.label("Format");
        let in_words = |animation| match animation {
            Animation::Gif => "GIF (256 colours)",
            Animation::WebP => "WebP (without loss)",
        };
        let combo = ComboBox::from_id_salt("animation")
            .width(200.0)
            .selected_text(in_words(*animation))
            .show_ui(ui, |ui| {
                for choice in [Animation::Gif, Animation::WebP] {
                    ui.selectable_value(animation, choice, in_words(choice));
                }
            });
        named(&combo.response, "Choose the animation's format");
    });
    reduced(options, ui);
    let told = "An animation is in sRGB, and no metadata go into it.";
    ui.label(RichText::new(told).color(theme::FAINT));
}

/// Where to, and the button that does it.
fn target(
    photo: &OpenPhoto,
    what: What,
    options: &ExportOptions,
    ui: &mut egui::Ui,
    actions: &mut Vec<Action>,
) {
    let is_comparison = what != What::Photo;
    let (photo, Some(source)) = (photo.id, photo.photo_path()) else {
        return;
    };
    let button = match is_comparison {
        true => "Save the comparison",
        false => "Export the photo",
    };
    let ending = match is_comparison {
        true => options.comparison_extension(),
        false => options.format.extension(),
    };
    // What the user typed holds for the photo and the kind of file that it was typed for.
    let id = egui::Id::unique("export path");
    let key = (photo, is_comparison, ending);
    let kept: Option<((PhotoId, bool, &'static str), String)> = ui.data(|data| data.get_temp(id));
    let mut path = match kept {
        Some((of, path)) if of == key && !path.is_empty() => path,
        _ => {
            let suggested = match is_comparison {
                true => default_comparison_path(source, options),
                false => default_path(source, options),
            };
            suggested.display().to_string()
        }
    };
    ui.horizontal(|ui| {
        ui.label("To");
        let field = ui.add(egui::TextEdit::singleline(&mut path).desired_width(330.0));
        field.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::TextInput, true, "File to export to")
        });
        if ui
            .button("…")
            .on_hover_text("Choose the folder and the name")
            .clicked()
        {
            actions.push(Action::AskExport {
                photo,
                is_comparison,
            });
        }
    });
    ui.label(RichText::new("The original is never written to.").color(theme::FAINT));
    let export = egui::Button::new(RichText::new(button).color(theme::PANEL)).fill(theme::ACCENT);
    if ui.add(export).clicked() {
        actions.push(Action::Export {
            photo,
            path: path.trim().into(),
            is_comparison,
            replaces: false,
        });
        actions.push(Action::ToggleWindow(WindowName::Export));
        // The next export gets a name of its own.
        path.clear();
    }
    ui.data_mut(|data| data.insert_temp(id, (key, path)));
}

fn shape(options: &mut ExportOptions, ui: &mut egui::Ui) {
    ui.horizontal(|ui| {
        ui.label("Format");
        let combo = ComboBox::from_id_salt("format")
            .selected_text(options.format.to_string())
            .show_ui(ui, |ui| {
                for format in FORMATS {
                    ui.selectable_value(&mut options.format, format, format.to_string());
                }
            });
        named(&combo.response, "Choose the format");
        if matches!(options.format, Format::Jpeg | Format::WebP) {
            quality(options.format, &mut options.quality, ui);
        } else {
            ui.label(RichText::new("without loss").color(theme::FAINT));
        }
    });
    reduced(options, ui);
    metadata(options, ui);
}

fn reduced(options: &mut ExportOptions, ui: &mut egui::Ui) {
    ui.horizontal(|ui| {
        let mut is_reduced = options.longest_side_px.is_some();
        ui.checkbox(&mut is_reduced, "Reduce to").on_hover_text(
            "A smaller copy; without it every pixel outside the mask stays as it is",
        );
        let mut side = options.longest_side_px.unwrap_or(2048);
        ui.add_enabled(
            is_reduced,
            DragValue::new(&mut side).range(16..=65_535).suffix(" px"),
        )
        .on_hover_text("The longest side");
        options.longest_side_px = is_reduced.then_some(side);
    });
}

fn quality(format: Format, quality: &mut Quality, ui: &mut egui::Ui) {
    let in_words = |quality: Quality| match quality {
        Quality::Lossless if format != Format::Jpeg => "Without loss",
        Quality::AsSource | Quality::Lossless => "As the source",
        Quality::Percent(_) => "Encode again",
    };
    let percent = Quality::Percent(quality.percent());
    ui.label("Quality");
    let combo = ComboBox::from_id_salt("quality")
        .selected_text(in_words(*quality))
        .show_ui(ui, |ui| {
            ui.selectable_value(quality, Quality::AsSource, in_words(Quality::AsSource))
                .on_hover_text(
                    "A JPEG photo stays that file: what the mask does not touch is not encoded again. \
                     A lossy WebP photo stays about as lossy",
                );
            ui.selectable_value(quality, percent, in_words(percent))
                .on_hover_text("The whole picture, in a quality of your own");
            if format == Format::WebP {
                ui.selectable_value(quality, Quality::Lossless, in_words(Quality::Lossless));
            }
        });
    named(&combo.response, "Choose the quality");
    if let Quality::Percent(percent) = quality {
        ui.add(DragValue::new(percent).range(1..=100).suffix(" %"))
            .on_hover_text("95 is without visible loss");
    }
}

/// What goes with the picture.
fn metadata(options: &mut ExportOptions, ui: &mut egui::Ui) {
    let (label, explanation) = in_words(options.strip);
    ui.horizontal(|ui| {
        ui.label("Metadata");
        let combo = ComboBox::from_id_salt("metadata")
            .width(200.0)
            .selected_text(label)
            .show_ui(ui, |ui| {
                for strip in Strip::ALL {
                    ui.selectable_value(&mut options.strip, strip, in_words(strip).0);
                }
            });
        named(&combo.response, "Choose which metadata to keep");
    });
    ui.label(RichText::new(explanation).color(theme::FAINT));
}

/// What of the photo's metadata the chosen format cannot hold, by name.
fn losses(app: &AppState, options: &ExportOptions, ui: &mut egui::Ui) {
    let Some((id, photo)) = app
        .workspace
        .session()
        .and_then(|session| session.photo())
        .and_then(|photo| Some((app.workspace.current()?.id, photo)))
    else {
        return;
    };
    // Found out once for a photo and a choice, not with every frame.
    let key = egui::Id::unique(("losses", id, options.format, options.strip));
    let known: Option<Vec<String>> = ui.data(|data| data.get_temp(key));
    let losses = known.unwrap_or_else(|| {
        let losses = options.losses(photo);
        ui.data_mut(|data| data.insert_temp(key, losses.clone()));
        losses
    });
    for loss in losses {
        ui.label(RichText::new(loss).color(theme::ACCENT));
    }
}

/// A choice, and what it means.
fn in_words(strip: Strip) -> (&'static str, &'static str) {
    match strip {
        Strip::None => (
            "Keep all",
            "EXIF, XMP, IPTC and texts stay, as far as the format holds them.",
        ),
        Strip::Gps => (
            "All but the place",
            "Where the photo was taken (GPS, city, country) is left out; all else stays.",
        ),
        Strip::Private => (
            "Author and copyright only",
            "Camera, date, place, caption, rating and all else are left out.",
        ),
        Strip::All => ("None", "Everything is left out."),
    }
}
