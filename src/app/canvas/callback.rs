//! What egui calls to draw the canvas: a list of quads, resolved before.

use std::sync::{Arc, OnceLock};

use bytemuck::Zeroable;
use eframe::{egui_wgpu, wgpu};
use egui::PaintCallbackInfo;

use super::pipelines::Pipelines;
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
}

/// The rows of an affine map as a shader reads them.
pub fn rows(map: &Affine) -> [[f32; 4]; 2] {
    map.rows
        .map(|[a, b, c]| [a as f32, b as f32, c as f32, 0.0])
}

/// What a quad shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The background.
    Around,
    /// A piece of the photo as it was.
    Photo,
    /// A face's change as the export adds it.
    ExactFace,
    /// A face's change, reduced or blended from keyframes.
    SmoothFace,
    /// Overlays of a face.
    Overlays,
}

impl Quad {
    /// One colour (red, green, blue in 0..=1) in a rectangle with these edges.
    pub fn around(rect: Rect, [red, green, blue]: [f32; 3]) -> Self {
        Self {
            kind: Kind::Around,
            uniform: DrawUniform {
                corners: corners_of(&rect),
                background: [red, green, blue, 0.0],
                ..DrawUniform::default()
            },
            piece: None,
            face: None,
            visible: rect,
        }
    }
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

/// One quad.
pub struct Quad {
    pub kind: Kind,
    pub uniform: DrawUniform,
    pub piece: Option<wgpu::BindGroup>,
    pub face: Option<wgpu::BindGroup>,
    /// Nothing is drawn outside; edges are whole physical pixels of the window.
    pub visible: Rect,
}

/// All quads of one picture.
pub struct Drawing {
    pipelines: Arc<Pipelines>,
    quads: Vec<Quad>,
    bound: OnceLock<wgpu::BindGroup>,
}

impl Drawing {
    pub fn new(pipelines: Arc<Pipelines>, quads: Vec<Quad>) -> Self {
        Self {
            pipelines,
            quads,
            bound: OnceLock::new(),
        }
    }

    /// Bytes from the parameters of one quad to those of the next.
    fn stride(&self) -> usize {
        let alignment = self
            .pipelines
            .device
            .limits()
            .min_uniform_buffer_offset_alignment;
        size_of::<DrawUniform>().next_multiple_of(alignment.max(16) as usize)
    }
}

impl egui_wgpu::CallbackTrait for Drawing {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &egui_wgpu::ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        _resources: &mut egui_wgpu::CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if self.quads.is_empty() {
            return Vec::new();
        }
        let stride = self.stride();
        let mut bytes = vec![0; stride * self.quads.len()];
        for (bytes, quad) in bytes.chunks_exact_mut(stride).zip(&self.quads) {
            let uniform = DrawUniform {
                target_size: screen.size_in_pixels.map(|length| length as f32),
                ..quad.uniform
            };
            bytes[..size_of::<DrawUniform>()].copy_from_slice(bytemuck::bytes_of(&uniform));
        }
        self.bound.get_or_init(|| {
            let buffer = device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("canvas quads"),
                size: bytes.len() as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            queue.write_buffer(&buffer, 0, &bytes);
            let uniform = wgpu::BufferBinding {
                buffer: &buffer,
                offset: 0,
                size: std::num::NonZeroU64::new(size_of::<DrawUniform>() as u64),
            };
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("canvas quads"),
                layout: &self.pipelines.draw_layout,
                entries: &[
                    wgpu::BindGroupEntry {
                        binding: 0,
                        resource: wgpu::BindingResource::Buffer(uniform),
                    },
                    wgpu::BindGroupEntry {
                        binding: 1,
                        resource: wgpu::BindingResource::Sampler(&self.pipelines.smooth_sampler),
                    },
                ],
            })
        });
        Vec::new()
    }

    fn paint(
        &self,
        info: PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        _resources: &egui_wgpu::CallbackResources,
    ) {
        let Some(bound) = self.bound.get() else {
            return;
        };
        let [width, height] = info.screen_size_px;
        pass.set_viewport(0.0, 0.0, width as f32, height as f32, 0.0, 1.0);
        let clip = info.clip_rect_in_pixels();
        let clip = Rect::new(
            f64::from(clip.left_px),
            f64::from(clip.top_px),
            f64::from(clip.left_px + clip.width_px),
            f64::from(clip.top_px + clip.height_px),
        );
        let target = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
        let stride = self.stride();
        let mut current = None;
        for (index, quad) in self.quads.iter().enumerate() {
            let visible = quad.visible.intersection(&clip).intersection(&target);
            if visible.width() < 1.0 || visible.height() < 1.0 {
                continue;
            }
            if current != Some(quad.kind) {
                current = Some(quad.kind);
                pass.set_pipeline(match quad.kind {
                    Kind::Around => &self.pipelines.around,
                    Kind::Photo => &self.pipelines.photo,
                    Kind::ExactFace => &self.pipelines.exact_face,
                    Kind::SmoothFace => &self.pipelines.smooth_face,
                    Kind::Overlays => &self.pipelines.overlays,
                });
            }
            pass.set_scissor_rect(
                visible.left as u32,
                visible.top as u32,
                visible.width() as u32,
                visible.height() as u32,
            );
            pass.set_bind_group(0, bound, &[(index * stride) as u32]);
            if let Some(piece) = &quad.piece {
                pass.set_bind_group(1, piece, &[]);
            }
            if let Some(face) = &quad.face {
                pass.set_bind_group(2, face, &[]);
            }
            pass.draw(0..4, 0..1);
        }
    }
}

impl Default for DrawUniform {
    fn default() -> Self {
        Self::zeroed()
    }
}
