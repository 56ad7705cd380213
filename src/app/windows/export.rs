//! The export: format, quality, size, metadata, and where to.

use egui::{ComboBox, Context, DragValue, RichText};

use super::window;
use crate::app::Jawline;
use crate::app::action::{Action, WindowName};
use crate::app::theme;
use crate::editor::export::{ExportOptions, default_path};
use crate::photo::{Format, PhotoId, Quality, Strip};

const FORMATS: [Format; 4] = [Format::Jpeg, Format::Png, Format::Tiff, Format::WebP];

/// Shows the window.
pub fn show(app: &Jawline, ctx: &Context, actions: &mut Vec<Action>) {
    let closes = Action::ToggleWindow(WindowName::Export);
    window(ctx, "Export", closes, actions, |ui, actions| {
        ui.set_min_width(440.0);
        let mut options = app.settings.export;
        shape(&mut options, ui);
        losses(app, &options, ui);
        if options != app.settings.export {
            actions.push(Action::ExportOptions(options));
        }
        let id = egui::Id::unique("export path");
        let Some(photo) = app.workspace.current() else {
            return;
        };
        let (photo, Some(source)) = (photo.id, photo.photo_path()) else {
            return;
        };
        // What the user typed holds for the photo and the format that it was typed for.
        let key = (photo, options.format);
        let kept: Option<((PhotoId, Format), String)> = ui.data(|data| data.get_temp(id));
        let mut path = match kept {
            Some((of, path)) if of == key && !path.is_empty() => path,
            _ => default_path(source, &options).display().to_string(),
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
                    is_comparison: false,
                });
            }
        });
        ui.label(
            RichText::new("The original is never written to. The colour profile is kept.")
                .color(theme::FAINT),
        );
        ui.horizontal(|ui| {
            let export = egui::Button::new(RichText::new("Export the photo").color(theme::PANEL))
                .fill(theme::ACCENT);
            if ui.add(export).clicked() {
                actions.push(Action::Export {
                    photo,
                    path: path.trim().into(),
                    is_comparison: false,
                    replaces: false,
                });
                actions.push(Action::ToggleWindow(WindowName::Export));
                // The next export gets a name of its own.
                path.clear();
            }
            if ui
                .button("Save a comparison…")
                .on_hover_text("Before and after side by side in one labelled picture")
                .clicked()
            {
                actions.push(Action::AskExport {
                    photo,
                    is_comparison: true,
                });
                actions.push(Action::ToggleWindow(WindowName::Export));
            }
        });
        ui.data_mut(|data| data.insert_temp(id, (key, path)));
    });
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
        crate::app::panels::top::named(&combo.response, "Choose the format");
        if matches!(options.format, Format::Jpeg | Format::WebP) {
            quality(options.format, &mut options.quality, ui);
        } else {
            ui.label(RichText::new("without loss").color(theme::FAINT));
        }
    });
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
    metadata(options, ui);
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
    crate::app::panels::top::named(&combo.response, "Choose the quality");
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
        crate::app::panels::top::named(&combo.response, "Choose which metadata to keep");
    });
    ui.label(RichText::new(explanation).color(theme::FAINT));
}

/// What of the photo's metadata the chosen format cannot hold, by name.
fn losses(app: &Jawline, options: &ExportOptions, ui: &mut egui::Ui) {
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
