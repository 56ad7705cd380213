//! One face: is there anything to remove, how much of it, and the edit.

use std::path::Path;
use std::sync::Arc;

use ndarray::Array2;

use super::report::FaceReport;
use super::{Options, Session};
use crate::cli::arrays::read_codes;
use crate::cli::{Failure, interrupt};
use crate::engine::{
    AlignFace, AlignedFace, DiffuseFace, EditParams, EditedFace, FoundFace, Job, Method, MoveFace,
    MovedFace, PrepareFace, PreparedFace, RenderFace, RenderedFace, describe_generator,
    least_amount,
};
use crate::latent::{Boundary, diffusion, inversion};
use crate::photo::Photo;

/// How much of the double chin is removed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Amount {
    /// The user has said it, as a distance along the boundary.
    Alpha(f32),
    /// The least after which the chin meter sees no double chin; nothing where it sees none before, or
    /// where the neck cannot be seen.
    Least,
}

impl Amount {
    pub fn of(options: &Options) -> Self {
        match (options.alpha, options.amount) {
            (Some(alpha), _) => Self::Alpha(alpha),
            (None, Some(amount)) => Self::Alpha(Boundary::alpha_of_amount(amount)),
            (None, None) => Self::Least,
        }
    }
}

/// What became of a face.
pub(super) struct Retouched {
    /// `None` for a face that was left alone.
    pub rendered: Option<EditedFace>,
    pub aligned: Arc<AlignedFace>,
    pub report: FaceReport,
}

/// Amounts, per cent, that are tried for the least; the usual one is among them.
const TRIED: [f32; 4] = [40.0, 60.0, Boundary::DEFAULT_AMOUNT, 100.0];

impl Session<'_> {
    pub(super) fn retouch_face(
        &mut self,
        photo: &Arc<Photo>,
        number: usize,
        face: &FoundFace,
    ) -> Result<Retouched, Failure> {
        let Ok(found) = &face.landmarks else {
            return Err(Failure::because("the face has no landmarks"));
        };
        let align = AlignFace::new(Arc::clone(photo), found.landmarks.clone());
        let (aligned, seconds) = self.run(align)?;
        let report = FaceReport::new(number, face, &aligned, seconds.clone());
        let has_nothing = aligned.chin.is_some_and(|chin| !chin.has_double_chin());
        if self.amount == Amount::Least && (has_nothing || !aligned.parsed.shows_neck()) {
            return Ok(Retouched {
                rendered: None,
                report: report.left_alone(has_nothing),
                aligned,
            });
        }
        if self.edit.settings.method == Method::Instant {
            let (params, moved) = self.move_face(&aligned)?;
            return Ok(Retouched {
                report: report.moved(&moved, &params, seconds),
                rendered: Some(EditedFace::Moved(moved)),
                aligned,
            });
        }
        let defaults = inversion::Options::default();
        let inversion = inversion::Options {
            steps: self.options.steps.unwrap_or(defaults.steps),
            seed: self.options.seed.unwrap_or(defaults.seed),
            ..defaults
        };
        let prepare = match &self.options.code {
            Some(path) => {
                PrepareFace::with_code(Arc::clone(photo), found.landmarks.clone(), self.code(path)?)
            }
            None => PrepareFace::new(Arc::clone(photo), found.landmarks.clone(), inversion),
        };
        let prepare = prepare.from_aligned((Arc::clone(&aligned), seconds));
        let prepared = Arc::new(self.run(prepare)?);
        let (params, rendered) = match self.amount {
            Amount::Alpha(alpha) => {
                let params = self.params(alpha);
                let rendered = self.render(&prepared, &params)?;
                (params, rendered)
            }
            Amount::Least => self.render_least(&prepared)?,
        };
        Ok(Retouched {
            report: report.edited(&rendered, &params),
            rendered: Some(EditedFace::Redrawn(Box::new(rendered))),
            aligned,
        })
    }

    /// The edit by the face's neck field, by the amount asked for or the least that is enough.
    fn move_face(
        &mut self,
        aligned: &Arc<AlignedFace>,
    ) -> Result<(EditParams, MovedFace), Failure> {
        let job = MoveFace::new(Arc::clone(aligned), self.params(0.0));
        let moved = self.run(job)?;
        let alpha = match self.amount {
            Amount::Alpha(alpha) => alpha,
            Amount::Least => Boundary::alpha_of_amount(least_amount(moved.readings())),
        };
        let amount = Boundary::amount_of_alpha(alpha);
        Ok((self.params(alpha), moved.at_amount(amount)))
    }

    /// The code in a file.
    fn code(&self, path: &Path) -> Result<Array2<f32>, Failure> {
        let spec = interrupt::run_job(&self.engine, describe_generator(), |_| ())?;
        let mut codes = read_codes(path, [spec.layers, spec.code_size])?;
        match (codes.pop(), codes.is_empty()) {
            (Some(code), true) => Ok(code),
            _ => Err(Failure::because(format!(
                "{}: holds several codes; one face has one",
                path.display()
            ))),
        }
    }

    fn params(&self, alpha: f32) -> EditParams {
        EditParams {
            alpha,
            ..self.edit.clone()
        }
    }

    /// The edit by the least amount after which no double chin is seen. Where all amounts leave one, the
    /// usual amount: more would only distort.
    fn render_least(
        &mut self,
        prepared: &Arc<PreparedFace>,
    ) -> Result<(EditParams, RenderedFace), Failure> {
        let mut readings = Vec::new();
        let mut drawn: Vec<(f32, EditParams, RenderedFace)> = Vec::new();
        for amount in TRIED {
            let params = self.params(Boundary::alpha_of_amount(amount));
            let rendered = self.render(prepared, &params)?;
            // One that was not enough is chosen only if it is the usual amount.
            drawn.retain(|(amount, ..)| *amount == Boundary::DEFAULT_AMOUNT);
            let chin = rendered.chin;
            readings.extend(chin.map(|chin| (amount, chin)));
            drawn.push((amount, params, rendered));
            if chin.is_some_and(|chin| !chin.has_double_chin()) {
                break;
            }
        }
        let least = least_amount(readings);
        let chosen = drawn.into_iter().find(|(amount, ..)| *amount == least);
        let (_, params, rendered) =
            chosen.ok_or_else(|| Failure::because("no amount could be drawn"))?;
        Ok((params, rendered))
    }

    fn render(
        &mut self,
        prepared: &Arc<PreparedFace>,
        params: &EditParams,
    ) -> Result<RenderedFace, Failure> {
        let drawing = match params.settings.method {
            Method::Diffuse => {
                let diffusion = diffusion::Options {
                    steps: self.options.diffuse_steps,
                    ..diffusion::Options::default()
                };
                let job = DiffuseFace::new(Arc::clone(prepared), params.clone(), diffusion);
                Some(self.run(job)?)
            }
            Method::Instant | Method::Warp | Method::Plain => None,
        };
        let render = RenderFace::new(Arc::clone(prepared), params.clone()).reusing(drawing);
        self.run(render)
    }

    fn run<J: Job>(&mut self, job: J) -> Result<J::Output, Failure> {
        self.reporter.run(&self.engine, job)
    }
}
