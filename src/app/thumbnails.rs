//! Small pictures in the panels.

use std::sync::Arc;

use egui::{ColorImage, Context, TextureHandle, TextureOptions};
use image::Rgb32FImage;

use super::samples::SAMPLES;
use super::session::{Preparation, Session};
use crate::editor::background::{Background, Unexpected};
use crate::engine::Method;
use crate::engine::Waker;

/// Side of a thumbnail in pixels.
const SIDE: usize = 160;

/// Two pictures side by side.
pub struct Pair {
    /// The left one.
    pub left: TextureHandle,
    /// What it is.
    pub left_name: &'static str,
    /// The right one.
    pub right: TextureHandle,
    /// What it is.
    pub right_name: &'static str,
    of: (usize, usize),
}

/// Small pictures in the panels.
#[derive(Default)]
pub struct Thumbnails {
    /// Of the chosen face: before and after; or, while its code is looked for, the photo and how near
    /// the generator has come.
    pub pair: Option<Pair>,
    /// Of the samples, once they are there.
    pub samples: Vec<Option<TextureHandle>>,
    decoding: Option<Background<Vec<Option<ColorImage>>, Unexpected>>,
}

impl Thumbnails {
    /// Begins to decode the samples.
    pub fn load_samples(&mut self, wake: Waker) {
        let decode = |bytes: &[u8]| {
            let picture = image::load_from_memory(bytes).ok()?;
            let small = picture
                .thumbnail(2 * SIDE as u32, 2 * SIDE as u32)
                .into_rgb8();
            let size = [small.width() as usize, small.height() as usize];
            Some(ColorImage::from_rgb(size, small.as_raw()))
        };
        self.decoding = Some(Background::start("samples", wake, move |_| {
            Ok(SAMPLES
                .iter()
                .map(|sample| decode(sample.bytes()))
                .collect())
        }));
    }

    /// Takes in what has been decoded.
    pub fn poll(&mut self, ctx: &Context) {
        let Some(decoded) = self.decoding.as_ref().and_then(Background::poll) else {
            return;
        };
        self.decoding = None;
        let textures = decoded.unwrap_or_default().into_iter().map(|picture| {
            picture.map(|picture| ctx.load_texture("sample", picture, TextureOptions::LINEAR))
        });
        self.samples = textures.collect();
    }

    /// Draws the pair again if the chosen face has something new.
    pub fn follow(&mut self, ctx: &Context, session: Option<&Session>) {
        let state = session.and_then(Session::chosen_state);
        let chosen = session.and_then(|session| {
            let params = session.document.params(session.document.chosen?);
            (params.settings.method != Method::Instant).then_some(())
        });
        let Some((state, prepared)) = state
            .zip(chosen)
            .and_then(|(state, ())| Some((state, state.prepared.as_ref()?)))
        else {
            self.pair = None;
            return;
        };
        let is_running = matches!(state.preparation(), Preparation::Running(_));
        let rendered = state
            .frame
            .as_ref()
            .filter(|_| !is_running)
            .and_then(|frame| frame.rendered.redrawn());
        let address = |shown: bool| {
            rendered.filter(|_| shown).map_or_else(
                || Arc::as_ptr(prepared) as usize,
                |rendered| std::ptr::from_ref(rendered) as usize,
            )
        };
        let of = (Arc::as_ptr(prepared) as usize, address(true));
        if self.pair.as_ref().is_some_and(|pair| pair.of == of) {
            return;
        }
        let crop = &prepared.face.aligned.picture;
        let right = match rendered {
            Some(rendered) => {
                let change = rendered.change();
                small(change.crop, |x, y| {
                    let opacity = f32::from(change.mask.get_pixel(x, y)[0]) / 255.0;
                    let (before, after) =
                        (change.crop.get_pixel(x, y), change.edited.get_pixel(x, y));
                    std::array::from_fn(|i| before[i] + opacity * (after[i] - before[i]))
                })
            }
            None => small(&prepared.drawn, |x, y| prepared.drawn.get_pixel(x, y).0),
        };
        let left = small(crop, |x, y| crop.get_pixel(x, y).0);
        let load = |name, picture| ctx.load_texture(name, picture, TextureOptions::LINEAR);
        self.pair = Some(Pair {
            left: load("before", left),
            left_name: if rendered.is_some() {
                "before"
            } else {
                "photo"
            },
            right: load("after", right),
            right_name: if rendered.is_some() {
                "after"
            } else {
                "found so far"
            },
            of,
        });
    }
}

/// A small copy, each pixel the mean of four spread over its area: enough for a glance, and quick.
fn small(picture: &Rgb32FImage, at: impl Fn(u32, u32) -> [f32; 3]) -> ColorImage {
    let (width, height) = picture.dimensions();
    let place = |index: usize, part: u32, length: u32| {
        ((index as u32 * 4 + part) * length / (4 * SIDE as u32)).min(length.saturating_sub(1))
    };
    let mut bytes = Vec::with_capacity(SIDE * SIDE * 3);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let taps = [(1, 1), (3, 1), (1, 3), (3, 3)]
                .map(|(dx, dy)| at(place(x, dx, width), place(y, dy, height)));
            bytes.extend((0..3).map(|channel| {
                let mean = taps.iter().map(|tap| tap[channel]).sum::<f32>() / 4.0;
                (mean.clamp(0.0, 1.0) * 255.0).round() as u8
            }));
        }
    }
    ColorImage::from_rgb([SIDE, SIDE], &bytes)
}
