use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::editor::{BoundaryChoice, Change, Command, Document, FaceId, FaceParams};
use crate::engine::Method;
use crate::geometry::{Landmarks, Point};
use crate::portrait::edit_mask::MaskSettings;
use crate::portrait::strokes::{Stroke, StrokeKind};
use crate::portrait::warp::{Pull, WarpSettings};

fn document() -> Document {
    Document::new(None, "test".to_owned())
}

fn amount(amount: f32) -> Command {
    Command::Edit {
        face: FaceId(1),
        change: Change::Amount(amount),
    }
}

#[test]
fn a_gesture_is_one_step() {
    let mut document = document();
    for value in 1..50 {
        document.apply(&amount(value as f32), Some(Gesture(7)));
    }
    document.apply(&amount(10.0), Some(Gesture(8)));
    assert_eq!(document.history().steps().len(), 3);
    document.undo();
    assert_eq!(document.params(FaceId(1)).amount, 49.0);
    document.undo();
    assert_eq!(document.params(FaceId(1)).amount, 0.0);
    assert!(!document.undo());
}

#[test]
fn a_gesture_does_not_go_on_after_an_undo() {
    let mut document = document();
    document.apply(&amount(5.0), Some(Gesture(1)));
    document.undo();
    document.apply(&amount(6.0), Some(Gesture(1)));
    document.undo();
    assert_eq!(document.params(FaceId(1)).amount, 0.0);
}

#[test]
fn what_changes_nothing_is_no_step() {
    let mut document = document();
    document.apply(&amount(5.0), None);
    assert!(!document.apply(&amount(5.0), None));
    assert!(!document.apply(&amount(f32::NAN), None));
    assert_eq!(document.history().steps().len(), 2);
}

#[test]
fn a_new_command_forgets_what_was_undone() {
    let mut document = document();
    document.apply(&amount(5.0), None);
    document.undo();
    document.apply(&amount(9.0), None);
    assert!(!document.redo());
    assert_eq!(document.history().steps().len(), 2);
}

#[test]
fn unsaved_is_what_differs_from_the_saved_edits() {
    let mut document = document();
    document.apply(&amount(5.0), None);
    assert!(document.is_unsaved());
    document.set_saved(Arc::clone(document.edits()));
    assert!(!document.is_unsaved());
    document.undo();
    assert!(document.is_unsaved());
    document.redo();
    assert!(!document.is_unsaved());
}

fn change() -> impl Strategy<Value = Change> {
    let point = || (-9.0..1100.0f64, -9.0..1100.0f64).prop_map(|(x, y)| Point::new(x, y));
    let stroke = (
        prop::collection::vec(point(), 0..4),
        1.0..90.0f32,
        any::<bool>(),
    )
        .prop_map(|(path, radius_px, adds)| {
            Change::Paint(Arc::new(Stroke {
                kind: if adds {
                    StrokeKind::Add
                } else {
                    StrokeKind::Erase
                },
                radius_px,
                hardness: 0.5,
                path,
            }))
        });
    prop_oneof![
        prop_oneof![-300.0..300.0f32, Just(f32::NAN), Just(0.0)].prop_map(Change::Amount),
        (-300.0..300.0f32).prop_map(|amount| Change::Apply {
            name: "odd preset".to_owned(),
            params: Box::new(FaceParams::default().at_amount(amount)),
        }),
        Just(Change::Pull(Pull {
            at: Point::new(f64::NAN, 0.0),
            by: Point::new(1.0, f64::INFINITY),
        })),
        any::<bool>().prop_map(|warp| Change::Method(if warp {
            Method::Warp
        } else {
            Method::Plain
        })),
        (0..3usize).prop_map(|index| Change::Boundary(BoundaryChoice::File(index))),
        Just(Change::Boundary(BoundaryChoice::Coarse)),
        proptest::option::of(4..1024usize).prop_map(Change::UpTo),
        (-1.0..2.0f64, -1.0..3.0f64, 0..40usize).prop_map(|(strength, overshoot, rows)| {
            Change::Warp(WarpSettings {
                strength,
                overshoot,
                rows,
            })
        }),
        (point(), point()).prop_map(|(at, by)| Change::Pull(Pull { at, by })),
        Just(Change::RemovePulls),
        (-500..500i32, 0..500u32).prop_map(|(growth_px, feather_px)| Change::Mask(MaskSettings {
            growth_px,
            feather_px
        })),
        stroke,
        Just(Change::RemovePaint),
        any::<bool>().prop_map(Change::MatchColour),
        (-20.0..100.0f32).prop_map(|amount| Change::Apply {
            name: "preset".to_owned(),
            params: Box::new(FaceParams::default().at_amount(amount)),
        }),
    ]
}

pub(in crate::editor) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        12 => (1..4u64, change()).prop_map(|(face, change)| Command::Edit { face: FaceId(face), change }),
        1 => (4..7u64, 5.0..50.0f64).prop_map(|(id, size)| {
            let points = std::array::from_fn(|i| Point::new(size * i as f64, size));
            Command::MarkFace { id: FaceId(id), landmarks: Box::new(Landmarks::new(points).unwrap()) }
        }),
    ]
}

proptest! {
    #[test]
    fn undoing_all_is_the_start_and_redoing_all_the_end(
        commands in prop::collection::vec((command(), prop::option::of(0..4u64)), 0..40),
    ) {
        let mut document = document();
        let start = Edits::clone(document.edits());
        for (command, gesture) in &commands {
            document.apply(command, gesture.map(Gesture));
        }
        let end = Edits::clone(document.edits());
        while document.undo() {}
        prop_assert_eq!(&**document.edits(), &start);
        while document.redo() {}
        prop_assert_eq!(&**document.edits(), &end);
        for step in document.history().steps().to_vec().into_iter().rev() {
            document.jump(step.id);
            prop_assert_eq!(document.edits(), &step.edits);
        }
    }

    #[test]
    fn every_value_stays_in_its_range(commands in prop::collection::vec(command(), 1..30)) {
        let mut document = document();
        for command in &commands {
            document.apply(command, None);
        }
        for params in document.edits().faces.values() {
            prop_assert!(crate::editor::AMOUNT_RANGE.contains(&params.amount));
            prop_assert!((0.0..=1.0).contains(&params.settings.warp.strength));
            prop_assert!(params.settings.mask.feather_px > 0);
        }
    }

    #[test]
    fn edits_survive_their_file_format(commands in prop::collection::vec(command(), 0..20)) {
        let mut document = document();
        for command in &commands {
            document.apply(command, None);
        }
        let text = serde_json::to_string(&**document.edits()).unwrap();
        let read: Edits = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &**document.edits());
    }
}
