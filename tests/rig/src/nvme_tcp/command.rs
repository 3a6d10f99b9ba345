//! Submission and completion queue entries: NVM Express Base 2.0, figures 86 and 90.

/// Length of a submission queue entry in bytes.
pub(super) const COMMAND_LEN: usize = 64;

/// A submission queue entry, as far as a target needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Command {
    entry: [u8; COMMAND_LEN],
}

/// A status: status code type in bits 10:8, status code in bits 7:0; bit 14 is Do Not Retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status(pub(super) u16);

impl Status {
    /// Bit 14.
    pub(super) const DO_NOT_RETRY: u16 = 0x4000;
    pub(super) const SUCCESS: Self = Self(0);
    pub(super) const INVALID_OPCODE: Self = Self(0x4001);
    pub(super) const INVALID_FIELD: Self = Self(0x4002);
    pub(super) const INVALID_NAMESPACE: Self = Self(0x400b);
    pub(super) const SEQUENCE_ERROR: Self = Self(0x400c);
    pub(super) const DATA_LENGTH_INVALID: Self = Self(0x400f);
    pub(super) const SANITIZE_FAILED: Self = Self(0x401c);
    pub(super) const SANITIZE_IN_PROGRESS: Self = Self(0x401d);
    pub(super) const LBA_OUT_OF_RANGE: Self = Self(0x4080);
    /// Command specific, Connect: Connect Invalid Parameters.
    pub(super) const CONNECT_INVALID: Self = Self(0x4182);
    /// Media: Write Fault.
    pub(super) const WRITE_FAULT: Self = Self(0x4280);
    /// Media: Unrecovered Read Error.
    pub(super) const UNRECOVERED_READ: Self = Self(0x4281);
}

/// What a completion queue entry tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Completion {
    pub(super) command_id: u16,
    /// Dwords 0 and 1.
    pub(super) result: u64,
    pub(super) queue_head: u16,
    pub(super) status: Status,
}

/// Which way a command's data goes, by the low bits of its opcode (figure 89).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    None,
    ToController,
    ToHost,
}

impl Command {
    pub(super) const fn new(entry: [u8; COMMAND_LEN]) -> Self {
        Self { entry }
    }

    pub(super) const fn opcode(&self) -> u8 {
        self.entry[0]
    }

    pub(super) const fn id(&self) -> u16 {
        u16::from_le_bytes([self.entry[2], self.entry[3]])
    }

    pub(super) fn namespace(&self) -> u32 {
        self.double_word(4)
    }

    /// How many bytes of data its SGL descriptor announces (figure 121: address, length, type).
    pub(super) fn data_len(&self) -> usize {
        usize::try_from(self.double_word(32)).unwrap_or(usize::MAX)
    }

    /// Command dwords 10 to 15.
    pub(super) fn dwords(&self) -> [u32; 6] {
        [40, 44, 48, 52, 56, 60].map(|at| self.double_word(at))
    }

    /// Of a Fabrics command the type decides, not the opcode.
    pub(super) fn direction(&self) -> Direction {
        let code =
            if self.opcode() == super::fabrics::OPCODE { self.entry[4] } else { self.opcode() };
        match code & 3 {
            1 => Direction::ToController,
            2 => Direction::ToHost,
            _ => Direction::None,
        }
    }

    pub(super) fn byte(&self, at: usize) -> u8 {
        self.entry.get(at).copied().unwrap_or(0)
    }

    pub(super) fn word(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.byte(at), self.byte(at + 1)])
    }

    pub(super) fn double_word(&self, at: usize) -> u32 {
        u32::from(self.word(at)) | u32::from(self.word(at + 2)) << 16
    }

    pub(super) fn quad_word(&self, at: usize) -> u64 {
        u64::from(self.double_word(at)) | u64::from(self.double_word(at + 4)) << 32
    }
}

impl Completion {
    /// The sixteen bytes. The phase tag means nothing without memory of the host.
    pub(super) fn encode(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.result.to_le_bytes());
        bytes[8..10].copy_from_slice(&self.queue_head.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.command_id.to_le_bytes());
        bytes[14..].copy_from_slice(&(self.status.0 << 1).to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_where_the_standard_puts_them() {
        let mut entry = [0; COMMAND_LEN];
        entry[0] = 0x02;
        entry[2..4].copy_from_slice(&0x1234_u16.to_le_bytes());
        entry[4] = 1;
        entry[32..36].copy_from_slice(&4096_u32.to_le_bytes());
        entry[40..48].copy_from_slice(&0x1122_3344_5566_7788_u64.to_le_bytes());
        let command = Command::new(entry);
        assert_eq!((command.opcode(), command.id(), command.namespace()), (2, 0x1234, 1));
        assert_eq!((command.data_len(), command.direction()), (4096, Direction::ToHost));
        assert_eq!(command.dwords()[..2], [0x5566_7788, 0x1122_3344]);
        assert_eq!(command.quad_word(40), 0x1122_3344_5566_7788);
        let status = Status::INVALID_FIELD;
        let completion = Completion { command_id: 0x1234, result: 5, queue_head: 7, status };
        assert_eq!(
            completion.encode(),
            [5, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0x34, 0x12, 0x04, 0x80]
        );
    }
}
