//! SCSI sense data with the ATA registers that SAT puts into it: SPC-4 section 4.5, SAT-3 section 12.2.

use crate::taskfile::Registers;

/// What sense data says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sense {
    /// Sense key (SPC-4 table 48).
    pub key: u8,
    /// Additional sense code.
    pub asc: u8,
    /// Additional sense code qualifier.
    pub ascq: u8,
    /// Registers of the ATA device, where the sense data carries them.
    pub ata: Option<Registers>,
}

impl Sense {
    /// Reads descriptor (72h, 73h) and fixed (70h, 71h) format; none for anything else or for a truncated head.
    ///
    /// libata and bridges use either, and which one has changed between kernels.
    pub fn parse(sense: &[u8]) -> Option<Self> {
        match sense.first()? & 0x7f {
            0x72 | 0x73 => parse_descriptor_format(sense),
            0x70 | 0x71 => parse_fixed_format(sense),
            _ => None,
        }
    }
}

fn parse_descriptor_format(sense: &[u8]) -> Option<Sense> {
    let &[_, key, asc, ascq, _, _, _, additional, ref rest @ ..] = sense else { return None };
    let mut descriptors = rest.get(..usize::from(additional)).unwrap_or(rest);
    let mut ata = None;
    while let &[kind, len, ref body @ ..] = descriptors {
        let Some((body, next)) = body.split_at_checked(usize::from(len)) else { break };
        if kind == 0x09 {
            ata = body.try_into().ok().map(status_return);
        }
        descriptors = next;
    }
    Some(Sense { key: key & 0x0f, asc, ascq, ata })
}

/// ATA Status Return descriptor, type 09h, after its first two bytes: EXTEND, ERROR, COUNT, LBA interleaved as in the
/// CDB, DEVICE, STATUS.
fn status_return(body: &[u8; 12]) -> Registers {
    let [extend, error, count1, count0, lba3, lba0, lba4, lba1, lba5, lba2, device, status] = *body;
    let is_whole = extend & 1 != 0;
    // Without EXTEND the high bytes mean nothing and LBA(27:24) are in DEVICE.
    let lba = if is_whole {
        [0, 0, lba5, lba4, lba3, lba2, lba1, lba0]
    } else {
        [0, 0, 0, 0, device & 0x0f, lba2, lba1, lba0]
    };
    let count = if is_whole { [count1, count0] } else { [0, count0] };
    let (count, lba) = (u16::from_be_bytes(count), u64::from_be_bytes(lba));
    Registers { error, status, count, lba, is_whole }
}

fn parse_fixed_format(sense: &[u8]) -> Option<Sense> {
    let &[head, _, key, error, status, _, count, _, _, lba0, lba1, lba2, asc, ascq, ..] = sense
    else {
        return None;
    };
    // INFORMATION and COMMAND-SPECIFIC INFORMATION hold registers, and of COUNT and LBA the low bytes only (SAT-4 table
    // 178), where ATA PASS-THROUGH INFORMATION AVAILABLE says so; and after an error behind libata, which says what the
    // error amounts to instead. What is no answer of a drive at all (no such command, a bad field in the CDB) has none.
    let is_said = asc == 0 && ascq == 0x1d;
    let is_error = head & 0x80 != 0 && status & 0x21 != 0 && status & 0x80 == 0;
    let registers = Registers {
        error,
        status,
        count: count.into(),
        lba: u32::from_be_bytes([0, lba2, lba1, lba0]).into(),
        is_whole: false,
    };
    let ata = (is_said || is_error && !matches!(asc, 0x20 | 0x24)).then_some(registers);
    Some(Sense { key: key & 0x0f, asc, ascq, ata })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], expected: Option<Sense>) {
        assert_eq!(Sense::parse(bytes), expected, "{bytes:02x?}");
    }

    #[test]
    fn both_formats_are_read() {
        // READ NATIVE MAX ADDRESS EXT aborted by a drive behind libata, as logged in openSeaChest issue 114.
        let aborted = [
            0x72, 0x0b, 0, 0, 0, 0, 0, 0x0e, 0x09, 0x0c, 0x01, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0x40,
            0x51,
        ];
        let aborted_by = Registers { error: 0x04, status: 0x51, count: 0, lba: 0, is_whole: true };
        let registers = Some(aborted_by);
        check(&aborted, Some(Sense { key: 0x0b, asc: 0, ascq: 0, ata: registers }));
        let cut = Sense { key: 0x0b, asc: 0, ascq: 0, ata: None };
        check(&aborted[..20], Some(cut));
        check(&aborted[..7], None);

        let mut fixed = [0; 18];
        fixed[..12].copy_from_slice(&[0x70, 0, 0x01, 0x04, 0x51, 0x40, 7, 10, 0x60, 3, 2, 1]);
        fixed[12..14].copy_from_slice(&[0x00, 0x1d]);
        let low = Some(Registers { count: 7, lba: 0x01_0203, is_whole: false, ..aborted_by });
        check(&fixed, Some(Sense { key: 1, asc: 0, ascq: 0x1d, ata: low }));
        // INVALID COMMAND OPERATION CODE: what is no ATA device says; its INFORMATION field means nothing.
        fixed[2] = 0x05;
        fixed[12..14].copy_from_slice(&[0x20, 0x00]);
        check(&fixed, Some(Sense { key: 5, asc: 0x20, ascq: 0, ata: None }));
    }

    #[test]
    fn an_error_behind_libata_has_its_registers_under_other_names() {
        // SANITIZE STATUS EXT aborted, LBA(7:0) = 1: as newer and as older kernels translate it.
        for (key, asc, ascq) in [(0x0b, 0x00, 0x00), (0x05, 0x21, 0x04)] {
            let bytes = [0xf0, 0, key, 0x04, 0x51, 0x40, 0, 10, 0x80, 1, 0, 0, asc, ascq];
            let ata = Registers { error: 4, status: 0x51, count: 0, lba: 1, is_whole: false };
            check(&bytes, Some(Sense { key, asc, ascq, ata: Some(ata) }));
            let busy = [0xf0, 0, key, 0x04, 0xd1, 0x40, 0, 10, 0x80, 1, 0, 0, asc, ascq];
            check(&busy, Some(Sense { key, asc, ascq, ata: None }));
        }
        let unknown = [0xf0, 0, 5, 0x04, 0x51, 0x40, 0, 10, 0, 0, 0, 0, 0x20, 0];
        check(&unknown, Some(Sense { key: 5, asc: 0x20, ascq: 0, ata: None }));
    }

    #[test]
    fn the_registers_of_sanitize_status_come_whole() {
        // SANITIZE STATUS EXT: in progress (COUNT(15:8) bit 6), LBA(15:0) = 1234h.
        let bytes = [
            0x72, 0x01, 0, 0x1d, 0, 0, 0, 0x0e, 0x09, 0x0c, 0x01, 0, 0x40, 0, 0, 0x34, 0, 0x12, 0,
            0, 0x40, 0x50,
        ];
        let ata = Registers { error: 0, status: 0x50, count: 0x4000, lba: 0x1234, is_whole: true };
        check(&bytes, Some(Sense { key: 1, asc: 0, ascq: 0x1d, ata: Some(ata) }));
        let mut short = bytes;
        short[10] = 0;
        short[14] = 0xff;
        let ata = Registers { count: 0, is_whole: false, ..ata };
        check(&short, Some(Sense { key: 1, asc: 0, ascq: 0x1d, ata: Some(ata) }));
    }

    #[test]
    fn what_is_no_sense_data_gives_none() {
        for bytes in [&[][..], &[0], &[0x70], &[0x7f; 32]] {
            check(bytes, None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..64), head in 0x70_u8..0x74) {
            let _ = Sense::parse(&bytes);
            let with_head: Vec<u8> = std::iter::once(head).chain(bytes).collect();
            let parsed = Sense::parse(&with_head);
            prop_assert_eq!(parsed.is_some(), with_head.len() >= if head < 0x72 { 14 } else { 8 });
        }
    }
}
