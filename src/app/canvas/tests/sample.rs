//! A photo with noise and outlines, and an edit that moves, tints and covers.

use super::*;

use image::{GrayImage, Luma, Rgb, Rgb32FImage};
use ndarray::Array3;

use crate::geometry::Landmarks;
use crate::photo::colour::tests::{display_p3, with_profile};
use crate::photo::{ColourSpace, Metadata};
use crate::portrait::colour::ColourField;
use crate::portrait::field::{FieldEdit, FieldValues, NeckField, PullField};
use crate::portrait::labels::ParsedLabels;
use crate::portrait::paste::{CropChange, PhotoEdit, grain};
use crate::portrait::resample;
use crate::portrait::screen::{HalfPicture, ScreenEdit, ScreenField};
use crate::portrait::warp::{Pull, WarpMesh};

/// Side of the crop in pixels.
pub const SIZE: u32 = 256;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Depth {
    Eight,
    Sixteen,
    Grey,
    /// Grey pixels in three channels.
    GreyInColour,
    /// 16 bits in Display P3.
    DisplayP3,
}

impl Depth {
    /// What the photo's file says.
    pub fn metadata(self) -> Metadata {
        match self {
            Self::DisplayP3 => with_profile(&display_p3()),
            _ => Metadata::default(),
        }
    }
}

pub struct Sample {
    pub photo: DynamicImage,
    /// In which the photo is.
    pub space: ColourSpace,
    pub photo_from_crop: Affine,
    crop: Rgb32FImage,
    edited: Rgb32FImage,
    mesh: WarpMesh,
    colour: ColourField,
    pub mask: GrayImage,
    labels: Arc<GrayImage>,
}

impl Sample {
    /// `scale`: photo pixels per pixel of the crop.
    pub fn new(scale: f64, depth: Depth) -> Self {
        // Turned a little, as the line of the eyes is.
        let origin = Point::new(26.3 * scale + 3.0, 9.7 * scale + 3.0);
        let space = ColourSpace::described_by(&depth.metadata());
        Self::on(photo(scale, depth), space, placed(origin, scale, 0.09))
    }

    /// Another face in the same photo, which lies this far away (in pixels of the crop) and is smaller.
    /// Its edit takes light where the first gives it.
    pub fn beside(&self, offset: Point) -> Self {
        let scale = self.photo_from_crop.scale();
        let origin = self.photo_from_crop.apply(offset);
        let place = placed(origin, 0.8 * scale, -0.12);
        let mut beside = Self::on(self.photo.clone(), self.space.clone(), place);
        let crop = &beside.crop;
        for (edited, crop) in beside.edited.iter_mut().zip(crop.iter()) {
            *edited = 1.4 * crop - 0.4 * *edited - 0.05;
        }
        beside
    }

    /// `photo_from_crop`: where the face lies in this photo.
    fn on(photo: DynamicImage, space: ColourSpace, photo_from_crop: Affine) -> Self {
        let mut crop = resample::draw(&photo.to_rgb32f(), SIZE, SIZE, &photo_from_crop);
        space.to_srgb(&mut crop);
        let edited = Rgb32FImage::from_fn(SIZE, SIZE, |x, y| {
            let wave = 5.0 + 3.0 * (f64::from(y) / 17.0).sin();
            let point = Point::new(f64::from(x) + wave, f64::from(y) - 4.0);
            let [red, green, blue] = resample::sample_bilinear(&crop, point);
            let patch = if (100..140).contains(&x) && (150..190).contains(&y) {
                0.4
            } else {
                0.0
            };
            Rgb([red * 0.9 + patch, green * 0.8 + 0.1, blue + 0.06 - patch])
        });
        let before: Vec<Point> = (0..5)
            .flat_map(|i| [(70.0, 90.0), (190.0, 95.0)].map(|(x, y)| (x, y + 28.0 * f64::from(i))))
            .map(|(x, y)| Point::new(x, y))
            .collect();
        let after: Vec<Point> = before
            .iter()
            .map(|point| *point + Point::new((point.y * 0.3).sin() * 7.0, 3.0))
            .collect();
        let cells = Rgb32FImage::from_fn(SIZE / 8, SIZE / 8, |x, y| {
            let (u, v) = (x as f32 / 9.0, y as f32 / 7.0);
            Rgb([0.06 * u.sin(), -0.05 * v.cos(), 0.04 * (u + v).sin()])
        });
        let mask = GrayImage::from_fn(SIZE, SIZE, |x, y| {
            let distance = (f64::from(x) - 128.0).hypot(1.3 * (f64::from(y) - 160.0));
            Luma([(255.0 * (2.0 - distance / 55.0).clamp(0.0, 1.0)) as u8])
        });
        let labels = GrayImage::from_fn(64, 64, |x, y| Luma([((x / 16 + y / 16) * 3) as u8]));
        Self {
            mesh: WarpMesh::span(SIZE, &before, &after).unwrap(),
            colour: ColourField {
                cells,
                cells_from_crop: Affine::resize(1.0 / 8.0),
            },
            labels: Arc::new(labels),
            photo,
            space,
            photo_from_crop,
            crop,
            edited,
            mask,
        }
    }

    /// What is pasted, with this warp strength.
    fn matched(&self, strength: f64) -> Rgb32FImage {
        self.colour
            .added_to(&self.mesh.warp(&self.edited, strength))
    }

    pub fn screen_crop(&self) -> ScreenCrop {
        ScreenCrop::new(&self.crop, self.photo_from_crop, self.labels.clone())
    }

    pub fn frame(&self) -> ScreenFrame {
        let edited = self.matched(0.7);
        let change = CropChange {
            crop: &self.crop,
            edited: &edited,
            mask: &self.mask,
        };
        ScreenFrame::Redrawn(ScreenEdit {
            edited: HalfPicture::opaque(&self.edited),
            mesh: Some(self.mesh.clone()),
            strength: 0.7,
            colour: self.colour.clone(),
            mask: self.mask.clone(),
            grain: grain(&self.photo, &self.space, &change, &self.photo_from_crop).unwrap(),
        })
    }

    /// The sample's own edit as a keyframe.
    pub fn keyframe(&self, amount: f32) -> Keyframe {
        Keyframe::new(amount, &self.crop, &self.matched(0.7), &self.mask)
    }

    /// Half its edit.
    pub fn half_keyframe(&self, amount: f32) -> Keyframe {
        let mut edited = self.matched(0.7);
        for (edited, crop) in edited.iter_mut().zip(self.crop.iter()) {
            *edited = 0.5 * (*edited + crop);
        }
        Keyframe::new(amount, &self.crop, &edited, &self.mask)
    }

    pub fn set_crop(&self, canvas: &mut Canvas, face: u64) {
        canvas.set_crop(key(face), Arc::new(self.screen_crop()));
    }

    pub fn set(&self, canvas: &mut Canvas, face: u64) {
        self.set_crop(canvas, face);
        canvas.set_frame(key(face), Arc::new(self.frame()));
    }

    /// An edit by a neck field that moves, shades and smooths, with a point that was pulled.
    pub fn field_edit(&self, amount: f32) -> FieldEdit {
        let wave = |x: usize, y: usize| (x as f32 / 23.0).sin() * (y as f32 / 31.0).cos();
        let shape = |channels, rows: usize| (channels, rows, 256);
        let rows = 152;
        let flow = Array3::from_shape_fn(shape(2, rows), |(i, y, x)| {
            0.02 * wave(x + 40 * i, y) + 0.01
        });
        let shade = Array3::from_shape_fn(shape(3, rows), |(i, y, x)| 0.15 * wave(y, x + 9 * i));
        let detail = Array3::from_shape_fn(shape(1, rows), |(_, y, x)| 0.5 + 0.5 * wave(x, y));
        let mask = Array3::from_elem(shape(1, rows), 1.0);
        let values = FieldValues {
            first_row: 104,
            flow: flow.view(),
            shade: shade.view(),
            detail: detail.view(),
            mask: mask.view(),
        };
        let crop = DynamicImage::ImageRgb32F(self.crop.clone()).into_rgb8();
        let landmarks = Landmarks::new(std::array::from_fn(|i| {
            Point::new(i as f64, f64::from(SIZE) - i as f64)
        }));
        let neck = GrayImage::from_pixel(512, 512, Luma([14]));
        let parsed = ParsedLabels::certain(neck, &landmarks.unwrap());
        let pull = Pull {
            at: Point::new(120.0, 170.0),
            by: Point::new(-6.0, 4.0),
        };
        FieldEdit {
            field: Arc::new(NeckField::new(&values, &crop, &parsed).unwrap()),
            mask: Arc::new(self.mask.clone()),
            pulls: PullField::of(&[pull], SIZE).map(Arc::new),
            amount,
            is_grey: self.screen_crop().is_grey,
        }
    }

    /// The face with its neck field.
    pub fn set_field(&self, canvas: &mut Canvas, face: u64) {
        self.set_crop(canvas, face);
        let edit = self.field_edit(0.0);
        let field =
            ScreenField::new(&self.photo, &self.space, &edit, &self.photo_from_crop).unwrap();
        canvas.set_frame(key(face), Arc::new(ScreenFrame::Moved(field)));
    }

    /// The photo with the edit by the field as the export writes it.
    pub fn exported_by_field(&self, amount: f32) -> RgbaImage {
        let mut edit = PhotoEdit::of(&self.photo).in_space(self.space.clone());
        let field = self.field_edit(amount);
        edit.add_field(&field, &self.photo_from_crop).unwrap();
        self.space.shown(edit.pasted().unwrap())
    }

    /// The photo as the export writes it.
    pub fn exported(&self, strength: f64) -> RgbaImage {
        exported(&[(self, strength)])
    }
}

/// The photo of these faces as the export writes it, each with its warp strength.
pub fn exported(faces: &[(&Sample, f64)]) -> RgbaImage {
    let Some((first, _)) = faces.first() else {
        return RgbaImage::default();
    };
    let mut edit = PhotoEdit::of(&first.photo).in_space(first.space.clone());
    for (face, strength) in faces {
        let edited = face.matched(*strength);
        let change = CropChange {
            crop: &face.crop,
            edited: &edited,
            mask: &face.mask,
        };
        edit.add(&change, &face.photo_from_crop).unwrap();
    }
    first.space.shown(edit.pasted().unwrap())
}

fn placed(origin: Point, scale: f64, angle: f64) -> Affine {
    let axis = Point::new(scale * angle.cos(), scale * angle.sin());
    Affine::from_frame(origin, axis, axis.perpendicular())
}

/// A photo with noise and outlines, on which a sample of this scale has room.
fn photo(scale: f64, depth: Depth) -> DynamicImage {
    let side = (f64::from(SIZE) * scale * 1.25) as u32 + 20;
    let colours = Rgb32FImage::from_fn(side, side - 11, |x, y| {
        let noise = |salt: u32| {
            let mixed = (x * 7919 + y * 104_729 + salt * 1_299_709).wrapping_mul(2_654_435_761);
            (mixed >> 16) as f32 / 65535.0 - 0.5
        };
        let (u, v) = (x as f32 / scale as f32, y as f32 / scale as f32);
        let bands = if (u * 0.11 + v * 0.05).sin() > 0.3 {
            0.25
        } else {
            0.0
        };
        let disc = if (u - 150.0).hypot(v - 170.0) < 70.0 {
            0.2
        } else {
            0.0
        };
        let light = 0.3 + 0.2 * (u / 60.0).sin() * (v / 45.0).cos();
        Rgb([1, 2, 3].map(|salt| {
            let tint = 0.05 * salt as f32;
            (light + bands + disc - tint + 0.08 * noise(salt)).clamp(0.0, 1.0)
        }))
    });
    let colours = match depth {
        // What lies beyond sRGB the screen cannot show: there it must differ from the export.
        Depth::DisplayP3 => DynamicImage::from(Rgb32FImage::from_fn(
            colours.width(),
            colours.height(),
            |x, y| Rgb(colours.get_pixel(x, y).0.map(|value| 0.25 + 0.5 * value)),
        )),
        _ => DynamicImage::from(colours),
    };
    match depth {
        Depth::Eight => colours.into_rgb8().into(),
        Depth::Sixteen | Depth::DisplayP3 => colours.into_rgb16().into(),
        Depth::Grey => colours.into_luma8().into(),
        Depth::GreyInColour => {
            // As a JPEG that stores colour decodes: the channels of a pixel differ by a few levels.
            let mut grey = DynamicImage::from(colours.into_luma8()).into_rgb8();
            for (index, pixel) in grey.pixels_mut().enumerate() {
                pixel[0] = pixel[0].saturating_add((index % 3) as u8);
                pixel[2] = pixel[2].saturating_sub((index % 2) as u8);
            }
            grey.into()
        }
    }
}

/// The photo's pixels in 8 bits.
pub fn as_shown(photo: &DynamicImage) -> RgbaImage {
    photo.to_rgba8()
}
