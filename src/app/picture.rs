//! The picture in the middle of the window: the canvas, what is drawn over it, and the pointer in it.

mod input;
mod overlays;

use egui::{Color32, Rect as ScreenRect, Sense, Ui};

use super::action::Action;
use super::canvas::{Canvas, FaceDisplay, FaceKey, FaceOverlays, Scene};
use super::session::{Session, Shown};
use super::state::AppState;
use super::ui_state::Held;
use super::view::{Pane, View, pixels_of};
use crate::editor::FaceId;
use crate::geometry::{Affine, Point, Rect};

/// The picture's place on screen in this frame.
pub struct Place {
    /// In egui's points.
    pub rect: ScreenRect,
    /// The same in physical pixels.
    pub canvas: Rect,
    /// Its panes in physical pixels.
    pub panes: Vec<Pane>,
    /// Where the photo is seen from.
    pub view: View,
    /// Physical pixels per point.
    pub pixels_per_point: f64,
}

impl Place {
    /// The pane under a position.
    pub fn pane_at(&self, position: egui::Pos2) -> Option<&Pane> {
        let pixel = self.pixel(position);
        self.panes.iter().find(|pane| pane.visible.contains(pixel))
    }

    /// A position in physical pixels.
    pub fn pixel(&self, position: egui::Pos2) -> Point {
        Point::new(f64::from(position.x), f64::from(position.y)) * self.pixels_per_point
    }

    /// A position in photo pixels; outside of all panes the first one counts.
    pub fn photo_point(&self, position: egui::Pos2) -> Option<Point> {
        let pane = self.pane_at(position).or(self.panes.first())?;
        let photo_from_screen = self.view.screen_from_photo(&pane.area).inverse()?;
        Some(photo_from_screen.apply(self.pixel(position)))
    }

    /// From photo pixels to egui's points, in a pane.
    pub fn points_from_photo(&self, pane: &Pane) -> Affine {
        Affine::scaling(self.pixels_per_point.recip()) * self.view.screen_from_photo(&pane.area)
    }

    /// The drawn part of a pane in egui's points.
    pub fn visible(&self, pane: &Pane) -> ScreenRect {
        let point = |x: f64, y: f64| {
            egui::pos2(
                (x / self.pixels_per_point) as f32,
                (y / self.pixels_per_point) as f32,
            )
        };
        ScreenRect::from_min_max(
            point(pane.visible.left, pane.visible.top),
            point(pane.visible.right, pane.visible.bottom),
        )
    }

    /// The pane that zooms and fits go by.
    pub fn main_area(&self) -> Rect {
        self.panes.first().map_or(self.canvas, |pane| pane.area)
    }
}

/// Shows the picture and takes the pointer in.
pub fn show(
    app: &AppState,
    canvas: Option<&mut Canvas>,
    ui: &mut Ui,
    actions: &mut Vec<Action>,
) -> Option<Held> {
    let (rect, response) =
        ui.allocate_exact_size(ui.available_size_before_wrap(), Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Picture"));
    let session = app.workspace.session()?;
    let pixels_per_point = ui.ctx().pixels_per_point();
    let canvas_px = pixels_of(rect, pixels_per_point);
    let compare = app.ui_state.compare_now();
    let panes = compare.panes(&canvas_px);
    let area = panes.first().map_or(canvas_px, |pane| pane.area);
    let photo = session.photo()?;
    let size = (photo.pixels().width(), photo.pixels().height());
    let fit = || {
        View::fit(
            size,
            (
                (area.width() - 24.0).max(8.0),
                (area.height() - 24.0).max(8.0),
            ),
        )
    };
    let view = match app.ui_state.view {
        Some(view) if !app.ui_state.is_fit => view.clamped(size),
        _ => fit(),
    };
    let place = Place {
        rect,
        canvas: canvas_px,
        panes,
        view,
        pixels_per_point: f64::from(pixels_per_point),
    };

    let scene = Scene {
        compare,
        background: Color32::from_gray(app.settings().background),
        faces: face_displays(session),
        difference_gain: app.settings().difference_gain,
        overlays: face_overlays(app, session),
    };
    if let Some(canvas) = canvas {
        canvas.paint(ui.painter(), rect, &view, &scene);
    }
    overlays::paint(app, ui, &place, &response);
    let hand = input::take(app, ui, &place, &response, actions);
    Some(Held { view, hand })
}

/// How the canvas shows every face.
fn face_displays(session: &Session) -> Vec<(FaceKey, FaceDisplay)> {
    let look = |id: FaceId| {
        let params = session.document.params(id);
        let frame = session
            .face_state(id)
            .and_then(|state| state.frame.as_ref());
        let is_moved = frame.is_some_and(|frame| frame.rendered.redrawn().is_none());
        match session.shown(id) {
            Shown::Original => FaceDisplay::Hidden,
            Shown::Blend => FaceDisplay::Preview {
                amount: params.amount,
            },
            Shown::Stale | Shown::Draft | Shown::Exact if is_moved => FaceDisplay::Moved {
                amount: params.amount,
            },
            Shown::Stale => FaceDisplay::ExactWith {
                strength: params.settings.warp.strength,
            },
            Shown::Draft | Shown::Exact => FaceDisplay::Exact,
        }
    };
    session
        .document
        .faces()
        .iter()
        .map(|face| (session.key(face.id), look(face.id)))
        .collect()
}

fn face_overlays(app: &AppState, session: &Session) -> FaceOverlays {
    let overlays = &app.ui_state.overlays;
    let is_painting = matches!(app.ui_state.tool, super::ui_state::Tool::Brush(_));
    // Who paints into the mask wants to see it.
    let mask_tint = match overlays.mask.drawn() {
        0.0 if is_painting => 0.35,
        drawn => drawn,
    };
    FaceOverlays {
        face: session.document.chosen.map(|id| session.key(id)),
        mask_tint,
        mask_contour: overlays.contour.drawn(),
        labels: overlays.labels.drawn(),
        heat: overlays.heat.drawn(),
    }
}
