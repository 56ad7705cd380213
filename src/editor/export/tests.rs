use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use image::{GrayImage, ImageBuffer, Luma, Rgb, Rgb32FImage};
use tempfile::TempDir;

use image::RgbImage;

use super::*;
use crate::editor::compare::{Animation, Layout};
use crate::geometry::Affine;
use crate::photo::Limits;
use crate::photo::SaveOptions;
use crate::portrait::paste::CropChange;

/// A change of a square of the photo: brighter under a mask of a smaller square.
struct Brighter {
    crop: Rgb32FImage,
    edited: Rgb32FImage,
    mask: GrayImage,
    photo_from_crop: Affine,
}

const CROP_PX: u32 = 32;

impl Brighter {
    fn at(x: f64, y: f64) -> Arc<Self> {
        let plain = |value| Rgb32FImage::from_pixel(CROP_PX, CROP_PX, Rgb([value; 3]));
        Arc::new(Self {
            crop: plain(0.4),
            edited: plain(0.6),
            mask: GrayImage::from_fn(CROP_PX, CROP_PX, |x, y| {
                let inside = (8..24).contains(&x) && (8..24).contains(&y);
                Luma([if inside { 255 } else { 0 }])
            }),
            photo_from_crop: Affine {
                rows: [[1.0, 0.0, x], [0.0, 1.0, y]],
            },
        })
    }
}

impl FaceChange for Brighter {
    fn add_to(&self, edit: &mut PhotoEdit<'_>) -> Result<(), portrait::Error> {
        let change = CropChange {
            crop: &self.crop,
            edited: &self.edited,
            mask: &self.mask,
        };
        edit.add(&change, &self.photo_from_crop)
    }
}

fn unwoken() -> Waker {
    Arc::new(|| ())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn picture() -> RgbImage {
    RgbImage::from_fn(120, 80, |x, y| {
        Rgb([90 + (x % 9) as u8, 100, 90 + (y % 7) as u8])
    })
}

/// A folder with a photo in it.
fn folder_with(name: &str, pixels: impl Into<DynamicImage>) -> (TempDir, Arc<Photo>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let options = SaveOptions::for_path(&path).unwrap();
    Photo::from_pixels(pixels.into())
        .save(&path, &options)
        .unwrap();
    (folder, Arc::new(load(&path)))
}

fn load(path: &Path) -> Photo {
    Photo::load(path, &Limits::default()).unwrap()
}

fn options(format: Format) -> ExportOptions {
    ExportOptions {
        format,
        ..ExportOptions::default()
    }
}

fn export(
    photo: &Arc<Photo>,
    faces: Vec<Arc<Brighter>>,
    path: &Path,
    options: ExportOptions,
) -> Result<Exported, Error> {
    let photo = Arc::clone(photo);
    let mut export = Export::start(photo, faces, path.to_owned(), options, unwoken());
    export.wait().unwrap()
}

#[test]
fn under_the_masks_the_photo_changes_and_elsewhere_no_sample_does() {
    let (folder, photo) = folder_with("a.png", picture());
    let faces = vec![Brighter::at(10.0, 20.0), Brighter::at(70.0, 30.0)];
    let path = folder.path().join("out.png");
    let done = export(&photo, faces, &path, options(Format::Png)).unwrap();
    assert_eq!((done.path, done.warnings), (path.clone(), Vec::new()));
    let after = load(&path).pixels().to_rgb8();
    let mut changed = 0;
    for (x, y, pixel) in after.enumerate_pixels() {
        let before = *picture().get_pixel(x, y);
        let within = |left: u32, top: u32| {
            (left - 1..=left + 16).contains(&x) && (top - 1..=top + 16).contains(&y)
        };
        let may_change = within(18, 28) || within(78, 38);
        assert!(may_change || *pixel == before, "{x} {y}");
        changed += u32::from(*pixel != before);
    }
    assert!(changed >= 2 * 14 * 14, "{changed}");
    let middle = after.get_pixel(26, 36).0[1];
    assert!((149..=153).contains(&middle), "{middle}");
}

#[test]
fn progress_is_told_and_wakes() {
    let (folder, photo) = folder_with("a.png", picture());
    let woken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&woken);
    let wake: Waker = Arc::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let path = folder.path().join("out.tif");
    let faces = vec![Brighter::at(10.0, 20.0)];
    let mut export = Export::start(photo, faces, path, options(Format::Tiff), wake);
    export.wait().unwrap().unwrap();
    let progress = export.progress();
    assert_eq!(progress.stage, "Writing the file");
    assert!(progress.fraction > 0.9, "{progress:?}");
    assert!(woken.load(Ordering::SeqCst) >= 3);
}

#[test]
fn an_untouched_photo_is_copied_byte_for_byte_where_the_format_stays() {
    let (folder, photo) = folder_with("a.jpg", picture());
    let source = photo.source().unwrap();
    let copy = folder.path().join("copy.jpg");
    export(&photo, Vec::new(), &copy, options(Format::Jpeg)).unwrap();
    assert_eq!(fs::read(source).unwrap(), fs::read(&copy).unwrap());

    let png = folder.path().join("copy.png");
    export(&photo, Vec::new(), &png, options(Format::Png)).unwrap();
    assert_eq!(load(&png).pixels(), photo.pixels());
    let small = folder.path().join("small.jpg");
    let smaller = ExportOptions {
        longest_side_px: Some(60),
        ..options(Format::Jpeg)
    };
    export(&photo, Vec::new(), &small, smaller).unwrap();
    assert_eq!(load(&small).pixels().width(), 60);

    let never = ExportOptions {
        overwrite: Overwrite::Never,
        ..options(Format::Jpeg)
    };
    let error = export(&photo, Vec::new(), &copy, never).unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
}

#[test]
fn every_format_is_written_in_full_size_and_reduced() {
    let (folder, photo) = folder_with("a.png", picture());
    for format in Format::ALL {
        for (side, expected) in [
            (None, (120, 80)),
            (Some(60), (60, 40)),
            (Some(999), (120, 80)),
        ] {
            let path = folder.path().join("out").with_extension(format.extension());
            let options = ExportOptions {
                longest_side_px: side,
                ..options(format)
            };
            export(&photo, vec![Brighter::at(9.0, 9.0)], &path, options).unwrap();
            let pixels = load(&path);
            let pixels = pixels.pixels();
            assert_eq!((pixels.width(), pixels.height()), expected, "{format}");
        }
    }
}

#[test]
fn a_deep_photo_is_exported_as_jpeg_with_a_word_about_it() {
    let deep = ImageBuffer::from_pixel(40, 40, Rgb([26_000u16, 26_000, 26_000]));
    let (folder, photo) = folder_with("a.tif", DynamicImage::ImageRgb16(deep));
    let path = folder.path().join("out.jpg");
    let done = export(&photo, Vec::new(), &path, options(Format::Jpeg)).unwrap();
    assert!(done.warnings[0].contains("16 bits"), "{:?}", done.warnings);
    let png = folder.path().join("out.png");
    let done = export(
        &photo,
        vec![Brighter::at(4.0, 4.0)],
        &png,
        options(Format::Png),
    )
    .unwrap();
    assert!(done.warnings.is_empty());
    assert_eq!(load(&png).pixels().color(), image::ColorType::Rgb16);
}

#[test]
fn the_original_is_replaced_only_when_the_user_has_said_so() {
    let (folder, photo) = folder_with("a.png", picture());
    let source = photo.source().unwrap().to_owned();
    let before = fs::read(&source).unwrap();
    let faces = || vec![Brighter::at(10.0, 20.0)];
    for overwrite in [Overwrite::Never, Overwrite::ExceptSource] {
        let options = ExportOptions {
            overwrite,
            ..options(Format::Png)
        };
        for faces in [faces(), Vec::new()] {
            let error = export(&photo, faces, &source, options).unwrap_err();
            assert!(error.to_string().contains("original photo"), "{error}");
        }
    }
    assert_eq!(fs::read(&source).unwrap(), before);
    assert_eq!(names(folder.path()), ["a.png"]);
    let always = ExportOptions {
        overwrite: Overwrite::Always,
        ..options(Format::Png)
    };
    export(&photo, faces(), &source, always).unwrap();
    assert_ne!(fs::read(&source).unwrap(), before);
}

#[test]
fn a_name_of_another_format_is_refused() {
    let (folder, photo) = folder_with("a.png", picture());
    let path = folder.path().join("out.png");
    let error = export(&photo, Vec::new(), &path, options(Format::Jpeg)).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("out.png") && message.contains(".jpg"),
        "{message}"
    );
    let fitting = options(Format::Jpeg).for_path(&path).unwrap();
    assert_eq!(fitting.format, Format::Png);
    assert!(options(Format::Png).for_path(Path::new("a.gif")).is_none());
}

#[test]
fn where_nothing_can_be_written_is_told_by_name() {
    let (folder, photo) = folder_with("a.png", picture());
    let inside_a_file = folder.path().join("a.png").join("out.png");
    let no_folder = folder.path().join("no").join("out.png");
    for path in [&inside_a_file, &no_folder] {
        let error = export(&photo, Vec::new(), path, options(Format::Png)).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("out.png") && message.contains("folder"),
            "{message}"
        );
    }
    assert_eq!(names(folder.path()), ["a.png"]);
}

/// The names a person may be given, in order.
#[test]
fn default_names_avoid_the_original_and_what_is_there() {
    let (folder, photo) = folder_with("IMG_1.jpg", picture());
    let source = photo.source().unwrap();
    let jpeg = options(Format::Jpeg);
    let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let first = default_path(source, &jpeg);
    assert_eq!(first.parent(), source.parent());
    assert_eq!(name(first.clone()), "IMG_1 retouched.jpg");
    fs::write(&first, b"x").unwrap();
    assert_eq!(name(default_path(source, &jpeg)), "IMG_1 retouched 2.jpg");
    assert_eq!(name(default_path(&first, &jpeg)), "IMG_1 retouched 2.jpg");
    let png = options(Format::Png);
    assert_eq!(name(default_path(source, &png)), "IMG_1 retouched.png");
    assert_eq!(
        name(default_comparison_path(source, &png)),
        "IMG_1 before and after.png"
    );
    drop(folder);
}

#[test]
fn a_comparison_shows_both_halves_labelled() {
    let (folder, photo) = folder_with("a.png", picture());
    let path = folder.path().join("both.png");
    for (side, width) in [(None, 120), (Some(60), 60)] {
        let options = ExportOptions {
            longest_side_px: side,
            ..options(Format::Png)
        };
        let faces = vec![Brighter::at(10.0, 20.0)];
        let mut export =
            Export::comparison(Arc::clone(&photo), faces, path.clone(), options, unwoken());
        export.wait().unwrap().unwrap();
        let sheet = load(&path);
        let sheet = sheet.pixels().to_rgb8();
        assert!(sheet.width() > 2 * width && sheet.width() < 2 * width + 60);
        assert!(sheet.height() > width * 2 / 3);
    }
}

#[test]
fn a_split_or_blinking_comparison_is_written_as_its_name_says() {
    let (folder, photo) = folder_with("a.png", picture());
    let write = |name: &str, comparison| {
        let path = folder.path().join(name);
        let options = ExportOptions {
            comparison,
            has_labels: false,
            overwrite: Overwrite::Never,
            ..options(Format::Png)
        };
        let faces = vec![Brighter::at(10.0, 20.0)];
        let mut export =
            Export::comparison(Arc::clone(&photo), faces, path.clone(), options, unwoken());
        (path, export.wait().unwrap())
    };
    let (path, written) = write("split.png", Layout::Split { percent: 25 });
    written.unwrap();
    let split = load(&path).pixels().to_rgb8();
    assert_eq!(split.dimensions(), (120, 80));
    assert_eq!(split.get_pixel(10, 40), picture().get_pixel(10, 40));
    assert_ne!(
        split.get_pixel(31, 36),
        picture().get_pixel(31, 36),
        "after"
    );
    for (name, start) in [("blink.gif", &b"GIF89a"[..]), ("blink.webp", b"RIFF")] {
        let (path, written) = write(name, Layout::Blink(Animation::Gif));
        written.unwrap();
        assert!(fs::read(path).unwrap().starts_with(start), "{name}");
        let (_, again) = write(name, Layout::Blink(Animation::Gif));
        let error = again.unwrap_err();
        assert!(
            matches!(
                error,
                Error::Photo(photo::Error::File(crate::fs::Error::Exists { .. }))
            ),
            "{error}"
        );
    }
    let (path, refused) = write("blink.png", Layout::Blink(Animation::Gif));
    let message = refused.unwrap_err().to_string();
    assert!(message.contains(".gif or .webp"), "{message}");
    assert!(!path.exists());
}

#[test]
fn an_animation_can_be_stopped_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let options = ExportOptions {
        comparison: Layout::Blink(Animation::Gif),
        ..options(Format::Png)
    };
    let path = folder.path().join("big.gif");
    let mut export =
        Export::comparison::<Brighter>(big_photo(), Vec::new(), path, options, unwoken());
    while export.progress().stage != "Writing the file" {
        std::thread::sleep(Duration::from_millis(1));
    }
    let begun = Instant::now();
    export.cancel();
    assert!(export.wait().unwrap().unwrap_err().is_cancelled());
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_clipboard_gets_the_retouched_photo() {
    let (_folder, photo) = folder_with("a.png", picture());
    let pixels = clipboard_pixels(photo, vec![Brighter::at(10.0, 20.0)], unwoken()).wait();
    let pixels = pixels.unwrap().unwrap();
    assert_eq!(pixels.dimensions(), (120, 80));
    let [r, g, b] = picture().get_pixel(0, 0).0;
    assert_eq!(pixels.get_pixel(0, 0).0, [r, g, b, 255]);
    assert!(pixels.get_pixel(26, 36).0[1] > 140);
}

/// A photo that takes a while to encode, whatever the format.
fn big_photo() -> Arc<Photo> {
    let mut state = 1u32;
    let deep = ImageBuffer::from_fn(6000, 4000, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 20) as u16;
        Rgb([x as u16 * 9 + noise, y as u16 * 11 + noise, 20_000 + noise])
    });
    Arc::new(Photo::from_pixels(DynamicImage::ImageRgb16(deep)))
}

#[test]
fn cancelling_is_quick_in_the_middle_of_a_big_file_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let photo = big_photo();
    for format in [Format::Png, Format::Tiff, Format::WebP, Format::Jpeg] {
        let path = folder.path().join("big").with_extension(format.extension());
        let mut export = Export::start::<Brighter>(
            Arc::clone(&photo),
            Vec::new(),
            path,
            options(format),
            unwoken(),
        );
        while export.progress().stage != "Writing the file" {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(20));
        let begun = Instant::now();
        export.cancel();
        let result = export.wait().unwrap();
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(1), "{format}: {took:?}");
        assert!(result.unwrap_err().is_cancelled(), "{format}");
        assert_eq!(names(folder.path()), [""; 0], "{format}");
    }
}

#[test]
fn dropping_an_export_cancels_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.png");
    let export = Export::start::<Brighter>(
        big_photo(),
        Vec::new(),
        path,
        options(Format::Png),
        unwoken(),
    );
    drop(export);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn metadata_that_are_to_be_left_out_are_not_copied_with_the_file() {
    let (folder, photo) = folder_with("a.jpg", picture());
    let source = photo.source().unwrap();
    // A comment that a copy takes along.
    let mut bytes = fs::read(source).unwrap();
    bytes.splice(2..2, *b"\xFF\xFE\0\x08secret");
    fs::write(source, bytes).unwrap();
    let path = folder.path().join("out.jpg");
    for (strip, is_there) in [(Strip::None, true), (Strip::Gps, false)] {
        let options = ExportOptions {
            strip,
            ..options(Format::Jpeg)
        };
        export(&photo, Vec::new(), &path, options).unwrap();
        let bytes = fs::read(&path).unwrap();
        let found = bytes.windows(6).any(|word| word == b"secret");
        assert_eq!(found, is_there, "{strip}");
        assert_eq!(load(&path).pixels().width(), 120);
    }
}
