//! How long things take: `cargo test --release -- --ignored canvas::tests::speed --nocapture`.

use image::{GrayImage, Luma, Rgb, Rgb32FImage, RgbImage};

use super::*;
use crate::portrait::colour::ColourField;
use crate::portrait::resample;
use crate::portrait::screen::{HalfPicture, ScreenEdit};
use crate::portrait::warp::WarpMesh;

const SIDE: u32 = 1024;
const RUNS: usize = 25;

/// A photo of 24 megapixels with a face of 2300 px.
fn photo() -> DynamicImage {
    let photo = RgbImage::from_fn(6000, 4000, |x, y| {
        let mixed = (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761) >> 28;
        Rgb([0, 1, 2].map(|i| ((x >> (3 + i)) ^ (y >> (4 - i))) as u8 / 2 + 60 + mixed as u8))
    });
    photo.into()
}

fn face(photo: &DynamicImage) -> (ScreenCrop, ScreenFrame, Vec<Keyframe>) {
    let scale = 2300.0 / f64::from(SIDE);
    let axis = Point::new(scale * 0.08_f64.cos(), scale * 0.08_f64.sin());
    let photo_from_crop = Affine::from_frame(Point::new(1900.0, 700.0), axis, axis.perpendicular());
    let crop = resample::draw(&photo.to_rgb32f(), SIDE, SIDE, &photo_from_crop);
    let mut edited = crop.clone();
    edited
        .iter_mut()
        .for_each(|value| *value = 0.9 * *value + 0.04);
    // A neck: the lower third of the crop, two thirds of its width.
    let mask = GrayImage::from_fn(SIDE, SIDE, |x, y| {
        let distance = (f64::from(x) / 512.0 - 1.0).hypot(f64::from(y) / 300.0 - 2.8);
        Luma([(255.0 * (6.0 - 6.0 * distance).clamp(0.0, 1.0)) as u8])
    });
    let before: Vec<Point> = (0..20)
        .map(|i| {
            Point::new(
                if i % 2 == 0 { 300.0 } else { 720.0 },
                560.0 + 20.0 * f64::from(i),
            )
        })
        .collect();
    let after: Vec<Point> = before
        .iter()
        .map(|point| *point + Point::new(9.0, 4.0))
        .collect();
    let keyframes = [50.0, 100.0].map(|amount| Keyframe::new(amount, &crop, &edited, &mask));
    let frame = ScreenFrame::Redrawn(ScreenEdit {
        edited: HalfPicture::opaque(&edited),
        mesh: Some(WarpMesh::span(SIDE, &before, &after).unwrap()),
        strength: 0.5,
        colour: ColourField {
            cells: Rgb32FImage::from_pixel(128, 128, Rgb([0.01; 3])),
            cells_from_crop: Affine::resize(1.0 / 8.0),
        },
        mask,
        grain: 0.02,
    });
    let labels = Arc::new(GrayImage::new(512, 512));
    let crop = ScreenCrop::new(&crop, photo_from_crop, labels);
    (crop, frame, keyframes.to_vec())
}

/// The fastest and the median of some runs, and the mean time on all processors (which other
/// programs do not change), in milliseconds. `rest` runs in between; its wait does not count.
fn milliseconds_of(mut run: impl FnMut(usize), mut rest: impl FnMut()) -> String {
    let on_processors = processor_ms();
    let mut times: Vec<f64> = (0..RUNS)
        .map(|index| {
            rest();
            let start = Instant::now();
            run(index);
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let on_processors = (processor_ms() - on_processors) / RUNS as f64;
    format!(
        "{:.2} to {:.2} ms ({on_processors:.1})",
        times[0],
        times[RUNS / 2]
    )
}

/// Milliseconds that this program has spent on all processors so far, in steps of 10; Linux only.
fn processor_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        * 10.0
}

impl Screen {
    /// Draws without reading the pixels back, and waits for the graphics card.
    fn draw_only(&mut self, canvas: &mut Canvas, size: (u32, u32), view: &View, scene: &Scene) {
        let area = egui::vec2(size.0 as f32, size.1 as f32);
        let rect = egui::Rect::from_min_size(egui::Pos2::ZERO, area);
        let input = egui::RawInput {
            screen_rect: Some(rect),
            ..Default::default()
        };
        let mut output = self.context.run_ui(input, |ui| {
            canvas.paint(ui.painter(), rect, view, scene);
        });
        self.renderer.handle_delta(&mut output.textures_delta);
        let shapes = self.context.tessellate(output.shapes, 1.0);
        let (device, queue) = (&self.render_state.device, &self.render_state.queue);
        let descriptor = egui_wgpu::ScreenDescriptor {
            size_in_pixels: [size.0, size.1],
            pixels_per_point: 1.0,
        };
        let mut renderer = self.render_state.renderer.write();
        let mut encoder = device.create_command_encoder(&Default::default());
        renderer.update_buffers(device, queue, &mut encoder, &shapes, &descriptor);
        let target = self.target(size);
        let view = target.create_view(&Default::default());
        let mut pass = encoder
            .begin_render_pass(&wgpu::RenderPassDescriptor {
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations {
                        load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                        store: wgpu::StoreOp::Store,
                    },
                })],
                ..Default::default()
            })
            .forget_lifetime();
        renderer.render(&mut pass, &shapes, &descriptor);
        drop(pass);
        queue.submit([encoder.finish()]);
        self.wait();
    }

    fn wait(&self) {
        let forever = wgpu::PollType::wait_indefinitely();
        self.render_state.device.poll(forever).unwrap();
    }

    fn target(&self, (width, height): (u32, u32)) -> wgpu::Texture {
        self.render_state
            .device
            .create_texture(&wgpu::TextureDescriptor {
                label: None,
                size: wgpu::Extent3d {
                    width,
                    height,
                    depth_or_array_layers: 1,
                },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: self.render_state.target_format,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
                view_formats: &[],
            })
    }
}

#[test]
#[ignore = "measures, and needs a quiet machine"]
fn milliseconds() {
    // As in a window: without the exact filtering that tests ask egui for.
    let mut screen = Screen::with(egui_wgpu::RendererOptions::default());
    let photo = photo();
    let (crop, frame, keyframes) = face(&photo);
    let (crop, frame) = (Arc::new(crop), Arc::new(frame));
    let mut canvas = screen.canvas();
    let shared = Arc::new(Photo::from_pixels(photo));
    let size = (6000, 4000);

    let start = Instant::now();
    canvas.show_photo(Some(shared), Arc::new(|| {}));
    eprintln!(
        "show_photo {:.2} ms on this thread",
        start.elapsed().as_secs_f64() * 1e3
    );
    for wanted in [LoadState::Coarse, LoadState::Full] {
        while canvas.load_state() != wanted && canvas.load_state() != LoadState::Full {
            std::thread::sleep(Duration::from_millis(1));
        }
        eprintln!(
            "{wanted:?} after {:.0} ms",
            start.elapsed().as_secs_f64() * 1e3
        );
    }
    screen.wait();

    let start = Instant::now();
    canvas.set_crop(key(1), crop);
    eprintln!("set_crop {:.2} ms", start.elapsed().as_secs_f64() * 1e3);
    let set_frame = milliseconds_of(
        |_| canvas.set_frame(key(1), frame.clone()),
        || screen.wait(),
    );
    eprintln!("set_frame {set_frame} on this thread");
    screen.wait();
    let keyframes: Vec<_> = keyframes.into_iter().map(Arc::new).collect();
    let start = Instant::now();
    canvas.set_keyframes(key(1), &keyframes);
    eprintln!(
        "set_keyframes, two new {:.2} ms",
        start.elapsed().as_secs_f64() * 1e3
    );
    screen.wait();

    let window = (1100, 700);
    let fit = View::fit(size, (1100.0, 700.0));
    let neck = Point::new(2700.0, 2500.0);
    let split = Compare::Split {
        axis: Axis::Vertical,
        position: 0.5,
    };
    let preview = FaceDisplay::Preview { amount: 70.0 };
    for (name, view) in [
        ("fit", fit),
        (
            "50 %",
            View {
                zoom: 0.5,
                centre: neck,
            },
        ),
        (
            "100 %",
            View {
                zoom: 1.0,
                centre: neck,
            },
        ),
        (
            "200 %",
            View {
                zoom: 2.0,
                centre: neck,
            },
        ),
    ] {
        for (what, compare, display) in [
            ("before", Compare::Before, FaceDisplay::Hidden),
            ("split, preview", split, preview),
            ("split, exact", split, FaceDisplay::Exact),
            ("after, preview", Compare::After, preview),
            ("after, exact", Compare::After, FaceDisplay::Exact),
        ] {
            let scene = scene(compare, &[(1, display)]);
            let draw = |_| screen.draw_only(&mut canvas, window, &view, &scene);
            let time = milliseconds_of(draw, || {});
            eprintln!("{name}, {what}: {time} a frame");
        }
        let draw = |index| {
            let strength = index as f64 / 30.0;
            let scene = scene(split, &[(1, FaceDisplay::ExactWith { strength })]);
            screen.draw_only(&mut canvas, window, &view, &scene);
        };
        let moving = milliseconds_of(draw, || {});
        eprintln!("{name}, split, warp strength moving: {moving} a frame");
    }
    let empty = scene(Compare::Before, &[]);
    let outside = View {
        zoom: 1.0,
        centre: Point::new(-1e5, 0.0),
    };
    let draw = |_| screen.draw_only(&mut canvas, window, &outside, &empty);
    let nothing = milliseconds_of(draw, || {});
    eprintln!("egui and nothing: {nothing} a frame");

    let paint_scene = scene(split, &[(1, preview)]);
    let rect = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(1100.0, 700.0));
    let context = screen.context.clone();
    let _ = context.run_ui(egui::RawInput::default(), |ui| {
        let draw = |_| canvas.paint(ui.painter(), rect, &fit, &paint_scene);
        let paint = milliseconds_of(draw, || {});
        eprintln!("paint {paint} on this thread");
    });
}
