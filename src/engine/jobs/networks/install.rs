//! Installing ONNX Runtime and the community networks, as a job.

use crossbeam_channel::Sender;

use super::report_steps;
use crate::engine::job::{OneStep, Progress};
use crate::engine::thread::Waker;
use crate::networks::install::install;

/// Installs what is missing. It is one long step: until it has ended there is nothing that the engine
/// could do besides. Tells `progress` about every part, and calls `wake` then.
pub fn install_networks(progress: Sender<Progress>, wake: Waker) -> OneStep<()> {
    OneStep::new("install the networks", move |context| {
        let mut show = report_steps("install", &progress, &wake);
        install(&mut show, context.cancel)?;
        Ok(())
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::Command;
    use std::sync::Arc;
    use std::time::{Duration, Instant};
    use std::{env, fs, thread};

    use crossbeam_channel::unbounded;

    use super::*;
    use crate::engine::{Engine, Priority, Settings};
    use crate::runtime::CancelToken;

    /// Names the file that the stand-in for Python writes when it has begun to sleep.
    const MARK: &str = "JAWLINE_TEST_PYTHON_SLEEPS";

    fn wait_for(file: &Path) {
        let begun = Instant::now();
        while !file.exists() {
            assert!(begun.elapsed() < Duration::from_secs(30), "no Python came");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Closing the window, or changing the provider, drops the engine. A `python3` that sleeps stands for
    /// one that fetches; only the environment of a new process can name it.
    #[test]
    fn an_engine_is_dropped_within_a_second_while_it_installs() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let python = folder.path().join("python3");
        let script = "#!/bin/sh\nsleep 300 &\necho $! > \"$JAWLINE_TEST_PYTHON_SLEEPS\"\nwait\n";
        fs::write(&python, script).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        let path = env::var("PATH").unwrap();
        let output = Command::new(env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "engine::jobs::networks::install::tests::drop_while_installing",
            ])
            .env("PATH", format!("{}:{path}", folder.path().display()))
            .env("JAWLINE_DATA_DIR", folder.path().join("data"))
            .env_remove("ORT_DYLIB_PATH")
            .env(MARK, &mark)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}"
        );
    }

    #[test]
    #[ignore = "needs the environment that the test above gives it"]
    fn drop_while_installing() {
        let mark = env::var_os(MARK).expect("the test above starts this one");
        let engine = Engine::start(Settings::default()).unwrap();
        let (progress, _heard) = unbounded();
        let job = install_networks(progress, Arc::new(|| ()));
        let handle = engine.submit(Priority::Background, CancelToken::new(), job);
        wait_for(Path::new(&mark));
        let dropped = Instant::now();
        drop(engine);
        let waited = dropped.elapsed();
        assert!(waited < Duration::from_secs(1), "it took {waited:?}");
        assert!(handle.wait(|_| ()).unwrap_err().is_cancelled());
    }
}
