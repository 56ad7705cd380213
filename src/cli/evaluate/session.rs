//! One portrait: preparing it, editing it by every method, measuring the edits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, Rgb32FImage, RgbImage};
use ndarray::{Array2, s};

use super::Options;
use super::outcome::{Edit, Face, Failed, Outcome, Row};
use super::source::Source;
use crate::cli::arrays::StoredCode;
use crate::cli::progress::{Reporter, clock, detail};
use crate::cli::{Failure, interrupt, pictures};
use crate::engine::{
    AlignFace, AlignedFace, DiffuseFace, EditParams, EditedFace, Engine, FindFaces, Job, Method,
    MoveFace, PrepareFace, PreparedFace, RenderFace, Synthesize, TimedStages, describe_generator,
    fit_landmarks,
};
use crate::geometry::{Affine, Landmarks};
use crate::latent::{diffusion, inversion};
use crate::networks::detector::Search;
use crate::networks::landmarks::FoundLandmarks;
use crate::networks::{ChinReading, gaussian_latents};
use crate::photo::Photo;
use crate::portrait::labels::LABELS_SIZE;
use crate::portrait::quality::{self, EditedCrop, Seam};
use crate::portrait::tensor::picture_from_tensor;

/// Quality of the JPEGs on the page: nothing of theirs is to be taken for the edit's.
const JPEG_QUALITY: u8 = 92;

/// What all portraits of a run share.
pub(super) struct Session<'a> {
    options: &'a Options,
    source: &'a Source,
    edit: EditParams,
    methods: Vec<Method>,
    engine: &'a Engine,
    reporter: &'a mut Reporter,
    /// The latents of drawn portraits, one a row.
    latents: Array2<f32>,
    begun: Instant,
    stage: String,
}

/// A portrait before anything is done with it.
struct Portrait {
    name: String,
    photo: Arc<Photo>,
    code: Code,
}

/// What is known of a portrait's code.
enum Code {
    /// The portrait was drawn of it, and is a crop as it is.
    Drawn(Array2<f32>),
    Found(Array2<f32>),
    Unknown,
}

impl<'a> Session<'a> {
    pub fn new(
        options: &'a Options,
        source: &'a Source,
        edit: EditParams,
        methods: &[Method],
        engine: &'a Engine,
        reporter: &'a mut Reporter,
    ) -> Result<Self, Failure> {
        let latents = match *source {
            Source::Photos(_) => Array2::default((0, 0)),
            Source::Drawn { seed, count, .. } => {
                let job = describe_generator();
                let spec = interrupt::run_job(engine, job, |_| ())?;
                gaussian_latents(seed, count, spec.code_size)
            }
        };
        Ok(Self {
            options,
            source,
            edit,
            methods: methods.to_vec(),
            engine,
            reporter,
            latents,
            begun: Instant::now(),
            stage: String::new(),
        })
    }

    /// Evaluates one portrait.
    pub fn evaluate(&mut self, index: usize) -> Result<Outcome, Failure> {
        interrupt::check()?;
        self.stage = self.announcement(index);
        let portrait = self.portrait(index)?;
        let begun = Instant::now();
        let landmarks = self.find(&portrait)?;
        let mut stages = vec![("find faces", begun.elapsed().as_secs_f64())];

        let photo = Arc::clone(&portrait.photo);
        let align = match portrait.code {
            Code::Drawn(_) => AlignFace::of_crop(photo, landmarks.clone()),
            Code::Found(_) | Code::Unknown => AlignFace::new(photo, landmarks.clone()),
        };
        let aligned = self.run(align)?;
        let has_double_chin = aligned.0.chin.is_some_and(ChinReading::has_double_chin);
        if self.options.only_double_chins && !has_double_chin {
            return Ok(Outcome::PassedOver(portrait.name));
        }
        let (face, seconds) = aligned.clone();
        stages.extend(&seconds);
        let is_instant = |method: &Method| *method == Method::Instant;
        let (mut prepared, mut prepared_stages) = (None, stages.clone());
        if !self.methods.iter().all(is_instant) {
            let prepare = self.preparation(&portrait, landmarks).from_aligned(aligned);
            let found = Arc::new(self.run(prepare)?);
            prepared_stages.extend(found.seconds.iter().skip(seconds.len()));
            prepared = Some(found);
        }

        let mut edits = Vec::new();
        let mut failed = Vec::new();
        for method in self.methods.clone() {
            let measured = match &prepared {
                Some(prepared) if method != Method::Instant => {
                    self.edit(prepared, method, prepared_stages.clone())
                }
                _ => self.edit_instantly(&face, stages.clone()),
            };
            match measured
                .and_then(|(edited, stages)| self.measure(&portrait.name, method, &edited, stages))
            {
                Ok(edit) => edits.push(edit),
                Err(Failure::Failed(causes)) => {
                    failed.push(Failed::new(portrait.name.clone(), Some(method), &causes));
                }
                Err(other) => return Err(other),
            }
        }
        let before = shown(&face.aligned.picture)?;
        let face = Face {
            name: portrait.name,
            before,
            edits,
        };
        Ok(Outcome::Measured(face, failed))
    }

    /// Which portrait it is, and how long all the others take if they are like those before.
    fn announcement(&self, index: usize) -> String {
        let (name, total) = (self.source.name(index), self.source.len());
        let left = match u32::try_from(index) {
            Ok(done) if done > 0 => {
                let each = self.begun.elapsed() / done;
                let left = each.saturating_mul(u32::try_from(total - index).unwrap_or(u32::MAX));
                format!(", {} left", clock(left.max(Duration::from_secs(1))))
            }
            _ => String::new(),
        };
        format!("{name} ({} of {total}{left})", index + 1)
    }

    fn portrait(&mut self, index: usize) -> Result<Portrait, Failure> {
        let name = self.source.name(index);
        match self.source {
            Source::Photos(photos) => {
                let Some(file) = photos.get(index) else {
                    return Err(Failure::because(format!("there is no photo {index}")));
                };
                let code = file.code.as_deref().map(StoredCode::read).transpose()?;
                Ok(Portrait {
                    name,
                    photo: Arc::new(pictures::load(&file.path, self.options.console)?),
                    code: code.map_or(Code::Unknown, |stored| Code::Found(stored.code)),
                })
            }
            Source::Drawn { psi, .. } => {
                let latent = self.latents.slice(s![index..=index, ..]).to_owned();
                let job = Synthesize::from_latents(latent, *psi, None);
                let drawn = self.run(job)?.into_iter().next();
                let Some(drawn) = drawn else {
                    return Err(Failure::because("the generator drew nothing"));
                };
                let picture = picture_from_tensor(drawn.image.view());
                Ok(Portrait {
                    name,
                    photo: Arc::new(Photo::from_pixels(picture.into())),
                    code: Code::Drawn(drawn.code),
                })
            }
        }
    }

    /// The landmarks of the largest face that has some.
    fn find(&mut self, portrait: &Portrait) -> Result<Landmarks, Failure> {
        let photo = Arc::clone(&portrait.photo);
        let job = FindFaces::new(photo, portrait.name.clone(), Search::Quick);
        let mut why = None;
        for face in self.run(job)? {
            match face.landmarks {
                Ok(found) => return Ok(found.landmarks),
                Err(error) => why = why.or(Some(error)),
            }
        }
        Err(Failure::because(why.map_or_else(
            || "no face can be retouched".to_owned(),
            |error| error.to_string(),
        )))
    }

    fn preparation(&self, portrait: &Portrait, landmarks: Landmarks) -> PrepareFace {
        let photo = Arc::clone(&portrait.photo);
        match &portrait.code {
            Code::Drawn(code) | Code::Found(code) => {
                PrepareFace::with_code(photo, landmarks, code.clone())
            }
            Code::Unknown => {
                let inversion = inversion::Options {
                    steps: self.options.steps,
                    seed: self.options.seed,
                    ..inversion::Options::default()
                };
                PrepareFace::new(photo, landmarks, inversion)
            }
        }
    }

    /// Edits by the neck field. `stages` are the seconds of what was done before.
    fn edit_instantly(
        &mut self,
        face: &Arc<AlignedFace>,
        mut stages: TimedStages,
    ) -> Result<(EditedFace, TimedStages), Failure> {
        let params = self.edit.clone().by(Method::Instant);
        let job = MoveFace::new(Arc::clone(face), params);
        let moved = self.run(job)?;
        stages.extend(&moved.seconds);
        Ok((EditedFace::Moved(moved), stages))
    }

    /// Edits by a method that needs a code. `stages` are the seconds of what was done before.
    fn edit(
        &mut self,
        prepared: &Arc<PreparedFace>,
        method: Method,
        mut stages: TimedStages,
    ) -> Result<(EditedFace, TimedStages), Failure> {
        let params = self.edit.clone().by(method);
        let drawing = match method {
            Method::Diffuse => {
                let begun = Instant::now();
                let diffusion = diffusion::Options {
                    steps: self.options.diffuse_steps,
                    ..diffusion::Options::default()
                };
                let job = DiffuseFace::new(Arc::clone(prepared), params.clone(), diffusion);
                let drawing = self.run(job)?;
                stages.push(("diffuse", begun.elapsed().as_secs_f64()));
                Some(drawing)
            }
            Method::Instant | Method::Warp | Method::Plain => None,
        };
        let render = RenderFace::new(Arc::clone(prepared), params).reusing(drawing);
        let rendered = self.run(render)?;
        stages.extend(&rendered.seconds);
        Ok((EditedFace::Redrawn(Box::new(rendered)), stages))
    }

    /// Measures an edit that took so many seconds.
    fn measure(
        &mut self,
        name: &str,
        method: Method,
        rendered: &EditedFace,
        stages: TimedStages,
    ) -> Result<Edit, Failure> {
        let composite = rendered.composite()?;
        let shifts = self.landmark_shifts(rendered, &composite)?;
        Ok(Edit {
            row: figures(name, method, rendered, &composite, shifts, stages)?,
            after: shown(&composite)?,
        })
    }

    /// How far brows, nose and eyes lie apart in crop and composite, and in the generator's pictures of
    /// the code and of the moved code; pixels of a 512-px crop.
    fn landmark_shifts(
        &mut self,
        rendered: &EditedFace,
        composite: &Rgb32FImage,
    ) -> Result<[Option<f64>; 2], Failure> {
        let face = rendered.aligned();
        let scale = f64::from(face.crop.width()) / f64::from(LABELS_SIZE);
        let near = face.landmarks_in_labels.mapped(&Affine::resize(scale))?;
        let mut pictures = vec![face.crop.clone(), eight_bit(composite)];
        if let Some(redrawn) = rendered.redrawn() {
            pictures.extend([&redrawn.face.drawn, &redrawn.drawing.edited].map(eight_bit));
        }
        let found = self.run(fit_landmarks(pictures, &near))?;
        let found: Vec<_> = found.into_iter().map(Result::ok).collect();
        let shift = |pair: &[Option<FoundLandmarks>]| match pair {
            [Some(before), Some(after)] => {
                Some(quality::shift_above_mouth_px(&before.landmarks, &after.landmarks) / scale)
            }
            _ => None,
        };
        let mut shifts = found.chunks(2).map(shift);
        Ok([shifts.next().flatten(), shifts.next().flatten()])
    }

    fn run<J: Job>(&mut self, job: J) -> Result<J::Output, Failure> {
        let (reporter, stage) = (&mut *self.reporter, &self.stage);
        Ok(interrupt::run_job(self.engine, job, |progress| {
            let detail = match detail(progress) {
                detail if detail.is_empty() => progress.stage.to_owned(),
                detail => format!("{}, {detail}", progress.stage),
            };
            reporter.show_stage(stage, progress.fraction, &detail);
        })?)
    }
}

/// All figures of an edit.
fn figures(
    name: &str,
    method: Method,
    rendered: &EditedFace,
    composite: &Rgb32FImage,
    [landmark_shift_px, drawing_landmark_shift_px]: [Option<f64>; 2],
    stages: TimedStages,
) -> Result<Row, Failure> {
    let face = rendered.aligned();
    let edit = EditedCrop::new(&face.aligned.picture, composite, rendered.mask())?;
    let outside = quality::outside_mask(&edit);
    let drawings = rendered.redrawn().map(|redrawn| {
        let drawing = &redrawn.drawing;
        quality::outside_edited_region(
            &redrawn.face.drawn,
            &drawing.edited,
            [&face.parsed.labels, &drawing.parsed.labels],
            &face.landmarks_in_labels,
        )
    });
    let drawings = drawings.transpose()?;
    let seam = quality::seam(&edit);
    let (before, after) = (face.chin, rendered.chin());
    let had_double_chin = before.is_some_and(ChinReading::has_double_chin);
    Ok(Row {
        name: name.to_owned(),
        method,
        score_before: before.map(|chin| chin.probability),
        score_after: after.map(|chin| chin.probability),
        severity_before: before.map(|chin| chin.severity),
        severity_after: after.map(|chin| chin.severity),
        removed: after
            .filter(|_| had_double_chin)
            .map(|after| !after.has_double_chin()),
        changed_outside: outside.mean_levels,
        changed_outside_largest: outside.largest_levels,
        drawing_changed_outside: drawings.as_ref().map(|change| change.mean_levels),
        drawing_changed_outside_largest: drawings.as_ref().map(|change| change.largest_levels),
        texture: quality::texture_ratio(&edit),
        seam_delta_e: seam.map(Seam::rise),
        seam_before: seam.map(|seam| seam.before),
        seam_after: seam.map(|seam| seam.after),
        occluders_kept: quality::share_kept(&edit, &face.parsed.labels)?,
        landmark_shift_px,
        drawing_landmark_shift_px,
        mask_pixels: rendered
            .mask()
            .iter()
            .filter(|&&opacity| opacity > 0)
            .count(),
        doubts: face.parsed.doubts.iter().map(ToString::to_string).collect(),
        seconds: stages.iter().map(|(_, seconds)| seconds).sum(),
        stages: (stages.into_iter())
            .map(|(stage, seconds)| (stage.into(), seconds))
            .collect(),
    })
}

fn eight_bit(picture: &Rgb32FImage) -> RgbImage {
    DynamicImage::ImageRgb32F(picture.clone()).into_rgb8()
}

/// What the page shows of a crop: its lower two thirds, at their full size.
fn shown(crop: &Rgb32FImage) -> Result<Vec<u8>, Failure> {
    let (width, height) = crop.dimensions();
    let top = height / 3;
    let part = image::imageops::crop_imm(&eight_bit(crop), 0, top, width, height - top).to_image();
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .encode_image(&part)
        .map_err(Failure::because)?;
    Ok(bytes)
}
