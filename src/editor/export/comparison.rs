//! Exporting before and after as one picture, or as an animation.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};
use image::RgbImage;

use super::{Error, ExportOptions, Exported, FaceChange, Job, check_cancel, retouched};
use crate::editor::background::Unexpected;
use crate::editor::compare::{self, Animation, Layout, blinking, shown, side_by_side, split};
use crate::fs::atomic;
use crate::photo::{self, Format, Photo};

/// Writes the comparison that the options ask for.
pub(super) fn write<F: FaceChange>(
    job: &Job<'_>,
    photo: &Photo,
    faces: &[Arc<F>],
) -> Result<Exported, Error> {
    let options = job.options;
    let animation = match options.comparison {
        Layout::Blink(_) => {
            let animation = Animation::from_path(job.path);
            let animation = animation.ok_or_else(|| Error::NoAnimation {
                path: job.path.into(),
            })?;
            photo.check_target(job.path, options.overwrite)?;
            Some(animation)
        }
        Layout::SideBySide | Layout::Split { .. } => {
            job.check(photo)?;
            None
        }
    };
    let after = photo.with_pixels(retouched(photo, faces, job.worker)?)?;
    job.worker.report("Drawing the comparison", 0.5);
    let side = options.longest_side_px;
    if let Some(animation) = animation {
        let pair = [photo, &after].map(|photo| shown(photo, side));
        check_cancel(job.worker)?;
        let [before, after] = pair;
        let frames = blinking(before, after, options.has_labels)?;
        job.worker.report("Writing the file", 0.7);
        let bytes = encoded(animation, frames, job)?;
        return write_bytes(job, &bytes);
    }
    let (before, after) = (own_colours(photo, side), own_colours(&after, side));
    check_cancel(job.worker)?;
    let picture = match options.comparison {
        Layout::Split { percent } => {
            let position = f32::from(percent) / 100.0;
            split(before, &after, position, options.has_labels)?
        }
        Layout::SideBySide | Layout::Blink(_) => side_by_side(before, after, options.has_labels),
    };
    let unreduced = ExportOptions {
        longest_side_px: None,
        ..options
    };
    Job {
        options: unreduced,
        ..*job
    }
    .save(photo.with_derived_pixels(picture.into()), &mut |_| Ok(()))
}

/// A half of a picture that keeps the photo's profile: 8 bits, what is transparent on white, as by most
/// viewers.
fn own_colours(photo: &Photo, longest_side_px: Option<u32>) -> RgbImage {
    let reduced = longest_side_px.and_then(|side| photo.reduced_to(side));
    let photo = reduced.as_ref().unwrap_or(photo);
    let opaque = photo.fitted_to(Format::Jpeg);
    let opaque = opaque.as_ref().map_or(photo, |(photo, _)| photo);
    opaque.pixels().to_rgb8()
}

/// The animation's file. Encoders know no cancelling, so one that nobody waits for any more is left to
/// itself.
fn encoded(animation: Animation, frames: [RgbImage; 2], job: &Job<'_>) -> Result<Vec<u8>, Error> {
    const PATIENCE: Duration = Duration::from_millis(50);
    let (sender, receiver) = bounded(1);
    let encode = move || {
        let mut bytes = Vec::new();
        let done = compare::write_animation(animation, &mut bytes, &frames);
        // Nobody may be there any more.
        let _ = sender.send(done.map(|()| bytes));
    };
    let started = thread::Builder::new()
        .name("animation".to_owned())
        .spawn(encode);
    started.map_err(|error| written_error(job.path, error))?;
    loop {
        match receiver.recv_timeout(PATIENCE) {
            Ok(bytes) => return Ok(bytes?),
            Err(RecvTimeoutError::Timeout) => check_cancel(job.worker)?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Unexpected {
                    work: "animation",
                    detail: "the encoder ended early".to_owned(),
                }
                .into());
            }
        }
    }
}

fn write_bytes(job: &Job<'_>, bytes: &[u8]) -> Result<Exported, Error> {
    let content = |file: &mut BufWriter<&mut std::fs::File>| file.write_all(bytes);
    let written = atomic::write_allowing(job.path, job.options.overwrite, content);
    written.map_err(photo::Error::from)?;
    Ok(job.exported(Vec::new()))
}

fn written_error(path: &Path, error: io::Error) -> Error {
    photo::Error::from(crate::fs::Error::writing(path, error.into())).into()
}
