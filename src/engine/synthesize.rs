//! Drawing portraits of Gaussian latents, or of codes.

use std::collections::VecDeque;

use ndarray::{Array1, Array2, Array4, s};

use super::{Context, Error, Job, Progress, Step};
use crate::networks::gaussian_latents;

/// A drawn portrait with the codes that made it.
#[derive(Debug, Clone)]
pub struct SynthesizedPortrait {
    /// The Gaussian latent and what the mapping network makes of it, `[512]` each; `None` for a
    /// portrait drawn of a given code.
    pub drawn_from: Option<(Array1<f32>, Array1<f32>)>,
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
    Latents {
        seed: u64,
        latents: Option<Array2<f32>>,
        psi: f32,
        cutoff: Option<usize>,
    },
    Codes(VecDeque<Array2<f32>>),
}

impl Synthesize {
    /// Portraits of `count` latents drawn with `seed`, truncated with ψ on the layers before `cutoff`
    /// (on all, if `None`).
    ///
    /// Latent k of a seed is the same whatever the count.
    pub fn from_seed(seed: u64, count: usize, psi: f32, cutoff: Option<usize>) -> Self {
        Self {
            source: Source::Latents {
                seed,
                latents: None,
                psi,
                cutoff,
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
        let (drawn_from, code) = match &mut self.source {
            Source::Latents {
                seed,
                latents,
                psi,
                cutoff,
            } => {
                let size = generator.spec().code_size;
                let latents =
                    latents.get_or_insert_with(|| gaussian_latents(*seed, self.count, size));
                let latent = latents.slice(s![index..=index, ..]);
                let w = generator.map(latent, context.cancel)?;
                let code = generator.code(w.row(0), *psi, *cutoff);
                (Some((latent.row(0).to_owned(), w.row(0).to_owned())), code)
            }
            Source::Codes(codes) => (None, codes.pop_front().unwrap_or_default()),
        };
        let image = generator.synthesize(code.view(), context.cancel)?;
        self.done.push(SynthesizedPortrait {
            drawn_from,
            code,
            image,
        });
        Ok(Step::More(Progress {
            stage: "draw",
            fraction: (index + 1) as f32 / self.count as f32,
            detail: format!("{} of {}", index + 1, self.count),
            left: None,
        }))
    }
}
