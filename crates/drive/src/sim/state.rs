//! A simulated drive's inside: what it holds, what it still has in its cache, and what is wrong with it.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use nix::libc::{EINVAL, EIO, ENODEV, ENOSPC};
use protocol::{DriveIdentity, SectorSize};

use super::SimDrive;
use super::fault::{Access, Fault, Lie};
use super::medium::{Content, Medium};

/// Alignment in bytes that the memory of a request must have, as SCSI disks demand it.
const MEMORY_ALIGNMENT: usize = 512;

#[derive(Debug)]
pub(super) struct State {
    pub(super) identity: DriveIdentity,
    pub(super) medium: Medium,
    /// Written but not flushed. Lost when the power goes.
    cache: BTreeMap<u64, Content>,
    powered: bool,
    pub(super) n_commands: u64,
    pub(super) power_cut_at: Option<u64>,
    pub(super) replacement: Option<(u64, SimDrive)>,
    pub(super) faults: Vec<Fault>,
    pub(super) lie: Lie,
}

impl State {
    pub(super) fn new(identity: DriveIdentity, sector_size: SectorSize) -> Self {
        let n_sectors = identity.size.0 / u64::from(sector_size.bytes());
        let sector_len = sector_size.bytes() as usize;
        Self {
            identity,
            medium: Medium::new(n_sectors, sector_len),
            cache: BTreeMap::new(),
            powered: true,
            n_commands: 0,
            power_cut_at: None,
            replacement: None,
            faults: Vec::new(),
            lie: Lie::Honest,
        }
    }

    /// Counts a command; the drive that executes it, where it is another one.
    pub(super) fn count(&mut self) -> io::Result<Option<SimDrive>> {
        if self.power_cut_at.is_some_and(|at| self.n_commands >= at) {
            self.power_cut();
        }
        self.n_commands += 1;
        if !self.powered {
            return Err(io::Error::from_raw_os_error(ENODEV));
        }
        let replacement = self.replacement.as_ref().filter(|(at, _)| self.n_commands > *at);
        Ok(replacement.map(|(_, other)| other.clone()))
    }

    pub(super) fn power_cut(&mut self) {
        self.cache.clear();
        self.powered = false;
        self.power_cut_at = None;
    }

    pub(super) fn power_on(&mut self) {
        self.powered = true;
        // These two live in the drive's memory and are over once it has been without power.
        if matches!(self.lie, Lie::ZerosUntilPowerCycle | Lie::ForgetsAtPowerCycle) {
            self.lie = Lie::Honest;
        }
    }

    pub(super) fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let sectors = self.sectors(offset, buffer)?;
        if self.strike(Access::Read, &sectors).is_some() {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        if self.lie == Lie::ZerosUntilPowerCycle {
            buffer.fill(0);
            return Ok(());
        }
        for (sector, bytes) in sectors.zip(buffer.chunks_mut(self.medium.sector_len)) {
            let sector = self.lie.real_sector(sector);
            match self.cache.get(&sector) {
                Some(content) => content.copy_to(bytes),
                None => self.medium.read(sector, bytes),
            }
        }
        Ok(())
    }

    pub(super) fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        let sectors = self.sectors(offset, data)?;
        let bad = self.strike(Access::Write, &sectors);
        for (sector, bytes) in sectors.zip(data.chunks(self.medium.sector_len)) {
            if bad == Some(sector) {
                return Err(io::Error::from_raw_os_error(EIO));
            }
            if !self.lie.keeps(sector) {
                self.cache.insert(self.lie.real_sector(sector), Content::of(bytes));
            }
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) {
        if self.lie == Lie::ForgetsAtPowerCycle {
            return;
        }
        for (sector, content) in std::mem::take(&mut self.cache) {
            self.medium.write(sector, content);
        }
    }

    fn strike(&mut self, access: Access, sectors: &Range<u64>) -> Option<u64> {
        self.faults.iter_mut().filter_map(|fault| fault.strike(access, sectors)).min()
    }

    /// The sectors of a request, refused where the kernel would refuse it.
    fn sectors(&self, offset: u64, memory: &[u8]) -> io::Result<Range<u64>> {
        let sector_len = self.medium.sector_len as u64;
        let length = memory.len() as u64;
        let is_aligned = offset.is_multiple_of(sector_len)
            && length.is_multiple_of(sector_len)
            && memory.as_ptr().addr().is_multiple_of(MEMORY_ALIGNMENT);
        if !is_aligned || memory.is_empty() {
            return Err(io::Error::from_raw_os_error(EINVAL));
        }
        let range = offset / sector_len..(offset + length) / sector_len;
        if range.end > self.medium.n_sectors {
            return Err(io::Error::from_raw_os_error(ENOSPC));
        }
        Ok(range)
    }
}
