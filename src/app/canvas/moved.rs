//! The edit of a face by its neck field, drawn on the graphics card as
//! [`PlacedField`](crate::portrait::field::PlacedField) samples it: at the photo's density where the screen
//! shows that much, reduced where it shows less, and only as far as it is in sight.

use eframe::wgpu;

use super::change::{Step, Steps, block_around, bounds};
use super::pipelines::Pipelines;
use super::textures::{
    CHANGE_LEVELS, change_texture, grey_texture, half_texture, is_usable, size_of, view,
    write_grey, write_half,
};
use crate::app::view::{Pane, View};
use crate::geometry::{Affine, PixelRect, Rect};
use crate::portrait::field::share_of_amount;
use crate::portrait::screen::{HalfPicture, ScreenField};

/// The drawn part is this much larger than what is in sight, so that not every step of a pan draws again.
const MARGIN_TEXELS: f64 = 64.0;

/// What of the photo is in sight.
#[derive(Debug, Clone, Copy)]
pub struct Sight {
    /// Screen pixels per photo pixel.
    zoom: f64,
    /// Photo pixels.
    part: Rect,
}

impl Sight {
    /// What these panes show of the photo together.
    pub fn of(photo: &View, panes: &[Pane]) -> Self {
        let parts = panes.iter().filter_map(|pane| {
            let photo_from_screen = photo.screen_from_photo(&pane.area).inverse()?;
            let corners = pane.visible.corners();
            Some(Rect::around(
                &corners.map(|corner| photo_from_screen.apply(corner)),
            ))
        });
        Self {
            zoom: f64::from(photo.zoom),
            part: parts
                .reduce(|all, part| all.union(&part))
                .unwrap_or(Rect::around(&[])),
        }
    }
}

/// The textures of a field.
pub struct MovedTextures {
    pub mask_view: wgpu::TextureView,
    motion: wgpu::TextureView,
    shade: wgpu::TextureView,
    low: wgpu::TextureView,
    /// A part of the photo with its reduced levels; `None` where nothing changes.
    patch: Option<Patch>,
    grid_from_crop: Affine,
    /// Around the mask, in pixels of the crop.
    bounds: Option<Rect>,
    drawn: Option<(Drawn, wgpu::Texture)>,
}

struct Patch {
    texture: wgpu::Texture,
    size: (u32, u32),
    patch_from_photo: Affine,
}

/// What was drawn last.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Drawn {
    share: f32,
    level: u32,
    block: PixelRect,
}

/// A change that was drawn.
pub struct DrawnChange<'a> {
    pub texture: &'a wgpu::Texture,
    /// Width and height in pixels, without padding.
    pub size: (u32, u32),
    /// Around what it changes, in pixels of the crop.
    pub bounds: Rect,
    pub change_from_photo: Affine,
}

impl MovedTextures {
    /// Uploads a field; `None` when its pictures do not fit a crop of this size.
    pub fn new(pipelines: &Pipelines, field: &ScreenField, crop_size: (u32, u32)) -> Option<Self> {
        let pictures = [&field.motion, &field.shade, &field.low];
        let fits = field.mask.dimensions() == crop_size
            && pictures.iter().all(|picture| is_usable(pipelines, picture))
            && field
                .patch
                .as_ref()
                .is_none_or(|patch| is_usable(pipelines, &patch.pixels));
        if !fits {
            return None;
        }
        let uploaded = |picture: &HalfPicture| {
            let texture = half_texture(pipelines, (picture.width, picture.height));
            write_half(pipelines, &texture, picture);
            view(&texture, None)
        };
        let mask = grey_texture(pipelines, crop_size);
        write_grey(pipelines, &mask, &field.mask);
        let patch = field.patch.as_ref().map(|patch| {
            let size = (patch.pixels.width, patch.pixels.height);
            let texture = change_texture(pipelines, size);
            write_half(pipelines, &texture, &patch.pixels);
            let mut steps = Steps::new(pipelines);
            let all = PixelRect {
                x: 0,
                y: 0,
                width: size.0,
                height: size.1,
            };
            steps.halve(&texture, all);
            steps.submit();
            Patch {
                texture,
                size,
                patch_from_photo: patch.patch_from_photo,
            }
        });
        Some(Self {
            mask_view: view(&mask, None),
            motion: uploaded(&field.motion),
            shade: uploaded(&field.shade),
            low: uploaded(&field.low),
            patch,
            grid_from_crop: field.grid_from_crop,
            bounds: bounds(field.mask.as_raw(), crop_size.0, |value| *value > 0),
            drawn: None,
        })
    }

    /// Draws the change at an amount (per cent), unless it is there already; `None` where there is none, or
    /// none in sight.
    pub fn draw(
        &mut self,
        pipelines: &Pipelines,
        amount: f32,
        sight: &Sight,
        (photo_from_crop, crop_from_photo): (Affine, Affine),
    ) -> Option<DrawnChange<'_>> {
        let share = share_of_amount(amount);
        let (patch, bounds) = (self.patch.as_ref()?, self.bounds?.inflated(1.0));
        if share == 0.0 {
            return None;
        }
        // As many pixels as the screen shows, or up to twice as many.
        let texels_a_pixel = patch.patch_from_photo.scale() / sight.zoom;
        let level = texels_a_pixel.log2().max(0.0) as u32;
        let level = level.min(CHANGE_LEVELS - 1);
        let texel_from_patch = Affine::resize(f64::from(1_u32 << level).recip());
        let texel_from_photo = texel_from_patch * patch.patch_from_photo;
        let size = (patch.size.0 >> level, patch.size.1 >> level);
        let in_texels = |rect: &Rect, map: &Affine| {
            Rect::around(&rect.corners().map(|corner| map.apply(corner)))
        };
        let of_mask = in_texels(&bounds, &(texel_from_photo * photo_from_crop));
        let in_sight = in_texels(&sight.part, &texel_from_photo);
        // In steps, so that a pan draws again only now and then.
        let stepped = Rect::new(
            (in_sight.left / MARGIN_TEXELS).floor() * MARGIN_TEXELS,
            (in_sight.top / MARGIN_TEXELS).floor() * MARGIN_TEXELS,
            (in_sight.right / MARGIN_TEXELS).ceil() * MARGIN_TEXELS,
            (in_sight.bottom / MARGIN_TEXELS).ceil() * MARGIN_TEXELS,
        );
        let part = of_mask.intersection(&stepped.inflated(MARGIN_TEXELS));
        if !(part.width() > 0.0 && part.height() > 0.0) {
            return None;
        }
        let block = block_around(Some(part), 1.0, size);
        let wanted = Drawn {
            share,
            level,
            block,
        };
        if self.drawn.as_ref().map(|(drawn, _)| *drawn) != Some(wanted) {
            let texture = match self.drawn.take() {
                Some((drawn, texture)) if drawn.level == level => texture,
                _ => change_texture(pipelines, size),
            };
            let crop_from_texel = crop_from_photo * texel_from_photo.inverse()?;
            self.draw_block(pipelines, &texture, wanted, size, &crop_from_texel)?;
            self.drawn = Some((wanted, texture));
        }
        let (_, texture) = self.drawn.as_ref()?;
        Some(DrawnChange {
            texture,
            size,
            bounds,
            change_from_photo: texel_from_photo,
        })
    }

    fn draw_block(
        &self,
        pipelines: &Pipelines,
        texture: &wgpu::Texture,
        wanted: Drawn,
        size: (u32, u32),
        crop_from_texel: &Affine,
    ) -> Option<()> {
        let patch = self.patch.as_ref()?;
        let [[a, b, _], [c, d, _]] = crop_from_texel.inverse()?.rows;
        let [[scale, _, offset], _] = self.grid_from_crop.rows;
        let mut steps = Steps::new(pipelines);
        steps.fill(&Step {
            pipeline: &pipelines.steps.moved,
            sources: &[
                (1, &view(&patch.texture, Some(wanted.level))),
                (2, &self.low),
                (3, &self.motion),
                (4, &self.mask_view),
                (5, &self.shade),
            ],
            target: &view(texture, Some(0)),
            target_size: size_of(texture),
            source_size: size,
            map: *crop_from_texel,
            block: wanted.block,
            has_uniform: true,
            numbers: [
                [a, b, c, d].map(|value| value as f32),
                [scale as f32, offset as f32, wanted.share, 0.0],
            ],
        });
        steps.halve(texture, wanted.block);
        steps.submit();
        Some(())
    }
}
