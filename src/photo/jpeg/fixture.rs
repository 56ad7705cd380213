//! Small JPEG files of every kind, for tests.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};

use super::change::{self, Model, Pixels};
use super::frame::{Frame, FrameHeader};
use super::marker::{
    APP0, APP1, APP2, APP14, END_OF_IMAGE, Layout, QUANTISATION_TABLES, RESTART_INTERVAL,
    START_OF_IMAGE, START_OF_SCAN,
};
use super::write;
use crate::photo::exif;

/// What a file is to be like.
#[derive(Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    pub model: Model,
    /// Sampling factors of the first component; the others have 1×1, black those of the first.
    pub sampling: (u8, u8),
    pub is_progressive: bool,
    /// A scan for each component.
    pub is_apart: bool,
    pub restart_interval: u16,
    pub size: (u32, u32),
    pub orientation: Orientation,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.name, self.orientation)
    }
}

impl Kind {
    /// Colour, baseline, 4:2:0, sides that are no multiples of a block.
    pub const USUAL: Self = Self {
        name: "4:2:0",
        model: Model::YCbCr,
        sampling: (2, 2),
        is_progressive: false,
        is_apart: false,
        restart_interval: 0,
        size: (203, 149),
        orientation: Orientation::NoTransforms,
    };

    /// Two dozen kinds, all orientations among them.
    pub fn all() -> Vec<Self> {
        let usual = Self::USUAL;
        let mut kinds = vec![
            usual,
            Self {
                name: "4:2:2",
                sampling: (2, 1),
                ..usual
            },
            Self {
                name: "4:4:0",
                sampling: (1, 2),
                ..usual
            },
            Self {
                name: "4:4:4",
                sampling: (1, 1),
                ..usual
            },
            Self {
                name: "4:1:1",
                sampling: (4, 1),
                ..usual
            },
            Self {
                name: "whole blocks",
                size: (192, 128),
                ..usual
            },
            Self {
                name: "grey",
                model: Model::Grey,
                sampling: (1, 1),
                ..usual
            },
            Self {
                name: "grey, progressive",
                model: Model::Grey,
                sampling: (1, 1),
                is_progressive: true,
                ..usual
            },
            Self {
                name: "RGB",
                model: Model::Rgb,
                sampling: (1, 1),
                ..usual
            },
            Self {
                name: "CMYK",
                model: Model::Cmyk,
                sampling: (1, 1),
                ..usual
            },
            Self {
                name: "YCCK",
                model: Model::Ycck,
                sampling: (1, 1),
                ..usual
            },
            Self {
                name: "progressive",
                is_progressive: true,
                ..usual
            },
            Self {
                name: "progressive, 4:4:4",
                sampling: (1, 1),
                is_progressive: true,
                ..usual
            },
            Self {
                name: "restarts",
                restart_interval: 5,
                ..usual
            },
            Self {
                name: "progressive, restarts",
                is_progressive: true,
                restart_interval: 7,
                ..usual
            },
            Self {
                name: "scans apart",
                is_apart: true,
                ..usual
            },
            Self {
                name: "narrow",
                size: (17, 240),
                ..usual
            },
            Self {
                name: "low",
                size: (333, 9),
                sampling: (2, 1),
                ..usual
            },
        ];
        for number in 2..=8 {
            let orientation = Orientation::from_exif(number).unwrap();
            kinds.push(Self {
                name: "turned",
                orientation,
                ..usual
            });
        }
        kinds
    }

    /// A picture with texture, edges and colour, as it is stored.
    pub fn picture(&self) -> DynamicImage {
        let (width, height) = self.size;
        let mut state = 7u32;
        let mut noise = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as i32 % 12
        };
        let level = |value: i32| value.clamp(0, 255) as u8;
        match self.model {
            Model::Grey => GrayImage::from_fn(width, height, |x, y| {
                Luma([level((x * 2 + y % 40 * 3) as i32 % 220 + noise())])
            })
            .into(),
            _ => RgbImage::from_fn(width, height, |x, y| {
                let (x, y) = (x as i32, y as i32);
                let edge = if (x / 24 + y / 30) % 2 == 0 { 60 } else { 0 };
                Rgb([
                    60 + x / 3 + edge + noise(),
                    50 + y / 2 + noise(),
                    150 - x / 4 + edge,
                ]
                .map(level))
            })
            .into(),
        }
    }

    pub fn file(&self) -> Vec<u8> {
        let skeleton = self.skeleton();
        let layout = Layout::of(&skeleton).unwrap();
        let header = FrameHeader::of(&skeleton, &layout).unwrap();
        let mut frame = Frame::new(header, u64::MAX).unwrap();
        for component in &mut frame.components {
            component.steps = Some(steps());
        }
        if let Some(black) = frame.components.get_mut(3) {
            // Little black everywhere: a coefficient of a flat block is 8 times its level.
            black
                .coefficients
                .iter_mut()
                .for_each(|block| block[0] = 60);
        }
        let picture = self.picture();
        let grey = match self.model {
            Model::Grey => GrayImage::from_pixel(self.size.0, self.size.1, Luma([128])).into(),
            _ => DynamicImage::from(RgbImage::from_pixel(
                self.size.0,
                self.size.1,
                Rgb([128; 3]),
            )),
        };
        let stored = |pixels| Pixels::new(pixels, Orientation::NoTransforms).unwrap();
        change::apply(&mut frame, self.model, &stored(&grey), &stored(&picture)).unwrap();
        write::write(&skeleton, &layout, &frame, |_, segment| {
            write::segment(segment.marker, &skeleton[segment.content.clone()])
        })
        .unwrap()
    }

    /// All markers, without data and Huffman tables.
    fn skeleton(&self) -> Vec<u8> {
        let mut bytes = vec![0xFF, START_OF_IMAGE];
        let mut segment = |marker: u8, content: &[u8]| {
            bytes.extend(write::segment(marker, content).unwrap());
        };
        let ids: &[u8] = match self.model {
            Model::Grey => &[1],
            Model::Rgb => b"RGB",
            Model::YCbCr => &[1, 2, 3],
            Model::Cmyk | Model::Ycck => &[1, 2, 3, 4],
        };
        match self.model {
            Model::Grey | Model::YCbCr => segment(APP0, b"JFIF\0\x01\x02\x01\x01\x2C\x01\x2C\0\0"),
            Model::Rgb | Model::Cmyk => segment(APP14, b"Adobe\0\x64\0\0\0\0\0"),
            Model::Ycck => segment(APP14, b"Adobe\0\x64\0\0\0\0\x02"),
        }
        if self.orientation != Orientation::NoTransforms {
            let block = exif::only_orientation(self.orientation);
            segment(APP1, &[b"Exif\0\0", block.as_slice()].concat());
        }
        segment(0xFE, b"a comment");
        let table = steps().map(|step| step as u8);
        segment(QUANTISATION_TABLES, &[&[0], table.as_slice()].concat());
        let [w1, w0] = (self.size.0 as u16).to_be_bytes();
        let [h1, h0] = (self.size.1 as u16).to_be_bytes();
        let components = ids.iter().zip(0..).flat_map(|(&id, index)| {
            let (h, v) = if index % 3 == 0 {
                self.sampling
            } else {
                (1, 1)
            };
            [id, h << 4 | v, 0]
        });
        let components: Vec<u8> = components.collect();
        let marker = if self.is_progressive { 0xC2 } else { 0xC0 };
        let size = [8, h1, h0, w1, w0, ids.len() as u8];
        segment(marker, &[&size, components.as_slice()].concat());
        if self.restart_interval > 0 {
            segment(RESTART_INTERVAL, &self.restart_interval.to_be_bytes());
        }
        let mut scan = |ids: &[u8], band: [u8; 3]| {
            let selectors: Vec<u8> = (ids.iter())
                .flat_map(|&id| [id, if id > 1 { 0x11 } else { 0 }])
                .collect();
            let count = [ids.len() as u8];
            segment(
                START_OF_SCAN,
                &[&count, selectors.as_slice(), &band].concat(),
            );
        };
        match (self.is_progressive, self.is_apart) {
            (false, false) => scan(ids, [0, 63, 0]),
            (false, true) => ids.iter().for_each(|&id| scan(&[id], [0, 63, 0])),
            (true, _) => {
                scan(ids, [0, 0, 0x01]);
                for &id in ids {
                    scan(&[id], [1, 5, 0x02]);
                    scan(&[id], [6, 63, 0x02]);
                    scan(&[id], [1, 63, 0x21]);
                }
                scan(ids, [0, 0, 0x10]);
                ids.iter().for_each(|&id| scan(&[id], [1, 63, 0x10]));
            }
        }
        bytes.extend([0xFF, END_OF_IMAGE]);
        bytes
    }
}

/// Coarser for higher frequencies, in zigzag order.
fn steps() -> [u16; 64] {
    std::array::from_fn(|index| 6 + index as u16 / 2)
}

/// A picture with a directory of pictures that lie behind it, each with its attributes, and something behind them.
pub fn with_pictures(
    picture: &[u8],
    pictures: &[(u32, &[u8])],
    rest: &[u8],
    is_little: bool,
) -> Vec<u8> {
    let number = |value: u32| match is_little {
        true => value.to_le_bytes(),
        false => value.to_be_bytes(),
    };
    let short = |value: u16| match is_little {
        true => value.to_le_bytes(),
        false => value.to_be_bytes(),
    };
    let count = pictures.len() as u32 + 1;
    let list_at = 8 + 2 + 2 * 12 + 4;
    let segment_length = 4 + 4 + list_at as usize + 16 * count as usize;
    let end = picture.len() + segment_length;
    // The segment is the first, so positions count from behind its first 8 bytes and the start marker.
    let base = 2 + 4 + 4;
    let mut content = b"MPF\0".to_vec();
    content.extend(if is_little { b"II*\0" } else { b"MM\0*" });
    content.extend(number(8));
    content.extend(short(2));
    content.extend([&short(0xB001)[..], &short(4), &number(1), &number(count)].concat());
    content.extend(
        [
            &short(0xB002)[..],
            &short(7),
            &number(16 * count),
            &number(list_at),
        ]
        .concat(),
    );
    content.extend(number(0));
    let mut behind = Vec::new();
    let mut entry = |attributes: u32, size: usize, offset: usize| {
        content.extend(
            [attributes, size as u32, offset as u32, 0]
                .map(number)
                .concat(),
        );
    };
    entry(0x2003_0000, end, 0);
    for (attributes, bytes) in pictures {
        entry(*attributes, bytes.len(), end + behind.len() - base);
        behind.extend_from_slice(bytes);
    }
    let segment = write::segment(APP2, &content).unwrap();
    assert_eq!(segment.len(), segment_length);
    [&picture[..2], &segment, &picture[2..], &behind, rest].concat()
}
