//! Saving the project under another name.

use std::path::PathBuf;

use egui::{Context, RichText};

use super::window;
use crate::app::action::{Action, WindowName};
use crate::app::state::AppState;
use crate::app::theme;
use crate::editor::project::{Replace, path_beside};
use crate::photo::PhotoId;

/// Shows the window.
pub fn show(app: &AppState, ctx: &Context, actions: &mut Vec<Action>) {
    let Some(photo) = app.workspace.current() else {
        return;
    };
    let Some(document) = photo.document() else {
        return;
    };
    let closes = Action::ToggleWindow(WindowName::SaveAs);
    window(
        ctx,
        "Save the project as",
        closes,
        actions,
        |ui, actions| {
            ui.set_min_width(440.0);
            let id = egui::Id::unique("project path");
            // What was typed holds for the photo that it was typed for.
            let typed: Option<(PhotoId, String)> = ui.data(|data| data.get_temp(id));
            let now = document.project_file.as_ref().map(|file| file.path.clone());
            let suggested = || now.or_else(|| document.source.as_deref().map(path_beside));
            let mut path = match typed {
                Some((of, path)) if of == photo.id => path,
                _ => suggested().unwrap_or_default().display().to_string(),
            };
            ui.horizontal(|ui| {
                ui.label("In");
                let field = ui.add(egui::TextEdit::singleline(&mut path).desired_width(350.0));
                field.widget_info(|| {
                    egui::WidgetInfo::labeled(
                        egui::Role::TextInput,
                        true,
                        "File to save the project in",
                    )
                });
                let choose = ui
                    .button("…")
                    .on_hover_text("Choose the folder and the name");
                if choose.clicked() {
                    actions.push(Action::AskSaveAs(photo.id));
                    actions.push(Action::ToggleWindow(WindowName::SaveAs));
                }
            });
            ui.label(
                RichText::new(
                    "The name ends in .jawline. No project of another photo is ever replaced.",
                )
                .color(theme::FAINT),
            );
            let is_usable = !path.trim().is_empty();
            if ui
                .add_enabled(is_usable, egui::Button::new("Save the project there"))
                .clicked()
            {
                actions.push(Action::SaveAs {
                    photo: photo.id,
                    path: PathBuf::from(path.trim()),
                    replace: Replace::Own,
                });
                actions.push(Action::ToggleWindow(WindowName::SaveAs));
            }
            ui.data_mut(|data| data.insert_temp(id, (photo.id, path)));
        },
    );
}
