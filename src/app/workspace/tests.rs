//! Random lives of a workspace: four photos, a slow and failing disk, a slow and failing engine, a
//! user who clicks about, crashes. Nothing may be lost, nothing mixed up.

mod disk;
mod engine;
mod life;
mod stories;

use std::path::PathBuf;

use proptest::prelude::*;

use life::{Life, Step};

/// How many photos there are.
const PHOTOS: usize = 4;

/// The file of a photo.
fn photo_path(index: usize) -> PathBuf {
    PathBuf::from(format!("/shoot/{index}.jpg"))
}

/// Another way to the same file.
fn alias_path(index: usize) -> PathBuf {
    PathBuf::from(format!("/link/{index}.jpg"))
}

/// The project beside a photo.
fn project_path(index: usize) -> PathBuf {
    crate::editor::project::path_beside(&photo_path(index))
}

fn step() -> impl Strategy<Value = Step> {
    let photo = 0..PHOTOS;
    prop_oneof![
        6 => photo.clone().prop_map(Step::Open),
        2 => photo.clone().prop_map(Step::OpenAlias),
        2 => photo.clone().prop_map(Step::OpenProject),
        6 => (0..8_usize).prop_map(Step::Switch),
        3 => (0..8_usize).prop_map(Step::Close),
        2 => Just(Step::SaveAndClose),
        1 => Just(Step::DiscardAndClose),
        2 => Just(Step::Stay),
        14 => Just(Step::Edit),
        2 => Just(Step::Undo),
        2 => Just(Step::Redo),
        5 => Just(Step::Save),
        2 => (0..2 * PHOTOS).prop_map(Step::SaveAs),
        2 => Just(Step::Remedy),
        3 => Just(Step::Export),
        1 => Just(Step::Copy),
        1 => Just(Step::CancelWrite),
        1 => Just(Step::TryAgain),
        1 => photo.clone().prop_map(Step::Locate),
        2 => photo.clone().prop_map(Step::Eject),
        3 => photo.prop_map(Step::Insert),
        2 => any::<bool>().prop_map(Step::DiskFails),
        2 => any::<bool>().prop_map(Step::EngineFails),
        20 => (1..40_u64).prop_map(Step::Wait),
        2 => Just(Step::Crash),
        2 => (0..4_usize).prop_map(Step::Recover),
        1 => (0..4_usize).prop_map(Step::DiscardRecoverable),
        2 => Just(Step::Quit),
        1 => Just(Step::SaveAndQuit),
        1 => Just(Step::DiscardAndQuit),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10_000,
        max_shrink_iters: 4000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_lost_and_nothing_is_mixed_up(
        steps in prop::collection::vec(step(), 1..90),
        seed in any::<u64>(),
    ) {
        let mut life = Life::begin(seed);
        for step in steps {
            life.go(step);
        }
        life.end();
    }
}
