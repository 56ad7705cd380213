//! Writes small sound files, from which the fuzzer starts, into `seeds/`.

use std::io::{Cursor, Write};
use std::path::Path;

use jawline_fuzz::checkpoint::npy;
use jawline_fuzz::graph::{Conv, DepthOrder, Error, Graph, PadMode, Pool};
use ndarray::{Array2, Array4};
use zip::write::SimpleFileOptions;

fn main() -> std::io::Result<()> {
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR"))?;
    for (name, bytes) in torch() {
        save("torch", name, &bytes)?;
    }
    for (name, bytes) in dlib() {
        save("dlib", name, &bytes)?;
    }
    for (name, bytes) in numpy() {
        save("npy", name, &bytes)?;
    }
    for name in ["keras.h5", "latest.h5", "loop.h5", "wide_chunks.h5"] {
        save(
            "hdf5",
            name,
            &std::fs::read(format!("../tests/fixtures/{name}"))?,
        )?;
    }
    let [xml, bin] = ["xml", "bin"].map(|end| format!("../tests/fixtures/generator.{end}"));
    save(
        "openvino",
        "generator",
        &openvino(&std::fs::read(bin)?, &std::fs::read(xml)?),
    )?;
    save("openvino", "sum", &openvino(&[0; 8], SUM.as_bytes()))?;
    for (target, name, bytes) in photos() {
        save(target, name, &bytes)?;
    }
    for (name, bytes) in onnx().map_err(std::io::Error::other)? {
        save("onnx", name, &bytes)?;
    }
    for name in ["libjpeg_progressive", "libjpeg_restarts", "libjpeg_grey"] {
        let bytes = std::fs::read(format!("../tests/fixtures/{name}.jpg"))?;
        save("jpeg", name, &bytes)?;
    }
    Ok(())
}

/// Small pictures with metadata, and the blocks in them.
fn photos() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let exif = b"II*\0\x08\0\0\0\x02\0\x0F\x01\x02\0\x04\0\0\0Jaw\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let xmp = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF \
        xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' \
        xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='6'/></rdf:RDF></x:xmpmeta>";
    let resources = b"8BIM\x04\x04\0\0\0\0\0\x09\x1C\x02\x50\0\x04Jane\0";
    let segment = |marker: u8, prefix: &str, content: &[u8]| {
        let length = (prefix.len() + content.len() + 2) as u16;
        let header = [&[0xFF, marker][..], &length.to_be_bytes()].concat();
        [&header[..], prefix.as_bytes(), content].concat()
    };
    let picture = image::DynamicImage::new_rgb8(3, 2);
    let encoded = |format| {
        let mut bytes = Cursor::new(Vec::new());
        // Into memory: nothing can fail.
        let _ = picture.write_to(&mut bytes, format);
        bytes.into_inner()
    };
    let jpeg = encoded(image::ImageFormat::Jpeg);
    let rich = [
        &b"\xFF\xD8"[..],
        &segment(0xE1, "Exif\0\0", exif),
        &segment(0xE1, "http://ns.adobe.com/xap/1.0/\0", xmp.as_bytes()),
        &segment(0xED, "Photoshop 3.0\0", resources),
        jpeg.get(2..).unwrap_or_default(),
    ]
    .concat();
    vec![
        ("jpeg_metadata", "plain", jpeg),
        ("jpeg_metadata", "rich", rich),
        ("png_metadata", "plain", encoded(image::ImageFormat::Png)),
        ("webp_metadata", "plain", encoded(image::ImageFormat::WebP)),
        ("tiff", "plain", tiff(&picture)),
        ("tiff", "float", tiff(&image::DynamicImage::new_rgb32f(3, 2))),
        ("tiff", "lab", lab(tiff(&picture))),
        ("metadata_blocks", "exif", exif.to_vec()),
        ("metadata_blocks", "xmp", xmp.into()),
        ("metadata_blocks", "resources", resources.to_vec()),
    ]
}

fn tiff(picture: &image::DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    // Into memory: nothing can fail.
    let _ = picture.write_to(&mut bytes, image::ImageFormat::Tiff);
    bytes.into_inner()
}

/// A TIFF file whose colours are said to be CIE L*a*b*.
fn lab(mut tiff: Vec<u8>) -> Vec<u8> {
    // PhotometricInterpretation, a number of 16 bits: RGB.
    const RGB: [u8; 10] = [0x06, 0x01, 3, 0, 1, 0, 0, 0, 2, 0];
    const LAB: u8 = 8;
    let at = tiff.windows(RGB.len()).position(|window| window == RGB);
    let value = at.and_then(|at| tiff.get_mut(at + 8));
    value.into_iter().for_each(|value| *value = LAB);
    tiff
}

fn save(target: &str, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let folder = Path::new("seeds").join(target);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(name), bytes)
}

/// A state dict with two tensors on two storages, a shared dictionary and other values, in both
/// serialisations.
fn torch() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| {
        [
            b"X",
            &(text.len() as u32).to_le_bytes()[..],
            text.as_bytes(),
        ]
        .concat()
    };
    let storage = |kind: &str, key: &str, count: u8| {
        let kind = format!("ctorch\n{kind}\n").into_bytes();
        [
            &b"("[..],
            &text("storage"),
            &kind,
            &text(key),
            &text("cpu"),
            &[b'K', count],
            b"NtQ",
        ]
        .concat()
    };
    let tensor = |storage: Vec<u8>, layout: &[u8]| {
        let hooks = b"\x89ccollections\nOrderedDict\n)RtR";
        [
            b"ctorch._utils\n_rebuild_tensor_v2\n(",
            &storage[..],
            b"K\x00",
            layout,
            hooks,
        ]
        .concat()
    };
    let pickle = |body: &[u8]| [b"\x80\x02", body, b"."].concat();
    let object = [
        &b"}q\x00("[..],
        &text("name"),
        &text("G"),
        &text("state_dict"),
        b"ccollections\nOrderedDict\n)Rq\x01(",
        &text("weight"),
        &tensor(storage("FloatStorage", "0", 6), b"K\x02K\x03\x86K\x01K\x02\x86"),
        &text("steps"),
        &tensor(storage("LongStorage", "1", 1), b"))"),
        b"u}",
        &text("_metadata"),
        b"}sb",
        &text("shared"),
        b"h\x01",
        &text("others"),
        b"](NG@\x09\x21\xfb\x54\x44\x2d\x18\x8a\x09\x01\x02\x03\x04\x05\x06\x07\x08\x09J\xff\xff\xff\xff\x88\x85e",
        b"u",
    ]
    .concat();
    let zeros = [0; 24];
    let legacy = [
        pickle(b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"),
        pickle(b"M\xe9\x03"),
        pickle(&[b"}", &text("little_endian")[..], b"\x88s"].concat()),
        pickle(&object),
        pickle(&[b"](", &text("0")[..], &text("1"), b"e"].concat()),
        [
            &6_i64.to_le_bytes()[..],
            &zeros,
            &1_i64.to_le_bytes(),
            &zeros[..8],
        ]
        .concat(),
    ];
    let entries = [
        ("net/data.pkl", pickle(&object)),
        ("net/byteorder", b"little".to_vec()),
        ("net/data/0", zeros.to_vec()),
        ("net/data/1", zeros[..8].to_vec()),
        ("net/version", b"3\n".to_vec()),
    ];
    vec![("legacy", legacy.concat()), ("zip", archive(&entries))]
}

fn archive(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in entries {
        let started = archive.start_file(*name, stored);
        started.expect("the names differ");
        archive.write_all(bytes).expect("memory can be written to");
    }
    archive
        .finish()
        .expect("memory can be written to")
        .into_inner()
}

/// Two landmarks, one cascade of one tree with one split, over two pixels.
fn dlib() -> Vec<(&'static str, Vec<u8>)> {
    let column = |values: usize| {
        [
            vec![0x81, values as u8, 0x81, 1],
            [1, 3, 0x81, 1].repeat(values),
        ]
        .concat()
    };
    let plain = [
        vec![1, 1],
        column(4),
        vec![1, 1, 1, 1],
        vec![1, 1, 1, 0, 1, 1, 1, 7, 1, 0],
        vec![1, 2],
        column(4),
        column(4),
        vec![1, 1, 1, 2, 1, 0, 1, 1],
        vec![1, 1, 1, 2],
        [1, 1, 1, 0].repeat(4),
    ]
    .concat();
    let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    packer.write_all(&plain).expect("memory can be written to");
    let packed = packer.finish().expect("memory can be written to");
    vec![("plain", plain), ("packed", packed)]
}

fn numpy() -> Vec<(&'static str, Vec<u8>)> {
    let numbers = Array2::from_shape_fn((2, 3), |(r, c)| (3 * r + c) as f32);
    let replace = |from: &str, to: &str| {
        let bytes = npy::to_bytes(&numbers);
        let at = bytes
            .windows(from.len())
            .position(|part| part == from.as_bytes());
        let at = at.expect("the header has this part");
        [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
    };
    vec![
        ("rows", npy::to_bytes(&numbers)),
        ("columns", replace("False", "True ")),
        ("doubles", replace("<f4", "<f8")),
        ("halves", replace("<f4", "<f2")),
        ("big_endian", replace("<f4", ">f4")),
        ("integers", npy::to_bytes(&numbers.mapv(|n| n as i64))),
    ]
}

fn openvino(bin: &[u8], xml: &[u8]) -> Vec<u8> {
    [&(bin.len() as u16).to_le_bytes(), bin, xml].concat()
}

const SUM: &str = r#"<net name="sum" version="11"><layers>
<layer id="0" name="x" type="Parameter"><output><port id="0"><dim>2</dim></port></output></layer>
<layer id="1" name="c" type="Const"><data element_type="f32" offset="0" size="8"/><output><port id="0"><dim>2</dim></port></output></layer>
<layer id="2" name="s" type="Add"><input><port id="0"/><port id="1"/></input><output><port id="2"><dim>2</dim></port></output></layer>
</layers><edges>
<edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>
<edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>
</edges></net>"#;

/// Our own operators, as this program writes them, and others, as exporters do.
fn onnx() -> Result<Vec<(&'static str, Vec<u8>)>, Error> {
    let mut graph = Graph::new("own");
    let x = graph.input("x", &[1, 4, 6, 6])?;
    let rows = graph.constant("rows", ndarray::arr1(&[0_i64, 0]));
    let weights = graph.constant("weights", Array4::<f32>::ones((8, 4, 3, 3)));
    let y = graph.conv(x, weights, None, Conv::padded(1))?;
    let y = graph.depth_to_space(y, 2, DepthOrder::ChannelFirst)?;
    let y = graph.space_to_depth(y, 3)?;
    let y = graph.clip(y, 0.0, 6.0)?;
    let y = graph.max_pool(y, Pool::tiles(2))?;
    let y = graph.upsample_nearest(y, 3)?;
    let y = graph.pad(y, &[0, 0, 1, 2], &[0, 1, 0, 0], PadMode::Constant(0.5))?;
    let y = graph.reduce_mean(y, &[0, 3], false)?;
    let y = graph.transpose(y, &[1, 0])?;
    let y = graph.gather(y, rows, 0)?;
    let parts = graph.split(y, 1, &[9, 10])?;
    let y = graph.concat(&parts, 1)?;
    let y = graph.slice_axis(y, 1, 3, 8)?;
    let zero = graph.scalar(0.0);
    let positive = graph.greater(y, zero)?;
    let y = graph.select(positive, y, zero)?;
    let y = graph.expand(y, &[3, 2, 5])?;
    let y = graph.reshape(y, &[6, 5])?;
    let y = graph.leaky_relu(y, 0.2)?;
    graph.output("y", y)?;
    let own = graph.to_onnx_bytes()?;
    Ok(vec![("own", own), ("exported", exported())])
}

/// `Constant`, `Shape`, `Gather`, `Concat`, `Reshape`, `Gemm` … on an input `x` [2, 3].
fn exported() -> Vec<u8> {
    let node = |operator: &str, inputs: &[&str], result: &str, attributes: &[Vec<u8>]| {
        let names = inputs.iter().map(|name| field(1, name.as_bytes()));
        let attributes = attributes.iter().map(|attribute| field(5, attribute));
        let parts: Vec<_> = names
            .chain([field(2, result.as_bytes()), field(4, operator.as_bytes())])
            .chain(attributes)
            .collect();
        field(1, &parts.concat())
    };
    let integer =
        |name: &str, value: u8| [field(1, name.as_bytes()), vec![0x18, value, 0xa0, 1, 2]].concat();
    let integers = |name: &str, values: &[u8]| {
        let tensor = [
            &[0x08, values.len() as u8, 0x10, 7][..],
            &field(7, values),
            &field(8, name.as_bytes()),
        ];
        field(5, &tensor.concat())
    };
    let kind = field(
        1,
        &[
            vec![0x08, 1],
            field(2, &[field(1, &[8, 2]), field(1, &[8, 3])].concat()),
        ]
        .concat(),
    );
    let graph = [
        node("Shape", &["x"], "shape", &[]),
        node("Gather", &["shape", "one"], "width", &[integer("axis", 0)]),
        node("Mul", &["width", "two"], "double", &[]),
        node("Unsqueeze", &["x", "one"], "deep", &[]),
        node("Squeeze", &["deep", "one"], "flat", &[]),
        node("Tile", &["flat", "twos"], "tiled", &[]),
        node("Flatten", &["tiled"], "matrix", &[integer("axis", 1)]),
        node(
            "Gemm",
            &["matrix", "matrix"],
            "product",
            &[integer("transB", 1)],
        ),
        node(
            "ReduceSum",
            &["product", "one"],
            "sum",
            &[integer("keepdims", 0)],
        ),
        node("Expand", &["sum", "twos_wide"], "wide", &[]),
        node("Slice", &["wide", "zero", "two", "one"], "slice", &[]),
        node("Split", &["slice", "split"], "first", &[]),
        integers("zero", &[0]),
        integers("one", &[1]),
        integers("two", &[2]),
        integers("twos", &[2, 2]),
        integers("twos_wide", &[4, 4]),
        integers("split", &[4]),
        field(11, &[field(1, b"x"), field(2, &kind)].concat()),
        field(12, &field(1, b"slice")),
    ];
    [
        vec![0x08, 9],
        field(7, &graph.concat()),
        field(8, &[0x10, 18]),
    ]
    .concat()
}

/// A length-delimited field of a protocol buffer.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let low = (length & 0x7f) as u8 | 0x80;
    [&[tag << 3 | 2, low, (length >> 7) as u8][..], content].concat()
}
