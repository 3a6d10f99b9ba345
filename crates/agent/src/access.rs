//! How the stages reach drives: through the kernel, or simulated ones in tests.

use std::fmt::Debug;
use std::path::PathBuf;

use drive::{Drive, IdentityReader, LinuxDrive, LinuxIdentityReader, OpenError, ReadOnlyDrive};
use protocol::DriveIdentity;

/// Asks drives who they are, and takes one in hand.
pub(crate) trait DriveAccess: IdentityReader + Debug + Send + Sync {
    /// The drive under its exclusive claim, if it is still the expected one.
    ///
    /// # Errors
    /// As [`LinuxDrive::open`]; nothing was written.
    fn open(
        &self,
        nodes: &[PathBuf],
        expected: &DriveIdentity,
    ) -> Result<Box<dyn Drive>, OpenError>;

    /// The drive under its exclusive claim, for reading: nothing can be written through what comes back. Who it is, the
    /// caller asks.
    ///
    /// # Errors
    /// As [`ReadOnlyDrive::open`].
    fn open_to_read(&self, nodes: &[PathBuf]) -> Result<Box<dyn Drive>, OpenError>;
}

impl DriveAccess for LinuxIdentityReader {
    fn open(
        &self,
        nodes: &[PathBuf],
        expected: &DriveIdentity,
    ) -> Result<Box<dyn Drive>, OpenError> {
        Ok(Box::new(LinuxDrive::open(nodes, expected)?))
    }

    fn open_to_read(&self, nodes: &[PathBuf]) -> Result<Box<dyn Drive>, OpenError> {
        Ok(Box::new(ReadOnlyDrive::open(nodes)?))
    }
}
