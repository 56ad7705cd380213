//! A stand-in for the engine: it finds what it is told to find, draws necks without networks, and
//! answers when the test says so.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use image::{GrayImage, Rgb32FImage, RgbImage};
use jawline::engine::client::{Backend, Reply, Request, Slot};
use jawline::engine::{
    AlignedFace, ChinReading, EditParams, EditedFace, EditedSynthesis, Error, FoundFace, Frame,
    ImportedPack, Method, MovedFace, PreparedFace, Progress, RenderedFace, Snapshot, TimedStages,
};
use jawline::geometry::{Landmarks, Point, Rect};
use jawline::latent::Boundary;
use jawline::networks::landmarks::FoundLandmarks;
use jawline::photo::Photo;
use jawline::portrait::field::{FieldValues, NeckField};
use jawline::portrait::labels::{LABELS_SIZE, ParsedLabels};
use jawline::portrait::screen::Keyframe;
use ndarray::{Array2, Array3};

/// Side of the crops: small, since no network asks for more.
const CROP_PX: u32 = 256;

/// What the test tells the fake, and what it hears from it.
#[derive(Default)]
pub struct Script {
    /// The method that photos begin with.
    pub method: Method,
    /// Requests that were not answered yet.
    pub waiting: Vec<Request>,
    /// The slots of all requests, in their order.
    pub asked: Vec<Slot>,
    /// Slots that were cancelled.
    pub cancelled: Vec<Slot>,
    /// Answers are held back until the test lets them go.
    pub holds_frames: bool,
    /// The preparation stays unfinished after its first usable code.
    pub stays_unfinished: bool,
    /// No face is found.
    pub finds_nothing: bool,
    /// The photo has a second, smaller face.
    pub finds_two: bool,
    /// A diffusion stays unfinished after its first drawing.
    pub stays_diffusing: bool,
    /// Keyframes are not drawn.
    pub holds_keyframes: bool,
    /// The next frame fails.
    pub frame_fails: bool,
    /// The photo shows no double chin.
    pub has_no_double_chin: bool,
    /// No amount takes the double chin away.
    pub keeps_double_chin: bool,
    /// A scarf covers the neck.
    pub covers_neck: bool,
}

impl Script {
    /// What the chin meter says of an edit: the double chin goes at amounts above 65.
    fn chin(&self, params: &EditParams) -> ChinReading {
        let amount = params.alpha / Boundary::alpha_of_amount(1.0);
        let probability = match (self.has_no_double_chin, self.keeps_double_chin) {
            (true, _) => 0.1,
            (_, true) => 0.8,
            _ => ChinReading::THRESHOLD + 0.01 * (65.0 - amount),
        };
        let severity = 0.9 - 0.01 * amount;
        ChinReading {
            probability: probability.clamp(0.0, 1.0),
            severity: severity.clamp(0.0, 1.0),
        }
    }
}

/// The stand-in.
pub struct Fake(pub Rc<RefCell<Script>>);

impl Backend for Fake {
    fn send(&mut self, request: Request) {
        let mut script = self.0.borrow_mut();
        let slot = request.slot();
        script.waiting.retain(|waiting| waiting.slot() != slot);
        script.asked.push(slot);
        script.waiting.push(request);
    }

    fn poll(&mut self) -> Vec<Reply> {
        let waiting = std::mem::take(&mut self.0.borrow_mut().waiting);
        let mut replies = Vec::new();
        for request in waiting {
            let holds = {
                let script = self.0.borrow();
                match request {
                    Request::Draw { .. } => script.holds_frames,
                    Request::Keyframes { .. } => script.holds_keyframes,
                    _ => false,
                }
            };
            if holds {
                self.0.borrow_mut().waiting.push(request);
            } else {
                self.answer(request, &mut replies);
            }
        }
        replies
    }

    fn cancel(&mut self, slot: Slot) {
        let mut script = self.0.borrow_mut();
        script.waiting.retain(|waiting| waiting.slot() != slot);
        script.cancelled.push(slot);
    }
}

impl Fake {
    fn answer(&self, request: Request, replies: &mut Vec<Reply>) {
        let slot = request.slot();
        match request {
            Request::Describe | Request::Install => {
                replies.push(Reply::Described(Err(Error::Cancelled)));
            }
            Request::Import { files } => {
                let is_good = files.iter().all(|file| !file.ends_with("bad.pth"));
                let imported = ImportedPack {
                    pack: "imported".to_owned(),
                    files: Vec::new(),
                };
                replies.push(Reply::Imported(if is_good {
                    Ok(imported)
                } else {
                    Err(broken())
                }));
            }
            Request::FindFaces { id, name, .. } => {
                replies.push(Reply::Faces(id, self.faces(name)));
            }
            Request::MarkFace { id, eyes, chin, .. } => {
                replies.push(Reply::Marked(id, Ok(Box::new(moved_onto(eyes, chin)))));
            }
            Request::Align {
                face,
                stamp,
                photo,
                landmarks,
            } => {
                let aligned = self.aligned(&photo, &landmarks);
                replies.push(Reply::Aligned(face, stamp, Ok(aligned)));
            }
            Request::Move {
                face,
                stamp,
                photo,
                aligned,
                params,
            } => {
                let mut moved = MovedFace::new(aligned, &params).unwrap();
                let readings = [25.0, 50.0, 75.0, 100.0].map(|amount| {
                    let alpha = Boundary::alpha_of_amount(amount);
                    let params = EditParams {
                        alpha,
                        ..params.clone()
                    };
                    (amount, self.0.borrow().chin(&params))
                });
                moved.chins = Arc::from(readings);
                let screen = moved.for_screen(&photo).unwrap();
                let frame = Frame {
                    rendered: Arc::new(EditedFace::Moved(moved)),
                    screen: Arc::new(screen),
                };
                replies.push(Reply::Frame(face, stamp, Ok(frame)));
            }
            Request::Prepare {
                face,
                photo,
                landmarks,
                aligned,
                ..
            } => {
                let aligned = aligned.unwrap_or_else(|| self.aligned(&photo, &landmarks));
                replies.push(Reply::Snapshot(
                    face,
                    Snapshot::Aligned(Arc::clone(&aligned)),
                ));
                let prepared = Arc::new(PreparedFace::new(
                    Arc::clone(&aligned),
                    Array2::zeros((2, 512)),
                    aligned.aligned.picture.clone(),
                ));
                replies.push(Reply::Snapshot(
                    face,
                    Snapshot::Usable(Arc::clone(&prepared)),
                ));
                if self.0.borrow().stays_unfinished {
                    let progress = Progress {
                        stage: "invert",
                        fraction: 0.25,
                        detail: String::new(),
                        left: Some(std::time::Duration::from_secs(75)),
                    };
                    replies.push(Reply::Progress(slot, progress));
                } else {
                    replies.push(Reply::Prepared(face, Ok(prepared)));
                }
            }
            Request::Draw {
                face,
                stamp,
                photo,
                prepared,
                params,
                reuse,
            } => {
                if std::mem::take(&mut self.0.borrow_mut().frame_fails) {
                    replies.push(Reply::Frame(face, stamp, Err(broken())));
                    return;
                }
                let drawing = reuse.filter(|drawing| drawing.serves(&prepared, &params));
                let drawing = drawing.unwrap_or_else(|| draw(&prepared, &params));
                let mut rendered = finish(drawing, &params);
                rendered.chin = Some(self.0.borrow().chin(&params));
                let screen = rendered
                    .for_screen(&photo, params.settings.warp.strength)
                    .unwrap();
                let frame = Frame {
                    rendered: Arc::new(EditedFace::Redrawn(Box::new(rendered))),
                    screen: Arc::new(screen),
                };
                replies.push(Reply::Frame(face, stamp, Ok(frame)));
            }
            Request::Diffuse {
                face,
                stamp,
                prepared,
                params,
            } => {
                let diffused = |shade: f32| {
                    let drawing = draw(&prepared, &params);
                    let mut picture = drawing.edited.clone();
                    picture.iter_mut().for_each(|value| *value *= shade);
                    Arc::new(drawing.diffused(drawing.code.clone(), picture))
                };
                replies.push(Reply::Diffused(face, stamp, diffused(0.8)));
                let progress = Progress {
                    stage: "diffuse",
                    fraction: 0.05,
                    detail: String::new(),
                    left: Some(std::time::Duration::from_secs(125)),
                };
                replies.push(Reply::Progress(slot, progress));
                if !self.0.borrow().stays_diffusing {
                    replies.push(Reply::DiffusionEnded(face, stamp, Ok(diffused(0.6))));
                }
            }
            Request::Keyframes {
                face,
                stamp,
                prepared,
                params,
                amounts,
            } => {
                for amount in amounts {
                    let mut params = params.clone();
                    params.alpha = Boundary::alpha_of_amount(amount);
                    let rendered = finish(draw(&prepared, &params), &params);
                    let change = rendered.change();
                    let keyframe = Keyframe::new(amount, change.crop, change.edited, change.mask)
                        .read_as(Some(self.0.borrow().chin(&params)));
                    replies.push(Reply::Keyframe(face, stamp, Arc::new(keyframe)));
                }
                replies.push(Reply::KeyframesEnded(face, stamp, Ok(())));
            }
        }
    }

    /// The face with labels, a reading of its chin and a field that draws the neck in and lightens it.
    fn aligned(&self, photo: &Photo, landmarks: &Landmarks) -> Arc<AlignedFace> {
        let covers_neck = self.0.borrow().covers_neck;
        let parse = |_: &RgbImage, landmarks: &Landmarks| {
            let labels = labels_of(landmarks, covers_neck);
            Ok(ParsedLabels::certain(labels, landmarks))
        };
        let seconds = &mut TimedStages::new();
        let mut aligned = AlignedFace::cut(photo, landmarks, CROP_PX, parse, seconds).unwrap();
        let boundary = Arc::new(Boundary::fine().unwrap());
        let unedited = EditParams::along(boundary, 0.0);
        aligned.chin = Some(self.0.borrow().chin(&unedited));
        let plane = |channels: usize, value: f32| Array3::from_elem((channels, 152, 256), value);
        let (flow, shade) = (plane(2, 0.02), plane(3, 0.2));
        let (detail, mask) = (plane(1, 1.0), plane(1, 1.0));
        let values = FieldValues {
            first_row: 104,
            flow: flow.view(),
            shade: shade.view(),
            detail: detail.view(),
            mask: mask.view(),
        };
        let field = NeckField::new(&values, &aligned.crop, &aligned.parsed).unwrap();
        aligned.field = Some(Arc::new(field));
        Arc::new(aligned)
    }

    fn faces(&self, photo: String) -> Result<Vec<FoundFace>, Error> {
        let script = self.0.borrow();
        if script.finds_nothing {
            return Err(Error::NoFace {
                photo,
                least_px: 64,
            });
        }
        let mut faces = vec![found(landmarks())];
        if script.finds_two {
            let smaller = landmarks()
                .mapped(&jawline::geometry::Affine {
                    rows: [[0.4, 0.0, 560.0], [0.0, 0.4, 20.0]],
                })
                .unwrap();
            faces.push(found(smaller));
        }
        Ok(faces)
    }
}

fn broken() -> Error {
    Error::Internal {
        job: "render the edit".to_owned(),
        detail: "the test wants it so".to_owned(),
    }
}

fn found(landmarks: Landmarks) -> FoundFace {
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

/// The landmarks of the sample portrait that the tests open.
pub fn landmarks() -> Landmarks {
    let points: Vec<[f64; 2]> = serde_json::from_str(include_str!("landmarks.json")).unwrap();
    Landmarks::new(std::array::from_fn(|i| {
        Point::new(points[i][0], points[i][1])
    }))
    .unwrap()
}

fn moved_onto(eyes: [Point; 2], chin: Point) -> Landmarks {
    let known = landmarks();
    let middle = |points: &[Point]| Point::mean(points).unwrap();
    let from = [
        middle(&known.eye_left()),
        middle(&known.eye_right()),
        known.chin(),
    ];
    let to = [eyes[0], eyes[1], chin];
    let map = jawline::geometry::Affine::between_triangles(from, to).unwrap();
    known.mapped(&map).unwrap()
}

/// A label map of these landmarks: a face, below its jaw a neck unless that is covered, cloth below that.
fn labels_of(landmarks: &Landmarks, covers_neck: bool) -> GrayImage {
    let jaw = landmarks.jaw();
    let neck = jaw[5].x..jaw[11].x;
    let face = jaw[2].x..jaw[14].x;
    let chin_row = jaw[8].y;
    // The row of the jaw at a column.
    let jaw_at = |x: f64| {
        let sides = jaw
            .windows(2)
            .find(|sides| (sides[0].x..sides[1].x).contains(&x));
        sides.map_or(chin_row, |sides| {
            let share = (x - sides[0].x) / (sides[1].x - sides[0].x);
            sides[0].y + (sides[1].y - sides[0].y) * share
        })
    };
    GrayImage::from_fn(LABELS_SIZE, LABELS_SIZE, |x, y| {
        let (x, y) = (f64::from(x), f64::from(y));
        image::Luma([match () {
            () if y > chin_row + 60.0 => 16,
            () if face.contains(&x) && y <= jaw_at(x) => 1,
            () if neck.contains(&x) => match covers_neck {
                true => 16,
                false => 14,
            },
            () => 17,
        }])
    })
}

/// The neck gets the darker, the farther the code would move.
fn draw(prepared: &Arc<PreparedFace>, params: &EditParams) -> Arc<EditedSynthesis> {
    let mut edited: Rgb32FImage = prepared.drawn.clone();
    let height = edited.height();
    for (_, y, pixel) in edited.enumerate_pixels_mut() {
        if y > height * 3 / 5 {
            pixel.0 = pixel.0.map(|value| value * (1.0 + 0.1 * params.alpha));
        }
    }
    let parsed = prepared.face.parsed.clone();
    let code = prepared.code.clone();
    Arc::new(EditedSynthesis::known(
        Arc::clone(prepared),
        params,
        code,
        edited,
        parsed,
    ))
}

fn finish(drawing: Arc<EditedSynthesis>, params: &EditParams) -> RenderedFace {
    let mut params = params.clone();
    params.settings.match_colour = false;
    RenderedFace::finish(&params, drawing, TimedStages::new()).unwrap()
}
