use std::sync::Arc;

use super::super::face_state::{FaceState, RenderKey, SearchEnd, Start};
use super::super::tests::{frame, landmarks, prepared};
use super::*;
use crate::engine::{EditParams, PreparedFace};
use crate::latent::OwnBoundaries;

const COARSE: Task = Task::Keyframes(&COARSE_AMOUNTS);
const FINE: Task = Task::Keyframes(&FINE_AMOUNTS);

/// A face with a final code, and the edit that is wanted of it.
struct Case {
    state: FaceState,
    key: RenderKey,
    now: Instant,
    changes_nothing: bool,
    is_dragging: bool,
    refines_keyframes: bool,
}

impl Case {
    fn new(method: Method) -> Self {
        let prepared = prepared();
        let boundary = OwnBoundaries::read().unwrap().fine;
        let params = EditParams::along(boundary, -2.0).by(method);
        let at = Instant::now();
        let start = Start::Prepared(Arc::clone(&prepared));
        let key = RenderKey { params, start };
        let state = FaceState {
            prepared: Some(prepared),
            code: Slot::Ready {
                key: Box::new(landmarks()),
                value: SearchEnd::Complete,
            },
            wanted: Some((key.clone(), at)),
            ..FaceState::default()
        };
        Self {
            state,
            key,
            now: at + Duration::from_secs(1),
            changes_nothing: false,
            is_dragging: false,
            refines_keyframes: true,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn prepared(&self) -> Arc<PreparedFace> {
        self.state.prepared.clone().unwrap()
    }

    /// The exact frame is there.
    fn drawn(self) -> Self {
        self.with(|case| {
            case.state.frame = Some(frame(&case.prepared(), &case.key.params));
            case.state.frame_of = Some(case.key.clone());
            let key = case.key.clone();
            case.state.drawing = Slot::Ready { key, value: () };
        })
    }

    fn keyframed(self, rounds: usize) -> Self {
        self.with(|case| {
            let key = case.key.at_any_amount();
            case.state.keyframing = Slot::Ready { key, value: () };
            case.state.keyframe_rounds = rounds;
            let change = frame(&case.prepared(), &case.key.params);
            let change = change.rendered.redrawn().unwrap().change();
            let keyframe = crate::portrait::screen::Keyframe::new(
                50.0,
                change.crop,
                change.edited,
                change.mask,
            );
            case.state.keyframes = std::iter::repeat_n(Arc::new(keyframe), 8).collect();
        })
    }

    /// The user has just moved the slider.
    fn moved(self) -> Self {
        self.with(|case| {
            case.key.params.alpha -= 0.1;
            case.state.wanted = Some((case.key.clone(), case.now));
        })
    }

    fn dragging(self) -> Self {
        self.with(|case| case.is_dragging = true)
    }

    fn asked(key: RenderKey, at: Instant) -> Slot<RenderKey, ()> {
        Slot::Asked { key, stamp: 1, at }
    }

    fn plan(&self) -> Vec<Task> {
        let landmarks = landmarks();
        let wish = Wish {
            landmarks: Some(&landmarks),
            key: Some(&self.key),
            is_instant: self.key.params.settings.method == Method::Instant,
            changes_nothing: self.changes_nothing,
            is_dragging: self.is_dragging,
            refines_keyframes: self.refines_keyframes,
        };
        plan(&self.state, &wish, self.now)
    }
}

fn warp() -> Case {
    Case::new(Method::Warp)
}

fn diffuse() -> Case {
    Case::new(Method::Diffuse)
}

#[test]
fn the_table_of_cases() {
    let failed = |case: &Case| Slot::Failed {
        key: case.key.clone(),
        why: "broken".to_owned(),
    };
    let searching = |case: &mut Case| {
        case.state.code = Slot::Asked {
            key: Box::new(landmarks()),
            stamp: 1,
            at: case.now,
        };
    };
    let cases: Vec<(&str, Case, Vec<Task>)> = vec![
        (
            "a face whose code nobody has looked for is prepared",
            warp().with(|case| {
                case.state.code = Slot::Empty;
                case.changes_nothing = true;
            }),
            vec![Task::Prepare],
        ),
        (
            "a face whose landmarks are others than its code's is prepared again",
            warp().drawn().keyframed(2).with(|case| {
                let moved = landmarks().mapped(&crate::geometry::Affine::scaling(2.0));
                case.state.code = Slot::Ready {
                    key: Box::new(moved.unwrap()),
                    value: SearchEnd::Complete,
                };
            }),
            vec![Task::Prepare],
        ),
        (
            "a search that has failed is not begun again",
            warp().with(|case| {
                case.changes_nothing = true;
                case.state.code = Slot::Failed {
                    key: Box::new(landmarks()),
                    why: "broken".to_owned(),
                };
            }),
            vec![],
        ),
        (
            "an edit that is not there is drawn",
            warp(),
            vec![Task::Draw],
        ),
        (
            "also while its code still gets better",
            warp().with(searching),
            vec![Task::Draw],
        ),
        (
            "one that is being drawn is waited for",
            warp().with(|case| case.state.drawing = Case::asked(case.key.clone(), case.now)),
            vec![],
        ),
        (
            "one that can't be drawn is left alone",
            warp().with(|case| case.state.drawing = failed(case)),
            vec![],
        ),
        (
            "another edit than the one that can't be drawn is drawn",
            warp()
                .with(|case| case.state.drawing = failed(case))
                .moved(),
            vec![Task::Draw],
        ),
        (
            "the newest edit takes the place of one that is being drawn",
            warp()
                .with(|case| case.state.drawing = Case::asked(case.key.clone(), case.now))
                .moved(),
            vec![Task::Draw],
        ),
        (
            "but in a drag without keyframes each is left to end",
            warp()
                .with(|case| case.state.drawing = Case::asked(case.key.clone(), case.now))
                .moved()
                .dragging(),
            vec![],
        ),
        (
            "a drag that keyframes follow waits for the pointer to rest",
            warp().drawn().keyframed(1).moved().dragging(),
            vec![Task::Wait(REST)],
        ),
        (
            "and draws then",
            warp()
                .drawn()
                .keyframed(1)
                .moved()
                .dragging()
                .with(|case| case.now += REST),
            vec![Task::Draw],
        ),
        (
            "the frame of an edit that is wanted again is there already",
            warp().drawn().keyframed(2).with(|case| {
                let mut other = case.key.clone();
                other.params.alpha = -3.0;
                case.state.drawing = Case::asked(other, case.now);
            }),
            vec![],
        ),
        (
            "a face that nobody has edited yet gets keyframes at once",
            warp().moved().with(|case| case.changes_nothing = true),
            vec![COARSE],
        ),
        (
            "one with a frame when nothing has changed for a while",
            warp()
                .drawn()
                .with(|case| case.now -= Duration::from_millis(900)),
            vec![Task::Wait(Duration::from_millis(300))],
        ),
        ("then", warp().drawn(), vec![COARSE]),
        (
            "keyframes under way are waited for",
            warp().drawn().with(|case| {
                case.state.keyframing = Case::asked(case.key.at_any_amount(), case.now);
                case.state.keyframe_rounds = 1;
            }),
            vec![],
        ),
        ("more follow", warp().drawn().keyframed(1), vec![FINE]),
        (
            "unless the user does not want them",
            warp()
                .drawn()
                .keyframed(1)
                .with(|case| case.refines_keyframes = false),
            vec![],
        ),
        ("or they are there", warp().drawn().keyframed(2), vec![]),
        ("a draft gets none", warp().drawn().with(searching), vec![]),
        (
            "keyframes of another shape are let go of before anything else",
            warp().drawn().keyframed(2).with(|case| {
                case.key.params.settings.warp.strength = 0.25;
                case.state.wanted = Some((case.key.clone(), case.now));
            }),
            vec![Task::ForgetKeyframes, Task::Draw],
        ),
        (
            "a diffusion begins when the edit rests",
            diffuse().drawn(),
            vec![Task::Diffuse],
        ),
        (
            "not before",
            diffuse()
                .drawn()
                .with(|case| case.state.wanted = Some((case.key.clone(), case.now))),
            vec![Task::Wait(LONG_REST)],
        ),
        (
            "and not with a draft of a code",
            diffuse().drawn().with(searching),
            vec![],
        ),
        (
            "while it runs there are no keyframes",
            diffuse()
                .drawn()
                .with(|case| case.state.diffusion = Case::asked(case.key.clone(), case.now)),
            vec![],
        ),
        (
            "afterwards there are",
            diffuse().drawn().with(|case| {
                let key = case.key.clone();
                case.state.diffusion = Slot::Ready { key, value: () };
            }),
            vec![COARSE],
        ),
        (
            "one that has failed is not begun again",
            diffuse()
                .drawn()
                .keyframed(2)
                .with(|case| case.state.diffusion = failed(case)),
            vec![],
        ),
        (
            "another amount lets go of it",
            diffuse()
                .drawn()
                .with(|case| case.state.diffusion = Case::asked(case.key.clone(), case.now))
                .moved(),
            vec![Task::ForgetDiffusion, Task::Draw],
        ),
        (
            "another mask does not",
            diffuse().drawn().with(|case| {
                case.state.diffusion = Case::asked(case.key.clone(), case.now);
                case.key.params.settings.mask.growth_px += 5;
            }),
            vec![Task::Draw],
        ),
    ];
    for (name, case, expected) in &cases {
        assert_eq!(case.plan(), *expected, "{name}");
    }
}

#[test]
fn a_face_without_a_code_is_only_prepared() {
    let case = warp();
    let wish = Wish {
        landmarks: None,
        key: None,
        is_instant: false,
        changes_nothing: false,
        is_dragging: false,
        refines_keyframes: true,
    };
    assert_eq!(plan(&FaceState::default(), &wish, case.now), vec![]);
    let landmarks = landmarks();
    let wish = Wish {
        landmarks: Some(&landmarks),
        ..wish
    };
    let tasks = plan(&FaceState::default(), &wish, case.now);
    assert_eq!(tasks, vec![Task::Prepare]);
}

#[test]
fn an_instant_edit_needs_the_crop_and_one_frame() {
    let landmarks = landmarks();
    let case = Case::new(Method::Instant);
    let wish = Wish {
        landmarks: Some(&landmarks),
        key: None,
        is_instant: true,
        changes_nothing: true,
        is_dragging: false,
        refines_keyframes: true,
    };
    assert_eq!(plan(&FaceState::default(), &wish, case.now), [Task::Align]);
    let asked = FaceState {
        aligning: Slot::Asked {
            key: Box::new(landmarks.clone()),
            stamp: 1,
            at: case.now,
        },
        ..FaceState::default()
    };
    assert_eq!(plan(&asked, &wish, case.now), []);
    // The frame is drawn before the slider is touched, and while it is; then there is nothing more to do.
    for is_dragging in [false, true] {
        let wish = Wish {
            landmarks: None,
            key: Some(&case.key),
            is_dragging,
            ..wish
        };
        assert_eq!(plan(&asked, &wish, case.now), [Task::Draw]);
        let drawn = Case::new(Method::Instant).drawn();
        let wish = Wish {
            key: Some(&drawn.key),
            ..wish
        };
        assert_eq!(plan(&drawn.state, &wish, drawn.now), []);
    }
}
