//! Faces without networks, for the tests of session and workspace; and tests of the session.

use std::sync::LazyLock;

use image::{DynamicImage, GrayImage, Luma};
use ndarray::Array2;

use super::*;
use crate::editor::Change;
use crate::engine::client::Reply;
use crate::engine::{
    AlignedFace, EditParams, EditedFace, EditedSynthesis, Error, FoundFace, Frame, PreparedFace,
    RenderedFace, Snapshot, TimedStages,
};
use crate::geometry::{Landmarks, Point, Rect};
use crate::networks::landmarks::FoundLandmarks;
use crate::portrait::labels::{LABELS_SIZE, ParsedLabels};

/// The landmarks of a face.
pub(crate) fn landmarks() -> Landmarks {
    static KNOWN: LazyLock<Landmarks> = LazyLock::new(|| {
        let json = include_str!("../../../tests/window/landmarks.json");
        serde_json::from_str(json).unwrap()
    });
    KNOWN.clone()
}

/// A face as the detector finds it.
pub(crate) fn found() -> FoundFace {
    let landmarks = landmarks();
    let face_box = Rect::around(landmarks.points());
    FoundFace {
        face_box,
        score: 9.0,
        landmarks: Ok(FoundLandmarks {
            landmarks,
            face_box,
            confidence: 0.97,
            asymmetry: 0.0,
        }),
    }
}

/// A face that was cut out of a grey photo.
pub(crate) fn aligned() -> Arc<AlignedFace> {
    static KNOWN: LazyLock<Arc<AlignedFace>> = LazyLock::new(|| {
        let photo = Photo::from_pixels(DynamicImage::new_rgb8(1024, 1024));
        let mut seconds = TimedStages::new();
        let all_cloth = |_: &_, landmarks: &_| {
            let labels = GrayImage::from_pixel(LABELS_SIZE, LABELS_SIZE, Luma([16]));
            Ok(ParsedLabels::certain(labels, landmarks))
        };
        let face = AlignedFace::cut(&photo, &landmarks(), 16, all_cloth, &mut seconds);
        Arc::new(face.unwrap())
    });
    Arc::clone(&KNOWN)
}

/// The face with a code, another one each time.
pub(crate) fn prepared() -> Arc<PreparedFace> {
    let face = aligned();
    Arc::new(PreparedFace::new(
        Arc::clone(&face),
        Array2::zeros((2, 512)),
        face.aligned.picture.clone(),
    ))
}

/// A frame of an edit.
pub(crate) fn frame(prepared: &Arc<PreparedFace>, params: &EditParams) -> Frame {
    let parsed = prepared.face.parsed.clone();
    let (code, edited) = (prepared.code.clone(), prepared.drawn.clone());
    let drawing = EditedSynthesis::known(Arc::clone(prepared), params, code, edited, parsed);
    let mut params = params.clone().by(Method::Plain);
    params.settings.match_colour = false;
    let rendered = RenderedFace::finish(&params, Arc::new(drawing), TimedStages::new()).unwrap();
    let photo = Photo::from_pixels(DynamicImage::new_rgb8(1024, 1024));
    let screen = rendered.for_screen(&photo, 1.0).unwrap();
    Frame {
        rendered: Arc::new(EditedFace::Redrawn(Box::new(rendered))),
        screen: Arc::new(screen),
    }
}

/// An engine that only takes notes.
#[derive(Default)]
struct Notes {
    requests: Vec<Request>,
    cancelled: Vec<client::Slot>,
}

impl Backend for Notes {
    fn send(&mut self, request: Request) {
        self.requests.push(request);
    }

    fn poll(&mut self) -> Vec<Reply> {
        Vec::new()
    }

    fn cancel(&mut self, slot: client::Slot) {
        self.cancelled.push(slot);
    }
}

fn session() -> (Session, Notes) {
    let document = Document::new(None, "portrait.jpg".to_owned());
    let boundary = OwnBoundaries::read().unwrap();
    let mut session = Session::new(PhotoId::unique(), document, boundary);
    session.load(Arc::new(Photo::from_pixels(DynamicImage::new_rgb8(8, 8))));
    (session, Notes::default())
}

/// A session with one face, whose code is being looked for.
fn preparing() -> (Session, Notes, FaceKey) {
    let (mut session, mut engine) = session();
    session.reconcile(std::time::Instant::now(), false, &mut engine);
    let id = session.id;
    session.handle_reply(Reply::Faces(id, Ok(vec![found()])), &mut engine);
    session.reconcile(std::time::Instant::now(), false, &mut engine);
    let key = session.key(FaceId(1));
    (session, engine, key)
}

#[test]
fn every_usable_code_is_kept_with_the_document() {
    let (mut session, mut engine, key) = preparing();
    let draft = prepared();
    session.handle_reply(Reply::Snapshot(key, Snapshot::Usable(draft)), &mut engine);
    let code = |session: &Session| session.document.face(FaceId(1)).unwrap().code;
    assert!(!code(&session).unwrap().is_final);

    // Letting the pixels go loses nothing of it, and the search goes on from it.
    session.unload(&mut engine);
    assert!(engine.cancelled.contains(&client::Slot::Prepare(key)));
    assert!(!code(&session).unwrap().is_final);
    session.load(Arc::new(Photo::from_pixels(DynamicImage::new_rgb8(8, 8))));
    session.reconcile(std::time::Instant::now(), false, &mut engine);
    let Some(Request::Prepare { code: sent, .. }) = engine.requests.last() else {
        panic!("{:?}", engine.requests);
    };
    assert!(!sent.as_ref().unwrap().is_final);

    session.handle_reply(Reply::Prepared(key, Ok(prepared())), &mut engine);
    assert!(code(&session).unwrap().is_final);
}

#[test]
fn a_frame_of_a_draft_is_no_exact_one() {
    let (mut session, mut engine, key) = preparing();
    let draft = prepared();
    session.handle_reply(
        Reply::Snapshot(key, Snapshot::Usable(Arc::clone(&draft))),
        &mut engine,
    );
    let (face, change) = (FaceId(1), Change::Amount(50.0));
    session.apply(&Command::Edit { face, change }, None);
    session.reconcile(std::time::Instant::now(), false, &mut engine);
    let Some(Request::Draw { stamp, params, .. }) = engine.requests.last().cloned() else {
        panic!("{:?}", engine.requests);
    };
    let drawn = frame(&draft, &params);
    session.handle_reply(Reply::Frame(key, stamp, Ok(drawn)), &mut engine);
    assert_eq!(session.shown(face), Shown::Draft);
    assert!(matches!(session.readiness(), Readiness::Waiting));
    session.cancel_preparation(face, &mut engine);
    assert_eq!(
        session.shown(face),
        Shown::Exact,
        "the user is content with it"
    );
    assert!(matches!(session.readiness(), Readiness::Ready(_)));
}

#[test]
fn what_cannot_be_rendered_is_named_and_not_waited_for() {
    let (mut session, mut engine, key) = preparing();
    let (face, change) = (FaceId(1), Change::Amount(50.0));
    session.apply(&Command::Edit { face, change }, None);
    session.handle_reply(Reply::Prepared(key, Err(Error::Cancelled)), &mut engine);
    let broken = || Error::Internal {
        job: "render".to_owned(),
        detail: "broken".to_owned(),
    };
    let Readiness::Failed(faces) = session.readiness() else {
        panic!("a face without a code is not left out");
    };
    assert_eq!(faces[0].0, face);

    let (mut session, mut engine, key) = preparing();
    let change = Change::Amount(50.0);
    session.apply(&Command::Edit { face, change }, None);
    session.handle_reply(Reply::Prepared(key, Ok(prepared())), &mut engine);
    session.reconcile(std::time::Instant::now(), false, &mut engine);
    let stamp = session.last_stamp;
    assert!(matches!(session.readiness(), Readiness::Waiting));
    session.handle_reply(Reply::Frame(key, stamp, Err(broken())), &mut engine);
    let Readiness::Failed(faces) = session.readiness() else {
        panic!("an edit that can't be drawn is waited for");
    };
    assert!(faces[0].1.contains("broken"), "{faces:?}");
    let requests = engine.requests.len();
    session.reconcile(std::time::Instant::now(), false, &mut engine);
    assert_eq!(engine.requests.len(), requests, "it is not asked for again");
    // Something else is.
    let change = Change::Amount(51.0);
    session.apply(&Command::Edit { face, change }, None);
    session.reconcile(std::time::Instant::now(), false, &mut engine);
    assert_eq!(engine.requests.len(), requests + 1);
}

#[test]
fn doubts_are_told_with_the_crop_and_once() {
    let (mut session, mut engine, key) = preparing();
    let doubtful = aligned();
    assert!(
        !doubtful.parsed.doubts.is_empty(),
        "a grey photo has no neck to be sure of"
    );
    let told = |session: &mut Session, engine: &mut Notes| {
        let snapshot = Snapshot::Aligned(Arc::clone(&doubtful));
        session.handle_reply(Reply::Snapshot(key, snapshot), engine)
    };
    assert!(told(&mut session, &mut engine).is_some());
    assert!(told(&mut session, &mut engine).is_none());
}

#[test]
fn a_face_that_undo_brings_back_is_prepared() {
    let (mut session, mut engine, _) = preparing();
    let id = session.id;
    let at = Point::new(3.0, 4.0);
    session.mark_face([at, at], at, &mut engine);
    session.handle_reply(Reply::Marked(id, Ok(Box::new(landmarks()))), &mut engine);
    session.document.undo();
    session.reconcile(std::time::Instant::now(), false, &mut engine);
    let prepared = |engine: &Notes| {
        let is_prepare = |request: &&Request| matches!(request, Request::Prepare { .. });
        engine.requests.iter().filter(is_prepare).count()
    };
    let before = prepared(&engine);
    session.document.redo();
    session.document.chosen = Some(FaceId(2));
    session.reconcile(std::time::Instant::now(), false, &mut engine);
    assert_eq!(prepared(&engine), before + 1);
}
