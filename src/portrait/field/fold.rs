//! A flow that folds the photo over would show parts of it twice and mirrored: it is made smaller there.

use image::{GrayImage, Luma, Rgb32FImage};

use super::{GRID_SIZE, SHARES};
use crate::portrait::morphology::{box_blur, dilate};

/// The least share of its area that a cell of the grid may keep.
const LEAST_AREA: f32 = 0.2;
/// Cells around a fold whose flow becomes smaller with it, so that the flow stays smooth.
const AROUND_CELLS: u32 = 9;
/// By what share it becomes smaller, and how often, before the whole flow does.
const STEP: f32 = 0.15;
const STEPS: usize = 12;

/// Makes a flow (red and green, pixels of a crop of `crop_size`) smaller around folds until every cell of the grid keeps
/// [`LEAST_AREA`] of its area at the largest share, and so at all smaller ones.
pub(super) fn without_folds(motion: &mut Rgb32FImage, crop_size: u32) {
    for _ in 0..STEPS {
        let mut is_folded = false;
        let mut folds = GrayImage::new(GRID_SIZE, GRID_SIZE);
        for ((x, y), gradient) in cells(motion, crop_size) {
            if share_of_fold(gradient) < *SHARES.end() {
                is_folded = true;
                folds.put_pixel(x, y, Luma([255]));
            }
        }
        if !is_folded {
            return;
        }
        let around = box_blur(&dilate(&folds, AROUND_CELLS), AROUND_CELLS);
        for (motion, around) in motion.pixels_mut().zip(around.iter()) {
            shorten(motion, 1.0 - STEP * f32::from(*around) / 255.0);
        }
    }
    let first = cells(motion, crop_size)
        .map(|(_, gradient)| share_of_fold(gradient))
        .fold(f32::INFINITY, f32::min);
    let scale = (first / SHARES.end()).min(1.0);
    motion
        .pixels_mut()
        .for_each(|motion| shorten(motion, scale));
}

fn shorten(motion: &mut image::Rgb<f32>, scale: f32) {
    motion[0] *= scale;
    motion[1] *= scale;
}

/// Every cell, and the flow's gradient in it: change of x and y to the right, and downwards.
fn cells(
    motion: &Rgb32FImage,
    crop_size: u32,
) -> impl Iterator<Item = ((u32, u32), [[f32; 2]; 2])> {
    let cell_px = crop_size as f32 / GRID_SIZE as f32;
    let last = GRID_SIZE - 1;
    (0..last)
        .flat_map(move |y| (0..last).map(move |x| (x, y)))
        .map(move |(x, y)| {
            let here = motion.get_pixel(x, y);
            let gradient = [(x + 1, y), (x, y + 1)].map(|(x, y)| {
                let there = motion.get_pixel(x, y);
                [0, 1].map(|axis| (there[axis] - here[axis]) / cell_px)
            });
            ((x, y), gradient)
        })
}

/// The smallest share at which so little is left of a cell, whose area is 1 + trace·a + determinant·a² there; infinite
/// if there is none.
fn share_of_fold([right, down]: [[f32; 2]; 2]) -> f32 {
    let trace = right[0] + down[1];
    let determinant = right[0] * down[1] - right[1] * down[0];
    let lost = 1.0 - LEAST_AREA;
    let inside = trace * trace - 4.0 * determinant * lost;
    // The root that is nearer to 0, in the form that also holds for a determinant of 0.
    let share = 2.0 * lost / (inside.max(0.0).sqrt() - trace);
    match inside >= 0.0 && share > 0.0 {
        true => share,
        false => f32::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    const CROP_SIZE: u32 = 512;

    fn areas(motion: &Rgb32FImage, share: f32) -> impl Iterator<Item = f32> {
        cells(motion, CROP_SIZE).map(move |(_, [right, down])| {
            (1.0 + share * right[0]) * (1.0 + share * down[1]) - share * share * right[1] * down[0]
        })
    }

    #[test]
    fn a_gentle_flow_stays_as_it_is() {
        let flow = |x: u32, y: u32| Rgb([0.2 * x as f32, -0.1 * y as f32, 0.7]);
        let mut motion = Rgb32FImage::from_fn(GRID_SIZE, GRID_SIZE, flow);
        let before = motion.clone();
        without_folds(&mut motion, CROP_SIZE);
        assert_eq!(motion, before);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn no_share_of_a_flow_folds(
            waves in prop::array::uniform4(0.02..0.6f32),
            heights_px in prop::array::uniform2(-60.0..60.0f32),
            share in *SHARES.start()..=*SHARES.end(),
        ) {
            let mut motion = Rgb32FImage::from_fn(GRID_SIZE, GRID_SIZE, |x, y| {
                let (x, y) = (x as f32, y as f32);
                Rgb([
                    heights_px[0] * (waves[0] * x + waves[1] * y).sin(),
                    heights_px[1] * (waves[2] * x - waves[3] * y).cos(),
                    0.5,
                ])
            });
            without_folds(&mut motion, CROP_SIZE);
            let least = areas(&motion, share.max(0.0)).fold(f32::INFINITY, f32::min);
            prop_assert!(least > LEAST_AREA - 1e-3, "{least}");
            prop_assert!(motion.pixels().all(|pixel| pixel[2] == 0.5));
        }
    }
}
