//! Keys. One table serves the shortcuts, the tooltips and the list of keys.

use egui::{Key, Modifiers};

use super::action::{Action, WindowName};
use super::chin_slider;
use super::ui_state::{Tool, UiState};
use super::view::{Axis, Compare};

/// A key and what it does.
pub struct Binding {
    /// The key.
    pub key: Key,
    /// With Shift.
    pub shift: bool,
    /// What it does, in words.
    pub does: &'static str,
    action: fn(&UiState) -> Action,
}

impl Binding {
    /// The key as text.
    pub fn name(&self) -> String {
        let key = match self.key {
            Key::OpenBracket => "[",
            Key::CloseBracket => "]",
            Key::Plus => "+",
            Key::Minus => "−",
            Key::ArrowLeft => "Left",
            Key::ArrowRight => "Right",
            Key::Num0 => "0",
            Key::Num1 => "1",
            Key::Num2 => "2",
            Key::Num3 => "3",
            Key::Num4 => "4",
            other => other.name(),
        };
        if self.shift {
            format!("Shift+{key}")
        } else {
            key.to_owned()
        }
    }
}

const fn key(key: Key, does: &'static str, action: fn(&UiState) -> Action) -> Binding {
    Binding {
        key,
        shift: false,
        does,
        action,
    }
}

const fn shift(key: Key, does: &'static str, action: fn(&UiState) -> Action) -> Binding {
    Binding {
        key,
        shift: true,
        does,
        action,
    }
}

/// All keys that act when pressed. B (hold for before), Space (hold to move the picture) and Ctrl+C
/// are looked after apart.
pub const BINDINGS: [Binding; 32] = [
    key(Key::O, "open photos", |_| Action::AskOpen),
    key(Key::S, "save the project", |_| Action::Save),
    shift(Key::S, "save the project under another name", |_| {
        Action::ToggleWindow(WindowName::SaveAs)
    }),
    key(Key::E, "export", |_| {
        Action::ToggleWindow(WindowName::Export)
    }),
    key(Key::Q, "retouch many photos", |_| {
        Action::ToggleWindow(WindowName::Batch)
    }),
    key(Key::Z, "undo", |_| Action::Undo),
    shift(Key::Z, "redo", |_| Action::Redo),
    key(Key::Y, "redo", |_| Action::Redo),
    key(Key::Num1, "show the result", |_| {
        Action::Compare(Compare::After)
    }),
    key(Key::Num2, "split before and after", |state| {
        let (axis, position) = state.split;
        Action::Compare(Compare::Split { axis, position })
    }),
    shift(Key::Num2, "turn the split", |state| {
        let (axis, position) = state.split;
        let axis = match axis {
            Axis::Vertical => Axis::Horizontal,
            Axis::Horizontal => Axis::Vertical,
        };
        Action::Compare(Compare::Split { axis, position })
    }),
    key(Key::Num3, "before and after side by side", |_| {
        Action::Compare(Compare::SideBySide)
    }),
    key(Key::Num4, "show the difference", |_| {
        Action::Compare(Compare::Difference)
    }),
    key(Key::F, "fit the photo in the window", |_| Action::Fit),
    key(Key::Num0, "zoom to 100 %", |_| Action::Zoom(1.0)),
    shift(Key::Num0, "zoom to 200 %", |_| Action::Zoom(2.0)),
    key(Key::Plus, "zoom in", |_| Action::ZoomStep { closer: true }),
    key(Key::Minus, "zoom out", |_| Action::ZoomStep {
        closer: false,
    }),
    key(Key::OpenBracket, "smaller brush", |state| {
        Action::Brush(state.brush.resized(false))
    }),
    key(Key::CloseBracket, "larger brush", |state| {
        Action::Brush(state.brush.resized(true))
    }),
    key(Key::M, "show the mask", |state| {
        let mut overlays = state.overlays;
        overlays.mask.is_on = !overlays.mask.is_on;
        Action::Overlays(overlays)
    }),
    key(Key::W, "show the warp", |state| {
        let mut overlays = state.overlays;
        overlays.warp.is_on = !overlays.warp.is_on;
        Action::Overlays(overlays)
    }),
    key(Key::L, "show the landmarks", |state| {
        let mut overlays = state.overlays;
        overlays.landmarks.is_on = !overlays.landmarks.is_on;
        Action::Overlays(overlays)
    }),
    key(Key::ArrowLeft, "chin −1", |_| Action::Nudge(-1.0)),
    key(Key::ArrowRight, "chin +1", |_| Action::Nudge(1.0)),
    shift(Key::ArrowLeft, "chin −10", |_| Action::Nudge(-10.0)),
    shift(Key::ArrowRight, "chin +10", |_| Action::Nudge(10.0)),
    key(Key::P, "paint into the mask, or stop", |state| {
        let brush = Tool::Brush(crate::portrait::strokes::StrokeKind::Add);
        Action::Tool(if state.tool == brush {
            Tool::Hand
        } else {
            brush
        })
    }),
    shift(Key::P, "erase from the mask, or stop", |state| {
        let brush = Tool::Brush(crate::portrait::strokes::StrokeKind::Erase);
        Action::Tool(if state.tool == brush {
            Tool::Hand
        } else {
            brush
        })
    }),
    key(Key::Tab, "hide or show the panels", |_| {
        Action::TogglePanels
    }),
    key(Key::F1, "list the keys", |_| {
        Action::ToggleWindow(WindowName::Keys)
    }),
    key(Key::Escape, "leave a tool, close a window", |_| {
        Action::Escape
    }),
];

/// A window that is only a picture has no use for Tab but to hide its panels: unless something has
/// the keyboard already, egui does not see the key, and F6 moves the keyboard to the slider.
pub fn keep_tab(ctx: &egui::Context, raw_input: &mut egui::RawInput) {
    if ctx.memory(|memory| memory.focused().is_some()) {
        return;
    }
    for event in &mut raw_input.events {
        if let egui::Event::Key { key, modifiers, .. } = event
            && *key == Key::Tab
            && modifiers.is_none()
        {
            *key = HIDE_PANELS;
        }
    }
}

/// What Tab is turned into where it hides the panels.
const HIDE_PANELS: Key = Key::F35;

/// What the pressed keys ask for. While something else than the chin slider has the keyboard (a text
/// field, a button reached by Tab), keys are left to it; Ctrl or Cmd may be held with any of them.
pub fn actions(ctx: &egui::Context, ui_state: &UiState, slider: Option<egui::Id>) -> Vec<Action> {
    if !chin_slider::arrow_keys_are_free(ctx, slider) {
        return Vec::new();
    }
    let mut actions = Vec::new();
    ctx.input_mut(|input| {
        let mut pressed: Vec<(Key, Modifiers)> = input
            .events
            .iter()
            .filter_map(|event| match event {
                egui::Event::Key {
                    key,
                    pressed: true,
                    modifiers,
                    ..
                } => Some((*key, *modifiers)),
                _ => None,
            })
            .collect();
        if input
            .events
            .iter()
            .any(|event| matches!(event, egui::Event::Copy))
        {
            actions.push(Action::Copy);
        }
        for (key, modifiers) in pressed.drain(..) {
            let key = if key == HIDE_PANELS { Key::Tab } else { key };
            // Keyboards have + with and without Shift.
            let key = if key == Key::Equals { Key::Plus } else { key };
            let wants_shift = modifiers.shift && key != Key::Plus;
            let found = BINDINGS
                .iter()
                .find(|binding| binding.key == key && binding.shift == wants_shift);
            actions.extend(found.map(|binding| (binding.action)(ui_state)));
        }
        let holds_before = input.key_down(Key::B) && input.modifiers.is_none();
        if holds_before != ui_state.holds_before {
            actions.push(Action::HoldBefore(holds_before));
        }
    });
    actions
}

/// The tooltip of a control that has a key: «what it does (key)».
pub fn hint(does: &str) -> String {
    match BINDINGS.iter().find(|binding| binding.does == does) {
        Some(binding) => format!("{} ({})", capitalised(does), binding.name()),
        None => capitalised(does),
    }
}

/// The text with a capital at its beginning.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_has_two_meanings() {
        for (index, binding) in BINDINGS.iter().enumerate() {
            let twin = BINDINGS[index + 1..]
                .iter()
                .find(|other| other.key == binding.key && other.shift == binding.shift);
            assert!(twin.is_none(), "{} is bound twice", binding.name());
        }
    }

    #[test]
    fn hints_name_the_key() {
        assert_eq!(hint("redo"), "Redo (Shift+Z)");
        assert_eq!(hint("no key for this"), "No key for this");
    }
}
