//! Makes `boundaries/double_chin_w.npy` from `boundaries/training`:
//! `cargo run --release --example fit_double_chin`.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;

use jawline::training::{Table, recipe};
use ndarray::Array2;

fn main() -> Result<(), Box<dyn Error>> {
    let boundaries = Path::new(env!("CARGO_MANIFEST_DIR")).join("boundaries");
    let codes: Array2<f32> = ndarray_npy::read_npy(boundaries.join("training/w.npy"))?;
    let labels = Table::read(&boundaries.join("training/labels.csv"))?;

    let fit = recipe::fit_double_chin(codes.view(), &labels)?;

    ndarray_npy::write_npy(boundaries.join("double_chin_w.npy"), &fit.boundary)?;
    println!(
        "cross-validated AUC {:.4}, intercept {:.4}",
        fit.cross_validated_auc, fit.intercept
    );
    Ok(())
}
