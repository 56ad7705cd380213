//! What is executed and what is trusted: Python, ONNX Runtime's library, the networks' digests; and
//! installations that meet or are ended.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jawline::networks::pack::{Manifest, Role};
use tempfile::TempDir;

use super::{fails, jawline};

/// A library that writes a file when it is loaded, as hostile native code would run.
fn hostile_library(path: &Path, mark: &Path) {
    let source = path.with_extension("c");
    let code = format!(
        "#include <stdio.h>\n__attribute__((constructor)) static void run(void) {{ fclose(fopen({:?}, \"w\")); }}\n",
        mark.to_str().unwrap()
    );
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&source, code).unwrap();
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([path, &source])
        .status()
        .unwrap();
    assert!(status.success());
    fs::remove_file(source).unwrap();
}

/// A folder, as photos might come in, with code in it that leaves `mark` when anything of it is executed.
fn hostile_folder(mark: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let code = format!("open({:?}, 'w').close()\n", mark.to_str().unwrap());
    for file in [
        "pip.py",
        "sitecustomize.py",
        "usercustomize.py",
        "encodings.py",
        "importlib.py",
        "onnxruntime/__init__.py",
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &code).unwrap();
    }
    let capi = folder.path().join("onnxruntime/capi");
    hostile_library(&capi.join("libonnxruntime.so.1.99.0"), mark);
    hostile_library(&folder.path().join("libonnxruntime.so"), mark);
    folder
}

/// The program, with an empty data directory and no way to any package.
fn without_anything(data_dir: &Path) -> assert_cmd::Command {
    let mut command = jawline();
    command
        .env("JAWLINE_DATA_DIR", data_dir)
        .env("PIP_NO_INDEX", "1")
        .env_remove("PIP_FIND_LINKS")
        .env_remove("ORT_DYLIB_PATH");
    command
}

#[test]
fn no_code_of_the_working_directory_or_of_pythonpath_is_executed() {
    let outside = tempfile::tempdir().unwrap();
    let mark = outside.path().join("mark");
    let folder = hostile_folder(&mark);
    // The trap works.
    let python = |script: &str| {
        let mut command = Command::new("python3");
        command.args(["-c", script]).current_dir(folder.path());
        command.status().unwrap()
    };
    python("import onnxruntime");
    assert!(mark.exists());
    fs::remove_file(&mark).unwrap();

    for arguments in [
        &["networks", "install", "-q"][..],
        &["networks", "list"],
        &["networks", "verify"],
        &["synthesize", "-q", "--out", "out"],
    ] {
        let data_dir = outside.path().join("data");
        let mut here = without_anything(&data_dir);
        here.args(arguments).current_dir(folder.path());
        here.output().unwrap();
        assert!(!mark.exists(), "{arguments:?} in the folder");
        let mut pointed_at = without_anything(&data_dir);
        pointed_at
            .args(arguments)
            .current_dir(outside.path())
            .env("PYTHONPATH", folder.path())
            .env("PYTHONSTARTUP", folder.path().join("pip.py"))
            .env("PYTHONUSERBASE", folder.path());
        pointed_at.output().unwrap();
        assert!(!mark.exists(), "{arguments:?} with PYTHONPATH");
    }
}

#[test]
fn a_library_that_is_not_known_is_not_loaded_from_the_data_directory() {
    let data_dir = tempfile::tempdir().unwrap();
    let mark = data_dir.path().join("mark");
    let library = data_dir
        .path()
        .join("runtime/onnxruntime-1.99.0/libonnxruntime.so.1.99.0");
    hostile_library(&library, &mark);
    let packs = jawline::data_dir::data_dir().unwrap().join("packs");
    std::os::unix::fs::symlink(packs, data_dir.path().join("packs")).unwrap();
    let said = fails(without_anything(data_dir.path()).args(["networks", "verify"]));
    assert!(!mark.exists(), "{said}");
    let out = data_dir.path().join("out");
    let mut synthesize = without_anything(data_dir.path());
    let said = fails(synthesize.args(["synthesize", "-q", "--out"]).arg(&out));
    assert!(!mark.exists(), "{said}");
    // It is said where the library is, and how to take it knowingly.
    for word in ["onnxruntime-1.99.0", "not a build", "ORT_DYLIB_PATH"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    // Then it is loaded, so the test can tell.
    let mut chosen = without_anything(data_dir.path());
    chosen.env("ORT_DYLIB_PATH", &library);
    fails(chosen.args(["synthesize", "-q", "--out"]).arg(&out));
    assert!(mark.exists());
}

#[test]
fn the_list_says_which_library_was_checked_and_which_was_chosen() {
    let list = |command: &mut assert_cmd::Command| {
        let output = command.args(["networks", "list"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let said = list(jawline().env_remove("ORT_DYLIB_PATH"));
    assert!(said.contains("SHA-256 as known"), "{said}");
    let library = installed_library();
    let said = list(jawline().env("ORT_DYLIB_PATH", library));
    assert!(said.contains("your choice, not checked"), "{said}");
}

fn installed_library() -> PathBuf {
    jawline::runtime::find_library().unwrap().path
}

/// Weights and manifest changed together: the digests that count are in the program.
#[test]
fn a_community_network_is_refused_although_its_manifest_was_changed_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let installed = jawline::data_dir::data_dir()
        .unwrap()
        .join("packs/community");
    let pack = folder.path().join("packs/community");
    fs::create_dir_all(&pack).unwrap();
    for entry in fs::read_dir(&installed).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, pack.join(path.file_name().unwrap())).unwrap();
    }
    let manifest = pack.join("manifest.json");
    let mapping = pack.join("mapping.onnx");
    let entries = Manifest::read(&manifest).unwrap();
    let old_digest = &entries.entry(Role::Mapping).unwrap().sha256;
    // Another network that is sound in itself.
    let perceptual = entries.entry(Role::Perceptual).unwrap();
    fs::copy(pack.join(&perceptual.file), &mapping).unwrap();
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace(old_digest, &perceptual.sha256)).unwrap();

    for arguments in [
        &["networks", "verify"][..],
        &["synthesize", "-q", "--out", "out"],
    ] {
        let said = fails(
            jawline()
                .env("JAWLINE_DATA_DIR", folder.path())
                .env("ORT_DYLIB_PATH", installed_library())
                .current_dir(folder.path())
                .args(arguments),
        );
        assert!(
            said.contains("mapping.onnx") && said.contains("jawline networks install"),
            "{said}"
        );
    }
}

#[test]
fn without_a_network_an_installation_says_so_in_one_line() {
    let data_dir = tempfile::tempdir().unwrap();
    let said = fails(
        jawline()
            .env("JAWLINE_DATA_DIR", data_dir.path())
            .env_remove("PIP_FIND_LINKS")
            .env_remove("ORT_DYLIB_PATH")
            // Nothing listens at the discard port.
            .env("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
            .env("PIP_RETRIES", "1")
            .args(["networks", "install", "-q"]),
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("is there a network?"), "{said}");
}

/// A folder with a `python3` that says that it runs, by its process number in the file `pid`, and sleeps.
fn sleeping_python() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("python3");
    let pid = folder.path().join("pid");
    let script = format!(
        "#!/bin/sh\nsleep 300 &\necho $! > '{0}.new'\nmv '{0}.new' '{0}'\nwait\n",
        pid.display()
    );
    fs::write(&python, script).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A program and the lines of its stderr.
type Started = (Child, Lines<BufReader<ChildStderr>>);

fn installation(data_dir: &Path, python: &Path) -> Started {
    let path = std::env::var("PATH").unwrap();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("jawline"))
        .args(["networks", "install"])
        .env("JAWLINE_DATA_DIR", data_dir)
        .env("PATH", format!("{}:{path}", python.display()))
        .env_remove("ORT_DYLIB_PATH")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines();
    (child, said)
}

fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < Duration::from_secs(30), "never: {what}");
        sleep(Duration::from_millis(20));
    }
}

/// Sends Ctrl-C, and yields how long the end took and what was said on the way.
fn interrupt((mut child, said): Started) -> (Duration, String) {
    let begun = Instant::now();
    let id = child.id().to_string();
    Command::new("kill").args(["-INT", &id]).status().unwrap();
    let said: Vec<String> = said.map(Result::unwrap).collect();
    assert!(!child.wait().unwrap().success());
    (begun.elapsed(), said.join("\n"))
}

fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    // A zombie that nobody has waited for does not run.
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn an_interrupted_installation_ends_at_once_and_its_python_with_it() {
    let data_dir = tempfile::tempdir().unwrap();
    let python = sleeping_python();
    let pid = python.path().join("pid");
    let child = installation(data_dir.path(), python.path());
    wait_until("python runs", || pid.exists());
    let (waited, said) = interrupt(child);
    assert!(waited < Duration::from_secs(2), "it took {waited:?}");
    assert!(said.contains("interrupted"), "{said}");
    let pid = fs::read_to_string(pid).unwrap();
    wait_until("python's child ends", || !is_running(&pid));
}

#[test]
fn a_second_installation_waits_for_the_first_leaves_its_folders_and_can_be_ended() {
    let data_dir = tempfile::tempdir().unwrap();
    let python = sleeping_python();
    let first = installation(data_dir.path(), python.path());
    wait_until("the first begins", || python.path().join("pid").exists());
    let half_made = data_dir.path().join("packs/.partial-of-the-first");
    fs::create_dir_all(&half_made).unwrap();

    let mut second = installation(data_dir.path(), python.path());
    let is_waiting = |line: String| line.contains("waiting for another installation");
    assert!(second.1.any(|line| is_waiting(line.unwrap())));
    let (waited, said) = interrupt(second);
    assert!(waited < Duration::from_secs(2), "it took {waited:?}");
    assert!(said.contains("interrupted"), "{said}");
    assert!(half_made.is_dir());
    interrupt(first);
}
