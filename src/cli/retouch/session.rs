//! The work on one photo of a run.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use image::{DynamicImage, GrayImage};
use serde_json::Value;

use super::face::{Amount, Retouched};
use super::notes::Notes;
use super::outputs::Output;
use super::page::Page;
use super::report::{PhotoReport, Report};
use super::{FaceChoice, Options, in_place, stages};
use crate::cli::answer::{note_written, to_json};
use crate::cli::output::png_bytes;
use crate::cli::progress::Reporter;
use crate::cli::{Failure, interrupt, pictures};
use crate::engine::{AlignedFace, EditParams, Engine, FindFaces, FoundFace};
use crate::geometry::{PixelRect, Point, Rect};
use crate::networks::detector::Search;
use crate::photo::{ColourSpace, GivenUp, Layer, Overwrite, Photo, SaveOptions, Strip};
use crate::portrait::paste::PhotoEdit;

/// What all photos of a run share.
pub(super) struct Session<'a> {
    pub options: &'a Options,
    pub amount: Amount,
    pub edit: EditParams,
    pub engine: Engine,
    pub reporter: Reporter,
    /// The page of before and after, if it is wanted.
    pub page: Option<Page>,
}

impl Session<'_> {
    /// Retouches a photo, and notes it in the journal. Whatever goes wrong is about this photo alone.
    pub fn retouch_noted(&mut self, output: &Output) -> Result<Value, Failure> {
        interrupt::check()?;
        let notes = Notes::begin(output, self.options.overwrite)?;
        let retouched = catch_unwind(AssertUnwindSafe(|| self.retouch(output, &notes)));
        let report = retouched.unwrap_or_else(|_| {
            Err(Failure::because(
                "an internal error ended the work on this photo; please report it",
            ))
        })?;
        let report = to_json(&report)?;
        notes.finish(&report)?;
        Ok(report)
    }

    fn retouch(&mut self, output: &Output, notes: &Notes<'_>) -> Result<PhotoReport, Failure> {
        let begun = Instant::now();
        let (path, out) = (output.source.as_path(), output.photo.as_path());
        let photo = pictures::load(path, self.options.console)?;
        let photo = Arc::new(match self.options.layers {
            true => {
                if photo.is_float() {
                    let (out, given_up) = (out.display(), GivenUp::FloatingPoint);
                    self.reporter.say(&format!("{out}: in layers, {given_up}"));
                }
                photo.sixteen_bit()
            }
            false => photo,
        });
        photo.check_save(out, &self.save_options(output, notes)?)?;
        self.say_losses(&photo, output, notes)?;
        let mut report = PhotoReport::new(path, out, &photo);
        report.time("load", begun);
        let mut photo_edit = PhotoEdit::of(photo.pixels()).in_space(ColourSpace::of(&photo));
        // An alpha of 0 changes nothing, so nothing is computed.
        if self.amount != Amount::Alpha(0.0) {
            self.edit_faces(&photo, notes, output, &mut photo_edit, &mut report)?;
        }
        let written = Instant::now();
        if let Some(mask) = &output.mask {
            notes.write(mask, &png_bytes(mask, photo_edit.coverage())?)?;
        }
        if !report.changed && !self.options.layers {
            let warnings = self.write_unchanged(&photo, output, notes)?;
            report.warnings.extend(warnings);
            report.time("save", written);
            self.show(&report, &photo, &photo)?;
            return Ok(report);
        }
        let pasted = Instant::now();
        let pixels = photo_edit.pasted()?;
        report.time("paste", pasted);
        let saved = Instant::now();
        let retouched = photo.with_pixels(pixels)?;
        let layers = match self.options.layers {
            true => Some(layers(&photo, &photo_edit)?),
            false => None,
        };
        let warnings = self.save(&retouched, layers.as_deref(), output, notes)?;
        report.warnings.extend(warnings);
        report.time("save", saved);
        self.show(&report, &photo, &retouched)?;
        self.reporter.finish();
        let arrow = match self.options.edit_in_place {
            true => "retouched in its place".to_owned(),
            false => format!("→ {}", out.display()),
        };
        self.reporter.say(&format!("{} {arrow}", path.display()));
        Ok(report)
    }

    /// Edits the chosen faces.
    fn edit_faces(
        &mut self,
        photo: &Arc<Photo>,
        notes: &Notes<'_>,
        output: &Output,
        photo_edit: &mut PhotoEdit<'_>,
        report: &mut PhotoReport,
    ) -> Result<(), Failure> {
        let path = output.source.as_path();
        let found = Instant::now();
        let faces = self.find(photo, path)?;
        report.time("find faces", found);
        let mut area = Rect::around(&[]);
        for (number, face) in self.chosen(path, &faces)? {
            let Retouched {
                rendered,
                aligned,
                report: face_report,
            } = self.retouch_face(photo, number, face)?;
            for remark in face_report.remarks() {
                self.reporter
                    .say(&format!("{}: face {number}: {remark}", path.display()));
            }
            report.faces.push(face_report);
            if let Some(stages) = &output.stages {
                let folder = stages.of_face(number);
                stages::write(&folder, &aligned, rendered.as_ref(), notes)?;
            }
            if let Some(rendered) = rendered {
                rendered.add_to(photo_edit)?;
                report.changed = true;
                area = area.union(&place(&aligned));
            }
        }
        let pixels = area.pixels(photo.pixels().width(), photo.pixels().height());
        report.area = pixels.map(|area| [area.x, area.y, area.width, area.height]);
        Ok(())
    }

    /// Puts a photo and its result on the page, if there is one.
    fn show(&mut self, report: &PhotoReport, before: &Photo, after: &Photo) -> Result<(), Failure> {
        match &mut self.page {
            Some(page) => page.add(&to_json(report)?, before, after),
            None => Ok(()),
        }
    }

    /// Puts a result of an earlier run on the page, if there is one.
    pub fn show_result(&mut self, output: &Output, report: &Value) -> Result<(), Failure> {
        let Some(page) = &mut self.page else {
            return Ok(());
        };
        let quiet = crate::cli::OutputOptions {
            quiet: true,
            ..self.options.console
        };
        let before = pictures::load(&output.source, quiet)?;
        let after = pictures::load(&output.photo, quiet)?;
        page.add(report, &before, &after)
    }

    /// Writes the page.
    pub fn write_page(
        &mut self,
        path: &Path,
        report: &Report,
        overwrite: bool,
    ) -> Result<(), Failure> {
        match &mut self.page {
            Some(page) => page.write(path, report, overwrite),
            None => Ok(()),
        }
    }

    fn find(&mut self, photo: &Arc<Photo>, path: &Path) -> Result<Vec<FoundFace>, Failure> {
        let search = match self.options.face {
            FaceChoice::Largest => Search::Quick,
            FaceChoice::All | FaceChoice::Number(_) => Search::Thorough,
        };
        let job = FindFaces::new(Arc::clone(photo), path.display().to_string(), search);
        self.reporter.run(&self.engine, job)
    }

    /// The faces to retouch with their numbers. Faces that cannot be retouched are passed over where
    /// the user did not ask for them by number, as long as one is left.
    fn chosen<'f>(
        &self,
        path: &Path,
        faces: &'f [FoundFace],
    ) -> Result<Vec<(usize, &'f FoundFace)>, Failure> {
        let numbered: Vec<(usize, &FoundFace)> = faces
            .iter()
            .enumerate()
            .map(|(index, face)| (index + 1, face))
            .collect();
        let usable: Vec<_> = numbered
            .iter()
            .copied()
            .filter(|(_, face)| face.landmarks.is_ok())
            .collect();
        let chosen = match self.options.face {
            FaceChoice::Largest => usable.into_iter().take(1).collect(),
            FaceChoice::All => usable,
            FaceChoice::Number(number) => match numbered.get(number - 1) {
                Some(&(_, face)) if face.landmarks.is_ok() => vec![(number, face)],
                Some(_) => Vec::new(),
                None => {
                    return Err(Failure::because(format!(
                        "{}: there is no face {number}; {} found",
                        path.display(),
                        faces.len()
                    )));
                }
            },
        };
        if !chosen.is_empty() {
            return Ok(chosen);
        }
        let asked = match self.options.face {
            FaceChoice::Number(number) => number - 1,
            _ => 0,
        };
        let why = faces
            .get(asked)
            .and_then(|face| face.landmarks.as_ref().err());
        Err(Failure::because(format!(
            "{}: {}",
            path.display(),
            why.map_or_else(
                || "no face can be retouched".to_owned(),
                ToString::to_string
            )
        )))
    }

    fn save_options(&self, output: &Output, notes: &Notes<'_>) -> Result<SaveOptions, Failure> {
        Ok(SaveOptions {
            overwrite: match notes.may_replace(&output.photo) {
                _ if self.options.edit_in_place => Overwrite::Always,
                true => Overwrite::ExceptSource,
                false => Overwrite::Never,
            },
            strip: self.options.strip,
            quality: self.options.quality,
            ..SaveOptions::for_path(&output.photo)?
        })
    }

    /// Says what of the metadata the file will not hold, before any work is done for it. A photo that is
    /// copied as it is loses nothing, but whether anything changes is not known yet.
    fn say_losses(&self, photo: &Photo, output: &Output, notes: &Notes<'_>) -> Result<(), Failure> {
        for loss in photo.losses(&self.save_options(output, notes)?) {
            let out = output.photo.display();
            self.reporter.say(&format!("{out}: {loss}"));
        }
        Ok(())
    }

    /// Writes the file; what it could not take, which was said before, is yielded for the report.
    fn save(
        &self,
        photo: &Photo,
        layers: Option<&[Layer]>,
        output: &Output,
        notes: &Notes<'_>,
    ) -> Result<Vec<String>, Failure> {
        let out = output.photo.as_path();
        let options = self.save_options(output, notes)?;
        let note = &mut |file: &mut File| notes.note(file);
        let warnings = match layers {
            Some(layers) => photo.save_layered(out, &options, layers, note)?,
            None if self.options.edit_in_place => in_place::replace(photo, out, &options)?,
            None => photo.save_noted(out, &options, note)?,
        };
        note_written(out);
        Ok(warnings.iter().map(ToString::to_string).collect())
    }

    /// A photo in which nothing changes is copied byte for byte where the format stays the same and all
    /// metadata may stay.
    fn write_unchanged(
        &self,
        photo: &Photo,
        output: &Output,
        notes: &Notes<'_>,
    ) -> Result<Vec<String>, Failure> {
        let out = output.photo.as_path();
        let options = self.save_options(output, notes)?;
        let keeps_all = options.strip == Strip::None;
        let warnings = match (photo.source(), photo.format()) {
            (Some(_), Some(_)) if self.options.edit_in_place && keeps_all => Vec::new(),
            (Some(_), Some(format)) if format == options.format && keeps_all => {
                photo.copy_source(out, options.overwrite, &|_| true, &mut |file| {
                    notes.note(file)
                })?;
                note_written(out);
                Vec::new()
            }
            _ => self.save(photo, None, output, notes)?,
        };
        let source = output.source.display();
        self.reporter.say(&match self.options.edit_in_place {
            true => format!("{source} (unchanged)"),
            false => format!("{source} → {} (unchanged)", out.display()),
        });
        Ok(warnings)
    }
}

/// The photo, and above it the changed part at its full strength under its mask.
fn layers(photo: &Photo, photo_edit: &PhotoEdit<'_>) -> Result<Vec<Layer>, Failure> {
    let mut layers = vec![Layer {
        name: "Photo",
        left: 0,
        top: 0,
        pixels: photo.pixels().clone(),
        mask: None,
    }];
    let mask = photo_edit.coverage();
    if let Some(area) = extent(&mask) {
        let cut =
            |picture: &DynamicImage| picture.crop_imm(area.x, area.y, area.width, area.height);
        layers.push(Layer {
            name: "Retouched neck",
            left: area.x,
            top: area.y,
            pixels: cut(&photo_edit.unmasked()?),
            mask: Some(cut(&mask.into()).into_luma8()),
        });
    }
    Ok(layers)
}

/// The part of a mask that is not 0 throughout.
fn extent(mask: &GrayImage) -> Option<PixelRect> {
    let shown = mask.enumerate_pixels().filter(|(_, _, level)| level[0] > 0);
    let extent = shown.fold(None, |extent, (x, y, _)| {
        let (left, top, right, bottom) = extent.unwrap_or((x, y, x, y));
        Some((left.min(x), top.min(y), right.max(x), bottom.max(y)))
    });
    extent.map(|(x, y, right, bottom)| PixelRect {
        x,
        y,
        width: right - x + 1,
        height: bottom - y + 1,
    })
}

/// Where the crop of a face lies in the photo.
fn place(aligned: &AlignedFace) -> Rect {
    let size = f64::from(aligned.crop.width());
    let corners = Rect::new(0.0, 0.0, size, size).corners();
    let corners: Vec<Point> = corners
        .iter()
        .map(|corner| aligned.aligned.photo_from_crop.apply(*corner))
        .collect();
    Rect::around(&corners)
}
