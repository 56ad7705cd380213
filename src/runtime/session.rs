//! A network that is ready to run.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD};
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{
    IoBinding, RunOptions, Session as OrtSession, SessionInputValue, SessionOutputs,
};
use ort::value::{DynValue, Tensor, TensorRef};

use super::{CancelToken, Error, Runtime};

/// The outputs of a run, by name.
pub type Outputs = BTreeMap<String, ArrayD<f32>>;

/// Inputs that stay the same from run to run, such as the target of an optimisation, by name.
pub type Constants = BTreeMap<String, ArrayD<f32>>;

/// A network loaded into ONNX Runtime, with float32 inputs and outputs.
pub struct Session {
    network: String,
    session: OrtSession,
    /// Where it computes.
    device: MemoryInfo<'static>,
    bound: Option<Bound>,
}

/// Values that stay where a session computed them, for other sessions of the same runtime, by name.
/// Between two networks on a GPU nothing travels to the computer's memory and back.
#[derive(Clone, Default)]
pub struct DeviceValues(BTreeMap<String, Arc<DynValue>>);

impl DeviceValues {
    /// Keeps those whose name fulfils the condition.
    pub fn retain(&mut self, mut condition: impl FnMut(&str) -> bool) {
        self.0.retain(|name, _| condition(name));
    }

    /// Adds all of `others`; they take the place of values of the same name.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }
}

impl fmt::Debug for DeviceValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Constants that lie on the session's device, and where its outputs go.
struct Bound {
    constants: Arc<Constants>,
    kept: Vec<String>,
    binding: IoBinding,
}

impl Bound {
    fn new(
        session: &OrtSession,
        constants: &Arc<Constants>,
        kept: &[String],
    ) -> Result<Self, ort::Error> {
        let mut binding = session.create_binding()?;
        for (name, array) in constants.iter() {
            bind(&mut binding, name, array.view())?;
        }
        let host = MemoryInfo::new(
            AllocationDevice::CPU,
            0,
            AllocatorType::Device,
            MemoryType::CPUOutput,
        )?;
        for output in session.outputs() {
            binding.bind_output_to_device(output.name(), &host)?;
        }
        Ok(Self {
            constants: Arc::clone(constants),
            kept: kept.to_vec(),
            binding,
        })
    }

    fn is_for(&self, constants: &Arc<Constants>, kept: &[String]) -> bool {
        Arc::ptr_eq(&self.constants, constants) && self.kept == kept
    }
}

fn bind(binding: &mut IoBinding, name: &str, array: ArrayViewD<'_, f32>) -> Result<(), ort::Error> {
    let array = array.as_standard_layout().into_owned();
    binding.bind_input(name, &Tensor::from_array(array)?)
}

impl Session {
    pub(super) fn new(runtime: &Runtime, network: &str, onnx: &[u8]) -> Result<Self, Error> {
        let build = || -> Result<_, ort::Error> {
            let mut builder = OrtSession::builder(runtime.environment)?
                // The threads of a session that waits must not burn a core that the window needs.
                .with_intra_op_spinning(false)?
                // Patterns keep the memory of a whole run reserved as one block: measured on the
                // inversion step, 2.1 GB against 1.2 GB, and no faster.
                .with_memory_pattern(false)?;
            if runtime.threads > 0 {
                builder = builder.with_intra_threads(runtime.threads)?;
            }
            let session = runtime
                .provider
                .register(builder)?
                .commit_from_memory(onnx)?;
            Ok((session, runtime.provider.memory()?))
        };
        let (session, device) = build().map_err(|error| Error::Network {
            network: network.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            network: network.to_owned(),
            session,
            device,
            bound: None,
        })
    }

    /// Runs the network on the named inputs and returns all outputs.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the token was cancelled before or during the run, [`Error::Run`]
    /// when an input is missing, has another shape, or the runtime fails.
    pub fn run(
        &mut self,
        inputs: &[(&str, ArrayViewD<'_, f32>)],
        cancel: &CancelToken,
    ) -> Result<Outputs, Error> {
        self.guarded(cancel, |session, options| {
            let contiguous: Vec<_> = inputs
                .iter()
                .map(|(name, array)| (*name, array.as_standard_layout()))
                .collect();
            let values = contiguous
                .iter()
                .map(|(name, array)| {
                    let tensor = TensorRef::from_array_view(array.view())?;
                    Ok(((*name).to_owned(), SessionInputValue::from(tensor)))
                })
                .collect::<Result<Vec<_>, ort::Error>>()?;
            owned(&session.session.run_with_options(values, options)?)
        })
    }

    /// As [`run`](Self::run), with `constants` as further inputs. They are copied to the device at the
    /// first run with them and stay there until others take their place.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_with(
        &mut self,
        constants: &Arc<Constants>,
        inputs: &[(&str, ArrayViewD<'_, f32>)],
        cancel: &CancelToken,
    ) -> Result<Outputs, Error> {
        let nothing = DeviceValues::default();
        let (outputs, _) = self.run_between(constants, inputs, &nothing, &[], cancel)?;
        Ok(outputs)
    }

    /// As [`run_with`](Self::run_with), for a part of a chain of networks: takes the `given` values as
    /// inputs, and leaves the outputs named in `kept` on the device, for the next network.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_between(
        &mut self,
        constants: &Arc<Constants>,
        inputs: &[(&str, ArrayViewD<'_, f32>)],
        given: &DeviceValues,
        kept: &[String],
        cancel: &CancelToken,
    ) -> Result<(Outputs, DeviceValues), Error> {
        self.guarded(cancel, |session, options| {
            let bound = match session.bound.take() {
                Some(bound) if bound.is_for(constants, kept) => bound,
                _ => Bound::new(&session.session, constants, kept)?,
            };
            let Bound { binding, .. } = session.bound.insert(bound);
            for (name, array) in inputs {
                bind(binding, name, array.view())?;
            }
            for (name, value) in &given.0 {
                binding.bind_input(name.as_str(), value)?;
            }
            for name in kept {
                // Anew for each run, which would otherwise write over what the last one has left.
                binding.bind_output_to_device(name.as_str(), &session.device)?;
            }
            binding.synchronize_inputs()?;
            let mut outputs = session.session.run_binding_with_options(binding, options)?;
            binding.synchronize_outputs()?;
            let kept = kept.iter().filter_map(|name| {
                let value = outputs.remove(name)?;
                Some((name.clone(), Arc::new(value)))
            });
            let kept = DeviceValues(kept.collect());
            Ok((owned(&outputs)?, kept))
        })
    }

    /// Runs a network with one output and returns it.
    ///
    /// # Errors
    /// As [`run`](Self::run); [`Error::Interface`] when the network has no such output.
    pub fn run_for(
        &mut self,
        output: &str,
        inputs: &[(&str, ArrayViewD<'_, f32>)],
        cancel: &CancelToken,
    ) -> Result<ArrayD<f32>, Error> {
        self.run(inputs, cancel)?
            .remove(output)
            .ok_or_else(|| Error::Interface {
                network: self.network.clone(),
                what: format!("output '{output}'"),
            })
    }

    /// Runs what can be cancelled, and says of what fails whether it was.
    fn guarded<T>(
        &mut self,
        cancel: &CancelToken,
        run: impl FnOnce(&mut Self, &RunOptions) -> Result<T, ort::Error>,
    ) -> Result<T, Error> {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let outcome = RunOptions::new().and_then(|options| {
            let options = Arc::new(options);
            cancel.during(&options, || run(self, &options))
        });
        outcome.map_err(|error| match cancel.is_cancelled() {
            true => Error::Cancelled,
            false => Error::Run {
                network: self.network.clone(),
                reason: error.to_string(),
            },
        })
    }
}

/// The outputs' arrays, out of ONNX Runtime's memory.
fn owned(outputs: &SessionOutputs<'_>) -> Result<Outputs, ort::Error> {
    outputs
        .iter()
        .map(|(name, value)| {
            Ok((
                name.to_owned(),
                value.try_extract_array::<f32>()?.to_owned(),
            ))
        })
        .collect()
}
