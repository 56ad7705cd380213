//! Installing ONNX Runtime and the community networks, as a job.

use crossbeam_channel::Sender;

use super::{Context, Error, Job, Progress, Step, Waker};
use crate::networks::pack::{install_community_pack, install_runtime, remove_downloads};
use crate::runtime::{ProviderChoice, Runtime};

/// Installs what is missing. It is one long step: until it has ended there is nothing that the engine
/// could do besides.
pub struct Install {
    progress: Sender<Progress>,
    wake: Waker,
}

impl Install {
    /// Tells `progress` about every part, and calls `wake` then.
    pub fn new(progress: Sender<Progress>, wake: Waker) -> Self {
        Self { progress, wake }
    }
}

impl Job for Install {
    type Output = ();

    fn name(&self) -> String {
        "install the networks".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<()>, Error> {
        let Self { progress, wake } = self;
        let mut show = |what: &str, step: usize, steps: usize| {
            // A window that was closed listens no longer; it has cancelled the job as well.
            let _ = progress.send(Progress {
                stage: "install",
                fraction: step.saturating_sub(1) as f32 / steps.max(1) as f32,
                detail: what.to_owned(),
                left: None,
            });
            wake();
        };
        install_runtime(&mut show, context.cancel)?;
        let runtime = Runtime::load(ProviderChoice::Cpu, 0)?;
        install_community_pack(&runtime, &mut show, context.cancel)?;
        remove_downloads()?;
        Ok(Step::Done(()))
    }
}
