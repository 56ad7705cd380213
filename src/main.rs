//! The `jawline` program: parses arguments and runs a command.

use std::process::ExitCode;

fn main() -> ExitCode {
    jawline::cli::run()
}
