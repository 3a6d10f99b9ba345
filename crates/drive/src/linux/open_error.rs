//! Why a drive was not opened.

use std::io;
use std::path::PathBuf;

use protocol::DriveIdentity;
use sys::IoctlError;

use crate::identity::IdentityError;

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
    /// The kernel would not say what size and sectors it has.
    #[error("asking the kernel for size and sectors of {}", device.display())]
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
