//! The settings of an edit in files.

#![allow(clippy::unwrap_used)]

use jawline::editor::FaceParams;
use serde::Deserialize;
use serde_json::json;

#[test]
fn every_field_that_is_written_is_read_again() {
    let written = json!(FaceParams::default());
    let fields = written.as_object().unwrap();
    assert!(fields.len() >= 9, "{written}");
    for name in fields.keys() {
        // A field that is read refuses what makes no sense; one that was forgotten passes it over.
        let nonsense = json!({ name: "no such thing" });
        assert!(FaceParams::deserialize(nonsense).is_err(), "{name}");
    }
    assert_eq!(
        FaceParams::deserialize(written).unwrap(),
        FaceParams::default()
    );
}
