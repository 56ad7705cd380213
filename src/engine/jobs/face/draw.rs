//! Frames: an edit by either method, made ready for the screen.

use std::sync::Arc;

use super::edited_face::{EditedFace, Frame};
use super::move_face::MoveFace;
use super::render::RenderFace;
use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Step};
use crate::photo::Photo;

/// Renders one edit of one face and makes it ready for the screen.
pub struct DrawFrame {
    photo: Arc<Photo>,
    strength: f64,
    render: RenderFace,
}

impl DrawFrame {
    /// The frame of this edit; `photo` is the one that the face is of.
    pub fn new(photo: Arc<Photo>, render: RenderFace) -> Self {
        Self {
            photo,
            strength: render.strength(),
            render,
        }
    }
}

impl Job for DrawFrame {
    type Output = Frame;

    fn name(&self) -> String {
        self.render.name()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Frame>, Error> {
        Ok(match self.render.step(context)? {
            Step::More(progress) => Step::More(progress),
            Step::Done(rendered) => {
                let screen = Arc::new(rendered.for_screen(&self.photo, self.strength)?);
                Step::Done(Frame {
                    rendered: Arc::new(EditedFace::Redrawn(Box::new(rendered))),
                    screen,
                })
            }
        })
    }
}

/// Edits a face by its neck field and makes it ready for the screen.
pub struct DrawMoved {
    photo: Arc<Photo>,
    moving: MoveFace,
}

impl DrawMoved {
    /// The frame of this edit; `photo` is the one that the face is of.
    pub fn new(photo: Arc<Photo>, moving: MoveFace) -> Self {
        Self { photo, moving }
    }
}

impl Job for DrawMoved {
    type Output = Frame;

    fn name(&self) -> String {
        self.moving.name()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Frame>, Error> {
        Ok(match self.moving.step(context)? {
            Step::More(progress) => Step::More(progress),
            Step::Done(moved) => Step::Done(Frame {
                screen: Arc::new(moved.for_screen(&self.photo)?),
                rendered: Arc::new(EditedFace::Moved(moved)),
            }),
        })
    }
}
