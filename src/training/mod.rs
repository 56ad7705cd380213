//! Fitting of boundaries to labelled latent codes.
//!
//! A boundary is fitted to codes whose portraits were labelled for the attribute (a double chin) and
//! for the *nuisances* that come with it in a population but must not come with it in an edit: sex,
//! age, hair, pose, expression, light. [`fit_conditioned_boundary`] regresses each of them on the
//! codes ([`ridge`]) and takes the nuisances' directions out of the attribute's ([`conditional`]).
//!
//! Everything here is arithmetic on tables: no network runs, no picture is read.
//!
//! ```
//! use jawline::training::auc;
//!
//! // Of four pairs of a score that should be high and one that should be low, three are in order.
//! assert_eq!(auc(&[0.9, 0.6], &[0.1, 0.7]), Some(0.75));
//! ```

mod auc;
pub mod boundary_fit;
pub mod conditional;
pub mod dataset;
mod error;
mod fit;
pub mod recipe;
pub mod ridge;
mod scorer;
mod selection;
mod svm;
mod table;

pub use auc::auc;
pub use boundary_fit::{Accuracy, ScoredBoundary};
pub use error::Error;
pub use fit::{Fit, Nuisance, Options, fit_conditioned_boundary};
pub use scorer::LinearScorer;
pub use selection::{Choice, Labelled, Selection};
pub use svm::LinearSvm;
pub use table::Table;
