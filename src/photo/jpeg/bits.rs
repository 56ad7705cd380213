//! Bits of entropy-coded data, with the zeros that are stuffed after every 0xFF (ITU-T T.81, F.1.2.3).

use super::{Fault, marker};

/// Reads bits up to the next marker.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
    buffer: u64,
    count: u32,
    /// Zeros at the end of `buffer` that are not in the file.
    padding: u32,
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            buffer: 0,
            count: 0,
            padding: 0,
        }
    }

    /// Makes at least 32 bits available.
    fn fill(&mut self) {
        while self.count <= 56 {
            let byte = match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (Some(0xFF), Some(0)) => {
                    self.at += 2;
                    0xFF
                }
                // A marker, or the end of the file.
                (Some(0xFF), _) | (None, _) => {
                    self.padding += 8;
                    0
                }
                (Some(&byte), _) => {
                    self.at += 1;
                    byte
                }
            };
            self.buffer = self.buffer << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    /// The next 16 bits, which stay to be read; zeros after the end.
    pub fn peek_16(&mut self) -> u16 {
        if self.count < 16 {
            self.fill();
        }
        (self.buffer >> (self.count - 16)) as u16
    }

    /// Passes over at most 16 bits.
    pub fn skip(&mut self, count: u32) -> Result<(), Fault> {
        if self.count < count {
            self.fill();
        }
        self.count -= count;
        if self.count < self.padding {
            return Err(Fault::EndsEarly);
        }
        Ok(())
    }

    /// At most 16 bits as a number.
    pub fn bits(&mut self, count: u32) -> Result<u32, Fault> {
        let value = u32::from(self.peek_16()) >> (16 - count.min(16));
        self.skip(count)?;
        Ok(value)
    }

    /// A number whose sign is in its first bit (T.81, F.2.2.1, "EXTEND").
    pub fn signed(&mut self, count: u32) -> Result<i32, Fault> {
        if count == 0 {
            return Ok(0);
        }
        let value = self.bits(count)? as i32;
        let is_negative = value >> (count - 1) == 0;
        Ok(if is_negative {
            value - (1 << count) + 1
        } else {
            value
        })
    }

    /// Passes over the restart marker that must be next.
    pub fn restart(&mut self) -> Result<(), Fault> {
        // Bits that fill up the last byte; whole bytes that nobody has read mean that something is wrong.
        if self.count - self.padding >= 8 {
            return Err(Fault::Nonsense("a restart marker is missing"));
        }
        // Markers may be preceded by any number of 0xFF.
        while self.bytes.get(self.at + 1) == Some(&0xFF) {
            self.at += 1;
        }
        match self.bytes.get(self.at + 1) {
            Some(marker::RST0..=marker::RST7) => {
                self.at += 2;
                (self.buffer, self.count, self.padding) = (0, 0, 0);
                Ok(())
            }
            Some(_) => Err(Fault::Nonsense("a restart marker is missing")),
            None => Err(Fault::EndsEarly),
        }
    }
}

/// Writes bits.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    buffer: u64,
    count: u32,
}

impl BitWriter {
    /// The lowest `count` bits of `value`, at most 16.
    pub fn bits(&mut self, value: u32, count: u32) {
        let value = u64::from(value) & ((1 << count) - 1);
        self.buffer = self.buffer << count | value;
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            self.byte((self.buffer >> self.count) as u8);
        }
    }

    fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
        if byte == 0xFF {
            self.bytes.push(0);
        }
    }

    /// Fills up the last byte with ones.
    pub fn align(&mut self) {
        self.bits(0x7F, (8 - self.count) % 8);
    }

    /// The restart marker of this number, modulo 8.
    pub fn restart(&mut self, number: u32) {
        self.align();
        self.bytes.extend([0xFF, marker::RST0 + (number % 8) as u8]);
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.align();
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_after_it() {
        let mut writer = BitWriter::default();
        let values = [(0xFFFF, 16), (0, 3), (5, 3), (0xFF, 8), (1, 1)];
        for (value, count) in values {
            writer.bits(value, count);
        }
        writer.restart(9);
        writer.bits(2, 2);
        let bytes = writer.finish();
        assert!(
            bytes
                .windows(2)
                .any(|pair| pair == [0xFF, marker::RST0 + 1])
        );

        let mut reader = BitReader::new(&bytes);
        for (value, count) in values {
            assert_eq!(reader.bits(count).unwrap(), value);
        }
        reader.restart().unwrap();
        assert_eq!(reader.bits(2).unwrap(), 2);
        assert_eq!(reader.bits(6).unwrap(), 63);
        assert_eq!(reader.bits(1), Err(Fault::EndsEarly));
    }

    #[test]
    fn signs_are_in_the_first_bit() {
        let mut reader = BitReader::new(&[0b1010_0110]);
        assert_eq!(reader.signed(0), Ok(0));
        assert_eq!(reader.signed(3), Ok(5));
        assert_eq!(reader.signed(3), Ok(-6));
        assert_eq!(reader.signed(2), Ok(2));
    }

    #[test]
    fn a_missing_restart_marker_is_noticed() {
        for bytes in [&[1, 2, 3][..], &[0xFF, 0xD9], &[]] {
            assert!(BitReader::new(bytes).restart().is_err());
        }
    }
}
