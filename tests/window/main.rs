//! The window, through what assistive technology sees of it. Most tests play the engine; one uses the
//! real one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they measured"
)]

mod bench;
mod chin;
mod compare;
mod diffusion;
mod export;
mod fake;
mod files;
mod instant;
mod mask_and_warp;
mod open;
mod queue;
mod real;
mod safety;
mod slider;
mod speed;
mod states;
