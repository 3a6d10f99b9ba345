//! SCSI sense data with the ATA registers that SAT puts into it: SPC-4 section 4.5, SAT-3 section 12.2.

/// What sense data says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sense {
    /// Sense key (SPC-4 table 48).
    pub key: u8,
    /// Additional sense code.
    pub asc: u8,
    /// Additional sense code qualifier.
    pub ascq: u8,
    /// ERROR and STATUS of the ATA device, where the sense data carries them.
    pub ata: Option<AtaRegisters>,
}

/// The two registers that tell why an ATA command failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtaRegisters {
    /// ERROR; bit 2 is ABRT.
    pub error: u8,
    /// STATUS; bit 0 is ERR, bit 5 device fault.
    pub status: u8,
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
        // ATA Status Return descriptor: type 09h, length 0Ch; ERROR is its byte 3 and STATUS its byte 13.
        if let (0x09, [_, error, .., status]) = (kind, body)
            && len == 0x0c
        {
            ata = Some(AtaRegisters { error: *error, status: *status });
        }
        descriptors = next;
    }
    Some(Sense { key: key & 0x0f, asc, ascq, ata })
}

fn parse_fixed_format(sense: &[u8]) -> Option<Sense> {
    let &[_, _, key, error, status, _, _, _, _, _, _, _, asc, ascq, ..] = sense else {
        return None;
    };
    // ATA PASS-THROUGH INFORMATION AVAILABLE: only then does the INFORMATION field hold registers.
    let ata = (asc == 0 && ascq == 0x1d).then_some(AtaRegisters { error, status });
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
        let registers = Some(AtaRegisters { error: 0x04, status: 0x51 });
        check(&aborted, Some(Sense { key: 0x0b, asc: 0, ascq: 0, ata: registers }));
        let cut = Sense { key: 0x0b, asc: 0, ascq: 0, ata: None };
        check(&aborted[..20], Some(cut));
        check(&aborted[..7], None);

        let mut fixed = [0; 18];
        fixed[..8].copy_from_slice(&[0x70, 0, 0x01, 0x04, 0x51, 0x40, 0, 10]);
        fixed[12..14].copy_from_slice(&[0x00, 0x1d]);
        check(&fixed, Some(Sense { key: 1, asc: 0, ascq: 0x1d, ata: registers }));
        // INVALID COMMAND OPERATION CODE: what is no ATA device says; its INFORMATION field means nothing.
        fixed[2] = 0x05;
        fixed[12..14].copy_from_slice(&[0x20, 0x00]);
        check(&fixed, Some(Sense { key: 5, asc: 0x20, ascq: 0, ata: None }));
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
