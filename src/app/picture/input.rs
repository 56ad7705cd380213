//! The pointer in the picture: zoom, pan, divider, faces, brush, warp points, marks.

use egui::{CursorIcon, PointerButton, Response, Ui};

use super::Place;
use crate::app::action::Action;
use crate::app::session::Session;
use crate::app::state::AppState;
use crate::app::ui_state::{Drag, Hand, Pulling, Tool};
use crate::app::view::{Axis, Compare};
use crate::editor::Change;
use crate::engine::Method;
use crate::geometry::{Affine, Point};
use crate::portrait::strokes::Stroke;
use crate::portrait::warp::{Pull, WarpMesh};
use std::sync::Arc;

/// How near to the divider or to a warp point the pointer has to be, in egui's points.
const GRASP: f32 = 9.0;

/// Turns what the pointer did into actions, and says what it holds now.
pub fn take(
    app: &AppState,
    ui: &Ui,
    place: &Place,
    response: &Response,
    actions: &mut Vec<Action>,
) -> Hand {
    let mut hand = app.ui_state.hand.clone();
    wheel(ui, place, response, actions);
    let space = ui.input(|input| input.key_down(egui::Key::Space)) && !ui.ctx().text_edit_focused();
    if let Some(pointer) = response.hover_pos() {
        cursor(app, ui, place, pointer, space);
    }
    if response.drag_started()
        && let Some(pointer) = ui.input(|input| input.pointer.press_origin())
    {
        let middle = response.dragged_by(PointerButton::Middle);
        hand = if space || middle {
            Hand::dragging(Drag::Picture)
        } else {
            begin_drag(app, place, pointer)
        };
        if matches!(hand.drag, Drag::Brush | Drag::Point) {
            actions.push(Action::Gesture { begins: true });
        }
    }
    if response.dragged()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        go_on(app, &mut hand, place, (pointer, response), actions);
    }
    if response.drag_stopped() {
        end_drag(std::mem::take(&mut hand), actions);
    }
    if response.clicked()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        click(app, place, pointer, actions);
    }
    if response.double_clicked() && app.ui_state.tool == Tool::Hand {
        let is_close = (place.view.zoom - 1.0).abs() < 1e-3;
        if is_close {
            actions.push(Action::Fit);
        } else if let Some(pointer) = response.interact_pointer_pos() {
            zoom_at(place, pointer, 1.0, actions);
        }
    }
    hand
}

fn wheel(ui: &Ui, place: &Place, response: &Response, actions: &mut Vec<Action>) {
    let Some(pointer) = response.hover_pos() else {
        return;
    };
    let (scrolled, pinched) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
    let factor = (scrolled / 200.0).exp() * pinched;
    if (factor - 1.0).abs() > 1e-4 {
        zoom_at(place, pointer, place.view.zoom * factor, actions);
    }
}

fn zoom_at(place: &Place, pointer: egui::Pos2, zoom: f32, actions: &mut Vec<Action>) {
    let area = place
        .pane_at(pointer)
        .map_or(place.main_area(), |pane| pane.area);
    let view = place.view.zoomed_at(&area, place.pixel(pointer), zoom);
    actions.push(Action::View(view));
}

fn divider_under(app: &AppState, place: &Place, pointer: egui::Pos2) -> Option<Axis> {
    let Compare::Split { axis, .. } = app.ui_state.compare_now() else {
        return None;
    };
    let divider = app.ui_state.compare_now().divider_px(&place.canvas);
    let pixel = place.pixel(pointer);
    let along = match axis {
        Axis::Vertical => pixel.x,
        Axis::Horizontal => pixel.y,
    };
    let distance = (along - divider).abs() / place.pixels_per_point;
    (distance < f64::from(GRASP)).then_some(axis)
}

fn cursor(app: &AppState, ui: &Ui, place: &Place, pointer: egui::Pos2, space: bool) {
    let icon = match (&app.ui_state.tool, divider_under(app, place, pointer)) {
        _ if space || app.ui_state.hand.drag == Drag::Picture => CursorIcon::Grabbing,
        (_, Some(Axis::Vertical)) => CursorIcon::ResizeHorizontal,
        (_, Some(Axis::Horizontal)) => CursorIcon::ResizeVertical,
        (Tool::Brush(_), _) => CursorIcon::None,
        (Tool::Mark(_) | Tool::Pull, _) => CursorIcon::Crosshair,
        (Tool::Hand, _) => CursorIcon::Grab,
    };
    ui.ctx().set_cursor_icon(icon);
}

fn begin_drag(app: &AppState, place: &Place, pointer: egui::Pos2) -> Hand {
    if divider_under(app, place, pointer).is_some() {
        return Hand::dragging(Drag::Divider);
    }
    let Some(session) = app.workspace.session() else {
        return Hand::default();
    };
    match app.ui_state.tool {
        Tool::Hand | Tool::Mark(_) => Hand::dragging(Drag::Picture),
        Tool::Brush(kind) => match point_in_crop(session, place, pointer) {
            Some(point) => Hand {
                stroke: Some(Stroke {
                    kind,
                    radius_px: app.ui_state.brush.radius_px,
                    hardness: app.ui_state.brush.hardness,
                    path: vec![point],
                }),
                ..Hand::dragging(Drag::Brush)
            },
            None => Hand::dragging(Drag::Picture),
        },
        Tool::Pull => match grasp(session, place, pointer) {
            Some(pulling) => Hand {
                pull: Some(pulling),
                ..Hand::dragging(Drag::Point)
            },
            None => Hand::dragging(Drag::Picture),
        },
    }
}

fn go_on(
    app: &AppState,
    hand: &mut Hand,
    place: &Place,
    (pointer, response): (egui::Pos2, &Response),
    actions: &mut Vec<Action>,
) {
    match hand.drag {
        Drag::Nothing => (),
        Drag::Picture => {
            let by = response.drag_delta();
            if by != egui::Vec2::ZERO {
                let by_px = Point::new(f64::from(by.x), f64::from(by.y)) * place.pixels_per_point;
                actions.push(Action::View(place.view.panned(by_px)));
            }
        }
        Drag::Divider => {
            let (axis, _) = app.ui_state.split;
            let pixel = place.pixel(pointer);
            let canvas = &place.canvas;
            let position = match axis {
                Axis::Vertical => (pixel.x - canvas.left) / canvas.width().max(1.0),
                Axis::Horizontal => (pixel.y - canvas.top) / canvas.height().max(1.0),
            };
            actions.push(Action::Compare(Compare::Split {
                axis,
                position: position.clamp(0.02, 0.98) as f32,
            }));
        }
        Drag::Brush => {
            let point = app
                .workspace
                .session()
                .and_then(|session| point_in_crop(session, place, pointer));
            if let (Some(stroke), Some(point)) = (&mut hand.stroke, point) {
                let far_enough = f64::from(stroke.radius_px) * 0.1;
                let last = stroke.path.last().copied();
                if last.is_none_or(|last| last.distance(point) > far_enough) {
                    stroke.path.push(point);
                }
            }
        }
        Drag::Point => {
            let point = app
                .workspace
                .session()
                .and_then(|session| point_in_crop(session, place, pointer));
            if let (Some(pulling), Some(point)) = (hand.pull, point) {
                actions.push(Action::Change(Change::Pull(Pull {
                    at: pulling.at,
                    by: pulling.was + (point - pulling.from),
                })));
            }
        }
    }
}

fn end_drag(held: Hand, actions: &mut Vec<Action>) {
    if let Some(stroke) = held.stroke {
        actions.push(Action::Change(Change::Paint(Arc::new(stroke))));
    }
    if matches!(held.drag, Drag::Brush | Drag::Point) {
        actions.push(Action::Gesture { begins: false });
    }
}

fn click(app: &AppState, place: &Place, pointer: egui::Pos2, actions: &mut Vec<Action>) {
    let Some(session) = app.workspace.session() else {
        return;
    };
    let Some(point) = place.photo_point(pointer) else {
        return;
    };
    match &app.ui_state.tool {
        Tool::Mark(points) => match *points.as_slice() {
            [left, right] => {
                actions.push(Action::MarkFace([left, right, point]));
                actions.push(Action::Tool(Tool::Hand));
            }
            _ => {
                let points = [points.as_slice(), &[point]].concat();
                actions.push(Action::Tool(Tool::Mark(points)));
            }
        },
        Tool::Brush(kind) => {
            let kind = *kind;
            if let Some(point) = point_in_crop(session, place, pointer) {
                actions.push(Action::Change(Change::Paint(Arc::new(Stroke {
                    kind,
                    radius_px: app.ui_state.brush.radius_px,
                    hardness: app.ui_state.brush.hardness,
                    path: vec![point],
                }))));
            }
        }
        Tool::Pull => (),
        Tool::Hand => {
            let faces = session.document.faces();
            let under = faces
                .iter()
                .filter(|face| face.face_box.contains(point))
                .min_by(|a, b| a.face_box.area().total_cmp(&b.face_box.area()));
            if let Some(face) = under
                && session.document.chosen != Some(face.id)
            {
                actions.push(Action::ChooseFace(face.id));
            }
        }
    }
}

/// From photo pixels to the chosen face's crop.
pub fn crop_from_photo(session: &Session) -> Option<Affine> {
    let aligned = session.chosen_state()?.aligned.as_ref()?;
    aligned.aligned.photo_from_crop.inverse()
}

fn point_in_crop(session: &Session, place: &Place, pointer: egui::Pos2) -> Option<Point> {
    Some(crop_from_photo(session)?.apply(place.photo_point(pointer)?))
}

/// The end of a pull under the pointer, or the skin that lies there: what the neck field moves can be pulled
/// anywhere.
fn grasp_skin(session: &Session, place: &Place, pointer: egui::Pos2) -> Option<Pulling> {
    let id = session.document.chosen?;
    session
        .face_state(id)?
        .frame
        .as_ref()
        .filter(|frame| frame.rendered.redrawn().is_none())?;
    let from = point_in_crop(session, place, pointer)?;
    let points_per_crop_px = crop_from_photo(session)?.scale().recip() * f64::from(place.view.zoom)
        / place.pixels_per_point;
    let pulls = session.document.params(id).settings.pulls;
    let nearest = pulls
        .iter()
        .map(|pull| {
            (
                pull,
                (pull.at + pull.by).distance(from) * points_per_crop_px,
            )
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .filter(|(_, distance)| *distance < f64::from(GRASP) * 1.5);
    Some(match nearest {
        Some((pull, _)) => Pulling {
            at: pull.at,
            was: pull.by,
            from,
        },
        None => Pulling {
            at: from,
            was: Point::default(),
            from,
        },
    })
}

/// The warp point under the pointer, or the spot of the edited picture that lies there.
fn grasp(session: &Session, place: &Place, pointer: egui::Pos2) -> Option<Pulling> {
    let id = session.document.chosen?;
    let state = session.face_state(id)?;
    if session.document.params(id).settings.method == Method::Instant {
        return grasp_skin(session, place, pointer);
    }
    let mesh = state.frame.as_ref()?.rendered.redrawn()?.mesh.as_ref()?;
    let strength = session.document.params(id).settings.warp.strength;
    let point = point_in_crop(session, place, pointer)?;
    let points_per_crop_px = crop_from_photo(session)?.scale().recip() * f64::from(place.view.zoom)
        / place.pixels_per_point;
    let drawn = mesh.points_drawn(strength);
    let nearest = (WarpMesh::ANCHORS..drawn.len())
        .map(|index| (index, drawn[index].distance(point) * points_per_crop_px))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .filter(|(_, distance)| *distance < f64::from(GRASP) * 1.5);
    Some(match nearest {
        Some((index, _)) => Pulling {
            at: mesh.points_after[index],
            was: mesh.pulled_by[index],
            from: point,
        },
        None => Pulling {
            at: mesh.edited_from_drawn(strength, point)?,
            was: Point::default(),
            from: point,
        },
    })
}
