//! What comes to port 69.

use std::time::Duration;

use super::packet::{
    ErrorCode, OP_ACK, OP_DATA, OP_ERROR, OP_OACK, OP_READ, OP_WRITE, error, split_u16,
};

/// The largest block served: what fits an Ethernet frame without fragments, in bytes.
pub const MAX_BLOCK_LEN: usize = 1468;
/// The largest window served, in blocks.
pub const MAX_WINDOW: u16 = 16;
/// Longer names than this are no boot files.
const MAX_PATH_LEN: usize = 512;

/// A read request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The file, as the client wrote it.
    pub path: String,
    /// The options it asks for.
    pub options: RequestedOptions,
}

/// Options understood here; others are left out of the answer, as RFC 2347 has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestedOptions {
    /// Block length in bytes, 8 to 65464.
    pub blksize: Option<u16>,
    /// The client wants to know the file's length.
    pub tsize: bool,
    /// Time before a retransmission, 1 to 255 s.
    pub timeout: Option<Duration>,
    /// Blocks sent before an acknowledgment, 1 to 65535.
    pub windowsize: Option<u16>,
}

/// A datagram that came to port 69, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A file is wanted.
    Read(Request),
    /// Refused: send this back.
    Refuse {
        /// The error packet.
        reply: Vec<u8>,
        /// Why, for the boot trace.
        reason: &'static str,
    },
    /// Not to be answered: noise, or an error, which must never be answered by an error.
    Ignore,
}

/// Judges a datagram that came to port 69.
#[must_use]
pub fn classify(datagram: &[u8]) -> Incoming {
    let refuse = |code, reason| Incoming::Refuse { reply: error(code, reason), reason };
    match split_u16(datagram) {
        Some((OP_READ, fields)) => match read_request(fields) {
            Ok(request) => Incoming::Read(request),
            Err(reason) => refuse(ErrorCode::IllegalOperation, reason),
        },
        Some((OP_WRITE, _)) => refuse(ErrorCode::Access, "this server takes no files"),
        // Of a transfer that no longer exists, or of nobody's.
        Some((OP_DATA | OP_ACK | OP_ERROR | OP_OACK, _)) | None => Incoming::Ignore,
        Some(_) => refuse(ErrorCode::IllegalOperation, "unknown operation"),
    }
}

fn read_request(fields: &[u8]) -> Result<Request, &'static str> {
    const MALFORMED: &str = "malformed read request";
    // A final NUL is required, but some ROMs pad behind it.
    let end = fields.iter().rposition(|byte| *byte == 0).ok_or(MALFORMED)?;
    let mut texts = fields[..end].split(|byte| *byte == 0);
    let path = texts.next().filter(|path| !path.is_empty() && path.len() <= MAX_PATH_LEN);
    let path = std::str::from_utf8(path.ok_or(MALFORMED)?).map_err(|_| MALFORMED)?;
    let mode = texts.next().ok_or(MALFORMED)?;
    if !mode.eq_ignore_ascii_case(b"octet") {
        return Err("only octet (binary) mode is served");
    }
    let mut options = RequestedOptions::default();
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        options.take(name, value);
    }
    Ok(Request { path: path.to_owned(), options })
}

impl RequestedOptions {
    /// A value out of the option's range is as good as no option: the client goes on without.
    fn take(&mut self, name: &[u8], value: &[u8]) {
        let number: Option<u64> =
            std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        let Some(number) = number else { return };
        let within =
            |min: u16, max: u16| u16::try_from(number).ok().filter(|n| (min..=max).contains(n));
        match name.to_ascii_lowercase().as_slice() {
            b"blksize" => self.blksize = self.blksize.or(within(8, 65464)),
            b"tsize" => self.tsize = true,
            b"timeout" => {
                let seconds = within(1, 255).map(|s| Duration::from_secs(s.into()));
                self.timeout = self.timeout.or(seconds);
            }
            b"windowsize" => self.windowsize = self.windowsize.or(within(1, u16::MAX)),
            _ => {}
        }
    }
}
