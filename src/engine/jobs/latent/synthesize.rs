//! Drawing portraits of Gaussian latents, or of codes.

use std::collections::VecDeque;

use ndarray::{Array1, Array2, Array4, s};

use crate::engine::error::Error;
use crate::engine::job::{Context, Job, Progress, Step};
use crate::networks::{Generator, Noise, Stages, gaussian_latents};

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
    /// The picture so far at each lower resolution, with that resolution; empty unless asked for.
    pub stages: Vec<(usize, Array4<f32>)>,
}

/// Draws portraits one by one.
pub struct Synthesize {
    source: Source,
    done: Vec<SynthesizedPortrait>,
    count: usize,
    noise: Noise,
    stages: Stages,
    /// A generator of the job's own, when it draws otherwise than the engine's.
    own: Option<Generator>,
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
        let source = Source::Latents {
            seed,
            latents: None,
            psi,
            cutoff,
        };
        Self::new(source, count)
    }

    /// Portraits of these latents, `[m, n]`, truncated likewise.
    pub fn from_latents(latents: Array2<f32>, psi: f32, cutoff: Option<usize>) -> Self {
        let count = latents.nrows();
        let source = Source::Latents {
            seed: 0,
            latents: Some(latents),
            psi,
            cutoff,
        };
        Self::new(source, count)
    }

    /// Portraits of codes in W+, each `[L, 512]`.
    pub fn from_codes(codes: Vec<Array2<f32>>) -> Self {
        let count = codes.len();
        Self::new(Source::Codes(codes.into()), count)
    }

    fn new(source: Source, count: usize) -> Self {
        Self {
            source,
            done: Vec::new(),
            count,
            noise: Noise::default(),
            stages: Stages::Previews,
            own: None,
        }
    }

    /// Draws with this noise.
    #[must_use]
    pub fn with_noise(mut self, noise: Noise) -> Self {
        self.noise = noise;
        self
    }

    /// Yields the picture of every resolution that the generator has on its way, too.
    #[must_use]
    pub fn with_stages(mut self) -> Self {
        self.stages = Stages::All;
        self
    }

    fn draws_otherwise(&self) -> bool {
        self.stages != Stages::Previews || self.noise != Noise::default()
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
        if self.own.is_none() && self.draws_otherwise() {
            let networks = context.sessions.generator_networks()?;
            let runtime = context.sessions.runtime()?;
            let mut generator = Generator::load_with(runtime, &networks, self.stages)?;
            generator.set_noise(&self.noise)?;
            self.own = Some(generator);
        }
        let generator = match &mut self.own {
            Some(generator) => generator,
            None => context.sessions.generator()?,
        };
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
        let (image, stages) = match self.stages {
            Stages::Previews => (
                generator.synthesize(code.view(), context.cancel)?,
                Vec::new(),
            ),
            Stages::All => {
                let mut stages = generator.synthesize_stages(code.view(), context.cancel)?;
                let (_, image) = stages.pop().unwrap_or_default();
                (image, stages)
            }
        };
        self.done.push(SynthesizedPortrait {
            drawn_from,
            code,
            image,
            stages,
        });
        Ok(Step::More(Progress {
            stage: "draw",
            fraction: (index + 1) as f32 / self.count as f32,
            detail: format!("{} of {}", index + 1, self.count),
            left: None,
        }))
    }
}
