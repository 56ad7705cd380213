//! A network that is ready to run.

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD};
use ort::session::{RunOptions, Session as OrtSession, SessionInputValue};
use ort::value::TensorRef;

use super::{CancelToken, Error, Runtime};

/// The outputs of a run, by name.
pub type Outputs = BTreeMap<String, ArrayD<f32>>;

/// A network loaded into ONNX Runtime, with float32 inputs and outputs.
pub struct Session {
    network: String,
    session: OrtSession,
}

impl Session {
    pub(super) fn new(runtime: &Runtime, network: &str, onnx: &[u8]) -> Result<Self, Error> {
        let build = || -> Result<OrtSession, ort::Error> {
            let mut builder = OrtSession::builder(runtime.environment)?
                // The threads of a session that waits must not burn a core that the window needs.
                .with_intra_op_spinning(false)?
                // Patterns keep the memory of a whole run reserved as one block: measured on the
                // inversion step, 2.1 GB against 1.2 GB, and no faster.
                .with_memory_pattern(false)?;
            if runtime.threads > 0 {
                builder = builder.with_intra_threads(runtime.threads)?;
            }
            runtime.provider.register(builder)?.commit_from_memory(onnx)
        };
        let session = build().map_err(|error| Error::Network {
            network: network.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            network: network.to_owned(),
            session,
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
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let network = self.network.clone();
        let failed = |error: ort::Error| Error::Run {
            network: network.clone(),
            reason: error.to_string(),
        };
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
            .collect::<Result<Vec<_>, ort::Error>>()
            .map_err(failed)?;
        let options = Arc::new(RunOptions::new().map_err(failed)?);
        let session = &mut self.session;
        let outcome = cancel.during(&options, || session.run_with_options(values, &options));
        let outputs = match outcome {
            Ok(outputs) => outputs,
            Err(_) if cancel.is_cancelled() => return Err(Error::Cancelled),
            Err(error) => return Err(failed(error)),
        };
        outputs
            .iter()
            .map(|(name, value)| {
                let array = value.try_extract_array::<f32>().map_err(failed)?;
                Ok((name.to_owned(), array.to_owned()))
            })
            .collect()
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
}
