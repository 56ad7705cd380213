//! Which quads show a scene: for each pane the photo's pieces, on each piece the changes of the
//! faces, then overlays. Changes that may overlap are summed in quads of their own.

use super::callback::{Kind, Quad, Quads};
use super::face::{DeltaKind, DeltaTexture};
use super::photo::{PhotoTextures, Piece};
use super::textures::CHANGE_LEVELS;
use super::uniform::{DrawUniform, corners_of, rows};
use crate::app::view::{Pane, Side, View};
use crate::geometry::{Affine, Point, Rect};

/// From this zoom on, photo pixels are drawn as squares.
const SQUARES_FROM: f64 = 3.0;
/// Detail beyond this many standard deviations of the grain is an outline.
const GRAIN_DEVIATIONS: f32 = 3.0;

/// Everything that the panes show.
pub struct Picture<'a> {
    pub photo: &'a PhotoTextures,
    pub view: &'a View,
    /// Red, green, blue in 0..=1.
    pub background: [f32; 3],
    pub difference_gain: f32,
    pub changes: &'a [DeltaTexture],
    pub overlay: Option<&'a Overlay>,
}

/// Overlays of a face.
pub struct Overlay {
    pub change: DeltaTexture,
    /// Size of the crop in pixels.
    pub crop_size: (u32, u32),
    /// Opacities of mask tint, mask contour, labels, heat map.
    pub opacities: [f32; 4],
}

impl Picture<'_> {
    /// Adds the quads of a pane.
    pub fn draw(&self, pane: &Pane, quads: &mut Quads) {
        let screen_from_photo = self.view.screen_from_photo(&pane.area);
        let Some(photo_from_screen) = screen_from_photo.inverse() else {
            return;
        };
        if pane.visible.width() < 1.0 || pane.visible.height() < 1.0 {
            return;
        }
        let shown = Shown {
            picture: self,
            pane,
            screen_from_photo,
            photo_from_screen,
            zoom: f64::from(self.view.zoom),
        };
        let shows_edits = pane.side != Side::Before;
        let tiles_serve = Piece::tiles_serve(-shown.zoom.log2());
        let tiles = self.photo.tiles.iter().filter_map(|tile| tile.piece.get());
        let tiles = tiles.filter(|_| tiles_serve);
        let has_all = tiles_serve && self.photo.is_full();
        let coarse = self.photo.coarse.get().filter(|_| !has_all);
        let changes: Vec<_> = self.changes.iter().filter(|_| shows_edits).collect();
        let (shared, alone) = shown.partition(&changes);
        for piece in coarse.into_iter().chain(tiles) {
            let Some(base) = shown.piece(piece) else {
                continue;
            };
            let face = |change: &&DeltaTexture| shown.face(&base, piece, change);
            let added: Vec<_> = alone.iter().filter_map(face).collect();
            let shares: Vec<_> = shared.iter().filter_map(face).collect();
            if let Some(sum) = shown.sum(&base, piece, &shares) {
                quads.shares.push(shown.no_shares(&sum));
                quads
                    .shares
                    .extend(shares.into_iter().map(|share| shown.share(share, piece)));
                quads.screen.extend([base, sum]);
            } else {
                quads.screen.push(base);
            }
            quads.screen.extend(added);
        }
        let any_piece = self.photo.coarse.get();
        if let (Some(overlay), Some(piece), true) = (self.overlay, any_piece, shows_edits) {
            quads.screen.extend(shown.overlay(piece, overlay));
        }
    }
}

/// A pane with its maps.
struct Shown<'a> {
    picture: &'a Picture<'a>,
    pane: &'a Pane,
    screen_from_photo: Affine,
    photo_from_screen: Affine,
    /// Screen pixels per photo pixel.
    zoom: f64,
}

impl Shown<'_> {
    /// The part of the screen that shows this part of the photo, in whole pixels; `None` when none of
    /// it is visible.
    fn visible(&self, part: &Rect) -> Option<(Rect, Rect)> {
        let corners = part.corners();
        let exact = Rect::around(&corners.map(|corner| self.screen_from_photo.apply(corner)));
        // Far corners would cost the rasteriser precision.
        let exact = exact.intersection(&self.pane.visible.inflated(2.0));
        let whole = Rect::new(
            exact.left.floor(),
            exact.top.floor(),
            exact.right.ceil(),
            exact.bottom.ceil(),
        );
        let visible = whole.intersection(&self.pane.visible);
        (visible.width() >= 1.0 && visible.height() >= 1.0).then_some((exact, visible))
    }

    /// The parameters that all quads of a piece share.
    fn uniform(&self, piece: &Piece) -> DrawUniform {
        let area = &self.pane.area;
        let start = Point::new(area.left, area.top);
        let local = self.photo_from_screen.apply(start) - piece.origin;
        let is_whole = (self.zoom - 1.0).abs() < 1e-4;
        let squares = is_whole || self.zoom > SQUARES_FROM;
        let level = (-self.zoom.log2() - piece.level).max(0.0);
        let [red, green, blue] = self.picture.background;
        let gain = match self.pane.side {
            Side::Difference => self.picture.difference_gain.max(1e-3),
            _ => 0.0,
        };
        // Pixels next to the content are there too; rounding must not leave a gap.
        let content = piece.content.inflated(0.01);
        DrawUniform {
            pane_origin: [area.left as f32, area.top as f32],
            local_from_pane: [
                self.zoom.recip() as f32,
                local.x as f32,
                local.y as f32,
                f32::from(u8::from(squares)),
            ],
            piece: [
                piece.size.0.recip() as f32,
                piece.size.1.recip() as f32,
                level as f32,
                f32::from(u8::from(piece.level == 0.0)),
            ],
            limits: [
                (content.left - piece.origin.x) as f32,
                (content.top - piece.origin.y) as f32,
                (content.right - piece.origin.x) as f32,
                (content.bottom - piece.origin.y) as f32,
            ],
            background: [red, green, blue, gain],
            ..DrawUniform::default()
        }
    }

    fn piece(&self, piece: &Piece) -> Option<Quad> {
        let (exact, visible) = self.visible(&piece.content)?;
        Some(Quad {
            kind: Kind::Photo,
            uniform: DrawUniform {
                corners: corners_of(&exact),
                ..self.uniform(piece)
            },
            piece: Some(piece.bound.clone()),
            face: None,
            visible,
        })
    }

    /// A change on a piece, `base` being the piece's own quad.
    fn face(&self, base: &Quad, piece: &Piece, change: &DeltaTexture) -> Option<Quad> {
        let (corners, visible) = self.part_of_crop(&change.bounds, change)?;
        let visible = visible.intersection(&base.visible);
        if visible.width() < 1.0 || visible.height() < 1.0 {
            return None;
        }
        let level = self.change_level(change);
        let is_exact = match change.kind {
            DeltaKind::Preview => false,
            // Where the screen is coarser than the change, what is drawn is a mean.
            DeltaKind::PhotoDenser { .. } => level <= 0.01,
            DeltaKind::CropDenser => self.zoom >= 0.9999,
        };
        let largest_detail = match change.kind {
            // A reduced photo has less grain.
            DeltaKind::PhotoDenser { grain } => {
                GRAIN_DEVIATIONS * grain * self.zoom.min(1.0) as f32
            }
            _ => -1.0,
        };
        let mut uniform = DrawUniform {
            corners,
            ..base.uniform
        };
        self.add_change(&mut uniform, piece, change);
        uniform.change[1] = largest_detail;
        Some(Quad {
            kind: match is_exact {
                true => Kind::ExactFace,
                false => Kind::SmoothFace,
            },
            uniform,
            piece: Some(piece.bound.clone()),
            face: Some(change.bound.clone()),
            visible,
        })
    }

    /// The changes that may meet another on the screen, and those that meet none.
    fn partition<'a>(
        &self,
        changes: &[&'a DeltaTexture],
    ) -> (Vec<&'a DeltaTexture>, Vec<&'a DeltaTexture>) {
        // A pixel of the screen shows what lies around it.
        let margin = 1.0 + self.zoom.recip();
        let places: Vec<_> = changes
            .iter()
            .map(|change| change.bounds_in_photo().inflated(margin))
            .collect();
        let is_shared = |index: usize, place: &Rect| {
            let others = places
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index);
            let mut overlaps = others.map(|(_, other)| place.intersection(other));
            overlaps.any(|overlap| overlap.width() > 0.0 && overlap.height() > 0.0)
        };
        let (shared, alone): (Vec<_>, Vec<_>) = changes
            .iter()
            .zip(places.iter().enumerate())
            .partition(|(_, (index, place))| is_shared(*index, place));
        let without_place = |changes: Vec<(&&'a DeltaTexture, _)>| {
            changes.into_iter().map(|(change, _)| *change).collect()
        };
        (without_place(shared), without_place(alone))
    }

    /// The pixels of the screen whose centres lie on a piece: each belongs to one tile alone, which adds
    /// the shares of the faces there.
    fn own_pixels(&self, piece: &Piece) -> Rect {
        let corners = piece.content.corners();
        let exact = Rect::around(&corners.map(|corner| self.screen_from_photo.apply(corner)));
        let first = |edge: f64| (edge - 0.5).ceil();
        Rect::new(
            first(exact.left),
            first(exact.top),
            first(exact.right),
            first(exact.bottom),
        )
    }

    /// A quad that adds the sum of these faces to a piece; `None` where there is nothing to add.
    fn sum(&self, base: &Quad, piece: &Piece, faces: &[Quad]) -> Option<Quad> {
        let visible = faces.iter().map(|face| face.visible);
        let visible = visible.reduce(|all, face| all.union(&face))?;
        let visible = visible.intersection(&self.own_pixels(piece));
        (visible.width() >= 1.0 && visible.height() >= 1.0).then(|| Quad {
            kind: Kind::SharedFaces,
            uniform: DrawUniform {
                corners: corners_of(&visible),
                ..base.uniform
            },
            piece: base.piece.clone(),
            face: None,
            visible,
        })
    }

    /// Forgets the shares of pieces below, where `sum` adds those of a piece.
    fn no_shares(&self, sum: &Quad) -> Quad {
        Quad {
            kind: Kind::NoShares,
            uniform: sum.uniform,
            piece: None,
            face: None,
            visible: sum.visible,
        }
    }

    /// A face on a piece, to be summed with others.
    fn share(&self, face: Quad, piece: &Piece) -> Quad {
        Quad {
            kind: match face.kind {
                Kind::ExactFace => Kind::ExactShare,
                _ => Kind::SmoothShare,
            },
            visible: face.visible.intersection(&self.own_pixels(piece)),
            ..face
        }
    }

    fn overlay(&self, piece: &Piece, overlay: &Overlay) -> Option<Quad> {
        let (width, height) = overlay.crop_size;
        let crop = Rect::new(-0.5, -0.5, f64::from(width) - 0.5, f64::from(height) - 0.5);
        let bounds = match overlay.opacities[2] > 0.0 {
            true => crop,
            false => overlay.change.bounds.inflated(2.0),
        };
        let (corners, visible) = self.part_of_crop(&bounds, &overlay.change)?;
        let mut uniform = DrawUniform {
            corners,
            overlay: overlay.opacities,
            ..self.uniform(piece)
        };
        self.add_change(&mut uniform, piece, &overlay.change);
        Some(Quad {
            kind: Kind::Overlays,
            uniform,
            piece: Some(piece.bound.clone()),
            face: Some(overlay.change.bound.clone()),
            visible,
        })
    }

    /// The level of a change that has as many pixels as the screen, at least 0 for the finest.
    fn change_level(&self, change: &DeltaTexture) -> f64 {
        let level = (change.change_from_photo.scale() / self.zoom).log2();
        level.clamp(0.0, f64::from(CHANGE_LEVELS - 1))
    }

    fn add_change(&self, uniform: &mut DrawUniform, piece: &Piece, change: &DeltaTexture) {
        let photo_from_local = Affine::translation(piece.origin);
        uniform.crop_from_local = rows(&(change.crop_from_photo * photo_from_local));
        uniform.change_from_local = rows(&(change.change_from_photo * photo_from_local));
        uniform.change_size = [
            change.size.0 as f32,
            change.size.1 as f32,
            (change.texture_size.0 as f32).recip(),
            (change.texture_size.1 as f32).recip(),
        ];
        uniform.weights = change.weights;
        uniform.change[0] = self.change_level(change) as f32;
        uniform.change[2] = f32::from(u8::from(change.is_grey));
    }

    /// The corners of a part of a crop on the screen, and the pixels around them that are visible.
    fn part_of_crop(&self, bounds: &Rect, change: &DeltaTexture) -> Option<([[f32; 2]; 4], Rect)> {
        if bounds.width() <= 0.0 || bounds.height() <= 0.0 {
            return None;
        }
        // Half a photo pixel more, so that squares are drawn as a whole.
        let screen_from_crop = self.screen_from_photo * change.photo_from_crop;
        let margin = 1.0 / change.photo_from_crop.scale() + 1.0 / screen_from_crop.scale();
        if !margin.is_finite() {
            return None;
        }
        let [top_left, bottom_left, bottom_right, top_right] = bounds
            .inflated(margin)
            .corners()
            .map(|corner| screen_from_crop.apply(corner));
        let around = Rect::around(&[top_left, top_right, bottom_left, bottom_right]);
        let whole = Rect::new(
            around.left.floor(),
            around.top.floor(),
            around.right.ceil(),
            around.bottom.ceil(),
        );
        let visible = whole.intersection(&self.pane.visible);
        let corners = [top_left, top_right, bottom_left, bottom_right];
        (visible.width() >= 1.0 && visible.height() >= 1.0).then(|| {
            (
                corners.map(|corner| [corner.x as f32, corner.y as f32]),
                visible,
            )
        })
    }
}
