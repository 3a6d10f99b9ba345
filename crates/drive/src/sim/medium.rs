//! What stands on the platters or in the cells.

use std::collections::BTreeMap;

use super::fault::scatter;

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

/// Sectors by number. What was never written is zeros or, once filled, old data that is computed when it is read.
#[derive(Debug)]
pub(super) struct Medium {
    pub(super) n_sectors: u64,
    pub(super) sector_len: usize,
    old_data: bool,
    written: BTreeMap<u64, Content>,
}

impl Medium {
    pub(super) fn new(n_sectors: u64, sector_len: usize) -> Self {
        Self { n_sectors, sector_len, old_data: false, written: BTreeMap::new() }
    }

    pub(super) fn fill_with_old_data(&mut self) {
        self.old_data = true;
        self.written.clear();
    }

    pub(super) fn n_old_sectors(&self) -> u64 {
        if !self.old_data {
            return 0;
        }
        let is_old = |&(&sector, content): &(&u64, &Content)| *content == self.old(sector);
        let rewritten = self.written.iter().filter(|entry| !is_old(entry)).count();
        self.n_sectors - rewritten as u64
    }

    pub(super) fn read(&self, sector: u64, buffer: &mut [u8]) {
        match self.written.get(&sector) {
            Some(content) => content.copy_to(buffer),
            None if self.old_data => self.old(sector).copy_to(buffer),
            None => buffer.fill(0),
        }
    }

    pub(super) fn write(&mut self, sector: u64, content: Content) {
        if content == Content::Zeros && !self.old_data {
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

    /// Old data: the sector's number and a pattern of its own, never all zeros.
    fn old(&self, sector: u64) -> Content {
        let pattern = scatter(sector) | 1;
        let words = [sector.to_le_bytes(), pattern.to_le_bytes()].concat();
        Content::Bytes(words.into_iter().cycle().take(self.sector_len).collect())
    }
}
