//! SHA-256 digests, as manifests write them.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// The SHA-256 of these bytes in lower-case hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// How many bytes there are to read, and their SHA-256 in lower-case hexadecimal digits. They are read in
/// pieces, so that a large file takes no memory.
pub(crate) fn sha256_read(mut reader: impl Read) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut block = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        let count = reader.read(&mut block)?;
        match block.get(..count) {
            None | Some([]) => break,
            Some(read) => hasher.update(read),
        }
        bytes += count as u64;
    }
    Ok((bytes, hexadecimal(&hasher.finalize())))
}

/// A digest in lower-case hexadecimal digits.
pub(crate) fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_published_one() {
        let published = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(b"abc"), published);
        let read = sha256_read(&b"abc"[..]).unwrap();
        assert_eq!(read, (3, published.to_owned()));
    }
}
