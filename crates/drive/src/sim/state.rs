//! A simulated drive's inside: what it holds, what it still has in its cache, and what is wrong with it.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use nix::libc::{EINVAL, EIO, ENODEV, ENOSPC};
use protocol::{DriveIdentity, SectorSize};

use super::ata::Ata;
use super::fault::{Access, EraseFault, Fault};
use super::kind::{Kind, Leaves};
use super::lie::Lie;
use super::medium::{Content, Medium, left_over};
use super::nvme::Nvme;
use super::sanitize::Sanitize;
use super::{Command, SimDrive};

/// Alignment in bytes that the memory of a request must have, as SCSI disks demand it.
const MEMORY_ALIGNMENT: usize = 512;

/// The command set, with the states that are its own.
#[derive(Debug)]
pub(super) enum Device {
    Ata(Ata),
    Nvme(Nvme),
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) identity: DriveIdentity,
    pub(super) device: Device,
    pub(super) medium: Medium,
    /// Written but not flushed. Lost when the power goes.
    cache: BTreeMap<u64, Content>,
    /// A liar's: what it would have left if it had erased. Lost when the power goes.
    pretended: Option<Leaves>,
    pub(super) sanitize: Sanitize,
    powered: bool,
    pub(super) n_commands: u64,
    pub(super) power_cut_at: Option<u64>,
    pub(super) replacement: Option<(u64, SimDrive)>,
    pub(super) faults: Vec<Fault>,
    pub(super) erase_faults: Vec<EraseFault>,
    pub(super) lie: Lie,
}

impl State {
    pub(super) fn new(identity: DriveIdentity, sector_size: SectorSize, kind: Kind) -> Self {
        let n_sectors = identity.size.0 / u64::from(sector_size.bytes());
        let sector_len = sector_size.bytes() as usize;
        let device = match kind {
            Kind::Ata(device) => Device::Ata(Ata::new(device)),
            Kind::Nvme(device) => {
                let n_namespaces = u64::from(device.namespaces);
                assert_eq!(n_sectors % n_namespaces, 0, "namespaces must be of one size");
                Device::Nvme(Nvme::new(device))
            }
        };
        Self {
            identity,
            device,
            medium: Medium::new(n_sectors, sector_len),
            cache: BTreeMap::new(),
            pretended: None,
            sanitize: Sanitize::Never,
            powered: true,
            n_commands: 0,
            power_cut_at: None,
            replacement: None,
            faults: Vec::new(),
            erase_faults: Vec::new(),
            lie: Lie::Honest,
        }
    }

    /// Counts a command; the drive that executes it, where it is another one. `interrupt` is what becomes of the command
    /// where the power goes with it.
    pub(super) fn count(
        &mut self,
        command: Command,
        interrupt: impl FnOnce(&mut Self),
    ) -> io::Result<Option<SimDrive>> {
        let replacement = self.replacement.as_ref().filter(|(at, _)| self.n_commands >= *at);
        let replacement = replacement.map(|(_, other)| other.clone());
        if self.power_cut_at.is_some_and(|at| self.n_commands >= at) {
            if self.powered && replacement.is_none() {
                interrupt(self);
            }
            self.power_cut();
        }
        self.n_commands += 1;
        if !self.powered {
            return Err(io::Error::from_raw_os_error(ENODEV));
        }
        if let Device::Ata(ata) = &mut self.device {
            ata.security.receives(command);
        }
        Ok(replacement)
    }

    pub(super) fn power_cut(&mut self) {
        self.cache.clear();
        self.powered = false;
        self.power_cut_at = None;
        // What lives in the drive's memory is over once it has been without power.
        let was_pretending = self.pretended.take().is_some();
        if was_pretending
            || matches!(self.lie, Lie::ZerosUntilPowerCycle | Lie::ForgetsAtPowerCycle)
        {
            self.lie = Lie::Honest;
        }
    }

    pub(super) fn power_on(&mut self) {
        // A drive that never lost its power does not notice.
        if !std::mem::replace(&mut self.powered, true)
            && let Device::Ata(ata) = &mut self.device
        {
            ata.power_on();
        }
    }

    /// Whether the medium may be read and written at all.
    fn must_give_access(&self) -> io::Result<()> {
        let is_locked = matches!(&self.device, Device::Ata(ata) if ata.security.is_locked());
        if is_locked || !self.sanitize.gives_access() {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        Ok(())
    }

    pub(super) fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let sectors = self.sectors(offset, buffer)?;
        self.must_give_access()?;
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
                None => match self.pretended {
                    Some(leaves) => left_over(leaves, sector, bytes.len()).copy_to(bytes),
                    None => self.medium.read(sector, bytes),
                },
            }
        }
        Ok(())
    }

    pub(super) fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        let sectors = self.sectors(offset, data)?;
        self.must_give_access()?;
        if let Device::Nvme(nvme) = &mut self.device {
            nvme.is_global_erased = false;
        }
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

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.must_give_access()?;
        if self.lie != Lie::ForgetsAtPowerCycle && self.pretended.is_none() {
            self.settle();
        }
        Ok(())
    }

    /// Puts what is in the cache onto the medium.
    pub(super) fn settle(&mut self) {
        for (sector, content) in std::mem::take(&mut self.cache) {
            self.medium.write(sector, content);
        }
    }

    /// Answers from now on as if everything had been erased.
    pub(super) fn pretend(&mut self, leaves: Leaves) {
        if self.lie == Lie::ErasesUntilPowerCycle && self.pretended.is_none() {
            self.settle();
        }
        self.cache.clear();
        self.pretended = Some(leaves);
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
