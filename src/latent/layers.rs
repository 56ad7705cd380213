//! Style layers of different generators, matched by the resolution that they drive.

use crate::architectures::stylegan2::layer_resolutions_px;

/// The resolution that each layer drives in the generator that has so many of them.
///
/// StyleGAN2 has an even number. The community generator shares no layer between a resolution's
/// to-RGB and the next one, so it has two layers at 4 px and three at each resolution from 8 px on:
/// 23 up to 512 px. A number that both could have is taken for StyleGAN2's.
pub fn resolutions_of_layers(layers: usize) -> Vec<usize> {
    if layers.is_multiple_of(2) || layers % 3 != 2 {
        return layer_resolutions_px(layers);
    }
    (0..layers).map(|layer| 4 << ((layer + 1) / 3)).collect()
}

/// For each layer of a generator the layer of another one that does the same work: the one at the
/// same place within the same resolution, or within the nearest resolution that the other has.
///
/// Both lists say which resolution each layer drives, coarse to fine, and are not empty.
pub fn layer_correspondence(to: &[usize], from: &[usize]) -> Vec<usize> {
    to.iter()
        .enumerate()
        .map(|(layer, &resolution)| {
            let nearest = from
                .iter()
                .copied()
                .min_by_key(|&other| other.max(resolution) / other.min(resolution).max(1))
                .unwrap_or(resolution);
            let counterparts = layers_of(nearest, from);
            let siblings = layers_of(resolution, to);
            let place = siblings
                .iter()
                .position(|&other| other == layer)
                .unwrap_or(0);
            // Three siblings on two counterparts: first → first, the others → second.
            let counterpart = (place * counterparts.len())
                .div_ceil(siblings.len())
                .min(counterparts.len().saturating_sub(1));
            counterparts.get(counterpart).copied().unwrap_or(0)
        })
        .collect()
}

/// The layers that drive this resolution.
fn layers_of(resolution: usize, resolutions: &[usize]) -> Vec<usize> {
    let layers = resolutions.iter().enumerate();
    let those = layers.filter(|(_, other)| **other == resolution);
    those.map(|(layer, _)| layer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMUNITY: [usize; 23] = [
        4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64, 128, 128, 128, 256, 256, 256, 512, 512,
        512,
    ];

    #[test]
    fn the_number_of_layers_tells_the_generator() {
        assert_eq!(resolutions_of_layers(23), COMMUNITY);
        assert_eq!(resolutions_of_layers(18), layer_resolutions_px(18));
        assert_eq!(resolutions_of_layers(8), layer_resolutions_px(8));
    }

    #[test]
    fn a_generator_corresponds_to_itself() {
        let same = layer_correspondence(&COMMUNITY, &COMMUNITY);
        assert_eq!(same, (0..23).collect::<Vec<_>>());
    }

    #[test]
    fn eighteen_layers_serve_twenty_three_by_resolution() {
        let map = layer_correspondence(&COMMUNITY, &layer_resolutions_px(18));
        assert_eq!(&map[..8], [0, 0, 1, 2, 2, 3, 4, 4]);
        assert_eq!(&map[20..], [13, 14, 14]);
        assert!(map.is_sorted());
    }
}
