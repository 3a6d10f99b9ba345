//! The option field: an ordered list without repeated codes.

use std::net::Ipv4Addr;

use super::code;
use super::packet::ParseError;

const PAD: u8 = 0;
const END: u8 = 255;

/// DHCP options in the order they go onto the wire.
///
/// The message type (53) always stands first, because old PXE ROMs look for it there. A code occurs
/// once; a value longer than 255 bytes is split on the wire and joined again (RFC 3396).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options(Vec<(u8, Vec<u8>)>);

impl Options {
    /// The value of `code`, if present.
    #[must_use]
    pub fn get(&self, code: u8) -> Option<&[u8]> {
        self.0.iter().find(|(present, _)| *present == code).map(|(_, value)| value.as_slice())
    }

    /// The value of `code` as an IPv4 address; `None` unless it is exactly four bytes.
    #[must_use]
    pub fn address(&self, code: u8) -> Option<Ipv4Addr> {
        let bytes: [u8; 4] = self.get(code)?.try_into().ok()?;
        Some(Ipv4Addr::from(bytes))
    }

    /// Sets `code`, replacing an earlier value. The codes 0 (pad) and 255 (end) are not options and
    /// are left out.
    pub fn set(&mut self, code: u8, value: impl Into<Vec<u8>>) {
        if matches!(code, PAD | END) {
            return;
        }
        let value = value.into();
        if let Some(entry) = self.0.iter_mut().find(|(present, _)| *present == code) {
            entry.1 = value;
        } else if code == code::MESSAGE_TYPE {
            self.0.insert(0, (code, value));
        } else {
            self.0.push((code, value));
        }
    }

    /// Sets `code` to an IPv4 address.
    pub fn set_address(&mut self, code: u8, address: Ipv4Addr) {
        self.set(code, address.octets());
    }

    /// The options in wire order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.0.iter().map(|(code, value)| (*code, value.as_slice()))
    }

    /// Reads one option field (`options`, `file` or `sname`) and appends what it holds.
    pub(super) fn parse_into(&mut self, mut field: &[u8]) -> Result<(), ParseError> {
        loop {
            match *field {
                // A missing end option is common enough in firmware to be let through.
                [] | [END, ..] => return Ok(()),
                [PAD, ref rest @ ..] => field = rest,
                [code, len, ref rest @ ..] if rest.len() >= usize::from(len) => {
                    let (value, rest) = rest.split_at(usize::from(len));
                    self.append(code, value);
                    field = rest;
                }
                [code, ..] => return Err(ParseError::TruncatedOption { code }),
            }
        }
    }

    pub(super) fn remove(&mut self, code: u8) {
        self.0.retain(|(present, _)| *present != code);
    }

    pub(super) fn encode_into(&self, out: &mut Vec<u8>) {
        for (code, value) in self.iter() {
            if value.is_empty() {
                out.extend([code, 0]);
            }
            for chunk in value.chunks(usize::from(u8::MAX)) {
                out.push(code);
                out.push(u8::try_from(chunk.len()).unwrap_or(u8::MAX));
                out.extend(chunk);
            }
        }
        out.push(END);
    }

    fn append(&mut self, code: u8, value: &[u8]) {
        match self.0.iter_mut().find(|(present, _)| *present == code) {
            Some(entry) => entry.1.extend(value),
            None => self.set(code, value),
        }
    }
}
