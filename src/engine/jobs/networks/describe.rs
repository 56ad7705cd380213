//! What the engine runs with, for reports and the status line.

use std::path::PathBuf;

use serde::Serialize;

use crate::engine::job::OneStep;
use crate::networks::GeneratorSpec;
use crate::networks::pack::{Manifest, installed_packs};

/// What the engine runs with.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    /// The execution provider that really runs: `cpu`, `cuda` or `webgpu`.
    pub provider: &'static str,
    /// With `auto`: why no GPU is used.
    pub passed_over: Option<String>,
    /// The ONNX Runtime library.
    pub library: PathBuf,
    /// What the library says of its build.
    pub build: &'static str,
    /// The network pack.
    pub pack: Manifest,
    /// The names of all packs that are installed.
    pub packs: Vec<String>,
}

/// Asks the engine what it runs with.
pub fn describe() -> OneStep<Description> {
    OneStep::new("describe the engine", |context| {
        let pack = context.sessions.pack()?.manifest().clone();
        let runtime = context.sessions.runtime()?;
        Ok(Description {
            provider: runtime.provider().name(),
            passed_over: runtime.provider().passed_over().map(str::to_owned),
            library: runtime.library().path.clone(),
            build: runtime.build_info(),
            pack,
            packs: installed_packs()?,
        })
    })
}

/// Asks the engine about its generator.
pub fn describe_generator() -> OneStep<GeneratorSpec> {
    OneStep::new("describe the generator", |context| {
        Ok(context.sessions.spec()?.clone())
    })
}
