use serde::{Deserialize, Serialize};

use super::{Affine, Error, Point};

/// The 68 facial landmarks of the iBUG 300-W annotation, all finite.
///
/// "Left" and "right" are the viewer's. Serialised as a list of 68 `[x, y]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Point>", into = "Vec<Point>")]
pub struct Landmarks {
    points: [Point; Self::COUNT],
}

impl Landmarks {
    /// How many points the annotation has.
    pub const COUNT: usize = 68;
    /// Index of the chin's tip, in the middle of the jaw line.
    pub const CHIN: usize = 8;

    /// Takes the points in the annotation's order.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when a coordinate is NaN or infinite.
    pub fn new(points: [Point; Self::COUNT]) -> Result<Self, Error> {
        match points.iter().position(|point| !point.is_finite()) {
            Some(index) => Err(Error::NotFinite {
                index,
                x: points[index].x,
                y: points[index].y,
            }),
            None => Ok(Self { points }),
        }
    }

    /// All points in order.
    pub fn points(&self) -> &[Point; Self::COUNT] {
        &self.points
    }

    /// The jaw line, 0–16: from the left ear over the chin (8) to the right ear.
    pub fn jaw(&self) -> [Point; 17] {
        self.run::<0, 17>()
    }

    /// The tip of the chin, point 8.
    pub fn chin(&self) -> Point {
        self.points[Self::CHIN]
    }

    /// The brows, 17–26, from left to right.
    pub fn brows(&self) -> [Point; 10] {
        self.run::<17, 10>()
    }

    /// The nose, 27–35: bridge downwards, then nostrils from left to right.
    pub fn nose(&self) -> [Point; 9] {
        self.run::<27, 9>()
    }

    /// The outline of the eye on the left of the picture, 36–41.
    pub fn eye_left(&self) -> [Point; 6] {
        self.run::<36, 6>()
    }

    /// The outline of the eye on the right of the picture, 42–47.
    pub fn eye_right(&self) -> [Point; 6] {
        self.run::<42, 6>()
    }

    /// The mouth, 48–67: outer lip line from the left corner (48) over the right corner (54), then
    /// the inner lip line.
    pub fn mouth(&self) -> [Point; 20] {
        self.run::<48, 20>()
    }

    /// The landmarks after `map`.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when the map takes a point out of the range of numbers.
    pub fn mapped(&self, map: &Affine) -> Result<Self, Error> {
        Self::new(self.points.map(|point| map.apply(point)))
    }

    fn run<const FIRST: usize, const LENGTH: usize>(&self) -> [Point; LENGTH] {
        const { assert!(FIRST + LENGTH <= Self::COUNT) };
        std::array::from_fn(|i| self.points[FIRST + i])
    }
}

impl TryFrom<Vec<Point>> for Landmarks {
    type Error = Error;

    fn try_from(points: Vec<Point>) -> Result<Self, Error> {
        let got = points.len();
        Self::new(
            points
                .try_into()
                .map_err(|_| Error::LandmarkCount { got })?,
        )
    }
}

impl From<Landmarks> for Vec<Point> {
    fn from(landmarks: Landmarks) -> Self {
        landmarks.points.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered() -> Landmarks {
        Landmarks::new(std::array::from_fn(|i| Point::new(i as f64, 0.0))).unwrap()
    }

    #[test]
    fn parts_cover_the_face_in_order() {
        let landmarks = numbered();
        let parts: Vec<Point> = [
            landmarks.jaw().as_slice(),
            &landmarks.brows(),
            &landmarks.nose(),
            &landmarks.eye_left(),
            &landmarks.eye_right(),
            &landmarks.mouth(),
        ]
        .concat();
        assert_eq!(parts, landmarks.points());
        assert_eq!(landmarks.chin(), Point::new(8.0, 0.0));
    }

    #[test]
    fn wrong_numbers_are_refused() {
        let short = vec![Point::default(); 5];
        assert_eq!(
            Landmarks::try_from(short),
            Err(Error::LandmarkCount { got: 5 })
        );
        let mut points = *numbered().points();
        points[3].y = f64::NAN;
        assert!(matches!(
            Landmarks::new(points),
            Err(Error::NotFinite { index: 3, .. })
        ));
    }

    #[test]
    fn json_round_trip() {
        let json = serde_json::to_string(&numbered()).unwrap();
        assert!(json.starts_with("[[0.0,0.0],[1.0,0.0],"));
        assert_eq!(
            serde_json::from_str::<Landmarks>(&json).unwrap(),
            numbered()
        );
        assert!(serde_json::from_str::<Landmarks>("[[1.0,2.0]]").is_err());
    }
}
