//! Networks as graphs, built from named tensors or from an OpenVINO description.
//!
//! Every network can append itself to a [`Graph`](crate::graph::Graph) at a value of the caller's
//! choice, so that a generator and a perceptual network can stand in one graph, and the loss between
//! them can be differentiated.
//!
//! | module | network |
//! |---|---|
//! | [`community`] | the distilled generator that set-up installs (MobileStyleGAN) |
//! | [`openvino`] | any network in OpenVINO's representation, within the operations needed here |
//! | [`stylegan2`] | StyleGAN2, of any resolution and width |
//! | [`vgg16`] | the trunk of VGG16, a perceptual network |

mod adaptive_pool;
pub mod community;
mod error;
pub mod openvino;
pub mod stylegan2;
pub mod vgg16;

pub use adaptive_pool::adaptive_average_pool;
pub use error::Error;
