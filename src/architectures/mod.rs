//! Networks as graphs, built from named tensors, or from OpenVINO's description of the [`community`] generator.
//!
//! Every network can append itself to a [`Graph`](crate::graph::Graph) at a value of the caller's
//! choice, so that a generator and a perceptual network can stand in one graph, and the loss between
//! them can be differentiated.
//!
//! | module | network |
//! |---|---|
//! | [`bisenet`] | BiSeNet on ResNet-18: face parsing |
//! | [`community`] | the distilled generator that set-up installs (MobileStyleGAN) |
//! | [`resnext`] | ResNeXt-50 32×4d, a classifier |
//! | [`stylegan2`] | StyleGAN2, of any resolution and width |
//! | [`vgg16`] | the trunk of VGG16, a perceptual network |
//!
//! ```
//! use jawline::architectures::vgg16::Vgg16;
//!
//! let perceptual = Vgg16::random(1)?;
//! let graph = perceptual.graph([64, 64], &perceptual.ends_of_blocks())?;
//! let features = graph.output_named("features_0").unwrap();
//! assert_eq!(graph.shape(features), [1, 64, 64, 64]);
//! # Ok::<(), jawline::architectures::Error>(())
//! ```

#![warn(clippy::cast_possible_truncation)]

mod adaptive_pool;
pub mod bisenet;
pub mod community;
mod error;
mod normalisation;
mod normalised_conv;
pub mod resnext;
pub mod stylegan2;
pub mod vgg16;

pub use adaptive_pool::adaptive_average_pool;
pub use error::Error;
pub use normalisation::Normalisation;
