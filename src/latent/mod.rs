//! Latent codes, boundaries, style mixing, and the search for codes: [`inversion`] of a portrait into a
//! code, and [`diffusion`] of an edit into the portrait around it.
//!
//! A code in W+ is an `Array2<f32>` `[L, 512]`, one row a style layer, coarse to fine. What drives
//! which resolution is said by the generator ([`GeneratorSpec`](crate::networks::GeneratorSpec));
//! nothing here knows how many layers there are.
//!
//! ```
//! use jawline::latent::{Boundary, CODE_SIZE, stylegan2_layer_resolutions};
//! use ndarray::Array2;
//!
//! let resolutions_px = stylegan2_layer_resolutions(18);
//! let code = Array2::zeros((18, CODE_SIZE));
//! let edited = Boundary::coarse()?.edit(code.view(), -3.0, &resolutions_px, 16)?;
//! // Coarse layers move by 3 along the boundary's unit normal, fine ones stay.
//! let moved_by = edited.row(0).dot(&edited.row(0)).sqrt();
//! assert!((moved_by - 3.0).abs() < 1e-4);
//! assert_eq!(edited.row(17), code.row(17));
//! # Ok::<(), jawline::latent::Error>(())
//! ```

#![warn(clippy::indexing_slicing)]

mod boundary;
mod boundary_file;
pub mod diffusion;
mod gradient;
mod interpolate;
pub mod inversion;
mod layers;
mod lpips;
mod mixing;
pub mod optimise;
pub mod projector;
mod terms;

use std::path::PathBuf;

pub use boundary::{Boundary, OwnBoundaries, Space};
pub use boundary_file::{BoundaryFile, Layout};
pub use gradient::{PictureGradient, picture_gradient};
pub use interpolate::interpolate;
pub use layers::{layer_correspondence, resolutions_of_layers};
pub use lpips::Lpips;
pub use mixing::mix_styles;
pub use optimise::Adam;

pub use crate::architectures::stylegan2::layer_resolutions_px as stylegan2_layer_resolutions;
pub use crate::networks::CODE_SIZE;

use crate::networks;

/// What can go wrong with latent codes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A boundary or code cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A boundary or code has another shape than the field needs.
    #[error("{what} has the shape {shape:?}; it must be {expected}")]
    Shape {
        /// The array, named for the user.
        what: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The shapes that would do.
        expected: String,
    },
    /// A boundary or code holds a value that is not finite.
    #[error("{what} holds values that are not finite numbers (NaN or infinite)")]
    NotFinite {
        /// The array, named for the user.
        what: String,
    },
    /// A boundary without a direction.
    #[error("{what} is all zeros in row {row}: it has no direction to move along")]
    NoDirection {
        /// The array, named for the user.
        what: String,
        /// The row without a direction.
        row: usize,
    },
    /// The optimisation left the numbers before it found any code.
    #[error("the search for a latent code diverged at its first step; the picture may be damaged")]
    Diverged,
    /// The loss graph could not be built.
    #[error("the graph of the loss cannot be built: {0}")]
    Graph(#[from] crate::graph::Error),
    /// A network could not be loaded or run.
    #[error(transparent)]
    Network(#[from] networks::Error),
    /// ONNX Runtime failed.
    #[error(transparent)]
    Runtime(#[from] crate::runtime::Error),
}

impl Error {
    /// A search is to start at a code of this shape, of another generator.
    fn another_start(shape: &[usize], [rows, size]: [usize; 2]) -> Self {
        Self::Shape {
            what: "the code to start at".to_owned(),
            shape: shape.to_vec(),
            expected: format!("[{rows}, {size}]"),
        }
    }
}
