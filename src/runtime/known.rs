//! The builds of ONNX Runtime that Jawline knows, by SHA-256.

use crate::sha256::sha256_hex;

/// A build of ONNX Runtime's library for the CPU, as its publisher's wheels hold it.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownLibrary {
    /// The version, such as `1.32.0`.
    pub version: &'static str,
    /// The file's name.
    pub file: &'static str,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal digits.
    pub sha256: &'static str,
    /// The system, as [`std::env::consts::OS`] names it.
    os: &'static str,
    /// The processor, as [`std::env::consts::ARCH`] names it.
    processor: &'static str,
}

/// From the wheels of `onnxruntime` at PyPI; those of all Python versions hold the same library. The two
/// for Linux are what `jawline networks install` installs; the others are known if they are found.
const KNOWN: [KnownLibrary; 4] = [
    KnownLibrary {
        version: "1.32.0",
        file: "libonnxruntime.so.1.32.0",
        bytes: 34_824_680,
        sha256: "6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f",
        os: "linux",
        processor: "x86_64",
    },
    KnownLibrary {
        version: "1.32.0",
        file: "libonnxruntime.so.1.32.0",
        bytes: 27_165_936,
        sha256: "49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a",
        os: "linux",
        processor: "aarch64",
    },
    KnownLibrary {
        version: "1.32.0",
        file: "libonnxruntime.1.32.0.dylib",
        bytes: 35_272_344,
        sha256: "fa585fabbea65b823b9a8f7e27d46aee3989d1be7e36b528203d3a1fd613aae7",
        os: "macos",
        processor: "aarch64",
    },
    KnownLibrary {
        version: "1.32.0",
        file: "onnxruntime.dll",
        bytes: 22_668_640,
        sha256: "443c0065fcdba17618ddef05050308f4b471893c5c7da0337d6957c9073ad8a7",
        os: "windows",
        processor: "x86_64",
    },
];

impl KnownLibrary {
    /// Those for this machine.
    pub fn here() -> impl Iterator<Item = &'static Self> {
        use std::env::consts::{ARCH, OS};
        KNOWN
            .iter()
            .filter(|known| known.os == OS && known.processor == ARCH)
    }

    /// The build with exactly these bytes, if it is one for this machine.
    pub fn with_bytes(bytes: &[u8]) -> Option<&'static Self> {
        let mut of_this_size = Self::here().filter(|known| known.bytes == bytes.len() as u64);
        // Only what may be known is worth a digest.
        let first = of_this_size.next()?;
        let digest = sha256_hex(bytes);
        std::iter::once(first)
            .chain(of_this_size)
            .find(|known| known.sha256 == digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_written_as_they_are_compared() {
        for known in &KNOWN {
            assert_eq!(known.sha256.len(), 64);
            let is_lower_hexadecimal = |c| matches!(c, '0'..='9' | 'a'..='f');
            assert!(known.sha256.chars().all(is_lower_hexadecimal));
        }
    }

    #[test]
    fn the_right_size_alone_makes_no_known_library() {
        for known in KnownLibrary::here() {
            let zeros = vec![0; usize::try_from(known.bytes).unwrap()];
            assert_eq!(KnownLibrary::with_bytes(&zeros), None);
        }
        assert_eq!(KnownLibrary::with_bytes(b""), None);
    }
}
