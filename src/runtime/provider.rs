//! Execution providers: what the user asked for, and what really runs.

use std::fmt;
use std::str::FromStr;

use ort::environment::Environment;
use ort::ep::{CUDA, ExecutionProviderDispatch, WebGPU};
use ort::session::Session;
use ort::session::builder::SessionBuilder;

use super::Error;

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

/// Starts a provider on session options that are thrown away: the providers of a GPU load their
/// libraries and look for a device at this point, and say what is missing.
fn start(environment: &Environment, kind: Kind) -> Result<(), String> {
    let Some(dispatch) = dispatch(kind) else {
        return Ok(());
    };
    Session::builder(environment)
        .map_err(|error| error.to_string())?
        .with_execution_providers([dispatch])
        .map(|_| ())
        .map_err(|error| error.to_string())
}

fn dispatch(kind: Kind) -> Option<ExecutionProviderDispatch> {
    match kind {
        Kind::Cpu => None,
        Kind::Cuda => Some(CUDA::default().build().error_on_failure()),
        Kind::WebGpu => Some(WebGPU::default().build().error_on_failure()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
