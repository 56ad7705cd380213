//! A random checkpoint of the full size, in the serialisation of PyTorch before 1.6.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::{jawline, succeeds};
use crate::reference;

/// What importing may take.
const MOST_SECONDS: f64 = 30.0;
const MOST_BYTES: u64 = 1_500_000_000;

#[test]
fn a_generator_of_the_full_size_imports_and_runs() {
    let data_dir = tempfile::tempdir().unwrap();
    let path = data_dir.path().join("Gs.pth");
    let text = std::fs::read(reference("stylegan2/full_config_keys.json")).unwrap();
    let keys: Value = serde_json::from_slice(&text).unwrap();
    write_checkpoint(&keys["converted_ffhq_config_f"], &path);

    let begun = Instant::now();
    let mut import = jawline(data_dir.path())
        .args(["networks", "import", "--json", "--quiet"])
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut peak_bytes = 0;
    while import.try_wait().unwrap().is_none() {
        peak_bytes = peak_bytes.max(peak_memory(import.id()).unwrap_or(0));
        thread::sleep(Duration::from_millis(5));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let output = import.wait_with_output().unwrap();
    assert!(output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let facts = &report["imported"][0];
    assert_eq!(facts["role"], "generator");
    assert_eq!([&facts["resolution"], &facts["layers"]], [1024, 18]);
    println!("{seconds:.1} s, {:.0} MB", peak_bytes as f64 / 1e6);
    assert!(seconds < MOST_SECONDS, "{seconds} s");
    assert!(
        peak_bytes > 0 && peak_bytes < MOST_BYTES,
        "{peak_bytes} bytes"
    );

    let out = data_dir.path().join("portraits");
    succeeds(
        jawline(data_dir.path())
            .args([
                "synthesize",
                "-q",
                "--pack",
                "imported",
                "--seed",
                "3",
                "--out",
            ])
            .arg(&out),
    );
    let portrait = image::open(out.join("image_000.png")).unwrap().to_rgb8();
    assert_eq!(portrait.dimensions(), (1024, 1024));
    let levels: std::collections::BTreeSet<u8> = portrait.iter().copied().collect();
    assert!(levels.len() > 50, "it is no picture: {levels:?}");
}

/// The most memory that a running process has had, in bytes.
fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Writes random tensors of the shapes that `module` lists.
fn write_checkpoint(module: &Value, path: &Path) {
    let mut storages = Vec::new();
    let object = pickled_module(module, &mut storages);
    let mut file = BufWriter::new(File::create(path).unwrap());
    let mut write = |bytes: &[u8]| file.write_all(bytes).unwrap();
    let pickle = |body: &[u8]| [&[0x80, 2], body, b"."].concat();
    let magic = [
        0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19,
    ];
    write(&pickle(&magic));
    write(&pickle(&[b'M', 0xe9, 0x03]));
    write(&pickle(&dict(&[("little_endian", vec![0x88])])));
    write(&pickle(&object));
    let keys = (0..storages.len()).flat_map(|key| string(&key.to_string()));
    write(&pickle(
        &[b"](".to_vec(), keys.collect(), b"e".to_vec()].concat(),
    ));

    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for (name, count) in &storages {
        write(&(*count as i64).to_le_bytes());
        let mut bytes = Vec::with_capacity(count * 4);
        for index in 0..*count {
            let number = match name.as_str() {
                // A smoothing filter, [1, 3, 3, 1] both ways, its sum 4.
                name if name.ends_with("filter_kernel") => {
                    let row = [1.0, 3.0, 3.0, 1.0];
                    row[index / 4 % 4] * row[index % 4] / 16.0
                }
                _ if *count == 1 => 0.1,
                _ => random.next(),
            };
            bytes.extend(number.to_le_bytes());
        }
        write(&bytes);
    }
    file.flush().unwrap();
}

/// `name`, `state_dict`, and the modules inside. Adds what each tensor's storage is called and how many
/// numbers it holds.
fn pickled_module(module: &Value, storages: &mut Vec<(String, usize)>) -> Vec<u8> {
    let entries = module.as_object().unwrap().iter().map(|(key, value)| {
        let pickled = match key.as_str() {
            "state_dict" => pickled_tensors(value.as_object().unwrap(), storages),
            "name" => string(value.as_str().unwrap()),
            "kwargs" => dict(&[]),
            _ => pickled_module(value, storages),
        };
        (key.as_str(), pickled)
    });
    let entries: Vec<_> = entries.collect();
    dict(&entries)
}

fn pickled_tensors(state: &Map<String, Value>, storages: &mut Vec<(String, usize)>) -> Vec<u8> {
    let entries = state.iter().map(|(name, facts)| {
        let shape = facts["shape"].as_array().unwrap().iter();
        let shape: Vec<usize> = shape
            .map(|extent| extent.as_u64().unwrap() as usize)
            .collect();
        let key = storages.len().to_string();
        storages.push((name.clone(), shape.iter().product()));
        (name.as_str(), pickled_tensor(&key, &shape))
    });
    let entries: Vec<_> = entries.collect();
    dict(&entries)
}

fn pickled_tensor(key: &str, shape: &[usize]) -> Vec<u8> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
        string("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        string(key),
        string("cpu"),
        integer(shape.iter().product()),
        b"NtQ".to_vec(),
        integer(0),
        tuple(shape),
        tuple(&strides),
        vec![0x89],
        b"ccollections\nOrderedDict\n)RtR".to_vec(),
    ]
    .concat()
}

fn integer(number: usize) -> Vec<u8> {
    [b"J".as_slice(), &(number as i32).to_le_bytes()].concat()
}

fn tuple(numbers: &[usize]) -> Vec<u8> {
    let numbers = numbers.iter().flat_map(|&number| integer(number)).collect();
    [b"(".to_vec(), numbers, b"t".to_vec()].concat()
}

fn string(text: &str) -> Vec<u8> {
    let length = (text.len() as u32).to_le_bytes();
    [b"X", length.as_slice(), text.as_bytes()].concat()
}

fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items = entries
        .iter()
        .flat_map(|(key, value)| [string(key), value.clone()].concat());
    [b"}(".to_vec(), items.collect(), b"u".to_vec()].concat()
}

/// Numbers of mean 0 and variance 1 (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let unit = (self.0 >> 40) as f32 / (1u64 << 24) as f32;
        (unit - 0.5) * 12f32.sqrt()
    }
}
