//! `jawline stage mix`.

use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use ndarray::{Array3, Axis, Ix3};
use serde_json::json;

use super::{FolderOptions, into_folder};
use crate::cli::arrays::read_finite;
use crate::cli::{Failure, OutputOptions};
use crate::latent::mix_styles;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Codes in W+, [m,L,n]
    #[arg(long, value_name = "C.npy")]
    codes: PathBuf,
    /// Codes that layers are taken from, as many, or one for all
    #[arg(long, value_name = "S.npy")]
    style_codes: PathBuf,
    /// Layers to take, counted from 0: 5.. or 5..9 (without 9) or 5
    #[arg(long, value_name = "A..B")]
    layers: Layers,
    /// How much of them: (1−R)·codes + R·style codes
    #[arg(long, default_value_t = 1.0, value_name = "R")]
    ratio: f32,
    #[command(flatten)]
    out: FolderOptions,
    #[command(flatten)]
    console: OutputOptions,
}

/// A range of layers; the end may be open.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Layers(Range<usize>);

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str, open: usize| match text.trim() {
            "" => Ok(open),
            text => text
                .parse()
                .map_err(|_| "use 5.. or 5..9 or 5, counted from 0".to_owned()),
        };
        match text.split_once("..") {
            Some((start, end)) => Ok(Self(number(start, 0)?..number(end, usize::MAX)?)),
            None if text.trim().is_empty() => number("?", 0).map(|layer| Self(layer..layer)),
            None => number(text, 0).map(|layer: usize| Self(layer..layer.saturating_add(1))),
        }
    }
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let out = options
        .out
        .folder(&["codes.npy"], &[&options.codes, &options.style_codes])?;
    let codes = read_codes(&options.codes)?;
    let styles = read_codes(&options.style_codes)?;
    let (count, layers, size) = codes.dim();
    let (style_count, ..) = styles.dim();
    if styles.dim() != (style_count, layers, size) || ![1, count].contains(&style_count) {
        return Err(Failure::because(format!(
            "the codes have the shape {:?} and the style codes {:?}; they must agree, or there must be one style code",
            codes.shape(),
            styles.shape()
        )));
    }
    let mut mixed = codes.clone();
    for (index, mut row) in mixed.axis_iter_mut(Axis(0)).enumerate() {
        let style = styles.index_axis(Axis(0), index % style_count.max(1));
        row.assign(&mix_styles(
            codes.index_axis(Axis(0), index),
            style,
            options.layers.0.clone(),
            options.ratio,
        ));
    }
    into_folder(out, options.console, |folder| {
        folder.npy("codes.npy", &mixed)?;
        Ok(json!({ "codes": mixed.shape() }))
    })
}

/// Codes `[m, L, n]`; a file of `[L, n]` holds one.
fn read_codes(path: &std::path::Path) -> Result<Array3<f32>, Failure> {
    let array = read_finite(path)?;
    let shape = array.shape().to_vec();
    let array = match array.ndim() {
        2 => array.insert_axis(Axis(0)),
        _ => array,
    };
    array.into_dimensionality::<Ix3>().map_err(|_| {
        Failure::because(format!(
            "{}: the codes have the shape {shape:?}; expected [m,L,n] or [L,n]",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_layers_are_read_as_they_are_written() {
        let range = |text: &str| text.parse::<Layers>().map(|layers| layers.0);
        assert_eq!(range("5.."), Ok(5..usize::MAX));
        assert_eq!(range("5..9"), Ok(5..9));
        assert_eq!(range("..3"), Ok(0..3));
        assert_eq!(range("7"), Ok(7..8));
        for wrong in ["", "five", "1..x", "-2"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }
}
