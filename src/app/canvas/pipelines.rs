//! The render pipelines of the canvas and the layouts that bind to them.

use std::num::NonZeroU64;

use eframe::wgpu;

use super::shares::SharesPool;
use super::uniform::DrawUniform;

/// Pictures that are computed on the graphics card.
pub const HALF_FLOATS: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;

/// Adds what is drawn to what is there.
const SUM: wgpu::BlendState = {
    let sum = wgpu::BlendComponent {
        src_factor: wgpu::BlendFactor::One,
        dst_factor: wgpu::BlendFactor::One,
        operation: wgpu::BlendOperation::Add,
    };
    wgpu::BlendState {
        color: sum,
        alpha: sum,
    }
};

/// Pipelines, layouts and samplers: made once, shared by everything that the canvas draws.
pub struct Pipelines {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub draw_layout: wgpu::BindGroupLayout,
    pub piece_layout: wgpu::BindGroupLayout,
    pub face_layout: wgpu::BindGroupLayout,
    pub smooth_sampler: wgpu::Sampler,
    pub around: wgpu::RenderPipeline,
    pub photo: wgpu::RenderPipeline,
    pub exact_face: wgpu::RenderPipeline,
    pub smooth_face: wgpu::RenderPipeline,
    /// For changes that may overlap: to their shares.
    pub no_shares: wgpu::RenderPipeline,
    pub add_exact_face: wgpu::RenderPipeline,
    pub add_smooth_face: wgpu::RenderPipeline,
    /// And from there to the screen.
    pub shared_faces: wgpu::RenderPipeline,
    pub overlays: wgpu::RenderPipeline,
    pub shares: SharesPool,
    pub steps: ChangeSteps,
}

/// The steps that make the change of a face.
pub struct ChangeSteps {
    pub colour_minus_crop: wgpu::RenderPipeline,
    pub warp: wgpu::RenderPipeline,
    pub reduce_rows: wgpu::RenderPipeline,
    pub reduce_columns: wgpu::RenderPipeline,
    pub moved: wgpu::RenderPipeline,
    pub first_half: wgpu::RenderPipeline,
    pub next_half: wgpu::RenderPipeline,
}

impl Pipelines {
    pub fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        target_format: wgpu::TextureFormat,
    ) -> Self {
        let uniform = wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: true,
            min_binding_size: NonZeroU64::new(size_of::<DrawUniform>() as u64),
        };
        let filtering = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
        let picture = wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: true },
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        };
        let draw_layout = layout(device, "canvas draw", &[uniform, filtering]);
        let piece_layout = layout(device, "canvas photo", &[picture]);
        let face_layout = layout(device, "canvas face", &[picture; 5]);

        let module = shader(
            device,
            "canvas",
            include_str!("../../../assets/shaders/canvas.wgsl"),
        );
        let of_photo = [Some(&draw_layout), Some(&piece_layout)];
        let of_face = [Some(&draw_layout), Some(&piece_layout), Some(&face_layout)];
        let of_shares = [Some(&draw_layout), Some(&piece_layout), Some(&piece_layout)];
        let quads = |entry: &str, layouts: &[Option<&wgpu::BindGroupLayout>], format, blend| {
            let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(entry),
                bind_group_layouts: layouts,
                immediate_size: 0,
            });
            pipeline(
                device,
                &module,
                ("quad", entry),
                Some(&layout),
                &[],
                wgpu::PrimitiveTopology::TriangleStrip,
                wgpu::ColorTargetState {
                    format,
                    blend,
                    write_mask: wgpu::ColorWrites::ALL,
                },
            )
        };
        let screen = target_format;
        Self {
            around: quads("around", &[Some(&draw_layout)], screen, None),
            photo: quads("photo", &of_photo, screen, None),
            exact_face: quads("exact_face", &of_face, screen, None),
            smooth_face: quads("smooth_face", &of_face, screen, None),
            no_shares: quads("no_shares", &[Some(&draw_layout)], HALF_FLOATS, None),
            add_exact_face: quads("add_exact_face", &of_face, HALF_FLOATS, Some(SUM)),
            add_smooth_face: quads("add_smooth_face", &of_face, HALF_FLOATS, Some(SUM)),
            shared_faces: quads("shared_faces", &of_shares, screen, None),
            overlays: quads(
                "overlays",
                &of_face,
                screen,
                Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
            ),
            shares: SharesPool::default(),
            steps: ChangeSteps::new(device),
            smooth_sampler: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("canvas"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                mipmap_filter: wgpu::MipmapFilterMode::Linear,
                ..Default::default()
            }),
            device: device.clone(),
            queue: queue.clone(),
            draw_layout,
            piece_layout,
            face_layout,
        }
    }

    /// A group of textures for one of the layouts.
    pub fn bind(
        &self,
        layout: &wgpu::BindGroupLayout,
        views: &[&wgpu::TextureView],
    ) -> wgpu::BindGroup {
        let entries: Vec<_> = (0..)
            .zip(views)
            .map(|(binding, view)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::TextureView(view),
            })
            .collect();
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("canvas textures"),
            layout,
            entries: &entries,
        })
    }
}

impl ChangeSteps {
    fn new(device: &wgpu::Device) -> Self {
        let module = shader(
            device,
            "change",
            include_str!("../../../assets/shaders/change.wgsl"),
        );
        let target = || wgpu::ColorTargetState {
            format: HALF_FLOATS,
            blend: None,
            write_mask: wgpu::ColorWrites::ALL,
        };
        let triangles = wgpu::PrimitiveTopology::TriangleList;
        let step = |entry: &str| {
            let entries = ("everywhere", entry);
            pipeline(device, &module, entries, None, &[], triangles, target())
        };
        let corners = wgpu::VertexBufferLayout {
            array_stride: size_of::<Corner>() as u64,
            step_mode: wgpu::VertexStepMode::Vertex,
            attributes: &wgpu::vertex_attr_array![0 => Float32x2, 1 => Float32x3, 2 => Float32x3],
        };
        Self {
            colour_minus_crop: step("colour_minus_crop"),
            warp: pipeline(
                device,
                &module,
                ("corner", "warped"),
                None,
                &[Some(corners)],
                triangles,
                target(),
            ),
            reduce_rows: step("reduced_rows"),
            reduce_columns: step("reduced_columns"),
            moved: step("moved"),
            first_half: step("first_half"),
            next_half: step("next_half"),
        }
    }
}

/// A corner of a triangle of the warp.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Corner {
    /// Where it is drawn, in pixels of the crop.
    pub at: [f32; 2],
    /// The map from the warped to the edited picture.
    pub edited_from_warped: [[f32; 3]; 2],
}

fn layout(
    device: &wgpu::Device,
    label: &str,
    bindings: &[wgpu::BindingType],
) -> wgpu::BindGroupLayout {
    let entries: Vec<_> = (0..)
        .zip(bindings)
        .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
            ty: *ty,
            count: None,
        })
        .collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some(label),
        entries: &entries,
    })
}

/// A shader, with the functions that both have in common.
fn shader(device: &wgpu::Device, name: &str, source: &str) -> wgpu::ShaderModule {
    let sampling = include_str!("../../../assets/shaders/sampling.wgsl");
    device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(name),
        source: wgpu::ShaderSource::Wgsl([sampling, source].join("\n").into()),
    })
}

fn pipeline(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    (vertex, fragment): (&str, &str),
    layout: Option<&wgpu::PipelineLayout>,
    buffers: &[Option<wgpu::VertexBufferLayout<'_>>],
    topology: wgpu::PrimitiveTopology,
    target: wgpu::ColorTargetState,
) -> wgpu::RenderPipeline {
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(fragment),
        layout,
        vertex: wgpu::VertexState {
            module,
            entry_point: Some(vertex),
            buffers,
            compilation_options: wgpu::PipelineCompilationOptions::default(),
        },
        primitive: wgpu::PrimitiveState {
            topology,
            ..Default::default()
        },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module,
            entry_point: Some(fragment),
            targets: &[Some(target)],
            compilation_options: wgpu::PipelineCompilationOptions::default(),
        }),
        multiview_mask: None,
        cache: None,
    })
}
