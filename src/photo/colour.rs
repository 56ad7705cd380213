//! What the numbers of a photo mean: conversion between its own colour space and sRGB.
//!
//! A photo keeps its own numbers. Networks, the screen and the clipboard get sRGB; a change that was
//! made in sRGB is brought back into the photo's space. [`ColourSpace::of`] finds out which that is: by
//! the file's ICC profile (curves and a matrix, or a table; of RGB or grey), or by a PNG file's `cICP`,
//! `sRGB`, `gAMA` and `cHRM`. A file that says nothing is in sRGB, and so is one whose space differs
//! from it by less than a level of 8 bits: its numbers are taken as they are.
//!
//! Profiles are read by `moxcms`. Its conversions have 14 bits and end at the borders of sRGB; photos
//! have 16 and may lie beyond, so curves and matrices are applied here.

mod curve;
mod described;
mod primaries;
mod screen;
mod shaper;
mod table;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

pub(super) use described::encoded;
#[cfg(feature = "heif")]
pub(super) use described::profile_of_cicp;
pub(super) use primaries::colorants_of;
use rayon::prelude::*;

use super::{Metadata, Photo};
use shaper::Shaper;
use table::Table;

/// A photo's colour space. Cloning it is cheap, finding it takes about a millisecond.
#[derive(Debug, Clone)]
pub struct ColourSpace(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Srgb,
    Shaper(Arc<Shaper>),
    Table(Arc<Table>),
}

impl Kind {
    fn shaper(shaper: Shaper) -> Self {
        Self::Shaper(shaper.into())
    }
}

/// Values that one thread converts at a time; a multiple of three.
const CHUNK: usize = 3 * 2048;

impl ColourSpace {
    /// sRGB, in which nothing is converted.
    pub const SRGB: Self = Self(Kind::Srgb);

    /// The space of a photo's pixels.
    pub fn of(photo: &Photo) -> Self {
        Self::described_by(photo.metadata())
    }

    /// The space that a file describes.
    pub fn described_by(metadata: &Metadata) -> Self {
        match described::described(metadata).map(Self) {
            Some(space) if !space.is_nearly_srgb() => space,
            _ => Self::SRGB,
        }
    }

    /// Whether the file's colour profile would say which space that is, but cannot be read, so that sRGB is
    /// assumed.
    pub(super) fn is_profile_unread(metadata: &Metadata) -> bool {
        described::has_unread_profile(metadata)
    }

    /// Are the photo's numbers those of sRGB, so that both conversions leave them as they are, to the bit?
    pub fn is_srgb(&self) -> bool {
        matches!(self.0, Kind::Srgb)
    }

    /// Converts interleaved RGB from the photo's space to sRGB, in place. The photo's values are in 0..=1
    /// (what lies beyond counts as the nearer end). Colours beyond sRGB get values beyond 0..=1, so that they
    /// can be brought back. Greys stay greys. Uses all cores for long slices.
    pub fn to_srgb(&self, rgb: &mut [f32]) {
        match &self.0 {
            Kind::Srgb => {}
            Kind::Shaper(shaper) => in_chunks(rgb, |rgb| shaper.to_srgb(rgb)),
            Kind::Table(table) => in_chunks(rgb, |rgb| table.to_srgb(rgb)),
        }
    }

    /// Converts interleaved RGB from sRGB to the photo's space, in place. What the photo's space lacks
    /// becomes its nearest value in 0..=1, each channel by itself. Uses all cores for long slices.
    pub fn from_srgb(&self, rgb: &mut [f32]) {
        match &self.0 {
            Kind::Srgb => {}
            Kind::Shaper(shaper) => in_chunks(rgb, |rgb| shaper.to_photo(rgb)),
            Kind::Table(table) => in_chunks(rgb, |rgb| table.to_photo(rgb)),
        }
    }

    /// Converts changes of these colours (both in sRGB) to changes of the photo's own values, in place.
    /// Errors of the conversions cancel: what does not change in sRGB does not change in the photo.
    pub fn shifts_from_srgb(&self, srgb: &[[f32; 3]], shifts: &mut [[f32; 3]]) {
        if self.is_srgb() {
            return;
        }
        let mut before = srgb.to_vec();
        let shifted = shifts.as_flattened_mut().iter_mut();
        shifted
            .zip(srgb.as_flattened())
            .for_each(|(shift, srgb)| *shift += srgb);
        self.from_srgb(before.as_flattened_mut());
        self.from_srgb(shifts.as_flattened_mut());
        let pairs = shifts.as_flattened_mut().iter_mut();
        pairs
            .zip(before.as_flattened())
            .for_each(|(shift, before)| *shift -= before);
    }

    fn is_nearly_srgb(&self) -> bool {
        /// A level of 8 bits.
        const TOLERANCE: f32 = 1.0 / 255.0;
        let greys = (0..=32u8).map(|step| [f32::from(step) / 32.0; 3]);
        let colours = (0..125u8).map(|index| {
            // Beside a full channel the light of an empty one is all rounding.
            [index % 5, index / 5 % 5, index / 25].map(|step| f32::from(step + 1) / 5.0)
        });
        let own: Vec<[f32; 3]> = greys.chain(colours).collect();
        let mut converted = own.clone();
        self.to_srgb(converted.as_flattened_mut());
        let pairs = own.as_flattened().iter().zip(converted.as_flattened());
        pairs
            .into_iter()
            .all(|(own, srgb)| (own - srgb).abs() < TOLERANCE)
    }
}

fn in_chunks(rgb: &mut [f32], convert: impl Fn(&mut [f32]) + Send + Sync) {
    match rgb.len() > CHUNK {
        true => rgb.par_chunks_mut(CHUNK).for_each(convert),
        false => convert(rgb),
    }
}
