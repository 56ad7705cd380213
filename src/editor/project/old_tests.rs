//! Projects of earlier versions, as those wrote them.

use std::fs;
use std::path::{Path, PathBuf};

use super::archive::pack;
use super::{Project, Replace};
use crate::editor::{BoundaryChoice, FaceId};

/// A project of version 1 (0.1.0), in which the coarse boundary was the only one and the layers were always
/// said.
fn version_1(folder: &Path) -> PathBuf {
    let params = |amount: u32| {
        serde_json::json!({
            "amount": amount as f32,
            "boundary": "double-chin",
            "up_to_px": 16,
            "method": "warp",
            "warp": { "strength": 1.0, "overshoot": 1.0, "rows": 8 },
            "pulls": [],
            "mask": { "growth_px": 20, "feather_px": 25 },
            "strokes": [],
            "match_colour": true,
        })
    };
    let json = serde_json::json!({
        "version": 1,
        "program": "0.1.0",
        "name": "photo.png",
        "photo": { "path": null, "relative": "photo.png", "size_bytes": null, "sha256": null },
        "faces": [],
        "marked_codes": [],
        "chosen": 1,
        "boundaries": [],
        "edits": { "marked": [], "faces": { "1": params(75), "2": params(0) } },
    });
    let bytes = pack(&[("project.json".to_owned(), json.to_string().into_bytes())]).unwrap();
    let path = folder.join("old.jawline");
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_project_of_version_1_keeps_the_boundary_that_it_was_made_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = version_1(folder.path());
    let old = Project::read(&path).unwrap().document(None);
    let again = folder.path().join("again.jawline");
    Project::of(&old).write(&again, Replace::Own).unwrap();
    let saved = Project::read(&again).unwrap().document(None);
    for document in [old, saved] {
        for (face, amount) in [(FaceId(1), 75.0), (FaceId(2), 0.0)] {
            let params = document.params(face);
            assert_eq!(params.boundary, BoundaryChoice::Coarse);
            assert_eq!(params.up_to_px, Some(16));
            assert_eq!(params.amount, amount);
        }
        // A face that the old project says nothing of gets what is usual now.
        let params = document.params(FaceId(3));
        assert_eq!(params.boundary, BoundaryChoice::Fine);
        assert_eq!(params.up_to_px, None);
    }
}
