//! Small helpers around textures.

use eframe::wgpu;
use half::f16;
use image::GrayImage;

use super::pipelines::{HALF_FLOATS, Pipelines};
use crate::portrait::screen::HalfPicture;

/// Reduced levels of a change, the finest included.
pub const CHANGE_LEVELS: u32 = 6;

/// A texture that steps draw to and shaders read.
pub fn drawn_texture(pipelines: &Pipelines, size: (u32, u32), levels: u32) -> wgpu::Texture {
    let usage = wgpu::TextureUsages::RENDER_ATTACHMENT;
    texture(pipelines, size, levels, HALF_FLOATS, usage)
}

/// A texture for a change of this size: padded, so that each level is half the one before.
pub fn change_texture(pipelines: &Pipelines, size: (u32, u32)) -> wgpu::Texture {
    let padded = |length: u32| length.next_multiple_of(1 << (CHANGE_LEVELS - 1));
    drawn_texture(pipelines, (padded(size.0), padded(size.1)), CHANGE_LEVELS)
}

/// An empty texture for pictures of half floats.
pub fn half_texture(pipelines: &Pipelines, size: (u32, u32)) -> wgpu::Texture {
    let usage = wgpu::TextureUsages::empty();
    texture(pipelines, size, 1, HALF_FLOATS, usage)
}

/// An empty texture for grey pictures of 8 bits.
pub fn grey_texture(pipelines: &Pipelines, size: (u32, u32)) -> wgpu::Texture {
    let usage = wgpu::TextureUsages::empty();
    texture(pipelines, size, 1, wgpu::TextureFormat::R8Unorm, usage)
}

/// An empty texture for parts of a photo, with mip levels.
pub fn photo_texture(pipelines: &Pipelines, size: (u32, u32), levels: u32) -> wgpu::Texture {
    let usage = wgpu::TextureUsages::empty();
    texture(
        pipelines,
        size,
        levels,
        wgpu::TextureFormat::Rgba8Unorm,
        usage,
    )
}

fn texture(
    pipelines: &Pipelines,
    (width, height): (u32, u32),
    levels: u32,
    format: wgpu::TextureFormat,
    usage: wgpu::TextureUsages,
) -> wgpu::Texture {
    pipelines.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("picture"),
        size: wgpu::Extent3d {
            width,
            height,
            depth_or_array_layers: 1,
        },
        mip_level_count: levels,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: usage | wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

/// All levels, or one of them.
pub fn view(texture: &wgpu::Texture, level: Option<u32>) -> wgpu::TextureView {
    texture.create_view(&wgpu::TextureViewDescriptor {
        base_mip_level: level.unwrap_or(0),
        mip_level_count: level.map(|_| 1),
        ..Default::default()
    })
}

/// Whether the picture has as many pixels as it says, at least one, and a texture can hold it.
pub fn is_usable(pipelines: &Pipelines, picture: &HalfPicture) -> bool {
    let (width, height) = (picture.width, picture.height);
    let largest = pipelines.device.limits().max_texture_dimension_2d - (1 << CHANGE_LEVELS);
    (1..=largest).contains(&width)
        && (1..=largest).contains(&height)
        && picture.texels.len() == width as usize * height as usize
}

/// Copies a picture into the texture's finest level.
pub fn write_half(pipelines: &Pipelines, texture: &wgpu::Texture, picture: &HalfPicture) {
    let bytes = bytemuck::cast_slice::<[f16; 4], u8>(&picture.texels);
    write(
        pipelines,
        texture,
        bytes,
        (picture.width, picture.height),
        8,
    );
}

/// Copies a grey picture into the texture.
pub fn write_grey(pipelines: &Pipelines, texture: &wgpu::Texture, picture: &GrayImage) {
    write(
        pipelines,
        texture,
        picture.as_raw(),
        picture.dimensions(),
        1,
    );
}

fn write(
    pipelines: &Pipelines,
    texture: &wgpu::Texture,
    bytes: &[u8],
    (width, height): (u32, u32),
    bytes_a_pixel: u32,
) {
    pipelines.queue.write_texture(
        texture.as_image_copy(),
        bytes,
        wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(width * bytes_a_pixel),
            rows_per_image: None,
        },
        wgpu::Extent3d {
            width,
            height,
            depth_or_array_layers: 1,
        },
    );
}

/// Width and height in pixels.
pub fn size_of(texture: &wgpu::Texture) -> (u32, u32) {
    (texture.width(), texture.height())
}
