//! `jawline compare`: pictures that show a client what was done.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use image::RgbImage;
use serde_json::json;

use super::answer::{JsonPath, note_written, print_json};
use super::output::check_replaced;
use super::{Failure, OutputOptions, at_least_one, interrupt, pictures};
use crate::editor::compare::{
    Animation, blinking, contact_sheet, shown, side_by_side, split, write_animation,
};
use crate::fs::atomic;
use crate::photo::{Overwrite, Photo, Quality, SaveOptions};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The picture before and the one after; for a contact sheet any number of pictures
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// File to write. Its name says the format: png, jpg, tif, webp or bmp, and for blink gif or webp
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How they are compared
    #[arg(long, value_enum, default_value_t = Mode::SideBySide)]
    mode: Mode,
    /// Where the line of a split comparison lies, in per cent of the width
    #[arg(long, default_value_t = 50.0, value_name = "PERCENT")]
    position: f32,
    /// Pictures in a row of a contact sheet
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = at_least_one)]
    columns: usize,
    /// Longer side of each picture, in pixels; larger ones are reduced. A contact sheet has 360 if
    /// nothing is said
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(1..))]
    longest_side: Option<u32>,
    /// Leave out "Before" and "After", or the names of a contact sheet
    #[arg(long)]
    no_labels: bool,
    /// Quality of a JPEG file, 1 to 100
    #[arg(long, default_value_t = 95, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Replace the file if there is one of this name. Pictures that are compared are never replaced
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    console: OutputOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// One beside the other
    SideBySide,
    /// One left of a line, the other right of it
    Split,
    /// An animation that shows one after the other, again and again
    Blink,
    /// Any number of pictures in rows, with their names
    ContactSheet,
}

/// The longer side of the pictures of a contact sheet, in pixels.
const CONTACT_PX: u32 = 360;

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = &options.out;
    let inputs: Vec<&Path> = options.pictures.iter().map(PathBuf::as_path).collect();
    check_replaced(std::slice::from_ref(out), &inputs, options.overwrite)?;
    match options.mode {
        Mode::ContactSheet => {
            let file = still(options)?;
            let side = options.longest_side.unwrap_or(CONTACT_PX);
            let pictures = inputs.iter().map(|path| {
                interrupt::check()?;
                let picture = shown(&pictures::load(path, options.console)?, Some(side));
                let name = match options.no_labels {
                    true => String::new(),
                    false => path
                        .file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into_owned(),
                };
                Ok((picture, name))
            });
            let pictures: Vec<_> = pictures.collect::<Result<_, Failure>>()?;
            save(contact_sheet(pictures, options.columns), options, &file)?;
        }
        Mode::SideBySide => {
            let file = still(options)?;
            let [before, after] = pair(options)?;
            save(
                side_by_side(before, after, !options.no_labels),
                options,
                &file,
            )?;
        }
        Mode::Split => {
            let file = still(options)?;
            let [before, after] = pair(options)?;
            let position = options.position / 100.0;
            let picture = split(before, &after, position, !options.no_labels)?;
            save(picture, options, &file)?;
        }
        Mode::Blink => {
            let animation = animation(out)?;
            let [before, after] = pair(options)?;
            write(
                animation,
                &blinking(before, after, !options.no_labels)?,
                options,
            )?;
        }
    }
    note_written(out);
    if options.console.json {
        print_json(&json!({ "written": [JsonPath(out)] }))
    } else {
        if !options.console.quiet {
            eprintln!("written: {}", out.display());
        }
        Ok(())
    }
}

/// The two pictures.
fn pair(options: &Options) -> Result<[RgbImage; 2], Failure> {
    let [before, after] = options.pictures.as_slice() else {
        return Err(Failure::Usage(format!(
            "two pictures can be compared, the one before and the one after, but {} were named; for more use --mode contact-sheet",
            options.pictures.len()
        )));
    };
    let show = |path: &Path| {
        interrupt::check()?;
        Ok::<_, Failure>(shown(
            &pictures::load(path, options.console)?,
            options.longest_side,
        ))
    };
    Ok([show(before)?, show(after)?])
}

fn animation(out: &Path) -> Result<Animation, Failure> {
    Animation::from_path(out).ok_or_else(|| {
        Failure::Usage(format!(
            "{}: a blinking comparison is an animation; end the name in .gif or .webp",
            out.display()
        ))
    })
}

/// How a picture that does not move is saved.
fn still(options: &Options) -> Result<SaveOptions, Failure> {
    Ok(SaveOptions {
        quality: Quality::Percent(options.quality),
        overwrite: match options.overwrite {
            true => Overwrite::ExceptSource,
            false => Overwrite::Never,
        },
        ..SaveOptions::for_path(&options.out)?
    })
}

fn save(picture: RgbImage, options: &Options, file: &SaveOptions) -> Result<(), Failure> {
    Photo::from_pixels(picture.into()).save(&options.out, file)?;
    Ok(())
}

fn write(animation: Animation, frames: &[RgbImage; 2], options: &Options) -> Result<(), Failure> {
    let content =
        |file: &mut BufWriter<&mut std::fs::File>| write_animation(animation, file, frames);
    match options.overwrite {
        true => atomic::write(&options.out, content),
        false => atomic::write_new(&options.out, content),
    }?;
    Ok(())
}
