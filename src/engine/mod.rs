//! The engine: one background thread that owns all sessions and runs jobs step by step.
//!
//! A [`Job`] is a loop turned inside out: each call of [`Job::step`] does a bounded piece of work and
//! returns. Between two steps the thread looks for newer work, so a picture that a person waits for
//! ([`Priority::Interactive`]) goes before an inversion that takes a minute. Cancelling takes effect
//! within a step, since [`CancelToken`](crate::runtime::CancelToken) also ends the network run that is
//! under way.
//!
//! The engine never sees a document: a job carries its inputs, and its [`Handle`] receives progress
//! and the result.
//!
//! The core (`error`, `sessions`, `job`, `thread`) knows no job. `jobs/` has them all, and `client` is the
//! one place that turns what a window asks for into jobs. `tests/floors.rs` holds us to it.
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use jawline::engine::{Engine, FindFaces, Priority, Settings};
//! use jawline::networks::detector::Search;
//! use jawline::photo::{Limits, Photo};
//! use jawline::runtime::CancelToken;
//!
//! let photo = Arc::new(Photo::load(Path::new("portrait.jpg"), &Limits::default())?);
//! let engine = Engine::start(Settings::default())?;
//! let job = FindFaces::new(photo, "portrait.jpg".to_owned(), Search::Quick);
//! let faces = engine
//!     .submit(Priority::Interactive, CancelToken::new(), job)
//!     .wait(|progress| println!("{}", progress.stage))?;
//! println!("{} found", faces.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod client;
mod error;
mod job;
mod jobs;
mod sessions;
mod thread;

pub use error::Error;
pub use job::{Context, Event, Handle, Job, OneByOne, OneStep, Priority, Progress, Step};
pub use jobs::face::*;
pub use jobs::latent::*;
pub use jobs::networks::*;
pub use jobs::reference::*;
pub use sessions::{CodeKey, CodeStore, Labeller, Sessions, Settings};
pub(crate) use thread::panic_message;
pub use thread::{Engine, Waker};

pub use crate::networks::ChinReading;
pub use crate::networks::pack::LICENCE_NOTICE;
pub use crate::portrait::{EditSettings, Method};
pub use crate::runtime::ProviderChoice;
