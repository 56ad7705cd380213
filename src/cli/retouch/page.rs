//! The report as a page: before and after of every photo, in one file that needs no other.
//!
//! Its pictures wait in a file without a name until the page is written, so that a long run takes no
//! more memory than a short one.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Cursor, Seek, Write};
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageEncoder};
use serde_json::Value;

use super::report::{Kind, Report};
use crate::cli::Failure;
use crate::cli::markup::{self, escaped};
use crate::cli::output::write_with;
use crate::photo::Photo;
use crate::photo::resize::resize_levels;

/// The longer side of a preview of what was edited, and of a photo that stayed as it was.
const EDITED_PX: u32 = 640;
const UNCHANGED_PX: u32 = 240;
const JPEG_QUALITY: u8 = 85;
/// Larger colour profiles, such as those of printers, are left out of the previews.
const LARGEST_PROFILE_BYTES: usize = 32 << 10;

/// The page while the run goes on.
pub(super) struct Page {
    pairs: BufWriter<File>,
}

impl Page {
    /// A page, if one of the reports is to be one.
    pub fn wanted(reports: &[PathBuf]) -> Result<Option<Self>, Failure> {
        if !reports.iter().any(|path| Kind::of(path) == Kind::Page) {
            return Ok(None);
        }
        let file = tempfile::tempfile().map_err(waiting)?;
        Ok(Some(Self {
            pairs: BufWriter::new(file),
        }))
    }

    /// Adds a photo and its result, of which the report tells the rest.
    pub fn add(&mut self, report: &Value, before: &Photo, after: &Photo) -> Result<(), Failure> {
        let is_changed = report["changed"].as_bool().unwrap_or_default();
        let longest = if is_changed { EDITED_PX } else { UNCHANGED_PX };
        let area = area(report, before.pixels());
        let mut pictures = figure(before, area, longest, "before")?;
        if is_changed {
            pictures += &figure(after, area, longest, "after")?;
        }
        let class = if is_changed { "pair" } else { "pair still" };
        let name = escaped(report["photo"].as_str().unwrap_or_default());
        let remarks = remarks(report);
        write!(
            self.pairs,
            "<section>\n<h2>{name}</h2>\n<div class=\"{class}\" tabindex=\"0\">\n{pictures}</div>\n{remarks}</section>\n"
        )
        .map_err(waiting)
    }

    /// Writes the page, whole or not at all.
    pub fn write(&mut self, path: &Path, report: &Report, overwrite: bool) -> Result<(), Failure> {
        self.pairs.flush().map_err(waiting)?;
        let pairs = self.pairs.get_mut();
        pairs.rewind().map_err(waiting)?;
        write_with(path, overwrite, |file| {
            file.write_all(head(report).as_bytes())?;
            io::copy(pairs, file)?;
            let script = include_str!("page.js");
            write!(file, "<script>\n{script}</script>\n</body>\n</html>\n")
        })
    }
}

fn waiting(error: io::Error) -> Failure {
    Failure::because(format!("the pictures of the page cannot be kept: {error}"))
}

fn head(report: &Report) -> String {
    let (style, own_style) = (markup::STYLE, include_str!("page.css"));
    let interrupted = markup::interrupted(report.interrupted);
    let failures = report.failures();
    let failed = markup::failed(failures.iter().flat_map(|failed| &failed.causes));
    let count = report.photos.len();
    let is_changed = |photo: &&Value| photo["changed"].as_bool().unwrap_or_default();
    let changed = report.photos.iter().filter(is_changed).count();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Jawline: before and after</title>\n<style>\n{style}{own_style}</style>\n</head>\n<body>\n\
         <h1>Before and after</h1>\n<p>{count} photos, {changed} of them retouched.</p>\n\
         <p class=\"faint\">The wheel zooms, dragging pans, both pictures together; a double click goes back. \
         With keys: +, −, arrows, 0.</p>\n{interrupted}{failed}"
    )
}

/// The part of the photo that is shown: the edited faces, or all of it.
fn area(report: &Value, pixels: &DynamicImage) -> [u32; 4] {
    let whole = [0, 0, pixels.width(), pixels.height()];
    let told: Option<Vec<u32>> = report["area"].as_array().and_then(|area| {
        let sides = area.iter().map(|side| side.as_u64()?.try_into().ok());
        sides.collect()
    });
    match told.as_deref() {
        Some(&[x, y, width, height]) if x < whole[2] && y < whole[3] => [
            x,
            y,
            width.clamp(1, whole[2] - x),
            height.clamp(1, whole[3] - y),
        ],
        _ => whole,
    }
}

fn figure(
    photo: &Photo,
    [x, y, width, height]: [u32; 4],
    longest: u32,
    caption: &str,
) -> Result<String, Failure> {
    let part = photo.pixels().crop_imm(x, y, width, height).into_rgb8();
    let scale = f64::from(longest) / f64::from(width.max(height));
    let small = match scale < 1.0 {
        true => {
            let reduced = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
            resize_levels(&part, reduced(width), reduced(height))
        }
        false => part,
    };
    let mut jpeg = Cursor::new(Vec::new());
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY);
    let has_colour = photo.pixels().color().has_color();
    let profile = photo.metadata().icc_profile.as_ref().filter(|_| has_colour);
    if let Some(profile) = profile.filter(|profile| profile.len() <= LARGEST_PROFILE_BYTES) {
        // A preview without its profile is still a preview.
        let _ = encoder.set_icc_profile(profile.clone());
    }
    small
        .write_with_encoder(encoder)
        .map_err(Failure::because)?;
    let address = markup::jpeg_address(jpeg.get_ref());
    Ok(format!(
        "<figure><div class=\"frame\"><img alt=\"{caption}\" loading=\"lazy\" draggable=\"false\" \
         src=\"{address}\"></div><figcaption>{caption}</figcaption></figure>\n"
    ))
}

/// What there is to say of the faces.
fn remarks(report: &Value) -> String {
    let mut text = String::new();
    let faces = report["faces"].as_array().map_or(&[][..], Vec::as_slice);
    for face in faces {
        let number = &face["number"];
        let doubts = face["doubts"].as_array().map_or(&[][..], Vec::as_slice);
        let said = doubts.iter().chain([&face["left_alone"]]);
        for said in said.filter_map(Value::as_str) {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "<p class=\"faint\">face {number}: {}</p>",
                escaped(said)
            );
        }
    }
    let warnings = report["warnings"].as_array().map_or(&[][..], Vec::as_slice);
    for warning in warnings.iter().filter_map(Value::as_str) {
        let _ = writeln!(text, "<p class=\"faint\">{}</p>", escaped(warning));
    }
    text
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_shows_both_pictures_of_what_changed_and_escapes_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        let photo = Photo::from_pixels(DynamicImage::ImageRgb8(RgbImage::new(1000, 500)));
        let mut page = Page::wanted(std::slice::from_ref(&path)).unwrap().unwrap();
        let changed = json!({ "photo": "<a>.jpg", "changed": true, "area": [900, 400, 500, 500] });
        page.add(&changed, &photo, &photo).unwrap();
        page.add(
            &json!({ "photo": "b.jpg", "changed": false }),
            &photo,
            &photo,
        )
        .unwrap();
        let mut report = Report::new("community");
        report.failed(Path::new("c.jpg"), &["c.jpg: <bad>".to_owned()]);
        page.write(&path, &report, false).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("<img ").count(), 3);
        assert!(text.contains("&lt;a&gt;.jpg") && text.contains("c.jpg: &lt;bad&gt;"));
        assert!(!text.contains("http://") && !text.contains("https://"));
        assert!(text.ends_with("</html>\n"));
    }

    #[test]
    fn no_page_is_made_that_is_not_wanted() {
        assert!(
            Page::wanted(&["a.json".into(), "b.csv".into()])
                .unwrap()
                .is_none()
        );
    }
}
