//! A window that nobody sees, with an engine that is played.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use eframe::egui_wgpu;
use egui::{Key, Modifiers, Pos2};
use egui_kittest::kittest::Queryable;
use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state, default_wgpu_setup};
use egui_kittest::{Harness, Node};
use image::RgbaImage;
use jawline::app::session::{Session, Shown};
use jawline::app::{Jawline, Start, StartBackend};
use jawline::editor::FaceId;

use crate::fake::{Fake, Script};

/// The window under test.
pub struct Bench {
    pub harness: Harness<'static, Option<Jawline>>,
    pub script: Rc<RefCell<Script>>,
    pub folder: tempfile::TempDir,
}

/// The size of the window in points.
pub const SIZE: egui::Vec2 = egui::vec2(1280.0, 800.0);

impl Bench {
    /// An empty window.
    pub fn empty() -> Self {
        Self::with(Script::default(), |_| Vec::new())
    }

    /// A window with the sample portrait, prepared.
    pub fn with_portrait() -> Self {
        Self::with_script(Script::default())
    }

    /// The same with a script.
    pub fn with_script(script: Script) -> Self {
        let mut bench = Self::with(script, |folder| vec![portrait(folder)]);
        bench.until("the photo is open and on the canvas", |bench| {
            bench.app().workspace().session().is_some()
        });
        bench.settle();
        bench
    }

    /// The same with its chin at 80, exact, and all its pixels on the canvas.
    pub fn edited() -> Self {
        let mut bench = Self::with_portrait();
        bench.wait_for_pixels();
        bench.slide(80.0);
        bench.settle();
        bench
    }

    /// A window that opens these files.
    pub fn with(script: Script, files: impl FnOnce(&Path) -> Vec<PathBuf>) -> Self {
        let script = Rc::new(RefCell::new(script));
        let played = Rc::clone(&script);
        let backend: StartBackend = Box::new(move |_, _| Ok(Box::new(Fake(Rc::clone(&played)))));
        let folder = tempfile::tempdir().unwrap();
        let paths = files(folder.path());
        Self::start(script, folder, paths, backend, SIZE, 1.0)
    }

    /// A small window, for pictures to keep.
    pub fn small(script: Script, files: impl FnOnce(&Path) -> Vec<PathBuf>) -> Self {
        let script = Rc::new(RefCell::new(script));
        let played = Rc::clone(&script);
        let backend: StartBackend = Box::new(move |_, _| Ok(Box::new(Fake(Rc::clone(&played)))));
        let folder = tempfile::tempdir().unwrap();
        let paths = files(folder.path());
        Self::start(
            script,
            folder,
            paths,
            backend,
            egui::vec2(960.0, 620.0),
            1.0,
        )
    }

    /// A window with any engine.
    pub fn start(
        script: Rc<RefCell<Script>>,
        folder: tempfile::TempDir,
        paths: Vec<PathBuf>,
        backend: StartBackend,
        size: egui::Vec2,
        pixels_per_point: f32,
    ) -> Self {
        let render_state = create_render_state(
            default_wgpu_setup(),
            egui_wgpu::RendererOptions::PREDICTABLE,
        );
        let for_app = render_state.clone();
        let mut start = Some(Start {
            paths,
            backend,
            data_dir: Some(folder.path().join("data")),
            engine: None,
            method: Some(script.borrow().method),
        });
        let harness = Harness::builder()
            .with_size(size)
            .with_pixels_per_point(pixels_per_point)
            .with_max_steps(64)
            .with_step_dt(1.0 / 60.0)
            .renderer(WgpuTestRenderer::from_render_state(render_state))
            .build_ui_state(
                move |ui, app: &mut Option<Jawline>| {
                    if let Some(start) = start.take() {
                        *app = Some(Jawline::new(ui.ctx(), Some(&for_app), start).unwrap());
                    }
                    if let Some(app) = app {
                        app.frame(ui);
                    }
                },
                None,
            );
        Self {
            harness,
            script,
            folder,
        }
    }

    /// The window of the next start, after this one has ended without a word.
    pub fn started_again(self) -> Self {
        let Self {
            harness,
            script,
            folder,
        } = self;
        drop(harness);
        let played = Rc::new(RefCell::new(Script {
            method: script.borrow().method,
            ..Script::default()
        }));
        let fake = Rc::clone(&played);
        let backend: StartBackend = Box::new(move |_, _| Ok(Box::new(Fake(Rc::clone(&fake)))));
        Self::start(played, folder, Vec::new(), backend, SIZE, 1.0)
    }

    pub fn app(&self) -> &Jawline {
        self.harness.state().as_ref().unwrap()
    }

    pub fn session(&self) -> &Session {
        self.app().workspace().session().unwrap()
    }

    /// The name of the photo in view.
    pub fn current_name(&self) -> &str {
        let current = self.app().workspace().current();
        current.map_or("", |photo| photo.name.as_str())
    }

    pub fn face(&self) -> FaceId {
        self.session().document.chosen.unwrap()
    }

    pub fn amount(&self) -> f32 {
        self.session().document.params(self.face()).amount
    }

    pub fn shown(&self) -> Shown {
        self.session().shown(self.face())
    }

    /// Frames until something holds; work of other threads goes on meanwhile.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.until_within(60, what, holds);
    }

    /// The same with another limit.
    pub fn until_within(&mut self, seconds: u64, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        loop {
            self.harness.run_steps(1);
            if holds(self) {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(seconds),
                "never: {what}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Frames until nothing more is asked of the engine.
    pub fn settle(&mut self) {
        let begun = Instant::now();
        let mut quiet = 0;
        while quiet < 4 {
            let asked = self.script.borrow().asked.len();
            self.harness.run_steps(1);
            std::thread::sleep(Duration::from_millis(12));
            let is_quiet = self.script.borrow().asked.len() == asked;
            quiet = if is_quiet { quiet + 1 } else { 0 };
            assert!(begun.elapsed() < Duration::from_secs(60), "never settles");
        }
    }

    pub fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.run_steps(3);
    }

    pub fn node<'a>(&'a self, label: &'a str) -> Node<'a> {
        self.harness.get_by_label(label)
    }

    pub fn has(&self, label: &str) -> bool {
        self.harness.query_by_label(label).is_some()
    }

    pub fn has_text(&self, part: &str) -> bool {
        self.harness
            .query_all_by_label_contains(part)
            .next()
            .is_some()
    }

    /// Puts a text into a field in place of what is there.
    pub fn fill_in(&mut self, label: &str, text: &str) {
        self.node(label).focus();
        self.harness.run_steps(1);
        self.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        self.harness.run_steps(1);
        self.node(label).type_text(text);
        self.harness.run_steps(2);
    }

    /// The slider of this name.
    pub fn slider<'a>(&'a self, label: &'a str) -> Node<'a> {
        self.harness
            .get_by_role_and_label(egui::accesskit::Role::Slider, label)
    }

    /// Clicks the box of this name.
    pub fn click_box(&mut self, label: &str) {
        self.harness
            .get_by_role_and_label(egui::accesskit::Role::CheckBox, label)
            .click();
        self.harness.run_steps(2);
    }

    /// Turns the wheel over a place.
    pub fn wheel(&mut self, at: Pos2, points: f32) {
        self.harness.hover_at(at);
        self.harness.run_steps(1);
        self.harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: egui::vec2(0.0, points),
            phase: egui::TouchPhase::Move,
            modifiers: egui::Modifiers::NONE,
            source: egui::MouseWheelSource::Wheel,
        });
        self.harness.run_steps(40);
    }

    pub fn key(&mut self, key: Key) {
        self.harness.key_press(key);
        self.harness.run_steps(2);
    }

    pub fn shift_key(&mut self, key: Key) {
        self.harness.key_press_modifiers(Modifiers::SHIFT, key);
        self.harness.run_steps(2);
    }

    /// Drags from here to there in steps.
    pub fn drag(&mut self, from: Pos2, to: Pos2) {
        self.harness.drag_at(from);
        self.harness.run_steps(1);
        for step in 1..=6 {
            self.harness.hover_at(from.lerp(to, step as f32 / 6.0));
            self.harness.run_steps(1);
        }
        self.harness.drop_at(to);
        self.harness.run_steps(2);
    }

    /// Where an amount lies on the slider.
    pub fn slider_at(&self, amount: f32) -> Pos2 {
        let rect = self.node("Chin").rect();
        let x = egui::remap(
            amount,
            -20.0..=100.0,
            rect.left() + 9.0..=rect.right() - 9.0,
        );
        Pos2::new(x, rect.center().y - 4.0)
    }

    /// Drags the slider from where it is.
    pub fn slide(&mut self, to: f32) {
        let (from, to) = (self.slider_at(self.amount()), self.slider_at(to));
        self.drag(from, to);
    }

    pub fn reset_frame_stats(&mut self) {
        if let Some(app) = self.harness.state_mut() {
            app.reset_frame_stats();
        }
    }

    /// The line below the picture.
    pub fn status_rect(&self) -> egui::Rect {
        let window = self.harness.ctx.content_rect();
        egui::Rect::from_min_max(window.left_bottom() - egui::vec2(0.0, 30.0), window.max)
    }

    pub fn picture_rect(&self) -> egui::Rect {
        self.node("Picture").rect()
    }

    /// The window's pixels where the picture is.
    pub fn picture(&mut self) -> RgbaImage {
        self.harness.remove_cursor();
        self.harness.run_steps(2);
        let rect = self.picture_rect();
        let window = self.harness.render().unwrap();
        let [x, y] = [rect.left(), rect.top()].map(|edge| edge.round() as u32);
        let [width, height] = [rect.width(), rect.height()].map(|side| side.floor() as u32);
        image::imageops::crop_imm(&window, x, y, width, height).to_image()
    }

    /// The canvas has the whole photo.
    pub fn wait_for_pixels(&mut self) {
        self.until("the photo is uploaded", |bench| {
            bench.app().is_photo_shown()
        });
    }
}

/// The sample portrait in a folder of its own.
pub fn portrait(folder: &Path) -> PathBuf {
    let path = folder.join("portrait.jpg");
    std::fs::copy(
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/assets/portraits/young_woman.jpg"
        ),
        &path,
    )
    .unwrap();
    path
}

/// How many pixels differ by more than a level or two.
pub fn differing(a: &RgbaImage, b: &RgbaImage) -> usize {
    assert_eq!(a.dimensions(), b.dimensions());
    a.pixels()
        .zip(b.pixels())
        .filter(|(a, b)| (0..3).any(|i| a[i].abs_diff(b[i]) > 2))
        .count()
}
