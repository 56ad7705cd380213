//! The command line: one file a subcommand. Without one the window opens.
//!
//! Exit status 0 means done, 1 failed (one clear line on stderr for each cause), 2 wrong use, 130
//! interrupted. Names of commands, options and files are a contract with scripts: add to them, do not
//! change them.

mod answer;
mod arrays;
mod batch;
mod bench;
mod boundary;
mod codes;
mod compare;
mod evaluate;
mod failure;
mod interrupt;
mod markup;
mod method;
mod networks;
mod output;
mod pictures;
mod progress;
mod retouch;
mod shard;
mod stage;
mod synthesize;
mod train;
mod window;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use failure::Failure;

use crate::engine::Settings;
use crate::networks::NetworkSource;
use crate::networks::pack::COMMUNITY;
use crate::runtime::ProviderChoice;

/// Removes double chins from portraits. Without a command the window opens.
#[derive(Parser)]
#[command(
    name = "jawline",
    version,
    propagate_version = true,
    max_term_width = 100,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    window: window::Options,
}

#[derive(Subcommand)]
enum Command {
    /// Retouch photos: the same photo, with less double chin
    Retouch(retouch::Options),
    /// Show what was done: before and after side by side, split or blinking; a contact sheet
    Compare(compare::Options),
    /// Draw portraits that show nobody, with their latent codes
    Synthesize(synthesize::Options),
    /// Run one stage of the method alone, files in and files out
    #[command(subcommand)]
    Stage(stage::Command),
    /// Edit a folder of aligned crops whose codes are known, as the reference does
    Batch(batch::Options),
    /// Look at boundaries, compare and convert them, make conditional ones
    #[command(subcommand)]
    Boundary(boundary::Command),
    /// Train boundaries: from scored codes, or from nothing but a generator
    #[command(subcommand)]
    Train(train::Command),
    /// Install, import, list, verify or remove the networks and ONNX Runtime
    #[command(subcommand)]
    Networks(networks::Command),
    /// Say how many latent codes are kept of faces that were edited, or remove them
    Codes(codes::Options),
    /// Measure how good the edits are, on photos or on drawn portraits
    Evaluate(evaluate::Options),
    /// Measure time and memory of every stage
    Bench(bench::Options),
}

/// Options of every command that runs networks.
#[derive(Args, Debug, Clone)]
struct EngineOptions {
    /// Execution provider: auto, cpu, cuda or webgpu. One that is not there is an error, except with
    /// auto
    #[arg(long, default_value_t = ProviderChoice::Auto)]
    provider: ProviderChoice,
    /// CPU threads for the networks; 0 for one a core
    #[arg(long, default_value_t = 0, value_name = "N")]
    threads: usize,
    /// Network pack
    #[arg(long, default_value = COMMUNITY, value_name = "NAME")]
    pack: String,
    /// Generator: the name of a pack, or a file (a checkpoint such as Gs.pth, or .onnx); the pack's own
    /// by default
    #[arg(long, value_name = "GEN")]
    generator: Option<String>,
}

impl EngineOptions {
    fn settings(&self) -> Settings {
        // A pack's generator comes with its other networks.
        let (file, pack) = match self.generator.as_deref().map(NetworkSource::named) {
            Some(NetworkSource::File(path)) => (Some(path), self.pack.clone()),
            Some(NetworkSource::Pack(name)) => (None, name),
            None => (None, self.pack.clone()),
        };
        Settings {
            provider: self.provider,
            threads: self.threads,
            pack,
            generator: file,
            codes: None,
        }
    }
}

/// Options about what a command says.
#[derive(Args, Debug, Clone, Copy)]
struct OutputOptions {
    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
    /// Print one JSON object on stdout: what was written, figures, seconds
    #[arg(long)]
    json: bool,
}

/// A count that must not be zero.
fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|&count| count > 0)
        .ok_or_else(|| "use a whole number from 1 on".to_owned())
}

/// Runs the command that the program's arguments name.
pub fn run() -> ExitCode {
    crate::memory::return_large_blocks_at_once();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    start_log();
    let outcome = match cli.command {
        None => window::run(cli.window),
        Some(command) => {
            interrupt::listen();
            run_command(command)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            answer::answer_failure(&failure);
            failure.report()
        }
    }
}

fn run_command(command: Command) -> Result<(), Failure> {
    let run = || match command {
        Command::Retouch(options) => retouch::run(&options),
        Command::Compare(options) => compare::run(&options),
        Command::Synthesize(options) => synthesize::run(&options),
        Command::Stage(command) => stage::run(command),
        Command::Batch(options) => batch::run(&options),
        Command::Boundary(command) => boundary::run(&command),
        Command::Train(command) => train::run(&command),
        Command::Networks(command) => networks::run(command),
        Command::Codes(options) => codes::run(&options),
        Command::Evaluate(options) => evaluate::run(&options),
        Command::Bench(options) => bench::run(&options),
    };
    // The panic's own message is on stderr by then; whoever waits for an answer gets one.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        Err(Failure::because(
            "an internal error ended the command; please report it",
        ))
    })
}

/// Says what is wrong with the arguments, or what the user asked about them.
fn misused(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let message = error.to_string();
        // What is wrong comes first; usage and tips follow after an empty line.
        let what: Vec<&str> = message.lines().map(str::trim).collect();
        let what = what.split(|line| line.is_empty()).next();
        let what = what.unwrap_or_default().join(" ");
        let what = what.strip_prefix("error: ").unwrap_or(&what);
        answer::answer_failure(&Failure::Usage(what.to_owned()));
    }
    // A terminal that went away is told nothing.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Diagnostics on stderr when `JAWLINE_LOG` asks for them (`JAWLINE_LOG=jawline=debug`); else only
/// errors of this program. What a user must know is said by the commands themselves.
fn start_log() {
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::prelude::*;
    let asked = std::env::var("JAWLINE_LOG").unwrap_or_default();
    let filter: Targets = asked.parse().unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
