//! Files that are as they should be, and files that are not.

use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use ndarray::array;
use proptest::prelude::*;

use super::*;

/// Pickles a tensor of 32-bit floats, stored under `key`, as protocol 2 spells it.
fn tensor(key: &str, numel: u8, shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let tuple = |numbers: &[u8]| {
        let numbers = numbers.iter().flat_map(|n| [b'K', *n]).collect();
        [b"(".to_vec(), numbers, b"t".to_vec()].concat()
    };
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n(".to_vec(),
        storage("FloatStorage", key, numel.into()),
        vec![b'K', 0],
        tuple(shape),
        tuple(strides),
        vec![0x89],
        b"ccollections\nOrderedDict\n)RtR".to_vec(),
    ]
    .concat()
}

/// Pickles a storage of `count` numbers.
fn storage(kind: &str, key: &str, count: i32) -> Vec<u8> {
    [
        b"(".to_vec(),
        string("storage"),
        format!("ctorch\n{kind}\n").into_bytes(),
        string(key),
        string("cpu"),
        b"J".to_vec(),
        count.to_le_bytes().to_vec(),
        b"NtQ".to_vec(),
    ]
    .concat()
}

fn string(text: &str) -> Vec<u8> {
    [
        b"X",
        (text.len() as u32).to_le_bytes().as_slice(),
        text.as_bytes(),
    ]
    .concat()
}

fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items = entries
        .iter()
        .flat_map(|(key, value)| [string(key), value.clone()].concat());
    [b"}(".to_vec(), items.collect(), b"u".to_vec()].concat()
}

fn pickle(body: &[u8]) -> Vec<u8> {
    [&[0x80, 2], body, b"."].concat()
}

/// A legacy file: magic number, protocol, system, the object, the storages' keys and bytes.
fn legacy(object: &[u8], storages: &[(&str, &[f32])]) -> Vec<u8> {
    let magic = [
        0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19,
    ];
    let system = dict(&[("little_endian", vec![0x88])]);
    let keys = storages.iter().flat_map(|(key, _)| string(key)).collect();
    let mut bytes = [
        pickle(&magic),
        pickle(&[b'M', 0xe9, 0x03]),
        pickle(&system),
        pickle(object),
        pickle(&[b"](".to_vec(), keys, b"e".to_vec()].concat()),
    ]
    .concat();
    for (_, values) in storages {
        bytes.extend((values.len() as i64).to_le_bytes());
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    }
    bytes
}

fn sample() -> Vec<u8> {
    let inner = dict(&[("const", tensor("7", 6, &[2, 3], &[1, 2]))]);
    let object = dict(&[
        ("name", string("Generator")),
        ("G", dict(&[("state_dict", inner)])),
        ("bias", tensor("8", 1, &[1], &[1])),
    ]);
    legacy(&object, &[("7", &[1., 2., 3., 4., 5., 6.]), ("8", &[-0.5])])
}

fn archive(method: zip::CompressionMethod, entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in entries {
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn read_bytes(bytes: &[u8]) -> Result<Tensors, Error> {
    parse(Path::new("net.pth"), Cursor::new(bytes))
}

/// What is said about a legacy file with this object and no storage.
fn refusal(object: &[u8]) -> String {
    read_bytes(&legacy(object, &[])).unwrap_err().to_string()
}

#[test]
fn flattens_the_dictionaries_of_a_legacy_file() {
    let tensors = read_bytes(&sample()).unwrap();
    assert_eq!(tensors.len(), 2);
    let expected = array![[1., 3., 5.], [2., 4., 6.]].into_dyn();
    assert_eq!(
        tensors.get("G.state_dict.const"),
        Some(&expected),
        "strides are heeded"
    );
    assert_eq!(tensors.get("bias"), Some(&array![-0.5].into_dyn()));
}

#[test]
fn reads_zip_files() {
    let object = dict(&[("bias", tensor("0", 2, &[2], &[1]))]);
    let bytes = [1f32, 2.].iter().flat_map(|v| v.to_le_bytes()).collect();
    let entries = [
        ("net/data.pkl", pickle(&object)),
        ("net/byteorder", b"little".to_vec()),
        ("net/data/0", bytes),
        ("net/version", b"3\n".to_vec()),
    ];
    let sound = archive(zip::CompressionMethod::Stored, &entries);
    let tensors = read_bytes(&sound).unwrap();
    assert_eq!(tensors.get("bias"), Some(&array![1., 2.].into_dyn()));
    for length in 0..sound.len() {
        assert!(read_bytes(&sound[..length]).is_err(), "{length} bytes");
    }

    let packed = archive(zip::CompressionMethod::Deflated, &entries);
    let message = read_bytes(&packed).unwrap_err().to_string();
    assert!(message.contains("is compressed"), "{message}");

    let mut other_order = entries.clone();
    other_order[1].1 = b"big".to_vec();
    let other_order = archive(zip::CompressionMethod::Stored, &other_order);
    let message = read_bytes(&other_order).unwrap_err().to_string();
    assert!(message.contains("little-endian"), "{message}");

    let at = sound
        .windows(8)
        .position(|part| part == [0, 0, 128, 63, 0, 0, 0, 64]);
    let mut tampered = sound;
    tampered[at.unwrap()] = 1;
    let message = read_bytes(&tampered).unwrap_err().to_string();
    assert!(message.contains("`data/0`"), "{message}");
}

#[test]
fn reads_every_type_of_number() {
    let cases: [(&str, &[u8]); 10] = [
        ("DoubleStorage", &(-2f64).to_le_bytes()),
        ("FloatStorage", &(-2f32).to_le_bytes()),
        ("HalfStorage", &[0x00, 0xc0]),
        ("BFloat16Storage", &[0x00, 0xc0]),
        ("LongStorage", &(-2i64).to_le_bytes()),
        ("IntStorage", &(-2i32).to_le_bytes()),
        ("ShortStorage", &(-2i16).to_le_bytes()),
        ("CharStorage", &[0xfe]),
        ("ByteStorage", &[254]),
        ("BoolStorage", &[1]),
    ];
    for (kind, bytes) in cases {
        let function = b"ctorch._utils\n_rebuild_tensor\n(".to_vec();
        let scalar = [function, storage(kind, "0", 1), b"K\0))tR".to_vec()].concat();
        let entries = [
            ("data.pkl", pickle(&dict(&[("n", scalar)]))),
            ("data/0", bytes.to_vec()),
        ];
        let file = archive(zip::CompressionMethod::Stored, &entries);
        let expected = match kind {
            "ByteStorage" => 254.,
            "BoolStorage" => 1.,
            _ => -2.,
        };
        let tensors = read_bytes(&file).unwrap();
        let expected = ndarray::arr0(expected).into_dyn();
        assert_eq!(tensors.get("n"), Some(&expected), "{kind}");
    }
}

#[test]
fn what_is_shared_has_all_its_names() {
    // The dictionary is remembered before it has entries, as pickles do.
    let object = [
        b"}(".to_vec(),
        string("a"),
        b"}q\x01".to_vec(),
        string("w"),
        tensor("7", 1, &[1], &[1]),
        b"s".to_vec(),
        string("b"),
        b"h\x01u".to_vec(),
    ];
    let tensors = read_bytes(&legacy(&object.concat(), &[("7", &[3.])])).unwrap();
    let names: Vec<_> = tensors.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a.w", "b.w"]);
}

#[test]
fn parameters_attributes_and_other_protocols_are_understood() {
    let parameter = [
        b"ctorch._utils\n_rebuild_parameter\n(".to_vec(),
        tensor("7", 1, &[1], &[1]),
        b"\x88ccollections\nOrderedDict\n)RtR".to_vec(),
    ];
    // Before torch.nn.parameter.Parameter had a function of its own.
    let older = [
        b"ctorch.nn.parameter\nParameter\n".to_vec(),
        tensor("7", 1, &[1], &[1]),
        b"\x85\x81(\x88\x89}tb".to_vec(),
    ];
    let ordered = [
        b"\x95\0\0\0\0\0\0\0\0\x8c\x0bcollections\x8c\x0bOrderedDict\x93)\x81(".to_vec(),
        string("p"),
        parameter.concat(),
        string("q"),
        older.concat(),
        b"u}".to_vec(),
        string("_metadata"),
        b"}sb".to_vec(),
    ];
    let tensors = read_bytes(&legacy(&ordered.concat(), &[("7", &[3.])])).unwrap();
    let names: Vec<_> = tensors.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["p", "q"]);
}

#[test]
fn refuses_foreign_objects_by_name() {
    let call = [
        b"cposix\nsystem\n(".to_vec(),
        string("true"),
        b"tR".to_vec(),
    ]
    .concat();
    let reference = b"csubprocess\nPopen\n".to_vec();
    let by_text = b"\x8c\x08builtins\x8c\x04eval\x93".to_vec();
    // Where a reader that only looks at what is left would not see them.
    let thrown_away = [&call, b"0N".as_slice()].concat();
    let among_arguments = [
        b"ctorch._utils\n_rebuild_tensor_v2\n(".to_vec(),
        storage("FloatStorage", "7", 1),
        b"K\0))\x89".to_vec(),
        call.clone(),
        b"tR".to_vec(),
    ]
    .concat();
    let as_state = [b"}", call.as_slice(), b"b"].concat();
    for (object, name) in [
        (call, "posix.system"),
        (reference, "subprocess.Popen"),
        (by_text, "builtins.eval"),
        (thrown_away, "posix.system"),
        (among_arguments, "posix.system"),
        (as_state, "posix.system"),
    ] {
        let file = legacy(&dict(&[("evil", object)]), &[("7", &[1.])]);
        match read_bytes(&file) {
            Err(Error::RefusedGlobal { global, .. }) => assert_eq!(global, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn refuses_opcodes_by_name() {
    for (opcode, name) in [
        (b"i".as_slice(), "INST"),
        (b"o", "OBJ"),
        (b"\x82\x01", "EXT1"),
        (b"\x97", "NEXT_BUFFER"),
        (b"\x92", "NEWOBJ_EX"),
        (b"I1\n", "INT"),
        (b"\xff", "0xff"),
    ] {
        let message = refusal(&dict(&[("evil", opcode.to_vec())]));
        assert!(message.contains(&format!("opcode {name}")), "{message}");
    }
}

#[test]
fn refuses_what_contains_itself_or_is_nested_too_deeply() {
    let list = [b"}".to_vec(), string("l"), b"]q\x01h\x01as".to_vec()];
    let message = refusal(&list.concat());
    assert!(message.contains("contains itself (at `l.0`)"), "{message}");
    let dict = [b"}q\x01".to_vec(), string("d"), b"h\x01s".to_vec()];
    let message = refusal(&dict.concat());
    assert!(message.contains("contains itself (at `d`)"), "{message}");

    for opcodes in [
        [b"]".repeat(300_000), b"a".repeat(299_999)],
        [b"N".to_vec(), b"\x85".repeat(1_000_000)],
    ] {
        let deep = [
            b"}".to_vec(),
            string("deep"),
            opcodes.concat(),
            b"s".to_vec(),
        ];
        let message = refusal(&deep.concat());
        assert!(message.contains("nested more than 32 deep"), "{message}");
    }

    // Every level holds the one below twice.
    let doubled = b"2\x86".repeat(40);
    let laughs = [
        b"}".to_vec(),
        string("l"),
        b"N".to_vec(),
        doubled,
        b"s".to_vec(),
    ];
    let message = refusal(&laughs.concat());
    assert!(message.contains("nested more than 32 deep"), "{message}");
}

/// Each of these made a reader that copies what it remembers take gigabytes or minutes.
#[test]
fn costs_no_more_than_the_file() {
    let start = Instant::now();
    let long = "k".repeat(1 << 16);
    let copied_keys = [
        b"}".to_vec(),
        string("key"),
        [b"}".to_vec(), string(&long), b"Nsq\x01s".to_vec()].concat(),
        string("list"),
        b"](".to_vec(),
        b"h\x01".repeat(100_000),
        b"es".to_vec(),
    ];
    assert!(
        read_bytes(&legacy(&copied_keys.concat(), &[]))
            .unwrap()
            .is_empty()
    );

    let copied_dicts = [
        b"}".to_vec(),
        string("d"),
        b"](".to_vec(),
        b"NN\x86".repeat(100_000),
        b"eq\x01".to_vec(),
        b"ccollections\nOrderedDict\nq\x020".to_vec(),
        b"h\x02h\x01\x85R".repeat(10_000),
        b"s".to_vec(),
    ];
    let message = refusal(&copied_dicts.concat());
    assert!(message.contains("values"), "{message}");

    // Ten thousand tensors of two numbers, the first and the last of a long storage.
    let count = 1 << 18;
    let view = |index: usize| {
        let function = b"ctorch._utils\n_rebuild_tensor_v2\n(h\x01K\0K\x02\x85J".to_vec();
        let stride = (count - 1_i32).to_le_bytes();
        [
            string(&index.to_string()),
            function,
            stride.to_vec(),
            b"\x85\x89NtR".to_vec(),
        ]
        .concat()
    };
    let views = [
        storage("FloatStorage", "7", count),
        b"q\x010}(".to_vec(),
        (0..10_000).flat_map(view).collect(),
        b"u".to_vec(),
    ];
    let tensors = read_bytes(&legacy(&views.concat(), &[("7", &vec![2.; 1 << 18])])).unwrap();
    assert_eq!(tensors.len(), 10_000);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn refuses_names_that_are_taken_or_endless() {
    let bias = || tensor("7", 1, &[1], &[1]);
    let refusal = |entries: &[(&str, Vec<u8>)]| {
        let result = read_bytes(&legacy(&dict(entries), &[("7", &[1.])]));
        result.unwrap_err().to_string()
    };
    let message = refusal(&[("w", bias()), ("w", bias())]);
    assert!(message.contains("two tensors named `w`"), "{message}");
    let message = refusal(&[(&"n".repeat(5000), bias())]);
    assert!(
        message.contains("too long") && message.len() < 300,
        "{message}"
    );
}

#[test]
fn refuses_every_truncation() {
    let bytes = sample();
    for length in 0..bytes.len() {
        assert!(read_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn does_not_reserve_memory_for_a_lie() {
    let storage_too_short = dict(&[("w", tensor("7", 255, &[255], &[1]))]);
    assert!(read_bytes(&legacy(&storage_too_short, &[("7", &[1.])])).is_err());
    let repeated = dict(&[("w", tensor("7", 1, &[255, 255, 255], &[0, 0, 0]))]);
    let result = read_bytes(&legacy(&repeated, &[("7", &[1.])]));
    assert!(matches!(result, Err(Error::Truncated { .. })), "{result:?}");

    let huge = |count: &[u8]| {
        let function = b"ctorch._utils\n_rebuild_tensor\n((".to_vec();
        let kind = b"ctorch\nFloatStorage\n".to_vec();
        let fields = [
            function,
            string("storage"),
            kind,
            string("7"),
            string("cpu"),
        ]
        .concat();
        dict(&[(
            "w",
            [&fields, count, b"tQK\0", count, b"\x85K\x01\x85tR"].concat(),
        )])
    };
    for count in [
        b"J\xff\xff\xff\x7f".as_slice(),
        b"J\xff\xff\xff\xff",
        b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x0f",
        b"\x8a\x09\0\0\0\0\0\0\0\0\x01",
    ] {
        assert!(read_bytes(&legacy(&huge(count), &[("7", &[1.])])).is_err());
        let entries = [("data.pkl", pickle(&huge(count))), ("data/7", vec![0; 4])];
        let file = archive(zip::CompressionMethod::Stored, &entries);
        assert!(read_bytes(&file).is_err());
    }
    let text = b"X\xff\xff\xff\xff";
    assert!(matches!(
        read_bytes(&[&sample()[..40], b"\x80\x02", text].concat()),
        Err(Error::Truncated { .. } | Error::Malformed { .. } | Error::Unsupported { .. })
    ));
}

#[test]
fn names_the_file_that_is_not_there() {
    let message = read(Path::new("absent.pth")).unwrap_err().to_string();
    assert!(message.contains("absent.pth"), "{message}");
}

proptest! {
    #[test]
    fn never_panics_on_a_damaged_file(at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = sample();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        _ = read_bytes(&bytes);
    }
}
