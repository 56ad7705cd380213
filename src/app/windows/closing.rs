//! The questions before work could be lost.

use egui::Context;

use super::window;
use crate::app::action::Action;
use crate::app::state::AppState;
use crate::app::workspace::Question;

/// Asks.
pub fn show(app: &AppState, question: Question, ctx: &Context, actions: &mut Vec<Action>) {
    match question {
        Question::Quit => quit(app, ctx, actions),
        Question::ClosePhoto(id) => {
            let Some(photo) = app.workspace.photo(id) else {
                return;
            };
            let text = match photo.is_unsaved() {
                true => "Its edits are not saved.",
                false => "It is still waited for by something that is to be written.",
            };
            let answers = [
                ("Save and close", Action::SaveAndClose(id)),
                ("Close without saving", Action::DiscardAndClose(id)),
            ];
            ask(
                &format!("Close {}?", photo.name),
                text,
                answers,
                ctx,
                actions,
            );
        }
    }
}

fn quit(app: &AppState, ctx: &Context, actions: &mut Vec<Action>) {
    let mut text = String::new();
    let unsaved = app.workspace.unsaved_names();
    if !unsaved.is_empty() {
        text.push_str(&format!("Not saved yet: {}. ", unsaved.join(", ")));
    }
    let writes = app.workspace.write_states();
    if !writes.is_empty() {
        let writes: Vec<&str> = writes.iter().map(|write| write.text.as_str()).collect();
        text.push_str(&format!("Not written yet: {}.", writes.join("; ")));
    }
    if app.workspace.batch().is_running() {
        let progress = app.workspace.batch_progress();
        let done = super::batch::progress_in_words(&progress);
        text.push_str(&format!(" The queue is not done: {done}."));
    }
    let answers = match unsaved.is_empty() {
        true => [
            ("Close when written", Action::SaveAndQuit),
            ("Stop and close", Action::QuitUnsaved),
        ],
        false => [
            ("Save and close", Action::SaveAndQuit),
            ("Close without saving", Action::QuitUnsaved),
        ],
    };
    ask("Close Jawline?", text.trim(), answers, ctx, actions);
}

fn ask(
    title: &str,
    text: &str,
    answers: [(&str, Action); 2],
    ctx: &Context,
    actions: &mut Vec<Action>,
) {
    window(ctx, title, Action::Stay, actions, |ui, actions| {
        ui.label(text);
        ui.horizontal(|ui| {
            for (label, action) in answers.into_iter().chain([("Stay", Action::Stay)]) {
                if ui.button(label).clicked() {
                    actions.push(action);
                }
            }
        });
    });
}
