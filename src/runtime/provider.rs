//! Execution providers: what the user asked for, and what really runs.

use std::fmt;
use std::str::FromStr;

use ort::environment::Environment;
use ort::ep::{CUDA, ExecutionProviderDispatch, WebGPU};
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::Session;
use ort::session::builder::SessionBuilder;

use super::Error;
use crate::graph::{self, Graph};

/// What the user asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProviderChoice {
    /// The fastest provider that starts here: CUDA, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU through CUDA and cuDNN.
    Cuda,
    /// Any GPU through WebGPU.
    WebGpu,
}

/// The provider that runs, and what was passed over on the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    kind: Kind,
    /// Why a faster provider is not used; for `auto` only.
    passed_over: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cpu,
    Cuda,
    WebGpu,
}

impl Provider {
    /// `cpu`, `cuda` or `webgpu`.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Cpu => "cpu",
            Kind::Cuda => "cuda",
            Kind::WebGpu => "webgpu",
        }
    }

    /// With `auto`: the reason why no GPU is used, in the runtime's words.
    pub fn passed_over(&self) -> Option<&str> {
        self.passed_over.as_deref()
    }

    /// Adds this provider to a session that is being built. It fails rather than fall back.
    pub(super) fn register(&self, builder: SessionBuilder) -> Result<SessionBuilder, ort::Error> {
        match dispatch(self.kind) {
            None => Ok(builder),
            Some(dispatch) => Ok(builder.with_execution_providers([dispatch])?),
        }
    }

    /// The memory in which values between two sessions lie.
    pub(super) fn memory(&self) -> Result<MemoryInfo<'static>, ort::Error> {
        let device = match self.kind {
            Kind::Cuda => AllocationDevice::CUDA,
            Kind::Cpu | Kind::WebGpu => AllocationDevice::CPU,
        };
        MemoryInfo::new(device, 0, AllocatorType::Device, MemoryType::Default)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Cpu => "CPU",
            Kind::Cuda => "CUDA",
            Kind::WebGpu => "WebGPU",
        })
    }
}

impl fmt::Display for ProviderChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::WebGpu => "webgpu",
        })
    }
}

impl FromStr for ProviderChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            "webgpu" => Ok(Self::WebGpu),
            other => Err(format!(
                "'{other}' is no provider; use auto, cpu, cuda or webgpu"
            )),
        }
    }
}

/// Turns a choice into the provider that runs, by starting it once.
pub(super) fn settle(environment: &Environment, choice: ProviderChoice) -> Result<Provider, Error> {
    let started = |kind| {
        start(environment, kind).map(|()| Provider {
            kind,
            passed_over: None,
        })
    };
    match choice {
        ProviderChoice::Cpu => Ok(Provider {
            kind: Kind::Cpu,
            passed_over: None,
        }),
        ProviderChoice::Cuda => started(Kind::Cuda).map_err(|reason| unavailable(choice, reason)),
        ProviderChoice::WebGpu => {
            started(Kind::WebGpu).map_err(|reason| unavailable(choice, reason))
        }
        ProviderChoice::Auto => Ok(started(Kind::Cuda).unwrap_or_else(|reason| {
            tracing::info!(%reason, "no GPU is used");
            Provider {
                kind: Kind::Cpu,
                passed_over: Some(reason),
            }
        })),
    }
}

fn unavailable(provider: ProviderChoice, reason: String) -> Error {
    Error::ProviderUnavailable { provider, reason }
}

/// Starts a provider on a network of one node that is thrown away: only then does a GPU's provider
/// load its libraries, look for a device, and say what is missing.
fn start(environment: &Environment, kind: Kind) -> Result<(), String> {
    let provider = Provider {
        kind,
        passed_over: None,
    };
    let attempt = || -> Result<(), Box<dyn std::error::Error>> {
        let onnx = probe()?.to_onnx_bytes()?;
        provider
            .register(Session::builder(environment)?)?
            .commit_from_memory(&onnx)?;
        Ok(())
    };
    attempt().map_err(|error| plain_reason(&error.to_string()))
}

/// The smallest network.
fn probe() -> Result<Graph, graph::Error> {
    let mut graph = Graph::new("probe");
    let x = graph.input("x", &[1, 1])?;
    let y = graph.relu(x)?;
    graph.output("y", y)?;
    Ok(graph)
}

/// What a user can do something with, out of ONNX Runtime's words: the device's own complaint where
/// there is one, else the first line.
fn plain_reason(words: &str) -> String {
    let complaint = ["CUDA failure", "Failed to load library"]
        .iter()
        .find_map(|start| words.rfind(start))
        .map_or(words, |start| &words[start..]);
    let end = complaint.find([';', '\n']).unwrap_or(complaint.len());
    complaint[..end]
        .trim()
        .trim_end_matches(['.', ' '])
        .to_owned()
}

fn dispatch(kind: Kind) -> Option<ExecutionProviderDispatch> {
    match kind {
        Kind::Cpu => None,
        // The runtime's own choice, TF32, rounds factors to ten bits: no faster here, and off by a thousandth.
        Kind::Cuda => Some(CUDA::default().with_tf32(false).build().error_on_failure()),
        Kind::WebGpu => Some(WebGPU::default().build().error_on_failure()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_complaint_the_part_for_people_is_kept() {
        let words = "/src/cuda_call.cc:154 Status CudaCall() [with THRW = true] CUDA failure 100: no \
                     CUDA-capable device is detected ; GPU=-1 ; hostname=vm";
        assert_eq!(
            plain_reason(words),
            "CUDA failure 100: no CUDA-capable device is detected"
        );
        assert_eq!(
            plain_reason(
                "/src/provider.cc:2043 Get() FAIL : Failed to load library /a.so: no such file"
            ),
            "Failed to load library /a.so: no such file"
        );
        assert_eq!(
            plain_reason("not supported in this build. .\nmore"),
            "not supported in this build"
        );
    }

    #[test]
    fn choices_are_read_as_they_are_written() {
        for choice in [
            ProviderChoice::Auto,
            ProviderChoice::Cpu,
            ProviderChoice::Cuda,
            ProviderChoice::WebGpu,
        ] {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert!("tpu".parse::<ProviderChoice>().unwrap_err().contains("tpu"));
    }
}
