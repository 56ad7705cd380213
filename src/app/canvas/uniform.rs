//! What the shader of the canvas is told about one quad.

use bytemuck::Zeroable;

use crate::geometry::{Affine, Rect};

/// Parameters of one quad; `Draw` in the shader says what each means.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct DrawUniform {
    pub corners: [[f32; 2]; 4],
    pub target_size: [f32; 2],
    pub pane_origin: [f32; 2],
    pub local_from_pane: [f32; 4],
    pub piece: [f32; 4],
    pub limits: [f32; 4],
    pub background: [f32; 4],
    pub crop_from_local: [[f32; 4]; 2],
    pub change_from_local: [[f32; 4]; 2],
    pub change_size: [f32; 4],
    pub weights: [f32; 4],
    pub change: [f32; 4],
    pub overlay: [f32; 4],
    pub shares: [f32; 4],
}

/// The rows of an affine map as a shader reads them.
pub fn rows(map: &Affine) -> [[f32; 4]; 2] {
    map.rows
        .map(|[a, b, c]| [a as f32, b as f32, c as f32, 0.0])
}

/// Top left, top right, bottom left, bottom right.
pub fn corners_of(rect: &Rect) -> [[f32; 2]; 4] {
    [
        [rect.left, rect.top],
        [rect.right, rect.top],
        [rect.left, rect.bottom],
        [rect.right, rect.bottom],
    ]
    .map(|corner| corner.map(|value| value as f32))
}

impl DrawUniform {
    /// For a quad that is drawn to the shares, which begin at the top left of `region`.
    pub fn in_shares(&self, region: &Rect, target_size: [f32; 2]) -> Self {
        let origin = [region.left as f32, region.top as f32];
        let moved = |[x, y]: [f32; 2]| [x - origin[0], y - origin[1]];
        Self {
            corners: self.corners.map(moved),
            pane_origin: moved(self.pane_origin),
            target_size,
            ..*self
        }
    }
}

impl Default for DrawUniform {
    fn default() -> Self {
        Self::zeroed()
    }
}
