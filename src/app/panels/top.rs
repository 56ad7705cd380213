//! The bar above the picture: files, undo, ways to compare, zoom.

use egui::{Button, RichText, Ui};

use crate::app::action::{Action, WindowName};
use crate::app::keys::hint;
use crate::app::state::AppState;
use crate::app::view::{Axis, Compare};

/// Below this width, in points, ways to compare fold into a list, and the zoom's steps into keys.
const NARROW: f32 = 830.0;

/// Shows the bar.
pub fn show(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    let is_narrow = ui.available_width() < NARROW;
    ui.horizontal(|ui| {
        ui.set_min_height(28.0);
        files(app, ui, actions);
        ui.separator();
        undo(app, ui, actions);
        ui.separator();
        if is_narrow {
            compare_list(app, ui, actions);
        } else {
            compare(app, ui, actions);
        }
        before(app, ui, actions);
        ui.separator();
        zoom(app, is_narrow, ui, actions);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            more(app, ui, actions);
        });
    });
}

fn files(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    let open = ui.menu_button("Open", |ui| {
        if ui.button("Photos…").clicked() {
            actions.push(Action::AskOpen);
            ui.close();
        }
        if ui
            .button("By path…")
            .on_hover_text("Type the path of a photo, where no file dialog is to be had")
            .clicked()
        {
            actions.push(Action::ToggleWindow(WindowName::OpenPath));
            ui.close();
        }
        if !app.settings().recent.is_empty() {
            ui.separator();
            for path in &app.settings().recent {
                let name = path.file_name().map_or_else(
                    || path.display().to_string(),
                    |name| name.to_string_lossy().into_owned(),
                );
                let recent = ui.button(name).on_hover_text(path.display().to_string());
                if recent.clicked() {
                    actions.push(Action::Open(vec![path.clone()]));
                    ui.close();
                }
            }
            if ui.button("Clear the list").clicked() {
                actions.push(Action::ClearRecent);
                ui.close();
            }
        }
    });
    open.response.on_hover_text(hint("open photos"));
    let has_document = app.workspace.session().is_some();
    let save = ui.add_enabled(has_document, Button::new("Save"));
    if save
        .on_hover_text(format!(
            "{}: your settings in a small file beside the photo, to go on another day",
            hint("save the project")
        ))
        .clicked()
    {
        actions.push(Action::Save);
    }
    let export = ui.add_enabled(has_document, Button::new("Export…"));
    if export
        .on_hover_text(format!(
            "{}: the retouched photo at full resolution",
            hint("export")
        ))
        .clicked()
    {
        actions.push(Action::ToggleWindow(WindowName::Export));
    }
}

fn undo(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    let history = app.workspace.session().map(|s| s.document.history());
    let can_undo = history.is_some_and(|history| history.can_undo());
    let can_redo = history.is_some_and(|history| history.can_redo());
    let undo = ui.add_enabled(can_undo, Button::new("⟲"));
    named(&undo, "Undo");
    if undo.on_hover_text(hint("undo")).clicked() {
        actions.push(Action::Undo);
    }
    let redo = ui.add_enabled(can_redo, Button::new("⟳"));
    named(&redo, "Redo");
    if redo.on_hover_text(hint("redo")).clicked() {
        actions.push(Action::Redo);
    }
}

/// A way to compare: its name, what it is, whether it is on, and what it does.
type Mode = (&'static str, Compare, bool, &'static str);

fn modes(app: &AppState) -> [Mode; 4] {
    let (axis, position) = app.ui_state.split;
    let now = app.ui_state.compare;
    [
        (
            "After",
            Compare::After,
            now == Compare::After,
            "show the result",
        ),
        (
            "Split",
            Compare::Split { axis, position },
            matches!(now, Compare::Split { .. }),
            "split before and after",
        ),
        (
            "Side by side",
            Compare::SideBySide,
            now == Compare::SideBySide,
            "before and after side by side",
        ),
        (
            "Difference",
            Compare::Difference,
            now == Compare::Difference,
            "show the difference",
        ),
    ]
}

fn compare(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    for (name, mode, is_on, does) in modes(app) {
        let button = ui.add(Button::selectable(is_on, name));
        if button.on_hover_text(hint(does)).clicked() {
            actions.push(Action::Compare(mode));
        }
        if let Compare::Split { axis, position } = mode {
            // Always there, so that nothing beside it jumps.
            ui.add_enabled_ui(is_on, |ui| turn(axis, position, ui, actions));
        }
    }
}

fn compare_list(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    let modes = modes(app);
    let now = modes.iter().find(|mode| mode.2).map_or("", |mode| mode.0);
    let list = egui::ComboBox::from_id_salt("compare")
        .width(104.0)
        .selected_text(now)
        .show_ui(ui, |ui| {
            for (name, mode, is_on, does) in modes {
                let row = ui.selectable_label(is_on, name).on_hover_text(hint(does));
                if row.clicked() {
                    actions.push(Action::Compare(mode));
                }
            }
        });
    named(&list.response, "Choose how to compare");
}

fn before(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    let button = Button::selectable(app.ui_state.holds_before, "Before")
        .sense(egui::Sense::click_and_drag());
    let before = ui.add(button);
    let is_held = before.is_pointer_button_down_on();
    let by_key = ui.input(|input| input.key_down(egui::Key::B));
    if is_held != app.ui_state.holds_before && !by_key {
        actions.push(Action::HoldBefore(is_held));
    }
    before.on_hover_text("Hold to see the photo as it was (B)");
}

fn turn(axis: Axis, position: f32, ui: &mut Ui, actions: &mut Vec<Action>) {
    let (sign, turned) = match axis {
        Axis::Vertical => ("↔", Axis::Horizontal),
        Axis::Horizontal => ("↕", Axis::Vertical),
    };
    let button = ui.small_button(sign);
    named(&button, "Turn the split");
    if button.on_hover_text(hint("turn the split")).clicked() {
        actions.push(Action::Compare(Compare::Split {
            axis: turned,
            position,
        }));
    }
}

fn zoom(app: &AppState, is_narrow: bool, ui: &mut Ui, actions: &mut Vec<Action>) {
    let has_document = app.workspace.session().is_some();
    ui.add_enabled_ui(has_document, |ui| {
        let fit = ui.add(Button::selectable(
            app.ui_state.is_fit && has_document,
            "Fit",
        ));
        if fit
            .on_hover_text(hint("fit the photo in the window"))
            .clicked()
        {
            actions.push(Action::Fit);
        }
        let percent = app.ui_state.view.map_or(100.0, |view| view.percent());
        if ui
            .button("1:1")
            .on_hover_text(hint("zoom to 100 %"))
            .clicked()
        {
            actions.push(Action::Zoom(1.0));
        }
        if is_narrow {
            return;
        }
        let out = ui.button("−");
        named(&out, "Zoom out");
        if out.on_hover_text(hint("zoom out")).clicked() {
            actions.push(Action::ZoomStep { closer: false });
        }
        let text = if percent < 10.0 {
            format!("{percent:.1} %")
        } else {
            format!("{percent:.0} %")
        };
        ui.add_sized([50.0, 20.0], egui::Label::new(RichText::new(text)));
        let closer = ui.button("+");
        named(&closer, "Zoom in");
        if closer.on_hover_text(hint("zoom in")).clicked() {
            actions.push(Action::ZoomStep { closer: true });
        }
    });
}

fn more(app: &AppState, ui: &mut Ui, actions: &mut Vec<Action>) {
    let menu = ui.menu_button("☰", |ui| {
        let mut entry = |ui: &mut Ui, text: &str, action: Option<Action>| {
            let button = ui.add_enabled(action.is_some(), Button::new(text));
            if button.clicked() {
                actions.extend(action);
                ui.close();
            }
        };
        let shows = |name| Some(Action::ToggleWindow(name));
        let session = app.workspace.session();
        let photo = app.workspace.current().filter(|_| session.is_some());
        let compare = photo.map(|photo| Action::AskExport {
            photo: photo.id,
            is_comparison: true,
        });
        entry(ui, "Copy the result", photo.map(|_| Action::Copy));
        entry(ui, "Save a comparison…", compare);
        let save_as = photo.and_then(|_| shows(WindowName::SaveAs));
        entry(ui, "Save as…", save_as);
        entry(ui, "Retouch many photos…", shows(WindowName::Batch));
        ui.separator();
        entry(ui, "Hide the panels", Some(Action::TogglePanels));
        entry(ui, "Settings…", shows(WindowName::Settings));
        entry(ui, "Keys…", shows(WindowName::Keys));
        entry(ui, "Log…", shows(WindowName::Log));
        entry(ui, "About Jawline…", shows(WindowName::About));
        ui.separator();
        entry(ui, "Quit", Some(Action::Quit));
    });
    named(&menu.response, "Menu");
}

/// Gives a control that shows a sign a name in words, for assistive technology and tests.
pub fn named(response: &egui::Response, name: &str) {
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, response.enabled(), name));
}
