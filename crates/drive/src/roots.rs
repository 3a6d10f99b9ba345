//! Where the kernel's file systems are mounted. Tests put captured trees there.

use std::path::PathBuf;

use protocol::DriveUnit;

/// Mount points of sysfs, procfs and devtmpfs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// sysfs, `/sys`.
    pub sys: PathBuf,
    /// procfs, `/proc`.
    pub proc: PathBuf,
    /// devtmpfs, `/dev`.
    pub dev: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { sys: "/sys".into(), proc: "/proc".into(), dev: "/dev".into() }
    }
}

impl Roots {
    /// The device node of a block device or partition by its kernel name, which has `!` where the node has `/`.
    pub fn device(&self, kernel_name: &str) -> PathBuf {
        self.dev.join(kernel_name.replace('!', "/"))
    }

    /// The nodes of a drive unit.
    pub fn devices(&self, unit: &DriveUnit) -> Vec<PathBuf> {
        unit.kernel_names().map(|name| self.device(name)).collect()
    }
}
