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
