//! A drive behind the Linux kernel.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::libc::{EBUSY, O_DIRECT, O_EXCL, O_NONBLOCK};
use protocol::features::SanitizeState;
use protocol::{ByteLen, DriveIdentity, EraseFeatures, SectorSize};
use sys::IoctlError;
use sys::nvme::{AdminCommand, AdminError};
use sys::sg::AtaError;
use sys::taskfile::{Registers, Taskfile, Transfer};

use crate::ata::AtaCommand;
use crate::identity::{Identified, IdentityError, IdentityReader};
use crate::nvme::SanitizeLog;
use crate::{Drive, Roots, ata, discover, nvme};

/// A drive that this process alone has open.
#[derive(Debug)]
pub struct LinuxDrive {
    file: File,
    size: ByteLen,
    sector_size: SectorSize,
    namespace: Option<u32>,
}

/// Why a drive was not opened. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The kernel refused.
    #[error("opening {} for exclusive direct access", device.display())]
    Open {
        /// The device node.
        device: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Someone has it.
    #[error("{} is in use ({holders}): free it and try again", device.display())]
    InUse {
        /// The device node.
        device: PathBuf,
        /// Who, as far as the kernel's tables tell.
        holders: String,
    },
    /// It would not say who it is.
    #[error("identifying {} after opening it", device.display())]
    Identity {
        /// The device node.
        device: PathBuf,
        /// Why.
        #[source]
        source: IdentityError,
    },
    /// It is another drive than expected.
    #[error(
        "{} is {found}, not {expected}: it was not touched; look again at what the machine holds",
        device.display()
    )]
    OtherDrive {
        /// The device node.
        device: PathBuf,
        /// Who was expected.
        expected: Box<DriveIdentity>,
        /// Who is there.
        found: Box<DriveIdentity>,
    },
    /// The kernel would not say what sectors it has.
    #[error("asking the kernel for the sectors of {}", device.display())]
    Geometry {
        /// The device node.
        device: PathBuf,
        /// Why.
        #[source]
        source: IoctlError,
    },
    /// Sectors of a size that no drive has.
    #[error("{} has unusable sectors", device.display())]
    SectorSize {
        /// The device node.
        device: PathBuf,
        /// The size.
        #[source]
        source: protocol::units::BadSectorSize,
    },
    /// It would refuse writes.
    #[error("the kernel marks {} as read-only: look for a write-protect switch or a dying drive", device.display())]
    ReadOnly {
        /// The device node.
        device: PathBuf,
    },
}

impl LinuxDrive {
    /// Opens a whole drive for exclusive, direct access (`O_RDWR | O_EXCL | O_DIRECT`) and makes sure through the
    /// open descriptor that it is the expected one.
    ///
    /// While this is open, no partition of the drive can be mounted: drop it first, open it again afterwards.
    pub fn open(device: &Path, expected: &DriveIdentity) -> Result<Self, OpenError> {
        let path = || device.to_owned();
        // std adds O_CLOEXEC.
        let opened =
            OpenOptions::new().read(true).write(true).custom_flags(O_EXCL | O_DIRECT).open(device);
        let file = opened.map_err(|source| match source.raw_os_error() {
            Some(EBUSY) => OpenError::InUse { device: path(), holders: name_holders(device) },
            _ => OpenError::Open { device: path(), source },
        })?;
        must_be(&file, device, expected)?;

        let geometry = |source| OpenError::Geometry { device: path(), source };
        if sys::block::is_read_only(&file).map_err(geometry)? {
            return Err(OpenError::ReadOnly { device: path() });
        }
        let sector_size = sys::block::logical_sector_size(&file).map_err(geometry)?;
        let sector_size = SectorSize::try_from(sector_size)
            .map_err(|source| OpenError::SectorSize { device: path(), source })?;
        let namespace = namespace_of(&file).map_err(geometry)?;
        Ok(Self { file, size: expected.size, sector_size, namespace })
    }

    /// Opens the same drive beside an exclusive claim, without one: through this descriptor its partitions can be told
    /// to the kernel. As long as it is open, the kernel gives the drive's name to no other.
    pub fn open_shared(device: &Path, expected: &DriveIdentity) -> Result<File, OpenError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(device)
            .map_err(|source| OpenError::Open { device: device.to_owned(), source })?;
        must_be(&file, device, expected)?;
        Ok(file)
    }
}

fn must_be(file: &File, device: &Path, expected: &DriveIdentity) -> Result<(), OpenError> {
    let device = device.to_owned();
    match identify(file) {
        Ok(Identified { identity, .. }) if identity == *expected => Ok(()),
        Ok(Identified { identity, .. }) => {
            let expected = Box::new(expected.clone());
            Err(OpenError::OtherDrive { device, expected, found: Box::new(identity) })
        }
        Err(source) => Err(OpenError::Identity { device, source }),
    }
}

impl AsFd for LinuxDrive {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drive for LinuxDrive {
    fn identity(&self) -> Result<DriveIdentity, IdentityError> {
        identify(&self.file).map(|identified| identified.identity)
    }

    fn size(&self) -> ByteLen {
        self.size
    }

    fn sector_size(&self) -> SectorSize {
        self.sector_size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }

    fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn drop_caches(&self) -> io::Result<()> {
        sys::block::drop_page_cache(&self.file).map_err(|error| error.source)
    }

    fn namespace(&self) -> Option<u32> {
        self.namespace
    }

    fn ata(
        &self,
        name: &'static str,
        taskfile: &Taskfile,
        transfer: Transfer<'_>,
        timeout: Duration,
    ) -> Result<Option<Registers>, AtaError> {
        match self.namespace {
            None => sys::sg::ata_command(&self.file, name, taskfile, transfer, timeout),
            Some(_) => Err(AtaError::NotAta { command: name }),
        }
    }

    fn nvme(
        &self,
        name: &'static str,
        command: &AdminCommand,
        transfer: Transfer<'_>,
        timeout: Duration,
    ) -> Result<u32, AdminError> {
        match self.namespace {
            Some(_) => sys::nvme::admin_command(&self.file, name, command, transfer, timeout),
            None => Err(AdminError::NotNvme { command: name }),
        }
    }
}

/// Opens device nodes for reading, without taking them, and asks by ATA or NVMe command.
#[derive(Debug, Clone, Copy, Default)]
pub struct LinuxIdentityReader;

impl IdentityReader for LinuxIdentityReader {
    fn read(&self, device: &Path) -> Result<Identified, IdentityError> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(O_NONBLOCK)
            .open(device)
            .map_err(|source| IdentityError::Open { device: device.to_owned(), source })?;
        identify(&file)
    }
}

/// The namespace that the descriptor stands for; none where it takes no NVMe request. Which commands a drive takes is
/// asked of the descriptor, not read from the name of the node.
fn namespace_of(file: &File) -> Result<Option<u32>, IoctlError> {
    match sys::nvme::namespace_id(file) {
        Ok(namespace) => Ok(Some(namespace)),
        Err(error) if error.is_unknown_request() => Ok(None),
        Err(error) => Err(error),
    }
}

fn identify(file: &File) -> Result<Identified, IdentityError> {
    let kernel = ByteLen(sys::block::size(file).map_err(IdentityError::Kernel)?);
    let identified = match namespace_of(file).map_err(IdentityError::Kernel)? {
        Some(namespace) => identify_nvme(file, namespace)?,
        None => identify_ata(file)?,
    };
    let drive = identified.identity.size;
    // An overwrite reaches what the kernel addresses. Where the drive has more, data would stay behind.
    if drive != kernel {
        return Err(IdentityError::SizeDisagrees { drive, kernel });
    }
    Ok(identified)
}

fn identify_nvme(file: &File, id: u32) -> Result<Identified, IdentityError> {
    let controller = sys::nvme::identify_controller(file).map_err(IdentityError::Nvme)?;
    let namespace = sys::nvme::identify_namespace(file, id).map_err(IdentityError::Nvme)?;
    let identity = nvme::decode(&controller, &namespace)?;
    let n_others = match sys::nvme::active_namespaces(file) {
        Ok(active) => active.iter().filter(|&&other| other != id).count(),
        // Before NVMe 1.1 there is no list and every number up to NN is a namespace.
        Err(sys::nvme::AdminError::Status { .. }) => {
            usize::try_from(nvme::max_namespaces(&controller).saturating_sub(1))
                .unwrap_or(usize::MAX)
        }
        Err(error) => return Err(IdentityError::Nvme(error)),
    };
    // A namespace that is attached to no controller keeps its data, and no list of attached ones shows it.
    let n_allocated = if nvme::manages_namespaces(&controller) {
        match sys::nvme::allocated_namespaces(file) {
            Ok(allocated) => allocated.iter().filter(|&&other| other != id).count(),
            Err(sys::nvme::AdminError::Status { .. }) => 0,
            Err(error) => return Err(IdentityError::Nvme(error)),
        }
    } else {
        0
    };
    let n_others = n_others.max(n_allocated);
    let log = nvme::has_sanitize(&controller).then(|| {
        let mut log = [0; nvme::SANITIZE_LOG_LEN];
        let (name, transfer) = ("Sanitize Status log", Transfer::In(&mut log));
        let command = nvme::sanitize_log_command();
        sys::nvme::admin_command(file, name, &command, transfer, nvme::SHORT).map(|_| log)
    });
    // Who a drive is does not hang on its log; a log that it refuses is a state that is not known.
    let log = log.and_then(Result::ok).map(|log| SanitizeLog::parse(&log));
    let features = EraseFeatures::Nvme(nvme::features(&controller, log.as_ref()));
    let other_namespaces = u32::try_from(n_others).unwrap_or(u32::MAX);
    Ok(Identified { identity, features, other_namespaces })
}

fn identify_ata(file: &File) -> Result<Identified, IdentityError> {
    let data = sys::sg::identify_device(file).map_err(|error| match error {
        AtaError::Submit { source, .. } if source.is_unknown_request() => IdentityError::NoCommand,
        error => IdentityError::Ata(error),
    })?;
    let identity = ata::decode(&data)?;
    let state = if ata::has_sanitize(&data) {
        let status = AtaCommand::SanitizeStatus;
        let (name, taskfile) = (status.name(), status.taskfile());
        let answer = sys::sg::ata_command(file, name, &taskfile, Transfer::None, ata::SHORT);
        // As above: an answer that is none is a state that is not known.
        ata::sanitize_status(answer).unwrap_or(SanitizeState::Unknown)
    } else {
        SanitizeState::Unknown
    };
    let features = EraseFeatures::Ata(ata::features(&data, state));
    Ok(Identified { identity, features, other_namespaces: 0 })
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
