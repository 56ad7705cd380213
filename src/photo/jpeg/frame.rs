//! The frame of a JPEG picture: its components with their coefficients, and the headers of its scans.

use super::marker::{Layout, Segment, starts_frame};
use super::{Fault, marker};

/// Coefficients of a block of 8×8 samples, in zigzag order, as they are coded: divided by the steps of
/// the quantisation table.
pub(super) type Block = [i16; 64];

/// What a frame header tells, before any coefficients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Marker, which tells the process.
    pub marker: u8,
    /// Bits a sample.
    pub precision: u8,
    pub width: usize,
    pub height: usize,
    pub components: Vec<ComponentHeader>,
}

/// What a frame header tells about a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ComponentHeader {
    pub id: u8,
    /// Horizontal sampling factor.
    pub h: usize,
    /// Vertical sampling factor.
    pub v: usize,
    /// Number of the quantisation table.
    pub table: u8,
}

impl FrameHeader {
    /// The first frame header of a file.
    pub fn of(bytes: &[u8], layout: &Layout) -> Option<Self> {
        let mut segments = layout.segments.iter();
        let segment = segments.find(|segment| starts_frame(segment.marker))?;
        Self::parse(segment.marker, bytes.get(segment.content.clone())?)
    }

    fn parse(marker: u8, content: &[u8]) -> Option<Self> {
        let (&[precision, h1, h0, w1, w0, count], components) = content.split_first_chunk()?;
        let (components, _) = components.as_chunks::<3>();
        let component = |&[id, factors, table]: &[u8; 3]| ComponentHeader {
            id,
            h: usize::from(factors >> 4),
            v: usize::from(factors & 15),
            table,
        };
        Some(Self {
            marker,
            precision,
            width: u16::from_be_bytes([w1, w0]).into(),
            height: u16::from_be_bytes([h1, h0]).into(),
            components: components
                .get(..count.into())?
                .iter()
                .map(component)
                .collect(),
        })
    }

    pub fn is_progressive(&self) -> bool {
        self.marker == 0xC2
    }

    /// Why Jawline does not read pictures of this kind, in words.
    pub fn unsupported(&self) -> Option<&'static str> {
        match self.marker {
            0xC3 | 0xC7 | 0xCB | 0xCF => return Some("lossless coding"),
            0xC9 | 0xCA => return Some("arithmetic coding"),
            0xC5 | 0xC6 | 0xCD | 0xCE => return Some("hierarchical coding"),
            _ => {}
        }
        match self.precision {
            8 => self.unsupported_sampling(),
            12 => Some("12 bits a channel"),
            _ => Some("an unusual number of bits a channel"),
        }
    }

    /// What the decoder would show as stripes, or call damaged.
    fn unsupported_sampling(&self) -> Option<&'static str> {
        let (first, others) = self.components.split_first()?;
        if others.is_empty() {
            return None;
        }
        if self.components.iter().any(|it| it.h == 3 || it.v == 3) {
            return Some("sampling in threes");
        }
        let is_finer = others.iter().any(|other| other.h > first.h);
        is_finer.then_some("colours that are finer than the brightness")
    }
}

/// A component with its coefficients.
#[derive(Debug, Clone)]
pub(super) struct Component {
    pub header: ComponentHeader,
    /// Blocks in a row and in a column, as scans of this component alone have them.
    pub blocks: (usize, usize),
    /// Blocks in a row of `coefficients`: whole MCUs.
    pub stride: usize,
    /// The steps of quantisation, in zigzag order, known from the component's first scan on.
    pub steps: Option<[u16; 64]>,
    pub coefficients: Vec<Block>,
}

impl Component {
    pub fn block(&mut self, x: usize, y: usize) -> Option<&mut Block> {
        self.coefficients.get_mut(y * self.stride + x)
    }
}

/// A picture as coefficients.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub header: FrameHeader,
    /// The largest sampling factors.
    pub largest: (usize, usize),
    /// MCUs in a row and in a column.
    pub mcus: (usize, usize),
    pub components: Vec<Component>,
}

impl Frame {
    /// A frame whose coefficients are 0.
    pub fn new(header: FrameHeader, most_bytes: u64) -> Result<Self, Fault> {
        if !matches!(header.marker, 0xC0..=0xC2) {
            return Err(Fault::Unsupported("this kind of coding"));
        }
        if let Some(what) = header.unsupported() {
            return Err(Fault::Unsupported(what));
        }
        let are_usual = |c: &ComponentHeader| (1..=4).contains(&c.h) && (1..=4).contains(&c.v);
        if !matches!(header.components.len(), 1..=4) || !header.components.iter().all(are_usual) {
            return Err(Fault::Unsupported("its components"));
        }
        if header.width == 0 || header.height == 0 {
            return Err(Fault::Unsupported("a size that is given later"));
        }
        let most = |factor: fn(&ComponentHeader) -> usize| {
            header.components.iter().map(factor).max().unwrap_or(1)
        };
        let largest = (most(|c| c.h), most(|c| c.v));
        let mcus = (
            header.width.div_ceil(8 * largest.0),
            header.height.div_ceil(8 * largest.1),
        );
        let per_mcu: usize = header.components.iter().map(|c| c.h * c.v).sum();
        let bytes = (mcus.0 * mcus.1 * per_mcu) as u64 * size_of::<Block>() as u64;
        if bytes > most_bytes {
            return Err(Fault::Unsupported("its size"));
        }
        let component = |&component: &ComponentHeader| {
            let blocks = |size: usize, factor: usize, largest: usize| {
                (size * factor).div_ceil(largest).div_ceil(8)
            };
            let (stride, rows) = (mcus.0 * component.h, mcus.1 * component.v);
            Component {
                header: component,
                blocks: (
                    blocks(header.width, component.h, largest.0),
                    blocks(header.height, component.v, largest.1),
                ),
                stride,
                steps: None,
                coefficients: vec![[0; 64]; stride * rows],
            }
        };
        Ok(Self {
            components: header.components.iter().map(component).collect(),
            largest,
            mcus,
            header,
        })
    }
}

/// The header of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    pub components: Vec<ScanComponent>,
    /// First and last coefficient.
    pub first: usize,
    pub last: usize,
    /// Bits that earlier scans have left out, or 0 for the first scan of these coefficients.
    pub high: u32,
    /// Bits that this scan leaves out.
    pub low: u32,
}

/// A component in a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScanComponent {
    /// Its place in the frame.
    pub index: usize,
    /// Numbers of its Huffman tables.
    pub dc_table: usize,
    pub ac_table: usize,
}

impl Scan {
    pub fn parse(content: &[u8], frame: &Frame) -> Result<Self, Fault> {
        const NONSENSE: Fault = Fault::Nonsense("the header of a scan makes no sense");
        let (&count, rest) = content.split_first().ok_or(NONSENSE)?;
        let (selectors, rest) = rest
            .split_at_checked(2 * usize::from(count))
            .ok_or(NONSENSE)?;
        let &[first, last, bits] = rest.first_chunk().ok_or(NONSENSE)?;
        let mut components: Vec<ScanComponent> = Vec::new();
        for &[id, tables] in selectors.as_chunks().0 {
            let mut headers = frame.components.iter().map(|component| component.header);
            let index = headers.position(|header| header.id == id).ok_or(NONSENSE)?;
            let is_new = components.last().is_none_or(|last| last.index < index);
            if !is_new || tables >> 4 > 3 || tables & 15 > 3 {
                return Err(NONSENSE);
            }
            components.push(ScanComponent {
                index,
                dc_table: usize::from(tables >> 4),
                ac_table: usize::from(tables & 15),
            });
        }
        let scan = match frame.header.is_progressive() {
            true => Self {
                components,
                first: first.into(),
                last: last.into(),
                high: u32::from(bits >> 4),
                low: u32::from(bits & 15),
            },
            // Not all programs write what the standard wants here.
            false => Self {
                components,
                first: 0,
                last: 63,
                high: 0,
                low: 0,
            },
        };
        let is_band = match scan.first {
            0 => scan.last == 0 || !frame.header.is_progressive(),
            first => first <= scan.last && scan.components.len() == 1,
        };
        let is_step = scan.high == 0 || scan.high == scan.low + 1;
        let is_sound = is_band && is_step && scan.last < 64 && scan.low <= 13;
        if scan.components.is_empty() || !is_sound {
            return Err(NONSENSE);
        }
        Ok(scan)
    }
}

/// What changes between the scans of a file: tables and the restart interval.
#[derive(Debug, Clone)]
pub(super) struct Tables<T> {
    pub dc: [Option<T>; 4],
    pub ac: [Option<T>; 4],
    pub quantisation: [Option<[u16; 64]>; 4],
    /// MCUs between two restart markers, or 0.
    pub restart_interval: usize,
}

impl<T> Default for Tables<T> {
    fn default() -> Self {
        Self {
            dc: [const { None }; 4],
            ac: [const { None }; 4],
            quantisation: [None; 4],
            restart_interval: 0,
        }
    }
}

impl<T> Tables<T> {
    /// Takes in what a segment defines.
    pub fn update(
        &mut self,
        segment: &Segment,
        bytes: &[u8],
        table: impl Fn(super::huffman::Specification) -> T,
    ) -> Result<(), Fault> {
        const NONSENSE: Fault = Fault::Nonsense("a table makes no sense");
        let mut content = bytes.get(segment.content.clone()).unwrap_or_default();
        match segment.marker {
            marker::HUFFMAN_TABLES => {
                while let Some((&kind, rest)) = content.split_first() {
                    let (specification, rest) = super::huffman::Specification::parse(rest)?;
                    let slots = match kind >> 4 {
                        0 => &mut self.dc,
                        1 => &mut self.ac,
                        _ => return Err(NONSENSE),
                    };
                    let slot = slots.get_mut(usize::from(kind & 15)).ok_or(NONSENSE)?;
                    *slot = Some(table(specification));
                    content = rest;
                }
            }
            marker::QUANTISATION_TABLES => {
                while let Some((&kind, rest)) = content.split_first() {
                    let bytes_each = match kind >> 4 {
                        0 => 1,
                        1 => 2,
                        _ => return Err(NONSENSE),
                    };
                    let (steps, rest) = rest.split_at_checked(64 * bytes_each).ok_or(NONSENSE)?;
                    let mut table = [0; 64];
                    for (step, bytes) in table.iter_mut().zip(steps.chunks(bytes_each)) {
                        *step = bytes
                            .iter()
                            .fold(0, |sum, &byte| sum << 8 | u16::from(byte));
                    }
                    let slot = self.quantisation.get_mut(usize::from(kind & 15));
                    *slot.ok_or(NONSENSE)? = Some(table);
                    content = rest;
                }
            }
            marker::RESTART_INTERVAL => {
                let interval = content.first_chunk().ok_or(NONSENSE)?;
                self.restart_interval = u16::from_be_bytes(*interval).into();
            }
            marker::NUMBER_OF_LINES => {
                return Err(Fault::Unsupported("a size that is given later"));
            }
            _ => {}
        }
        Ok(())
    }
}

/// In which order a scan has its blocks.
#[derive(Debug)]
pub(super) struct Order {
    /// MCUs in a row and in a column, as this scan has them.
    pub mcus: (usize, usize),
    units: Vec<Unit>,
}

/// One of the blocks of an MCU.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    /// The component's place in the scan and in the frame.
    pub in_scan: usize,
    pub in_frame: usize,
    factors: (usize, usize),
    offset: (usize, usize),
    stride: usize,
}

impl Order {
    pub fn new(scan: &Scan, frame: &Frame) -> Self {
        let is_alone = scan.components.len() == 1;
        let mut order = Self {
            mcus: frame.mcus,
            units: Vec::new(),
        };
        for (in_scan, selected) in scan.components.iter().enumerate() {
            let Some(component) = frame.components.get(selected.index) else {
                continue;
            };
            let mut factors = (component.header.h, component.header.v);
            if is_alone {
                order.mcus = component.blocks;
                factors = (1, 1);
            }
            let offsets = (0..factors.1).flat_map(|y| (0..factors.0).map(move |x| (x, y)));
            order.units.extend(offsets.map(|offset| Unit {
                in_scan,
                in_frame: selected.index,
                factors,
                offset,
                stride: component.stride,
            }));
        }
        order
    }

    /// The blocks of an MCU, and where in their component they are.
    pub fn blocks(&self, x: usize, y: usize) -> impl Iterator<Item = (Unit, usize)> + '_ {
        self.units.iter().map(move |unit| {
            let column = x * unit.factors.0 + unit.offset.0;
            let row = y * unit.factors.1 + unit.offset.1;
            (*unit, row * unit.stride + column)
        })
    }
}
