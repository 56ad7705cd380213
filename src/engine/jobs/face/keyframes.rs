//! Keyframes: coarse edits of a face over the slider's range, so that a drag needs no network.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::edit_params::EditParams;
use super::prepare::PreparedFace;
use super::render::RenderFace;
use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::latent::Boundary;
use crate::portrait::screen::Keyframe;

/// Draws an edit at each of these amounts, one after the other.
pub struct DrawKeyframes {
    face: Arc<PreparedFace>,
    params: EditParams,
    amounts: Vec<f32>,
    made: usize,
    current: Option<RenderFace>,
    begun: Option<Instant>,
    keyframes: Sender<Keyframe>,
}

impl DrawKeyframes {
    /// Edits of `face` by `params`, whose alpha gives way to each of `amounts` (per cent) in their
    /// order. Every keyframe is sent to `keyframes` as soon as it is there.
    pub fn new(
        face: Arc<PreparedFace>,
        params: EditParams,
        amounts: Vec<f32>,
        keyframes: Sender<Keyframe>,
    ) -> Self {
        Self {
            face,
            params,
            amounts,
            made: 0,
            current: None,
            begun: None,
            keyframes,
        }
    }
}

impl Job for DrawKeyframes {
    type Output = ();

    fn name(&self) -> String {
        "draw the keyframes".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<()>, Error> {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let Some(&amount) = self.amounts.get(self.made) else {
            return Ok(Step::Done(()));
        };
        let render = self.current.get_or_insert_with(|| {
            let params = EditParams {
                alpha: Boundary::alpha_of_amount(amount),
                ..self.params.clone()
            };
            RenderFace::new(Arc::clone(&self.face), params)
        });
        if let Step::Done(rendered) = render.step(context)? {
            let change = rendered.change();
            let keyframe = Keyframe::new(amount, change.crop, change.edited, change.mask)
                .read_as(rendered.chin);
            self.current = None;
            self.made += 1;
            if self.keyframes.send(keyframe).is_err() {
                return Err(Error::Cancelled);
            }
        }
        let (made, all) = (self.made, self.amounts.len());
        Ok(Step::More(Progress {
            stage: "keyframes",
            fraction: made as f32 / all as f32,
            detail: String::new(),
            left: (made > 0)
                .then(|| begun.elapsed().mul_f64((all - made) as f64 / made as f64))
                .map(|left| left.max(Duration::from_millis(1))),
        }))
    }
}
