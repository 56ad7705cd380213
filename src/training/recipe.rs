//! How `boundaries/double_chin_w.npy` is made from the tables in `boundaries/training`.

use ndarray::ArrayView2;

use super::{Error, Fit, Nuisance, Options, Table, fit_conditioned_boundary};

/// Penalty of the double chin's own regression.
const PENALTY: f64 = 150.0;
/// Number of cross-validation folds.
const FOLDS: usize = 5;

/// The nuisances: columns of `labels.csv`, each with its penalty and counterweight.
///
/// Only what was still seen to change in edits of portraits outside the table got a counterweight:
/// hair, which grew behind the neck; lips, which parted; faces, which turned more masculine once hair
/// was held; and glasses, which grew thin (lean away from them: moving back then keeps them).
const NUISANCES: [(&str, f64, f64); 20] = [
    ("masculine", 5.0, 0.1),
    ("age", 5.0, 0.0),
    ("hair", 50.0, 0.18),
    ("glasses", 5.0, -0.1),
    ("beard", 5.0, 0.0),
    ("hat", 5.0, 0.0),
    ("yaw", 5.0, 0.0),
    ("pitch", 5.0, 0.0),
    ("roll", 5.0, 0.0),
    ("mouth_open", 5.0, 0.08),
    ("mouth_width", 5.0, 0.0),
    ("smile", 5.0, 0.0),
    ("eye_open", 5.0, 0.0),
    ("face_light", 5.0, 0.0),
    ("face_a", 5.0, 0.0),
    ("face_b", 5.0, 0.0),
    ("bg_light", 5.0, 0.0),
    ("side_light", 5.0, 0.0),
    ("side_texture", 5.0, 0.0),
    ("face_width", 5.0, 0.0),
];

/// Fits the double-chin boundary to W codes `[n, 512]` and their table of labels.
///
/// # Errors
/// [`Error::NoColumn`] for a table without one of the columns; what [`fit_conditioned_boundary`]
/// refuses.
pub fn fit_double_chin(codes: ArrayView2<'_, f32>, labels: &Table) -> Result<Fit, Error> {
    let nuisances = NUISANCES
        .iter()
        .map(|&(name, penalty, counterweight)| {
            let values = labels.column(name)?.to_vec();
            Ok(Nuisance {
                name: name.into(),
                values,
                penalty,
                counterweight,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let options = Options {
        penalty: PENALTY,
        folds: FOLDS,
    };
    fit_conditioned_boundary(codes, labels.column("double_chin")?, &nuisances, options)
}
