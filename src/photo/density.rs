//! How many pixels go on an inch of paper.

/// Pixels a unit of length, across and down, as fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Density {
    /// Across: numerator and denominator.
    pub x: (u32, u32),
    /// Down: numerator and denominator.
    pub y: (u32, u32),
    /// The unit of length.
    pub unit: DensityUnit,
}

/// The unit of a [`Density`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DensityUnit {
    /// No unit: only the shape of a pixel is given.
    None,
    /// Pixels an inch.
    Inch,
    /// Pixels a centimetre.
    Centimetre,
    /// Pixels a metre.
    Metre,
}

const METRES_PER_INCH: f64 = 0.0254;

impl Density {
    /// `None` where a fraction makes no sense, or where nothing is given (square pixels, no unit).
    pub fn new(x: (u32, u32), y: (u32, u32), unit: DensityUnit) -> Option<Self> {
        let is_sound = [x, y].iter().all(|(over, under)| *over > 0 && *under > 0);
        let is_square = u64::from(x.0) * u64::from(y.1) == u64::from(y.0) * u64::from(x.1);
        let tells = unit != DensityUnit::None || !is_square;
        (is_sound && tells).then_some(Self { x, y, unit })
    }

    /// That of the picture turned by a quarter.
    #[must_use]
    pub fn turned(self) -> Self {
        Self {
            x: self.y,
            y: self.x,
            ..self
        }
    }

    /// Pixels an inch, across and down; `None` without a unit.
    pub fn per_inch(self) -> Option<[f64; 2]> {
        let units_per_inch = match self.unit {
            DensityUnit::None => return None,
            DensityUnit::Inch => 1.0,
            DensityUnit::Centimetre => 1.0 / (100.0 * METRES_PER_INCH),
            DensityUnit::Metre => METRES_PER_INCH,
        };
        // A whole number of pixels a metre is as close as PNG comes to 300 an inch.
        let tolerance = match self.unit {
            DensityUnit::Metre => 0.5 * METRES_PER_INCH,
            _ => 0.005,
        };
        Some([self.x, self.y].map(|(over, under)| {
            let exact = f64::from(over) / f64::from(under) * units_per_inch;
            match exact.round() {
                whole if (exact - whole).abs() <= tolerance => whole,
                _ => exact,
            }
        }))
    }

    /// The fields of a JFIF segment: unit, across, down. `None` for what 16 bits cannot say.
    pub(in crate::photo) fn for_jfif(self) -> Option<(u8, u16, u16)> {
        let whole = |value: f64| {
            let rounded = value.round();
            (rounded >= 1.0 && rounded <= f64::from(u16::MAX)).then_some(rounded as u16)
        };
        let exact = |(over, under): (u32, u32)| f64::from(over) / f64::from(under);
        match self.unit {
            DensityUnit::None => Some((0, whole(exact(self.x))?, whole(exact(self.y))?)),
            DensityUnit::Centimetre => Some((2, whole(exact(self.x))?, whole(exact(self.y))?)),
            DensityUnit::Inch | DensityUnit::Metre => {
                let [x, y] = self.per_inch()?;
                Some((1, whole(x)?, whole(y)?))
            }
        }
    }

    /// The content of a `pHYs` chunk.
    pub(super) fn for_png(self) -> [u8; 9] {
        let per_metre = |(over, under): (u32, u32)| {
            let value = f64::from(over) / f64::from(under);
            match self.unit {
                DensityUnit::None | DensityUnit::Metre => value,
                DensityUnit::Inch => value / METRES_PER_INCH,
                DensityUnit::Centimetre => value * 100.0,
            }
        };
        let (x, y) = match (self.unit, self.x.1, self.y.1) {
            // Only the ratio counts: kept exactly.
            (DensityUnit::None, ..) => (self.x.0, self.y.0),
            _ => (
                per_metre(self.x).round() as u32,
                per_metre(self.y).round() as u32,
            ),
        };
        let mut content = [0; 9];
        content[..4].copy_from_slice(&x.to_be_bytes());
        content[4..8].copy_from_slice(&y.to_be_bytes());
        content[8] = u8::from(self.unit != DensityUnit::None);
        content
    }

    /// The fields of a TIFF directory: `ResolutionUnit`, `XResolution`, `YResolution`.
    pub(in crate::photo) fn for_tiff(self) -> (u16, (u32, u32), (u32, u32)) {
        match self.unit {
            DensityUnit::None => (1, self.x, self.y),
            DensityUnit::Inch => (2, self.x, self.y),
            DensityUnit::Centimetre => (3, self.x, self.y),
            DensityUnit::Metre => {
                let [x, y] = self.per_inch().unwrap_or([1.0, 1.0]);
                let fraction = |value: f64| match value == value.round() {
                    true => (value as u32, 1),
                    false => ((value * 10_000.0).round() as u32, 10_000),
                };
                (2, fraction(x), fraction(y))
            }
        }
    }

    /// Pixels a metre, as a BMP header tells them; `None` without a unit.
    pub(in crate::photo) fn per_metre(self) -> Option<[u32; 2]> {
        let [x, y] = self.per_inch()?;
        Some([x, y].map(|value| (value / METRES_PER_INCH).round() as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_hundred_pixels_an_inch_are_that_in_every_format() {
        let inch = Density::new((300, 1), (300, 1), DensityUnit::Inch).unwrap();
        assert_eq!(inch.for_jfif(), Some((1, 300, 300)));
        assert_eq!(inch.for_png()[..4], 11_811u32.to_be_bytes());
        assert_eq!(inch.for_tiff(), (2, (300, 1), (300, 1)));
        let metre = Density::new((11_811, 1), (11_811, 1), DensityUnit::Metre).unwrap();
        assert_eq!(metre.for_jfif(), Some((1, 300, 300)));
        assert_eq!(metre.for_png()[8], 1);
        assert_eq!(metre.for_tiff(), (2, (300, 1), (300, 1)));
        let centimetre = Density::new((1181, 10), (1181, 10), DensityUnit::Centimetre).unwrap();
        assert_eq!(centimetre.for_jfif(), Some((2, 118, 118)));
        assert_eq!(centimetre.for_png()[..4], 11_810u32.to_be_bytes());
    }

    #[test]
    fn what_tells_nothing_or_nonsense_is_none() {
        assert_eq!(Density::new((1, 1), (1, 1), DensityUnit::None), None);
        assert_eq!(Density::new((300, 0), (300, 1), DensityUnit::Inch), None);
        let wide = Density::new((4, 1), (3, 1), DensityUnit::None).unwrap();
        assert_eq!(wide.turned().for_jfif(), Some((0, 3, 4)));
        assert_eq!(wide.per_inch(), None);
    }
}
