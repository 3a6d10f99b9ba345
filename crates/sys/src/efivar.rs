//! The immutable flag of efivarfs: `FS_IOC_GETFLAGS` and `FS_IOC_SETFLAGS` of `linux/fs.h`.
//!
//! The kernel sets it on variables that it does not know, so that `rm -rf` breaks no firmware; who replaces a
//! variable such as `Boot0001` on purpose takes it off first.
#![expect(unsafe_code, reason = "ioctl")]

use std::os::fd::AsFd;

use nix::libc::{c_int, c_long};
use nix::{request_code_read, request_code_write};

use crate::IoctlError;
use crate::ioctl::Request;

const FS_IMMUTABLE_FL: c_int = 0x10;

// The headers say `long`, the kernel moves an `int` (see ioctl_getflags in fs/file_attr.c).
const FS_IOC_GETFLAGS: Request =
    Request { name: "FS_IOC_GETFLAGS", code: request_code_read!(b'f', 1, size_of::<c_long>()) };
const FS_IOC_SETFLAGS: Request =
    Request { name: "FS_IOC_SETFLAGS", code: request_code_write!(b'f', 2, size_of::<c_long>()) };

/// Whether the file cannot be changed.
pub fn is_immutable(file: &impl AsFd) -> Result<bool, IoctlError> {
    Ok(flags(file)? & FS_IMMUTABLE_FL != 0)
}

/// Sets or takes off the immutable flag and leaves the others alone. Needs `CAP_LINUX_IMMUTABLE`.
pub fn set_immutable(file: &impl AsFd, immutable: bool) -> Result<(), IoctlError> {
    let others = flags(file)? & !FS_IMMUTABLE_FL;
    let mut wanted = if immutable { others | FS_IMMUTABLE_FL } else { others };
    // SAFETY: the kernel reads one int through the pointer, which is valid for the call.
    unsafe { FS_IOC_SETFLAGS.send(file, &raw mut wanted) }.map(drop)
}

fn flags(file: &impl AsFd) -> Result<c_int, IoctlError> {
    let mut flags: c_int = 0;
    // SAFETY: the kernel writes one int through the pointer, which is valid and exclusive for the call.
    unsafe { FS_IOC_GETFLAGS.send(file, &raw mut flags) }?;
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_has_no_flags() {
        let (reader, _writer) = std::io::pipe().unwrap();
        assert!(is_immutable(&reader).unwrap_err().is_unknown_request());
        assert!(set_immutable(&reader, false).unwrap_err().is_unknown_request());
    }
}
