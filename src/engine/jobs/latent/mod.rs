//! Latent codes: mapped, drawn, and searched for.

mod differentiate_picture;
mod diffuse;
mod invert;
mod map_latents;
mod project;
mod synthesize;

pub use differentiate_picture::DifferentiatePicture;
pub use diffuse::{Diffuse, Diffused, DiffusionNetworks, DiffusionReport, Space};
pub use invert::{InversionReport, InvertPicture, Inverted};
pub use map_latents::{MapLatents, MappedLatents};
pub use project::{Project, Projected, Projection, ProjectionReport};
pub use synthesize::{Synthesize, SynthesizedPortrait};
