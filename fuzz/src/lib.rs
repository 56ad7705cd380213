//! The rooms of Jawline that read files of strangers, compiled by themselves.
//!
//! They are the sources of the main package, not copies; only their dependencies come along, so that
//! the whole builds in a minute with the instrumentation that fuzzing needs.

#![allow(dead_code, reason = "the targets only read; what writes stays unused")]

#[path = "../../src/checkpoint/mod.rs"]
pub mod checkpoint;
#[path = "../../src/graph/mod.rs"]
pub mod graph;

#[path = "../../src/photo/mod.rs"]
pub mod photo;
// What these need.
#[path = "../../src/fs/mod.rs"]
pub mod fs;
#[path = "../../src/geometry/mod.rs"]
pub mod geometry;
/// The parts of the room of photos that read what JPEG files hold, below the decoder of pixels.
pub mod photo {
    #[path = "../../../src/photo/exif.rs"]
    pub mod exif;
    #[path = "../../../src/photo/jpeg.rs"]
    pub mod jpeg;

    use std::sync::Arc;

    use image::DynamicImage;
    use image::metadata::Orientation;

    /// Looks through a JPEG file and saves it as itself, without a change and with one. What was written
    /// must be read again, as the same.
    pub fn transcode(bytes: &[u8]) {
        const MOST_BYTES: u64 = 8 << 20;
        let outline = jpeg::outline(bytes, MOST_BYTES);
        jpeg::extras(bytes);
        let decodable = jpeg::decodable(bytes, MOST_BYTES);
        assert!(decodable.len() <= 16 * bytes.len() + 4096);
        let (width, height) = outline.size;
        if u64::from(width) * u64::from(height) > 1 << 20 || width * height == 0 {
            return;
        }
        let (before, after): (DynamicImage, DynamicImage) = match outline.components {
            1 => {
                let level = |level| image::GrayImage::from_pixel(width, height, image::Luma([level]));
                (level(90).into(), level(130).into())
            }
            _ => {
                let colour = |colour| image::RgbImage::from_pixel(width, height, image::Rgb(colour));
                (colour([90, 80, 200]).into(), colour([130, 20, 255]).into())
            }
        };
        let changed = |bytes: &[u8], to: &DynamicImage| {
            let source = jpeg::Source {
                bytes: Arc::from(bytes),
                orientation: Orientation::NoTransforms,
                most_bytes: MOST_BYTES,
            };
            source.changed(&before, to, None, jpeg::Kept::All)
        };
        let _ = changed(bytes, &after);
        if let Ok(mut same) = changed(bytes, &before) {
            let again = changed(&same, &before).expect("what was written is read");
            assert!(again == same, "what was written is written again");
            jpeg::append(&mut same, bytes);
        }
    }
}

/// The part of the room of files that the signature of `checkpoint::npy::write` mentions. Nothing is
/// written here.
pub mod fs {
    /// In place of the error of writing: there is none.
    #[derive(Debug)]
    pub enum Error {}

    pub mod atomic {
        use std::fs::File;
        use std::io::BufWriter;
        use std::path::Path;

        /// In place of the atomic write.
        pub fn write<T, E>(
            path: &Path,
            _content: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, E>,
        ) -> Result<T, super::Error> {
            unreachable!("a fuzz target wants to write {}", path.display())
        }
    }
}
