//! The `jawline` program: parses arguments and runs a command.

fn main() {}
