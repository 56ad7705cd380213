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
fn gimp_opens_layers_with_their_names_and_places() {
    let folder = tempfile::tempdir().unwrap();
    let (photo, layered) = (folder.path().join("a.jpg"), folder.path().join("a.tif"));
    fs::copy(sample(), &photo).unwrap();
    let retouched = super::jawline()
        .arg("retouch")
        .arg(&photo)
        .arg("--out")
        .arg(&layered)
        .args(["--layers", "--amount", "75"])
        .output()
        .unwrap();
    assert!(retouched.status.success());
    let script = format!(
        "((image (car (gimp-file-load RUN-NONINTERACTIVE \"{0}\" \"{0}\"))) \
          (layers (cadr (gimp-image-get-layers image))) \
          (told (lambda (place) (let* ((layer (vector-ref layers place)) \
           (number (lambda (of) (number->string (car (of layer)))))) \
           (string-append (car (gimp-item-get-name layer)) \" \" (number gimp-drawable-width) \
            \" \" (number gimp-drawable-offsets) \" \" (number gimp-drawable-has-alpha) \"; \"))))) \
         (gimp-message (string-append (told 0) (told 1) (told 2)))",
        layered.display()
    );
    if let Some(said) = in_gimp(&script) {
        let told = said.split("; ").collect::<Vec<_>>();
        let neck = told[0].split("Retouched neck ").nth(1).expect(&said);
        let numbers: Vec<u32> = neck.split(' ').map(|it| it.parse().unwrap()).collect();
        let [width, left, has_alpha] = numbers[..] else {
            panic!("{said}");
        };
        assert!(width < 1024 && left > 0 && left + width <= 1024 && has_alpha == 1);
        assert_eq!(told[1..3], ["Photo 1024 0 0", "Result 1024 0 0"], "{said}");
    }
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

#[test]
fn darktables_script_calls_the_program_and_nothing_that_darktable_does_not_have() {
    let names = ["lua5.4", "lua5.3", "lua"];
    let lua = names.into_iter().find(|name| {
        let version = Command::new(name).arg("-v").output();
        version.is_ok_and(|output| output.status.success())
    });
    let Some(lua) = lua else {
        eprintln!("skipped: there is no Lua (`apt-get install lua5.4`)");
        return;
    };
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(lua)
        .arg(project.join("tests/fixtures/darktable.lua"))
        .arg(project.join("integrations/darktable/jawline.lua"))
        .arg(assert_cmd::cargo::cargo_bin("jawline"))
        .arg(sample())
        .arg(folder.path())
        .env("JAWLINE_LOG", "off")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(output.stdout, b"well\n", "{said}");
}
