use std::io::Write;

use proptest::prelude::*;

use super::*;

/// Writes dlib's serialisation, as far as the tests need it.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn integer(&mut self, number: i64) -> &mut Self {
        let magnitude = number.unsigned_abs().to_le_bytes();
        let length = magnitude
            .iter()
            .rposition(|b| *b != 0)
            .map_or(1, |last| last + 1);
        self.0
            .push(length as u8 | if number < 0 { 0x80 } else { 0 });
        self.0.extend(&magnitude[..length]);
        self
    }

    /// A float that is a multiple of 1/1024.
    fn float(&mut self, value: f32) -> &mut Self {
        self.integer((value * 1024.0) as i64).integer(-10)
    }

    fn column(&mut self, values: &[f32]) -> &mut Self {
        self.integer(-(values.len() as i64)).integer(-1);
        values.iter().for_each(|v| _ = self.float(*v));
        self
    }
}

/// Two landmarks, one cascade with one tree of one split, over two pixels.
fn tiny(first_pixel: i64, anchor: i64) -> Vec<u8> {
    let mut w = Writer::default();
    w.integer(1).column(&[0.25, 0.5, 0.75, 0.5]);
    w.integer(1).integer(1);
    w.integer(1).integer(first_pixel).integer(1).float(-3.5);
    w.integer(2)
        .column(&[0.5, 0.0, 0.0, 0.0])
        .column(&[0.0, 0.0, 0.0, -0.125]);
    w.integer(1).integer(2).integer(0).integer(anchor);
    w.integer(1)
        .integer(2)
        .float(0.125)
        .float(0.0)
        .float(-0.5)
        .float(1.0);
    w.0
}

fn parse(bytes: &[u8]) -> Result<ShapePredictor, Error> {
    ShapePredictor::parse(Path::new("shape.dat"), bytes)
}

#[test]
fn reads_every_part() {
    let expected = ShapePredictor {
        initial_shape: vec![[0.25, 0.5], [0.75, 0.5]],
        cascades: vec![Cascade {
            anchors: vec![0, 1],
            deltas: vec![[0.125, 0.0], [-0.5, 1.0]],
            trees: vec![Tree {
                splits: vec![Split {
                    first: 0,
                    second: 1,
                    threshold: -3.5,
                }],
                leaves: ndarray::array![[0.5, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, -0.125]],
            }],
        }],
    };
    assert_eq!(parse(&tiny(0, 1)).unwrap(), expected);
}

#[test]
fn unpacks_bzip2() {
    let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    packer.write_all(&tiny(0, 1)).unwrap();
    let packed = packer.finish().unwrap();
    assert_eq!(parse(&packed).unwrap(), parse(&tiny(0, 1)).unwrap());
    assert!(matches!(
        parse(&packed[..packed.len() / 2]),
        Err(Error::Malformed { .. })
    ));
}

#[test]
fn does_not_unpack_a_bomb() {
    let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    packer.write_all(&vec![0; 1 << 24]).unwrap();
    let bomb = packer.finish().unwrap();
    assert!(bomb.len() < 1 << 10);
    let message = parse(&bomb).unwrap_err().to_string();
    assert!(message.contains("unpacks to more than"), "{message}");
}

#[test]
fn refuses_every_truncation_and_any_excess() {
    let mut bytes = tiny(0, 1);
    for length in 0..bytes.len() {
        assert!(
            matches!(parse(&bytes[..length]), Err(Error::Truncated { .. })),
            "{length} bytes"
        );
    }
    bytes.push(0);
    assert!(matches!(parse(&bytes), Err(Error::Malformed { .. })));
}

#[test]
fn refuses_indices_that_point_nowhere() {
    let pixel = parse(&tiny(2, 1)).unwrap_err().to_string();
    assert!(
        pixel.contains("shape.dat") && pixel.contains("a split"),
        "{pixel}"
    );
    let anchor = parse(&tiny(0, 2)).unwrap_err().to_string();
    assert!(anchor.contains("an anchor"), "{anchor}");
}

#[test]
fn refuses_numbers_that_are_not_finite() {
    let mut w = Writer::default();
    w.integer(1)
        .integer(-2)
        .integer(-1)
        .integer(0)
        .integer(32002)
        .integer(1)
        .integer(32000);
    assert!(parse(&w.0).is_err());
}

#[test]
fn does_not_reserve_memory_for_a_lie() {
    let mut w = Writer::default();
    w.integer(1)
        .integer(-i64::MAX)
        .integer(-i64::MAX)
        .float(0.0);
    assert!(matches!(parse(&w.0), Err(Error::Truncated { .. })));
}

proptest! {
    #[test]
    fn never_panics_on_a_damaged_file(at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = tiny(0, 1);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = parse(&bytes) {
            prop_assert_eq!(read.initial_shape.len(), 2);
        }
    }

    #[test]
    fn never_panics_on_garbage(bytes: Vec<u8>) {
        _ = parse(&bytes);
    }
}
