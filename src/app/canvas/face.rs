//! The textures of a face: its crop, its exact edit, and its keyframes.

use std::sync::{Arc, Weak};

use eframe::wgpu;

use super::blend::Blend;
use super::change::{Step, Steps, block_around, bounds, warp_corners};
use super::keyframe::UploadedKeyframe;
use super::moved::{MovedTextures, Sight};
use super::pipelines::Pipelines;
use super::textures::{
    change_texture, drawn_texture, grey_texture, half_texture, is_usable, size_of, view,
    write_grey, write_half,
};
use crate::geometry::{Affine, PixelRect, Rect};
use crate::portrait::colour::ColourField;
use crate::portrait::screen::{HalfPicture, Keyframe, ScreenCrop, ScreenEdit, ScreenFrame};
use crate::portrait::warp::WarpMesh;

/// A face on the graphics card.
pub struct Face {
    /// What was uploaded: only to know it again, not to keep it in memory.
    source: Weak<ScreenCrop>,
    /// Width and height of the crop in pixels.
    pub size: (u32, u32),
    photo_from_crop: Affine,
    crop_from_photo: Affine,
    is_grey: bool,
    crop_view: wgpu::TextureView,
    labels_view: wgpu::TextureView,
    edit: Option<Edit>,
    field: Option<MovedTextures>,
    keyframes: Vec<UploadedKeyframe>,
}

/// The exact edit.
struct Edit {
    mesh: Option<WarpMesh>,
    strength: f64,
    grain: f32,
    /// Around the mask, in pixels of the crop.
    bounds: Option<Rect>,
    /// The warp strength that the change was drawn with.
    drawn: Option<f64>,
    textures: EditTextures,
}

/// Its textures, used again for the next edit.
struct EditTextures {
    edited: wgpu::Texture,
    mask: wgpu::Texture,
    base: wgpu::Texture,
    /// The change at the crop's size and its rows at the photo's density, where the crop is denser.
    full: Option<(wgpu::Texture, wgpu::Texture)>,
    change: wgpu::Texture,
    /// For the shader that draws it.
    bound: wgpu::BindGroup,
}

/// A change that is ready to be drawn.
pub struct DeltaTexture {
    pub bound: wgpu::BindGroup,
    /// Around what it changes, in pixels of the crop.
    pub bounds: Rect,
    pub photo_from_crop: Affine,
    pub crop_from_photo: Affine,
    /// From pixels of the photo to pixels of the change.
    pub change_from_photo: Affine,
    /// Width and height in pixels, without padding.
    pub size: (u32, u32),
    pub texture_size: (u32, u32),
    /// Weights of both differences and both opacities.
    pub weights: [f32; 4],
    /// Whether only luminance may change.
    pub is_grey: bool,
    pub kind: DeltaKind,
}

impl DeltaTexture {
    /// The upright rectangle of the photo around what it changes.
    pub fn bounds_in_photo(&self) -> Rect {
        let corners = self.bounds.corners();
        Rect::around(&corners.map(|corner| self.photo_from_crop.apply(corner)))
    }
}

/// How a change is to be added.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DeltaKind {
    /// Blended from keyframes.
    Preview,
    /// As the export does it; the photo is the denser one, and detail beyond the crop is held within
    /// a multiple of the grain.
    PhotoDenser {
        /// Its standard deviation.
        grain: f32,
    },
    /// As the export does it, reduced to the photo's density.
    CropDenser,
}

impl Face {
    /// Uploads a crop; `None` when its pictures or its place cannot be used.
    pub fn new(pipelines: &Pipelines, crop: &Arc<ScreenCrop>) -> Option<Self> {
        let labels = crop.labels.as_ref();
        let largest = pipelines.device.limits().max_texture_dimension_2d;
        let usable = is_usable(pipelines, &crop.crop)
            && (1..=largest).contains(&labels.width())
            && (1..=largest).contains(&labels.height());
        let crop_from_photo = crop.photo_from_crop.inverse().filter(|_| usable)?;
        let size = (crop.crop.width, crop.crop.height);
        let picture = half_texture(pipelines, size);
        write_half(pipelines, &picture, &crop.crop);
        let labels_texture = grey_texture(pipelines, labels.dimensions());
        write_grey(pipelines, &labels_texture, labels);
        Some(Self {
            size,
            photo_from_crop: crop.photo_from_crop,
            crop_from_photo,
            is_grey: crop.is_grey,
            crop_view: view(&picture, None),
            labels_view: view(&labels_texture, None),
            edit: None,
            field: None,
            keyframes: Vec::new(),
            source: Arc::downgrade(crop),
        })
    }

    /// Whether this is the crop that was uploaded.
    pub fn is_of(&self, crop: &Arc<ScreenCrop>) -> bool {
        self.source.as_ptr() == Arc::as_ptr(crop)
    }

    /// Uploads an exact edit. `false` when its pictures do not have the crop's size.
    pub fn set_frame(&mut self, pipelines: &Pipelines, frame: &ScreenFrame) -> bool {
        match frame {
            ScreenFrame::Redrawn(edit) => {
                self.field = None;
                self.set_edit(pipelines, edit)
            }
            ScreenFrame::Moved(field) => {
                self.edit = None;
                self.field = MovedTextures::new(pipelines, field, self.size);
                self.field.is_some()
            }
        }
    }

    fn set_edit(&mut self, pipelines: &Pipelines, frame: &ScreenEdit) -> bool {
        let edited = &frame.edited;
        let cells = frame.colour.cells.dimensions();
        let fits = (edited.width, edited.height) == self.size
            && is_usable(pipelines, edited)
            && frame.mask.dimensions() == self.size
            && cells.0.min(cells.1) > 0
            && cells.0.max(cells.1) <= self.size.0.max(self.size.1);
        if !fits {
            return false;
        }
        let textures = match self.edit.take() {
            Some(edit) => edit.textures,
            None => self.edit_textures(pipelines),
        };
        write_half(pipelines, &textures.edited, edited);
        write_grey(pipelines, &textures.mask, &frame.mask);
        let edit = Edit {
            bounds: bounds(frame.mask.as_raw(), self.size.0, |value| *value > 0),
            drawn: None,
            textures,
            mesh: frame.mesh.clone(),
            strength: frame.strength,
            grain: frame.grain,
        };
        self.draw_base(pipelines, &edit, &frame.colour);
        self.edit = Some(edit);
        true
    }

    /// Uploads the keyframes that are not there yet and forgets those that are not named.
    pub fn set_keyframes(&mut self, pipelines: &Pipelines, keyframes: &[Arc<Keyframe>]) {
        let mut before = std::mem::take(&mut self.keyframes);
        let mut steps = None;
        for keyframe in keyframes {
            let known = before
                .iter()
                .position(|other| other.source.as_ptr() == Arc::as_ptr(keyframe));
            if let Some(index) = known {
                self.keyframes.push(before.swap_remove(index));
            } else if keyframe.amount.is_finite() && is_usable(pipelines, &keyframe.change) {
                let steps = steps.get_or_insert_with(|| Steps::new(pipelines));
                let uploaded = UploadedKeyframe::new(pipelines, steps, keyframe);
                self.keyframes.push(uploaded);
            }
        }
        if let Some(steps) = steps {
            steps.submit();
        }
        self.keyframes.sort_by(|a, b| a.amount.total_cmp(&b.amount));
    }

    /// Whether the crop has more pixels than the photo where it lies.
    fn is_denser(&self) -> bool {
        self.crop_from_photo.scale() > 1.0
    }

    /// The size of the exact change: no denser than the photo.
    fn change_size(&self) -> (u32, u32) {
        let scale = self.crop_from_photo.scale().max(1.0);
        let reduced = |length: u32| ((f64::from(length) / scale).round() as u32).max(1);
        (reduced(self.size.0), reduced(self.size.1))
    }

    fn edit_textures(&self, pipelines: &Pipelines) -> EditTextures {
        let size = self.change_size();
        let mask = grey_texture(pipelines, self.size);
        let change = change_texture(pipelines, size);
        EditTextures {
            edited: half_texture(pipelines, self.size),
            base: drawn_texture(pipelines, self.size, 1),
            full: self.is_denser().then(|| {
                (
                    drawn_texture(pipelines, self.size, 1),
                    drawn_texture(pipelines, (self.size.0, size.1), 1),
                )
            }),
            bound: self.bind(pipelines, &view(&change, None), None, &view(&mask, None)),
            mask,
            change,
        }
    }

    fn bind(
        &self,
        pipelines: &Pipelines,
        change: &wgpu::TextureView,
        other: Option<&wgpu::TextureView>,
        mask: &wgpu::TextureView,
    ) -> wgpu::BindGroup {
        let views = [
            change,
            other.unwrap_or(change),
            mask,
            &self.crop_view,
            &self.labels_view,
        ];
        pipelines.bind(&pipelines.face_layout, &views)
    }

    /// How far beyond the mask the change must be known, in pixels of the crop: as far as the filter
    /// of a reduction and the taps after it reach.
    fn margin(&self) -> f64 {
        5.0 * self.crop_from_photo.scale().max(1.0) + 3.0
    }

    fn draw_base(&self, pipelines: &Pipelines, edit: &Edit, field: &ColourField) {
        let cells = HalfPicture::opaque(&field.cells);
        let cells_texture = half_texture(pipelines, (cells.width, cells.height));
        write_half(pipelines, &cells_texture, &cells);
        let mut steps = Steps::new(pipelines);
        steps.fill(&Step {
            pipeline: &pipelines.steps.colour_minus_crop,
            sources: &[
                (2, &self.crop_view),
                (3, &view(&cells_texture, None)),
                (4, &view(&edit.textures.mask, None)),
            ],
            target: &view(&edit.textures.base, None),
            target_size: self.size,
            source_size: self.size,
            map: field.cells_from_crop,
            block: block_around(edit.bounds, self.margin(), self.size),
            has_uniform: true,
            numbers: [[0.0; 4]; 2],
        });
        steps.submit();
    }

    /// The exact change with this warp strength, or that of its frame. `None` without a frame.
    pub fn exact(&mut self, pipelines: &Pipelines, strength: Option<f64>) -> Option<DeltaTexture> {
        let mut edit = self.edit.take()?;
        let strength = strength.unwrap_or(edit.strength);
        let strength = match strength.is_finite() {
            true => strength.clamp(0.0, 1.0),
            false => 0.0,
        };
        if edit.drawn != Some(strength) && edit.bounds.is_some() {
            self.draw_change(pipelines, &edit, strength);
            edit.drawn = Some(strength);
        }
        let size = self.change_size();
        let change = edit.bounds.map(|bounds| DeltaTexture {
            bound: edit.textures.bound.clone(),
            bounds: bounds.inflated(1.0),
            photo_from_crop: self.photo_from_crop,
            crop_from_photo: self.crop_from_photo,
            change_from_photo: Affine::resize_between(self.size, size) * self.crop_from_photo,
            size,
            texture_size: size_of(&edit.textures.change),
            weights: [1.0, 0.0, 1.0, 0.0],
            is_grey: self.is_grey,
            kind: match self.is_denser() {
                true => DeltaKind::CropDenser,
                false => DeltaKind::PhotoDenser { grain: edit.grain },
            },
        });
        self.edit = Some(edit);
        change
    }

    /// The change by the neck field at an amount, drawn as far as it is in sight. `None` without a field, or
    /// where nothing of it can be seen.
    pub fn moved(
        &mut self,
        pipelines: &Pipelines,
        amount: f32,
        sight: &Sight,
    ) -> Option<DeltaTexture> {
        let mut field = self.field.take()?;
        let crop_from_photo = self.crop_from_photo;
        let places = (self.photo_from_crop, crop_from_photo);
        let mask = field.mask_view.clone();
        let drawn = field.draw(pipelines, amount, sight, places);
        let change = drawn.map(|drawn| DeltaTexture {
            bound: self.bind(pipelines, &view(drawn.texture, None), None, &mask),
            bounds: drawn.bounds,
            photo_from_crop: self.photo_from_crop,
            crop_from_photo,
            change_from_photo: drawn.change_from_photo,
            size: drawn.size,
            texture_size: size_of(drawn.texture),
            weights: [1.0, 0.0, 1.0, 0.0],
            is_grey: self.is_grey,
            kind: DeltaKind::CropDenser,
        });
        self.field = Some(field);
        change
    }

    fn draw_change(&self, pipelines: &Pipelines, edit: &Edit, strength: f64) {
        let (passes, textures) = (&pipelines.steps, &edit.textures);
        let mut steps = Steps::new(pipelines);
        let block = block_around(edit.bounds, self.margin(), self.size);
        let finest = view(&textures.change, Some(0));
        let warped = match &textures.full {
            Some((full, _)) => view(full, None),
            None => finest.clone(),
        };
        let warp = Step {
            pipeline: &passes.warp,
            sources: &[
                (1, &view(&textures.edited, None)),
                (5, &view(&textures.base, None)),
            ],
            target: &warped,
            target_size: match &textures.full {
                Some(_) => self.size,
                None => size_of(&textures.change),
            },
            source_size: self.size,
            map: Affine::IDENTITY,
            block,
            has_uniform: true,
            numbers: [[0.0; 4]; 2],
        };
        steps.triangles(
            &warp,
            &warp_corners(self.size, edit.mesh.as_ref(), strength),
        );
        let mut changed = block;
        if let Some((_, rows)) = &textures.full {
            let size = self.change_size();
            let change_from_crop = Affine::resize_between(self.size, size);
            let bounds = edit.bounds.map(|bounds| {
                let corners = bounds.corners();
                Rect::around(&corners.map(|corner| change_from_crop.apply(corner)))
            });
            changed = block_around(bounds, 6.0, size);
            steps.fill(&Step {
                pipeline: &passes.reduce_rows,
                sources: &[(1, &warped)],
                target: &view(rows, None),
                target_size: size_of(rows),
                source_size: (self.size.0, self.size.1),
                map: Affine::IDENTITY,
                block: PixelRect {
                    y: changed.y,
                    height: changed.height,
                    ..block
                },
                has_uniform: true,
                numbers: [[0.0; 4]; 2],
            });
            steps.fill(&Step {
                pipeline: &passes.reduce_columns,
                sources: &[(1, &view(rows, None))],
                target: &finest,
                target_size: size,
                source_size: size_of(rows),
                map: Affine::IDENTITY,
                block: changed,
                has_uniform: true,
                numbers: [[0.0; 4]; 2],
            });
        }
        steps.halve(&textures.change, changed);
        steps.submit();
    }

    /// The change at an amount, blended from the nearest keyframes; beyond the last one it stays.
    /// `None` without keyframes, and where they change nothing.
    pub fn preview(&self, pipelines: &Pipelines, amount: f32) -> Option<DeltaTexture> {
        let blend = Blend::at(
            self.keyframes.iter().map(|keyframe| keyframe.amount),
            amount,
        )?;
        let (first, other) = (
            self.keyframes.get(blend.first)?,
            self.keyframes.get(blend.other)?,
        );
        let one_size = first.size == other.size;
        let (first, other, weights) = match one_size {
            true => (first, other, blend.weights),
            // Keyframes of one crop have one size; if not, the nearer one has to do.
            false if blend.weights[2] >= 0.5 => (first, first, [1.0, 0.0, 1.0, 0.0]),
            false => (other, other, [1.0, 0.0, 1.0, 0.0]),
        };
        let factor = (self.size.0 / first.size.0).max(1);
        let crop_from_keyframe = Affine::resize(f64::from(factor));
        let both: Vec<_> = [first.bounds, other.bounds]
            .into_iter()
            .flatten()
            .flat_map(|bounds| bounds.inflated(1.0).corners())
            .map(|corner| crop_from_keyframe.apply(corner))
            .collect();
        if both.is_empty() {
            return None;
        }
        let mask = match &self.edit {
            Some(edit) => view(&edit.textures.mask, None),
            // The preview's opacity is that of the keyframes.
            None => self.labels_view.clone(),
        };
        Some(DeltaTexture {
            bound: self.bind(pipelines, &first.change, Some(&other.change), &mask),
            bounds: Rect::around(&both),
            photo_from_crop: self.photo_from_crop,
            crop_from_photo: self.crop_from_photo,
            change_from_photo: Affine::resize(f64::from(factor).recip()) * self.crop_from_photo,
            size: first.size,
            texture_size: first.texture_size,
            weights,
            is_grey: self.is_grey,
            kind: DeltaKind::Preview,
        })
    }

    /// The largest amount of a keyframe; `None` without keyframes.
    pub fn largest_amount(&self) -> Option<f32> {
        self.keyframes.last().map(|last| last.amount)
    }

    /// The textures that overlays need where there is no change.
    pub fn without_change(&self, pipelines: &Pipelines) -> DeltaTexture {
        DeltaTexture {
            bound: self.bind(pipelines, &self.crop_view, None, &self.labels_view),
            bounds: Rect::around(&[]),
            photo_from_crop: self.photo_from_crop,
            crop_from_photo: self.crop_from_photo,
            change_from_photo: self.crop_from_photo,
            size: self.size,
            texture_size: self.size,
            weights: [0.0; 4],
            is_grey: self.is_grey,
            kind: DeltaKind::Preview,
        }
    }
}
