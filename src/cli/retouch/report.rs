//! The report of `--report`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use super::super::answer::path;
use super::super::interrupt;
use super::outputs::Output;
use crate::engine::{
    AlignedFace, Description, EditParams, Engine, FoundFace, InversionReport, Method, MovedFace,
    RenderedFace, TimedStages, describe,
};
use crate::geometry::{Landmarks, Rect};
use crate::latent::inversion::Ending;
use crate::memory::peak_rss_bytes;
use crate::networks::ChinReading;
use crate::photo::Photo;
use crate::portrait::warp::MeasuredRows;

/// Everything about a run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    jawline: &'static str,
    pack: String,
    /// Runtime, provider and networks; `None` when nothing had to run.
    engine: Option<Description>,
    /// The photos that are done, as [`PhotoReport`] tells them, those of earlier runs too.
    pub photos: Vec<Value>,
    failed: Vec<FailedPhoto>,
    /// The results of earlier runs.
    #[serde(skip)]
    pub passed_over: Vec<PathBuf>,
    /// Whether Ctrl-C ended the run before all of them were.
    pub interrupted: bool,
    peak_rss_bytes: Option<u64>,
    seconds: f64,
}

impl Report {
    pub fn new(pack: &str) -> Self {
        Self {
            jawline: env!("CARGO_PKG_VERSION"),
            pack: pack.to_owned(),
            engine: None,
            photos: Vec::new(),
            failed: Vec::new(),
            passed_over: Vec::new(),
            interrupted: false,
            peak_rss_bytes: None,
            seconds: 0.0,
        }
    }

    /// Adds a photo that an earlier run has retouched.
    pub fn take_over(&mut self, photo: Value, output: &Output) {
        self.photos.push(photo);
        self.passed_over.push(output.photo.clone());
    }

    /// Adds a photo that could not be retouched.
    pub fn failed(&mut self, photo: &Path, causes: &[String]) {
        self.failed.push(FailedPhoto {
            photo: photo.to_owned(),
            causes: causes.to_vec(),
        });
    }

    /// The photos that could not be retouched.
    pub fn failures(&self) -> &[FailedPhoto] {
        &self.failed
    }

    fn has_faces(&self) -> bool {
        let faces = self
            .photos
            .iter()
            .filter_map(|photo| photo["faces"].as_array());
        faces.into_iter().any(|faces| !faces.is_empty())
    }

    /// Adds what is known at the end.
    pub fn complete(&mut self, engine: &Engine, elapsed: Duration) {
        if !self.interrupted && self.has_faces() {
            self.engine = interrupt::run_job(engine, describe(), |_| ()).ok();
        }
        self.peak_rss_bytes = peak_rss_bytes();
        self.seconds = elapsed.as_secs_f64();
    }
}

/// A photo that could not be retouched.
#[derive(Debug, Serialize)]
pub(super) struct FailedPhoto {
    #[serde(serialize_with = "path")]
    pub photo: PathBuf,
    pub causes: Vec<String>,
}

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    /// A row a face, as CSV.
    Table,
    /// Before and after, as HTML.
    Page,
}

impl Kind {
    /// What the name asks for.
    pub fn of(path: &Path) -> Self {
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        match extension.to_str() {
            Some("csv") => Self::Table,
            Some("html" | "htm") => Self::Page,
            _ => Self::Json,
        }
    }
}

/// Everything about a photo.
#[derive(Debug, Serialize)]
pub(super) struct PhotoReport {
    #[serde(serialize_with = "path")]
    photo: PathBuf,
    #[serde(serialize_with = "path")]
    pub out: PathBuf,
    width: u32,
    height: u32,
    /// Whether the result differs from the photo.
    pub changed: bool,
    /// The part of the photo with the edited faces: left, top, width, height in pixels.
    pub area: Option<[u32; 4]>,
    /// What could not be taken over from the file, or not be kept in the new one.
    pub warnings: Vec<String>,
    pub faces: Vec<FaceReport>,
    seconds: Vec<(&'static str, f64)>,
}

impl PhotoReport {
    pub fn new(photo_path: &Path, out: &Path, photo: &Photo) -> Self {
        Self {
            photo: photo_path.to_owned(),
            out: out.to_owned(),
            width: photo.pixels().width(),
            height: photo.pixels().height(),
            changed: false,
            area: None,
            warnings: photo.warnings().iter().map(ToString::to_string).collect(),
            faces: Vec::new(),
            seconds: Vec::new(),
        }
    }

    pub fn time(&mut self, stage: &'static str, since: Instant) {
        self.seconds.push((stage, since.elapsed().as_secs_f64()));
    }
}

/// Everything about a face.
#[derive(Debug, Serialize)]
pub(super) struct FaceReport {
    number: usize,
    /// Left, top, right, bottom in photo pixels.
    face_box: [f64; 4],
    detector_score: f64,
    landmarks_confidence: Option<f64>,
    /// 68 points, x and y in photo pixels.
    landmarks: Vec<[f64; 2]>,
    /// Two rows of three: crop pixels to photo pixels.
    photo_from_crop: [[f64; 3]; 2],
    crop_size: u32,
    neck_confidence: f32,
    doubts: Vec<String>,
    /// What the chin meter says before and after; a face that was left alone has no after.
    chin: ChinReport,
    /// Why the face was left as it is; `None` for one that was edited.
    left_alone: Option<&'static str>,
    inversion: Option<InversionSummary>,
    /// 0 for a face that was left alone.
    alpha: f32,
    method: Option<Method>,
    warp_rows: Option<MeasuredRows>,
    /// Pixels of the crop that may change.
    mask_pixels: usize,
    seconds: Vec<(&'static str, f64)>,
}

#[derive(Debug, Serialize)]
struct ChinReport {
    before: Option<ChinReading>,
    after: Option<ChinReading>,
}

#[derive(Debug, Serialize)]
struct InversionSummary {
    steps: usize,
    ending: Ending,
    /// The total loss of every tenth step, from step 0 on.
    loss_every_10_steps: Vec<f32>,
    best_loss: f32,
    seconds: f64,
}

impl InversionSummary {
    fn new(report: &InversionReport) -> Self {
        Self {
            steps: report.steps,
            ending: report.ending,
            loss_every_10_steps: report
                .losses
                .iter()
                .step_by(10)
                .map(|loss| loss.total)
                .collect(),
            best_loss: report.best.total,
            seconds: report.seconds,
        }
    }
}

impl FaceReport {
    /// What is known before the edit.
    pub fn new(
        number: usize,
        face: &FoundFace,
        aligned: &AlignedFace,
        seconds: TimedStages,
    ) -> Self {
        let parsed = &aligned.parsed;
        Self {
            number,
            face_box: sides(&face.face_box),
            detector_score: face.score,
            landmarks_confidence: face.landmarks.as_ref().ok().map(|found| found.confidence),
            landmarks: coordinates(&aligned.landmarks),
            photo_from_crop: aligned.aligned.photo_from_crop.rows,
            crop_size: aligned.crop.width(),
            neck_confidence: parsed.neck_confidence,
            doubts: parsed.doubts.iter().map(ToString::to_string).collect(),
            chin: ChinReport {
                before: aligned.chin,
                after: None,
            },
            left_alone: None,
            inversion: None,
            alpha: 0.0,
            method: None,
            warp_rows: None,
            mask_pixels: 0,
            seconds,
        }
    }

    /// With the reason why it is left as it is: there is nothing to remove, or else no neck to be seen.
    pub fn left_alone(mut self, has_nothing: bool) -> Self {
        self.left_alone = Some(match has_nothing {
            true => "no double chin is seen, so it is left as it is (--amount overrides)",
            false => "no bare neck is seen, so it is left as it is (--amount overrides)",
        });
        self
    }

    /// With its edit.
    pub fn edited(mut self, rendered: &RenderedFace, edit: &EditParams) -> Self {
        let prepared = &rendered.face;
        self.chin.after = rendered.chin;
        self.inversion = prepared.inversion.as_ref().map(InversionSummary::new);
        self.alpha = edit.alpha;
        self.method = Some(edit.settings.method);
        self.warp_rows = rendered.measured;
        self.mask_pixels = rendered.mask.iter().filter(|&&opacity| opacity > 0).count();
        self.seconds = [prepared.seconds.as_slice(), rendered.seconds.as_slice()].concat();
        self
    }

    /// With its edit by the neck field. `aligning` are the seconds that were spent before.
    pub fn moved(mut self, moved: &MovedFace, edit: &EditParams, aligning: TimedStages) -> Self {
        self.chin.after = moved.chin();
        self.alpha = edit.alpha;
        self.method = Some(edit.settings.method);
        let mask = &moved.edit.mask;
        self.mask_pixels = mask.iter().filter(|&&opacity| opacity > 0).count();
        self.seconds = [aligning, moved.seconds.clone()].concat();
        self
    }

    /// What to tell the user about it.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        let is_left = self.chin.after.is_some_and(ChinReading::has_double_chin);
        let still_seen = is_left.then_some("some of the double chin is still seen");
        let verdict = self.left_alone.or(still_seen).map(str::to_owned);
        self.doubts.iter().cloned().chain(verdict)
    }
}

fn sides(rect: &Rect) -> [f64; 4] {
    [rect.left, rect.top, rect.right, rect.bottom]
}

fn coordinates(landmarks: &Landmarks) -> Vec<[f64; 2]> {
    landmarks
        .points()
        .iter()
        .map(|point| [point.x, point.y])
        .collect()
}
