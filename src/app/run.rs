//! Opening the window on the screen.

use std::path::PathBuf;

use eframe::NativeOptions;
use egui::{Ui, ViewportBuilder};

#[cfg(unix)]
use super::instance::Instance;
use super::{Jawline, Start};
use crate::data_dir::data_dir;
use crate::engine::client::EngineClient;
use crate::engine::{self};

/// Opens the window with these photos and returns when it is closed; where there is a window already, that
/// opens them, and this returns at once.
///
/// # Errors
/// In plain words, when there is no display or no way to draw on it.
pub fn run(paths: Vec<PathBuf>, engine: Option<engine::Settings>) -> Result<(), String> {
    if cfg!(target_os = "linux") && !has_display() {
        return Err(
            "there is no display to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set. \
             `jawline retouch` works without one"
                .to_owned(),
        );
    }
    // Who asks for other settings of the engine gets a window with them.
    #[cfg(unix)]
    let mut door = match engine.is_none().then(|| Instance::of_this_user(&paths)) {
        Some(Instance::HandedOver) => return Ok(()),
        Some(Instance::First(door)) => Some(door),
        Some(Instance::Alone) | None => None,
    };
    let options = NativeOptions {
        viewport: ViewportBuilder::default()
            .with_title("Jawline")
            .with_app_id("jawline")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([760.0, 480.0])
            .with_drag_and_drop(true),
        wgpu_options: wgpu_configuration(),
        ..NativeOptions::default()
    };
    let created = eframe::run_native(
        "jawline",
        options,
        Box::new(move |creation| {
            let start = Start {
                method: None,
                paths,
                backend: Box::new(|settings, wake| {
                    Ok(Box::new(EngineClient::start(settings, wake)?))
                }),
                data_dir: data_dir(),
                engine,
            };
            #[cfg_attr(not(unix), allow(unused_mut))]
            let mut app = Jawline::new(
                &creation.egui_ctx,
                creation.wgpu_render_state.as_ref(),
                start,
            )?;
            #[cfg(unix)]
            if let Some(door) = door.take() {
                app.handed_over = door.open(std::sync::Arc::clone(&app.wake)).ok();
            }
            Ok(Box::new(Window(app)))
        }),
    );
    created.map_err(|error| {
        format!(
            "no window can be opened ({error}). Jawline needs a display (X11 or Wayland) and a graphics \
             driver with Vulkan; `jawline retouch` works without either"
        )
    })
}

fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Asks for what the adapter really can do, so that a large photo needs few tiles.
fn wgpu_configuration() -> egui_wgpu::WgpuConfiguration {
    use std::sync::Arc;
    let mut setup = egui_wgpu::WgpuSetupCreateNew::without_display_handle();
    setup.device_descriptor = Arc::new(|adapter| wgpu::DeviceDescriptor {
        label: Some("jawline"),
        required_limits: wgpu::Limits {
            max_texture_dimension_2d: adapter.limits().max_texture_dimension_2d,
            ..wgpu::Limits::default()
        },
        ..wgpu::DeviceDescriptor::default()
    });
    egui_wgpu::WgpuConfiguration {
        wgpu_setup: setup.into(),
        ..egui_wgpu::WgpuConfiguration::default()
    }
}

struct Window(Jawline);

impl eframe::App for Window {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.0.frame(ui);
    }

    fn raw_input_hook(&mut self, ctx: &egui::Context, raw_input: &mut egui::RawInput) {
        super::keys::keep_tab(ctx, raw_input);
    }
}
