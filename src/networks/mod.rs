//! Typed networks over sessions, and the network pack that holds them.

pub mod detector;
pub mod landmarks;
mod reduced;
