//! Networks: installed, imported, described, and each run by itself.

mod compute_features;
mod describe;
mod import_networks;
mod install;
mod parse_picture;
mod score_picture;

pub use compute_features::ComputeFeatures;
pub use describe::{Describe, DescribeGenerator, Description};
pub use import_networks::{ImportNetworks, ImportedPack};
pub use install::Install;
pub use parse_picture::{ParsePicture, ParsedPicture};
pub use score_picture::{LabelSource, ScorePicture, ScorePictures};
