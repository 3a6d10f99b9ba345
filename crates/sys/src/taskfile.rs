//! One ATA command and its answer as registers, and how SAT packs them: SAT-4 section 12.2, ATA PASS-THROUGH (16).

/// What the drive's registers are loaded with: ACS-4 section 7.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taskfile {
    /// COMMAND.
    pub command: u8,
    /// FEATURE; the high byte counts in 48-bit commands only.
    pub feature: u16,
    /// COUNT; the high byte counts in 48-bit commands only.
    pub count: u16,
    /// LBA: 28 or 48 bits.
    pub lba: u64,
    /// Whether it is a command of the 48-bit address feature set.
    pub is_48_bit: bool,
}

/// The data that goes with a command.
#[derive(Debug)]
pub enum Transfer<'a> {
    /// None.
    None,
    /// From the drive; the buffer is filled or the command fails.
    In(&'a mut [u8]),
    /// To the drive.
    Out(&'a [u8]),
}

/// What the drive's registers hold afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Registers {
    /// ERROR; bit 2 is ABRT.
    pub error: u8,
    /// STATUS; bit 0 is ERR, bit 5 device fault.
    pub status: u8,
    /// COUNT.
    pub count: u16,
    /// LBA.
    pub lba: u64,
    /// Whether the high bytes of COUNT and LBA came along: fixed format sense data has no room for them.
    pub is_whole: bool,
}

impl Registers {
    /// Whether STATUS tells an error or a device fault.
    pub fn is_error(&self) -> bool {
        self.status & 0x21 != 0
    }
}

const ATA_PASS_THROUGH_16: u8 = 0x85;
const DEVICE_LBA: u8 = 0x40;
/// CK_COND: return the registers in sense data, also after success.
const RETURN_REGISTERS: u8 = 0x20;
/// T_DIR from the device, BYT_BLOK, T_LENGTH in COUNT.
const DATA_IN: u8 = 0x0e;
/// BYT_BLOK, T_LENGTH in COUNT.
const DATA_OUT: u8 = 0x06;

impl Taskfile {
    /// The CDB. Without data the registers are asked for; with data the transfer itself tells success.
    pub(crate) fn to_cdb(self, transfer: &Transfer<'_>) -> [u8; 16] {
        let (protocol, flags) = match transfer {
            Transfer::None => (3, RETURN_REGISTERS),
            Transfer::In(_) => (4, DATA_IN),
            Transfer::Out(_) => (5, DATA_OUT),
        };
        let [feature_high, feature] = self.feature.to_be_bytes();
        let [count_high, count] = self.count.to_be_bytes();
        let [_, _, lba5, lba4, lba3, lba2, lba1, lba0] = self.lba.to_be_bytes();
        // Without 48 bits, LBA(27:24) travel in DEVICE and the high bytes must be zero.
        let device = if self.is_48_bit { DEVICE_LBA } else { DEVICE_LBA | lba3 & 0x0f };
        let high = |byte: u8| if self.is_48_bit { byte } else { 0 };
        [
            ATA_PASS_THROUGH_16,
            protocol << 1 | u8::from(self.is_48_bit),
            flags,
            high(feature_high),
            feature,
            high(count_high),
            count,
            high(lba3),
            lba0,
            high(lba4),
            lba1,
            high(lba5),
            lba2,
            device,
            self.command,
            0,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(taskfile: Taskfile, transfer: &Transfer<'_>, cdb: [u8; 16]) {
        assert_eq!(taskfile.to_cdb(transfer), cdb, "{taskfile:02x?}");
    }

    #[test]
    fn registers_are_packed_as_sat_says() {
        // As logged in openSeaChest issue 114, apart from CK_COND's place: READ NATIVE MAX ADDRESS EXT.
        let native_max = Taskfile { command: 0x27, is_48_bit: true, ..Taskfile::default() };
        let cdb = [0x85, 0x07, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x27, 0];
        check(native_max, &Transfer::None, cdb);
        let identify = Taskfile { command: 0xec, count: 1, ..Taskfile::default() };
        let cdb = [0x85, 0x08, 0x0e, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x40, 0xec, 0];
        check(identify, &Transfer::In(&mut []), cdb);
        let sanitize = Taskfile {
            command: 0xb4,
            feature: 0x0102,
            count: 0x0304,
            lba: 0x0a0b_0c0d_0e0f,
            is_48_bit: true,
        };
        let cdb = [0x85, 0x07, 0x20, 1, 2, 3, 4, 0x0c, 0x0f, 0x0b, 0x0e, 0x0a, 0x0d, 0x40, 0xb4, 0];
        check(sanitize, &Transfer::None, cdb);
        let short = Taskfile { is_48_bit: false, lba: 0x0a0b_0c0d, ..sanitize };
        let cdb = [0x85, 0x0a, 0x06, 0, 2, 0, 4, 0, 0x0d, 0, 0x0c, 0, 0x0b, 0x4a, 0xb4, 0];
        check(short, &Transfer::Out(&[]), cdb);
    }
}
