//! Makes the change of a face on the graphics card: warp, colour and difference at the crop's size,
//! then at the photo's density where that is lower, then reduced levels. What lies outside the mask
//! stays empty and costs nothing.

use eframe::wgpu;

use super::pipelines::{Corner, Pipelines};
use super::textures::{CHANGE_LEVELS, view};
use crate::geometry::{Affine, PixelRect, Rect};
use crate::portrait::warp::WarpMesh;

/// Parameters of a step; `Job` in the shader.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct StepUniform {
    rows: [[f32; 4]; 2],
    size: [f32; 4],
    numbers: [[f32; 4]; 2],
}

/// One step that draws to a texture, within a block of it.
pub struct Step<'a> {
    pub pipeline: &'a wgpu::RenderPipeline,
    /// Bound textures and where.
    pub sources: &'a [(u32, &'a wgpu::TextureView)],
    pub target: &'a wgpu::TextureView,
    pub target_size: (u32, u32),
    pub source_size: (u32, u32),
    pub map: Affine,
    pub block: PixelRect,
    pub has_uniform: bool,
    /// What a step needs besides; its shader says what each means.
    pub numbers: [[f32; 4]; 2],
}

/// Collects steps and hands them to the graphics card.
pub struct Steps<'a> {
    pipelines: &'a Pipelines,
    encoder: wgpu::CommandEncoder,
}

impl<'a> Steps<'a> {
    pub fn new(pipelines: &'a Pipelines) -> Self {
        let encoder = pipelines
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor {
                label: Some("change"),
            });
        Self { pipelines, encoder }
    }

    pub fn submit(self) {
        self.pipelines.queue.submit([self.encoder.finish()]);
    }

    /// Draws to every pixel of the block, after clearing the whole target.
    pub fn fill(&mut self, step: &Step<'_>) {
        self.pass(step, |pass| pass.draw(0..3, 0..1));
    }

    /// Draws triangles.
    pub fn triangles(&mut self, step: &Step<'_>, corners: &[Corner]) {
        let buffer = buffer(
            self.pipelines,
            wgpu::BufferUsages::VERTEX,
            bytemuck::cast_slice(corners),
        );
        let count = corners.len() as u32;
        self.pass(step, |pass| {
            pass.set_vertex_buffer(0, buffer.slice(..));
            pass.draw(0..count, 0..1);
        });
    }

    fn pass(&mut self, step: &Step<'_>, draw: impl FnOnce(&mut wgpu::RenderPass<'_>)) {
        let device = &self.pipelines.device;
        let uniform = StepUniform {
            rows: super::uniform::rows(&step.map),
            size: [
                step.target_size.0 as f32,
                step.target_size.1 as f32,
                step.source_size.0 as f32,
                step.source_size.1 as f32,
            ],
            numbers: step.numbers,
        };
        let uniform = buffer(
            self.pipelines,
            wgpu::BufferUsages::UNIFORM,
            bytemuck::bytes_of(&uniform),
        );
        let mut entries = Vec::new();
        if step.has_uniform {
            entries.push(wgpu::BindGroupEntry {
                binding: 0,
                resource: uniform.as_entire_binding(),
            });
        }
        entries.extend(
            step.sources
                .iter()
                .map(|(binding, view)| wgpu::BindGroupEntry {
                    binding: *binding,
                    resource: wgpu::BindingResource::TextureView(view),
                }),
        );
        let bound = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("change"),
            layout: &step.pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let mut pass = self.encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("change"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: step.target,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        let PixelRect {
            x,
            y,
            width,
            height,
        } = step.block;
        // Without a block the pass only clears.
        if width > 0 && height > 0 {
            pass.set_pipeline(step.pipeline);
            pass.set_bind_group(0, &bound, &[]);
            pass.set_scissor_rect(x, y, width, height);
            draw(&mut pass);
        }
    }

    /// Draws the reduced levels of a change whose finest is there; `block` is where it is not 0.
    pub fn halve(&mut self, change: &wgpu::Texture, block: PixelRect) {
        let steps = &self.pipelines.steps;
        for level in 1..CHANGE_LEVELS {
            let (finer, target) = (view(change, Some(level - 1)), view(change, Some(level)));
            let size = (change.width() >> level, change.height() >> level);
            self.fill(&Step {
                pipeline: match level {
                    1 => &steps.first_half,
                    _ => &steps.next_half,
                },
                sources: &[(1, &finer)],
                target: &target,
                target_size: size,
                source_size: size,
                map: Affine::IDENTITY,
                block: reduced_block(block, level, size),
                has_uniform: false,
                numbers: [[0.0; 4]; 2],
            });
        }
    }
}

/// The pixels of a level that a block of the finest reaches.
fn reduced_block(block: PixelRect, level: u32, size: (u32, u32)) -> PixelRect {
    let (x, y) = (block.x >> level, block.y >> level);
    let end = |end: u32, length: u32| (end.div_ceil(1 << level)).min(length);
    PixelRect {
        x,
        y,
        width: end(block.columns().end, size.0).saturating_sub(x),
        height: end(block.rows().end, size.1).saturating_sub(y),
    }
}

/// The corners of all triangles of a warp, and before them the whole crop (width, height) as it is.
pub fn warp_corners(
    (width, height): (u32, u32),
    mesh: Option<&WarpMesh>,
    strength: f64,
) -> Vec<Corner> {
    let [right, bottom] = [width, height].map(|length| f64::from(length) - 0.5);
    let [upper_left, upper_right, lower_left, lower_right] =
        [(-0.5, -0.5), (right, -0.5), (-0.5, bottom), (right, bottom)];
    let upper = [upper_left, upper_right, lower_left];
    let lower = [lower_left, upper_right, lower_right];
    let whole = upper.into_iter().chain(lower);
    let mut corners: Vec<Corner> = whole.map(|at| corner(at, &Affine::IDENTITY)).collect();
    let Some(mesh) = mesh else {
        return corners;
    };
    for (to, edited_from_warped) in mesh.moved_triangles(strength) {
        corners.extend(to.map(|point| corner((point.x, point.y), &edited_from_warped)));
    }
    corners
}

fn corner((x, y): (f64, f64), map: &Affine) -> Corner {
    Corner {
        at: [x as f32, y as f32],
        edited_from_warped: map.rows.map(|row| row.map(|value| value as f32)),
    }
}

/// The rectangle around the centres of all values that are not 0, in a picture of this width.
pub fn bounds<T>(values: &[T], width: u32, is_set: impl Fn(&T) -> bool) -> Option<Rect> {
    let mut bounds = Rect::around(&[]);
    for (row, y) in values.chunks_exact(width.max(1) as usize).zip(0u32..) {
        let Some(first) = row.iter().position(&is_set) else {
            continue;
        };
        let last = row.iter().rposition(&is_set).unwrap_or(first);
        bounds.left = bounds.left.min(first as f64);
        bounds.right = bounds.right.max(last as f64);
        bounds.top = bounds.top.min(f64::from(y));
        bounds.bottom = f64::from(y);
    }
    (bounds.left <= bounds.right).then_some(bounds)
}

/// The pixels around `bounds` with a margin; none where there are no bounds.
pub fn block_around(bounds: Option<Rect>, margin: f64, (width, height): (u32, u32)) -> PixelRect {
    let block = bounds.and_then(|bounds| bounds.inflated(margin).pixels(width, height));
    block.unwrap_or(PixelRect {
        x: 0,
        y: 0,
        width: 0,
        height: 0,
    })
}

fn buffer(pipelines: &Pipelines, usage: wgpu::BufferUsages, bytes: &[u8]) -> wgpu::Buffer {
    let buffer = pipelines.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("change"),
        size: bytes.len() as u64,
        usage: usage | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    pipelines.queue.write_buffer(&buffer, 0, bytes);
    buffer
}
