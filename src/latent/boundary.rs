//! Boundaries: unit normals in latent space along which a code is moved.

use std::path::Path;
use std::sync::Arc;

use ndarray::{Array2, ArrayD, ArrayView2, Axis};

use super::boundary_file::MOST_LAYERS;
use super::{BoundaryFile, CODE_SIZE, Error, layer_correspondence, resolutions_of_layers};
use crate::checkpoint::npy;

/// Which space a boundary lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// One direction for all layers, `[1, 512]`: a *coarse* boundary.
    W,
    /// A direction of its own for each layer, `[1, L, 512]`: a *fine* boundary.
    WPlus {
        /// L, the number of layers.
        layers: usize,
    },
}

/// The boundaries that are built in.
#[derive(Debug, Clone)]
pub struct OwnBoundaries {
    /// [`Boundary::fine`], the default.
    pub fine: Arc<Boundary>,
    /// [`Boundary::coarse`].
    pub coarse: Arc<Boundary>,
}

impl OwnBoundaries {
    /// Reads them.
    ///
    /// # Errors
    /// As [`Boundary::coarse`].
    pub fn read() -> Result<Self, Error> {
        Ok(Self {
            fine: Arc::new(Boundary::fine()?),
            coarse: Arc::new(Boundary::coarse()?),
        })
    }
}

/// A boundary: one unit normal, or one a layer. It points to the side that *has* the double chin.
#[derive(Debug, Clone, PartialEq)]
pub struct Boundary {
    /// `[1, 512]` or `[L, 512]`, rows of unit norm.
    normals: Array2<f32>,
    /// How far a code moves for an alpha of 1.
    unit: f32,
    /// Layers that drive up to this resolution move, if the user wants no others.
    resolution_px: usize,
}

impl Boundary {
    /// In W, shape is decided by the layers that drive up to this resolution; those behind it hold the look.
    const COARSE_RESOLUTION_PX: usize = 16;
    /// Our fine boundary is good up to here; finer rows of it shift colours (`boundaries/README.md`).
    const FINE_RESOLUTION_PX: usize = 32;
    /// With this unit an alpha of −5 moves as far along our fine boundary as looks natural, like the
    /// published one.
    const FINE_UNIT: f32 = 0.4;
    /// The amount that suits most portraits, in per cent.
    pub const DEFAULT_AMOUNT: f32 = 75.0;
    /// How far an amount of 100 % moves along the boundary.
    const ALPHA_OF_FULL_AMOUNT: f32 = -5.0;

    /// The distance along the boundary of an amount in per cent: 0 leaves the portrait as it is, 100
    /// removes as much as looks natural.
    pub fn alpha_of_amount(amount: f32) -> f32 {
        Self::ALPHA_OF_FULL_AMOUNT * amount / 100.0
    }

    /// The amount, per cent, of a distance along the boundary; see [`alpha_of_amount`](Self::alpha_of_amount).
    pub fn amount_of_alpha(alpha: f32) -> f32 {
        100.0 * alpha / Self::ALPHA_OF_FULL_AMOUNT
    }

    /// How much of an edit is shown, 0 to 1: edits of less than 10 % fade out, so that an amount of 0
    /// changes nothing and the first step of the slider does not jump to what inversion missed.
    pub fn fade_weight(alpha: f32) -> f32 {
        let full = Self::alpha_of_amount(10.0).abs();
        (alpha.abs() / full).min(1.0)
    }

    /// Our own coarse boundary, `boundaries/double_chin_w.npy`. It slims the whole lower face.
    ///
    /// # Errors
    /// None in practice: the file is built in, and a test reads it.
    pub fn coarse() -> Result<Self, Error> {
        let bytes = include_bytes!("../../boundaries/double_chin_w.npy");
        Self::built_in("boundaries/double_chin_w.npy", bytes)
    }

    /// Our own fine boundary, `boundaries/double_chin_fine.npy`. It takes the double chin and leaves the face.
    ///
    /// # Errors
    /// As [`coarse`](Self::coarse).
    pub fn fine() -> Result<Self, Error> {
        let bytes = include_bytes!("../../boundaries/double_chin_fine.npy");
        Ok(Self {
            unit: Self::FINE_UNIT,
            resolution_px: Self::FINE_RESOLUTION_PX,
            ..Self::built_in("boundaries/double_chin_fine.npy", bytes)?
        })
    }

    /// What a user calls a boundary: `fine` and `coarse` are our own, all else is a [file](Self::read).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn named(name: &Path) -> Result<Self, Error> {
        match name.to_str() {
            Some("fine") => Self::fine(),
            Some("coarse") => Self::coarse(),
            _ => Self::read(name),
        }
    }

    fn built_in(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        let array = npy::parse_f32(Path::new(name), bytes).map_err(|error| Error::Read {
            path: name.into(),
            reason: error.to_string(),
        })?;
        Self::from_array(name, array)
    }

    /// Reads a boundary from a `.npy` file, or a folder in one of the reference's
    /// [layouts](super::Layout).
    ///
    /// # Errors
    /// What [`BoundaryFile::read`] and [`from_array`](Self::from_array) refuse.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = BoundaryFile::read(path)?;
        Self::from_array(&path.display().to_string(), file.array)
    }

    /// Makes a boundary of an array `[1, 512]`, `[512]`, `[L, 512]` or `[1, L, 512]`; its rows are
    /// brought to unit norm. `what` names it in messages.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NotFinite`], or [`Error::NoDirection`] for a row of zeros.
    pub fn from_array(what: &str, array: ArrayD<f32>) -> Result<Self, Error> {
        let shape = array.shape().to_vec();
        let wrong_shape = || Error::Shape {
            what: what.to_owned(),
            shape: shape.clone(),
            expected: "[1, 512] (W) or [1, L, 512] (W+)".to_owned(),
        };
        let rows = match shape[..] {
            [CODE_SIZE] => 1,
            [rows, CODE_SIZE] | [1, rows, CODE_SIZE] if (1..=MOST_LAYERS).contains(&rows) => rows,
            _ => return Err(wrong_shape()),
        };
        let mut normals = array
            .into_shape_with_order((rows, CODE_SIZE))
            .map_err(|_| wrong_shape())?;
        if normals.iter().any(|value| !value.is_finite()) {
            return Err(Error::NotFinite {
                what: what.to_owned(),
            });
        }
        for (row, mut normal) in normals.axis_iter_mut(Axis(0)).enumerate() {
            let norm = normal.dot(&normal).sqrt();
            // A norm of infinity comes from finite, absurd values.
            if norm == 0.0 || !norm.is_finite() {
                return Err(Error::NoDirection {
                    what: what.to_owned(),
                    row,
                });
            }
            normal /= norm;
        }
        Ok(Self {
            normals,
            unit: 1.0,
            resolution_px: Self::COARSE_RESOLUTION_PX,
        })
    }

    /// The space that the boundary lives in.
    pub fn space(&self) -> Space {
        match self.normals.nrows() {
            1 => Space::W,
            layers => Space::WPlus { layers },
        }
    }

    /// Layers that drive up to this resolution (pixels) move, if the user wants no others.
    pub fn resolution_px(&self) -> usize {
        self.resolution_px
    }

    /// The unit normals, `[1, 512]` or `[L, 512]`.
    pub fn normals(&self) -> ArrayView2<'_, f32> {
        self.normals.view()
    }

    /// The direction of each layer of a generator whose layers drive these resolutions (pixels),
    /// `[L, 512]`.
    ///
    /// A W boundary serves every generator that shares W. A W+ boundary of another number of layers
    /// belongs to the generator that [its number](resolutions_of_layers) tells, and is matched by
    /// resolution.
    pub fn for_layers(&self, layer_resolutions: &[usize]) -> Array2<f32> {
        let rows = match self.space() {
            Space::W => vec![0; layer_resolutions.len()],
            Space::WPlus { layers } if layers == layer_resolutions.len() => (0..layers).collect(),
            Space::WPlus { layers } => {
                layer_correspondence(layer_resolutions, &resolutions_of_layers(layers))
            }
        };
        self.normals.select(Axis(0), &rows)
    }

    /// Moves a code: `code + alpha · unit · normal` on every layer that drives at most `up_to_px`.
    /// The unit is 1, but 0.4 for our own [fine](Self::fine) boundary.
    ///
    /// `code` is `[L, 512]` with L = `layer_resolutions.len()`. A negative `alpha` removes the
    /// double chin; 0 gives the code back bit for bit.
    ///
    /// # Errors
    /// [`Error::Shape`] when the code has another number of layers.
    pub fn edit(
        &self,
        code: ArrayView2<'_, f32>,
        alpha: f32,
        layer_resolutions: &[usize],
        up_to_px: usize,
    ) -> Result<Array2<f32>, Error> {
        if code.shape() != [layer_resolutions.len(), CODE_SIZE] {
            return Err(Error::Shape {
                what: "the latent code".to_owned(),
                shape: code.shape().to_vec(),
                expected: format!("[{}, {CODE_SIZE}]", layer_resolutions.len()),
            });
        }
        let mut edited = code.to_owned();
        if alpha == 0.0 {
            return Ok(edited);
        }
        let directions = self.for_layers(layer_resolutions);
        for (layer, &resolution) in layer_resolutions.iter().enumerate() {
            if resolution <= up_to_px {
                edited
                    .row_mut(layer)
                    .scaled_add(alpha * self.unit, &directions.row(layer));
            }
        }
        Ok(edited)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, IxDyn};

    use super::*;

    fn along(component: usize) -> ArrayD<f32> {
        let mut array = ArrayD::zeros(IxDyn(&[1, CODE_SIZE]));
        array[[0, component]] = 3.0;
        array
    }

    #[test]
    fn a_w_boundary_moves_every_layer_up_to_a_resolution() {
        let boundary = Boundary::from_array("b", along(7)).unwrap();
        let code = Array2::ones((4, CODE_SIZE));
        let edited = boundary
            .edit(code.view(), -2.0, &[4, 8, 16, 32], 8)
            .unwrap();
        assert_eq!(edited.column(7).to_vec(), [-1.0, -1.0, 1.0, 1.0]);
        assert_eq!(edited.column(6).to_vec(), [1.0; 4]);
    }

    #[test]
    fn the_fine_boundary_has_a_unit_and_layers_of_its_own() {
        let (fine, coarse) = (Boundary::fine().unwrap(), Boundary::coarse().unwrap());
        assert_eq!((fine.resolution_px(), coarse.resolution_px()), (32, 16));
        let resolutions: Vec<usize> = resolutions_of_layers(23);
        let code = Array2::zeros((23, CODE_SIZE));
        let moved = |boundary: &Boundary| {
            let edited = boundary
                .edit(code.view(), -5.0, &resolutions, boundary.resolution_px())
                .unwrap();
            let lengths = edited.outer_iter().map(|row| row.dot(&row).sqrt());
            lengths.collect::<Vec<f32>>()
        };
        for (layer, length) in moved(&fine).into_iter().enumerate() {
            let expected = if layer <= 10 { 2.0 } else { 0.0 };
            assert!((length - expected).abs() < 1e-4, "{layer}: {length}");
        }
        assert!((moved(&coarse)[0] - 5.0).abs() < 1e-4);
    }

    #[test]
    fn alpha_zero_changes_no_bit() {
        let boundary = Boundary::from_array("b", along(0)).unwrap();
        let code = Array2::from_elem((2, CODE_SIZE), -0.0_f32);
        let edited = boundary.edit(code.view(), 0.0, &[4, 8], 8).unwrap();
        assert!(
            edited
                .iter()
                .all(|value| value.to_bits() == (-0.0_f32).to_bits())
        );
    }

    #[test]
    fn a_published_fine_boundary_is_matched_by_resolution() {
        let mut array = Array3::zeros((1, 18, CODE_SIZE));
        for layer in 0..18 {
            array[[0, layer, layer]] = 1.0;
        }
        let boundary = Boundary::from_array("b", array.into_dyn()).unwrap();
        assert_eq!(boundary.space(), Space::WPlus { layers: 18 });
        let directions = boundary.for_layers(&[4, 4, 8, 8, 8]);
        let moved: Vec<usize> = directions
            .rows()
            .into_iter()
            .map(|row| row.iter().position(|&x| x == 1.0).unwrap())
            .collect();
        assert_eq!(moved, [0, 0, 1, 2, 2]);
    }

    #[test]
    fn bad_boundaries_are_refused_by_name() {
        let refuse = |array: ArrayD<f32>| {
            Boundary::from_array("my.npy", array)
                .unwrap_err()
                .to_string()
        };
        let shape = refuse(ArrayD::ones(IxDyn(&[1, 256])));
        assert!(shape.contains("my.npy") && shape.contains("256"), "{shape}");
        assert!(refuse(ArrayD::from_elem(IxDyn(&[1, CODE_SIZE]), f32::NAN)).contains("NaN"));
        assert!(refuse(ArrayD::zeros(IxDyn(&[1, CODE_SIZE]))).contains("zeros"));
        assert!(refuse(ArrayD::ones(IxDyn(&[0, CODE_SIZE]))).contains("shape"));
    }

    #[test]
    fn a_code_of_another_generator_is_refused() {
        let boundary = Boundary::from_array("b", along(0)).unwrap();
        let code = Array2::zeros((18, CODE_SIZE));
        assert!(matches!(
            boundary.edit(code.view(), 1.0, &[4, 8], 8),
            Err(Error::Shape { .. })
        ));
    }
}
