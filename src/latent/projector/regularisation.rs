//! Noise regularisation: what keeps a picture from being written into the noise maps.

use super::super::Error;
use super::super::terms::{mean_square, sum};
use crate::graph::{Graph, Pool, Value};

/// Which auto-correlation of the noise maps is punished. Both look at every map and at its 2×2 means,
/// again and again until the side is at most 8 px.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Regularisation {
    /// As the reference has it: the mean of the squared products with the map shifted by one row
    /// and one column at once. For normalised noise it is near 1 a level, whatever the noise.
    #[default]
    Published,
    /// As the StyleGAN2 paper has it (Karras et al., CVPR 2020, appendix D): the squares of the mean
    /// products with the map shifted by one row, and by one column. It is near 0 for white noise.
    Paper,
}

/// The side at which the pyramid of a map ends.
const LEAST_SIDE_PX: usize = 8;

/// Appends the regularisation of noise maps `[1, 1, r, r]`, a scalar.
///
/// # Errors
/// [`Error::Graph`] when a map is no such map.
pub fn append_regularisation(
    graph: &mut Graph,
    maps: &[Value],
    regularisation: Regularisation,
) -> Result<Value, Error> {
    let mut terms = Vec::new();
    for &map in maps {
        let mut level = map;
        loop {
            terms.push(correlation(graph, level, regularisation)?);
            let side = graph.shape(level).last().copied().unwrap_or(0);
            if side <= LEAST_SIDE_PX {
                break;
            }
            level = graph.average_pool(level, Pool::tiles(2))?;
        }
    }
    sum(graph, &terms)
}

fn correlation(
    graph: &mut Graph,
    map: Value,
    regularisation: Regularisation,
) -> Result<Value, Error> {
    const ROWS: usize = 2;
    const COLUMNS: usize = 3;
    match regularisation {
        Regularisation::Published => {
            let lower = rolled(graph, map, ROWS)?;
            let shifted = rolled(graph, lower, COLUMNS)?;
            let product = graph.mul(map, shifted)?;
            mean_square(graph, product)
        }
        Regularisation::Paper => {
            let mut squares = Vec::new();
            for axis in [ROWS, COLUMNS] {
                let shifted = rolled(graph, map, axis)?;
                let product = graph.mul(map, shifted)?;
                let mean = graph.mean(product)?;
                squares.push(graph.mul(mean, mean)?);
            }
            sum(graph, &squares)
        }
    }
}

/// Moves every element one place up an axis; the last becomes the first.
fn rolled(graph: &mut Graph, map: Value, axis: usize) -> Result<Value, Error> {
    let extent = graph.shape(map).get(axis).copied().unwrap_or(0);
    let last = extent.saturating_sub(1);
    let end = graph.slice_axis(map, axis, last, extent)?;
    let rest = graph.slice_axis(map, axis, 0, last)?;
    Ok(graph.concat(&[end, rest], axis)?)
}
