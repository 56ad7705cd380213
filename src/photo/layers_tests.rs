//! A reader of our own, after the specification, looks at what was written.

use image::{ImageBuffer, Luma, Rgb};

use super::*;
use crate::photo::Overwrite;

/// Reads numbers of little-endian files.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, count: usize) -> &[u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take(2).try_into().unwrap())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    /// A sample, whose order is the same in all files.
    fn sample(&mut self) -> u16 {
        self.u16().swap_bytes()
    }

    fn i16(&mut self) -> i16 {
        self.u16() as i16
    }
}

/// What was read of a layer: sides, channels, name, whether it has a mask.
type Read = ([u32; 4], Vec<(i16, u32)>, String, bool);

fn record(reader: &mut Reader<'_>) -> Read {
    let sides = [(); 4].map(|()| reader.u32());
    let count = reader.u16();
    let channels = (0..count).map(|_| (reader.i16(), reader.u32())).collect();
    assert_eq!(reader.take(8), b"MIB8mron");
    assert_eq!(reader.take(4), [255, 0, 0, 0]);
    let extra = reader.u32() as usize;
    let before = reader.0.len();
    let mask = reader.u32();
    if mask > 0 {
        assert_eq!([(); 4].map(|()| reader.u32()), sides);
        reader.take(4);
    }
    let ranges = reader.u32() as usize;
    reader.take(ranges);
    let length = usize::from(reader.take(1)[0]);
    let name = String::from_utf8(reader.take(length).to_vec()).unwrap();
    let padding = extra - (before - reader.0.len());
    assert!(padding < 4, "{padding}");
    reader.take(padding);
    (sides, channels, name, mask > 0)
}

fn source_data(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    let mut header = Reader(&bytes[4..]);
    let mut directory = Reader(&bytes[header.u32() as usize..]);
    let tags: Vec<(u16, u16, u32, u32)> = (0..directory.u16())
        .map(|_| {
            (
                directory.u16(),
                directory.u16(),
                directory.u32(),
                directory.u32(),
            )
        })
        .collect();
    assert!(tags.is_sorted_by_key(|entry| entry.0), "{tags:?}");
    let (_, kind, length, offset) = *tags.iter().find(|entry| entry.0 == 37724).unwrap();
    assert_eq!(kind, 7);
    bytes[offset as usize..][..length as usize].to_vec()
}

#[test]
fn layers_follow_the_specification_and_the_picture_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let picture = ImageBuffer::from_fn(7, 5, |x, y| Rgb([x as u16 * 9000, y as u16 * 9000, 77]));
    let photo = Photo::from_pixels(DynamicImage::ImageRgb16(picture.clone()));
    let layers = [
        Layer {
            name: "Photo",
            left: 0,
            top: 0,
            pixels: picture.clone().into(),
            mask: None,
        },
        Layer {
            name: "Retouched neck",
            left: 2,
            top: 1,
            pixels: ImageBuffer::from_pixel(3, 2, Rgb([1_u16, 2, 3])).into(),
            mask: Some(ImageBuffer::from_fn(3, 2, |x, _| Luma([x as u8]))),
        },
    ];
    let options = SaveOptions::for_path(&path).unwrap();
    photo
        .save_layered(&path, &options, &layers, &mut |_| Ok(()))
        .unwrap();
    let loaded = Photo::load(&path, &Limits::default()).unwrap();
    assert_eq!(loaded.pixels(), photo.pixels());

    let data = source_data(&path);
    let rest = data.strip_prefix(HEADING).unwrap();
    let mut reader = Reader(rest);
    assert_eq!(reader.take(8), b"MIB861rL");
    assert_eq!(reader.u32() as usize, reader.0.len());
    assert_eq!(reader.i16(), 2);
    let bottom = record(&mut reader);
    let channels = |ids: &[i16], bytes| ids.iter().map(|&id| (id, bytes)).collect::<Vec<_>>();
    assert_eq!(
        bottom,
        (
            [0, 0, 5, 7],
            channels(&[0, 1, 2], 72),
            "Photo".to_owned(),
            false
        )
    );
    let top = record(&mut reader);
    let name = "Retouched neck".to_owned();
    assert_eq!(
        top,
        ([1, 2, 3, 5], channels(&[0, 1, 2, -2], 14), name, true)
    );
    let red: Vec<u16> = (0..36).map(|_| reader.sample()).collect();
    assert_eq!(red[0], 0, "not compressed");
    assert!(
        picture
            .pixels()
            .map(|pixel| pixel[0])
            .eq(red[1..].iter().copied())
    );
    reader.take(2 * 72 + 3 * 14);
    let mask: Vec<u16> = (0..7).map(|_| reader.sample()).collect();
    assert_eq!(mask, [0, 0, 257, 514, 0, 257, 514]);
    assert!(reader.0.len() < 4, "padding");
}

#[test]
fn a_grey_photo_has_grey_layers_in_sixteen_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let grey = DynamicImage::ImageLuma8(GrayImage::from_pixel(4, 3, Luma([200])));
    let photo = Photo::from_pixels(grey).sixteen_bit();
    let layer = Layer {
        name: "Photo",
        left: 0,
        top: 0,
        pixels: photo.pixels().clone(),
        mask: None,
    };
    let options = SaveOptions::for_path(&path).unwrap();
    photo
        .save_layered(&path, &options, &[layer], &mut |_| Ok(()))
        .unwrap();
    let data = source_data(&path);
    let mut reader = Reader(&data[HEADING.len() + 14..]);
    let (_, channels, ..) = record(&mut reader);
    assert_eq!(channels, [(0, 26)]);
    assert_eq!((reader.u16(), reader.sample()), (0, 200 * 257));
}

#[test]
fn what_is_there_is_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    std::fs::write(&path, b"mine").unwrap();
    let photo = Photo::from_pixels(DynamicImage::new_rgb16(2, 2));
    let options = SaveOptions {
        overwrite: Overwrite::Never,
        ..SaveOptions::for_path(&path).unwrap()
    };
    assert!(
        photo
            .save_layered(&path, &options, &[], &mut |_| Ok(()))
            .is_err()
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}

/// The pages of a file, as the `tiff` crate reads them: name, position in pixels, colours, samples.
fn pages(path: &Path) -> Vec<(String, [f64; 2], ::tiff::ColorType, Vec<u16>)> {
    use ::tiff::decoder::{Decoder, DecodingResult};
    use ::tiff::tags::Tag;
    let mut decoder = Decoder::new(File::open(path).unwrap()).unwrap();
    let mut pages = Vec::new();
    loop {
        let name = decoder.get_tag_ascii_string(Tag::Unknown(285)).unwrap();
        let mut position = |tag: u16| {
            let ratio = decoder.find_tag(Tag::Unknown(tag)).unwrap();
            let ratio = ratio.map(|it| it.into_u32_vec().unwrap());
            ratio.map_or(0.0, |it| f64::from(it[0]) * 72.0 / f64::from(it[1]))
        };
        let place = [position(286), position(287)];
        let colours = decoder.colortype().unwrap();
        let DecodingResult::U16(samples) = decoder.read_image().unwrap() else {
            panic!("{name}");
        };
        pages.push((name, place, colours, samples));
        if !decoder.more_images() {
            return pages;
        }
        decoder.next_image().unwrap();
    }
}

#[test]
fn layers_are_pages_too_with_their_names_places_and_masks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let result = ImageBuffer::from_fn(7, 5, |x, y| Rgb([x as u16 * 9000, y as u16 * 9000, 77]));
    let result = DynamicImage::ImageRgb16(result);
    let before = DynamicImage::ImageRgb16(ImageBuffer::from_pixel(7, 5, Rgb([5, 6, 7])));
    let layers = [
        Layer {
            name: "Photo",
            left: 0,
            top: 0,
            pixels: before.clone(),
            mask: None,
        },
        Layer {
            name: "Retouched neck",
            left: 2,
            top: 1,
            pixels: ImageBuffer::from_pixel(2, 1, Rgb([1_u16, 2, 3])).into(),
            mask: Some(ImageBuffer::from_fn(2, 1, |x, _| Luma([255 * x as u8]))),
        },
    ];
    let options = SaveOptions::for_path(&path).unwrap();
    Photo::from_pixels(result.clone())
        .save_layered(&path, &options, &layers, &mut |_| Ok(()))
        .unwrap();
    let rgb = |pixels: &DynamicImage| pixels.as_rgb16().unwrap().as_raw().clone();
    let neck = vec![1, 2, 3, 0, 1, 2, 3, u16::MAX];
    let expected = [
        ("Result", [0.0; 2], ::tiff::ColorType::RGB(16), rgb(&result)),
        ("Photo", [0.0; 2], ::tiff::ColorType::RGB(16), rgb(&before)),
        (
            "Retouched neck",
            [2.0, 1.0],
            ::tiff::ColorType::RGBA(16),
            neck,
        ),
    ];
    let expected =
        expected.map(|(name, place, kind, samples)| (name.to_owned(), place, kind, samples));
    assert_eq!(pages(&path), expected);
}
