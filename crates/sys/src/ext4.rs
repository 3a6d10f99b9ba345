//! Growing a mounted ext4: `EXT4_IOC_RESIZE_FS` of `fs/ext4/ext4.h`.
#![expect(unsafe_code, reason = "ioctl")]

use std::os::fd::AsFd;

use nix::request_code_write;

use crate::IoctlError;
use crate::ioctl::Request;

const EXT4_IOC_RESIZE_FS: Request =
    Request { name: "EXT4_IOC_RESIZE_FS", code: request_code_write!(b'f', 16, size_of::<u64>()) };
const _: () = assert!(EXT4_IOC_RESIZE_FS.code == 0x4008_6610);

/// Grows the mounted file system that `inside` lies in to `blocks` of its own block size.
///
/// `inside` is any open file or directory of it. Needs `CAP_SYS_RESOURCE`; `EPERM` without.
pub fn resize(inside: &impl AsFd, blocks: u64) -> Result<(), IoctlError> {
    let mut blocks = blocks;
    // SAFETY: the kernel reads one u64 through the pointer, which is valid for the call.
    unsafe { EXT4_IOC_RESIZE_FS.send(inside, &raw mut blocks) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_cannot_be_grown() {
        let (reader, _writer) = std::io::pipe().unwrap();
        assert!(resize(&reader, 1).unwrap_err().is_unknown_request());
    }
}
