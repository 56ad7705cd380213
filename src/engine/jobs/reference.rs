//! What the reference computes on aligned crops, with its masks and its rounding.

mod edit_crop;
mod make_pair;
mod parse_crop;

pub use edit_crop::{EditCrop, EditedCrop, ReferenceEdit, ReferenceMethod};
pub use make_pair::{MakePair, Pair};
