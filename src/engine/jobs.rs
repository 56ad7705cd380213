//! All that the engine can do, as jobs.

pub mod face;
pub mod latent;
pub mod networks;
pub mod reference;
