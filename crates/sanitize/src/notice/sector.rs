//! The boot sector: 16-bit code that a BIOS loads to 0000h:7C00h and starts with the drive's number in DL.

/// Said where the text cannot be read.
const SHORT: &[u8] = b"\r\nThis disk was sanitized; there is no operating system on it.\r\n\
    Ten dysk zostal trwale wyczyszczony; nie ma na nim systemu.\r\n\0";
/// Where it stands, as the code has it.
const SHORT_AT: usize = 0x80;

/// `as --32` gives the same bytes for the instructions beside them.
#[rustfmt::skip]
const CODE: [u8; 71] = [
    0x31, 0xc0,             // xor  %ax,%ax
    0x8e, 0xd8,             // mov  %ax,%ds
    0x8e, 0xc0,             // mov  %ax,%es
    0x8e, 0xd0,             // mov  %ax,%ss
    0xbc, 0x00, 0x7c,       // mov  $0x7c00,%sp
    0xfc,                   // cld
    0xfb,                   // sti
    0x52,                   // push %dx
    0xb8, 0x03, 0x00,       // mov  $0x0003,%ax     text mode, 80 columns; clears the screen
    0xcd, 0x10,             // int  $0x10
    0x5a,                   // pop  %dx
    0xb8, 0x04, 0x02,       // mov  $0x0204,%ax     read four sectors
    0xbb, 0x00, 0x7e,       // mov  $0x7e00,%bx     to behind this one
    0xb9, 0x02, 0x00,       // mov  $0x0002,%cx     from cylinder 0, sector 2
    0x30, 0xf6,             // xor  %dh,%dh         head 0
    0xcd, 0x13,             // int  $0x13
    0xbe, 0x00, 0x7e,       // mov  $0x7e00,%si
    0x73, 0x03,             // jae  print
    0xbe, 0x80, 0x7c,       // mov  $0x7c80,%si     SHORT
    // print:
    0xac,                   // lods %ds:(%si),%al
    0x84, 0xc0,             // test %al,%al
    0x74, 0x09,             // je   waiting
    0xb4, 0x0e,             // mov  $0x0e,%ah       teletype
    0xbb, 0x07, 0x00,       // mov  $0x0007,%bx
    0xcd, 0x10,             // int  $0x10
    0xeb, 0xf2,             // jmp  print
    // waiting:
    0xb8, 0x00, 0x86,       // mov  $0x8600,%ax     wait
    0xb9, 0x93, 0x03,       // mov  $0x0393,%cx     60,000,000 microseconds
    0xba, 0x00, 0x87,       // mov  $0x8700,%dx
    0xcd, 0x15,             // int  $0x15
    0xcd, 0x18,             // int  $0x18           on to the next boot device
    // stop:
    0xf4,                   // hlt
    0xeb, 0xfd,             // jmp  stop
];

/// One active partition of the type of EFI system partitions, sectors 8 to 63 (UEFI 2.10, section 5.2.1). Active, since some
/// BIOSes start no disk without an active partition.
#[rustfmt::skip]
const PARTITION: [u8; 16] = [
    0x80, 0x00, 0x09, 0x00, // active, from cylinder 0, head 0, sector 9
    0xef, 0x01, 0x01, 0x00, // EFI system partition, to cylinder 0, head 1, sector 1
    8, 0, 0, 0,
    56, 0, 0, 0,
];
/// The same without a file system: active and of a type that nothing reads (`Non-FS data`).
const NO_VOLUME: [u8; 16] = {
    let mut partition = PARTITION;
    partition[4] = 0xda;
    partition
};

/// The first sector of the drive.
pub(super) fn boot_sector(with_volume: bool) -> [u8; 512] {
    let mut sector = [0; 512];
    sector[..CODE.len()].copy_from_slice(&CODE);
    sector[SHORT_AT..SHORT_AT + SHORT.len()].copy_from_slice(SHORT);
    sector[446..462].copy_from_slice(if with_volume { &PARTITION } else { &NO_VOLUME });
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

const _: () = assert!(CODE.len() <= SHORT_AT && SHORT_AT + SHORT.len() <= 440);
