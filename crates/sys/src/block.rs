//! Questions to any block device: `linux/fs.h`, block layer ioctls (type 12h).
#![expect(unsafe_code, reason = "ioctl")]

use std::os::fd::AsFd;
use std::ptr::null_mut;

use nix::libc::c_int;
use nix::{request_code_none, request_code_read};

use crate::IoctlError;
use crate::ioctl::Request;

const BLKGETSIZE64: Request =
    Request { name: "BLKGETSIZE64", code: request_code_read!(0x12, 114, size_of::<usize>()) };
const BLKSSZGET: Request = Request { name: "BLKSSZGET", code: request_code_none!(0x12, 104) };
const BLKROGET: Request = Request { name: "BLKROGET", code: request_code_none!(0x12, 94) };
const BLKFLSBUF: Request = Request { name: "BLKFLSBUF", code: request_code_none!(0x12, 97) };
const _: () = assert!(BLKGETSIZE64.code == 0x8008_1272);

/// `BLKGETSIZE64`: addressable size in bytes.
pub fn size(device: &impl AsFd) -> Result<u64, IoctlError> {
    let mut bytes = 0_u64;
    // SAFETY: the kernel writes one u64 through the pointer, which is valid and exclusive for the call.
    unsafe { BLKGETSIZE64.send(device, &raw mut bytes) }?;
    Ok(bytes)
}

/// `BLKSSZGET`: logical sector size in bytes.
pub fn logical_sector_size(device: &impl AsFd) -> Result<u32, IoctlError> {
    let mut bytes: c_int = 0;
    // SAFETY: the kernel writes one int through the pointer, which is valid and exclusive for the call.
    unsafe { BLKSSZGET.send(device, &raw mut bytes) }?;
    Ok(bytes.cast_unsigned())
}

/// `BLKROGET`: whether the kernel refuses writes.
pub fn is_read_only(device: &impl AsFd) -> Result<bool, IoctlError> {
    let mut flag: c_int = 0;
    // SAFETY: the kernel writes one int through the pointer, which is valid and exclusive for the call.
    unsafe { BLKROGET.send(device, &raw mut flag) }?;
    Ok(flag != 0)
}

/// `BLKFLSBUF`: writes back and drops what the page cache holds of the device. Needs `CAP_SYS_ADMIN`.
pub fn drop_page_cache(device: &impl AsFd) -> Result<(), IoctlError> {
    // SAFETY: the request takes no argument.
    unsafe { BLKFLSBUF.send(device, null_mut::<()>()) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_block_device_is_told_as_such() {
        let file = tempfile::tempfile().unwrap();
        let errors = [
            size(&file).unwrap_err(),
            logical_sector_size(&file).unwrap_err(),
            is_read_only(&file).unwrap_err(),
            drop_page_cache(&file).unwrap_err(),
        ];
        for error in errors {
            assert!(error.is_unknown_request(), "{error:?}");
        }
    }
}
