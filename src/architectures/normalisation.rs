use ndarray::Array4;

use super::Error;
use crate::graph::{Graph, Value};

/// What a network expects of its input, in terms of RGB in [-1, 1]: `x · factor + offset` in each
/// channel, in the order red, green, blue; then, if `bgr`, the channels in reverse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalisation {
    /// By what each channel is multiplied.
    pub factor: [f32; 3],
    /// What is then added.
    pub offset: [f32; 3],
    /// Whether blue comes first.
    pub bgr: bool,
}

impl Normalisation {
    /// The input of the original VGG: BGR, 0–255, minus ImageNet's mean.
    pub const CAFFE: Self = Self::bgr_minus([103.939, 116.779, 123.68]);

    /// The input of the edge detector HED, as trained with Caffe.
    pub const HED: Self = Self::bgr_minus([104.007, 116.669, 122.679]);

    /// The input of torchvision's VGG as LPIPS takes it: RGB in [-1, 1], minus a mean, over a deviation.
    pub const LPIPS: Self = Self {
        factor: [1.0 / 0.458, 1.0 / 0.448, 1.0 / 0.450],
        offset: [0.030 / 0.458, 0.088 / 0.448, 0.188 / 0.450],
        bgr: false,
    };

    /// RGB in [0, 1] as it is.
    pub const UNIT_RANGE: Self = Self::of_unit_range([0.0; 3], [1.0; 3]);

    /// RGB in [0, 1], minus a mean, divided by a deviation.
    pub const fn of_unit_range(mean: [f32; 3], deviation: [f32; 3]) -> Self {
        let [r, g, b] = deviation;
        let [red, green, blue] = mean;
        Self {
            factor: [0.5 / r, 0.5 / g, 0.5 / b],
            offset: [(0.5 - red) / r, (0.5 - green) / g, (0.5 - blue) / b],
            bgr: false,
        }
    }

    /// BGR, 0–255, minus a mean in the order blue, green, red.
    const fn bgr_minus([blue, green, red]: [f32; 3]) -> Self {
        let offset = [127.5 - red, 127.5 - green, 127.5 - blue];
        Self {
            factor: [127.5; 3],
            offset,
            bgr: true,
        }
    }

    /// Appends factor and offset to `[n, 3, height, width]`. The order of the channels stays: a network
    /// that wants blue first reverses the channels of its first weights instead.
    pub(super) fn append(&self, graph: &mut Graph, image: Value) -> Result<Value, Error> {
        let per_channel =
            |numbers: [f32; 3]| Array4::from_shape_fn((1, 3, 1, 1), |at| numbers[at.1]);
        let factor = graph.constant("factor", per_channel(self.factor));
        let offset = graph.constant("offset", per_channel(self.offset));
        let scaled = graph.mul(image, factor)?;
        Ok(graph.add(scaled, offset)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_is_what_caffe_calls_white() {
        let Normalisation {
            factor,
            offset,
            bgr,
        } = Normalisation::CAFFE;
        assert!(bgr);
        for (channel, mean) in [123.68, 116.779, 103.939].into_iter().enumerate() {
            assert!((factor[channel] + offset[channel] - (255.0 - mean)).abs() < 1e-4);
        }
    }

    #[test]
    fn black_and_white_of_the_unit_range() {
        let Normalisation { factor, offset, .. } = Normalisation::of_unit_range([0.4; 3], [0.2; 3]);
        for channel in 0..3 {
            assert!(
                (offset[channel] - factor[channel] + 2.0).abs() < 1e-6,
                "0 → −2"
            );
            assert!(
                (offset[channel] + factor[channel] - 3.0).abs() < 1e-6,
                "1 → 3"
            );
        }
    }
}
