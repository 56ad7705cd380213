//! Starting Python so that it runs nothing but what Jawline asks for.
//!
//! Jawline is started in folders of photos, which come from anywhere. Python puts the working directory
//! at the head of its search path and follows `PYTHON…` variables: a folder with a `pip.py` in it would
//! run as Jawline. So every Python is started isolated (`-I`), without those variables, which its own
//! children would follow, and in a folder where nobody leaves files.

#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::env;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

/// How often a running child is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How long the rest of what an ended child has said is waited for: a grandchild may hold the pipe.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// As much of what a child says is kept.
const KEPT_BYTES: u64 = 1 << 20;

/// `python3`, isolated. Paths among the arguments must be absolute.
pub(crate) fn isolated() -> Command {
    let mut command = Command::new("python3");
    command.arg("-I").current_dir(neutral_folder());
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("PYTHON") {
            command.env_remove(name);
        }
    }
    command
}

/// The root of the file system: it is always there, and only administrators write into it.
fn neutral_folder() -> PathBuf {
    let temporary = env::temp_dir();
    let root = temporary
        .ancestors()
        .last()
        .filter(|root| root.is_absolute());
    root.unwrap_or(Path::new("/")).to_owned()
}

/// What an ended child leaves.
pub(crate) struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Why a child yields nothing.
#[derive(Debug)]
pub(crate) enum Unfinished {
    Cancelled,
    /// It could not be started or watched.
    System(io::Error),
}

/// Runs a command to its end. When `is_cancelled` says so, it is killed with its children.
pub(crate) fn run(
    mut command: Command,
    is_cancelled: impl Fn() -> bool,
) -> Result<Finished, Unfinished> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut running = Running(command.spawn().map_err(Unfinished::System)?);
    // Read beside the wait, so that a talkative child cannot fill a pipe and stand still.
    let stdout = listen("python stdout", running.0.stdout.take())?;
    let stderr = listen("python stderr", running.0.stderr.take())?;
    let status = loop {
        if is_cancelled() {
            return Err(Unfinished::Cancelled);
        }
        match running.0.try_wait().map_err(Unfinished::System)? {
            Some(status) => break status,
            None => thread::sleep(POLL),
        }
    };
    Ok(Finished {
        status,
        stdout: stdout.recv_timeout(LAST_WORDS).unwrap_or_default(),
        stderr: stderr.recv_timeout(LAST_WORDS).unwrap_or_default(),
    })
}

/// A child that does not outlive this value, and neither do its children.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        // The group first: once its leader has been waited for, another may get its number.
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process_group};
            let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn listen(
    name: &str,
    pipe: Option<impl Read + Send + 'static>,
) -> Result<Receiver<String>, Unfinished> {
    let (sender, receiver) = bounded(1);
    let read = move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.by_ref().take(KEPT_BYTES).read_to_end(&mut bytes);
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    };
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(read)
        .map_err(Unfinished::System)?;
    Ok(receiver)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_pipes_and_the_status_arrive() {
        let long = "for i in $(seq 20000); do echo 0123456789; done; echo oops >&2; exit 3";
        let finished = run(shell(long), || false).unwrap();
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!(finished.stdout.len(), 220_000);
        assert_eq!(finished.stderr, "oops\n");
    }

    #[test]
    fn a_cancelled_child_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 60 & echo $! > {}; wait", file.display());
        let begun = Instant::now();
        let grandchild = || fs::read_to_string(&file).unwrap_or_default();
        let outcome = run(shell(&script), || grandchild().ends_with('\n'));
        assert!(matches!(outcome, Err(Unfinished::Cancelled)));
        assert!(begun.elapsed() < Duration::from_secs(10));
        // Whoever adopts it may not have waited for it yet: then it is a zombie.
        let status = Path::new("/proc").join(grandchild().trim()).join("stat");
        let is_gone = || match fs::read_to_string(&status) {
            Ok(stat) => stat.contains(") Z "),
            Err(_) => true,
        };
        let killed = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(10));
            is_gone()
        });
        assert!(killed, "the grandchild lives on");
    }

    #[test]
    fn a_program_that_is_not_there_is_said() {
        let outcome = run(Command::new("/nonexistent/python3"), || false);
        assert!(matches!(outcome, Err(Unfinished::System(_))));
    }

    #[test]
    fn python_starts_isolated_in_a_folder_that_nobody_writes_to() {
        let command = isolated();
        assert_eq!(command.get_args().next().unwrap(), "-I");
        assert_eq!(command.get_current_dir(), Some(Path::new("/")));
    }
}
