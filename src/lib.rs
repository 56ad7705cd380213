//! Jawline removes double chins from portraits.
//!
//! It implements *Coarse-to-Fine: Facial Structure Editing of Portrait Images via Latent Space
//! Classifications* (Wu, Yang, Xiao, Jin; ACM TOG 40(4), 2021): the portrait is inverted into the
//! latent space of a StyleGAN2-type generator, its code is moved along a learnt boundary, and the
//! new neck is put back into the photo with masks and a warp refinement.
//!
//! `ARCHITECTURE.md` draws the rooms of the house. A room uses rooms on lower floors only:
//!
//! | floor | rooms |
//! |---|---|
//! | 4 | [`app`], [`cli`] |
//! | 3 | [`editor`], [`engine`] |
//! | 2 | [`portrait`], [`latent`], [`training`] |
//! | 1 | [`networks`], [`runtime`] |
//! | 0 | [`graph`], [`architectures`], [`checkpoint`], [`photo`], [`fs`], [`geometry`], [`data_dir`], [`memory`] |

pub mod app;
pub mod architectures;
pub mod checkpoint;
pub mod cli;
pub mod data_dir;
pub mod editor;
pub mod engine;
pub mod fs;
pub mod geometry;
pub mod graph;
pub mod latent;
pub mod memory;
pub mod networks;
pub mod photo;
pub mod portrait;
mod python;
pub mod runtime;
mod sha256;
pub mod training;
