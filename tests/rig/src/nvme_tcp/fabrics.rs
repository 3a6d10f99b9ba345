//! Fabrics commands: NVM Express over Fabrics 1.1, section 3.

use super::command::Command;

/// Opcode of every Fabrics command.
pub(super) const OPCODE: u8 = 0x7f;

const PROPERTY_SET: u8 = 0x00;
const CONNECT: u8 = 0x01;
const PROPERTY_GET: u8 = 0x04;

/// Length of Connect's data in bytes.
const CONNECT_DATA_LEN: usize = 1024;
const SUBSYSTEM_NQN_AT: usize = 256;
const NQN_LEN: usize = 256;

/// Controller id in Connect by which a host leaves the choice to the target.
const ANY_CONTROLLER: u16 = 0xffff;

/// What a host asks of the fabric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FabricsCommand {
    /// Make this connection a queue of a controller.
    Connect(Connect),
    /// Read a controller register.
    PropertyGet {
        /// Offset of the register.
        offset: u32,
    },
    /// Write a controller register.
    PropertySet {
        /// Offset of the register.
        offset: u32,
        /// What.
        value: u64,
    },
    /// Anything else, such as authentication.
    Other,
}

/// A Connect command with its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Connect {
    /// Zero for the admin queue.
    pub(super) queue: u16,
    /// Entries of the submission queue.
    pub(super) queue_len: u32,
    /// The subsystem asked for.
    pub(super) subsystem: String,
    /// For an I/O queue, of which controller; none to have one made.
    pub(super) controller: Option<u16>,
}

impl FabricsCommand {
    /// None where Connect's data is not as long as it must be.
    pub(super) fn parse(command: &Command, data: &[u8]) -> Option<Self> {
        Some(match command.byte(4) {
            PROPERTY_GET => Self::PropertyGet { offset: command.double_word(44) },
            PROPERTY_SET => {
                Self::PropertySet { offset: command.double_word(44), value: command.quad_word(48) }
            }
            CONNECT => Self::Connect(Connect::parse(command, data.first_chunk()?)),
            _ => Self::Other,
        })
    }
}

impl Connect {
    fn parse(command: &Command, data: &[u8; CONNECT_DATA_LEN]) -> Self {
        let controller = u16::from_le_bytes([data[16], data[17]]);
        let nqn = &data[SUBSYSTEM_NQN_AT..SUBSYSTEM_NQN_AT + NQN_LEN];
        let end = nqn.iter().position(|&byte| byte == 0).unwrap_or(NQN_LEN);
        Self {
            queue: command.word(42),
            queue_len: u32::from(command.word(44)) + 1,
            subsystem: String::from_utf8_lossy(&nqn[..end]).into_owned(),
            controller: (controller != ANY_CONTROLLER).then_some(controller),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::command::COMMAND_LEN;
    use super::*;

    fn command(fields: &[(usize, u8)]) -> Command {
        let mut entry = [0; COMMAND_LEN];
        entry[0] = OPCODE;
        for &(at, value) in fields {
            entry[at] = value;
        }
        Command::new(entry)
    }

    #[test]
    fn fabrics_commands_are_read() {
        let mut data = [0; CONNECT_DATA_LEN];
        data[16..18].fill(0xff);
        data[256..259].copy_from_slice(b"nqn");
        let admin = command(&[(4, CONNECT), (44, 31)]);
        let connect = |queue, controller| {
            let subsystem = "nqn".to_owned();
            Some(FabricsCommand::Connect(Connect { queue, queue_len: 32, subsystem, controller }))
        };
        assert_eq!(FabricsCommand::parse(&admin, &data), connect(0, None));
        data[16..18].copy_from_slice(&[3, 0]);
        let io = command(&[(4, CONNECT), (42, 1), (44, 31)]);
        assert_eq!(FabricsCommand::parse(&io, &data), connect(1, Some(3)));
        assert_eq!(FabricsCommand::parse(&io, &data[1..]), None);
        for (fields, expected) in [
            (&[(4, PROPERTY_GET), (44, 8)][..], FabricsCommand::PropertyGet { offset: 8 }),
            (
                &[(44, 0x14), (48, 1), (53, 1)],
                FabricsCommand::PropertySet { offset: 0x14, value: 1 | 1 << 40 },
            ),
            (&[(4, 5)], FabricsCommand::Other),
        ] {
            assert_eq!(FabricsCommand::parse(&command(fields), &[]), Some(expected));
        }
    }
}
