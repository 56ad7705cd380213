//! A document in the window, and its dealings with the engine.
//!
//! The session compares what the document asks for with what it has, and sends for the difference:
//! undo, a preset, or a drag need no code of their own here. It knows no widget, so that its logic is
//! tested without a window.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::editor::{Command, Document, Face, FaceId, FaceParams, Gesture};
use crate::engine::desk::{Backend, FaceKey, Reply, Request, Slot, Stamp};
use crate::engine::{
    AlignedFace, Drawing, EditParams, Error, FoundFace, Frame, PreparedFace, Progress,
    RenderedFace, Snapshot,
};
use crate::geometry::Point;
use crate::latent::Boundary;
use crate::portrait::screen::Keyframe;

use super::notices::Notice;

/// During a drag that keyframes can follow, the exact frame is asked for when the pointer has rested
/// for so long.
const REST: Duration = Duration::from_millis(90);
/// Keyframes are drawn anew when nothing has changed for so long.
const KEYFRAME_REST: Duration = Duration::from_millis(400);
/// Amounts of the first keyframes, the most useful first; 0 needs none.
const COARSE_AMOUNTS: [f32; 8] = [100.0, 55.0, 25.0, 10.0, 80.0, 40.0, 70.0, -20.0];
/// Amounts that are added when there is nothing else to do.
const FINE_AMOUNTS: [f32; 8] = [18.0, 32.0, 48.0, 62.0, 75.0, 90.0, 5.0, -10.0];

/// How far the preparation of a face is.
#[derive(Debug, Clone, PartialEq)]
pub enum Preparation {
    /// Nobody has asked for it yet.
    NotAsked,
    /// The code is being looked for.
    Running(Option<Progress>),
    /// The code is there.
    Ready,
    /// The user has ended it; what was found until then can be used.
    Cancelled,
    /// It failed, in words.
    Failed(String),
}

/// What the canvas can show of a face's edit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shown {
    /// The photo: nothing is edited, or there is nothing to show yet.
    Original,
    /// Keyframes, blended at the slider's amount.
    Blend,
    /// The last exact frame, with other parameters than those wanted.
    Stale,
    /// What an export would write.
    Exact,
}

/// What the engine has made of a face.
pub struct Live {
    /// The crop, as soon as it was cut out.
    pub aligned: Option<Arc<AlignedFace>>,
    /// The newest usable code with its picture.
    pub prepared: Option<Arc<PreparedFace>>,
    /// How far the preparation is.
    pub preparation: Preparation,
    /// The newest exact frame.
    pub frame: Option<Frame>,
    /// How long the newest exact frame took from its request.
    pub frame_took: Option<Duration>,
    /// Keyframes for the edit as it is, in the order they came.
    pub keyframes: Vec<Arc<Keyframe>>,
    /// What has changed since the canvas was told.
    pub fresh: Fresh,
    frame_of: Option<Wanted>,
    asked: Option<Asked>,
    keyframes_of: Option<Wanted>,
    keyframes_asked: usize,
    keyframes_under_way: Option<Stamp>,
    changed_at: Instant,
    last_wanted: Option<Wanted>,
    failed: Option<Wanted>,
}

/// What the canvas has not been told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fresh {
    /// A new crop.
    pub crop: bool,
    /// A new exact frame.
    pub frame: bool,
    /// Other keyframes.
    pub keyframes: bool,
}

/// An edit of a face by a code.
#[derive(Clone)]
struct Wanted {
    params: EditParams,
    prepared: Arc<PreparedFace>,
}

impl PartialEq for Wanted {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.prepared, &other.prepared) && self.params == other.params
    }
}

impl Wanted {
    /// The same at any amount.
    fn at_any_amount(&self) -> Self {
        Self {
            params: EditParams {
                alpha: 0.0,
                ..self.params.clone()
            },
            prepared: Arc::clone(&self.prepared),
        }
    }
}

struct Asked {
    stamp: Stamp,
    wanted: Wanted,
    at: Instant,
}

impl Live {
    fn new(now: Instant) -> Self {
        Self {
            aligned: None,
            prepared: None,
            preparation: Preparation::NotAsked,
            frame: None,
            frame_took: None,
            keyframes: Vec::new(),
            fresh: Fresh::default(),
            frame_of: None,
            asked: None,
            keyframes_of: None,
            keyframes_asked: 0,
            keyframes_under_way: None,
            changed_at: now,
            last_wanted: None,
            failed: None,
        }
    }

    /// Is an exact frame being rendered?
    pub fn is_rendering(&self) -> bool {
        self.asked.is_some()
    }

    fn forget_keyframes(&mut self) {
        self.keyframes.clear();
        self.keyframes_of = None;
        self.keyframes_asked = 0;
        self.keyframes_under_way = None;
        self.fresh.keyframes = true;
    }
}

/// Whether the faces of the photo are known.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// They are being looked for.
    Running,
    /// They are known.
    Done,
    /// There are none, or looking failed; in words.
    Failed(String),
}

/// A document that is open in the window.
pub struct Session {
    /// The document.
    pub document: Document,
    /// Whether the faces are known.
    pub finding: Finding,
    /// Whether more keyframes are drawn when there is nothing else to do.
    pub refines_keyframes: bool,
    double_chin: Arc<Boundary>,
    number: u64,
    live: BTreeMap<FaceId, Live>,
    last_stamp: Stamp,
}

impl Session {
    /// Begins to work on a document: its faces are looked for, unless a project has told them, and the
    /// chosen one is prepared. `number` tells documents apart that were open at different times.
    pub fn begin(
        document: Document,
        number: u64,
        double_chin: Arc<Boundary>,
        backend: &mut dyn Backend,
    ) -> Self {
        let mut session = Self {
            document,
            finding: Finding::Done,
            refines_keyframes: true,
            double_chin,
            number,
            live: BTreeMap::new(),
            last_stamp: 0,
        };
        if session.document.faces().is_empty() {
            session.find_faces(backend);
        } else {
            session.prepare_edited(backend);
        }
        session
    }

    /// Ends all work.
    pub fn end(&mut self, backend: &mut dyn Backend) {
        backend.cancel(Slot::FindFaces);
        backend.cancel(Slot::MarkFace);
        for id in self.live.keys().copied().collect::<Vec<_>>() {
            let key = self.key(id);
            backend.cancel(Slot::Prepare(key));
            backend.cancel(Slot::Draw(key));
            backend.cancel(Slot::Keyframes(key));
        }
    }

    /// Looks for the faces (again).
    pub fn find_faces(&mut self, backend: &mut dyn Backend) {
        self.finding = Finding::Running;
        backend.send(Request::FindFaces {
            photo: Arc::clone(&self.document.photo),
            name: self.document.name.clone(),
        });
    }

    /// The name of a face towards engine and canvas.
    pub fn key(&self, id: FaceId) -> FaceKey {
        self.number << 32 | id.0
    }

    fn id_of(&self, key: FaceKey) -> Option<FaceId> {
        (key >> 32 == self.number).then_some(FaceId(key & 0xffff_ffff))
    }

    /// What the engine has made of a face.
    pub fn live(&self, id: FaceId) -> Option<&Live> {
        self.live.get(&id)
    }

    /// The face that is being edited.
    pub fn chosen(&self) -> Option<Face> {
        self.document.face(self.document.chosen?)
    }

    /// What the engine has made of the chosen face.
    pub fn chosen_live(&self) -> Option<&Live> {
        self.live(self.document.chosen?)
    }

    /// All faces that the canvas may have to be told about.
    pub fn take_fresh(&mut self) -> Vec<(FaceKey, Fresh, &Live)> {
        let number = self.number;
        let all = self.live.iter_mut().filter_map(|(id, live)| {
            let fresh = std::mem::take(&mut live.fresh);
            (fresh != Fresh::default()).then_some((number << 32 | id.0, fresh, &*live))
        });
        all.collect()
    }

    /// What is shown of a face.
    pub fn shown(&self, id: FaceId) -> Shown {
        let params = self.document.params(id);
        let Some(live) = self.live.get(&id) else {
            return Shown::Original;
        };
        if params.changes_nothing() {
            return Shown::Original;
        }
        let wanted = self.wanted(id);
        if wanted.is_some() && live.frame_of == wanted {
            return Shown::Exact;
        }
        let blends = wanted.is_some_and(|wanted| self.has_keyframes(live, &wanted));
        if blends {
            Shown::Blend
        } else if live.frame.is_some() {
            Shown::Stale
        } else {
            Shown::Original
        }
    }

    fn has_keyframes(&self, live: &Live, wanted: &Wanted) -> bool {
        // With two of them (and the photo at 0) there is something to blend.
        live.keyframes.len() >= 2 && live.keyframes_of == Some(wanted.at_any_amount())
    }

    /// What the document asks for; `None` while the face has no code.
    fn wanted(&self, id: FaceId) -> Option<Wanted> {
        let prepared = self.live.get(&id)?.prepared.as_ref()?;
        Some(Wanted {
            params: self.document.edit_params(id, &self.double_chin),
            prepared: Arc::clone(prepared),
        })
    }

    /// Chooses a face and prepares it if need be.
    pub fn choose(&mut self, id: FaceId, backend: &mut dyn Backend) {
        self.document.chosen = Some(id);
        let untouched = self
            .live
            .get(&id)
            .is_none_or(|live| live.preparation == Preparation::NotAsked);
        if untouched {
            self.prepare(id, backend);
        }
    }

    /// Looks for the code of a face.
    pub fn prepare(&mut self, id: FaceId, backend: &mut dyn Backend) {
        let Some(face) = self.document.face(id) else {
            return;
        };
        let live = self
            .live
            .entry(id)
            .or_insert_with(|| Live::new(Instant::now()));
        match face.landmarks {
            Ok(landmarks) => {
                live.preparation = Preparation::Running(None);
                let face_key = self.number << 32 | id.0;
                backend.send(Request::Prepare {
                    face: face_key,
                    photo: Arc::clone(&self.document.photo),
                    landmarks: Box::new(landmarks),
                    code: face.code,
                });
            }
            Err(why) => live.preparation = Preparation::Failed(why),
        }
    }

    /// Ends the search for a code; the best one so far stays.
    pub fn cancel_preparation(&mut self, id: FaceId, backend: &mut dyn Backend) {
        backend.cancel(Slot::Prepare(self.key(id)));
        if let Some(live) = self.live.get_mut(&id)
            && matches!(live.preparation, Preparation::Running(_))
        {
            live.preparation = Preparation::Cancelled;
            // What the user goes on with is what a project has to hold.
            let code = live
                .prepared
                .as_ref()
                .map(|face| Arc::new(face.code.clone()));
            if let Some(code) = code {
                self.document.set_code(id, code);
            }
        }
    }

    /// Begins the search for a code anew, also where one is known.
    pub fn prepare_anew(&mut self, id: FaceId, backend: &mut dyn Backend) {
        self.document.forget_code(id);
        self.prepare(id, backend);
    }

    /// The faces whose codes are being looked for, with the progress.
    pub fn preparing(&self) -> impl Iterator<Item = (FaceId, Option<&Progress>)> {
        self.live
            .iter()
            .filter_map(|(id, live)| match &live.preparation {
                Preparation::Running(progress) => Some((*id, progress.as_ref())),
                _ => None,
            })
    }

    /// Marks a face by hand; photo pixels.
    pub fn mark_face(&mut self, eyes: [Point; 2], chin: Point, backend: &mut dyn Backend) {
        backend.send(Request::MarkFace {
            photo: Arc::clone(&self.document.photo),
            eyes,
            chin,
        });
    }

    /// Does a command.
    pub fn apply(&mut self, command: &Command, gesture: Option<Gesture>) -> bool {
        self.document.apply(command, gesture)
    }

    /// After a restart of the engine: what was under way is asked for again.
    pub fn start_over(&mut self, backend: &mut dyn Backend) {
        if self.finding != Finding::Done {
            self.find_faces(backend);
        }
        for (id, is_running) in self.running() {
            if let Some(live) = self.live.get_mut(&id) {
                live.asked = None;
                live.keyframes_under_way = None;
                live.failed = None;
            }
            if is_running {
                self.prepare(id, backend);
            }
        }
    }

    fn running(&self) -> Vec<(FaceId, bool)> {
        let is_running = |live: &Live| matches!(live.preparation, Preparation::Running(_));
        self.live
            .iter()
            .map(|(id, live)| (*id, is_running(live)))
            .collect()
    }

    /// Every face that has edits or is chosen is prepared.
    fn prepare_edited(&mut self, backend: &mut dyn Backend) {
        if self.document.chosen.is_none() {
            let faces = self.document.faces();
            let usable = faces.iter().find(|face| face.landmarks.is_ok());
            self.document.chosen = usable.or(faces.first()).map(|face| face.id);
        }
        for face in self.document.faces() {
            let is_chosen = self.document.chosen == Some(face.id);
            let is_edited = !self.document.params(face.id).changes_nothing();
            let is_untouched = self
                .live
                .get(&face.id)
                .is_none_or(|live| live.preparation == Preparation::NotAsked);
            if is_untouched && (is_chosen || is_edited) {
                self.prepare(face.id, backend);
            }
        }
    }

    /// The exact edits of all edited faces; `None` while one of them is not exact yet, or its code may
    /// still get better.
    pub fn exact_edits(&self) -> Option<Vec<Arc<RenderedFace>>> {
        let mut exact = Vec::new();
        for face in self.document.faces() {
            if self.document.params(face.id).changes_nothing() {
                continue;
            }
            let live = self.live.get(&face.id);
            match live.map(|live| &live.preparation) {
                Some(Preparation::Failed(_)) => continue,
                Some(Preparation::Ready | Preparation::Cancelled) => (),
                _ => return None,
            }
            if self.shown(face.id) != Shown::Exact {
                return None;
            }
            exact.push(Arc::clone(&live?.frame.as_ref()?.rendered));
        }
        Some(exact)
    }

    /// Takes a reply in. What the user should know comes back.
    pub fn hear(&mut self, reply: Reply, backend: &mut dyn Backend) -> Option<Notice> {
        match reply {
            Reply::Faces(Ok(found)) => {
                self.finding = Finding::Done;
                self.document.found = (1..).zip(found).map(face_of).collect();
                self.prepare_edited(backend);
                None
            }
            Reply::Faces(Err(error)) => {
                self.finding = Finding::Failed(error.to_string());
                None
            }
            Reply::Marked(Ok(landmarks)) => {
                let id = self.document.next_face_id();
                self.document
                    .apply(&Command::MarkFace { id, landmarks }, None);
                self.finding = Finding::Done;
                self.choose(id, backend);
                None
            }
            Reply::Marked(Err(error)) => Some(Notice::error("The face was not marked", &error)),
            Reply::Progress(Slot::Prepare(key), progress) => {
                if let Some(live) = self.live_of(key)
                    && let Preparation::Running(running) = &mut live.preparation
                {
                    *running = Some(progress);
                }
                None
            }
            Reply::Snapshot(key, snapshot) => {
                if let Some(live) = self.live_of(key) {
                    match snapshot {
                        Snapshot::Aligned(aligned) => {
                            live.aligned = Some(aligned);
                            live.fresh.crop = true;
                        }
                        Snapshot::Usable(prepared) => {
                            live.prepared = Some(prepared);
                            live.failed = None;
                        }
                    }
                }
                None
            }
            Reply::Prepared(key, result) => self.hear_prepared(key, result),
            Reply::Frame(key, stamp, result) => self.hear_frame(key, stamp, result),
            Reply::Keyframe(key, stamp, keyframe) => {
                if let Some(live) = self.live_of(key)
                    && live.keyframes_under_way == Some(stamp)
                {
                    live.keyframes.push(keyframe);
                    live.fresh.keyframes = true;
                }
                None
            }
            Reply::KeyframesEnded(key, stamp, result) => {
                let live = self.live_of(key)?;
                if live.keyframes_under_way == Some(stamp) {
                    live.keyframes_under_way = None;
                }
                let error = result.err().filter(|error| !error.is_cancelled())?;
                Some(Notice::error("The preview could not be drawn", &error))
            }
            Reply::Progress(..) | Reply::Described(_) | Reply::Installed(_) => None,
        }
    }

    fn live_of(&mut self, key: FaceKey) -> Option<&mut Live> {
        let id = self.id_of(key)?;
        self.live.get_mut(&id)
    }

    fn hear_prepared(
        &mut self,
        key: FaceKey,
        result: Result<Arc<PreparedFace>, Error>,
    ) -> Option<Notice> {
        let id = self.id_of(key)?;
        let live = self.live.get_mut(&id)?;
        match result {
            Ok(prepared) => {
                let doubts = prepared.parsed.doubts.clone();
                let code = Arc::new(prepared.code.clone());
                live.prepared = Some(prepared);
                live.preparation = Preparation::Ready;
                live.failed = None;
                self.document.set_code(id, code);
                let doubts: Vec<String> = doubts.iter().map(ToString::to_string).collect();
                (!doubts.is_empty())
                    .then(|| Notice::warning(format!("Face {}: {}", id.0, doubts.join("; "))))
            }
            Err(error) if error.is_cancelled() => {
                live.preparation = Preparation::Cancelled;
                None
            }
            Err(error) => {
                live.preparation = Preparation::Failed(error.to_string());
                Some(Notice::error(
                    format!("Face {} could not be prepared", id.0),
                    &error,
                ))
            }
        }
    }

    fn hear_frame(
        &mut self,
        key: FaceKey,
        stamp: Stamp,
        result: Result<Frame, Error>,
    ) -> Option<Notice> {
        let live = self.live_of(key)?;
        let asked = live.asked.take_if(|asked| asked.stamp == stamp)?;
        match result {
            Ok(frame) => {
                live.frame = Some(frame);
                live.frame_took = Some(asked.at.elapsed());
                live.frame_of = Some(asked.wanted);
                live.fresh.frame = true;
                None
            }
            Err(error) if error.is_cancelled() => None,
            Err(error) => {
                // Not asked for again until something is different.
                live.failed = Some(asked.wanted);
                Some(Notice::error("The edit could not be rendered", &error))
            }
        }
    }

    /// Sends for what the document asks for and is not there. Call it once a frame; it says when to
    /// call it again if nothing happens before. `is_dragging` is true while a control is held.
    pub fn send_for_missing(
        &mut self,
        now: Instant,
        is_dragging: bool,
        backend: &mut dyn Backend,
    ) -> Option<Duration> {
        self.prepare_marked(backend);
        let ids: Vec<FaceId> = self.live.keys().copied().collect();
        let waits = ids
            .into_iter()
            .filter_map(|id| self.send_for_face(id, now, is_dragging, backend));
        waits.min()
    }

    /// Faces that a redo or a project has brought back.
    fn prepare_marked(&mut self, backend: &mut dyn Backend) {
        let forgotten: Vec<FaceId> = self
            .document
            .edits()
            .marked
            .iter()
            .map(|marked| marked.id)
            .filter(|id| !self.live.contains_key(id))
            .collect();
        for id in forgotten {
            self.prepare(id, backend);
        }
    }

    fn send_for_face(
        &mut self,
        id: FaceId,
        now: Instant,
        is_dragging: bool,
        backend: &mut dyn Backend,
    ) -> Option<Duration> {
        let wanted = self.wanted(id)?;
        let key = self.key(id);
        let photo = Arc::clone(&self.document.photo);
        let changes_nothing = self.document.params(id).changes_nothing();
        let last_stamp = &mut self.last_stamp;
        let mut next_stamp = || {
            *last_stamp += 1;
            *last_stamp
        };
        let live = self.live.get_mut(&id)?;
        if live.last_wanted.as_ref() != Some(&wanted) {
            live.last_wanted = Some(wanted.clone());
            live.changed_at = now;
        }
        let rested = now.duration_since(live.changed_at);
        let any_amount = wanted.at_any_amount();
        if live.keyframes_of.is_some() && live.keyframes_of.as_ref() != Some(&any_amount) {
            backend.cancel(Slot::Keyframes(key));
            live.forget_keyframes();
        }

        let is_exact = live.frame_of.as_ref() == Some(&wanted);
        let is_hopeless = live.failed.as_ref() == Some(&wanted);
        let is_asked = live
            .asked
            .as_ref()
            .is_some_and(|asked| asked.wanted == wanted);
        if !changes_nothing && !is_exact && !is_hopeless && !is_asked {
            let can_blend = live.keyframes.len() >= 2;
            if can_blend && is_dragging && rested < REST {
                return Some(REST - rested);
            }
            // Where only exact frames can follow a drag, each is left to end.
            if !can_blend && is_dragging && live.asked.is_some() {
                return None;
            }
            let stamp = next_stamp();
            live.asked = Some(Asked {
                stamp,
                wanted: wanted.clone(),
                at: now,
            });
            backend.send(Request::Draw {
                face: key,
                stamp,
                photo,
                prepared: wanted.prepared,
                params: wanted.params,
                reuse: drawing_of(live),
            });
            return None;
        }

        let is_final = matches!(
            live.preparation,
            Preparation::Ready | Preparation::Cancelled
        );
        if !is_final || live.keyframes_under_way.is_some() || live.asked.is_some() || is_hopeless {
            return None;
        }
        let amounts = match live.keyframes_asked {
            0 => COARSE_AMOUNTS,
            1 if self.refines_keyframes => FINE_AMOUNTS,
            _ => return None,
        };
        // The first ones come at once, so that the first drag finds them.
        let is_first = live.keyframes_of.is_none() && live.frame.is_none();
        if rested < KEYFRAME_REST && !is_first {
            return Some(KEYFRAME_REST - rested);
        }
        let stamp = next_stamp();
        live.keyframes_of = Some(any_amount);
        live.keyframes_asked += 1;
        live.keyframes_under_way = Some(stamp);
        backend.send(Request::Keyframes {
            face: key,
            stamp,
            prepared: wanted.prepared,
            params: wanted.params,
            amounts: amounts.to_vec(),
        });
        None
    }

    /// The settings of a face that can be carried over to another.
    pub fn portable_params(&self, id: FaceId) -> FaceParams {
        self.document.params(id).portable()
    }
}

fn drawing_of(live: &Live) -> Option<Arc<Drawing>> {
    Some(Arc::clone(&live.frame.as_ref()?.rendered.drawing))
}

fn face_of((number, found): (u64, FoundFace)) -> Face {
    Face {
        id: FaceId(number),
        face_box: found.face_box,
        landmarks: match found.landmarks {
            Ok(found) => Ok(found.landmarks),
            Err(error) => Err(error.to_string()),
        },
        code: None,
    }
}
