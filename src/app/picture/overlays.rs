//! What is drawn over the picture with lines: labels of the halves, the divider, frames of faces,
//! landmarks, the warp, the brush, marks.

use egui::{Align2, Color32, FontId, Painter, Pos2, Response, Shape, Stroke, StrokeKind, Ui, vec2};

use super::Place;
use super::input::crop_from_photo;
use crate::app::session::{Finding, Session, Shown};
use crate::app::state::AppState;
use crate::app::theme;
use crate::app::ui_state::Tool;
use crate::app::view::{Axis, Compare, Side};
use crate::engine::{EditedFace, MovedFace};
use crate::geometry::{Affine, Point};
use crate::portrait::strokes::StrokeKind as Brushing;
use crate::portrait::warp::WarpMesh;

/// Draws all of it.
pub fn paint(app: &AppState, ui: &Ui, place: &Place, response: &Response) {
    let Some(session) = app.workspace.session() else {
        return;
    };
    for pane in &place.panes {
        let painter = ui.painter().with_clip_rect(place.visible(pane));
        let points_from_photo = place.points_from_photo(pane);
        let draw = Draw {
            painter: &painter,
            points_from_photo,
        };
        frames(app, session, &draw);
        if pane.side != Side::Before {
            warp(app, session, &draw);
        }
        landmarks(app, session, &draw);
        marks(app, &draw);
        stroke(app, session, &draw);
    }
    divider(app, ui, place);
    side_labels(app, session, ui, place);
    if let Some(pointer) = response.hover_pos() {
        brush(app, session, ui, place, pointer);
    }
    hints(app, session, ui, place);
}

struct Draw<'a> {
    painter: &'a Painter,
    points_from_photo: Affine,
}

impl Draw<'_> {
    fn at(&self, point: Point) -> Pos2 {
        let point = self.points_from_photo.apply(point);
        Pos2::new(point.x as f32, point.y as f32)
    }
}

/// The corner of a pixel's centre lies half a pixel away from the box of its edges.
fn frames(app: &AppState, session: &Session, draw: &Draw<'_>) {
    let opacity = app.ui_state.overlays.faces.drawn();
    let faces = session.document.faces();
    // A single face that is being edited needs no frame: the picture is the interface.
    let is_marking = matches!(app.ui_state.tool, Tool::Mark(_));
    if opacity == 0.0 || (faces.len() < 2 && is_ready(session) && !is_marking) {
        return;
    }
    for face in &faces {
        let [min, max] = [
            Point::new(face.face_box.left, face.face_box.top),
            Point::new(face.face_box.right, face.face_box.bottom),
        ]
        .map(|corner| draw.at(corner));
        let is_chosen = session.document.chosen == Some(face.id);
        let color = if is_chosen {
            theme::ACCENT
        } else {
            Color32::from_gray(215)
        }
        .gamma_multiply(opacity);
        let rect = egui::Rect::from_min_max(min, max);
        let width = if is_chosen { 2.0 } else { 1.0 };
        draw.painter
            .rect_stroke(rect, 3.0, Stroke::new(width, color), StrokeKind::Middle);
        chip(
            draw.painter,
            rect.left_top() + vec2(4.0, 4.0),
            Align2::LEFT_TOP,
            &face.id.0.to_string(),
            color,
        );
    }
}

fn is_ready(session: &Session) -> bool {
    session
        .chosen_state()
        .is_some_and(|live| live.prepared.is_some() || live.has_field())
}

fn landmarks(app: &AppState, session: &Session, draw: &Draw<'_>) {
    let opacity = app.ui_state.overlays.landmarks.drawn();
    let Some(Ok(landmarks)) = session.chosen().map(|face| face.landmarks) else {
        return;
    };
    if opacity == 0.0 {
        return;
    }
    for point in landmarks.points() {
        let at = draw.at(*point);
        draw.painter.circle(
            at,
            2.6,
            Color32::from_rgb(120, 220, 255).gamma_multiply(opacity),
            Stroke::new(1.0, Color32::from_black_alpha(160)),
        );
    }
}

fn warp(app: &AppState, session: &Session, draw: &Draw<'_>) {
    let is_pulling = app.ui_state.tool == Tool::Pull;
    let opacity = match app.ui_state.overlays.warp.drawn() {
        0.0 if is_pulling => 0.55,
        drawn => drawn,
    };
    let Some(id) = session.document.chosen.filter(|_| opacity > 0.0) else {
        return;
    };
    let frame = session
        .face_state(id)
        .and_then(|state| state.frame.as_ref());
    if let Some(frame) = frame
        && let EditedFace::Moved(moved) = frame.rendered.as_ref()
    {
        let amount = session.document.params(id).amount;
        flow(&moved.at_amount(amount), opacity, draw);
        return;
    }
    let Some((rendered, mesh)) = frame.and_then(|frame| {
        let rendered = frame.rendered.redrawn()?;
        Some((rendered, rendered.mesh.as_ref()?))
    }) else {
        return;
    };
    let photo_from_crop = rendered.face.face.aligned.photo_from_crop;
    let on_screen = |points: &[Point]| -> Vec<Pos2> {
        points
            .iter()
            .map(|point| draw.at(photo_from_crop.apply(*point)))
            .collect()
    };
    let strength = session.document.params(id).settings.warp.strength;
    let drawn = on_screen(&mesh.points_drawn(strength));
    let after = on_screen(&mesh.points_after);
    let thin = Stroke::new(1.0, Color32::from_gray(210).gamma_multiply(opacity * 0.6));
    for triangle in &mesh.triangles {
        let [a, b, c] = triangle.map(|vertex| drawn[vertex]);
        for side in [[a, b], [b, c], [c, a]] {
            draw.painter.line_segment(side, thin);
        }
    }
    let accent = theme::ACCENT.gamma_multiply(opacity);
    for index in WarpMesh::ANCHORS..drawn.len() {
        let moved = drawn[index] - after[index];
        if moved.length() > 3.0 {
            draw.painter
                .arrow(after[index], moved, Stroke::new(1.5, accent));
        }
        let is_pulled = mesh.pulled_by[index] != Point::default();
        draw.painter.circle(
            drawn[index],
            if is_pulled { 5.0 } else { 3.5 },
            accent,
            Stroke::new(1.0, Color32::BLACK),
        );
    }
}

/// Where the skin goes: an arrow from where it was to where it is.
fn flow(moved: &MovedFace, opacity: f32, draw: &Draw<'_>) {
    /// Arrows along a side of the crop.
    const ARROWS: u32 = 32;
    /// Shorter moves have none, in pixels of the crop.
    const LEAST_PX: f64 = 1.0;
    let photo_from_crop = moved.face.aligned.photo_from_crop;
    let step = f64::from(moved.edit.field.crop_size()) / f64::from(ARROWS);
    let accent = theme::ACCENT.gamma_multiply(opacity);
    for (column, row) in (0..ARROWS).flat_map(|row| (0..ARROWS).map(move |column| (column, row))) {
        let to = Point::new(f64::from(column) + 0.5, f64::from(row) + 0.5) * step;
        let (_, source) = moved.edit.displacement(to);
        if source.distance(Point::default()) < LEAST_PX {
            continue;
        }
        let [from, to] = [to + source, to].map(|point| draw.at(photo_from_crop.apply(point)));
        draw.painter
            .arrow(from, to - from, Stroke::new(1.2, accent));
    }
}

fn marks(app: &AppState, draw: &Draw<'_>) {
    let Tool::Mark(points) = &app.ui_state.tool else {
        return;
    };
    for point in points {
        let at = draw.at(*point);
        draw.painter
            .circle_stroke(at, 6.0, Stroke::new(2.0, theme::ACCENT));
        draw.painter.circle_filled(at, 2.0, theme::ACCENT);
    }
}

/// The stroke under way, as wide as it will act.
fn stroke(app: &AppState, session: &Session, draw: &Draw<'_>) {
    let Some((stroke, crop_from_photo)) = app
        .ui_state
        .hand
        .stroke
        .as_ref()
        .zip(crop_from_photo(session))
    else {
        return;
    };
    let Some(photo_from_crop) = crop_from_photo.inverse() else {
        return;
    };
    let scale = (draw.points_from_photo * photo_from_crop).scale() as f32;
    let color = stroke_color(stroke.kind).gamma_multiply(0.4);
    let path: Vec<Pos2> = stroke
        .path
        .iter()
        .map(|point| draw.at(photo_from_crop.apply(*point)))
        .collect();
    let radius = stroke.radius_px * scale;
    if let [only] = path[..] {
        draw.painter.circle_filled(only, radius, color);
    } else {
        draw.painter
            .add(Shape::line(path, Stroke::new(2.0 * radius, color)));
    }
}

fn stroke_color(kind: Brushing) -> Color32 {
    match kind {
        Brushing::Add => Color32::from_rgb(120, 220, 140),
        Brushing::Erase => theme::ERROR,
    }
}

fn brush(app: &AppState, session: &Session, ui: &Ui, place: &Place, pointer: Pos2) {
    let (Tool::Brush(kind), Some(crop_from_photo)) = (&app.ui_state.tool, crop_from_photo(session))
    else {
        return;
    };
    let scale = f64::from(place.view.zoom) / (crop_from_photo.scale() * place.pixels_per_point);
    let radius = app.ui_state.brush.radius_px * scale as f32;
    let painter = ui.painter().with_clip_rect(place.rect);
    painter.circle_stroke(pointer, radius + 1.0, Stroke::new(1.0, Color32::BLACK));
    painter.circle_stroke(pointer, radius, Stroke::new(1.5, stroke_color(*kind)));
    let core = radius * app.ui_state.brush.hardness;
    painter.circle_stroke(
        pointer,
        core,
        Stroke::new(1.0, Color32::from_white_alpha(90)),
    );
}

fn divider(app: &AppState, ui: &Ui, place: &Place) {
    let Compare::Split { axis, .. } = app.ui_state.compare_now() else {
        return;
    };
    let at = (app.ui_state.compare_now().divider_px(&place.canvas) / place.pixels_per_point) as f32;
    let painter = ui.painter().with_clip_rect(place.rect);
    let line = Stroke::new(1.0, Color32::from_white_alpha(210));
    let middle = match axis {
        Axis::Vertical => {
            painter.vline(at, place.rect.y_range(), line);
            Pos2::new(at, place.rect.bottom() - 60.0)
        }
        Axis::Horizontal => {
            painter.hline(place.rect.x_range(), at, line);
            Pos2::new(place.rect.right() - 60.0, at)
        }
    };
    painter.circle(
        middle,
        11.0,
        Color32::from_black_alpha(150),
        Stroke::new(1.5, Color32::from_white_alpha(220)),
    );
    let along = match axis {
        Axis::Vertical => vec2(1.0, 0.0),
        Axis::Horizontal => vec2(0.0, 1.0),
    };
    for sign in [-1.0_f32, 1.0] {
        let (tip, across) = (middle + along * (7.0 * sign), along.rot90() * 3.5);
        let base = middle + along * (2.5 * sign);
        painter.add(Shape::convex_polygon(
            vec![tip, base + across, base - across],
            Color32::WHITE,
            Stroke::NONE,
        ));
    }
}

fn side_labels(app: &AppState, session: &Session, ui: &Ui, place: &Place) {
    let shown = session
        .document
        .chosen
        .map_or(Shown::Original, |id| session.shown(id));
    let is_single = place.panes.len() == 1;
    for pane in &place.panes {
        let visible = place.visible(pane);
        let painter = ui.painter().with_clip_rect(visible);
        let text = match pane.side {
            Side::Before => "BEFORE".to_owned(),
            Side::After if is_single && shown == Shown::Original => continue,
            Side::After => match shown {
                Shown::Blend | Shown::Stale => "AFTER · preview".to_owned(),
                Shown::Draft => "AFTER · draft".to_owned(),
                Shown::Original | Shown::Exact => "AFTER".to_owned(),
            },
            Side::Difference => {
                format!("DIFFERENCE ×{:.0}", app.settings().difference_gain)
            }
        };
        // Labels of halves stand away from the divider, so that they never cross it.
        let is_after_of_two = !is_single && pane.side == Side::After;
        let (corner, align) = if is_after_of_two {
            (visible.right_top() + vec2(-8.0, 8.0), Align2::RIGHT_TOP)
        } else {
            (visible.left_top() + vec2(8.0, 8.0), Align2::LEFT_TOP)
        };
        chip(&painter, corner, align, &text, Color32::from_gray(235));
    }
}

/// What the picture waits for, or asks for.
fn hints(app: &AppState, session: &Session, ui: &Ui, place: &Place) {
    let text = match (&app.ui_state.tool, &session.finding) {
        (Tool::Mark(points), _) => match points.len() {
            0 => "Click the middle of the eye on the left".to_owned(),
            1 => "Click the middle of the eye on the right".to_owned(),
            _ => "Click the tip of the chin".to_owned(),
        },
        (_, Finding::NotAsked | Finding::Running) => "Looking for faces…".to_owned(),
        (Tool::Pull, _) if !is_exact(session) => {
            "Move the chin slider first: then there is a warp to pull at".to_owned()
        }
        _ => return,
    };
    chip(
        ui.painter(),
        place.rect.center_bottom() - vec2(0.0, 14.0),
        Align2::CENTER_BOTTOM,
        &text,
        theme::ACCENT,
    );
}

fn is_exact(session: &Session) -> bool {
    session
        .chosen_state()
        .is_some_and(|live| live.frame.is_some())
}

/// Text on a dark ground that can be read over any picture.
fn chip(painter: &Painter, at: Pos2, align: Align2, text: &str, color: Color32) {
    let galley = painter.layout_no_wrap(text.to_owned(), FontId::proportional(12.5), color);
    let rect = align.anchor_size(at, galley.size() + vec2(12.0, 6.0));
    painter.rect_filled(rect, 4.0, Color32::from_black_alpha(165));
    painter.galley(rect.min + vec2(6.0, 3.0), galley, color);
}
