//! How samples lie in a file: tiles of planes, bits in reverse.

use super::*;

/// A picture of 70×50 pixels whose planes are stored in tiles of 32×16, which end beyond its edges.
fn planes_in_tiles(order: Order, bits: u64) -> (Vec<u8>, RgbImage) {
    const TILE: (u32, u32) = (32, 16);
    let picture = RgbImage::from_fn(70, 50, |x, y| {
        Rgb([x as u8 * 3, y as u8 * 5, (x + y) as u8])
    });
    let mut page = page((70, 50), 2, bits, 3, &[]);
    page.entries.retain(|(tag, ..)| *tag != 278);
    let mut tiles = Vec::new();
    for plane in 0..3 {
        for (row, column) in (0..50u32.div_ceil(TILE.1))
            .flat_map(|row| (0..70u32.div_ceil(TILE.0)).map(move |column| (row, column)))
        {
            let mut tile = Vec::new();
            for (y, x) in (0..TILE.1).flat_map(|y| (0..TILE.0).map(move |x| (y, x))) {
                let at = (column * TILE.0 + x, row * TILE.1 + y);
                let sample = picture
                    .get_pixel_checked(at.0, at.1)
                    .map_or(0xEE, |it| it.0[plane]);
                tile.extend(order.bytes(
                    u64::from(sample) * if bits == 8 { 1 } else { 257 },
                    bits as usize / 8,
                ));
            }
            tiles.push(tile);
        }
    }
    // The tiles follow the header; their places are known before the directory is.
    let length = tiles[0].len() as u64;
    let places: Vec<u64> = (0..tiles.len() as u64)
        .map(|index| 8 + index * length)
        .collect();
    let page = page
        .with(284, SHORT, &[2])
        .with(322, SHORT, &[TILE.0.into()])
        .with(323, SHORT, &[TILE.1.into()])
        .with(324, LONG, &places)
        .with(325, LONG, &vec![length; tiles.len()]);
    let mark: &[u8] = if order == Order::Little {
        b"II*\0"
    } else {
        b"MM\0*"
    };
    let mut bytes = [mark, &[0; 4], &tiles.concat()].concat();
    let (at, _) = push(&mut bytes, order, false, &page);
    bytes[4..8].copy_from_slice(&order.bytes(at as u64, 4));
    (bytes, picture)
}

#[test]
fn planes_in_tiles_are_put_together() {
    for order in [Order::Little, Order::Big] {
        for bits in [8, 16] {
            let (bytes, picture) = planes_in_tiles(order, bits);
            let photo = load(&bytes).unwrap();
            assert_eq!(photo.pixels().to_rgb8(), picture, "{order:?} {bits}");
            let is_deep = matches!(photo.pixels(), DynamicImage::ImageRgb16(_));
            assert_eq!(is_deep, bits == 16);
        }
    }
}

#[test]
fn tiles_far_larger_than_the_picture_are_refused_before_memory_is_reserved() {
    let (bytes, _) = planes_in_tiles(Order::Little, 8);
    // The width and the height of a tile, as 16 bits.
    let at = |tag: u16| {
        let mark = [tag.to_le_bytes(), SHORT.to_le_bytes()].concat();
        bytes.windows(4).position(|it| it == mark).unwrap() + 8
    };
    let mut huge = bytes.clone();
    for tag in [322, 323] {
        let at = at(tag);
        huge[at..at + 2].copy_from_slice(&65_520u16.to_le_bytes());
    }
    let error = load(&huge).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    let mut none = bytes.clone();
    let at = at(322);
    none[at] = 0;
    load(&none).unwrap_err();
}

#[test]
fn bits_in_reverse_order_are_refused_by_name() {
    let error = little(&[rgb_page().with(266, SHORT, &[2])]).unwrap_err();
    assert!(
        error.to_string().contains("bits in reverse order"),
        "{error}"
    );
    little(&[rgb_page().with(266, SHORT, &[1])]).unwrap();
}

#[test]
fn a_mask_that_is_left_out_is_said() {
    let mask = page((6, 4), 4, 1, 1, &[0xFC; 4]).with(tag::NEW_SUBFILE_TYPE, LONG, &[4]);
    let photo = little(&[rgb_page(), mask.clone()]).unwrap();
    assert_eq!(photo.warnings(), [Warning::OtherPages(1)]);
    let thumbnail = page((2, 2), 2, 8, 3, &[9; 12]).with(tag::NEW_SUBFILE_TYPE, LONG, &[1]);
    let photo = little(&[mask, thumbnail, rgb_page()]).unwrap();
    assert_eq!(photo.pixels(), &colours().into());
    assert_eq!(photo.warnings(), [Warning::OtherPages(1)]);
}
