//! The networks of the engine thread, loaded when first asked for.

mod code_store;
pub(super) mod labeller;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;
use ndarray::{Array2, ArrayView4};

use super::error::Error;
use crate::checkpoint::dlib::ShapePredictor;
use crate::latent::diffusion;
use crate::latent::inversion::{self, Target};
use crate::networks::pack::COMMUNITY;
use crate::networks::{
    self, ChinMeter, ChinReading, FaceDetector, FaceParser, FieldOutputs, Generator,
    GeneratorNetworks, GeneratorSpec, LandmarkModel, NeckFieldNetwork, Pack, Perceptual, Role,
    Whitening,
};
use crate::portrait::tensor::reduced_tensor;
use crate::runtime::{CancelToken, ProviderChoice, Runtime};
use crate::sha256::sha256_read;

pub use code_store::{CodeKey, CodeStore};
pub use labeller::Labeller;

/// What the engine is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The execution provider that the user asked for.
    pub provider: ProviderChoice,
    /// CPU threads of a session; 0 means one for each core.
    pub threads: usize,
    /// The network pack.
    pub pack: String,
    /// A generator's file to use instead of the pack's, see
    /// [`GeneratorNetworks::from_file`](crate::networks::GeneratorNetworks::from_file).
    pub generator: Option<PathBuf>,
    /// The folder in which codes that were found are kept, see [`CodeStore`]; none if `None`.
    pub codes: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            provider: ProviderChoice::Auto,
            threads: 0,
            pack: COMMUNITY.to_owned(),
            generator: None,
            codes: None,
        }
    }
}

/// All sessions, owned by the engine thread.
#[derive(Default)]
pub struct Sessions {
    base: Base,
    generator: Option<Generator>,
    inversion: Option<inversion::Networks>,
    diffusion: Option<diffusion::Networks>,
    detector: Option<FaceDetector>,
    landmarks: Option<LandmarkModel>,
    parser: Option<FaceParser>,
    meter: Option<ChinMeter>,
    neck_field: Option<NeckFieldNetwork>,
}

/// Fills an empty slot and yields what is in it.
fn load<T>(slot: &mut Option<T>, make: impl FnOnce() -> Result<T, Error>) -> Result<&mut T, Error> {
    match slot {
        Some(value) => Ok(value),
        None => Ok(slot.insert(make()?)),
    }
}

/// What sessions are made of.
#[derive(Default)]
struct Base {
    settings: Settings,
    runtime: Option<Runtime>,
    pack: Option<Pack>,
    networks: Option<Arc<GeneratorNetworks>>,
    spec: Option<GeneratorSpec>,
    /// What tells the generator from any other: the SHA-256 of its file.
    generator_digest: Option<String>,
}

impl Base {
    fn runtime(&mut self) -> Result<&Runtime, Error> {
        let Settings {
            provider, threads, ..
        } = self.settings;
        load(&mut self.runtime, || Ok(Runtime::load(provider, threads)?)).map(|runtime| &*runtime)
    }

    fn pack(&mut self) -> Result<&Pack, Error> {
        load(&mut self.pack, || Ok(Pack::open(&self.settings.pack)?)).map(|pack| &*pack)
    }

    fn networks(&mut self) -> Result<Arc<GeneratorNetworks>, Error> {
        if let Some(networks) = &self.networks {
            return Ok(Arc::clone(networks));
        }
        let networks = match &self.settings.generator {
            Some(path) => GeneratorNetworks::from_file(path)?,
            None => GeneratorNetworks::from_pack(self.pack()?)?,
        };
        self.spec = Some(networks.spec.clone());
        Ok(Arc::clone(self.networks.insert(Arc::new(networks))))
    }

    fn spec(&mut self) -> Result<&GeneratorSpec, Error> {
        if self.spec.is_none() {
            let spec = match self.settings.generator {
                Some(_) => self.networks()?.spec.clone(),
                None => self.pack()?.generator()?.clone(),
            };
            self.spec = Some(spec);
        }
        load(&mut self.spec, || Err(networks::Error::NoMapping.into())).map(|spec| &*spec)
    }

    /// What tells the networks of a search from any others: the SHA-256 of their files.
    fn search_digests(&mut self) -> Result<String, Error> {
        let digest = self.pack()?.entry(Role::Perceptual);
        let perceptual = digest.map(|entry| entry.sha256.clone()).unwrap_or_default();
        Ok(format!("{} {perceptual}", self.generator_digest()?))
    }

    fn generator_digest(&mut self) -> Result<&str, Error> {
        let digest = match (&self.generator_digest, &self.settings.generator) {
            (Some(digest), _) => digest.clone(),
            (None, Some(path)) => {
                let read = File::open(path).and_then(sha256_read);
                let (_, digest) = read.map_err(|source| networks::Error::Read {
                    path: path.clone(),
                    source,
                })?;
                digest
            }
            (None, None) => {
                let entry = self.pack()?.entry(Role::Synthesis);
                entry.map(|entry| entry.sha256.clone()).unwrap_or_default()
            }
        };
        Ok(self.generator_digest.insert(digest))
    }
}

/// The place of a code among those that are kept.
pub(super) struct KeptCode {
    store: CodeStore,
    key: CodeKey,
    shape: [usize; 2],
}

impl KeptCode {
    /// The code, if an earlier search found it.
    pub fn get(&self) -> Option<Array2<f32>> {
        self.store.get(&self.key, self.shape)
    }

    /// Keeps what a search has found.
    pub fn put(&self, code: &Array2<f32>) {
        self.store.put(&self.key, code);
    }
}

impl Sessions {
    /// Nothing is loaded yet.
    pub(super) fn new(settings: Settings) -> Self {
        let base = Base {
            settings,
            ..Base::default()
        };
        Self {
            base,
            ..Self::default()
        }
    }

    /// ONNX Runtime with the settled execution provider.
    ///
    /// # Errors
    /// When the library is missing, or the provider cannot run.
    pub fn runtime(&mut self) -> Result<&Runtime, Error> {
        self.base.runtime()
    }

    /// The network pack.
    ///
    /// # Errors
    /// When it is not installed, or damaged.
    pub fn pack(&mut self) -> Result<&Pack, Error> {
        self.base.pack()
    }

    /// What must be known of the generator.
    ///
    /// # Errors
    /// When its file or the pack cannot be used.
    pub fn spec(&mut self) -> Result<&GeneratorSpec, Error> {
        self.base.spec()
    }

    /// The generator's graphs, to build others of.
    ///
    /// # Errors
    /// As [`spec`](Self::spec).
    pub fn generator_networks(&mut self) -> Result<Arc<GeneratorNetworks>, Error> {
        self.base.networks()
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
        load(&mut self.landmarks, || landmark_model(self.base.pack()?)).map(|model| &*model)
    }

    /// The generator.
    ///
    /// # Errors
    /// When the runtime, the pack or a network cannot be loaded.
    pub fn generator(&mut self) -> Result<&mut Generator, Error> {
        load(&mut self.generator, || {
            let networks = self.base.networks()?;
            Ok(Generator::load(self.base.runtime()?, &networks)?)
        })
    }

    /// Who labels the parts of a face: the pack's parser if it has one, else our own.
    ///
    /// # Errors
    /// When the pack is missing, or its parser cannot be loaded.
    pub fn labeller<'a>(&'a mut self, cancel: &'a CancelToken) -> Result<Labeller<'a>, Error> {
        let parser = load(&mut self.parser, || {
            let pack = self.base.pack()?.clone();
            let runtime = self.base.runtime()?;
            Ok(match pack.entry(Role::Parser) {
                Some(_) => FaceParser::from_pack(runtime, &pack)?,
                None => FaceParser::own(runtime)?,
            })
        })?;
        Ok(Labeller { parser, cancel })
    }

    /// How much of a double chin an aligned crop (square, values in 0..=1) has.
    ///
    /// # Errors
    /// When the runtime cannot be loaded or the network fails.
    pub fn read_chin(
        &mut self,
        crop: &RgbImage,
        cancel: &CancelToken,
    ) -> Result<ChinReading, Error> {
        let meter = load(&mut self.meter, || {
            Ok(ChinMeter::own(self.base.runtime()?)?)
        })?;
        let reduced = reduced_tensor(crop, ChinMeter::SIZE);
        Ok(meter.read(reduced.view(), cancel)?)
    }

    /// The neck field of an aligned crop; `input` as [`NeckFieldNetwork::predict`] takes it.
    ///
    /// # Errors
    /// When the runtime cannot be loaded or the network fails.
    pub fn neck_field(
        &mut self,
        input: ArrayView4<'_, f32>,
        cancel: &CancelToken,
    ) -> Result<FieldOutputs, Error> {
        let network = load(&mut self.neck_field, || {
            Ok(NeckFieldNetwork::own(self.base.runtime()?)?)
        })?;
        Ok(network.predict(input, cancel)?)
    }

    /// Lets go of what only a search for codes needs: most of the memory.
    pub(super) fn release_searches(&mut self) {
        self.inversion = None;
        self.diffusion = None;
        self.base.networks = None;
    }

    /// Where the code of a search for this target is kept; `None` when none are.
    ///
    /// # Errors
    /// As [`spec`](Self::spec).
    pub(super) fn kept_code(
        &mut self,
        target: &Target,
        options: &inversion::Options,
    ) -> Result<Option<KeptCode>, Error> {
        let Some(folder) = self.base.settings.codes.clone() else {
            return Ok(None);
        };
        let spec = self.base.spec()?;
        let shape = [spec.layers, spec.code_size];
        let key = CodeKey::new(target, options, &self.base.search_digests()?);
        let store = CodeStore::at(folder);
        Ok(Some(KeptCode { store, key, shape }))
    }

    /// The networks of the inversion: the graph with its gradient is built here.
    ///
    /// # Errors
    /// As [`generator`](Self::generator).
    pub fn inversion(&mut self) -> Result<&mut inversion::Networks, Error> {
        // Each takes up to gigabytes, and only one runs at a time.
        self.diffusion = None;
        load(&mut self.inversion, || inversion_networks(&mut self.base))
    }

    /// The networks of the diffusion: the graph with its gradient is built here.
    ///
    /// # Errors
    /// As [`generator`](Self::generator).
    pub fn diffusion(&mut self) -> Result<&mut diffusion::Networks, Error> {
        self.inversion = None;
        load(&mut self.diffusion, || diffusion_networks(&mut self.base))
    }
}

fn landmark_model(pack: &Pack) -> Result<LandmarkModel, Error> {
    let name = Path::new("landmark model");
    let predictor =
        ShapePredictor::parse(name, &pack.read(Role::Landmarks)?).map_err(networks::Error::from)?;
    Ok(LandmarkModel::new(predictor).map_err(networks::Error::from)?)
}

fn inversion_networks(base: &mut Base) -> Result<inversion::Networks, Error> {
    let generator = base.networks()?;
    let noise = generator.spec.noise_maps(Generator::NOISE_SEED);
    let synthesis = generator.with_noise(&noise)?;
    let perceptual = Perceptual::from_pack(base.pack()?)?.inversion_graph()?;
    let runtime = base.runtime()?;
    let whitening = match &generator.whitening {
        Some(whitening) => whitening.clone(),
        None => Whitening::sample(runtime, &generator, &CancelToken::new())?,
    };
    Ok(inversion::Networks::load(
        runtime,
        &synthesis,
        &perceptual,
        whitening,
    )?)
}

fn diffusion_networks(base: &mut Base) -> Result<diffusion::Networks, Error> {
    let generator = base.networks()?;
    let noise = generator.spec.noise_maps(Generator::NOISE_SEED);
    let synthesis = generator.with_noise(&noise)?;
    let perceptual = Perceptual::from_pack(base.pack()?)?.diffusion_graph()?;
    let variable = diffusion::Variable::EachLayer;
    Ok(diffusion::Networks::load(
        base.runtime()?,
        &synthesis,
        &perceptual,
        variable,
    )?)
}
