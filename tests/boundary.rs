//! The committed boundary can be made again from the committed tables, and ranks as it should.

use std::path::{Path, PathBuf};

use jawline::training::{Table, recipe};
use ndarray::Array2;

fn boundaries(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("boundaries")
        .join(name)
}

#[test]
fn double_chin_boundary_is_reproduced_from_its_training_tables() {
    let codes: Array2<f32> = ndarray_npy::read_npy(boundaries("training/w.npy")).unwrap();
    let labels = Table::read(&boundaries("training/labels.csv")).unwrap();
    let committed: Array2<f32> = ndarray_npy::read_npy(boundaries("double_chin_w.npy")).unwrap();
    assert_eq!(committed.dim(), (1, 512));

    let fit = recipe::fit_double_chin(codes.view(), &labels).unwrap();

    let norm = committed.row(0).dot(&committed.row(0)).sqrt();
    assert!((norm - 1.0).abs() < 1e-5, "norm {norm}");
    let cosine = fit.boundary.row(0).dot(&committed.row(0));
    assert!(cosine >= 0.9999, "cosine {cosine}");
    let auc = fit.cross_validated_auc;
    assert!(auc >= 0.88, "cross-validated AUC {auc}");
}
