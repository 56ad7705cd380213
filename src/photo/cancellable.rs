//! Saving that can be cancelled on the way.
//!
//! Encoders know no cancelling, but they stop when their file fails them. Those that compress the
//! whole picture before they write anything (PNG, WebP, JPEG) work aside, into memory, and are left to
//! themselves when nobody wants their result any more.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufWriter, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::save::{Note, encode, unwrap_io};
use super::verify::{self, Written};
use super::{Error, Format, Overwrite, Photo, SaveOptions, Warning};
use crate::fs::{self, atomic, same_file};

/// Called with how much of the file is written (0 to 1, as far as that is known); the answer says whether to go
/// on. Asked at least ten times a second.
pub type OnProgress<'a> = &'a (dyn Fn(f32) -> bool + Sync);

const BLOCK_BYTES: usize = 64 << 10;

impl Photo {
    /// Finds out whether a file made from this photo could be written here now, whatever its format.
    ///
    /// # Errors
    /// [`Error::IsSource`] and [`fs::Error::Exists`] as `overwrite` asks; else as [`atomic::check`].
    pub fn check_target(&self, path: &Path, overwrite: Overwrite) -> Result<(), Error> {
        let is_source = self.source().is_some_and(|source| same_file(source, path));
        if is_source && overwrite != Overwrite::Always {
            return Err(Error::IsSource { path: path.into() });
        }
        if overwrite == Overwrite::Never && path.symlink_metadata().is_ok() {
            return Err(fs::Error::Exists { path: path.into() }.into());
        }
        Ok(atomic::check(path)?)
    }

    /// As [`Photo::save_noted`], until `on_progress` says no.
    ///
    /// # Errors
    /// As [`Photo::save_noted`]; [`Error::Cancelled`], with nothing left behind.
    pub fn save_cancellable(
        self: &Arc<Self>,
        path: &Path,
        options: &SaveOptions,
        on_progress: OnProgress<'_>,
        note: Note<'_>,
    ) -> Result<Vec<Warning>, Error> {
        let pixels = self.allowed(path, options)?;
        let (metadata, mut losses) = self.prepared(options);
        let aside = match options.format {
            Format::Png | Format::WebP | Format::Jpeg => {
                Some(encode_aside(self, path, options, on_progress)?)
            }
            Format::Tiff | Format::Bmp => None,
        };
        // What files without compression will have.
        let bytes = pixels.as_bytes().len();
        write_cancellable(path, options.overwrite, on_progress, |file| {
            let written = match aside {
                Some((bytes, written)) => {
                    copy(&mut Cursor::new(&bytes), file, bytes.len())?;
                    written
                }
                None => {
                    file.expect(bytes);
                    let mut buffer = BufWriter::new(&mut *file);
                    let written = encode(&mut buffer, self, &pixels, &metadata, options);
                    let written = written.map_err(unwrap_io)?;
                    buffer.flush()?;
                    written
                }
            };
            file.flush()?;
            let file = file.file.get_mut();
            verify::written(file, path, &pixels, &written, options.format)?;
            note(file)?;
            Ok(written.warnings)
        })
        .map(|warnings| {
            losses.extend(warnings);
            losses
        })
    }

    /// Copies the file that the photo was loaded from, byte for byte: what to do with a photo in which
    /// nothing has changed, since JPEG cannot be re-encoded without loss. All metadata come along. A file of that
    /// name is treated as `overwrite` asks, and `note` is given the finished copy before it takes its name. It
    /// goes on until `on_progress` says no.
    ///
    /// # Errors
    /// [`Error::IsSource`] for a photo that comes from no file, or whose copy would replace the file itself;
    /// [`fs::Error::Exists`]; [`Error::Cancelled`] with nothing left behind; what reading and writing say, and
    /// what `note` fails with.
    pub fn copy_source(
        &self,
        path: &Path,
        overwrite: Overwrite,
        on_progress: OnProgress<'_>,
        note: Note<'_>,
    ) -> Result<(), Error> {
        let Some(source) = self.source().filter(|source| !same_file(source, path)) else {
            return Err(Error::IsSource { path: path.into() });
        };
        let reading = |error| Error::reading(source, error);
        let mut original = File::open(source).map_err(reading)?;
        let length = original.metadata().map_err(reading)?.len();
        write_cancellable(path, overwrite, on_progress, |file| {
            copy(&mut original, file, length as usize)?;
            file.flush()?;
            Ok(note(file.file.get_mut())?)
        })
    }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn write_cancellable<T>(
    path: &Path,
    overwrite: Overwrite,
    on_progress: OnProgress<'_>,
    content: impl FnOnce(&mut CancellableFile<'_, '_>) -> Result<T, Failed>,
) -> Result<T, Error> {
    let is_stopped = Cell::new(false);
    let write = |file: &mut BufWriter<&mut File>| {
        let mut cancellable = CancellableFile {
            file,
            on_progress,
            is_stopped: &is_stopped,
            written: 0,
            since_asked: 0,
            expected: None,
        };
        let value = content(&mut cancellable)?;
        cancellable.ask()?;
        Ok::<T, Failed>(value)
    };
    let result = atomic::write_allowing(path, overwrite, write);
    // The reason that the encoder passed on is the stop itself.
    result.map_err(|error| match is_stopped.get() {
        true => Error::Cancelled { path: path.into() },
        false => error.into(),
    })
}

/// Encodes a picture into memory, in a thread of its own.
fn encode_aside(
    photo: &Arc<Photo>,
    path: &Path,
    options: &SaveOptions,
    on_progress: OnProgress<'_>,
) -> Result<(Vec<u8>, Written), Error> {
    const BETWEEN_QUESTIONS: Duration = Duration::from_millis(50);
    let failed = |error: Failed| Error::from(fs::Error::writing(path, error));
    let (sender, result) = bounded(1);
    let (photo, options) = (Arc::clone(photo), *options);
    let encode = move || {
        let mut bytes = Cursor::new(Vec::new());
        let (metadata, _) = photo.prepared(&options);
        let encoded = encode(&mut bytes, &photo, &photo.pixels, &metadata, &options);
        // Whoever no longer wants it has stopped listening.
        let _ = sender.send(encoded.map(|written| (bytes.into_inner(), written)));
    };
    let spawned = thread::Builder::new()
        .name("encode".to_owned())
        .spawn(encode);
    spawned.map_err(|error| failed(error.into()))?;
    loop {
        match result.recv_timeout(BETWEEN_QUESTIONS) {
            Ok(encoded) => return encoded.map_err(|error| failed(unwrap_io(error))),
            Err(RecvTimeoutError::Timeout) if on_progress(0.0) => {}
            Err(RecvTimeoutError::Timeout) => {
                return Err(Error::Cancelled { path: path.into() });
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(failed("the encoder failed; please report it".into()));
            }
        }
    }
}

fn copy(from: &mut impl Read, to: &mut CancellableFile<'_, '_>, length: usize) -> io::Result<()> {
    to.expect(length);
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let count = from.read(&mut block)?;
        match block.get(..count) {
            None | Some([]) => return Ok(()),
            Some(read) => to.write_all(read)?,
        }
    }
}

/// A file that fails when nobody wants it any more.
struct CancellableFile<'a, 'f> {
    file: &'a mut BufWriter<&'f mut File>,
    on_progress: OnProgress<'a>,
    is_stopped: &'a Cell<bool>,
    written: usize,
    since_asked: usize,
    expected: Option<usize>,
}

impl CancellableFile<'_, '_> {
    /// Tells how many bytes will come at most.
    fn expect(&mut self, bytes: usize) {
        self.expected = Some(bytes);
    }

    fn ask(&mut self) -> io::Result<()> {
        self.since_asked = 0;
        let fraction = match self.expected {
            Some(expected) if expected > 0 => self.written as f32 / expected as f32,
            _ => 0.0,
        };
        if self.is_stopped.get() || !(self.on_progress)(fraction.min(1.0)) {
            self.is_stopped.set(true);
            return Err(io::Error::other("cancelled"));
        }
        Ok(())
    }
}

impl Write for CancellableFile<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.since_asked >= BLOCK_BYTES || self.written == 0 {
            self.ask()?;
        }
        // Large writes in blocks, so that there is an answer between them.
        let bytes = bytes.get(..16 * BLOCK_BYTES).unwrap_or(bytes);
        let count = self.file.write(bytes)?;
        self.written += count;
        self.since_asked += count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for CancellableFile<'_, '_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use image::DynamicImage;

    use super::*;
    use crate::photo::{Limits, Quality, Strip};

    fn photo() -> Arc<Photo> {
        let mut state = 1u32;
        let noise = image::RgbImage::from_fn(700, 500, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            image::Rgb([(state >> 24) as u8, (state >> 16) as u8, 7])
        });
        Arc::new(Photo::from_pixels(DynamicImage::ImageRgb8(noise)))
    }

    fn options(format: Format) -> SaveOptions {
        SaveOptions {
            format,
            quality: Quality::Percent(90),
            overwrite: Overwrite::ExceptSource,
            strip: Strip::None,
        }
    }

    fn unnoted(_: &mut File) -> io::Result<()> {
        Ok(())
    }

    fn is_empty(folder: &Path) -> bool {
        std::fs::read_dir(folder).unwrap().count() == 0
    }

    #[test]
    fn a_cancellable_file_is_the_same_as_any_other() {
        let folder = tempfile::tempdir().unwrap();
        let (cancellable, plain) = (
            folder.path().join("cancellable"),
            folder.path().join("plain"),
        );
        for format in Format::ALL {
            let on_progress = |fraction| {
                assert!((0.0..=1.0).contains(&fraction));
                true
            };
            let mut noted = Vec::new();
            let note = &mut |file: &mut File| {
                file.rewind()?;
                file.read_to_end(&mut noted).map(|_| ())
            };
            photo()
                .save_cancellable(&cancellable, &options(format), &on_progress, note)
                .unwrap();
            assert_eq!(noted, std::fs::read(&cancellable).unwrap(), "{format}");
            photo().save(&plain, &options(format)).unwrap();
            let bytes = std::fs::read(&cancellable).unwrap();
            assert_eq!(bytes, std::fs::read(&plain).unwrap(), "{format}");
        }
    }

    #[test]
    fn whenever_it_is_stopped_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for format in Format::ALL {
            for patience in 0..3 {
                let questions = AtomicUsize::new(0);
                let on_progress = |_| questions.fetch_add(1, Ordering::SeqCst) < patience;
                let error =
                    photo().save_cancellable(&path, &options(format), &on_progress, &mut unnoted);
                let error = error.unwrap_err();
                assert!(matches!(error, Error::Cancelled { .. }), "{format} {error}");
                assert!(is_empty(folder.path()), "{format}");
            }
        }
    }

    #[test]
    fn a_disk_that_fills_up_is_told_as_such_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let error = write_cancellable(&path, Overwrite::Never, &|_| true, |file| {
            file.write_all(b"half of it")?;
            Err::<(), Failed>(io::Error::from(io::ErrorKind::StorageFull).into())
        });
        assert!(
            matches!(error, Err(Error::File(fs::Error::DiskFull { .. }))),
            "{error:?}"
        );
        assert!(is_empty(folder.path()));
    }

    #[test]
    fn copying_can_be_stopped_and_never_hits_the_source() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("a.bmp");
        photo().save(&source, &options(Format::Bmp)).unwrap();
        let photo = Photo::load(&source, &Limits::default()).unwrap();
        let copy = folder.path().join("b.bmp");
        let stopped = photo.copy_source(&copy, Overwrite::Always, &|part| part < 0.5, &mut unnoted);
        assert!(
            matches!(stopped, Err(Error::Cancelled { .. })),
            "{stopped:?}"
        );
        assert!(!copy.exists());
        let onto_itself = photo.copy_source(&source, Overwrite::Always, &|_| true, &mut unnoted);
        assert!(matches!(onto_itself, Err(Error::IsSource { .. })));
        photo
            .copy_source(&copy, Overwrite::Never, &|_| true, &mut unnoted)
            .unwrap();
        assert_eq!(
            std::fs::read(&copy).unwrap(),
            std::fs::read(&source).unwrap()
        );
    }
}
