//! What egui calls to draw the canvas: a list of quads, resolved before. Shares of overlapping changes
//! are drawn first, to a picture that quads of the window then read.

use std::sync::{Arc, OnceLock};

use eframe::{egui_wgpu, wgpu};
use egui::PaintCallbackInfo;

use super::pipelines::Pipelines;
use super::shares::Shares;
use super::textures::{drawn_texture, view};
use super::uniform::{DrawUniform, corners_of};
use crate::geometry::{Point, Rect};

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
    /// Nothing, where the shares of changes that overlap are to be summed.
    NoShares,
    /// [`ExactFace`](Self::ExactFace), added to the shares.
    ExactShare,
    /// [`SmoothFace`](Self::SmoothFace), added to the shares.
    SmoothShare,
    /// The sum of the shares, added to a piece of the photo.
    SharedFaces,
    /// Overlays of a face.
    Overlays,
}

impl Kind {
    fn pipeline(self, pipelines: &Pipelines) -> &wgpu::RenderPipeline {
        match self {
            Self::Around => &pipelines.around,
            Self::Photo => &pipelines.photo,
            Self::ExactFace => &pipelines.exact_face,
            Self::SmoothFace => &pipelines.smooth_face,
            Self::NoShares => &pipelines.no_shares,
            Self::ExactShare => &pipelines.add_exact_face,
            Self::SmoothShare => &pipelines.add_smooth_face,
            Self::SharedFaces => &pipelines.shared_faces,
            Self::Overlays => &pipelines.overlays,
        }
    }
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

/// One quad.
pub struct Quad {
    pub kind: Kind,
    pub uniform: DrawUniform,
    pub piece: Option<wgpu::BindGroup>,
    pub face: Option<wgpu::BindGroup>,
    /// Nothing is drawn outside; edges are whole physical pixels of the window.
    pub visible: Rect,
}

/// All quads of one picture, each list in the order of drawing.
#[derive(Default)]
pub struct Quads {
    /// To the shares.
    pub shares: Vec<Quad>,
    /// To the window.
    pub screen: Vec<Quad>,
}

/// What draws them.
pub struct CanvasCallback {
    pipelines: Arc<Pipelines>,
    quads: Quads,
    prepared: OnceLock<Prepared>,
}

/// The parameters of all quads on the graphics card, and the shares.
struct Prepared {
    bound: wgpu::BindGroup,
    shares: Option<Shares>,
    /// The window's pixels that the shares stand for.
    shares_region: Rect,
}

/// A picture for shares, of at least this size.
fn new_shares(pipelines: &Pipelines, size: (u32, u32)) -> Shares {
    /// Sides are a multiple of this, so that a moving view need not make new textures.
    const STEP_PX: u32 = 256;
    let largest = pipelines.device.limits().max_texture_dimension_2d;
    let padded = |length: u32| length.next_multiple_of(STEP_PX).min(largest);
    let texture = drawn_texture(pipelines, (padded(size.0), padded(size.1)), 1);
    let target = view(&texture, None);
    Shares {
        bound: pipelines.bind(&pipelines.piece_layout, &[&target]),
        texture,
        target,
    }
}

impl CanvasCallback {
    pub fn new(pipelines: Arc<Pipelines>, quads: Quads) -> Self {
        Self {
            pipelines,
            quads,
            prepared: OnceLock::new(),
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

    fn upload(&self, queue: &wgpu::Queue, window: [u32; 2]) -> Prepared {
        let (device, pipelines) = (&self.pipelines.device, &self.pipelines);
        let window = Rect::new(0.0, 0.0, f64::from(window[0]), f64::from(window[1]));
        let region = self.quads.shares.iter().map(|quad| quad.visible);
        let region = region.reduce(|all, quad| all.union(&quad));
        let region = region.map(|region| region.intersection(&window));
        let region = region.filter(|region| region.width() >= 1.0 && region.height() >= 1.0);
        let shares = region.map(|region| {
            pipelines
                .shares
                .take(&region, |size| new_shares(pipelines, size))
        });
        let shares_region = region.unwrap_or(Rect::new(0.0, 0.0, 0.0, 0.0));

        let shares_size = shares.as_ref().map_or((1, 1), Shares::size);
        let of_shares = self.quads.shares.iter().map(|quad| {
            quad.uniform
                .in_shares(&shares_region, [shares_size.0 as f32, shares_size.1 as f32])
        });
        let of_screen = self.quads.screen.iter().map(|quad| DrawUniform {
            target_size: [window.right as f32, window.bottom as f32],
            shares: [
                shares_region.left as f32,
                shares_region.top as f32,
                0.0,
                0.0,
            ],
            ..quad.uniform
        });
        let stride = self.stride();
        let mut bytes = vec![0; stride * (self.quads.shares.len() + self.quads.screen.len())];
        for (bytes, uniform) in bytes
            .chunks_exact_mut(stride)
            .zip(of_shares.chain(of_screen))
        {
            for (byte, value) in bytes.iter_mut().zip(bytemuck::bytes_of(&uniform)) {
                *byte = *value;
            }
        }
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
        let bound = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("canvas quads"),
            layout: &pipelines.draw_layout,
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::Buffer(uniform),
                },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: wgpu::BindingResource::Sampler(&pipelines.smooth_sampler),
                },
            ],
        });
        Prepared {
            bound,
            shares,
            shares_region,
        }
    }

    /// Draws quads, the first of which has the parameters of this number, within `clip`. Quads and clip
    /// are in pixels of the window, the target begins at `origin`.
    fn draw(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        quads: &[Quad],
        first: usize,
        prepared: &Prepared,
        (clip, origin): (&Rect, Point),
    ) {
        let stride = self.stride();
        let mut current = None;
        for (index, quad) in quads.iter().enumerate() {
            let visible = quad.visible.intersection(clip);
            if visible.width() < 1.0 || visible.height() < 1.0 {
                continue;
            }
            if current != Some(quad.kind) {
                current = Some(quad.kind);
                pass.set_pipeline(quad.kind.pipeline(&self.pipelines));
            }
            pass.set_scissor_rect(
                (visible.left - origin.x) as u32,
                (visible.top - origin.y) as u32,
                visible.width() as u32,
                visible.height() as u32,
            );
            pass.set_bind_group(0, &prepared.bound, &[((first + index) * stride) as u32]);
            if let Some(piece) = &quad.piece {
                pass.set_bind_group(1, piece, &[]);
            }
            let shares = prepared.shares.as_ref().map(|shares| &shares.bound);
            let of_face = match quad.kind {
                Kind::SharedFaces => shares,
                _ => quad.face.as_ref(),
            };
            if let Some(face) = of_face {
                pass.set_bind_group(2, face, &[]);
            } else if quad.kind == Kind::SharedFaces {
                continue;
            }
            pass.draw(0..4, 0..1);
        }
    }
}

impl Drop for CanvasCallback {
    fn drop(&mut self) {
        if let Some(shares) = self.prepared.take().and_then(|prepared| prepared.shares) {
            self.pipelines.shares.put_back(shares);
        }
    }
}

impl egui_wgpu::CallbackTrait for CanvasCallback {
    fn prepare(
        &self,
        _device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &egui_wgpu::ScreenDescriptor,
        encoder: &mut wgpu::CommandEncoder,
        _resources: &mut egui_wgpu::CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if self.quads.screen.is_empty() {
            return Vec::new();
        }
        let prepared = self
            .prepared
            .get_or_init(|| self.upload(queue, screen.size_in_pixels));
        let Some(shares) = &prepared.shares else {
            return Vec::new();
        };
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("shares"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &shares.target,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        let region = &prepared.shares_region;
        let origin = Point::new(region.left, region.top);
        self.draw(&mut pass, &self.quads.shares, 0, prepared, (region, origin));
        Vec::new()
    }

    fn paint(
        &self,
        info: PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        _resources: &egui_wgpu::CallbackResources,
    ) {
        let Some(prepared) = self.prepared.get() else {
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
        let clip = clip.intersection(&Rect::new(0.0, 0.0, f64::from(width), f64::from(height)));
        let first = self.quads.shares.len();
        let whole = (&clip, Point::default());
        self.draw(pass, &self.quads.screen, first, prepared, whole);
    }
}
