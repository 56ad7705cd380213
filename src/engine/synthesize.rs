//! Drawing portraits of Gaussian latents, or of codes.

use std::collections::VecDeque;

use ndarray::{Array1, Array2, Array4, ArrayView2};

use super::{Context, Error, Job, Progress, Step};
use crate::networks::gaussian_latents;

/// A drawn portrait with the codes that made it.
#[derive(Debug, Clone)]
pub struct SynthesizedPortrait {
    /// The Gaussian latent, `[512]`; `None` for a portrait drawn of a given code.
    pub z: Option<Array1<f32>>,
    /// The code in W+, `[L, 512]`.
    pub code: Array2<f32>,
    /// The picture, `[1, 3, R, R]`, RGB, about [-1, 1].
    pub image: Array4<f32>,
}

/// Draws portraits one by one.
pub struct Synthesize {
    source: Source,
    done: Vec<SynthesizedPortrait>,
    count: usize,
}

enum Source {
    Seeds { latents: Array2<f32>, psi: f32 },
    Codes(VecDeque<Array2<f32>>),
}

impl Synthesize {
    /// Portraits of `count` latents drawn with `seed`, truncated with ψ.
    ///
    /// Latent k of a seed is the same whatever the count.
    pub fn from_seed(seed: u64, count: usize, psi: f32) -> Self {
        Self {
            source: Source::Seeds {
                latents: gaussian_latents(seed, count),
                psi,
            },
            done: Vec::new(),
            count,
        }
    }

    /// Portraits of codes in W+, each `[L, 512]`.
    pub fn from_codes(codes: Vec<Array2<f32>>) -> Self {
        let count = codes.len();
        Self {
            source: Source::Codes(codes.into()),
            done: Vec::new(),
            count,
        }
    }
}

impl Job for Synthesize {
    type Output = Vec<SynthesizedPortrait>;

    fn name(&self) -> String {
        format!("draw {} portraits", self.count)
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<Self::Output>, Error> {
        let index = self.done.len();
        if index == self.count {
            return Ok(Step::Done(std::mem::take(&mut self.done)));
        }
        let generator = context.sessions.generator()?;
        let (z, code) = match &mut self.source {
            Source::Seeds { latents, psi } => {
                let latent = latents.row(index).to_owned();
                let row: ArrayView2<'_, f32> = latents.slice(ndarray::s![index..=index, ..]);
                let w = generator.map(row, *psi, context.cancel)?;
                (Some(latent), generator.broadcast(w.row(0)))
            }
            Source::Codes(codes) => (None, codes.pop_front().unwrap_or_default()),
        };
        let image = generator.synthesize(code.view(), context.cancel)?;
        self.done.push(SynthesizedPortrait { z, code, image });
        Ok(Step::More(Progress {
            stage: "draw",
            fraction: (index + 1) as f32 / self.count as f32,
            detail: format!("{} of {}", index + 1, self.count),
            left: None,
        }))
    }
}
