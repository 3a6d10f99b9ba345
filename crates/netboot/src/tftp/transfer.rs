//! One file on its way to one client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::packet::{ErrorCode, FromClient, data, error, option_acknowledgment};
use super::request::{MAX_BLOCK_LEN, MAX_WINDOW, Request};

/// Block length without the blksize option, in bytes (RFC 1350).
const DEFAULT_BLOCK_LEN: u16 = 512;
/// Wait before the first retransmission; each further one waits twice as long.
const FIRST_TIMEOUT: Duration = Duration::from_secs(1);
/// No wait is longer, unless the client asked for it.
const MAX_TIMEOUT: Duration = Duration::from_secs(8);
/// Retransmissions in a row before the client counts as gone: 39 s with the waits above.
const MAX_RETRANSMISSIONS: u32 = 6;

/// The server's half of one transfer.
///
/// Blocks are counted without end in here; the 16-bit number on the wire rolls over to 0.
#[derive(Debug)]
pub struct Transfer {
    content: Arc<[u8]>,
    block_len: u64,
    window: u64,
    /// The OACK, while it is not acknowledged.
    negotiating: Option<Vec<u8>>,
    /// Blocks the client has confirmed.
    confirmed: u64,
    /// Blocks sent at least once.
    sent: u64,
    /// Number of blocks; the last one is shorter than `block_len`, if need be empty.
    blocks: u64,
    /// `confirmed` when a repeated ACK last made us send again.
    repeated_for: Option<u64>,
    timeout: Duration,
    max_timeout: Duration,
    retransmissions: u32,
    deadline: Instant,
}

/// What came of an event: packets to send, and the end if this was it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// To be sent to the client, in order.
    pub packets: Vec<Vec<u8>>,
    /// The transfer is over; drop it after sending.
    pub end: Option<End>,
}

/// How a transfer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The client confirmed the whole file.
    Finished,
    /// The client only wanted the options (the file's length); firmware does it each time.
    OptionsRead,
    /// The client broke it off.
    Aborted {
        /// TFTP error code.
        code: u16,
        /// The client's words.
        message: String,
    },
    /// The client does not answer any more.
    GaveUp,
}

impl Transfer {
    /// Begins to answer `request` with `content`.
    #[must_use]
    pub fn start(request: &Request, content: Arc<[u8]>, now: Instant) -> (Self, Progress) {
        let options = &request.options;
        let max_block_len = u16::try_from(MAX_BLOCK_LEN).unwrap_or(DEFAULT_BLOCK_LEN);
        let block_len = options.blksize.map_or(DEFAULT_BLOCK_LEN, |len| len.min(max_block_len));
        let window = options.windowsize.map_or(1, |window| window.min(MAX_WINDOW));
        let content_len = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let mut accepted = Vec::new();
        if options.blksize.is_some() {
            accepted.push(("blksize", block_len.into()));
        }
        if options.tsize {
            accepted.push(("tsize", content_len));
        }
        if let Some(timeout) = options.timeout {
            accepted.push(("timeout", timeout.as_secs()));
        }
        if options.windowsize.is_some() {
            accepted.push(("windowsize", window.into()));
        }
        let timeout = options.timeout.unwrap_or(FIRST_TIMEOUT);
        let mut transfer = Self {
            content,
            block_len: block_len.into(),
            window: window.into(),
            negotiating: (!accepted.is_empty()).then(|| option_acknowledgment(&accepted)),
            confirmed: 0,
            sent: 0,
            blocks: content_len / u64::from(block_len) + 1,
            repeated_for: None,
            timeout,
            max_timeout: timeout.max(MAX_TIMEOUT),
            retransmissions: 0,
            deadline: now + timeout,
        };
        let packets = transfer.window_packets();
        (transfer, Progress { packets, end: None })
    }

    /// Takes a datagram of the client.
    #[must_use]
    pub fn packet(&mut self, datagram: &[u8], now: Instant) -> Progress {
        match FromClient::parse(datagram) {
            Some(FromClient::Ack(number)) => self.acknowledged(number, now),
            Some(FromClient::Error { code, message }) => {
                Progress::ended(self.ended_by(code, message))
            }
            None => Progress::default(),
        }
    }

    /// To be called at [`Self::deadline`]: sends again, or gives up.
    #[must_use]
    pub fn tick(&mut self, now: Instant) -> Progress {
        if now < self.deadline {
            return Progress::default();
        }
        if self.retransmissions == MAX_RETRANSMISSIONS {
            let packets = vec![error(ErrorCode::Undefined, "no answer from the client")];
            return Progress { packets, end: Some(End::GaveUp) };
        }
        self.retransmissions += 1;
        let factor = 1 << self.retransmissions;
        self.deadline = now + self.timeout.saturating_mul(factor).min(self.max_timeout);
        Progress { packets: self.window_packets(), end: None }
    }

    /// When [`Self::tick`] is due.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Bytes the client has confirmed.
    #[must_use]
    pub fn confirmed_bytes(&self) -> u64 {
        (self.confirmed * self.block_len).min(self.content_len())
    }

    /// Length of the file in bytes.
    #[must_use]
    pub fn content_len(&self) -> u64 {
        u64::try_from(self.content.len()).unwrap_or(u64::MAX)
    }

    fn acknowledged(&mut self, number: u16, now: Instant) -> Progress {
        if self.negotiating.is_some() {
            if number != 0 {
                return Progress::default();
            }
            self.negotiating = None;
            return self.go_on(now);
        }
        // At most a window is under way, so the 16 bits say which block is meant.
        let ahead = u64::from(number.wrapping_sub(wire_number(self.confirmed)));
        if ahead > self.sent - self.confirmed {
            return Progress::default();
        }
        if ahead == 0 {
            return self.repeated(now);
        }
        self.confirmed += ahead;
        if self.confirmed == self.blocks {
            return Progress::ended(End::Finished);
        }
        self.go_on(now)
    }

    /// The client confirms once more what it had confirmed. With a window it has missed the first
    /// block of it (RFC 7440, section 4), and gets the window again, once. In lock-step it is an
    /// echo of a retransmission: answering would double every packet from here on (RFC 1123,
    /// section 4.2.3.1), so the timeout decides.
    fn repeated(&mut self, now: Instant) -> Progress {
        if self.window == 1 || self.sent == 0 || self.repeated_for == Some(self.confirmed) {
            return Progress::default();
        }
        self.repeated_for = Some(self.confirmed);
        self.go_on(now)
    }

    fn go_on(&mut self, now: Instant) -> Progress {
        self.retransmissions = 0;
        self.deadline = now + self.timeout;
        Progress { packets: self.window_packets(), end: None }
    }

    /// What the client is waiting for.
    fn window_packets(&mut self) -> Vec<Vec<u8>> {
        if let Some(oack) = &self.negotiating {
            return vec![oack.clone()];
        }
        let end = self.blocks.min(self.confirmed + self.window);
        self.sent = self.sent.max(end);
        (self.confirmed + 1..=end)
            .map(|block| data(wire_number(block), self.payload(block)))
            .collect()
    }

    fn payload(&self, block: u64) -> &[u8] {
        let position = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let start = position((block - 1) * self.block_len).min(self.content.len());
        let end = position(block * self.block_len).min(self.content.len());
        &self.content[start..end]
    }

    fn ended_by(&self, code: u16, message: String) -> End {
        // OVMF asks for the length with error 8, other ROMs with error 0 before any data.
        if code == ErrorCode::Options.number() || self.negotiating.is_some() {
            End::OptionsRead
        } else {
            End::Aborted { code, message }
        }
    }
}

impl Progress {
    fn ended(end: End) -> Self {
        Self { packets: Vec::new(), end: Some(end) }
    }
}

fn wire_number(block: u64) -> u16 {
    let [.., high, low] = block.to_be_bytes();
    u16::from_be_bytes([high, low])
}
