//! The settings.

use egui::{ComboBox, Context, DragValue, RichText, Slider};

use super::{small, window};
use crate::app::action::{Action, WindowName};
use crate::app::state::AppState;
use crate::app::theme;
use crate::engine::Method;
use crate::engine::{self, ProviderChoice};

/// Shows the window.
pub fn show(app: &AppState, ctx: &Context, actions: &mut Vec<Action>) {
    let closes = Action::ToggleWindow(WindowName::Settings);
    window(ctx, "Settings", closes, actions, |ui, actions| {
        ui.set_min_width(420.0);
        engine(app, ui, actions);
        ui.separator();
        screen(app, ui, actions);
        ui.separator();
        ui.collapsing("Keys", small::key_table);
    });
}

fn engine(app: &AppState, ui: &mut egui::Ui, actions: &mut Vec<Action>) {
    theme::heading(ui, "NETWORKS");
    let mut settings = app.settings().engine();
    ui.horizontal(|ui| {
        ui.label("Runs on");
        let combo = ComboBox::from_id_salt("provider")
            .selected_text(settings.provider.to_string())
            .show_ui(ui, |ui| {
                for provider in [
                    ProviderChoice::Auto,
                    ProviderChoice::Cpu,
                    ProviderChoice::Cuda,
                    ProviderChoice::WebGpu,
                ] {
                    let name = provider.to_string();
                    ui.selectable_value(&mut settings.provider, provider, name);
                }
            });
        crate::app::panels::top::named(&combo.response, "Choose the provider");
        combo.response.on_hover_text(
            "Where the networks are computed. «auto» takes a GPU if ONNX Runtime can use one and \
             says what it took",
        );
        ui.label("threads");
        ui.add(DragValue::new(&mut settings.threads).range(0..=256))
            .on_hover_text("CPU threads; 0 means one for each core");
    });
    packs(app, ui, &mut settings.pack, actions);
    if settings != app.settings().engine() {
        actions.push(Action::Engine(settings));
    }
    ui.horizontal(|ui| {
        ui.label("New photos begin with");
        let mut method = app.settings().method;
        let combo = ComboBox::from_id_salt("first method")
            .selected_text(method.name())
            .show_ui(ui, |ui| {
                for choice in Method::ALL {
                    ui.selectable_value(&mut method, choice, choice.name())
                        .on_hover_text(choice.description());
                }
            });
        crate::app::panels::top::named(&combo.response, "Choose the method of new photos");
        combo
            .response
            .on_hover_text("How faces of photos that you open from now on are edited at first");
        if method != app.settings().method {
            actions.push(Action::FirstMethod(method));
        }
    });
    let mut refines = app.settings().refines_keyframes;
    let check = ui
        .checkbox(&mut refines, "Refine previews when idle")
        .on_hover_text(
            "17 instead of 9 keyframes over the slider's range, for 25 MB more memory a face",
        );
    if check.changed() {
        actions.push(Action::RefineKeyframes(refines));
    }
    ui.label(RichText::new(app.engine.details_in_words()).color(theme::FAINT));
    if app.engine.missing.is_some()
        && app.engine.installing.is_none()
        && ui.button("Install the networks").clicked()
    {
        actions.push(Action::Install);
    }
}

/// Which pack is in use, and how to bring in another.
fn packs(app: &AppState, ui: &mut egui::Ui, pack: &mut String, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.label("Networks");
        let combo = ComboBox::from_id_salt("pack")
            .selected_text(pack.as_str())
            .show_ui(ui, |ui| {
                let default = engine::Settings::default().pack;
                let is_known = app.engine.packs.contains(&default);
                let known = app.engine.packs.iter().cloned();
                for name in known.chain((!is_known).then_some(default)) {
                    ui.selectable_value(pack, name.clone(), name);
                }
            });
        crate::app::panels::top::named(&combo.response, "Choose the networks");
        combo.response.on_hover_text(
            "The pack that the networks are taken from. What it lacks comes from «community»",
        );
        let imports = ui
            .add_enabled(app.engine.importing.is_none(), egui::Button::new("Import…"))
            .on_hover_text(
                "Networks of your own: checkpoints of PyTorch (.pth), .onnx, dlib's landmarks \
                 (.dat, .bz2). Or drop them on the window",
            );
        if imports.clicked() {
            actions.push(Action::AskNetworks);
        }
    });
}

fn screen(app: &AppState, ui: &mut egui::Ui, actions: &mut Vec<Action>) {
    theme::heading(ui, "SCREEN");
    ui.horizontal(|ui| {
        ui.label("Size of everything");
        for scale in [0.75_f32, 1.0, 1.25, 1.5, 2.0] {
            let is_on = (app.settings().ui_scale - scale).abs() < 0.01;
            let text = format!("{:.0} %", scale * 100.0);
            if ui.selectable_label(is_on, text).clicked() {
                actions.push(Action::UiScale(scale));
            }
        }
    });
    ui.horizontal(|ui| {
        ui.label("Grey around the picture");
        let mut grey = app.settings().background;
        let slider = ui.add(Slider::new(&mut grey, 0..=200));
        slider.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::Slider, true, "Grey around the picture")
        });
        if slider.changed() {
            actions.push(Action::Background(grey));
        }
        if ui
            .button("18 %")
            .on_hover_text("The middle grey that photographers judge pictures on")
            .clicked()
        {
            actions.push(Action::Background(theme::MIDDLE_GREY));
        }
    });
    ui.horizontal(|ui| {
        ui.label("Differences amplified");
        let mut gain = app.settings().difference_gain;
        let slider = ui.add(Slider::new(&mut gain, 1.0..=20.0).suffix("×"));
        slider.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::Slider, true, "Differences amplified")
        });
        if slider.changed() {
            actions.push(Action::DifferenceGain(gain));
        }
    });
}
