//! Huffman tables (ITU-T T.81, annex C): read, applied both ways, and made for counted symbols.

#![expect(
    clippy::indexing_slicing,
    reason = "symbols are bytes in tables of 256, and lengths are made here"
)]

use super::Fault;
use super::bits::BitReader;

/// The longest code, in bits.
const LONGEST: usize = 16;
/// Codes up to this length are looked up at once.
const LOOKED_UP: u32 = 9;

/// How many codes there are of each length, and what they stand for: a table as files hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Specification {
    counts: [u8; LONGEST],
    symbols: Vec<u8>,
}

impl Specification {
    /// Takes a table from the front of `bytes`, and returns the rest.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Fault> {
        const CUT_OFF: Fault = Fault::Nonsense("a Huffman table is cut off");
        let (counts, rest) = bytes.split_first_chunk::<LONGEST>().ok_or(CUT_OFF)?;
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        let (symbols, rest) = rest.split_at_checked(total).ok_or(CUT_OFF)?;
        // Codes of a length that are more than there can be.
        let mut free = 1i32;
        for &count in counts {
            free = free * 2 - i32::from(count);
            if free < 0 {
                return Err(Fault::Nonsense("a Huffman table makes no sense"));
            }
        }
        let table = Self {
            counts: *counts,
            symbols: symbols.to_owned(),
        };
        Ok((table, rest))
    }

    /// As a file holds it.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.counts.as_slice(), &self.symbols].concat()
    }

    /// Length, code and symbol of each code, in the order of codes.
    fn codes(&self) -> impl Iterator<Item = (u32, u32, u8)> + '_ {
        let mut code = 0u32;
        let lengths = (1..)
            .zip(self.counts)
            .flat_map(|(length, count)| std::iter::repeat_n(length, usize::from(count)));
        let mut last = 1;
        lengths.zip(&self.symbols).map(move |(length, &symbol)| {
            code <<= length - last;
            last = length;
            let this = code;
            code += 1;
            (length, this, symbol)
        })
    }

    /// The best table for symbols that occur so often (T.81, K.2): no code is longer than 16 bits, and
    /// none consists of ones only.
    pub fn best_for(counts: &[u32; 256]) -> Self {
        let mut lengths = code_lengths(counts);
        // Codes that are too long move up, as in the figure K.3.
        for length in (LONGEST + 1..lengths.len()).rev() {
            while lengths[length] > 0 {
                let Some(shorter) = (1..length - 1).rev().find(|&shorter| lengths[shorter] > 0)
                else {
                    break;
                };
                lengths[length] -= 2;
                lengths[length - 1] += 1;
                lengths[shorter + 1] += 2;
                lengths[shorter] -= 1;
            }
        }
        // The code of ones is that of the symbol that was added.
        if let Some(longest) = lengths.iter_mut().rev().find(|count| **count > 0) {
            *longest -= 1;
        }
        let mut per_length = [0; LONGEST];
        for (count, &length) in per_length.iter_mut().zip(&lengths[1..]) {
            *count = u8::try_from(length).unwrap_or(u8::MAX);
        }
        let mut symbols: Vec<u8> = (0..=255)
            .filter(|&symbol| counts[usize::from(symbol)] > 0)
            .collect();
        // The most frequent symbols get the shortest codes.
        symbols.sort_by_key(|&symbol| std::cmp::Reverse(counts[usize::from(symbol)]));
        Self {
            counts: per_length,
            symbols,
        }
    }
}

/// How many codes of each length a Huffman code without a limit has, for the symbols and one more that
/// is rarer than all.
fn code_lengths(counts: &[u32; 256]) -> [u32; 258] {
    // Groups of symbols by how often they occur; each symbol's depth grows when its groups are joined.
    let mut groups: Vec<(u64, Vec<usize>)> = counts
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(symbol, &count)| (u64::from(count), vec![symbol]))
        .collect();
    groups.push((0, vec![256]));
    let mut depths = [0usize; 257];
    if groups.len() == 1 {
        depths[256] = 1;
    }
    while groups.len() > 1 {
        groups.sort_by_key(|group| std::cmp::Reverse(group.0));
        let (Some(rare), Some(rarer)) = (groups.pop(), groups.pop()) else {
            break;
        };
        let joined = [rare.1, rarer.1].concat();
        for &symbol in &joined {
            depths[symbol] += 1;
        }
        groups.push((rare.0 + rarer.0, joined));
    }
    let mut lengths = [0; 258];
    for depth in depths {
        lengths[depth.min(257)] += u32::from(depth > 0);
    }
    lengths
}

/// A table for reading.
#[derive(Debug, Clone)]
pub(super) struct Decoder {
    /// Length and symbol by the next bits; length 0 for codes that are longer.
    short: Vec<(u8, u8)>,
    /// For each length, the first 16 bits that no code of it or of a shorter one begins with.
    limits: [u32; LONGEST],
    /// What to add to a code for the place of its symbol.
    offsets: [i32; LONGEST],
    symbols: Vec<u8>,
}

impl Decoder {
    pub fn new(table: &Specification) -> Self {
        let mut short = vec![(0, 0); 1 << LOOKED_UP];
        for (length, code, symbol) in table.codes().take_while(|code| code.0 <= LOOKED_UP) {
            let free = LOOKED_UP - length;
            let first = (code << free) as usize;
            for entry in short.iter_mut().skip(first).take(1 << free) {
                *entry = (length as u8, symbol);
            }
        }
        let (mut limits, mut offsets) = ([0; LONGEST], [0; LONGEST]);
        let (mut code, mut place) = (0u32, 0i32);
        for (index, &count) in table.counts.iter().enumerate() {
            offsets[index] = place - code as i32;
            code += u32::from(count);
            place += i32::from(count);
            limits[index] = code << (LONGEST - 1 - index);
            code <<= 1;
        }
        Self {
            short,
            limits,
            offsets,
            symbols: table.symbols.clone(),
        }
    }

    /// The next symbol.
    pub fn symbol(&self, bits: &mut BitReader<'_>) -> Result<u8, Fault> {
        let next = bits.peek_16();
        let index = usize::from(next >> (16 - LOOKED_UP));
        if let Some(&(length @ 1.., symbol)) = self.short.get(index) {
            bits.skip(length.into())?;
            return Ok(symbol);
        }
        let fits = |limit: &u32| u32::from(next) < *limit;
        let Some(index) = self.limits.iter().position(fits) else {
            // Zeros follow the end of the data, and they may be no code.
            bits.skip(LONGEST as u32)?;
            return Err(Fault::Nonsense("a code is in no Huffman table"));
        };
        let code = i32::from(next >> (LONGEST - 1 - index));
        bits.skip(index as u32 + 1)?;
        usize::try_from(code + self.offsets[index])
            .ok()
            .and_then(|place| self.symbols.get(place).copied())
            .ok_or(Fault::Nonsense("a code is in no Huffman table"))
    }
}

/// A table for writing: code and length of each symbol, length 0 for those that have none.
#[derive(Debug, Clone)]
pub(super) struct Encoder([(u32, u32); 256]);

impl Encoder {
    pub fn new(table: &Specification) -> Self {
        let mut codes = [(0, 0); 256];
        for (length, code, symbol) in table.codes() {
            codes[usize::from(symbol)] = (code, length);
        }
        Self(codes)
    }

    /// Code and length.
    pub fn code(&self, symbol: u8) -> (u32, u32) {
        self.0[usize::from(symbol)]
    }

    /// Is there a code for each symbol that occurs?
    pub fn covers(&self, counts: &[u32; 256]) -> bool {
        let mut pairs = counts.iter().zip(&self.0);
        pairs.all(|(&count, &(_, length))| count == 0 || length > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::BitWriter;
    use super::*;

    fn round_trip(counts: &[u32; 256]) {
        let table = Specification::best_for(counts);
        let (parsed, rest) = Specification::parse(&table.to_bytes())
            .map(|(t, r)| (t, r.len()))
            .unwrap();
        assert_eq!((&parsed, rest), (&table, 0));
        let (encoder, decoder) = (Encoder::new(&table), Decoder::new(&table));
        assert!(encoder.covers(counts));
        let symbols: Vec<u8> = (0..=255).filter(|&s| counts[usize::from(s)] > 0).collect();
        let mut writer = BitWriter::default();
        for &symbol in &symbols {
            let (code, length) = encoder.code(symbol);
            assert!((1..=16).contains(&length));
            assert_ne!(code, (1 << length) - 1, "ones only");
            writer.bits(code, length);
        }
        let bytes = writer.finish();
        let mut reader = BitReader::new(&bytes);
        for &symbol in &symbols {
            assert_eq!(decoder.symbol(&mut reader).unwrap(), symbol);
        }
    }

    #[test]
    fn codes_are_made_for_any_counts() {
        let mut one = [0; 256];
        one[7] = 3;
        round_trip(&one);
        round_trip(&[1; 256]);
        // Frequencies that double would make codes longer than 16 bits.
        let mut steep = [0; 256];
        for (power, count) in steep.iter_mut().take(30).enumerate() {
            *count = 1 << power;
        }
        round_trip(&steep);
        let fibonacci = |n: usize| {
            (0..n)
                .fold((1u32, 1u32), |(a, b), _| (b, a.saturating_add(b)))
                .0
        };
        let mut deep = [0; 256];
        for (index, count) in deep.iter_mut().enumerate() {
            *count = fibonacci(index % 40);
        }
        round_trip(&deep);
    }

    #[test]
    fn frequent_symbols_get_short_codes() {
        let mut counts = [0; 256];
        (counts[3], counts[200], counts[9]) = (1000, 10, 1);
        let encoder = Encoder::new(&Specification::best_for(&counts));
        assert_eq!(encoder.code(3).1, 1);
        assert_eq!(encoder.code(200).1, 2);
        assert_eq!(encoder.code(9).1, 3);
        assert!(!encoder.covers(&[1; 256]));
    }

    #[test]
    fn tables_with_more_codes_than_there_can_be_are_refused() {
        let mut bytes = vec![3];
        bytes.extend([0; 15 + 3]);
        assert!(Specification::parse(&bytes).is_err());
        assert!(Specification::parse(&bytes[..10]).is_err());
        // No codes at all is a table, and every code an error.
        let (empty, _) = Specification::parse(&[0; 16]).unwrap();
        assert!(
            Decoder::new(&empty)
                .symbol(&mut BitReader::new(&[0; 8]))
                .is_err()
        );
    }
}
