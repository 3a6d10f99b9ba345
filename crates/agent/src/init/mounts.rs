//! The file systems that the kernel offers about itself.

use std::fs;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

/// A file system without a device behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mount {
    file_system: &'static str,
    target: &'static str,
    flags: MsFlags,
    options: &'static str,
}

const fn plain(file_system: &'static str, target: &'static str) -> Mount {
    let flags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);
    Mount { file_system, target, flags, options: "" }
}

/// What PID 1 mounts, in order.
pub(crate) const EARLY: [Mount; 6] = [
    plain("proc", "/proc"),
    plain("sysfs", "/sys"),
    Mount {
        flags: MsFlags::MS_NOSUID.union(MsFlags::MS_NOEXEC),
        options: "mode=0755",
        ..plain("devtmpfs", "/dev")
    },
    Mount { options: "mode=0755,size=25%", ..plain("tmpfs", "/run") },
    Mount { options: "mode=1777,size=25%", ..plain("tmpfs", "/tmp") },
    // Tells the lockdown mode.
    plain("securityfs", "/sys/kernel/security"),
];

/// The firmware's variables. Needs the module `efivarfs`.
pub(crate) const EFIVARFS: Mount = plain("efivarfs", "/sys/firmware/efi/efivars");

impl Mount {
    /// Mounts it; what is mounted already is left as it is, so a second call does nothing.
    ///
    /// # Errors
    /// With the file system and its place in the message.
    pub(crate) fn mount(&self) -> io::Result<()> {
        let target = Path::new(self.target);
        // sysfs brings its mount points along; the others are made in the initramfs.
        let made = if target.is_dir() { Ok(()) } else { fs::create_dir_all(target) };
        let mounted = made.and_then(|()| {
            if is_mounted(self) {
                return Ok(());
            }
            match mount(
                Some(self.file_system),
                target,
                Some(self.file_system),
                self.flags,
                Some(self.options),
            ) {
                Ok(()) | Err(Errno::EBUSY) => Ok(()),
                Err(error) => Err(error.into()),
            }
        });
        mounted.map_err(|error: io::Error| {
            let text = format!("mounting {} on {}: {error}", self.file_system, self.target);
            io::Error::new(error.kind(), text)
        })
    }
}

/// A kernel with `CONFIG_DEVTMPFS_MOUNT` may have mounted /dev, and tmpfs does not say EBUSY.
fn is_mounted(mount: &Mount) -> bool {
    let Ok(mounts) = fs::read_to_string("/proc/self/mounts") else { return false };
    mounts.lines().any(|line| {
        let mut fields = line.split(' ').skip(1);
        fields.next() == Some(mount.target) && fields.next() == Some(mount.file_system)
    })
}
