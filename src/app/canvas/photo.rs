//! The photo as textures: tiles of full resolution with their first reduced levels, and one reduced
//! copy of the whole, which is there first and serves smaller zooms. All are in sRGB, whatever the
//! photo's space.
//!
//! Tiles overlap by as much as a bilinear tap of their coarsest level reaches, and all levels lie on
//! one grid of the whole photo, so no seam shows between tiles.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use eframe::wgpu;
use image::DynamicImage;

use super::pipelines::Pipelines;
use super::pyramid::Block;
use super::textures::photo_texture;
use crate::geometry::{Point, Rect};
use crate::photo::{ColourSpace, Photo};

/// Photo pixels a side that become one in the reduced copy.
const REDUCTION: u32 = 8;
/// Levels of a tile: full resolution, and each half of the one before down to the reduced copy's.
const TILE_LEVELS: u32 = REDUCTION.ilog2() + 1;
/// Levels of the reduced copy.
const COARSE_LEVELS: u32 = 5;
/// How far a tile goes on beyond the part that it stands for, in photo pixels.
const GUTTER: u32 = REDUCTION;
/// Largest side of a tile's texture in pixels.
pub const LARGEST_TILE: u32 = 4096;
/// Bytes that are handed to the graphics card at a time.
const CHUNK_BYTES: usize = 4 << 20;

/// A photo on its way to the graphics card, or there.
pub struct PhotoTextures {
    /// Width and height in pixels.
    pub size: (u32, u32),
    pub coarse: OnceLock<Piece>,
    pub tiles: Vec<Tile>,
    superseded: AtomicBool,
}

/// A tile, and its textures once they are there.
pub struct Tile {
    place: Place,
    pub piece: OnceLock<Piece>,
}

/// A texture that shows a part of the photo.
pub struct Piece {
    /// Its texture.
    pub bound: wgpu::BindGroup,
    /// The photo pixel that lies in the middle of the first pixel of full resolution.
    pub origin: Point,
    /// Size of what the texture shows, in photo pixels.
    pub size: (f64, f64),
    /// The part of the photo that it stands for, by its edges.
    pub content: Rect,
    /// Its level of detail is this much coarser than the photo's.
    pub level: f64,
}

/// Where a tile lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl Place {
    /// Tiles of at most `limit` pixels a side, overlap included.
    fn all((width, height): (u32, u32), limit: u32) -> Vec<Self> {
        let side = limit.saturating_sub(2 * GUTTER) / REDUCTION * REDUCTION;
        let side = side.max(REDUCTION);
        let starts = |length: u32| (0..length).step_by(side as usize);
        starts(height)
            .flat_map(|y| starts(width).map(move |x| (x, y)))
            .map(|(x, y)| Self {
                x,
                y,
                width: side.min(width - x),
                height: side.min(height - y),
            })
            .collect()
    }

    /// Width and height of the texture.
    fn texture_size(&self) -> (u32, u32) {
        let padded = |length: u32| length.next_multiple_of(REDUCTION) + 2 * GUTTER;
        (padded(self.width), padded(self.height))
    }

    /// The photo pixel in the texture's first.
    fn origin(&self) -> (i64, i64) {
        let before = |start: u32| i64::from(start) - i64::from(GUTTER);
        (before(self.x), before(self.y))
    }
}

impl PhotoTextures {
    /// Begins to upload a photo in a thread. `wake` is called whenever there is more to show.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn upload(
        pipelines: Arc<Pipelines>,
        photo: Arc<Photo>,
        tile_limit: u32,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> std::io::Result<Arc<Self>> {
        let pixels = photo.pixels();
        let size = (pixels.width(), pixels.height());
        let textures = Arc::new(Self {
            size,
            coarse: OnceLock::new(),
            tiles: Place::all(size, tile_limit)
                .into_iter()
                .map(|place| Tile {
                    place,
                    piece: OnceLock::new(),
                })
                .collect(),
            superseded: AtomicBool::new(false),
        });
        let thread = std::thread::Builder::new().name("photo upload".to_owned());
        let uploaded = textures.clone();
        thread.spawn(move || uploaded.run(&pipelines, &photo, wake.as_ref()))?;
        Ok(textures)
    }

    /// Whether every tile is there.
    pub fn is_full(&self) -> bool {
        self.tiles.iter().all(|tile| tile.piece.get().is_some())
    }

    /// Stops the upload.
    pub fn supersede(&self) {
        self.superseded.store(true, Ordering::Relaxed);
    }

    fn run(&self, pipelines: &Pipelines, photo: &Photo, wake: &(dyn Fn() + Send + Sync)) {
        if self.size.0 == 0 || self.size.1 == 0 {
            return;
        }
        let (photo, space) = (photo.pixels(), ColourSpace::of(photo));
        self.upload_coarse(pipelines, photo, &space);
        wake();
        for tile in &self.tiles {
            if self.superseded.load(Ordering::Relaxed) {
                return;
            }
            self.upload_tile(pipelines, photo, &space, tile);
            wake();
        }
    }

    fn upload_coarse(&self, pipelines: &Pipelines, photo: &DynamicImage, space: &ColourSpace) {
        let multiple = 1 << (COARSE_LEVELS - 1);
        let mut block = Block::reduced(photo, space, REDUCTION, multiple);
        let size = (block.width as u32, block.height() as u32);
        let largest = pipelines.device.limits().max_texture_dimension_2d;
        if size.0.max(size.1) > largest {
            return;
        }
        let texture = photo_texture(pipelines, size, COARSE_LEVELS);
        for level in 0..COARSE_LEVELS {
            write(pipelines, &texture, level, 0, &block);
            block = block.halved();
        }
        let piece = Piece::new(
            pipelines,
            &texture,
            (0, 0),
            size,
            REDUCTION,
            Place {
                x: 0,
                y: 0,
                width: self.size.0,
                height: self.size.1,
            },
        );
        // Only this thread sets it, once.
        let _ = self.coarse.set(piece);
    }

    fn upload_tile(
        &self,
        pipelines: &Pipelines,
        photo: &DynamicImage,
        space: &ColourSpace,
        tile: &Tile,
    ) {
        let size = tile.place.texture_size();
        let texture = photo_texture(pipelines, size, TILE_LEVELS);
        let (left, top) = tile.place.origin();
        let rows = (CHUNK_BYTES / (4 * size.0 as usize)) as u32 / REDUCTION * REDUCTION;
        let rows = rows.max(REDUCTION);
        for first in (0..size.1).step_by(rows as usize) {
            if self.superseded.load(Ordering::Relaxed) {
                return;
            }
            let end = (first + rows).min(size.1);
            let mut block = Block::cut(
                photo,
                space,
                left..left + i64::from(size.0),
                top + i64::from(first)..top + i64::from(end),
            );
            for level in 0..TILE_LEVELS {
                write(pipelines, &texture, level, first >> level, &block);
                block = block.halved();
            }
            // Hands the chunk over, so that its memory does not add up.
            pipelines.queue.submit([]);
        }
        let piece = Piece::new(pipelines, &texture, (left, top), size, 1, tile.place);
        // Only this thread sets it, once.
        let _ = tile.piece.set(piece);
    }
}

impl Piece {
    fn new(
        pipelines: &Pipelines,
        texture: &wgpu::Texture,
        origin: (i64, i64),
        size: (u32, u32),
        reduction: u32,
        content: Place,
    ) -> Self {
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let factor = f64::from(reduction);
        let (left, top) = (f64::from(content.x) - 0.5, f64::from(content.y) - 0.5);
        Self {
            bound: pipelines.bind(&pipelines.piece_layout, &[&view]),
            origin: Point::new(origin.0 as f64, origin.1 as f64),
            size: (f64::from(size.0) * factor, f64::from(size.1) * factor),
            content: Rect::new(
                left,
                top,
                left + f64::from(content.width),
                top + f64::from(content.height),
            ),
            level: f64::from(reduction.ilog2()),
        }
    }

    /// Whether tiles of full resolution still show as much as is needed at this level of detail.
    pub fn tiles_serve(level: f64) -> bool {
        level <= f64::from(TILE_LEVELS - 1)
    }
}

/// Writes rows of a level, from `first_row` on.
fn write(
    pipelines: &Pipelines,
    texture: &wgpu::Texture,
    level: u32,
    first_row: u32,
    block: &Block,
) {
    let (width, height) = (block.width as u32, block.height() as u32);
    if width == 0 || height == 0 {
        return;
    }
    pipelines.queue.write_texture(
        wgpu::TexelCopyTextureInfo {
            texture,
            mip_level: level,
            origin: wgpu::Origin3d {
                x: 0,
                y: first_row,
                z: 0,
            },
            aspect: wgpu::TextureAspect::All,
        },
        block.pixels.as_flattened(),
        wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(width * 4),
            rows_per_image: None,
        },
        wgpu::Extent3d {
            width,
            height,
            depth_or_array_layers: 1,
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_photo_once_and_stay_within_the_limit() {
        for (size, limit) in [
            ((6000, 4000), 4096),
            ((97, 61), 64),
            ((5, 3), 64),
            ((7, 9), 1),
        ] {
            let places = Place::all(size, limit);
            let area: u64 = places
                .iter()
                .map(|place| u64::from(place.width) * u64::from(place.height))
                .sum();
            assert_eq!(area, u64::from(size.0) * u64::from(size.1));
            for place in places {
                let texture = place.texture_size();
                assert!(texture.0.max(texture.1) <= limit.max(3 * REDUCTION));
                // All levels lie on one grid.
                assert_eq!((place.x % REDUCTION, place.y % REDUCTION), (0, 0));
            }
        }
        assert!(Place::all((0, 5), 64).is_empty());
    }
}
