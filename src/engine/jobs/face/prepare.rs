//! Preparing a face: aligned, its code found, and drawn. What the slider needs.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crossbeam_channel::Sender;
use image::{DynamicImage, Rgb32FImage};
use ndarray::{Array2, s};

use super::align_face::{AlignFace, AlignedFace};
use super::clock::TimedStages;
use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::engine::jobs::latent::{Found, InversionReport, InvertPicture};
use crate::engine::sessions::KeptCode;
use crate::geometry::Landmarks;
use crate::latent::inversion::{self, LOSS_SIZE, Target};
use crate::photo::Photo;
use crate::portrait::detail::missed_detail;
use crate::portrait::masks::soft_neck_mask;
use crate::portrait::tensor::{float_picture_from_tensor, reduced_tensor};

/// A face that is ready to be edited.
#[derive(Debug, Clone)]
pub struct PreparedFace {
    /// The face in its crop.
    pub face: Arc<AlignedFace>,
    /// The latent code, `[L, 512]`.
    pub code: Array2<f32>,
    /// How the code was found; `None` for a code that was given, or kept from an earlier search.
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

/// Prepares one face.
pub struct PrepareFace {
    align: AlignFace,
    aligned: Option<Arc<AlignedFace>>,
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
        kept: Option<KeptCode>,
    },
    Drawing {
        face: Arc<AlignedFace>,
        code: Array2<f32>,
        inversion: Option<InversionReport>,
    },
    Over,
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
            aligned: None,
            code,
            snapshots: None,
            state: State::Begin,
            seconds: Vec::new(),
        }
    }

    /// Goes on from what [`AlignFace`] has found of this face in so many seconds.
    #[must_use]
    pub fn from_aligned(mut self, (face, seconds): (Arc<AlignedFace>, TimedStages)) -> Self {
        self.aligned = Some(face);
        self.seconds = seconds;
        self
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

/// What the inversion aims at: the whole crop, above all the neck, since only that is taken from
/// the generator.
fn target(face: &AlignedFace) -> Result<Target, Error> {
    const IMPORTANCE_OF_NECK: f32 = 5.0;
    let size = LOSS_SIZE as u32;
    let neck = soft_neck_mask(
        &face.parsed.labels,
        &face.landmarks_in_labels,
        face.crop.width(),
    )?;
    let neck = DynamicImage::ImageLuma8(neck).into_rgb8();
    let neck = reduced_tensor(&neck, size).slice_move(s![.., ..1, .., ..]);
    Ok(Target {
        picture: reduced_tensor(&face.crop, size),
        importance: neck.mapv(|value| 1.0 + (IMPORTANCE_OF_NECK - 1.0) * (value * 0.5 + 0.5)),
    })
}

impl Job for PrepareFace {
    type Output = PreparedFace;

    fn name(&self) -> String {
        "prepare the face".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<PreparedFace>, Error> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begin => {
                let face = match self.aligned.take() {
                    Some(face) => face,
                    None => Arc::new(self.align.cut(context, &mut self.seconds)?),
                };
                self.show(|| {
                    face.screen_crop();
                    Snapshot::Aligned(Arc::clone(&face))
                });
                self.state = match self.code.clone() {
                    CodeSource::Inversion(options) => {
                        let target = target(&face)?;
                        let kept = context.sessions.kept_code(&target, &options)?;
                        match kept.as_ref().and_then(KeptCode::get) {
                            Some(code) => State::Drawing {
                                face,
                                code,
                                inversion: None,
                            },
                            None => State::Inverting {
                                face,
                                inversion: Box::new(InvertPicture::new(target, options)),
                                steps: 0,
                                kept,
                            },
                        }
                    }
                    CodeSource::Draft(code, options) => {
                        let usable = Self::draw(&face, code.clone(), None, context)?;
                        self.show(|| Snapshot::Usable(Arc::new(usable)));
                        let target = target(&face)?;
                        let inversion = InvertPicture::new(target, options).starting_at(code);
                        State::Inverting {
                            face,
                            inversion: Box::new(inversion),
                            steps: 0,
                            kept: None,
                        }
                    }
                    CodeSource::Known(code) => State::Drawing {
                        face,
                        code,
                        inversion: None,
                    },
                };
                Ok(Step::More(Progress::at("align", 0.0)))
            }
            State::Inverting {
                face,
                mut inversion,
                steps,
                kept,
            } => match inversion.step(context)? {
                Step::More(progress) => {
                    if self.snapshots.is_some()
                        && is_worth_showing(steps)
                        && let Some(best) = inversion.best()
                    {
                        let usable = Self::draw(&face, best.code.clone(), None, context)?;
                        self.show(|| Snapshot::Usable(Arc::new(usable)));
                    }
                    self.state = State::Inverting {
                        face,
                        inversion,
                        steps: steps + 1,
                        kept,
                    };
                    Ok(Step::More(progress))
                }
                Step::Done(Found { best, report, .. }) => {
                    let code = best.code;
                    if let Some(kept) = kept {
                        kept.put(&code);
                    }
                    self.seconds.push(("invert", report.seconds));
                    self.state = State::Drawing {
                        face,
                        code,
                        inversion: Some(report),
                    };
                    Ok(Step::More(Progress::at("invert", 1.0)))
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
            State::Over => Err(Error::over(self.name())),
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
