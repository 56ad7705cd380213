//! The panels around the picture. Each reads the window's state and emits actions.

pub mod banners;
pub mod edit;
pub mod left;
pub mod status;
pub mod top;
