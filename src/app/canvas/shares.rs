//! Where the shares of overlapping changes are summed before they are added to the photo: a picture of
//! half floats as large as the part of the window that shows them.

use std::sync::{Mutex, PoisonError};

use eframe::wgpu;

use crate::geometry::Rect;

/// The picture of one frame.
pub struct Shares {
    pub texture: wgpu::Texture,
    pub target: wgpu::TextureView,
    /// For the shader that adds them to the photo.
    pub bound: wgpu::BindGroup,
}

impl Shares {
    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.texture.width(), self.texture.height())
    }
}

/// The picture of the last frame, for the next one. A frame has its picture to itself until it is drawn.
#[derive(Default)]
pub struct SharesPool(Mutex<Option<Shares>>);

impl SharesPool {
    /// A picture that has room for the pixels of this rectangle of the window; it may hold anything. `make` makes one
    /// of at least this size.
    pub fn take(&self, region: &Rect, make: impl FnOnce((u32, u32)) -> Shares) -> Shares {
        let size = (region.width().ceil() as u32, region.height().ceil() as u32);
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let is_enough = |shares: &Shares| {
            let (width, height) = shares.size();
            width >= size.0 && height >= size.1
        };
        kept.filter(is_enough).unwrap_or_else(|| make(size))
    }

    /// Gives a picture back.
    pub fn put_back(&self, shares: Shares) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(shares);
    }

    /// Frees the memory until shares are needed again.
    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
