//! The panel on the left: photos, faces, history.

use egui::{Button, RichText, ScrollArea, Ui};

use crate::app::action::Action;
use crate::app::keys::capitalised;
use crate::app::session::{Finding, Preparation, Session};
use crate::app::state::AppState;
use crate::app::theme;
use crate::app::ui_state::Tool;
use crate::app::workspace::Loading;
use crate::editor::Face;

/// Shows the panel.
pub fn show(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    if app.workspace.photos().len() > 1 {
        photos(app, ui, actions);
        ui.separator();
    }
    let Some(session) = app.workspace.session() else {
        return;
    };
    faces(app, session, ui, actions);
    ui.separator();
    thumbnails(app, ui);
    history(session, ui, actions);
}

fn photos(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    theme::heading(ui, "PHOTOS");
    ScrollArea::vertical()
        .id_salt("photos")
        .max_height(150.0)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            let current = app.workspace.current().map(|photo| photo.id);
            for photo in app.workspace.photos() {
                let from_the_right = egui::Layout::right_to_left(egui::Align::Center);
                let row = egui::vec2(ui.available_width(), 22.0);
                ui.allocate_ui_with_layout(row, from_the_right, |ui| {
                    let is_current = current == Some(photo.id);
                    let mark = match (&photo.loading, photo.is_unsaved()) {
                        (Loading::Failed(_), _) => " ⚠",
                        (_, true) => " •",
                        (_, false) => "",
                    };
                    let close = ui.small_button("×");
                    super::top::named(&close, &format!("Close {}", photo.name));
                    if close.clicked() {
                        actions.push(Action::Close(photo.id));
                    }
                    let name = Button::selectable(is_current, format!("{}{mark}", photo.name))
                        .truncate()
                        .right_text("")
                        .min_size(egui::vec2(ui.available_width(), 22.0));
                    let name = ui.add(name);
                    super::top::named(&name, &photo.name);
                    if name.clicked() && !is_current {
                        actions.push(Action::Switch(photo.id));
                    }
                });
            }
        });
}

fn faces(app: &AppState, session: &Session, ui: &mut Ui, actions: &mut Vec<Action>) {
    theme::heading(ui, "FACES");
    match &session.finding {
        Finding::NotAsked | Finding::Running => {
            ui.horizontal(|ui| {
                ui.label("Looking for faces…");
            });
        }
        Finding::Failed(why) => {
            ui.label(RichText::new(capitalised(why)).color(theme::ACCENT));
            if ui.button("Look again").clicked() {
                actions.push(Action::FindFaces);
            }
        }
        Finding::Done => (),
    }
    for face in session.document.faces() {
        face_row(session, &face, ui, actions);
    }
    let is_marking = matches!(app.ui_state.tool, Tool::Mark(_));
    let mark = ui.add(Button::selectable(is_marking, "Mark a face…"));
    if mark
        .on_hover_text(
            "If a face was not found: click the middle of its eye on the left, of its eye on the \
             right, and the tip of its chin",
        )
        .clicked()
    {
        actions.push(Action::Tool(if is_marking {
            Tool::Hand
        } else {
            Tool::Mark(Vec::new())
        }));
    }
}

fn face_row(session: &Session, face: &Face, ui: &mut Ui, actions: &mut Vec<Action>) {
    let id = face.id;
    let is_chosen = session.document.chosen == Some(id);
    let amount = session.document.params(id).amount;
    let state = match session.preparation(id) {
        Some(Preparation::Running(progress)) => {
            let percent = progress.as_ref().map_or(0.0, |p| p.fraction * 100.0);
            format!("{percent:.0} %")
        }
        Some(Preparation::Failed(_)) => "✖".to_owned(),
        Some(Preparation::Ready | Preparation::Cancelled) if amount != 0.0 => {
            format!("chin {amount:.0}")
        }
        Some(Preparation::Ready) => "ready".to_owned(),
        Some(Preparation::Cancelled) => "stopped".to_owned(),
        _ if face.landmarks.is_err() => "✖".to_owned(),
        _ => String::new(),
    };
    let width = ui.available_width();
    let button = Button::selectable(is_chosen, format!("Face {}", id.0))
        .shortcut_text(RichText::new(state).color(theme::FAINT));
    let row = ui.add_sized([width, 22.0], button);
    super::top::named(&row, &format!("Face {}", id.0));
    let row = match &face.landmarks {
        Ok(_) => row.on_hover_text("Edit this face"),
        Err(why) => row.on_hover_text(why),
    };
    if row.clicked() {
        actions.push(Action::ChooseFace(id));
    }
}

/// Before and after, or while the code is looked for: the crop and how it is met.
fn thumbnails(app: &AppState, ui: &mut Ui) {
    let Some(pair) = &app.thumbnails.pair else {
        return;
    };
    let size = ((ui.available_width() - 8.0) / 2.0).clamp(40.0, 110.0);
    ui.horizontal(|ui| {
        for (texture, name) in [(&pair.left, pair.left_name), (&pair.right, pair.right_name)] {
            ui.vertical(|ui| {
                ui.add(
                    egui::Image::new(texture)
                        .fit_to_exact_size(egui::Vec2::splat(size))
                        .alt_text(name),
                );
                ui.label(RichText::new(name).small().color(theme::FAINT));
            });
        }
    });
}

fn history(session: &Session, ui: &mut Ui, actions: &mut Vec<Action>) {
    theme::heading(ui, "HISTORY");
    let history = session.document.history();
    ScrollArea::vertical()
        .id_salt("history")
        .auto_shrink([false, true])
        .stick_to_bottom(true)
        .show(ui, |ui| {
            for (index, step) in history.steps().iter().enumerate() {
                let is_current = index == history.current_index();
                let mut title = RichText::new(&step.title);
                if index > history.current_index() {
                    title = title.color(theme::FAINT).italics();
                }
                let width = ui.available_width();
                let button = Button::selectable(is_current, title)
                    .truncate()
                    .right_text("")
                    .min_size(egui::vec2(width, 20.0));
                let row = ui.add(button);
                super::top::named(&row, &format!("History: {}", step.title));
                if row.clicked() && !is_current {
                    actions.push(Action::Jump(step.id));
                }
            }
        });
}
