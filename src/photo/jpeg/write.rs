//! Coefficients to entropy-coded data: sequential (ITU-T T.81, F.1) and progressive (G.1.2).
//!
//! Everything is coded twice: first to count symbols, then with tables that have a code for each.

#![expect(
    clippy::indexing_slicing,
    reason = "a slot is masked to two bits, a symbol is a byte in a table of 256"
)]

use super::Fault;
use super::bits::BitWriter;
use super::frame::{Block, Frame, Order, Scan, ScanComponent, Tables};
use super::huffman::{Encoder, Specification};
use super::marker::{END_OF_IMAGE, HUFFMAN_TABLES, Layout, START_OF_IMAGE, START_OF_SCAN, Segment};

/// Writes the scans of a picture again with the coefficients of `frame`. All other segments of the file are
/// asked for by number and written as they are given, markers included; nothing leaves one out.
///
/// A Huffman table of the file stays as long as it has a code for every symbol.
pub(super) fn write(
    bytes: &[u8],
    layout: &Layout,
    frame: &Frame,
    segment: impl Fn(usize, &Segment) -> Result<Vec<u8>, Fault>,
) -> Result<Vec<u8>, Fault> {
    let mut file = Vec::with_capacity(layout.end + layout.end / 16);
    file.extend([0xFF, START_OF_IMAGE]);
    let mut tables = Tables::default();
    let mut written = Tables::default();
    for (number, part) in layout.segments.iter().enumerate() {
        tables.update(part, bytes, |table| table)?;
        if part.marker == START_OF_SCAN {
            let header = bytes.get(part.content.clone()).unwrap_or_default();
            let scan = Scan::parse(header, frame)?;
            let coder = Coder::new(frame, &scan, tables.restart_interval);
            let data = coder.coded(&tables, &mut written, &mut file)?;
            file.extend(segment(number, part)?);
            file.extend(data);
        } else if part.marker != HUFFMAN_TABLES {
            file.extend(segment(number, part)?);
        }
    }
    file.extend([0xFF, END_OF_IMAGE]);
    Ok(file)
}

/// A marker with its length and content.
pub(super) fn segment(marker: u8, content: &[u8]) -> Result<Vec<u8>, Fault> {
    let length =
        u16::try_from(content.len() + 2).map_err(|_| Fault::Nonsense("a segment is too long"))?;
    Ok([&[0xFF, marker], length.to_be_bytes().as_slice(), content].concat())
}

/// Class of a Huffman table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Dc,
    Ac,
}

/// What takes codes.
trait Sink {
    fn symbol(&mut self, class: Class, slot: usize, symbol: u8);
    fn bits(&mut self, value: u32, count: u32);
    fn restart(&mut self, number: u32);
}

/// Counts symbols.
struct Counts(Box<[[[u32; 256]; 4]; 2]>);

impl Sink for Counts {
    fn symbol(&mut self, class: Class, slot: usize, symbol: u8) {
        self.0[class as usize][slot & 3][usize::from(symbol)] += 1;
    }

    fn bits(&mut self, _: u32, _: u32) {}

    fn restart(&mut self, _: u32) {}
}

/// Writes codes.
struct Codes {
    encoders: [[Option<Encoder>; 4]; 2],
    writer: BitWriter,
}

impl Sink for Codes {
    fn symbol(&mut self, class: Class, slot: usize, symbol: u8) {
        if let Some(encoder) = &self.encoders[class as usize][slot & 3] {
            let (code, length) = encoder.code(symbol);
            self.writer.bits(code, length);
        }
    }

    fn bits(&mut self, value: u32, count: u32) {
        self.writer.bits(value, count);
    }

    fn restart(&mut self, number: u32) {
        self.writer.restart(number);
    }
}

/// Codes one scan.
struct Coder<'a> {
    frame: &'a Frame,
    scan: &'a Scan,
    order: Order,
    restart_interval: usize,
}

impl<'a> Coder<'a> {
    fn new(frame: &'a Frame, scan: &'a Scan, restart_interval: usize) -> Self {
        Self {
            order: Order::new(scan, frame),
            frame,
            scan,
            restart_interval,
        }
    }

    /// The data of the scan. Tables that it needs and that `file` does not have yet are added to it.
    fn coded(
        &self,
        tables: &Tables<Specification>,
        written: &mut Tables<Specification>,
        file: &mut Vec<u8>,
    ) -> Result<Vec<u8>, Fault> {
        let mut counts = Counts(Box::new([[[0; 256]; 4]; 2]));
        self.code(&mut counts);
        let mut encoders = [const { [const { None }; 4] }; 2];
        let classes = [
            (Class::Dc, &tables.dc, &mut written.dc),
            (Class::Ac, &tables.ac, &mut written.ac),
        ];
        for ((class, given, written), encoders) in classes.into_iter().zip(&mut encoders) {
            let slots = given.iter().zip(written).zip(encoders);
            for (slot, ((given, written), encoder)) in slots.enumerate() {
                let counts = &counts.0[class as usize][slot];
                if counts.iter().all(|&count| count == 0) {
                    continue;
                }
                let suits = |table: &&Specification| Encoder::new(table).covers(counts);
                let table = match given.as_ref().filter(suits) {
                    Some(given) => given.clone(),
                    None => Specification::best_for(counts),
                };
                *encoder = Some(Encoder::new(&table));
                if written.as_ref() != Some(&table) {
                    let kind = (class as u8) << 4 | slot as u8;
                    file.extend(segment(
                        HUFFMAN_TABLES,
                        &[&[kind][..], &table.to_bytes()].concat(),
                    )?);
                    *written = Some(table);
                }
            }
        }
        let mut codes = Codes {
            encoders,
            writer: BitWriter::default(),
        };
        self.code(&mut codes);
        Ok(codes.writer.finish())
    }

    fn code(&self, sink: &mut impl Sink) {
        let mut dc = [0i32; 4];
        let mut band = Band::default();
        let mut until_restart = self.restart_interval;
        let mut restarts = 0;
        for y in 0..self.order.mcus.1 {
            for x in 0..self.order.mcus.0 {
                if self.restart_interval > 0 {
                    if until_restart == 0 {
                        band.flush(sink);
                        sink.restart(restarts);
                        restarts += 1;
                        dc = [0; 4];
                        until_restart = self.restart_interval;
                    }
                    until_restart -= 1;
                }
                for (unit, at) in self.order.blocks(x, y) {
                    let component = self.frame.components.get(unit.in_frame);
                    let block = component.and_then(|component| component.coefficients.get(at));
                    let tables = self.scan.components.get(unit.in_scan);
                    if let (Some(block), Some(tables), Some(dc)) =
                        (block, tables, dc.get_mut(unit.in_scan))
                    {
                        self.code_block(block, tables, dc, &mut band, sink);
                    }
                }
            }
        }
        band.flush(sink);
    }

    fn code_block(
        &self,
        block: &Block,
        tables: &ScanComponent,
        dc: &mut i32,
        band: &mut Band,
        sink: &mut impl Sink,
    ) {
        let Scan {
            first,
            last,
            high,
            low,
            ..
        } = *self.scan;
        if first == 0 && high == 0 {
            let value = i32::from(block[0]) >> low;
            let difference = value - *dc;
            *dc = value;
            let (length, bits) = magnitude(difference);
            sink.symbol(Class::Dc, tables.dc_table, length as u8);
            sink.bits(bits, length);
        } else if first == 0 {
            sink.bits((block[0] >> low) as u32 & 1, 1);
        }
        band.slot = tables.ac_table;
        let values = block.get(first.max(1)..=last).unwrap_or_default();
        match (self.frame.header.is_progressive(), high) {
            (false, _) => code_ac(values, tables.ac_table, sink),
            (true, _) if last == 0 => {}
            (true, 0) => band.code(values, low, sink),
            (true, _) => band.refine(values, low, sink),
        }
    }
}

/// The number of bits that a value needs, and those bits (F.1.2.1).
fn magnitude(value: i32) -> (u32, u32) {
    let length = 32 - value.unsigned_abs().leading_zeros();
    let bits = if value < 0 { value - 1 } else { value };
    (length, bits as u32)
}

fn code_ac(values: &[i16], slot: usize, sink: &mut impl Sink) {
    let mut run = 0u8;
    for &value in values {
        if value == 0 {
            run += 1;
            continue;
        }
        while run > 15 {
            sink.symbol(Class::Ac, slot, 0xF0);
            run -= 16;
        }
        let (length, bits) = magnitude(value.into());
        sink.symbol(Class::Ac, slot, run << 4 | length.min(15) as u8);
        sink.bits(bits, length);
        run = 0;
    }
    if run > 0 {
        sink.symbol(Class::Ac, slot, 0);
    }
}

/// Blocks of a progressive scan whose band has ended, not written yet.
#[derive(Default)]
struct Band {
    slot: usize,
    ended_blocks: u32,
    /// Refining bits of those blocks.
    bits: Vec<bool>,
}

impl Band {
    const MOST_BLOCKS: u32 = 0x7FFF;
    /// As other encoders do, so that tables made for their files suffice.
    const MOST_BITS: usize = 1000 - 63;

    fn flush(&mut self, sink: &mut impl Sink) {
        if self.ended_blocks > 0 {
            let length = self.ended_blocks.ilog2();
            sink.symbol(Class::Ac, self.slot, (length as u8) << 4);
            sink.bits(self.ended_blocks, length);
            self.ended_blocks = 0;
        }
        for bit in self.bits.drain(..) {
            sink.bits(bit.into(), 1);
        }
    }

    fn code(&mut self, values: &[i16], low: u32, sink: &mut impl Sink) {
        let mut run = 0u8;
        for &value in values {
            let rough = i32::from(value.unsigned_abs() >> low);
            if rough == 0 {
                run += 1;
                continue;
            }
            self.flush(sink);
            while run > 15 {
                sink.symbol(Class::Ac, self.slot, 0xF0);
                run -= 16;
            }
            let (length, bits) = magnitude(if value < 0 { -rough } else { rough });
            sink.symbol(Class::Ac, self.slot, run << 4 | length.min(15) as u8);
            sink.bits(bits, length);
            run = 0;
        }
        if run > 0 {
            self.end(sink);
        }
    }

    fn end(&mut self, sink: &mut impl Sink) {
        self.ended_blocks += 1;
        if self.ended_blocks == Self::MOST_BLOCKS || self.bits.len() > Self::MOST_BITS {
            self.flush(sink);
        }
    }

    fn refine(&mut self, values: &[i16], low: u32, sink: &mut impl Sink) {
        let rough = |value: i16| value.unsigned_abs() >> low;
        let last_new = values.iter().rposition(|&value| rough(value) == 1);
        let mut run = 0u8;
        let mut bits = Vec::new();
        for (place, &value) in values.iter().enumerate() {
            let rough = rough(value);
            if rough == 0 {
                run += 1;
                continue;
            }
            while run > 15 && last_new.is_some_and(|last| place <= last) {
                self.flush(sink);
                sink.symbol(Class::Ac, self.slot, 0xF0);
                run -= 16;
                write_bits(&mut bits, sink);
            }
            if rough > 1 {
                bits.push(rough & 1 == 1);
                continue;
            }
            self.flush(sink);
            sink.symbol(Class::Ac, self.slot, run << 4 | 1);
            sink.bits((value > 0).into(), 1);
            write_bits(&mut bits, sink);
            run = 0;
        }
        if run > 0 || !bits.is_empty() {
            self.bits.append(&mut bits);
            self.end(sink);
        }
    }
}

fn write_bits(bits: &mut Vec<bool>, sink: &mut impl Sink) {
    for bit in bits.drain(..) {
        sink.bits(bit.into(), 1);
    }
}
