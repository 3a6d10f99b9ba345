//! Partitions that the kernel is told of without a table on the medium: `linux/blkpg.h`.
#![expect(unsafe_code, reason = "ioctl with a pointer inside its argument")]

use std::os::fd::AsFd;

use nix::libc::{c_char, c_int, c_longlong, c_ulong, c_void};
use nix::request_code_none;

use crate::IoctlError;
use crate::ioctl::Request;

const BLKPG: c_ulong = request_code_none!(0x12, 105);
const BLKPG_ADD_PARTITION: c_int = 1;
const BLKPG_DEL_PARTITION: c_int = 2;

/// `struct blkpg_ioctl_arg`.
#[repr(C)]
struct BlkpgIoctlArg {
    op: c_int,
    flags: c_int,
    datalen: c_int,
    data: *mut c_void,
}
const _: () = assert!(size_of::<BlkpgIoctlArg>() == 24);

/// `struct blkpg_partition`; the names are ignored by the kernel.
#[repr(C)]
struct BlkpgPartition {
    start: c_longlong,
    length: c_longlong,
    pno: c_int,
    devname: [c_char; 64],
    volname: [c_char; 64],
}
const _: () = assert!(size_of::<BlkpgPartition>() == 152);

/// Where a partition lies on its drive, in bytes; both must be multiples of the logical sector size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// First byte.
    pub start: i64,
    /// How many bytes.
    pub length: i64,
}

/// Makes partition `number` (from 1) appear; `EBUSY` where it exists or overlaps another.
pub fn add_partition(drive: &impl AsFd, number: u16, extent: Extent) -> Result<(), IoctlError> {
    request("BLKPG_ADD_PARTITION", BLKPG_ADD_PARTITION, drive, number, extent)
}

/// Makes partition `number` disappear; `ENXIO` where there is none, `EBUSY` where it is in use.
pub fn delete_partition(drive: &impl AsFd, number: u16) -> Result<(), IoctlError> {
    let nowhere = Extent { start: 0, length: 0 };
    request("BLKPG_DEL_PARTITION", BLKPG_DEL_PARTITION, drive, number, nowhere)
}

fn request(
    name: &'static str,
    op: c_int,
    drive: &impl AsFd,
    number: u16,
    extent: Extent,
) -> Result<(), IoctlError> {
    let mut partition = BlkpgPartition {
        start: extent.start,
        length: extent.length,
        pno: number.into(),
        devname: [0; 64],
        volname: [0; 64],
    };
    let mut argument =
        BlkpgIoctlArg { op, flags: 0, datalen: 152, data: (&raw mut partition).cast() };
    // SAFETY: both structs live until the call returns and `data` points to a blkpg_partition, which the
    // kernel copies from and does not keep.
    unsafe { Request { name, code: BLKPG }.send(drive, &raw mut argument) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_file_has_no_partitions() {
        let file = tempfile::tempfile().unwrap();
        let extent = Extent { start: 1 << 20, length: 1 << 20 };
        for result in [add_partition(&file, 1, extent), delete_partition(&file, 1)] {
            assert!(result.unwrap_err().is_unknown_request());
        }
    }
}
