//! What is made of a retouched portrait for people to look at and to keep.

pub mod sheet;
