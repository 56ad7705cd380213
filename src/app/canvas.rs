//! The canvas: photo, edits and overlays, drawn by our own shaders in one paint callback.
//!
//! What is added to the photo is what the export adds ([`crate::portrait::paste`]), in the same
//! arithmetic: warp, colour and difference of a face are drawn once at the crop's size
//! ([`change`]), then sampled wherever the photo is drawn. While a slider moves, keyframes are
//! blended instead. Where the masks of faces overlap, their weights sum to at most 1 ([`shares`]), as in the
//! export. Every way to compare draws the same quads with the same maps, only within other
//! borders, so nothing jumps.

#![warn(clippy::indexing_slicing)]

mod blend;
mod callback;
mod change;
mod face;
mod keyframe;
mod moved;
mod photo;
mod pipelines;
mod pyramid;
mod quads;
mod shares;
#[cfg(test)]
mod tests;
mod textures;
mod uniform;

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui_wgpu;
use egui::Color32;

use super::view::{Compare, View, pixels_of};
use crate::geometry::Rect;
use crate::photo::Photo;
use crate::portrait::screen::{Keyframe, ScreenCrop, ScreenFrame};
use callback::{CanvasCallback, Quad, Quads};
use face::{DeltaTexture, Face};
use moved::Sight;
use photo::PhotoTextures;
use pipelines::Pipelines;
use quads::{Overlay, Picture};

pub use crate::engine::client::FaceKey;

/// How much of the photo is on the graphics card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadState {
    /// Nothing can be drawn.
    Nothing,
    /// The whole photo at reduced size, perhaps parts of it in full.
    Coarse,
    /// All of it.
    Full,
}

/// How a face is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FaceDisplay {
    /// As photographed.
    Hidden,
    /// As its frame says.
    Exact,
    /// As its frame says, but warped with another strength.
    ExactWith {
        /// 0 to 1.
        strength: f64,
    },
    /// By its neck field, as exact as a frame.
    Moved {
        /// The slider's value, per cent.
        amount: f32,
    },
    /// Blended from keyframes.
    Preview {
        /// The slider's value, per cent.
        amount: f32,
    },
}

/// What is drawn over a face, in its edited half; opacities from 0 (off) to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaceOverlays {
    /// Of which face.
    pub face: Option<FaceKey>,
    /// The mask, tinted.
    pub mask_tint: f32,
    /// The line where the mask has half its strength.
    pub mask_contour: f32,
    /// The labels of face parsing.
    pub labels: f32,
    /// How much each pixel changes.
    pub heat: f32,
}

/// What the canvas shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// How before and after are compared.
    pub compare: Compare,
    /// Around the photo, and behind it where it is transparent.
    pub background: Color32,
    /// The faces, in any order. A face that is not named, or that has no frame or no keyframes where its display needs them, is shown as photographed.
    pub faces: Vec<(FaceKey, FaceDisplay)>,
    /// Factor by which [`Compare::Difference`] amplifies.
    pub difference_gain: f32,
    /// What is drawn over a face.
    pub overlays: FaceOverlays,
}

/// A photo and its edits on the graphics card.
pub struct Canvas {
    pipelines: Arc<Pipelines>,
    tile_limit: u32,
    photo: Option<Arc<PhotoTextures>>,
    faces: BTreeMap<FaceKey, Face>,
}

impl Canvas {
    /// An empty canvas that draws where this render state draws.
    pub fn new(render_state: &egui_wgpu::RenderState) -> Self {
        let limits = render_state.device.limits();
        let tile_limit = photo::LARGEST_TILE.min(limits.max_texture_dimension_2d);
        Self::with_tile_limit(render_state, tile_limit)
    }

    fn with_tile_limit(render_state: &egui_wgpu::RenderState, tile_limit: u32) -> Self {
        let pipelines = Pipelines::new(
            &render_state.device,
            &render_state.queue,
            render_state.target_format,
        );
        Self {
            pipelines: Arc::new(pipelines),
            tile_limit,
            photo: None,
            faces: BTreeMap::new(),
        }
    }

    /// Shows another photo, or none, and forgets all faces. The photo is uploaded in a thread: first
    /// a reduced copy, then all of it; `wake` is called from there whenever there is more to draw.
    pub fn show_photo(&mut self, photo: Option<Arc<Photo>>, wake: Arc<dyn Fn() + Send + Sync>) {
        if let Some(before) = self.photo.take() {
            before.supersede();
        }
        self.faces.clear();
        self.pipelines.shares.clear();
        let Some(photo) = photo else {
            return;
        };
        match PhotoTextures::upload(self.pipelines.clone(), photo, self.tile_limit, wake) {
            Ok(textures) => self.photo = Some(textures),
            Err(error) => tracing::error!("the photo cannot be shown, no thread starts: {error}"),
        }
    }

    /// How much of the photo can be drawn.
    pub fn load_state(&self) -> LoadState {
        match &self.photo {
            Some(photo) if photo.coarse.get().is_none() => LoadState::Nothing,
            Some(photo) if photo.is_full() => LoadState::Full,
            Some(_) => LoadState::Coarse,
            None => LoadState::Nothing,
        }
    }

    /// Sets what all edits of a face share. Another crop than before makes the face a new one,
    /// without frame and keyframes.
    pub fn set_crop(&mut self, face: FaceKey, crop: Arc<ScreenCrop>) {
        if self.faces.get(&face).is_some_and(|face| face.is_of(&crop)) {
            return;
        }
        match Face::new(&self.pipelines, &crop) {
            Some(uploaded) => {
                self.faces.insert(face, uploaded);
            }
            None => {
                tracing::warn!("face {face} cannot be drawn: its crop or its place is unusable");
                self.faces.remove(&face);
            }
        }
    }

    /// Sets the exact edit of a face whose crop is set.
    pub fn set_frame(&mut self, face: FaceKey, frame: Arc<ScreenFrame>) {
        let Some(uploaded) = self.faces.get_mut(&face) else {
            tracing::warn!("face {face} has a frame, but no crop");
            return;
        };
        if !uploaded.set_frame(&self.pipelines, &frame) {
            tracing::warn!("a frame of face {face} does not have the size of its crop");
        }
    }

    /// Sets all keyframes of a face whose crop is set, in any order. Those that it had before (the
    /// same `Arc`) are not uploaded again.
    pub fn set_keyframes(&mut self, face: FaceKey, keyframes: &[Arc<Keyframe>]) {
        match self.faces.get_mut(&face) {
            Some(face) => face.set_keyframes(&self.pipelines, keyframes),
            None => tracing::warn!("face {face} has keyframes, but no crop"),
        }
    }

    /// Draws the scene into a rectangle of the window, in egui's points, background included: what
    /// lies below need not be drawn.
    pub fn paint(&mut self, painter: &egui::Painter, rect: egui::Rect, view: &View, scene: &Scene) {
        if !rect.is_finite() || rect.width() <= 0.0 || rect.height() <= 0.0 {
            return;
        }
        let canvas = pixels_of(rect, painter.ctx().pixels_per_point());
        let [red, green, blue, _] = scene.background.to_normalized_gamma_f32();
        let background = [red, green, blue];
        let mut quads = Quads::default();
        quads.screen.push(Quad::around(canvas, background));
        let usable = view.zoom.is_finite() && view.zoom > 0.0 && view.centre.is_finite();
        if let Some(photo) = self.photo.clone().filter(|_| usable) {
            self.add_picture(&photo, &canvas, view, scene, &mut quads);
        }
        let drawing = CanvasCallback::new(self.pipelines.clone(), quads);
        painter.add(egui_wgpu::Callback::new_paint_callback(rect, drawing));
    }

    fn add_picture(
        &mut self,
        photo: &PhotoTextures,
        canvas: &Rect,
        view: &View,
        scene: &Scene,
        quads: &mut Quads,
    ) {
        let mut changes = Vec::new();
        let sight = Sight::of(view, &scene.compare.panes(canvas));
        for (key, display) in &scene.faces {
            let Some(face) = self.faces.get_mut(key) else {
                continue;
            };
            changes.extend(change_of(face, &self.pipelines, *display, &sight));
        }
        let overlay = self.overlay(scene, &sight);
        let [red, green, blue, _] = scene.background.to_normalized_gamma_f32();
        let picture = Picture {
            photo,
            view,
            background: [red, green, blue],
            difference_gain: scene.difference_gain,
            changes: &changes,
            overlay: overlay.as_ref(),
        };
        for pane in scene.compare.panes(canvas) {
            picture.draw(&pane, quads);
        }
    }

    /// The overlays that the scene asks for; `None` when they are off.
    fn overlay(&mut self, scene: &Scene, sight: &Sight) -> Option<Overlay> {
        let overlays = &scene.overlays;
        let key = overlays.face?;
        let opacity = |value: f32| match value.is_finite() {
            true => value.clamp(0.0, 1.0),
            false => 0.0,
        };
        let mut opacities = [
            overlays.mask_tint,
            overlays.mask_contour,
            overlays.labels,
            overlays.heat,
        ]
        .map(opacity);
        let display = scene.faces.iter().find(|(face, _)| *face == key);
        let display = display.map_or(FaceDisplay::Hidden, |(_, display)| *display);
        let face = self.faces.get_mut(&key)?;
        if display == FaceDisplay::Hidden {
            opacities[3] = 0.0;
        }
        if opacities.iter().all(|opacity| *opacity == 0.0) {
            return None;
        }
        // A mask is there even where the change is not shown.
        let change = change_of(face, &self.pipelines, display, sight)
            .or_else(|| face.exact(&self.pipelines, None))
            .or_else(|| face.moved(&self.pipelines, 100.0, sight))
            .or_else(|| face.preview(&self.pipelines, face.largest_amount()?))
            .unwrap_or_else(|| face.without_change(&self.pipelines));
        Some(Overlay {
            change,
            crop_size: face.size,
            opacities,
        })
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        if let Some(photo) = &self.photo {
            photo.supersede();
        }
    }
}

fn change_of(
    face: &mut Face,
    pipelines: &Pipelines,
    display: FaceDisplay,
    sight: &Sight,
) -> Option<DeltaTexture> {
    match display {
        FaceDisplay::Hidden => None,
        FaceDisplay::Exact => face.exact(pipelines, None),
        FaceDisplay::ExactWith { strength } => face.exact(pipelines, Some(strength)),
        FaceDisplay::Moved { amount } => face.moved(pipelines, amount, sight),
        FaceDisplay::Preview { amount } => face.preview(pipelines, amount),
    }
}
