//! What stands on the platters or in the cells.

use std::collections::BTreeMap;
use std::ops::Range;

use super::fault::scatter;
use super::kind::Leaves;
use super::lie::Kept;

/// The content of one sector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Zeros,
    Bytes(Box<[u8]>),
}

impl Content {
    pub(super) fn of(bytes: &[u8]) -> Self {
        if bytes.iter().all(|&byte| byte == 0) { Self::Zeros } else { Self::Bytes(bytes.into()) }
    }

    pub(super) fn copy_to(&self, buffer: &mut [u8]) {
        match self {
            Self::Zeros => buffer.fill(0),
            Self::Bytes(bytes) => buffer.copy_from_slice(bytes),
        }
    }
}

/// What whole ranges of sectors hold: computed when it is read, so that large drives cost no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fill {
    OldData,
    Erased(Leaves),
}

/// A range that was filled; later ones lie over earlier ones.
#[derive(Debug)]
struct Layer {
    sectors: Range<u64>,
    fill: Fill,
}

/// Sectors by number: what was written to them, else the topmost layer, else zeros.
#[derive(Debug)]
pub(super) struct Medium {
    pub(super) n_sectors: u64,
    pub(super) sector_len: usize,
    layers: Vec<Layer>,
    written: BTreeMap<u64, Content>,
    /// Erase commands so far, counted by who carries them out.
    pub(super) n_erases: u64,
}

impl Medium {
    pub(super) fn new(n_sectors: u64, sector_len: usize) -> Self {
        Self { n_sectors, sector_len, layers: Vec::new(), written: BTreeMap::new(), n_erases: 0 }
    }

    pub(super) fn fill_with_old_data(&mut self) {
        self.written.clear();
        self.layers = vec![Layer { sectors: 0..self.n_sectors, fill: Fill::OldData }];
    }

    pub(super) fn n_old_sectors(&self) -> u64 {
        if self.layers.is_empty() {
            return 0;
        }
        let mut bounds: Vec<u64> =
            self.layers.iter().flat_map(|layer| [layer.sectors.start, layer.sectors.end]).collect();
        bounds.sort_unstable();
        let filled: u64 = bounds
            .windows(2)
            .filter(|pair| pair[0] < pair[1] && self.fill_of(pair[0]) == Some(Fill::OldData))
            .map(|pair| pair[1] - pair[0])
            .sum();
        let (mut rewritten, mut kept) = (0, 0);
        for (&sector, content) in &self.written {
            let (is_old, was_old) =
                (*content == self.old(sector), self.fill_of(sector) == Some(Fill::OldData));
            rewritten += u64::from(was_old && !is_old);
            kept += u64::from(is_old && !was_old);
        }
        filled + kept - rewritten
    }

    /// Leaves `leaves` in all these sectors but those that are kept.
    pub(super) fn erase(&mut self, sectors: Range<u64>, leaves: Leaves, kept: &Kept) {
        if sectors.is_empty() || *kept == Kept::All {
            return;
        }
        let mut survivors = self.written.split_off(&sectors.start);
        let mut beyond = survivors.split_off(&sectors.end);
        self.written.append(&mut beyond);
        survivors.retain(|sector, _| kept.keeps(*sector));
        if *kept != Kept::Nothing {
            for sector in sectors.clone().filter(|sector| kept.keeps(*sector)) {
                let under = self.filled(sector);
                survivors.entry(sector).or_insert(under);
            }
        }
        self.written.append(&mut survivors);
        // A drive that changed its key reads other noise than after the change before.
        let fill = Fill::Erased(match leaves {
            Leaves::Random(seed) => Leaves::Random(seed ^ scatter(self.n_erases)),
            leaves => leaves,
        });
        match self.layers.last_mut() {
            // An erase goes on from where it was: one layer, however many steps it took.
            Some(last)
                if last.fill == fill
                    && last.sectors.start == sectors.start
                    && last.sectors.end <= sectors.end =>
            {
                last.sectors.end = sectors.end;
            }
            _ => self.layers.push(Layer { sectors, fill }),
        }
    }

    pub(super) fn read(&self, sector: u64, buffer: &mut [u8]) {
        match self.written.get(&sector) {
            Some(content) => content.copy_to(buffer),
            None => self.filled(sector).copy_to(buffer),
        }
    }

    pub(super) fn write(&mut self, sector: u64, content: Content) {
        if content == Content::Zeros && self.layers.is_empty() {
            self.written.remove(&sector);
        } else {
            self.written.insert(sector, content);
        }
    }

    pub(super) fn plant(&mut self, offset: u64, bytes: &[u8]) {
        for (position, &byte) in (offset..).zip(bytes) {
            let (sector, at) = self.locate(position);
            let mut content = vec![0; self.sector_len];
            self.read(sector, &mut content);
            content[at] = byte;
            self.write(sector, Content::of(&content));
        }
    }

    pub(super) fn peek(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length);
        let mut content = vec![0; self.sector_len];
        let (mut sector, mut at) = self.locate(offset);
        while bytes.len() < length {
            self.read(sector, &mut content);
            let wanted = (length - bytes.len()).min(self.sector_len - at);
            bytes.extend_from_slice(&content[at..at + wanted]);
            (sector, at) = (sector + 1, 0);
        }
        bytes
    }

    fn locate(&self, offset: u64) -> (u64, usize) {
        let sector_len = self.sector_len as u64;
        // The remainder of a division by a usize fits a usize.
        (offset / sector_len, usize::try_from(offset % sector_len).unwrap_or(0))
    }

    fn fill_of(&self, sector: u64) -> Option<Fill> {
        let layer = self.layers.iter().rev().find(|layer| layer.sectors.contains(&sector));
        layer.map(|layer| layer.fill)
    }

    fn filled(&self, sector: u64) -> Content {
        match self.fill_of(sector) {
            None => Content::Zeros,
            Some(Fill::OldData) => self.old(sector),
            Some(Fill::Erased(leaves)) => left_over(leaves, sector, self.sector_len),
        }
    }

    /// Old data: the sector's number and a pattern of its own, never all zeros.
    fn old(&self, sector: u64) -> Content {
        let pattern = scatter(sector) | 1;
        let words = [sector.to_le_bytes(), pattern.to_le_bytes()].concat();
        Content::Bytes(words.into_iter().cycle().take(self.sector_len).collect())
    }
}

/// What an erase leaves in a sector.
pub(super) fn left_over(leaves: Leaves, sector: u64, sector_len: usize) -> Content {
    match leaves {
        Leaves::Zeros => Content::Zeros,
        Leaves::Ones => Content::Bytes(vec![0xff; sector_len].into()),
        Leaves::Pattern(pattern) => {
            let bytes: Vec<u8> = pattern.into_iter().cycle().take(sector_len).collect();
            Content::of(&bytes)
        }
        Leaves::Random(seed) => {
            let first = scatter(seed ^ scatter(sector));
            let words = (0..).map(|index: u64| scatter(first.wrapping_add(index)));
            Content::Bytes(words.flat_map(u64::to_le_bytes).take(sector_len).collect())
        }
    }
}
