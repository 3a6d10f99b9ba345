//! Sense data as a drive behind SCSI returns it: SPC-4 section 4.5, and the ATA registers in it by SAT-4 section 12.2.
//!
//! Written from the standards and not from `sys::sense`, which has to understand it.

use drive::Registers;

/// How sense data is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenseFormat {
    /// Descriptor format, as an AHCI port of libata gives it: all registers come along.
    Descriptor,
    /// Fixed format, as many bridges give it: the high bytes of COUNT and LBA are lost, after a failure all is.
    Fixed,
}

/// What a command ended with that did not simply succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) key: u8,
    pub(super) asc: u8,
    pub(super) ascq: u8,
    /// Of the ATA command, with the EXTEND bit of its request.
    pub(super) registers: Option<Registers>,
}

impl Condition {
    pub(super) const INVALID_OPCODE: Self = Self::of(0x5, 0x20, 0x00);
    pub(super) const INVALID_FIELD: Self = Self::of(0x5, 0x24, 0x00);
    pub(super) const LBA_OUT_OF_RANGE: Self = Self::of(0x5, 0x21, 0x00);
    pub(super) const READ_ERROR: Self = Self::of(0x3, 0x11, 0x00);
    pub(super) const WRITE_ERROR: Self = Self::of(0x3, 0x0c, 0x00);
    pub(super) const ABORTED: Self = Self::of(0xb, 0x00, 0x00);
    /// HARDWARE ERROR, INTERNAL TARGET FAILURE.
    pub(super) const GONE: Self = Self::of(0x4, 0x44, 0x00);

    const fn of(key: u8, asc: u8, ascq: u8) -> Self {
        Self { key, asc, ascq, registers: None }
    }

    /// Registers that were asked for, after a success: RECOVERED ERROR, ATA PASS-THROUGH INFORMATION AVAILABLE.
    pub(super) const fn information(registers: Registers) -> Self {
        Self { registers: Some(registers), ..Self::of(0x1, 0x00, 0x1d) }
    }

    /// What the registers of a failed command mean to SCSI: SAT-4 section 11, most severe first.
    pub(super) const fn failure(registers: Registers) -> Self {
        let Registers { error, status, .. } = registers;
        let condition = if status & 0x20 != 0 {
            Self::GONE
        } else if error & 0x80 != 0 {
            Self::of(0xb, 0x47, 0x03)
        } else if error & 0x40 != 0 {
            Self::READ_ERROR
        } else if error & 0x10 != 0 {
            Self::LBA_OUT_OF_RANGE
        } else {
            Self::ABORTED
        };
        Self { registers: Some(registers), ..condition }
    }

    pub(super) fn encode(&self, format: SenseFormat) -> Vec<u8> {
        match format {
            SenseFormat::Descriptor => self.encode_descriptor(),
            SenseFormat::Fixed => self.encode_fixed(),
        }
    }

    fn encode_descriptor(&self) -> Vec<u8> {
        let mut sense = vec![0x72, self.key, self.asc, self.ascq, 0, 0, 0, 0];
        if let Some(registers) = self.registers {
            sense[7] = 14;
            sense.extend(status_return(registers));
        }
        sense
    }

    /// SAT-4 table 178: registers in INFORMATION and COMMAND-SPECIFIC INFORMATION.
    fn encode_fixed(&self) -> Vec<u8> {
        let mut sense = vec![0x70, 0, self.key, 0, 0, 0, 0, 10, 0, 0, 0, 0, self.asc, self.ascq];
        sense.resize(18, 0);
        if let Some(registers) = self.registers {
            let [count1, count0] = registers.count.to_be_bytes();
            let [_, _, lba5, lba4, lba3, lba2, lba1, lba0] = registers.lba.to_be_bytes();
            sense[0] |= 0x80;
            sense[3..7].copy_from_slice(&[registers.error, registers.status, 0x40, count0]);
            let lba_is_lost = lba5 | lba4 | lba3 != 0;
            sense[8] = u8::from(registers.is_whole) << 7
                | u8::from(count1 != 0) << 6
                | u8::from(lba_is_lost) << 5;
            sense[9..12].copy_from_slice(&[lba0, lba1, lba2]);
        }
        sense
    }
}

/// ATA Status Return descriptor: SAT-4 table 180. Without EXTEND, LBA(27:24) are in DEVICE.
fn status_return(registers: Registers) -> [u8; 14] {
    let Registers { error, status, count, lba, is_whole } = registers;
    let [count1, count0] = count.to_be_bytes();
    let [_, _, lba5, lba4, lba3, lba2, lba1, lba0] = lba.to_be_bytes();
    if is_whole {
        [9, 12, 1, error, count1, count0, lba3, lba0, lba4, lba1, lba5, lba2, 0x40, status]
    } else {
        let device = 0x40 | lba3 & 0x0f;
        [9, 12, 0, error, 0, count0, 0, lba0, 0, lba1, 0, lba2, device, status]
    }
}

#[cfg(test)]
mod tests {
    use drive::Sense;
    use proptest::prelude::*;

    use super::*;

    fn registers() -> impl Strategy<Value = Registers> {
        (any::<u8>(), any::<u8>(), any::<u16>(), 0..1_u64 << 48, any::<bool>()).prop_map(
            |(error, status, count, lba, is_whole)| {
                let (count, lba) =
                    if is_whole { (count, lba) } else { (count & 0xff, lba & 0x0fff_ffff) };
                Registers { error, status, count, lba, is_whole }
            },
        )
    }

    fn conditions() -> impl Strategy<Value = Condition> {
        prop_oneof![
            registers().prop_map(Condition::information),
            registers().prop_map(Condition::failure),
            Just(Condition::INVALID_FIELD),
            Just(Condition::ABORTED),
        ]
    }

    proptest! {
        #[test]
        fn production_reads_all_of_descriptor_format(condition in conditions()) {
            let sense = Sense::parse(&condition.encode(SenseFormat::Descriptor)).unwrap();
            let Condition { key, asc, ascq, registers } = condition;
            prop_assert_eq!(sense, Sense { key, asc, ascq, ata: registers });
        }

        #[test]
        fn production_never_takes_fixed_format_for_whole(condition in conditions()) {
            let sense = Sense::parse(&condition.encode(SenseFormat::Fixed)).unwrap();
            let Condition { key, asc, ascq, registers } = condition;
            prop_assert_eq!((sense.key, sense.asc, sense.ascq), (key, asc, ascq));
            // Said to be there, or an error of the drive: libata gives an error's registers another name.
            let is_error = |it: &Registers| it.status & 0x21 != 0 && it.status & 0x80 == 0;
            let is_read = |it: &Registers| (asc, ascq) == (0, 0x1d) || is_error(it);
            let Some(registers) = registers.filter(is_read) else {
                prop_assert_eq!(sense.ata, None);
                return Ok(());
            };
            let Registers { error, status, count, lba, .. } = registers;
            let (count, lba) = (count & 0xff, lba & 0xff_ffff);
            let expected = Registers { error, status, count, lba, is_whole: false };
            prop_assert_eq!(sense.ata, Some(expected));
        }
    }
}
