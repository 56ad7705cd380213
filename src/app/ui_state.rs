//! What the window shows and how: nothing of it is the user's work, so nothing of it is undone.

use crate::editor::Gesture;
use crate::geometry::Point;
use crate::photo::PhotoId;
use crate::portrait::strokes::{Stroke, StrokeKind};

use super::view::{Axis, Compare, View};

/// What the pointer does in the picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Tool {
    /// Moves the picture, the divider; chooses faces.
    Hand,
    /// Paints into the mask.
    Brush(StrokeKind),
    /// Pulls points of the warp.
    Pull,
    /// Sets the eyes and the chin of a face that was not found: the points set so far, photo pixels.
    Mark(Vec<Point>),
}

/// The brush.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Brush {
    /// Radius in pixels of the crop.
    pub radius_px: f32,
    /// The part of the radius with full effect, 0 to 1.
    pub hardness: f32,
}

impl Brush {
    /// The radii that make sense.
    pub const RADII: std::ops::RangeInclusive<f32> = 4.0..=200.0;

    /// The brush one step larger or smaller.
    #[must_use]
    pub fn resized(self, larger: bool) -> Self {
        let factor = if larger { 1.25 } else { 0.8 };
        Self {
            radius_px: (self.radius_px * factor).clamp(*Self::RADII.start(), *Self::RADII.end()),
            ..self
        }
    }
}

/// One overlay: whether it is seen, and how strongly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlay {
    /// Is it on?
    pub is_on: bool,
    /// Its opacity, 0 to 1.
    pub opacity: f32,
}

impl Overlay {
    const fn off(opacity: f32) -> Self {
        Self {
            is_on: false,
            opacity,
        }
    }

    /// The opacity that is drawn.
    pub fn drawn(self) -> f32 {
        if self.is_on { self.opacity } else { 0.0 }
    }
}

/// All overlays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlays {
    /// Frames around the faces, with their numbers.
    pub faces: Overlay,
    /// The chosen face's landmarks.
    pub landmarks: Overlay,
    /// The chosen face's parsing.
    pub labels: Overlay,
    /// The mask as a tint.
    pub mask: Overlay,
    /// The mask as a contour.
    pub contour: Overlay,
    /// The warp's triangles, with the moved points.
    pub warp: Overlay,
    /// How much each pixel has changed.
    pub heat: Overlay,
}

impl Default for Overlays {
    fn default() -> Self {
        Self {
            faces: Overlay {
                is_on: true,
                opacity: 0.9,
            },
            landmarks: Overlay::off(0.9),
            labels: Overlay::off(0.5),
            mask: Overlay::off(0.5),
            contour: Overlay::off(0.9),
            warp: Overlay::off(0.8),
            heat: Overlay::off(0.8),
        }
    }
}

/// Windows over the picture. None of them stops the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenWindows {
    /// The settings.
    pub settings: bool,
    /// About, licences.
    pub about: bool,
    /// The log.
    pub log: bool,
    /// All keys.
    pub keys: bool,
    /// The export.
    pub export: bool,
    /// The queue.
    pub batch: bool,
    /// Opening by a typed path.
    pub open_path: bool,
    /// Saving under another name.
    pub save_as: bool,
}

/// All of it.
pub struct UiState {
    /// Where the photo is seen from; `None` until the canvas has a size: then it fits.
    pub view: Option<View>,
    /// Whether the view follows the size of the window.
    pub is_fit: bool,
    /// How before and after are compared.
    pub compare: Compare,
    /// «Before» is held down.
    pub holds_before: bool,
    /// The last split's divider.
    pub split: (Axis, f32),
    /// Overlays.
    pub overlays: Overlays,
    /// What the pointer does.
    pub tool: Tool,
    /// The photo that the brush is to be taken up for as soon as it is loaded.
    pub awaited_brush: Option<PhotoId>,
    /// The brush.
    pub brush: Brush,
    /// What the pointer holds.
    pub hand: Hand,
    /// Panels are hidden.
    pub hides_panels: bool,
    /// Windows.
    pub windows: OpenWindows,
    gesture: u64,
    in_gesture: bool,
}

/// What the pointer holds in the picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hand {
    /// What it moves.
    pub drag: Drag,
    /// The stroke that is being painted, in pixels of the crop.
    pub stroke: Option<Stroke>,
    /// The warp point that is being pulled: where it is in the edited picture, where it was grasped,
    /// and how far it was pulled; pixels of the crop.
    pub pull: Option<Pulling>,
}

impl Hand {
    /// Moves this, and holds nothing else.
    pub fn dragging(drag: Drag) -> Self {
        Self {
            drag,
            ..Self::default()
        }
    }
}

/// What a frame of the picture leaves for the next one.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Where the photo is seen from.
    pub view: View,
    /// What the pointer holds.
    pub hand: Hand,
}

/// What a drag in the picture moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drag {
    /// Nothing.
    #[default]
    Nothing,
    /// The picture.
    Picture,
    /// The divider of the split.
    Divider,
    /// The brush.
    Brush,
    /// A warp point.
    Point,
}

/// A warp point in the user's hand. Pixels of the crop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pulling {
    /// Where the point is in the edited picture.
    pub at: Point,
    /// How far it was pulled before.
    pub was: Point,
    /// Where the pointer took hold.
    pub from: Point,
}

impl Default for UiState {
    fn default() -> Self {
        Self {
            view: None,
            is_fit: true,
            compare: Compare::After,
            holds_before: false,
            split: (Axis::Vertical, 0.5),
            overlays: Overlays::default(),
            tool: Tool::Hand,
            awaited_brush: None,
            brush: Brush {
                radius_px: 40.0,
                hardness: 0.5,
            },
            hand: Hand::default(),
            hides_panels: false,
            windows: OpenWindows::default(),
            gesture: 0,
            in_gesture: false,
        }
    }
}

impl UiState {
    /// What is compared now, with «before» perhaps held down.
    pub fn compare_now(&self) -> Compare {
        if self.holds_before {
            Compare::Before
        } else {
            self.compare
        }
    }

    /// Keeps what a frame of the picture has left.
    pub fn hold(&mut self, held: Held) {
        self.view = Some(held.view);
        self.hand = held.hand;
    }

    /// A gesture begins: all that follows is one step of the history.
    pub fn begin_gesture(&mut self) {
        self.gesture += 1;
        self.in_gesture = true;
    }

    /// The gesture has ended.
    pub fn end_gesture(&mut self) {
        self.in_gesture = false;
    }

    /// The gesture that a command belongs to. Commands outside a drag are gestures of their own,
    /// except that `continues` joins the last one (a wheel that goes on turning).
    pub fn gesture(&mut self, continues: bool) -> Gesture {
        if !self.in_gesture && !continues {
            self.gesture += 1;
        }
        Gesture(self.gesture)
    }

    /// Is a control held?
    pub fn is_dragging(&self) -> bool {
        self.in_gesture
    }

    /// A new photo: what belonged to the old one goes.
    pub fn for_new_photo(&mut self) {
        self.view = None;
        self.is_fit = true;
        self.tool = Tool::Hand;
        self.hand = Hand::default();
        self.in_gesture = false;
        // A name that was typed for one photo is not for another.
        self.windows.export = false;
        self.windows.save_as = false;
    }
}
