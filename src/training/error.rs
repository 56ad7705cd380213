use std::path::PathBuf;

/// Why a boundary could not be fitted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A column has not one value for each code.
    #[error(
        "{what} has {found} values, but there are {expected} codes: give one value for each code"
    )]
    Length {
        /// The column.
        what: String,
        /// Number of codes.
        expected: usize,
        /// Number of values.
        found: usize,
    },
    /// An array has another shape than it needs.
    #[error("{what} has the shape {shape:?}; it must be {expected}")]
    Shape {
        /// The array, named for the user.
        what: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The shapes that would do.
        expected: String,
    },
    /// NaN or infinity.
    #[error("{what} holds a value that is not a finite number: repair or leave out that portrait")]
    NotFinite {
        /// The column, or "the codes".
        what: String,
    },
    /// A column that does not vary says nothing.
    #[error("{what} has the same value everywhere: nothing can be learnt from it, leave it out")]
    Constant {
        /// The column.
        what: String,
    },
    /// A setting outside its range.
    #[error("{what} must be {range}, not {found}")]
    Setting {
        /// The setting.
        what: String,
        /// What is allowed.
        range: &'static str,
        /// What was given.
        found: f64,
    },
    /// The attribute lies within the span of the nuisances.
    #[error(
        "nothing of the attribute is left once the nuisances are taken out: condition on fewer of them"
    )]
    NothingLeft,
    /// The classes lie in the same place.
    #[error(
        "no direction tells positives from negatives: their codes are the same, or too much alike"
    )]
    Inseparable,
    /// A list of rows that cannot be trained or validated on.
    #[error("the {what} index {reason}")]
    Rows {
        /// Which list.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A dataset's manifest that cannot be used.
    #[error(
        "the dataset's manifest {path} cannot be used: {reason}. `jawline train sample` begins a dataset"
    )]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A dataset was made in another way.
    #[error(
        "{path} was made with {what}: use the same again, another folder for --data, or delete it first"
    )]
    OtherSettings {
        /// How it was made.
        what: String,
        /// The dataset, or the part of it.
        path: PathBuf,
    },
    /// A step has not been taken yet.
    #[error("{path} is missing: run `jawline train {made_by}` first")]
    StepMissing {
        /// The file.
        path: PathBuf,
        /// The command that makes it.
        made_by: &'static str,
    },
    /// A folder cannot be made.
    #[error("the folder {path} cannot be made: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file of a dataset cannot be read.
    #[error(transparent)]
    Array(#[from] crate::checkpoint::Error),
    /// A file of a dataset cannot be written.
    #[error(transparent)]
    Write(#[from] crate::fs::Error),
    /// A table that cannot be read.
    #[error("cannot read the table {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A table whose content is not what it should be.
    #[error("line {line} of the table {reason}")]
    Table {
        /// Counted from 1, the header's line.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A column that a table does not have.
    #[error("the table has no column {0:?}")]
    NoColumn(String),
}
