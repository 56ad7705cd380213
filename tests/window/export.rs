//! What the export window offers.

use egui::Key;

use crate::bench::Bench;

#[test]
fn metadata_can_be_chosen_and_the_choice_is_told() {
    let mut bench = Bench::edited();
    bench.key(Key::E);
    assert!(bench.has_text("EXIF, XMP, IPTC and texts stay"));
    for (choice, told) in [
        ("All but the place", "Where the photo was taken (GPS"),
        ("Author and copyright only", "Camera, date, place, caption"),
        ("None", "Everything is left out"),
    ] {
        bench.click("Choose which metadata to keep");
        bench.click(choice);
        bench.settle();
        assert!(bench.has_text(told), "{choice}");
    }
}

#[test]
fn before_and_after_are_exported_as_a_picture_or_an_animation() {
    let mut bench = Bench::edited();
    let at = |bench: &Bench, name: &str| bench.folder.path().join(name);
    let choose = |bench: &mut Bench, what: &str| {
        bench.key(Key::E);
        bench.click("Choose what to export");
        bench.click(what);
        bench.settle();
    };
    choose(&mut bench, "Before and after, split by a line");
    assert!(bench.has("Where the line lies, in per cent of the width"));
    bench.click("Choose the format");
    bench.click("PNG");
    bench.click("Save the comparison");
    let split = at(&bench, "portrait before and after.png");
    bench.until("split", |_| split.exists());
    let original = image::open(at(&bench, "portrait.jpg")).unwrap();
    let split = image::open(split).unwrap();
    assert_eq!(
        (split.width(), split.height()),
        (original.width(), original.height())
    );

    bench.settle();
    choose(&mut bench, "Before and after, side by side");
    bench.click("Save the comparison");
    let beside = at(&bench, "portrait before and after 2.png");
    bench.until("side by side", |_| beside.exists());
    assert!(image::open(beside).unwrap().width() > 2 * original.width());

    bench.settle();
    choose(&mut bench, "Before and after, blinking");
    assert!(bench.has_text("no metadata go into it"));
    for (format, name) in [
        ("GIF (256 colours)", "portrait before and after.gif"),
        ("WebP (without loss)", "portrait before and after.webp"),
    ] {
        if !bench.has("Choose the animation's format") {
            bench.key(Key::E);
        }
        bench.click("Choose the animation's format");
        bench.click(format);
        bench.settle();
        bench.click("Save the comparison");
        let file = at(&bench, name);
        bench.until_within(60, name, |_| file.exists());
        bench.settle();
    }
}
