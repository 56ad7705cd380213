//! Latent codes, boundaries, style mixing, inversion.
