//! The searches for latent codes, on small networks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod diffusion;
mod inversion;
mod previews;
mod projector;
mod tiny;
