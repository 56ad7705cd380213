//! The diffuse method on a prepared face (paper, section on diffusion): the edit is pasted into the
//! crop, and a code is looked for whose picture agrees with the crop around the neck and looks like
//! the edit as a whole.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::edit_params::EditParams;
use super::edited_synthesis::{EditedSynthesis, SynthesisUnderWay};
use super::prepare::PreparedFace;
use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::engine::jobs::latent::{Diffuse, Found};
use crate::latent::diffusion::{Best, Options, Target};
use crate::portrait::composite::composite;
use crate::portrait::masks::{SoftEdge, binarised, enlarge, neck_mask, soften};
use crate::portrait::tensor::{float_picture_from_tensor, mask_tensor, tensor_from_float_picture};

/// A drawing is shown after so many steps: finishing one costs about a step.
const STEPS_A_DRAWING: usize = 5;

/// Diffuses one edit of one face. Yields the drawing of the best code.
pub struct DiffuseFace {
    face: Arc<PreparedFace>,
    params: EditParams,
    options: Options,
    drawings: Option<Sender<Arc<EditedSynthesis>>>,
    state: State,
}

enum State {
    Begin,
    Running {
        edited: Box<EditedSynthesis>,
        diffusion: Box<Diffuse>,
        better: Receiver<Best>,
        steps: usize,
    },
    Over,
}

impl DiffuseFace {
    /// This edit of this face; its method does not matter.
    pub fn new(face: Arc<PreparedFace>, params: EditParams, options: Options) -> Self {
        Self {
            face,
            params,
            options,
            drawings: None,
            state: State::Begin,
        }
    }

    /// Sends the drawing of the best code so far now and then: to show it, and to keep it when the job
    /// is cancelled.
    #[must_use]
    pub fn showing(mut self, drawings: Sender<Arc<EditedSynthesis>>) -> Self {
        self.drawings = Some(drawings);
        self
    }

    /// The crop with the edit pasted under the hard neck mask, and the soft mask under which pixels
    /// do not count.
    fn target(&self, edited: &EditedSynthesis) -> Result<Target, Error> {
        let crop = &self.face.face.aligned.picture;
        let labels = &self.face.face.parsed.labels;
        let neck = neck_mask(labels, &self.face.face.landmarks_in_labels, 7)?;
        let hard = binarised(&enlarge(&neck, crop.width())?);
        let pasted = composite(crop, &edited.edited, &hard)?;
        Ok(Target {
            picture: tensor_from_float_picture(&pasted),
            mask: mask_tensor(&soften(&hard, SoftEdge::DIFFUSE)),
        })
    }

    fn drawing(&self, edited: &EditedSynthesis, best: Best) -> Arc<EditedSynthesis> {
        let picture = float_picture_from_tensor(best.picture.view());
        Arc::new(edited.diffused(best.code, picture))
    }
}

impl Job for DiffuseFace {
    type Output = Arc<EditedSynthesis>;

    fn name(&self) -> String {
        "diffuse the edit".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Arc<EditedSynthesis>>, Error> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begin => {
                let edited =
                    SynthesisUnderWay::begin(&self.face, &self.params, context)?.finish(context)?;
                let (told, better) = unbounded();
                let target = self.target(&edited)?;
                let diffusion = Diffuse::new(target, self.face.code.clone(), self.options);
                self.state = State::Running {
                    edited: Box::new(edited),
                    diffusion: Box::new(diffusion.showing(told)),
                    better,
                    steps: 0,
                };
                Ok(Step::More(Progress::at("draw edited", 0.0)))
            }
            State::Running {
                edited,
                mut diffusion,
                better,
                steps,
            } => match diffusion.step(context)? {
                Step::Done(Found { best, .. }) => Ok(Step::Done(self.drawing(&edited, best))),
                Step::More(progress) => {
                    let is_due = steps % STEPS_A_DRAWING == STEPS_A_DRAWING - 1;
                    if let Some(drawings) = &self.drawings
                        && is_due
                        && let Some(best) = better.try_iter().last()
                    {
                        // Whoever listens no longer has dropped the job's handle too.
                        let _ = drawings.send(self.drawing(&edited, best));
                    }
                    self.state = State::Running {
                        edited,
                        diffusion,
                        better,
                        steps: steps + 1,
                    };
                    Ok(Step::More(progress))
                }
            },
            State::Over => Err(Error::over(self.name())),
        }
    }
}
