//! Photos without colour: a grey photo gets a grey retouch, whatever the networks draw.
//!
//! The crop decides, because it is what the photo shows around the face: a coloured date stamp in a
//! corner does not make a grey face coloured. A crop is grey when of every thousand pixels at most
//! one has channels that differ by more than four of 255 levels. A grey picture stored as a colour JPEG or
//! WebP differs by three at most: both chroma channels off by one step, and rounding.
//!
//! A toned photo (sepia, selenium, a faint warm print) is not grey. Its tone grows and fades with the
//! light, so an equal shift of all channels would not keep it; its edits keep their colours, and the
//! [`ColourField`](super::colour::ColourField) brings them into the photo's tone.

use image::Rgb32FImage;

/// Channels of a grey pixel differ by at most this much, in shares of the value range.
const LARGEST_SPREAD: f32 = 4.5 / 255.0;
/// One pixel in so many may differ more.
const PIXELS_PER_OUTLIER: usize = 1000;

/// Does the picture show no colour? Its values are in 0..=1. A picture without pixels is grey.
pub fn is_grey(picture: &Rgb32FImage) -> bool {
    let pixels = picture.pixels();
    let allowed = pixels.len() / PIXELS_PER_OUTLIER;
    // Stops early in a picture with colour, which most are.
    pixels
        .filter(|pixel| !is_pixel_grey(pixel.0))
        .nth(allowed)
        .is_none()
}

fn is_pixel_grey([red, green, blue]: [f32; 3]) -> bool {
    let spread = red.max(green).max(blue) - red.min(green).min(blue);
    spread <= LARGEST_SPREAD
}

/// Luminance of a colour, or of a change of colour (ITU-R BT.709).
pub fn luminance([red, green, blue]: [f32; 3]) -> f32 {
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    /// A ramp of light whose colours are made by `tone` from its level, 0 to 255.
    fn ramp(tone: impl Fn(f32, u32) -> [f32; 3]) -> Rgb32FImage {
        Rgb32FImage::from_fn(100, 50, |x, y| {
            let level = (2 * x + y) as f32;
            Rgb(tone(level, y * 100 + x).map(|value| value / 255.0))
        })
    }

    #[test]
    fn channels_within_the_noise_of_a_jpeg_are_grey() {
        assert!(is_grey(&ramp(|level, _| [level; 3])));
        assert!(is_grey(&ramp(|level, _| [level + 2.0, level, level - 2.0])));
        assert!(!is_grey(&ramp(|level, _| [
            level + 3.0,
            level,
            level - 2.0
        ])));
    }

    #[test]
    fn a_few_pixels_of_colour_do_not_count() {
        let spotted = |spots: u32| {
            ramp(move |level, index| match index < spots {
                true => [255.0, 0.0, 0.0],
                false => [level; 3],
            })
        };
        assert!(is_grey(&spotted(5)));
        assert!(!is_grey(&spotted(6)));
    }

    #[test]
    fn toned_and_coloured_pictures_are_not_grey() {
        // Sepia, and a print that is faintly warm.
        assert!(!is_grey(&ramp(|level, _| [
            1.07 * level,
            0.95 * level,
            0.77 * level
        ])));
        assert!(!is_grey(&ramp(|level, _| [
            1.02 * level,
            level,
            0.96 * level
        ])));
        assert!(!is_grey(&Rgb32FImage::from_pixel(
            9,
            9,
            Rgb([0.8, 0.6, 0.5])
        )));
        assert!(!is_grey(&Rgb32FImage::from_pixel(9, 9, Rgb([f32::NAN; 3]))));
    }
}
