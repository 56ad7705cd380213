//! The textures of a keyframe.

use std::sync::{Arc, Weak};

use eframe::wgpu;

use super::change::{Steps, block_around, bounds};
use super::pipelines::Pipelines;
use super::textures::{change_texture, size_of, view, write_half};
use crate::geometry::Rect;
use crate::portrait::screen::Keyframe;

/// A keyframe on the graphics card.
pub struct UploadedKeyframe {
    /// What was uploaded: only to know it again.
    pub source: Weak<Keyframe>,
    pub amount: f32,
    pub change: wgpu::TextureView,
    pub size: (u32, u32),
    pub texture_size: (u32, u32),
    /// Around the mask, in pixels of the keyframe.
    pub bounds: Option<Rect>,
}

impl UploadedKeyframe {
    /// Uploads it, with its reduced levels.
    pub fn new(pipelines: &Pipelines, steps: &mut Steps<'_>, keyframe: &Arc<Keyframe>) -> Self {
        let change = &keyframe.change;
        let texture = change_texture(pipelines, (change.width, change.height));
        write_half(pipelines, &texture, change);
        let bounds = bounds(&change.texels, change.width, |texel| {
            texel[3].to_bits() != 0
        });
        let block = block_around(bounds, 1.0, (change.width, change.height));
        steps.halve(&texture, block);
        Self {
            change: view(&texture, None),
            texture_size: size_of(&texture),
            bounds,
            source: Arc::downgrade(keyframe),
            amount: keyframe.amount,
            size: (change.width, change.height),
        }
    }
}
