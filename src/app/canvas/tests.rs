//! Draws the canvas off screen and looks at the pixels.

mod agreement;
mod modes;
mod sample;
mod speed;
mod tiles;

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use eframe::{egui_wgpu, wgpu};
use egui_kittest::TestRenderer;
use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state, default_wgpu_setup};
use image::{DynamicImage, RgbaImage};

use super::*;
use crate::app::view::Axis;
use crate::geometry::{Affine, Point};
use crate::photo::PhotoId;

/// A window that nobody sees.
struct Screen {
    render_state: egui_wgpu::RenderState,
    context: egui::Context,
    renderer: WgpuTestRenderer,
}

impl Screen {
    fn new() -> Self {
        Self::with(egui_wgpu::RendererOptions::PREDICTABLE)
    }

    fn with(options: egui_wgpu::RendererOptions) -> Self {
        let render_state = create_render_state(default_wgpu_setup(), options);
        Self {
            renderer: WgpuTestRenderer::from_render_state(render_state.clone()),
            context: egui::Context::default(),
            render_state,
        }
    }

    fn canvas(&self) -> Canvas {
        Canvas::new(&self.render_state)
    }

    /// A canvas that shows all of a photo.
    fn canvas_of(&self, photo: &DynamicImage) -> Canvas {
        let mut canvas = self.canvas();
        show(&mut canvas, photo);
        canvas
    }

    /// Draws the canvas alone in a window of this size in pixels.
    fn draw(
        &mut self,
        canvas: &mut Canvas,
        (width, height): (u32, u32),
        view: &View,
        scene: &Scene,
    ) -> RgbaImage {
        let size = egui::vec2(width as f32, height as f32);
        let rect = egui::Rect::from_min_size(egui::Pos2::ZERO, size);
        self.draw_at(canvas, (width, height), rect, view, scene)
    }

    fn draw_at(
        &mut self,
        canvas: &mut Canvas,
        (width, height): (u32, u32),
        rect: egui::Rect,
        view: &View,
        scene: &Scene,
    ) -> RgbaImage {
        let size = egui::vec2(width as f32, height as f32);
        let input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, size)),
            ..Default::default()
        };
        let mut output = self.context.run_ui(input, |ui| {
            let painter = ui.painter().with_clip_rect(egui::Rect::EVERYTHING);
            canvas.paint(&painter, rect, view, scene);
        });
        self.renderer.handle_delta(&mut output.textures_delta);
        self.renderer.render(&self.context, &output).unwrap()
    }
}

fn show(canvas: &mut Canvas, photo: &DynamicImage) {
    show_photo(canvas, Photo::from_pixels(photo.clone()));
}

fn show_photo(canvas: &mut Canvas, photo: Photo) {
    canvas.show_photo(Some(Arc::new(photo)), Arc::new(|| {}));
    let start = Instant::now();
    while canvas.load_state() != LoadState::Full {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "the upload hangs"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A face of the one photo that the tests draw.
fn key(face: u64) -> FaceKey {
    static PHOTO: LazyLock<PhotoId> = LazyLock::new(PhotoId::unique);
    let photo = *PHOTO;
    FaceKey { photo, face }
}

fn scene(compare: Compare, faces: &[(u64, FaceDisplay)]) -> Scene {
    Scene {
        compare,
        background: Color32::from_gray(46),
        faces: faces
            .iter()
            .map(|(face, display)| (key(*face), *display))
            .collect(),
        difference_gain: 4.0,
        overlays: FaceOverlays::default(),
    }
}

/// The whole photo at 100 %, in a window of its size.
fn one_to_one(photo: &DynamicImage) -> ((u32, u32), View) {
    let size = (photo.width(), photo.height());
    let mut view = View::fit(size, (f64::from(size.0), f64::from(size.1)));
    view.zoom = 1.0;
    (size, view)
}

/// The largest difference of any channel, and how many pixels differ by more than 10.
fn compare(found: &RgbaImage, expected: &RgbaImage) -> (u8, usize) {
    assert_eq!(found.dimensions(), expected.dimensions());
    let differences = found.pixels().zip(expected.pixels()).map(|(a, b)| {
        let channels = a.0.into_iter().zip(b.0).take(3);
        channels.map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0)
    });
    differences.fold((0, 0), |(largest, count), difference| {
        (
            largest.max(difference),
            count + usize::from(difference > 10),
        )
    })
}

#[test]
fn nothing_breaks_on_what_cannot_be_drawn() {
    let mut screen = Screen::new();
    let mut canvas = screen.canvas();
    let everything = scene(
        Compare::After,
        &[(1, FaceDisplay::Exact), (9, FaceDisplay::Hidden)],
    );
    let view = View {
        zoom: 1.0,
        centre: Point::new(3.0, 4.0),
    };
    screen.draw(&mut canvas, (40, 30), &view, &everything);
    canvas.set_keyframes(key(5), &[]);

    // A photo without pixels.
    let empty = Arc::new(Photo::from_pixels(DynamicImage::new_rgb8(0, 0)));
    canvas.show_photo(Some(empty), Arc::new(|| {}));
    screen.draw(&mut canvas, (40, 30), &view, &everything);
    assert_eq!(canvas.load_state(), LoadState::Nothing);

    let sample = sample::Sample::new(2.3, sample::Depth::Eight);
    show(&mut canvas, &sample.photo);
    sample.set_crop(&mut canvas, 1);
    for compare in [
        Compare::After,
        Compare::Difference,
        Compare::SideBySide,
        Compare::Split {
            axis: Axis::Horizontal,
            position: f32::NAN,
        },
    ] {
        // A crop without a frame.
        let mut everything = scene(
            compare,
            &[
                (1, FaceDisplay::Exact),
                (1, FaceDisplay::Preview { amount: 50.0 }),
            ],
        );
        everything.overlays = FaceOverlays {
            face: Some(key(1)),
            mask_tint: 1.0,
            mask_contour: 1.0,
            labels: 1.0,
            heat: f32::NAN,
        };
        for zoom in [0.0, f32::NAN, 1e-6, 1e-3, 64.0, 1e9, f32::INFINITY] {
            for centre in [Point::new(300.0, 300.0), Point::new(-1e9, 1e9)] {
                let view = View { zoom, centre };
                screen.draw(&mut canvas, (40, 30), &view, &everything);
            }
        }
        for rect in [
            egui::Rect::NOTHING,
            egui::Rect::EVERYTHING,
            egui::Rect::NAN,
            egui::Rect::from_min_size(egui::pos2(5.0, 5.0), egui::vec2(0.0, 9.0)),
            egui::Rect::from_min_size(egui::pos2(-50.0, -9.0), egui::vec2(1e5, 1e5)),
        ] {
            screen.draw_at(&mut canvas, (40, 30), rect, &view, &everything);
        }
    }

    // Frames, keyframes and crops that do not fit.
    let ScreenFrame::Redrawn(mut small) = sample.frame() else {
        panic!("a sample is redrawn");
    };
    small.edited.width = 3;
    canvas.set_frame(key(1), Arc::new(ScreenFrame::Redrawn(small)));
    let mut flat = sample.screen_crop();
    flat.photo_from_crop = Affine::scaling(0.0);
    canvas.set_crop(key(2), Arc::new(flat));
    canvas.set_frame(key(2), Arc::new(sample.frame()));
    let mut nowhere = sample.keyframe(f32::NAN);
    nowhere.change.texels.clear();
    canvas.set_keyframes(key(1), &[Arc::new(nowhere)]);
    screen.draw(&mut canvas, (40, 30), &view, &everything);
    canvas.show_photo(None, Arc::new(|| {}));
    assert_eq!(canvas.load_state(), LoadState::Nothing);
}

#[test]
fn transparent_photos_show_the_background() {
    let mut screen = Screen::new();
    let photo = RgbaImage::from_fn(40, 30, |x, _| {
        image::Rgba([200, 100, 0, 255 * (x % 2) as u8])
    });
    let photo = DynamicImage::from(photo);
    let mut canvas = screen.canvas_of(&photo);
    let (size, view) = one_to_one(&photo);
    let drawn = screen.draw(&mut canvas, size, &view, &scene(Compare::Before, &[]));
    assert_eq!(drawn.get_pixel(4, 4).0, [46, 46, 46, 255]);
    assert_eq!(drawn.get_pixel(5, 4).0, [200, 100, 0, 255]);
}
