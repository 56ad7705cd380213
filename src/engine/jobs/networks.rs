//! Networks: installed, imported, described, and each run by itself.

mod compute_features;
mod describe;
mod import_networks;
mod install;
mod parse_picture;
mod score_picture;

use crossbeam_channel::Sender;

use crate::engine::job::Progress;
use crate::engine::thread::Waker;
pub use compute_features::compute_features;
pub use describe::{Description, describe, describe_generator};
pub use import_networks::{ImportedPack, import_networks};
pub use install::install_networks;
pub use parse_picture::{ParsedPicture, parse_picture};
pub use score_picture::{LabelSource, score_picture, score_pictures};

/// Tells a channel about every part of a job that is one long step, and wakes whoever listens.
fn report_steps(
    stage: &'static str,
    progress: &Sender<Progress>,
    wake: &Waker,
) -> impl FnMut(&str, usize, usize) {
    move |what, step, steps| {
        // A window that was closed listens no longer; it has cancelled the job as well.
        let _ = progress.send(Progress {
            stage,
            fraction: step.saturating_sub(1) as f32 / steps.max(1) as f32,
            detail: what.to_owned(),
            left: None,
        });
        wake();
    }
}
