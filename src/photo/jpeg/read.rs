//! Entropy-coded data to coefficients: sequential (ITU-T T.81, F.2) and progressive (G.2).

use super::Fault;
use super::bits::BitReader;
use super::frame::{Block, Frame, FrameHeader, Order, Scan, Tables};
use super::huffman::Decoder;
use super::marker::{Layout, START_OF_SCAN};

/// A picture as coefficients, and whether they are all there: each has been in some scan, up to its last
/// bit. A progressive picture that never tells some of them is sound, but can't be told from one that is
/// cut off.
pub(super) struct Picture {
    pub frame: Frame,
    pub is_complete: bool,
}

/// Reads all coefficients of a picture.
///
/// Fails on anything that is not as it should be, so that what comes out is what every decoder sees.
pub(super) fn read(bytes: &[u8], layout: &Layout, most_bytes: u64) -> Result<Picture, Fault> {
    let header = FrameHeader::of(bytes, layout).ok_or(Fault::Nonsense("there is no frame"))?;
    let mut frame = Frame::new(header, most_bytes)?;
    let mut progress = Progress::new(&frame);
    let mut tables = Tables::default();
    for segment in &layout.segments {
        tables.update(segment, bytes, |table| Decoder::new(&table))?;
        if segment.marker == START_OF_SCAN {
            let header = bytes.get(segment.content.clone()).unwrap_or_default();
            let scan = Scan::parse(header, &frame)?;
            progress.note(&scan)?;
            remember_steps(&mut frame, &scan, &tables)?;
            let data = bytes.get(segment.data.clone()).unwrap_or_default();
            read_scan(&mut frame, &scan, &tables, data)?;
        }
    }
    Ok(Picture {
        frame,
        is_complete: progress.is_complete(),
    })
}

/// How many bits of which coefficients were there already.
struct Progress {
    /// For each component and coefficient, the bits that are missing; `None` before its first scan.
    missing: Vec<[Option<u32>; 64]>,
    is_progressive: bool,
    scans: usize,
}

impl Progress {
    /// More scans than any picture needs, each of which may cost as much as the picture.
    const MOST_SCANS: usize = 256;

    fn new(frame: &Frame) -> Self {
        Self {
            missing: vec![[None; 64]; frame.components.len()],
            is_progressive: frame.header.is_progressive(),
            scans: 0,
        }
    }

    fn note(&mut self, scan: &Scan) -> Result<(), Fault> {
        self.scans += 1;
        if self.scans > Self::MOST_SCANS {
            return Err(Fault::Nonsense("there are too many scans"));
        }
        for component in &scan.components {
            let missing = self.missing.get_mut(component.index);
            let band = missing.and_then(|missing| missing.get_mut(scan.first..=scan.last));
            for missing in band.into_iter().flatten() {
                let expected = match missing {
                    None => scan.high == 0,
                    Some(bits) => self.is_progressive && scan.high == *bits && scan.high > 0,
                };
                if !expected {
                    return Err(Fault::Nonsense("a scan comes out of turn"));
                }
                *missing = Some(scan.low);
            }
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.missing
            .iter()
            .flatten()
            .all(|missing| *missing == Some(0))
    }
}

/// The steps that hold when a component is first seen are its steps.
fn remember_steps<T>(frame: &mut Frame, scan: &Scan, tables: &Tables<T>) -> Result<(), Fault> {
    for selected in &scan.components {
        let Some(component) = frame.components.get_mut(selected.index) else {
            continue;
        };
        if component.steps.is_none() {
            let slot = tables.quantisation.get(usize::from(component.header.table));
            let steps = slot.copied().flatten();
            let steps = steps.filter(|steps| !steps.contains(&0));
            component.steps =
                Some(steps.ok_or(Fault::Nonsense("a quantisation table is missing"))?);
        }
    }
    Ok(())
}

/// What is known between the blocks of a scan.
#[derive(Default)]
struct State {
    /// The last DC coefficient of each component of the scan.
    dc: [i32; 4],
    /// Blocks whose band has ended.
    ended_blocks: u32,
}

fn read_scan(
    frame: &mut Frame,
    scan: &Scan,
    tables: &Tables<Decoder>,
    data: &[u8],
) -> Result<(), Fault> {
    const NO_TABLE: Fault = Fault::Nonsense("a Huffman table is missing");
    let order = Order::new(scan, frame);
    let is_progressive = frame.header.is_progressive();
    let mut bits = BitReader::new(data);
    let mut state = State::default();
    let mut until_restart = tables.restart_interval;
    let decoders: Vec<_> = (scan.components.iter())
        .map(|component| {
            let table =
                |slots: &'_ [Option<Decoder>; 4], slot: usize| slots.get(slot).cloned().flatten();
            (
                table(&tables.dc, component.dc_table),
                table(&tables.ac, component.ac_table),
            )
        })
        .collect();
    for y in 0..order.mcus.1 {
        for x in 0..order.mcus.0 {
            if tables.restart_interval > 0 {
                if until_restart == 0 {
                    bits.restart()?;
                    state = State::default();
                    until_restart = tables.restart_interval;
                }
                until_restart -= 1;
            }
            for (unit, at) in order.blocks(x, y) {
                let component = frame.components.get_mut(unit.in_frame);
                let block = component.and_then(|component| component.coefficients.get_mut(at));
                let (Some(block), Some((dc, ac))) = (block, decoders.get(unit.in_scan)) else {
                    continue;
                };
                if scan.first == 0 && scan.high == 0 {
                    let decoder = dc.as_ref().ok_or(NO_TABLE)?;
                    let difference = read_dc(&mut bits, decoder)?;
                    let last = state.dc.get_mut(unit.in_scan).ok_or(NO_TABLE)?;
                    *last += difference;
                    block[0] = coefficient(*last, scan.low)?;
                } else if scan.first == 0 {
                    block[0] |= (bits.bits(1)? << scan.low) as i16;
                }
                if scan.last == 0 {
                    continue;
                }
                let decoder = ac.as_ref().ok_or(NO_TABLE)?;
                match (is_progressive, scan.high) {
                    (false, _) => read_ac(&mut bits, decoder, block)?,
                    (true, 0) => read_band(&mut bits, decoder, scan, &mut state, block)?,
                    (true, _) => refine_band(&mut bits, decoder, scan, &mut state, block)?,
                }
            }
        }
    }
    Ok(())
}

fn coefficient(value: i32, low: u32) -> Result<i16, Fault> {
    let value = i64::from(value) << low;
    let value = i16::try_from(value).ok().filter(|&value| value != i16::MIN);
    value.ok_or(Fault::Nonsense("a coefficient is too large"))
}

fn read_dc(bits: &mut BitReader<'_>, decoder: &Decoder) -> Result<i32, Fault> {
    let length = decoder.symbol(bits)?;
    if length > 15 {
        return Err(Fault::Nonsense("a coefficient is too large"));
    }
    bits.signed(length.into())
}

fn read_ac(bits: &mut BitReader<'_>, decoder: &Decoder, block: &mut Block) -> Result<(), Fault> {
    let mut place = 1;
    while place < 64 {
        let symbol = decoder.symbol(bits)?;
        let (run, length) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if length == 0 {
            match run {
                15 => place += 16,
                _ => break,
            }
            continue;
        }
        place += run;
        let value = bits.signed(length)?;
        *block.get_mut(place).ok_or(BEYOND)? = coefficient(value, 0)?;
        place += 1;
    }
    // Sixteen zeros that go beyond the block are wrong too.
    if place > 64 { Err(BEYOND) } else { Ok(()) }
}

const BEYOND: Fault = Fault::Nonsense("a block has too many coefficients");

fn read_band(
    bits: &mut BitReader<'_>,
    decoder: &Decoder,
    scan: &Scan,
    state: &mut State,
    block: &mut Block,
) -> Result<(), Fault> {
    if state.ended_blocks > 0 {
        state.ended_blocks -= 1;
        return Ok(());
    }
    let mut place = scan.first;
    while place <= scan.last {
        let symbol = decoder.symbol(bits)?;
        let (run, length) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        match (run, length) {
            (15, 0) => place += 16,
            (run, 0) => {
                state.ended_blocks = (1 << run) - 1 + bits.bits(run as u32)?;
                return Ok(());
            }
            _ => {
                place += run;
                let value = bits.signed(length)?;
                let slot = block
                    .get_mut(..=scan.last)
                    .and_then(|band| band.get_mut(place));
                *slot.ok_or(BEYOND)? = coefficient(value, scan.low)?;
                place += 1;
            }
        }
    }
    if place > scan.last + 1 {
        Err(BEYOND)
    } else {
        Ok(())
    }
}

/// Another bit of coefficients that are known roughly, among them new ones (G.1.2.3).
fn refine_band(
    bits: &mut BitReader<'_>,
    decoder: &Decoder,
    scan: &Scan,
    state: &mut State,
    block: &mut Block,
) -> Result<(), Fault> {
    let one = 1i16 << scan.low;
    let band = block.get_mut(scan.first..=scan.last).ok_or(BEYOND)?;
    let refine = |bits: &mut BitReader<'_>, value: &mut i16| {
        if bits.bits(1)? == 1 && *value & one == 0 {
            *value = value.saturating_add(if *value < 0 { -one } else { one });
        }
        Ok::<(), Fault>(())
    };
    let mut rest = band.iter_mut();
    while state.ended_blocks == 0 && rest.len() > 0 {
        let symbol = decoder.symbol(bits)?;
        let (mut run, length) = (symbol >> 4, symbol & 15);
        let new = match length {
            0 if run < 15 => {
                state.ended_blocks = (1 << run) + bits.bits(run.into())?;
                break;
            }
            0 => None,
            1 if bits.bits(1)? == 1 => Some(one),
            1 => Some(-one),
            _ => return Err(Fault::Nonsense("a refinement is not of one bit")),
        };
        loop {
            let Some(value) = rest.next() else {
                return match new {
                    Some(_) => Err(BEYOND),
                    None => Ok(()),
                };
            };
            if *value != 0 {
                refine(bits, value)?;
            } else if run > 0 {
                run -= 1;
            } else {
                *value = new.unwrap_or(0);
                break;
            }
        }
    }
    if state.ended_blocks > 0 {
        for value in rest.filter(|value| **value != 0) {
            refine(bits, value)?;
        }
        state.ended_blocks -= 1;
    }
    Ok(())
}
