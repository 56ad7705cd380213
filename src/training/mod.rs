//! Fitting of boundaries to labelled latent codes.
