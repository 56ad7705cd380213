//! How the photo lies in the canvas: zoom, place, and which part of the canvas shows what.
//!
//! Screen coordinates are physical pixels of the window, edges at whole numbers (so the centre of
//! the first pixel is at 0.5); photo coordinates follow [`crate::geometry`], centres at whole numbers.

use crate::geometry::{Affine, Point, Rect};

/// Where the photo is seen from: the same for every pane, so that halves stay in lock step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Physical screen pixels per photo pixel.
    pub zoom: f32,
    /// The point of the photo in the middle of a pane, in photo pixels.
    pub centre: Point,
}

impl View {
    /// The smallest zoom.
    pub const MIN_ZOOM: f32 = 1.0 / 64.0;
    /// The largest zoom.
    pub const MAX_ZOOM: f32 = 64.0;
    /// The zooms that [`View::next_zoom`] stops at.
    const STOPS: [f32; 15] = [
        0.0625,
        0.125,
        0.25,
        1.0 / 3.0,
        0.5,
        2.0 / 3.0,
        1.0,
        1.5,
        2.0,
        3.0,
        4.0,
        8.0,
        16.0,
        32.0,
        64.0,
    ];

    /// The whole photo (width, height in pixels), as large as a pane of this width and height (in
    /// physical pixels) can show it.
    pub fn fit(photo_size: (u32, u32), pane_size_px: (f64, f64)) -> Self {
        let (width, height) = (f64::from(photo_size.0), f64::from(photo_size.1));
        let zoom = (pane_size_px.0 / width).min(pane_size_px.1 / height) as f32;
        Self {
            zoom: usable_zoom(zoom),
            centre: Point::new((width - 1.0) / 2.0, (height - 1.0) / 2.0),
        }
    }

    /// The map from photo pixels to physical screen pixels, for a pane with these edges in physical
    /// screen pixels. At whole-number zooms (and reductions) it is [`View::snapped`].
    pub fn screen_from_photo(&self, pane: &Rect) -> Affine {
        let zoom = f64::from(self.zoom);
        let centre = self.snapped(pane).centre;
        let offset = |length: f64, centre: f64| 0.5 * length - zoom * centre;
        Affine {
            rows: [
                [zoom, 0.0, pane.left + offset(pane.width(), centre.x)],
                [0.0, zoom, pane.top + offset(pane.height(), centre.y)],
            ],
        }
    }

    /// The view moved by less than a screen pixel so that the photo's pixels fill whole screen
    /// pixels (or whole groups of them fill one). Where the zoom is no whole number and no
    /// reduction by one, nothing moves, so that zooming stays smooth.
    pub fn snapped(&self, pane: &Rect) -> Self {
        let zoom = f64::from(self.zoom);
        if !is_whole(self.zoom) {
            return *self;
        }
        // The distance from the pane's edge to the photo's: independent of where the pane lies.
        let snap = |length: f64, centre: f64| {
            let edge = 0.5 * length - zoom * (centre + 0.5);
            (0.5 * length - edge.round()) / zoom - 0.5
        };
        Self {
            zoom: self.zoom,
            centre: Point::new(
                snap(pane.width(), self.centre.x),
                snap(pane.height(), self.centre.y),
            ),
        }
    }

    /// The view at another zoom; the photo's point under `at` (physical screen pixels) stays there.
    pub fn zoomed_at(&self, pane: &Rect, at: Point, zoom: f32) -> Self {
        let zoom = usable_zoom(zoom);
        let from_middle = at - pane.centre();
        let moved = from_middle * (f64::from(self.zoom).recip() - f64::from(zoom).recip());
        Self {
            zoom,
            centre: self.centre + moved,
        }
    }

    /// The view after dragging the photo by so many physical screen pixels.
    pub fn panned(&self, by_px: Point) -> Self {
        Self {
            zoom: self.zoom,
            centre: self.centre - by_px / f64::from(self.zoom),
        }
    }

    /// The view moved as little as needed for the middle of the pane to show a point of the photo
    /// (width, height in pixels); a view that is not finite becomes the photo's middle at 100 %.
    pub fn clamped(&self, photo_size: (u32, u32)) -> Self {
        let within = |centre: f64, length: u32| match centre.is_finite() {
            true => centre.clamp(-0.5, f64::from(length) - 0.5),
            false => (f64::from(length) - 1.0) / 2.0,
        };
        Self {
            zoom: usable_zoom(self.zoom),
            centre: Point::new(
                within(self.centre.x, photo_size.0),
                within(self.centre.y, photo_size.1),
            ),
        }
    }

    /// The zoom in per cent: 100 shows a photo pixel on a screen pixel.
    pub fn percent(&self) -> f32 {
        self.zoom * 100.0
    }

    /// The next round zoom above or below this one; the largest and smallest stay.
    pub fn next_zoom(&self, larger: bool) -> f32 {
        let mut stops = Self::STOPS.into_iter();
        let found = match larger {
            true => stops.find(|stop| *stop > self.zoom * 1.001),
            false => stops.rfind(|stop| *stop < self.zoom * 0.999),
        };
        found.unwrap_or(self.zoom)
    }
}

fn usable_zoom(zoom: f32) -> f32 {
    match zoom.is_finite() {
        true => zoom.clamp(View::MIN_ZOOM, View::MAX_ZOOM),
        false => 1.0,
    }
}

/// The direction of a divider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// The divider is a vertical line: before on the left, after on the right.
    Vertical,
    /// The divider is a horizontal line: before above, after below.
    Horizontal,
}

/// How before and after are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Compare {
    /// Only the edited photo.
    After,
    /// Only the photo as it was.
    Before,
    /// One picture, before on one side of a divider and after on the other.
    Split {
        /// The divider's direction.
        axis: Axis,
        /// The divider's place, 0 to 1 of the canvas.
        position: f32,
    },
    /// The same part of the photo twice: before on the left, after on the right.
    SideBySide,
    /// How much each pixel has changed, amplified, on black.
    Difference,
}

/// What a pane shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The photo as it was.
    Before,
    /// The edited photo.
    After,
    /// The amplified difference.
    Difference,
}

/// A part of the canvas. Edges are whole physical screen pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pane {
    /// What it shows.
    pub side: Side,
    /// The area in whose middle the view's centre lies: the `pane` of [`View`]'s functions.
    pub area: Rect,
    /// The part of the area that is drawn.
    pub visible: Rect,
}

/// Physical pixels between two pictures side by side, at least.
const GAP_PX: f64 = 2.0;

impl Compare {
    /// The panes of a canvas with these edges in physical screen pixels, which must be whole.
    pub fn panes(&self, canvas: &Rect) -> Vec<Pane> {
        let whole = |side| Pane {
            side,
            area: *canvas,
            visible: *canvas,
        };
        match *self {
            Self::After => vec![whole(Side::After)],
            Self::Before => vec![whole(Side::Before)],
            Self::Difference => vec![whole(Side::Difference)],
            Self::Split { axis, .. } => {
                let (mut before, mut after) = (whole(Side::Before), whole(Side::After));
                let divider = self.divider_px(canvas);
                match axis {
                    Axis::Vertical => {
                        before.visible.right = divider;
                        after.visible.left = divider;
                    }
                    Axis::Horizontal => {
                        before.visible.bottom = divider;
                        after.visible.top = divider;
                    }
                }
                vec![before, after]
            }
            Self::SideBySide => {
                // Both have the same size, so that both show the very same pixels.
                let width = ((canvas.width() - GAP_PX) / 2.0).floor().max(0.0);
                let part = |side, left: f64| {
                    let area = Rect::new(left, canvas.top, left + width, canvas.bottom);
                    Pane {
                        side,
                        area,
                        visible: area,
                    }
                };
                vec![
                    part(Side::Before, canvas.left),
                    part(Side::After, canvas.right - width),
                ]
            }
        }
    }

    /// Where the divider of a split lies in such a canvas: a whole x (vertical) or y (horizontal) in
    /// physical screen pixels; the canvas's left edge for other ways to compare.
    pub fn divider_px(&self, canvas: &Rect) -> f64 {
        let Self::Split { axis, position } = *self else {
            return canvas.left;
        };
        let position = match position.is_finite() {
            true => f64::from(position.clamp(0.0, 1.0)),
            false => 0.5,
        };
        match axis {
            Axis::Vertical => canvas.left + (canvas.width() * position).round(),
            Axis::Horizontal => canvas.top + (canvas.height() * position).round(),
        }
    }
}

/// The whole physical pixels that a rectangle of the window (in egui's points) covers.
pub fn pixels_of(rect: egui::Rect, pixels_per_point: f32) -> Rect {
    let pixel = |points: f32| match (points * pixels_per_point).round() {
        pixel if pixel.is_finite() => f64::from(pixel.clamp(-1e6, 1e6)),
        _ => 0.0,
    };
    Rect::new(
        pixel(rect.left()),
        pixel(rect.top()),
        pixel(rect.right()),
        pixel(rect.bottom()),
    )
}

/// Does a pixel of the photo become a whole number of screen pixels, or the other way round, as far as
/// single precision can tell?
fn is_whole(zoom: f32) -> bool {
    let zoom = f64::from(zoom);
    let factor = zoom.max(zoom.recip());
    zoom.is_finite() && (factor - factor.round()).abs() <= 1e-4 * factor
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(a: Point, b: Point, tolerance: f64) -> bool {
        a.distance(b) <= tolerance
    }

    prop_compose! {
        fn panes()(
            left in -50i32..500, top in -50i32..500,
            width in 1i32..3000, height in 1i32..3000,
        ) -> Rect {
            let [left, top] = [left, top].map(f64::from);
            Rect::new(left, top, left + f64::from(width), top + f64::from(height))
        }
    }

    prop_compose! {
        fn views()(
            exponent in -5.9..5.9f32, whole in any::<bool>(),
            x in -100.0..9000.0f64, y in -100.0..9000.0f64,
        ) -> View {
            let zoom = exponent.exp2();
            let zoom = match whole {
                true if zoom >= 1.0 => zoom.round(),
                true => zoom.recip().round().recip(),
                false => zoom,
            };
            View { zoom, centre: Point::new(x, y) }
        }
    }

    proptest! {
        #[test]
        fn the_point_under_the_pointer_stays(
            view in views(), pane in panes(), zoom in -5.9..5.9f32,
            x in -50.0..3000.0f64, y in -50.0..3000.0f64,
        ) {
            let at = Point::new(x, y);
            let under = |view: &View| {
                let offset = (at - pane.centre()) / f64::from(view.zoom);
                view.centre + offset
            };
            let zoomed = view.zoomed_at(&pane, at, zoom.exp2());
            prop_assert!(close(under(&view), under(&zoomed), 1e-6));
            // What is drawn may be off by what snapping moves it, less than a screen pixel.
            let drawn = zoomed.screen_from_photo(&pane).apply(under(&view));
            prop_assert!(close(drawn, at, 0.75), "{drawn:?} {at:?}");
        }

        #[test]
        fn fit_shows_everything_and_fills_one_direction(
            width in 1u32..9000, height in 1u32..9000, pane in panes(),
        ) {
            let view = View::fit((width, height), (pane.width(), pane.height()));
            prop_assume!(view.zoom > View::MIN_ZOOM && view.zoom < View::MAX_ZOOM);
            let screen_from_photo = view.screen_from_photo(&pane);
            let first = screen_from_photo.apply(Point::new(-0.5, -0.5));
            let last = Point::new(f64::from(width) - 0.5, f64::from(height) - 0.5);
            let last = screen_from_photo.apply(last);
            let shown = Rect::around(&[first, last]);
            for corner in shown.corners() {
                prop_assert!(pane.inflated(0.51).contains(corner), "{shown:?} in {pane:?}");
            }
            let slack = (pane.width() - shown.width()).min(pane.height() - shown.height());
            prop_assert!(slack.abs() < 0.01, "{slack}");
        }

        #[test]
        fn panning_moves_by_screen_pixels(view in views(), pane in panes(), x in -90i32..90) {
            let by = Point::new(f64::from(x), -f64::from(x));
            let at = |view: &View| view.screen_from_photo(&pane).apply(Point::new(3.0, 4.0));
            let moved = at(&view.panned(by)) - at(&view);
            prop_assert!(close(moved, by, 1e-6) || is_whole(view.zoom) && close(moved, by, 1.5));
        }

        #[test]
        fn the_map_can_be_undone(view in views(), pane in panes()) {
            let screen_from_photo = view.screen_from_photo(&pane);
            let inverse = screen_from_photo.inverse().unwrap();
            let point = Point::new(12.0, 34.0);
            prop_assert!(close(inverse.apply(screen_from_photo.apply(point)), point, 1e-6));
        }

        #[test]
        fn whole_zooms_hit_whole_pixels_and_move_less_than_one(view in views(), pane in panes()) {
            let snapped = view.snapped(&pane);
            let moved = (snapped.centre - view.centre) * f64::from(view.zoom);
            prop_assert!(moved.x.abs() <= 0.5 + 1e-6 && moved.y.abs() <= 0.5 + 1e-6);
            if is_whole(view.zoom) {
                let corner = view.screen_from_photo(&pane).apply(Point::new(-0.5, -0.5));
                prop_assert!((corner.x - corner.x.round()).abs() < 1e-6);
                prop_assert!((corner.y - corner.y.round()).abs() < 1e-6);
            } else {
                prop_assert_eq!(snapped, view);
            }
        }

        #[test]
        fn clamping_keeps_the_photo_under_the_middle(
            view in views(), width in 1u32..9000, height in 1u32..9000,
        ) {
            let clamped = view.clamped((width, height));
            let photo = Rect::new(-0.5, -0.5, f64::from(width) - 0.5, f64::from(height) - 0.5);
            prop_assert!(photo.contains(clamped.centre));
            prop_assert_eq!(clamped.clamped((width, height)), clamped);
        }

        #[test]
        fn panes_tile_the_canvas(canvas in panes(), position in -0.5..1.5f32, wide in any::<bool>()) {
            let axis = if wide { Axis::Vertical } else { Axis::Horizontal };
            let split = Compare::Split { axis, position }.panes(&canvas);
            let area: f64 = split.iter().map(|pane| pane.visible.area()).sum();
            prop_assert_eq!(area, canvas.area());
            let beside = Compare::SideBySide.panes(&canvas);
            prop_assert_eq!(beside[0].area.width(), beside[1].area.width());
            prop_assert!(beside[0].area.right <= beside[1].area.left || canvas.width() < 2.0);
        }
    }

    #[test]
    fn zoom_stops_go_up_and_down() {
        let view = |zoom| View {
            zoom,
            centre: Point::default(),
        };
        assert_eq!(view(0.37).next_zoom(true), 0.5);
        assert_eq!(view(0.5).next_zoom(true), 2.0 / 3.0);
        assert_eq!(view(0.5).next_zoom(false), 1.0 / 3.0);
        assert_eq!(view(64.0).next_zoom(true), 64.0);
        assert_eq!(view(1.0).percent(), 100.0);
    }

    #[test]
    fn nothing_breaks_on_nonsense() {
        let view = View::fit((0, 0), (0.0, 0.0));
        assert!(view.zoom.is_finite());
        let nowhere = View {
            zoom: f32::NAN,
            centre: Point::new(f64::NAN, f64::INFINITY),
        };
        let clamped = nowhere.clamped((10, 20));
        assert_eq!(clamped.centre, Point::new(4.5, 9.5));
        assert_eq!(clamped.zoom, 1.0);
        nowhere.screen_from_photo(&Rect::new(0.0, 0.0, 0.0, 0.0));
        let huge = egui::Rect::EVERYTHING;
        assert!(pixels_of(huge, 2.0).width().is_finite());
        assert_eq!(pixels_of(egui::Rect::NAN, 2.0).width(), 0.0);
    }
}
