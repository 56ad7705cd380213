//! Rendering an edit of a prepared face: the crop as it will be pasted, and every picture on the way.

use std::sync::Arc;
use std::time::Instant;

use image::{DynamicImage, GrayImage, Rgb32FImage};
use serde::{Deserialize, Serialize};

use super::prepare::{PreparedFace, TimedStages};
use super::{Context, Error, Job, Step};
use crate::geometry::{Affine, Landmarks, Rect};
use crate::latent::Boundary;
use crate::networks::LandmarkModel;
use crate::portrait::colour::match_colour;
use crate::portrait::composite::composite;
use crate::portrait::edit_mask::{edit_mask, skin_mask};
use crate::portrait::labels::{LABELS_SIZE, parse_without_network};
use crate::portrait::paste::CropChange;
use crate::portrait::tensor::float_picture_from_tensor;
use crate::portrait::warp::{MeasuredRows, WarpMesh, WarpSettings};

/// How the edited neck is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Warped towards the photo's outline, then pasted with the soft mask.
    Warp,
    /// Pasted with the soft mask as the generator drew it.
    Plain,
}

/// What the user chose for a face.
#[derive(Debug, Clone, PartialEq)]
pub struct EditParams {
    /// How far the code moves along the boundary; negative removes the double chin.
    pub alpha: f32,
    /// The boundary.
    pub boundary: Arc<Boundary>,
    /// Layers that drive up to this resolution move.
    pub up_to_px: usize,
    /// How the edited neck is put back.
    pub method: Method,
    /// The warp, for [`Method::Warp`].
    pub warp: WarpSettings,
}

/// A rendered edit. All pictures have the crop's size, values in 0..=1.
#[derive(Debug, Clone)]
pub struct RenderedFace {
    /// What the generator draws for the edited code.
    pub edited: Rgb32FImage,
    /// The same in the photo's colours, and warped if the method says so: what is pasted.
    pub warped: Rgb32FImage,
    /// Where and how strongly it is pasted.
    pub mask: GrayImage,
    /// The crop with the edited neck in it.
    pub composite: Rgb32FImage,
    /// How much of the outline the warp could measure; `None` without a warp.
    pub measured: Option<MeasuredRows>,
    /// Seconds a stage.
    pub seconds: TimedStages,
}

impl RenderedFace {
    /// The change that this edit makes to the crop of `face`, to be pasted into the photo.
    pub fn change<'a>(&'a self, face: &'a PreparedFace) -> CropChange<'a> {
        CropChange {
            crop: &face.aligned.picture,
            edited: &self.warped,
            mask: &self.mask,
        }
    }
}

/// Renders one edit of one face, in one step: it is about one network run.
pub struct RenderFace {
    face: Arc<PreparedFace>,
    params: EditParams,
}

impl RenderFace {
    /// This edit of this face.
    pub fn new(face: Arc<PreparedFace>, params: EditParams) -> Self {
        Self { face, params }
    }
}

impl Job for RenderFace {
    type Output = RenderedFace;

    fn name(&self) -> String {
        "render the edit".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<RenderedFace>, Error> {
        let Self { face, params } = self;
        let mut seconds = TimedStages::new();
        let mut clock = Instant::now();
        let mut lap = |stage| {
            seconds.push((stage, clock.elapsed().as_secs_f64()));
            clock = Instant::now();
        };

        let generator = context.sessions.generator()?;
        let layer_resolutions = generator.spec().layer_resolutions.clone();
        let code = params.boundary.edit(
            face.code.view(),
            params.alpha,
            &layer_resolutions,
            params.up_to_px,
        )?;
        let edited =
            float_picture_from_tensor(generator.synthesize(code.view(), context.cancel)?.view());
        lap("draw edited");

        let crop = &face.aligned.picture;
        let size = crop.width();
        let labels_after = labels_of_edited(context.sessions.landmarks()?, face, &edited)?;
        let skin_after = skin_mask(&labels_after, size)?;
        lap("labels of edited");

        let (warped, skin_after, measured) = match params.method {
            Method::Plain => (edited.clone(), skin_after, None),
            Method::Warp => {
                let (mesh, measured) = WarpMesh::measure(
                    &face.parsed.labels,
                    &labels_after,
                    &face.landmarks_in_labels,
                    size,
                    &params.warp,
                )?;
                let strength = params.warp.strength;
                (
                    mesh.warp(&edited, strength),
                    mesh.warp_mask(&skin_after, strength),
                    Some(measured),
                )
            }
        };
        lap("warp");
        let mask = edit_mask(&face.parsed.labels, &face.landmarks_in_labels, &skin_after)?;
        lap("mask");
        let skin = skin_mask(&face.parsed.labels, size)?;
        let warped = match_colour(crop, &face.drawn, &warped, &mask, &skin)?;
        lap("colour");
        let composite = composite(crop, &warped, &mask)?;
        lap("composite");
        Ok(Step::Done(RenderedFace {
            edited,
            warped,
            mask,
            composite,
            measured,
            seconds,
        }))
    }
}

/// Face parsing of the edited picture. Its landmarks are looked for near the photo's; where they
/// cannot be found the photo's serve.
fn labels_of_edited(
    model: &LandmarkModel,
    face: &PreparedFace,
    edited: &Rgb32FImage,
) -> Result<GrayImage, Error> {
    let picture = DynamicImage::ImageRgb32F(edited.clone()).into_rgb8();
    let crop_from_labels = Affine::resize(f64::from(edited.width()) / f64::from(LABELS_SIZE));
    let in_crop = face
        .landmarks_in_labels
        .mapped(&crop_from_labels)
        .map_err(crate::portrait::Error::from)?;
    let face_box = Rect::around(in_crop.points());
    let found: Option<Landmarks> = model
        .find(&DynamicImage::ImageRgb8(picture.clone()), &face_box)
        .ok()
        .and_then(|found| found.landmarks.mapped(&crop_from_labels.inverse()?).ok());
    let landmarks = found.unwrap_or_else(|| face.landmarks_in_labels.clone());
    Ok(parse_without_network(&picture, &landmarks)?.labels)
}
