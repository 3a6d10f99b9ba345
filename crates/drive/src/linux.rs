//! A drive behind the Linux kernel.

mod identify;
mod open_error;
mod parts;
mod read_only;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::libc::{EBUSY, O_DIRECT, O_EXCL, O_NONBLOCK};
use protocol::{ByteLen, DriveIdentity, SectorSize};
use sys::nvme::{AdminCommand, AdminError};
use sys::sg::AtaError;
use sys::taskfile::{Registers, Taskfile, Transfer};

use crate::identity::{Identified, IdentityError, IdentityReader};
use crate::{Drive, Roots, discover};

pub use open_error::OpenError;
use parts::{Part, PartError, Parts};
pub use read_only::ReadOnlyDrive;

/// A drive that this process alone has open.
///
/// An NVMe unit with several namespaces is one drive: its bytes are those of the first namespace, then those of the
/// next, in the order of their numbers.
#[derive(Debug)]
pub struct LinuxDrive {
    parts: Parts,
    size: ByteLen,
    sector_size: SectorSize,
}

impl LinuxDrive {
    /// Opens a whole drive, which is all nodes of one unit, for exclusive, direct access (`O_RDWR | O_EXCL | O_DIRECT`)
    /// and makes sure through the open descriptors that it is the expected one.
    ///
    /// While this is open, no partition of the drive can be mounted: drop it first, open it again afterwards.
    pub fn open(nodes: &[PathBuf], expected: &DriveIdentity) -> Result<Self, OpenError> {
        let mut options = OpenOptions::new();
        // std adds O_CLOEXEC.
        options.read(true).write(true).custom_flags(O_EXCL | O_DIRECT);
        let parts = Parts::open(nodes, &options)?;
        must_be(parts.all(), expected)?;
        for Part { file, device, .. } in parts.all() {
            let geometry = |source| OpenError::Geometry { device: device.clone(), source };
            if sys::block::is_read_only(file).map_err(geometry)? {
                return Err(OpenError::ReadOnly { device: device.clone() });
            }
        }
        let sector_size = sector_size(&parts)?;
        Ok(Self { parts, size: expected.size, sector_size })
    }

    /// Opens the same drive, which has one node, beside an exclusive claim and without one: through this descriptor its
    /// partitions can be told to the kernel. As long as it is open, the kernel gives the drive's name to no other.
    pub fn open_shared(device: &Path, expected: &DriveIdentity) -> Result<File, OpenError> {
        let open_error = |source| OpenError::Open { device: device.to_owned(), source };
        let file = OpenOptions::new().read(true).write(true).open(device).map_err(open_error)?;
        let kept = file.try_clone().map_err(open_error)?;
        must_be(&[Part::of(file, device)?], expected)?;
        Ok(kept)
    }
}

fn must_be(parts: &[Part], expected: &DriveIdentity) -> Result<(), OpenError> {
    let device = first(parts);
    match identify::identity(parts) {
        Ok(found) if found == *expected => Ok(()),
        Ok(found) => {
            let (expected, found) = (Box::new(expected.clone()), Box::new(found));
            Err(OpenError::OtherDrive { device, expected, found })
        }
        Err(source) => Err(OpenError::Identity { device, source }),
    }
}

/// The node by which messages name the drive.
fn first(parts: &[Part]) -> PathBuf {
    parts.first().map(|part| part.device.clone()).unwrap_or_default()
}

/// That of the first node: only units whose namespaces agree in it have an identity.
fn sector_size(parts: &Parts) -> Result<SectorSize, OpenError> {
    let [Part { file, device, .. }, ..] = parts.all() else {
        let (device, source) = (PathBuf::new(), IdentityError::NotOneUnit);
        return Err(OpenError::Identity { device, source });
    };
    let device = || device.clone();
    let sector_size = sys::block::logical_sector_size(file)
        .map_err(|source| OpenError::Geometry { device: device(), source })?;
    SectorSize::try_from(sector_size)
        .map_err(|source| OpenError::SectorSize { device: device(), source })
}

fn drop_caches(parts: &Parts) -> io::Result<()> {
    parts
        .files()
        .try_for_each(|file| sys::block::drop_page_cache(file).map_err(|error| error.source))
}

impl Drive for LinuxDrive {
    fn identity(&self) -> Result<DriveIdentity, IdentityError> {
        identify::identity(self.parts.all())
    }

    fn size(&self) -> ByteLen {
        self.size
    }

    fn sector_size(&self) -> SectorSize {
        self.sector_size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let length = buffer.len();
        self.parts
            .each(offset, length, |file, at, bytes| file.read_exact_at(&mut buffer[bytes], at))
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.parts.each(offset, data.len(), |file, at, bytes| file.write_all_at(&data[bytes], at))
    }

    fn flush(&self) -> io::Result<()> {
        self.parts.files().try_for_each(File::sync_data)
    }

    fn drop_caches(&self) -> io::Result<()> {
        drop_caches(&self.parts)
    }

    fn namespaces(&self) -> Vec<u32> {
        self.parts.namespaces()
    }

    fn ata(
        &self,
        name: &'static str,
        taskfile: &Taskfile,
        transfer: Transfer<'_>,
        timeout: Duration,
    ) -> Result<Option<Registers>, AtaError> {
        match self.parts.all() {
            [part] if part.namespace.is_none() => {
                sys::sg::ata_command(&part.file, name, taskfile, transfer, timeout)
            }
            _ => Err(AtaError::NotAta { command: name }),
        }
    }

    fn nvme(
        &self,
        name: &'static str,
        command: &AdminCommand,
        transfer: Transfer<'_>,
        timeout: Duration,
    ) -> Result<u32, AdminError> {
        match self.parts.file_of(command.nsid) {
            Some(file) if !self.parts.namespaces().is_empty() => {
                sys::nvme::admin_command(file, name, command, transfer, timeout)
            }
            _ => Err(AdminError::NotNvme { command: name }),
        }
    }
}

impl From<PartError> for OpenError {
    fn from(error: PartError) -> Self {
        match error {
            PartError::Open { device, source } if source.raw_os_error() == Some(EBUSY) => {
                let holders = name_holders(&device);
                Self::InUse { device, holders }
            }
            PartError::Open { device, source } => Self::Open { device, source },
            PartError::Kernel { device, source } => Self::Geometry { device, source },
        }
    }
}

impl From<PartError> for IdentityError {
    fn from(error: PartError) -> Self {
        match error {
            PartError::Open { device, source } => Self::Open { device, source },
            PartError::Kernel { source, .. } => Self::Kernel(source),
        }
    }
}

/// Opens device nodes for reading, without taking them, and asks by ATA or NVMe command.
#[derive(Debug, Clone, Copy, Default)]
pub struct LinuxIdentityReader;

impl IdentityReader for LinuxIdentityReader {
    fn read(&self, nodes: &[PathBuf]) -> Result<Identified, IdentityError> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(O_NONBLOCK);
        identify::identify(Parts::open(nodes, &options)?.all())
    }
}

/// Who the kernel's tables show on the device; for a message only.
fn name_holders(device: &Path) -> String {
    let name = device.file_name().unwrap_or_default().to_string_lossy();
    match discover::holds_of(&Roots::default(), &name) {
        Ok(holds) if !holds.is_empty() => {
            holds.iter().map(discover::describe_hold).collect::<Vec<_>>().join(", ")
        }
        Ok(_) => "another process has it open".to_owned(),
        Err(error) => format!("by whom is unknown: {error}"),
    }
}
