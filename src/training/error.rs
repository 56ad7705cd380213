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
