//! Other programs that call the command line. Who does not have them sees that in words.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::sample;

/// Runs a script in GIMP without a window, with our plug-in; `None` where there is no GIMP 2.10.
fn in_gimp(script: &str) -> Option<String> {
    let version = Command::new("gimp").arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    if !version.is_ok_and(|version| version.contains(" 2.10.")) {
        eprintln!("skipped: there is no GIMP 2.10 (`apt-get install gimp`)");
        return None;
    }
    let settings = tempfile::tempdir().unwrap();
    let folder = settings.path().join("plug-ins/jawline");
    fs::create_dir_all(&folder).unwrap();
    let plug_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("integrations/gimp/jawline.py");
    // The copy keeps the permission to be run.
    fs::copy(plug_in, folder.join("jawline.py")).unwrap();
    let output = Command::new("gimp")
        .args([
            "-i",
            "-d",
            "-f",
            "--batch-interpreter=plug-in-script-fu-eval",
            "-b",
        ])
        .arg(format!("(let* {script} (gimp-quit 1))"))
        .env("GIMP2_DIRECTORY", settings.path())
        .env("JAWLINE", assert_cmd::cargo::cargo_bin("jawline"))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn gimp_gets_the_result_as_a_layer_on_top() {
    let path = sample();
    let script = format!(
        "((image (car (gimp-file-load RUN-NONINTERACTIVE \"{0}\" \"{0}\"))) \
          (drawable (car (gimp-image-get-active-layer image))) \
          (layer (car (plug-in-jawline RUN-NONINTERACTIVE image drawable 0)))) \
         (gimp-message (string-append \"layers \" (number->string (car (gimp-image-get-layers image))) \
          \", \" (car (gimp-item-get-name layer)) \
          \", \" (number->string (car (gimp-image-get-item-position image layer)))))",
        path.display()
    );
    if let Some(said) = in_gimp(&script) {
        assert!(said.contains("layers 2, Retouched neck, 0"), "{said}");
    }
}
