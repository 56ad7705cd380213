//! Preparing a face: alignment, labels, inversion. What the slider needs.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crossbeam_channel::Sender;
use image::{DynamicImage, Rgb32FImage, RgbImage};
use ndarray::{Array2, s};

use super::clock::TimedStages;
use super::{Context, Error, InversionReport, InvertPicture, Inverted, Job, Progress, Step};
use crate::geometry::{Affine, Landmarks};
use crate::latent::inversion::{self, LOSS_SIZE, Target};
use crate::networks::ChinReading;
use crate::photo::Photo;
use crate::portrait::align::{AlignedCrop, align, whole};
use crate::portrait::detail::missed_detail;
use crate::portrait::labels::{LABELS_SIZE, ParsedLabels};
use crate::portrait::masks::soft_neck_mask;
use crate::portrait::screen::ScreenCrop;
use crate::portrait::tensor::{float_picture_from_tensor, reduced_tensor};

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
    screen: OnceLock<Arc<ScreenCrop>>,
}

/// A face that is ready to be edited.
#[derive(Debug, Clone)]
pub struct PreparedFace {
    /// The face in its crop.
    pub face: Arc<AlignedFace>,
    /// The latent code, `[L, 512]`.
    pub code: Array2<f32>,
    /// How the code was found; `None` for a code that was given.
    pub inversion: Option<InversionReport>,
    /// What the generator draws for the code, at the crop's size.
    pub drawn: Rgb32FImage,
    /// Seconds a stage.
    pub seconds: TimedStages,
    detail: OnceLock<Rgb32FImage>,
}

impl PreparedFace {
    /// A face whose code is known, and what the generator draws for it.
    pub fn new(face: Arc<AlignedFace>, code: Array2<f32>, drawn: Rgb32FImage) -> Self {
        Self {
            face,
            code,
            inversion: None,
            drawn,
            seconds: TimedStages::new(),
            detail: OnceLock::new(),
        }
    }

    /// The detail of the crop that [`drawn`](Self::drawn) lacks, see [`missed_detail`]. It is measured when
    /// first asked for, which takes a moment.
    ///
    /// # Errors
    /// [`Error::Portrait`] when the drawn picture has not the crop's size.
    pub fn detail(&self) -> Result<&Rgb32FImage, Error> {
        if self.detail.get().is_none() {
            let detail = missed_detail(&self.face.aligned.picture, &self.drawn)?;
            // Another thread may have been faster; it found the same.
            let _ = self.detail.set(detail);
        }
        Ok(self.detail.get_or_init(Rgb32FImage::default))
    }
}

impl Deref for PreparedFace {
    type Target = AlignedFace;

    fn deref(&self) -> &AlignedFace {
        &self.face
    }
}

/// What can be shown of a face while it is being prepared.
#[derive(Debug, Clone)]
pub enum Snapshot {
    /// It was cut out.
    Aligned(Arc<AlignedFace>),
    /// It can be edited, though its code still gets better.
    Usable(Arc<PreparedFace>),
}

/// A latent code that was found for a face.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundCode {
    /// The code, `[L, 512]`.
    pub code: Arc<Array2<f32>>,
    /// The search for it has come to its end, or the user is content with it. Else it is a draft,
    /// which a search goes on from.
    pub is_final: bool,
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

    fn cut(
        &self,
        context: &mut Context<'_>,
        seconds: &mut TimedStages,
    ) -> Result<AlignedFace, Error> {
        let size = context.sessions.spec()?.resolution as u32;
        let mut labeller = context.sessions.labeller(context.cancel)?;
        let parse = |crop: &_, landmarks: &_| labeller.parse(crop, landmarks);
        let cut = match self.is_crop {
            true => AlignedFace::of_crop,
            false => AlignedFace::cut,
        };
        let mut face = cut(&self.photo, &self.landmarks, size, parse, seconds)?;
        face.chin = Some(context.sessions.read_chin(&face.crop, context.cancel)?);
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

/// Prepares one face.
pub struct PrepareFace {
    align: AlignFace,
    code: CodeSource,
    snapshots: Option<Sender<Snapshot>>,
    state: State,
    seconds: TimedStages,
}

/// Where the latent code comes from.
#[derive(Clone)]
enum CodeSource {
    Inversion(inversion::Options),
    /// An inversion that begins at a code.
    Draft(Array2<f32>, inversion::Options),
    Known(Array2<f32>),
}

enum State {
    Begin,
    Inverting {
        face: Arc<AlignedFace>,
        inversion: Box<InvertPicture>,
        steps: usize,
    },
    Drawing {
        face: Arc<AlignedFace>,
        code: Array2<f32>,
        inversion: Option<InversionReport>,
    },
    Over,
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
        let begun = Instant::now();
        let aligned = align(photo.pixels(), landmarks, size)?;
        Self::label(aligned, landmarks, begun, parse, seconds)
    }

    /// As [`cut`](Self::cut), of a square picture that is the crop.
    ///
    /// # Errors
    /// [`Error::Portrait`] when the picture is not square; what `parse` says.
    pub fn of_crop(
        picture: &Photo,
        landmarks: &Landmarks,
        size: u32,
        parse: impl FnOnce(&RgbImage, &Landmarks) -> Result<ParsedLabels, Error>,
        seconds: &mut TimedStages,
    ) -> Result<Self, Error> {
        let begun = Instant::now();
        let aligned = whole(picture.pixels(), size)?;
        Self::label(aligned, landmarks, begun, parse, seconds)
    }

    fn label(
        aligned: AlignedCrop,
        landmarks: &Landmarks,
        begun: Instant,
        parse: impl FnOnce(&RgbImage, &Landmarks) -> Result<ParsedLabels, Error>,
        seconds: &mut TimedStages,
    ) -> Result<Self, Error> {
        let size = aligned.picture.width();
        let crop = DynamicImage::ImageRgb32F(aligned.picture.clone()).into_rgb8();
        seconds.push(("align", begun.elapsed().as_secs_f64()));

        let begun = Instant::now();
        let landmarks_in_labels = landmarks_in_labels(landmarks, &aligned.photo_from_crop, size)?;
        let parsed = parse(&crop, &landmarks_in_labels)?;
        seconds.push(("labels", begun.elapsed().as_secs_f64()));
        Ok(Self {
            aligned,
            crop,
            landmarks: landmarks.clone(),
            landmarks_in_labels,
            parsed,
            chin: None,
            screen: OnceLock::new(),
        })
    }

    /// The crop for a graphics card. It is made when first asked for, which takes a moment; a face
    /// that comes in a [`Snapshot`] has it already.
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

    /// What the inversion aims at: the whole crop, above all the neck, since only that is taken from
    /// the generator.
    fn target(&self) -> Result<Target, Error> {
        const IMPORTANCE_OF_NECK: f32 = 5.0;
        let size = LOSS_SIZE as u32;
        let neck = soft_neck_mask(
            &self.parsed.labels,
            &self.landmarks_in_labels,
            self.crop.width(),
        )?;
        let neck = DynamicImage::ImageLuma8(neck).into_rgb8();
        let neck = reduced_tensor(&neck, size).slice_move(s![.., ..1, .., ..]);
        Ok(Target {
            picture: reduced_tensor(&self.crop, size),
            importance: neck.mapv(|value| 1.0 + (IMPORTANCE_OF_NECK - 1.0) * (value * 0.5 + 0.5)),
        })
    }
}

impl PrepareFace {
    /// The face with these landmarks (in pixels of the photo), its code found by inversion.
    pub fn new(photo: Arc<Photo>, landmarks: Landmarks, options: inversion::Options) -> Self {
        Self::from(photo, landmarks, CodeSource::Inversion(options))
    }

    /// The face with these landmarks, whose code `[L, 512]` is known.
    pub fn with_code(photo: Arc<Photo>, landmarks: Landmarks, code: Array2<f32>) -> Self {
        Self::from(photo, landmarks, CodeSource::Known(code))
    }

    /// The face of a picture that the generator drew for this code, with its landmarks in the picture's
    /// pixels. The picture is the crop.
    pub fn of_drawn(picture: Arc<Photo>, landmarks: Landmarks, code: Array2<f32>) -> Self {
        let align = AlignFace::of_crop(Arc::clone(&picture), landmarks.clone());
        Self {
            align,
            ..Self::with_code(picture, landmarks, code)
        }
    }

    /// The face with these landmarks (in pixels of the photo), whose code is known, is known roughly,
    /// or has to be looked for.
    pub fn knowing(
        photo: Arc<Photo>,
        landmarks: Landmarks,
        code: Option<FoundCode>,
        options: inversion::Options,
    ) -> Self {
        let source = match code {
            None => CodeSource::Inversion(options),
            Some(found) if found.is_final => CodeSource::Known(Array2::clone(&found.code)),
            Some(draft) => {
                // What was found is not to be shaken off again.
                let exploration = 0.0;
                let options = inversion::Options {
                    exploration,
                    ..options
                };
                CodeSource::Draft(Array2::clone(&draft.code), options)
            }
        };
        Self::from(photo, landmarks, source)
    }

    fn from(photo: Arc<Photo>, landmarks: Landmarks, code: CodeSource) -> Self {
        Self {
            align: AlignFace::new(photo, landmarks),
            code,
            snapshots: None,
            state: State::Begin,
            seconds: Vec::new(),
        }
    }

    /// Sends what can be shown on the way: the crop, and the code now and then.
    #[must_use]
    pub fn with_snapshots(mut self, snapshots: Sender<Snapshot>) -> Self {
        self.snapshots = Some(snapshots);
        self
    }

    fn show(&self, snapshot: impl FnOnce() -> Snapshot) {
        if let Some(snapshots) = &self.snapshots {
            // Whoever listens no longer has dropped the job's handle too, which cancels it.
            let _ = snapshots.send(snapshot());
        }
    }

    fn draw(
        face: &Arc<AlignedFace>,
        code: Array2<f32>,
        inversion: Option<InversionReport>,
        context: &mut Context<'_>,
    ) -> Result<PreparedFace, Error> {
        let generator = context.sessions.generator()?;
        let drawn = generator.synthesize(code.view(), context.cancel)?;
        let drawn = float_picture_from_tensor(drawn.view());
        Ok(PreparedFace {
            inversion,
            ..PreparedFace::new(Arc::clone(face), code, drawn)
        })
    }
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

impl Job for PrepareFace {
    type Output = PreparedFace;

    fn name(&self) -> String {
        "prepare the face".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<PreparedFace>, Error> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begin => {
                let face = Arc::new(self.align.cut(context, &mut self.seconds)?);
                self.show(|| {
                    face.screen_crop();
                    Snapshot::Aligned(Arc::clone(&face))
                });
                self.state = match self.code.clone() {
                    CodeSource::Inversion(options) => {
                        let target = face.target()?;
                        let inversion = Box::new(InvertPicture::new(target, options));
                        State::Inverting {
                            face,
                            inversion,
                            steps: 0,
                        }
                    }
                    CodeSource::Draft(code, options) => {
                        let usable = Self::draw(&face, code.clone(), None, context)?;
                        self.show(|| Snapshot::Usable(Arc::new(usable)));
                        let target = face.target()?;
                        let inversion = InvertPicture::new(target, options).starting_at(code);
                        State::Inverting {
                            face,
                            inversion: Box::new(inversion),
                            steps: 0,
                        }
                    }
                    CodeSource::Known(code) => State::Drawing {
                        face,
                        code,
                        inversion: None,
                    },
                };
                Ok(Step::More(progress("align", 0.0)))
            }
            State::Inverting {
                face,
                mut inversion,
                steps,
            } => match inversion.step(context)? {
                Step::More(progress) => {
                    if self.snapshots.is_some()
                        && is_worth_showing(steps)
                        && let Some(code) = inversion.best_code()
                    {
                        let usable = Self::draw(&face, code.clone(), None, context)?;
                        self.show(|| Snapshot::Usable(Arc::new(usable)));
                    }
                    self.state = State::Inverting {
                        face,
                        inversion,
                        steps: steps + 1,
                    };
                    Ok(Step::More(progress))
                }
                Step::Done(Inverted { code, report }) => {
                    self.seconds.push(("invert", report.seconds));
                    self.state = State::Drawing {
                        face,
                        code,
                        inversion: Some(report),
                    };
                    Ok(Step::More(progress("invert", 1.0)))
                }
            },
            State::Drawing {
                face,
                code,
                inversion,
            } => {
                let begun = Instant::now();
                let mut prepared = Self::draw(&face, code, inversion, context)?;
                self.seconds
                    .push(("draw inverted", begun.elapsed().as_secs_f64()));
                prepared.seconds = std::mem::take(&mut self.seconds);
                Ok(Step::Done(prepared))
            }
            State::Over => Err(Error::Internal {
                job: self.name(),
                detail: "it was asked to go on after its end".to_owned(),
            }),
        }
    }
}

/// Is the code worth a picture after so many steps? Often while it changes much, rarely later: a
/// picture costs a quarter of a step.
fn is_worth_showing(steps: usize) -> bool {
    match steps {
        0..=2 => false,
        3..=15 => steps.is_multiple_of(3),
        _ => steps.is_multiple_of(10),
    }
}

fn progress(stage: &'static str, fraction: f32) -> Progress {
    Progress {
        stage,
        fraction,
        detail: String::new(),
        left: None,
    }
}
