//! The networks of the engine thread, loaded when first asked for.

use std::path::Path;

use super::Error;
use crate::checkpoint::dlib::ShapePredictor;
use crate::graph::Graph;
use crate::latent::inversion::{self, Weights, feature_graph, step_graph};
use crate::networks::pack::COMMUNITY;
use crate::networks::{self, FaceDetector, Generator, LandmarkModel, Pack, Role, Whitening};
use crate::runtime::{ProviderChoice, Runtime};

/// What the engine is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The execution provider that the user asked for.
    pub provider: ProviderChoice,
    /// CPU threads of a session; 0 means one for each core.
    pub threads: usize,
    /// The network pack.
    pub pack: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            provider: ProviderChoice::Auto,
            threads: 0,
            pack: COMMUNITY.to_owned(),
        }
    }
}

/// All sessions, owned by the engine thread.
pub struct Sessions {
    settings: Settings,
    base: Option<Base>,
    generator: Option<Generator>,
    inversion: Option<inversion::Networks>,
    detector: Option<FaceDetector>,
    landmarks: Option<LandmarkModel>,
}

/// Fills an empty slot and yields what is in it.
fn load<T>(slot: &mut Option<T>, make: impl FnOnce() -> Result<T, Error>) -> Result<&mut T, Error> {
    match slot {
        Some(value) => Ok(value),
        None => Ok(slot.insert(make()?)),
    }
}

/// What every network is loaded with.
struct Base {
    runtime: Runtime,
    pack: Pack,
}

impl Base {
    fn load(settings: &Settings) -> Result<Self, Error> {
        Ok(Self {
            runtime: Runtime::load(settings.provider, settings.threads)?,
            pack: Pack::open(&settings.pack)?,
        })
    }
}

impl Sessions {
    /// Nothing is loaded yet.
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            base: None,
            generator: None,
            inversion: None,
            detector: None,
            landmarks: None,
        }
    }

    /// ONNX Runtime with the settled execution provider.
    ///
    /// # Errors
    /// When the library or the pack is missing, or the provider cannot run.
    pub fn runtime(&mut self) -> Result<&Runtime, Error> {
        load(&mut self.base, || Base::load(&self.settings)).map(|base| &base.runtime)
    }

    /// The network pack.
    ///
    /// # Errors
    /// As [`runtime`](Self::runtime).
    pub fn pack(&mut self) -> Result<&Pack, Error> {
        load(&mut self.base, || Base::load(&self.settings)).map(|base| &base.pack)
    }

    /// The face detector.
    ///
    /// # Errors
    /// When the model that is built in is damaged.
    pub fn detector(&mut self) -> Result<&FaceDetector, Error> {
        load(&mut self.detector, || {
            Ok(FaceDetector::new().map_err(networks::Error::from)?)
        })
        .map(|detector| &*detector)
    }

    /// The landmark model.
    ///
    /// # Errors
    /// When the pack lacks it.
    pub fn landmarks(&mut self) -> Result<&LandmarkModel, Error> {
        let base = load(&mut self.base, || Base::load(&self.settings))?;
        load(&mut self.landmarks, || landmark_model(&base.pack)).map(|model| &*model)
    }

    /// The generator.
    ///
    /// # Errors
    /// When the runtime, the pack or a network cannot be loaded.
    pub fn generator(&mut self) -> Result<&mut Generator, Error> {
        let base = load(&mut self.base, || Base::load(&self.settings))?;
        load(&mut self.generator, || {
            Ok(Generator::load(&base.runtime, &base.pack)?)
        })
    }

    /// Lets go of what only an inversion needs: most of the memory.
    pub(super) fn release_inversion(&mut self) {
        self.inversion = None;
    }

    /// The networks of the inversion: the graph with its gradient is built here.
    ///
    /// # Errors
    /// As [`generator`](Self::generator).
    pub fn inversion(&mut self) -> Result<&mut inversion::Networks, Error> {
        let base = load(&mut self.base, || Base::load(&self.settings))?;
        load(&mut self.inversion, || {
            inversion_networks(&base.runtime, &base.pack)
        })
    }
}

fn landmark_model(pack: &Pack) -> Result<LandmarkModel, Error> {
    let name = Path::new("landmark model");
    let predictor =
        ShapePredictor::parse(name, &pack.read(Role::Landmarks)?).map_err(networks::Error::from)?;
    Ok(LandmarkModel::new(predictor).map_err(networks::Error::from)?)
}

fn inversion_networks(runtime: &Runtime, pack: &Pack) -> Result<inversion::Networks, Error> {
    let read = |role| -> Result<Graph, Error> {
        Ok(Graph::from_onnx_bytes(&pack.read(role)?).map_err(networks::Error::from)?)
    };
    let synthesis = read(Role::Synthesis)?;
    let perceptual = read(Role::Perceptual)?;
    let whitening = Whitening::load(pack)?;
    let features = feature_graph(&perceptual)?;
    let step = step_graph(&synthesis, &perceptual, &whitening, Weights::default())?;
    let session = |name: &str, graph: &Graph| -> Result<_, Error> {
        Ok(runtime.session(name, &graph.to_onnx_bytes().map_err(networks::Error::from)?)?)
    };
    Ok(inversion::Networks {
        features: session("perceptual network", &features)?,
        step: session("inversion step", &step)?,
        layers: pack.manifest().generator.layers,
        whitening,
    })
}
