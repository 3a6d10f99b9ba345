//! ATA PASS-THROUGH (16) taken apart: SAT-4 section 12.2.2.
//!
//! Written from the standard and not from `sys::taskfile`, whose packing it is to check.

use drive::Taskfile;

/// Operation code.
pub(super) const OPCODE: u8 = 0x85;

/// The data of an ATA command, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    None,
    FromDevice(usize),
    ToDevice(usize),
}

/// What a CDB asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PassThrough {
    pub(super) taskfile: Taskfile,
    pub(super) direction: Direction,
    /// CK_COND: the registers are wanted in any case.
    pub(super) wants_registers: bool,
}

/// Takes the CDB apart; none where it contradicts itself or wants what is not offered here (device reset, SATL
/// bookkeeping, FPDMA). Stricter than a bridge: a careless sender is to be noticed.
pub(super) fn decode(cdb: &[u8; 16], sector_len: usize) -> Option<PassThrough> {
    let &[
        OPCODE,
        protocol,
        flags,
        feature1,
        feature0,
        count1,
        count0,
        lba3,
        lba0,
        lba4,
        lba1,
        lba5,
        lba2,
        device,
        command,
        0,
    ] = cdb
    else {
        return None;
    };
    let is_48_bit = protocol & 0x01 != 0;
    let high_bytes = [feature1, count1, lba3, lba4, lba5];
    // MULTIPLE_COUNT and OFF_LINE are for commands that are not sent here. DEVICE selects LBA addressing.
    if protocol & 0xe0 != 0 || flags & 0xc0 != 0 || device & 0xf0 != 0x40 {
        return None;
    }
    if is_48_bit && device & 0x0f != 0 || !is_48_bit && high_bytes != [0; 5] {
        return None;
    }
    let lba = if is_48_bit {
        [0, 0, lba5, lba4, lba3, lba2, lba1, lba0]
    } else {
        [0, 0, 0, 0, device & 0x0f, lba2, lba1, lba0]
    };
    let taskfile = Taskfile {
        command,
        feature: u16::from_be_bytes([feature1, feature0]),
        count: u16::from_be_bytes([count1, count0]),
        lba: u64::from_be_bytes(lba),
        is_48_bit,
    };
    let direction = direction(protocol >> 1, flags, &taskfile, sector_len)?;
    Some(PassThrough { taskfile, direction, wants_registers: flags & 0x20 != 0 })
}

/// PROTOCOL, T_DIR, T_LENGTH, BYT_BLOK and T_TYPE must tell one story.
fn direction(protocol: u8, flags: u8, taskfile: &Taskfile, sector_len: usize) -> Option<Direction> {
    let from_device = flags & 0x08 != 0;
    let blocks = match flags & 0x03 {
        0 => None,
        1 => Some(taskfile.feature),
        2 => Some(taskfile.count),
        _ => return None,
    };
    let block_len = match (flags & 0x04 != 0, flags & 0x10 != 0) {
        (false, _) => 1,
        (true, false) => 512,
        (true, true) => sector_len,
    };
    match (protocol, blocks.map(|blocks| usize::from(blocks) * block_len), from_device) {
        (3, None, false) => Some(Direction::None),
        // PIO in, DMA, UDMA in.
        (4 | 6 | 10, Some(len @ 1..), true) => Some(Direction::FromDevice(len)),
        // PIO out, DMA, UDMA out.
        (5 | 6 | 11, Some(len @ 1..), false) => Some(Direction::ToDevice(len)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cdb: [u8; 16], expected: Option<PassThrough>) {
        assert_eq!(decode(&cdb, 4096), expected, "{cdb:02x?}");
    }

    #[test]
    fn what_is_sent_is_understood_and_contradictions_are_refused() {
        // READ NATIVE MAX ADDRESS EXT, as logged in openSeaChest issue 114.
        let native_max = [0x85, 0x07, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x27, 0];
        let taskfile = Taskfile { command: 0x27, is_48_bit: true, ..Taskfile::default() };
        let none = Direction::None;
        check(native_max, Some(PassThrough { taskfile, direction: none, wants_registers: true }));

        let identify = [0x85, 0x08, 0x0e, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x40, 0xec, 0];
        let taskfile = Taskfile { command: 0xec, count: 1, ..Taskfile::default() };
        let direction = Direction::FromDevice(512);
        check(identify, Some(PassThrough { taskfile, direction, wants_registers: false }));

        let all = [0x85, 0x0b, 0x16, 1, 2, 3, 4, 12, 15, 11, 14, 10, 13, 0x40, 0xb4, 0];
        let taskfile = Taskfile {
            command: 0xb4,
            feature: 0x0102,
            count: 0x0304,
            lba: 0x0a0b_0c0d_0e0f,
            is_48_bit: true,
        };
        let direction = Direction::ToDevice(0x0304 * 4096);
        check(all, Some(PassThrough { taskfile, direction, wants_registers: false }));

        for (at, value) in [
            (0, 0xa1),
            (1, 0x28),  // MULTIPLE_COUNT
            (1, 0x06),  // non-data with a length
            (1, 0x0a),  // PIO out from the device
            (1, 0x18),  // FPDMA
            (2, 0x4e),  // OFF_LINE
            (2, 0x0f),  // length in the transport
            (2, 0x0c),  // no length
            (2, 0x06),  // PIO in to the device
            (5, 1),     // high byte without EXTEND
            (6, 0),     // nothing
            (13, 0),    // no LBA addressing
            (15, 0x04), // NACA
        ] {
            let mut broken = identify;
            broken[at] = value;
            check(broken, None);
        }
    }
}
