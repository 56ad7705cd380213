//! The generator: from Gaussian latents to codes, from codes to pictures.

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::{
    ArcArray, Array1, Array2, Array4, ArrayD, ArrayView1, ArrayView2, Axis, Ix2, Ix4, IxDyn, s,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::source::name;
use super::{Error, GeneratorNetworks, GeneratorSpec, Role};
use crate::graph::Value;
use crate::runtime::{CancelToken, Constants, DeviceValues, Runtime, Session};

/// The resolutions at which a drawing can be looked at on its way, where a generator says what it has
/// drawn so far.
pub const PREVIEW_RESOLUTIONS_PX: [usize; 2] = [128, 256];

/// A generator over sessions: mapping (`z` → `w`) and synthesis (`w+` → picture).
///
/// A synthesis network that yields pictures of lower resolutions on its way is cut there, so that its
/// owner can show them, or leave the rest when there is newer work ([`begin`](Self::begin)).
pub struct Generator {
    spec: GeneratorSpec,
    mean: Array1<f32>,
    mapping: Option<Session>,
    segments: Vec<Segment>,
}

/// A part of a synthesis network.
struct Segment {
    session: Session,
    inputs: Vec<String>,
    /// The noise maps among its inputs.
    noise: Arc<Constants>,
    /// The output that can be looked at; the whole picture's for the last part.
    picture: String,
    /// The other outputs: what later parts go on from.
    kept: Vec<String>,
}

impl Segment {
    fn takes(&self, input: &str) -> bool {
        self.inputs.iter().any(|name| name == input)
    }
}

/// What pictures a generator yields besides the one of its own resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stages {
    /// Those of [`PREVIEW_RESOLUTIONS_PX`], as far as its network has them.
    Previews,
    /// Those of all resolutions, as far as its network has them.
    All,
}

/// The noise of a generator's convolutions.
#[derive(Debug, Clone, PartialEq)]
pub enum Noise {
    /// Standard normal, the same for a seed: a portrait does not flicker.
    Seeded(u64),
    /// None.
    Zero,
    /// These maps, `[1, 1, r, r]`, one for each convolution that takes noise, in their order.
    Maps(Vec<ArrayD<f32>>),
}

impl Default for Noise {
    fn default() -> Self {
        Self::Seeded(Generator::NOISE_SEED)
    }
}

impl Noise {
    /// The maps for a generator.
    ///
    /// # Errors
    /// [`Error::Shape`] when there are more or fewer maps than it takes, or one has another size.
    pub fn maps(&self, spec: &GeneratorSpec) -> Result<Vec<ArrayD<f32>>, Error> {
        let sides = &spec.noise_resolutions_px;
        let zero = |&side: &usize| ArrayD::zeros(vec![1, 1, side, side]);
        match self {
            Self::Seeded(seed) => Ok(spec.noise_maps(*seed)),
            Self::Zero => Ok(sides.iter().map(zero).collect()),
            Self::Maps(maps) => {
                let shapes: Vec<&[usize]> = maps.iter().map(ArrayD::shape).collect();
                let expected: Vec<[usize; 4]> =
                    sides.iter().map(|&side| [1, 1, side, side]).collect();
                if shapes == expected {
                    return Ok(maps.clone());
                }
                let first = shapes
                    .iter()
                    .zip(&expected)
                    .position(|(shape, expected)| shape != expected);
                Err(Error::NoiseMaps {
                    found: shapes.len(),
                    expected: expected.len(),
                    first_wrong: first,
                })
            }
        }
    }
}

/// A drawing under way: what has been computed of it.
#[derive(Debug, Clone)]
pub struct SynthesisRun {
    /// The code and the last picture, by the names of the network's inputs.
    inputs: BTreeMap<String, ArcArray<f32, IxDyn>>,
    /// What the parts to come go on from.
    values: DeviceValues,
    done: usize,
}

/// What a part of a drawing has yielded.
#[derive(Debug, Clone, PartialEq)]
pub enum Drawn {
    /// The picture at a lower resolution, `[1, 3, r, r]`, RGB, about [-1, 1]; there is more to come.
    Preview(ArcArray<f32, Ix4>),
    /// The picture, `[1, 3, R, R]`.
    Picture(ArcArray<f32, Ix4>),
}

impl Generator {
    /// The seed of the noise that a generator starts with.
    pub const NOISE_SEED: u64 = 0;

    /// Loads a generator into ONNX Runtime. Its noise is that of [`NOISE_SEED`](Self::NOISE_SEED).
    ///
    /// # Errors
    /// When ONNX Runtime refuses a network.
    pub fn load(runtime: &Runtime, networks: &GeneratorNetworks) -> Result<Self, Error> {
        Self::load_with(runtime, networks, Stages::Previews)
    }

    /// Loads a generator that yields these pictures on its way.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with(
        runtime: &Runtime,
        networks: &GeneratorNetworks,
        stages: Stages,
    ) -> Result<Self, Error> {
        let mapping = match &networks.mapping {
            Some(mapping) => Some(runtime.session("mapping network", &mapping.to_onnx_bytes()?)?),
            None => None,
        };
        let mut generator = Self {
            spec: networks.spec.clone(),
            mean: networks.mean.clone(),
            mapping,
            segments: segments(runtime, networks, stages)?,
        };
        generator.set_noise(&Noise::default())?;
        Ok(generator)
    }

    /// Maps Gaussian latents `[m, n]` to W, `[m, n]`, without loading the rest of a generator.
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub fn map_only(
        runtime: &Runtime,
        networks: &GeneratorNetworks,
        latents: ArrayView2<'_, f32>,
        cancel: &CancelToken,
    ) -> Result<Array2<f32>, Error> {
        let mapping = networks.mapping.as_ref().ok_or(Error::NoMapping)?;
        let mut session = runtime.session("mapping network", &mapping.to_onnx_bytes()?)?;
        map_latents(&mut session, latents, cancel)
    }

    /// Draws with this noise from now on.
    ///
    /// # Errors
    /// As [`Noise::maps`].
    pub fn set_noise(&mut self, noise: &Noise) -> Result<(), Error> {
        let maps = noise.maps(&self.spec)?;
        let named = |(index, map)| (name::noise(index), map);
        let maps: Constants = maps.into_iter().enumerate().map(named).collect();
        for segment in &mut self.segments {
            let taken = maps.iter().filter(|(name, _)| segment.takes(name));
            let taken = taken.map(|(name, map)| (name.clone(), map.clone()));
            segment.noise = Arc::new(taken.collect());
        }
        Ok(())
    }

    /// Layers, resolution, and what drives what.
    pub fn spec(&self) -> &GeneratorSpec {
        &self.spec
    }

    /// Maps Gaussian latents `[m, n]` to W, `[m, n]`, without truncation.
    ///
    /// # Errors
    /// [`Error::NoMapping`] for a synthesis network alone; what ONNX Runtime says; [`runtime::Error::Cancelled`](crate::runtime::Error::Cancelled).
    pub fn map(
        &mut self,
        latents: ArrayView2<'_, f32>,
        cancel: &CancelToken,
    ) -> Result<Array2<f32>, Error> {
        let mapping = self.mapping.as_mut().ok_or(Error::NoMapping)?;
        map_latents(mapping, latents, cancel)
    }

    /// A code in W `[n]` for all layers, `[L, n]`; the layers before `cutoff` (all, if `None`) are
    /// truncated towards the mean: `mean + ψ·(w − mean)`.
    pub fn code(&self, w: ArrayView1<'_, f32>, psi: f32, cutoff: Option<usize>) -> Array2<f32> {
        let truncated = &self.mean + &((&w - &self.mean) * psi);
        let mut code = Array2::zeros((self.spec.layers, w.len()));
        for (layer, mut row) in code.axis_iter_mut(Axis(0)).enumerate() {
            let is_truncated = cutoff.is_none_or(|cutoff| layer < cutoff);
            row.assign(&if is_truncated { truncated.view() } else { w });
        }
        code
    }

    /// Draws a code in W+, `[L, n]`: a picture `[1, 3, R, R]`, RGB, about [-1, 1].
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub fn synthesize(
        &mut self,
        code: ArrayView2<'_, f32>,
        cancel: &CancelToken,
    ) -> Result<Array4<f32>, Error> {
        let mut drawing = self.begin(code);
        loop {
            if let Drawn::Picture(picture) = self.advance(&mut drawing, cancel)? {
                // The last owner need not copy it.
                drop(drawing);
                return Ok(picture.into_owned());
            }
        }
    }

    /// Draws a code and yields every picture on the way with its resolution, the whole one last.
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub fn synthesize_stages(
        &mut self,
        code: ArrayView2<'_, f32>,
        cancel: &CancelToken,
    ) -> Result<Vec<(usize, Array4<f32>)>, Error> {
        let mut drawing = self.begin(code);
        let mut stages = Vec::new();
        for part in 0..self.segments.len() {
            self.compute(&mut drawing, cancel)?;
            let picture = self.picture(&drawing, part)?;
            stages.push((picture.len_of(Axis(3)), picture.into_owned()));
        }
        Ok(stages)
    }

    /// Begins to draw a code in W+, `[L, n]`; [`advance`](Self::advance) goes on.
    pub fn begin(&self, code: ArrayView2<'_, f32>) -> SynthesisRun {
        let codes = (name::CODES.to_owned(), code.to_owned().into_dyn().into());
        SynthesisRun {
            inputs: BTreeMap::from([codes]),
            values: DeviceValues::default(),
            done: 0,
        }
    }

    /// Computes the next part of a drawing. Nothing is computed twice.
    ///
    /// # Errors
    /// As [`map`](Self::map). The drawing stays where it was.
    pub fn advance(
        &mut self,
        drawing: &mut SynthesisRun,
        cancel: &CancelToken,
    ) -> Result<Drawn, Error> {
        let last = self.segments.len().saturating_sub(1);
        let part = drawing.done.min(last);
        if drawing.done <= last {
            self.compute(drawing, cancel)?;
        }
        let picture = self.picture(drawing, part)?;
        Ok(match part == last {
            true => Drawn::Picture(picture),
            false => Drawn::Preview(picture),
        })
    }

    fn compute(&mut self, drawing: &mut SynthesisRun, cancel: &CancelToken) -> Result<(), Error> {
        let Some(segment) = self.segments.get_mut(drawing.done) else {
            return Ok(());
        };
        let inputs: Vec<_> = drawing
            .inputs
            .iter()
            .filter(|(name, _)| segment.takes(name))
            .map(|(name, array)| (name.as_str(), array.view()))
            .collect();
        let mut given = drawing.values.clone();
        given.retain(|name| segment.takes(name));
        let (pictures, kept) =
            segment
                .session
                .run_between(&segment.noise, &inputs, &given, &segment.kept, cancel)?;
        drawing.done += 1;
        let pictures = pictures.into_iter();
        drawing
            .inputs
            .extend(pictures.map(|(name, picture)| (name, picture.into())));
        drawing.values.extend(kept);
        let later = self.segments.get(drawing.done..).unwrap_or_default();
        drawing
            .values
            .retain(|name| later.iter().any(|segment| segment.takes(name)));
        Ok(())
    }

    fn picture(&self, drawing: &SynthesisRun, part: usize) -> Result<ArcArray<f32, Ix4>, Error> {
        let name = self.segments.get(part).map(|segment| &segment.picture);
        let picture = name.and_then(|name| drawing.inputs.get(name));
        let shape = picture.map_or_else(Vec::new, |picture| picture.shape().to_vec());
        picture
            .and_then(|picture| picture.clone().into_dimensionality::<Ix4>().ok())
            .ok_or_else(|| Error::Shape {
                role: Role::Synthesis,
                shape,
                expected: "[1, 3, R, R]".to_owned(),
            })
    }
}

/// The synthesis network in sessions, cut where its pictures of lower resolutions are ready.
fn segments(
    runtime: &Runtime,
    networks: &GeneratorNetworks,
    stages: Stages,
) -> Result<Vec<Segment>, Error> {
    let mut pictures: Vec<(String, Value)> = networks
        .spec
        .layer_resolutions
        .iter()
        .copied()
        .filter(|resolution| match stages {
            Stages::Previews => PREVIEW_RESOLUTIONS_PX.contains(resolution),
            Stages::All => true,
        })
        .filter(|&resolution| resolution < networks.spec.resolution)
        .filter_map(|resolution| {
            let name = name::rgb(resolution);
            let value = networks.synthesis.output_named(&name)?;
            Some((name, value))
        })
        .collect();
    pictures.dedup();
    let stops: Vec<Value> = pictures.iter().map(|(_, value)| *value).collect();
    let names = pictures.iter().map(|(name, _)| name.clone());
    let names: Vec<String> = names.chain([name::IMAGE.to_owned()]).collect();

    let mut synthesis = networks.synthesis.clone();
    let outputs = synthesis.outputs().to_vec();
    synthesis.clear_outputs();
    for (name, value) in outputs {
        if names.contains(&name) {
            synthesis.output(name, value)?;
        }
    }
    synthesis
        .segments(&stops)?
        .into_iter()
        .zip(names)
        .map(|(part, picture)| {
            let inputs = part.inputs().iter();
            let outputs = part.outputs().iter().map(|(name, _)| name.clone());
            Ok(Segment {
                inputs: inputs
                    .filter_map(|&input| part.input_name(input).map(str::to_owned))
                    .collect(),
                noise: Arc::default(),
                kept: outputs.filter(|name| *name != picture).collect(),
                session: runtime.session("synthesis network", &part.to_onnx_bytes()?)?,
                picture,
            })
        })
        .collect()
}

/// Maps Gaussian latents `[m, n]` to W, `[m, n]`, without truncation.
pub(super) fn map_latents(
    mapping: &mut Session,
    latents: ArrayView2<'_, f32>,
    cancel: &CancelToken,
) -> Result<Array2<f32>, Error> {
    let mut codes = Array2::zeros(latents.raw_dim());
    for row in 0..latents.nrows() {
        let latent = latents.slice(s![row..=row, ..]);
        let code = mapping.run_for(name::W, &[(name::Z, latent.into_dyn())], cancel)?;
        let shape = code.shape().to_vec();
        let code = code
            .into_dimensionality::<Ix2>()
            .ok()
            .filter(|code| code.ncols() == latents.ncols());
        let code = code.ok_or_else(|| Error::Shape {
            role: Role::Mapping,
            shape,
            expected: format!("[1, {}]", latents.ncols()),
        })?;
        codes.row_mut(row).assign(&code.row(0));
    }
    Ok(codes)
}

/// Gaussian latents `[count, size]`, row by row from one stream: row k of a seed is the same whatever
/// the count.
pub fn gaussian_latents(seed: u64, count: usize, size: usize) -> Array2<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_simple_fn((count, size), || StandardNormal.sample(&mut random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latent_does_not_depend_on_how_many_follow() {
        let few = gaussian_latents(7, 2, 512);
        let many = gaussian_latents(7, 5, 512);
        assert_eq!(few, many.slice(s![..2, ..]));
        assert_ne!(few, gaussian_latents(8, 2, 512));
    }
}
