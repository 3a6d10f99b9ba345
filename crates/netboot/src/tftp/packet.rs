//! TFTP packets (RFC 1350, section 5; RFC 2347).

use super::request::MAX_BLOCK_LEN;

/// The longest datagram sent or received, in bytes.
pub const MAX_DATAGRAM_LEN: usize = 4 + MAX_BLOCK_LEN;

pub(super) const OP_READ: u16 = 1;
pub(super) const OP_WRITE: u16 = 2;
pub(super) const OP_DATA: u16 = 3;
pub(super) const OP_ACK: u16 = 4;
pub(super) const OP_ERROR: u16 = 5;
pub(super) const OP_OACK: u16 = 6;

/// Error codes of RFC 1350, appendix, and RFC 2347.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum ErrorCode {
    /// See the message.
    Undefined = 0,
    /// No such file.
    NotFound = 1,
    /// Access violation.
    Access = 2,
    /// Illegal TFTP operation.
    IllegalOperation = 4,
    /// Unknown transfer.
    UnknownTransfer = 5,
    /// Option negotiation ended by the client.
    Options = 8,
}

impl ErrorCode {
    pub(super) fn number(self) -> u16 {
        match self {
            Self::Undefined => 0,
            Self::NotFound => 1,
            Self::Access => 2,
            Self::IllegalOperation => 4,
            Self::UnknownTransfer => 5,
            Self::Options => 8,
        }
    }
}

/// What a client sends while a transfer runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FromClient {
    /// Blocks up to this one arrived.
    Ack(u16),
    /// It ends the transfer.
    Error { code: u16, message: String },
}

impl FromClient {
    /// `None` for anything that has no place in a running transfer.
    pub(super) fn parse(datagram: &[u8]) -> Option<Self> {
        let (op, rest) = split_u16(datagram)?;
        let (number, rest) = split_u16(rest)?;
        match op {
            OP_ACK => Some(Self::Ack(number)),
            OP_ERROR => {
                let text: Vec<u8> = rest.iter().copied().take_while(|byte| *byte != 0).collect();
                let message = String::from_utf8_lossy(&text).into_owned();
                Some(Self::Error { code: number, message })
            }
            _ => None,
        }
    }
}

pub(super) fn split_u16(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*number), rest))
}

pub(super) fn data(block: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(4 + payload.len());
    packet.extend(OP_DATA.to_be_bytes());
    packet.extend(block.to_be_bytes());
    packet.extend(payload);
    packet
}

pub(super) fn option_acknowledgment(options: &[(&str, u64)]) -> Vec<u8> {
    let mut packet = OP_OACK.to_be_bytes().to_vec();
    for (name, value) in options {
        packet.extend(name.as_bytes());
        packet.push(0);
        packet.extend(value.to_string().as_bytes());
        packet.push(0);
    }
    packet
}

/// An error packet.
#[must_use]
pub fn error(code: ErrorCode, message: &str) -> Vec<u8> {
    let mut packet = OP_ERROR.to_be_bytes().to_vec();
    packet.extend(code.number().to_be_bytes());
    packet.extend(message.as_bytes());
    packet.push(0);
    packet
}
