//! Who a drive says it is.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use protocol::{ByteLen, DriveIdentity, EraseFeatures};
use sys::IoctlError;
use sys::nvme::AdminError;
use sys::sg::AtaError;

/// Asks a drive who it is. The seam that lets captured trees without devices be discovered.
pub trait IdentityReader {
    /// Opens the nodes of one drive unit for reading, in any order, and asks.
    fn read(&self, nodes: &[PathBuf]) -> Result<Identified, IdentityError>;
}

/// A drive's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// Who it is.
    pub identity: DriveIdentity,
    /// What it can do by itself to erase its medium.
    pub features: EraseFeatures,
    /// Namespaces of the unit that have no node here; zero for what is not NVMe.
    pub other_namespaces: u32,
}

/// Why a drive has no identity that anything could be bound to.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The device node cannot be opened.
    #[error("opening {} to identify the drive", device.display())]
    Open {
        /// The device node.
        device: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It takes neither ATA nor NVMe commands.
    #[error("gives no identity: takes neither ATA nor NVMe commands")]
    NoCommand,
    /// The kernel does not answer.
    #[error("asking the kernel about the drive")]
    Kernel(#[source] IoctlError),
    /// The ATA command failed.
    #[error("asking the drive who it is")]
    Ata(#[source] AtaError),
    /// The NVMe command failed.
    #[error("asking the drive who it is")]
    Nvme(#[source] AdminError),
    /// No answer at all.
    #[error("the drive did not answer")]
    Silent(#[source] io::Error),
    /// The answer was damaged on the way.
    #[error("IDENTIFY DEVICE data has a wrong checksum: check the drive's cable or slot")]
    Checksum,
    /// A format that nothing could be addressed by.
    #[error("NVMe namespace reports an impossible sector size of 2^{0} bytes")]
    SectorSize(u8),
    /// Nothing could be addressed by sectors of one size.
    #[error(
        "its NVMe namespaces have sectors of different sizes: format them alike or delete all but one, with nvme-cli, or \
         take the drive out"
    )]
    MixedSectors,
    /// Namespaces, or other nodes, that do not make one drive.
    #[error("its nodes are not those of one drive: restart the machine and look again")]
    NotOneUnit,
    /// A drive without a serial number cannot be told from its sisters.
    #[error("{model:?} gives no serial number, so it cannot be told from others of its kind")]
    NoSerial {
        /// What it gives as model.
        model: String,
    },
    /// Part of the drive would be out of reach.
    #[error(
        "the drive says {drive}, the kernel addresses {kernel}: restart the machine and look again"
    )]
    SizeDisagrees {
        /// Size by the drive.
        drive: ByteLen,
        /// Size by the kernel.
        kernel: ByteLen,
    },
}

/// An identifying text as drives give it: padding taken off, and `?` for whatever no terminal should be given.
///
/// The bytes are not trusted: they end up on screens, in logs and on certificates.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let is_padding = |byte: &u8| matches!(byte, b' ' | 0);
    let start = bytes.iter().position(|byte| !is_padding(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_padding(byte)).map_or(start, |last| last + 1);
    let shown = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '?' };
    bytes[start..end].iter().map(shown).collect()
}

/// Puts an identity together, unless what would make it one is missing.
pub(crate) fn identity(
    model: String,
    serial: String,
    wwn: Option<String>,
    size: ByteLen,
) -> Result<DriveIdentity, IdentityError> {
    if serial.is_empty() {
        return Err(IdentityError::NoSerial { model });
    }
    Ok(DriveIdentity { model, serial, wwn, size })
}

/// Lower-case hexadecimal of an identifier; none where it is all zeros.
pub(crate) fn world_wide(id: &[u8]) -> Option<String> {
    let nonzero = id.iter().any(|&byte| byte != 0);
    nonzero.then(|| id.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// An error with its causes, as one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| Error::source(*error));
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_texts_are_trimmed_and_made_printable() {
        for (bytes, text) in [
            (&b"  WD-WX21A0  \0\0"[..], "WD-WX21A0"),
            (b"\0\0\0", ""),
            (b"", ""),
            (b"A  B", "A  B"),
            (b"a\x1b[2J\xff\0b", "a?[2J??b"),
        ] {
            assert_eq!(printable(bytes), text);
        }
    }

    #[test]
    fn zeros_are_no_world_wide_name() {
        assert_eq!(world_wide(&[0; 8]), None);
        assert_eq!(world_wide(&[0x50, 0, 0xab]), Some("5000ab".to_owned()));
    }

    #[test]
    fn an_error_tells_its_causes() {
        let source = io::Error::from_raw_os_error(nix::libc::EIO);
        let error = IdentityError::Silent(source);
        assert_eq!(
            with_causes(&error),
            "the drive did not answer: Input/output error (os error 5)"
        );
    }
}
