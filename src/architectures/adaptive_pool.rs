use ndarray::Array2;

use super::Error;
use crate::graph::{Graph, Pool, ResizeCoordinates, ResizeMode, Value};

/// Average pooling of `[n, c, height, width]` to any height and width, as PyTorch's
/// `AdaptiveAvgPool2d`: bin `i` of `m` covers the elements `⌊i·n/m⌋ .. ⌈(i+1)·n/m⌉` of `n`.
///
/// Bins may overlap, and an enlargement repeats elements.
///
/// # Errors
/// [`Error::Graph`] if the value is not a picture, or a size is zero.
pub fn adaptive_average_pool(
    graph: &mut Graph,
    image: Value,
    size: [usize; 2],
) -> Result<Value, Error> {
    let &[batch, channels, height, width] = graph.shape(image) else {
        return refused(graph, image, size);
    };
    if size.contains(&0) {
        return refused(graph, image, size);
    }
    if [height, width] == size {
        return Ok(image);
    }
    if height % size[0] == 0 && width % size[1] == 0 {
        let kernel = [height / size[0], width / size[1]];
        return Ok(graph.average_pool(
            image,
            Pool {
                kernel,
                strides: kernel,
                pads: [0; 4],
            },
        )?);
    }
    // Averages of rows and of columns are matrix products.
    let columns = graph.constant("columns", averages(width, size[1]).reversed_axes());
    let rows = graph.constant("rows", averages(height, size[0]));
    let flat = graph.reshape(image, &[batch * channels, height, width])?;
    let narrowed = graph.matmul(flat, columns)?;
    let pooled = graph.matmul(rows, narrowed)?;
    Ok(graph.reshape(pooled, &[batch, channels, size[0], size[1]])?)
}

/// What the shape inference says of a value that cannot get that size.
fn refused(graph: &mut Graph, image: Value, size: [usize; 2]) -> Result<Value, Error> {
    Ok(graph.resize(
        image,
        ResizeMode::Linear,
        ResizeCoordinates::HalfPixel,
        size,
    )?)
}

/// The matrix `[to, from]` that takes `from` elements to their averages in `to` bins.
fn averages(from: usize, to: usize) -> Array2<f32> {
    Array2::from_shape_fn((to, from), |(bin, element)| {
        let bounds = (bin * from / to)..((bin + 1) * from).div_ceil(to);
        if bounds.contains(&element) {
            1.0 / bounds.len() as f32
        } else {
            0.0
        }
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn bins_are_those_of_pytorch() {
        let third = 1.0 / 3.0;
        assert_eq!(
            averages(5, 2),
            array![[third, third, third, 0., 0.], [0., 0., third, third, third]]
        );
        assert_eq!(averages(2, 3), array![[1., 0.], [0.5, 0.5], [0., 1.]]);
    }

    #[test]
    fn takes_the_cheapest_way() {
        let ops = |size| {
            let mut graph = Graph::new("pool");
            let image = graph.input("image", &[1, 3, 8, 12]).unwrap();
            let pooled = adaptive_average_pool(&mut graph, image, size).unwrap();
            assert_eq!(graph.shape(pooled), [1, 3, size[0], size[1]]);
            graph
                .nodes()
                .iter()
                .map(|node| node.op.name())
                .collect::<Vec<_>>()
        };
        assert_eq!(ops([8, 12]), [] as [&str; 0]);
        assert_eq!(ops([4, 4]), ["AveragePool"]);
        assert_eq!(ops([16, 5]), ["Reshape", "MatMul", "MatMul", "Reshape"]);
    }

    #[test]
    fn refuses_what_is_not_a_picture() {
        let mut graph = Graph::new("pool");
        let code = graph.input("code", &[18, 512]).unwrap();
        assert!(adaptive_average_pool(&mut graph, code, [4, 4]).is_err());
        let image = graph.input("image", &[1, 3, 8, 8]).unwrap();
        assert!(adaptive_average_pool(&mut graph, image, [0, 4]).is_err());
    }
}
