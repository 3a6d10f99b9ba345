//! Structures and numbers of `linux/target_core_user.h`.
#![expect(unsafe_code, reason = "says of structures that any bytes are a value")]

use std::mem::offset_of;

/// `TCMU_MAILBOX_VERSION`.
pub(super) const VERSION: u16 = 2;
/// `TCMU_OP_MASK`: lengths are multiples of eight, the opcode is in the bits that are free.
pub(super) const OP_MASK: u32 = 0x7;
pub(super) const OP_PAD: u32 = 0;
pub(super) const OP_CMD: u32 = 1;
pub(super) const UFLAG_UNKNOWN_OP: u8 = 0x1;
pub(super) const UFLAG_READ_LEN: u8 = 0x2;
pub(super) const CAP_READ_LEN: u16 = 1 << 1;
/// `TCMU_SENSE_BUFFERSIZE`.
pub const SENSE_LEN: usize = 96;

/// `struct tcmu_mailbox`, for its layout alone: `cmd_head` and `cmd_tail` change while we look.
#[repr(C)]
pub(super) struct Mailbox {
    fixed: Fixed,
    pub(super) cmd_head: u32,
    pub(super) cmd_tail: CacheLine,
}
const _: () = assert!(size_of::<Mailbox>() == 128);
const _: () = assert!(offset_of!(Mailbox, cmd_head) == 12 && offset_of!(Mailbox, cmd_tail) == 64);

/// What the kernel sets once.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Fixed {
    pub(super) version: u16,
    pub(super) flags: u16,
    pub(super) cmdr_off: u32,
    pub(super) cmdr_size: u32,
}

#[repr(C, align(64))]
pub(super) struct CacheLine(u32);

/// `struct tcmu_cmd_entry_hdr`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) len_op: u32,
    pub(super) cmd_id: u16,
    pub(super) kflags: u8,
    pub(super) uflags: u8,
}
const _: () = assert!(size_of::<Header>() == 8);

/// `struct tcmu_cmd_entry` as the kernel fills it in, up to `req.iov`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct RequestEntry {
    pub(super) header: Header,
    pub(super) iov_cnt: u32,
    pub(super) iov_bidi_cnt: u32,
    iov_dif_cnt: u32,
    gap: u32,
    pub(super) cdb_off: u64,
    padding: [u64; 2],
}
const _: () = assert!(size_of::<RequestEntry>() == 48 && offset_of!(RequestEntry, cdb_off) == 24);

/// `struct iovec`, with an offset into the region for a pointer.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct IoVec {
    pub(super) base: u64,
    pub(super) len: u64,
}

/// `struct tcmu_cmd_entry` as we fill it in, over the request.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct ResponseEntry {
    pub(super) header: Header,
    pub(super) scsi_status: u8,
    pub(super) padding: [u8; 3],
    pub(super) read_len: u32,
    pub(super) sense: [u8; SENSE_LEN],
}
const _: () = assert!(size_of::<ResponseEntry>() == 112);
const _: () = assert!(offset_of!(ResponseEntry, sense) == 16);

/// Plain data.
///
/// # Safety
/// Any bytes must be a value, and there must be no padding between its fields.
pub(super) unsafe trait Plain: Copy {}
// SAFETY: integers and arrays of them.
unsafe impl Plain for Header {}
// SAFETY: as above, with the gap that the compiler would leave as a field.
unsafe impl Plain for RequestEntry {}
// SAFETY: integers only.
unsafe impl Plain for IoVec {}
// SAFETY: integers and arrays of them, without padding by the offsets asserted above.
unsafe impl Plain for ResponseEntry {}
// SAFETY: integers only.
unsafe impl Plain for Fixed {}
// SAFETY: an integer.
unsafe impl Plain for u32 {}
