//! Latent codes: mapped, drawn, and searched for.

mod differentiate_picture;
mod diffuse;
mod invert;
mod map_latents;
mod optimise;
mod project;
mod synthesize;

pub use differentiate_picture::differentiate_picture;
pub use diffuse::{Diffuse, DiffuseEdit, DiffusionNetworks, Space};
pub use invert::{InversionReport, Invert, InvertPicture};
pub use map_latents::{MappedLatents, map_latents};
pub use optimise::{Found, OptimiseJob, Search, SearchReport};
pub use project::{Project, ProjectPicture, Projection};
pub use synthesize::{Synthesize, SynthesizedPortrait};
