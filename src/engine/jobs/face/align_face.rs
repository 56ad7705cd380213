//! Aligning a face: its crop, the labels of its parts, its chin. All that can be known without its code.

use std::sync::{Arc, OnceLock};

use image::{DynamicImage, RgbImage};

use super::clock::{Clock, TimedStages};
use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Step};
use crate::geometry::{Affine, Landmarks};
use crate::networks::{ChinReading, NeckFieldNetwork};
use crate::photo::{ColourSpace, Photo};
use crate::portrait::align::{AlignedCrop, align, whole};
use crate::portrait::field::{FieldValues, NeckField, field_input};
use crate::portrait::labels::{LABELS_SIZE, ParsedLabels};
use crate::portrait::screen::ScreenCrop;

/// A face that was cut out of its photo.
#[derive(Debug, Clone)]
pub struct AlignedFace {
    /// The crop and its place in the photo. The crop has the generator's resolution.
    pub aligned: AlignedCrop,
    /// The crop in 8 bits.
    pub crop: RgbImage,
    /// Landmarks in pixels of the photo.
    pub landmarks: Landmarks,
    /// Landmarks in pixels of the label map.
    pub landmarks_in_labels: Landmarks,
    /// Face parsing of the crop.
    pub parsed: ParsedLabels,
    /// What the chin meter says of the crop; `None` where it was not asked.
    pub chin: Option<ChinReading>,
    /// Where the pixels of a slimmer neck come from; `None` where the network was not asked.
    pub field: Option<Arc<NeckField>>,
    screen: OnceLock<Arc<ScreenCrop>>,
}

impl AlignedFace {
    /// Cuts the face with these landmarks (photo pixels) out of a photo, as a crop of `size` by `size`
    /// pixels, and lets `parse` label it (it gets the crop and its landmarks in pixels of the label map).
    /// Adds the seconds that it took.
    ///
    /// # Errors
    /// [`Error::Portrait`] when the landmarks give no usable face; what `parse` says.
    pub fn cut(
        photo: &Photo,
        landmarks: &Landmarks,
        size: u32,
        parse: impl FnOnce(&RgbImage, &Landmarks) -> Result<ParsedLabels, Error>,
        seconds: &mut TimedStages,
    ) -> Result<Self, Error> {
        let mut clock = Clock::start(seconds);
        let aligned = align(photo.pixels(), landmarks, size)?.in_srgb(&ColourSpace::of(photo));
        Self::labelled(aligned, landmarks, parse, &mut clock)
    }

    /// Lets `parse` label a crop that was cut out; see [`cut`](Self::cut).
    fn labelled(
        aligned: AlignedCrop,
        landmarks: &Landmarks,
        parse: impl FnOnce(&RgbImage, &Landmarks) -> Result<ParsedLabels, Error>,
        clock: &mut Clock<'_>,
    ) -> Result<Self, Error> {
        let size = aligned.picture.width();
        let crop = DynamicImage::ImageRgb32F(aligned.picture.clone()).into_rgb8();
        clock.lap("align");
        let landmarks_in_labels = landmarks_in_labels(landmarks, &aligned.photo_from_crop, size)?;
        let parsed = parse(&crop, &landmarks_in_labels)?;
        clock.lap("labels");
        Ok(Self {
            aligned,
            crop,
            landmarks: landmarks.clone(),
            landmarks_in_labels,
            parsed,
            chin: None,
            field: None,
            screen: OnceLock::new(),
        })
    }

    /// The crop for a graphics card. It is made when first asked for, which takes a moment; a face
    /// that comes in a [`Snapshot`](super::Snapshot) has it already.
    pub fn screen_crop(&self) -> Arc<ScreenCrop> {
        let make = || {
            let labels = Arc::new(self.parsed.labels.clone());
            let aligned = &self.aligned;
            Arc::new(ScreenCrop::new(
                &aligned.picture,
                aligned.photo_from_crop,
                labels,
            ))
        };
        Arc::clone(self.screen.get_or_init(make))
    }
}

/// Cuts one face out of its photo, labels it and reads its chin: all that can be known without its code.
pub struct AlignFace {
    photo: Arc<Photo>,
    landmarks: Landmarks,
    is_crop: bool,
}

impl AlignFace {
    /// The face with these landmarks, in pixels of the photo.
    pub fn new(photo: Arc<Photo>, landmarks: Landmarks) -> Self {
        Self {
            photo,
            landmarks,
            is_crop: false,
        }
    }

    /// The face of a picture that is an aligned crop as it is, such as one that the generator drew: cut out
    /// by its landmarks it would lie some pixels beside what the generator draws for its code.
    pub fn of_crop(crop: Arc<Photo>, landmarks: Landmarks) -> Self {
        Self {
            is_crop: true,
            ..Self::new(crop, landmarks)
        }
    }

    pub(super) fn cut(
        &self,
        context: &mut Context<'_>,
        seconds: &mut TimedStages,
    ) -> Result<AlignedFace, Error> {
        let size = context.sessions.spec()?.resolution as u32;
        let mut labeller = context.sessions.labeller(context.cancel)?;
        let parse = |crop: &_, landmarks: &_| labeller.parse(crop, landmarks);
        let (photo, landmarks) = (&self.photo, &self.landmarks);
        let mut face = if self.is_crop {
            let mut clock = Clock::start(seconds);
            let aligned = whole(photo.pixels(), size)?.in_srgb(&ColourSpace::of(photo));
            AlignedFace::labelled(aligned, landmarks, parse, &mut clock)?
        } else {
            AlignedFace::cut(photo, landmarks, size, parse, seconds)?
        };
        face.chin = Some(context.sessions.read_chin(&face.crop, context.cancel)?);
        let mut clock = Clock::start(seconds);
        face.field = Some(Arc::new(neck_field(&face, context)?));
        clock.lap("neck field");
        Ok(face)
    }
}

impl Job for AlignFace {
    type Output = (Arc<AlignedFace>, TimedStages);

    fn name(&self) -> String {
        "align the face".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Self::Output>, Error> {
        let mut seconds = TimedStages::new();
        let face = Arc::new(self.cut(context, &mut seconds)?);
        Ok(Step::Done((face, seconds)))
    }
}

/// The neck field of a labelled crop.
fn neck_field(face: &AlignedFace, context: &mut Context<'_>) -> Result<NeckField, Error> {
    let rows = NeckFieldNetwork::ROWS;
    let input = field_input(&face.crop, &face.parsed, rows.clone());
    let outputs = context.sessions.neck_field(input.view(), context.cancel)?;
    let values = FieldValues {
        first_row: rows.start,
        flow: outputs.flow.view(),
        shade: outputs.shade.view(),
        detail: outputs.detail.view(),
        mask: outputs.mask.view(),
    };
    Ok(NeckField::new(&values, &face.crop, &face.parsed)?)
}

/// Photo landmarks in pixels of the crop's label map.
fn landmarks_in_labels(
    landmarks: &Landmarks,
    photo_from_crop: &Affine,
    size: u32,
) -> Result<Landmarks, Error> {
    let crop_from_photo = photo_from_crop
        .inverse()
        .ok_or(crate::portrait::Error::FlatMap)?;
    let labels_from_crop = Affine::resize(f64::from(LABELS_SIZE) / f64::from(size));
    let labels_from_photo = labels_from_crop * crop_from_photo;
    Ok(landmarks
        .mapped(&labels_from_photo)
        .map_err(crate::portrait::Error::from)?)
}
