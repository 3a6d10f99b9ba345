//! SCSI commands for a program of ours: the ring that `target_core_user` shares with it (`linux/target_core_user.h`,
//! Documentation/target/tcmu-design.rst). For the rigs of the tests; no product links this.

mod layout;
mod region;

use std::fs::File;
use std::io::{self, Read, Write};
use std::mem::offset_of;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub use layout::SENSE_LEN;
use layout::{
    CAP_READ_LEN, Fixed, Header, IoVec, Mailbox, OP_CMD, OP_MASK, OP_PAD, RequestEntry,
    ResponseEntry, UFLAG_READ_LEN, UFLAG_UNKNOWN_OP, VERSION,
};
use region::Region;

const CMD_HEAD: u64 = offset_of!(Mailbox, cmd_head) as u64;
const CMD_TAIL: u64 = offset_of!(Mailbox, cmd_tail) as u64;

/// Why the ring cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The device does not let itself be mapped.
    #[error("mapping {len} bytes of the TCMU device")]
    Map {
        /// How many bytes.
        len: usize,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another layout than the one known here.
    #[error(
        "TCMU mailbox of version {version} with flags {flags:#x}: only 2 with READ_LEN is known"
    )]
    Version {
        /// Its version.
        version: u16,
        /// Its flags.
        flags: u16,
    },
    /// A length or place that cannot be.
    #[error("the TCMU ring is damaged: {what} at {at:#x} of {len:#x} bytes")]
    Damaged {
        /// What is wrong.
        what: &'static str,
        /// Where, in bytes from the start of the region.
        at: u64,
        /// Length of the region.
        len: usize,
    },
    /// More data or sense than the request has room for.
    #[error("answering TCMU command {id} with {got} bytes of {what}, there is room for {room}")]
    TooLong {
        /// Which.
        id: u16,
        /// Data or sense.
        what: &'static str,
        /// How many.
        got: usize,
        /// How many would fit.
        room: usize,
    },
    /// Commands are answered in order, once each.
    #[error("TCMU command {id} is not the one to be answered now")]
    NotNext {
        /// Which.
        id: u16,
    },
    /// Waiting for the kernel, or waking it, failed.
    #[error("exchanging events with the TCMU device")]
    Event(#[source] io::Error),
}

/// A command to be answered.
#[derive(Debug)]
pub struct Request {
    id: u16,
    entry: u64,
    entry_len: u32,
    cdb: Vec<u8>,
    /// Places and lengths in the region.
    data: Vec<(u64, usize)>,
}

impl Request {
    /// The command descriptor block, perhaps with zeros after it.
    pub fn cdb(&self) -> &[u8] {
        &self.cdb
    }

    /// Length in bytes of the data, in whichever direction it goes.
    pub fn data_len(&self) -> usize {
        self.data.iter().map(|(_, len)| len).sum()
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// SCSI status.
    pub status: u8,
    /// Sense data, at most [`SENSE_LEN`] bytes.
    pub sense: Vec<u8>,
    /// Data to the initiator, at most as long as it asked for.
    pub data_in: Vec<u8>,
}

/// The ring of one device. Commands come and are answered in order.
#[derive(Debug)]
pub struct Ring {
    uio: File,
    region: Region,
    /// Where the command ring starts in the region.
    commands: u64,
    commands_len: u32,
    /// Of the next command, in bytes from the start of the command ring.
    tail: u32,
}

impl Ring {
    /// Maps the region of an opened `/dev/uioN`: `len` is what `maps/map0/size` says.
    pub fn open(uio: File, len: NonZeroUsize) -> Result<Self, RingError> {
        let region = Region::map(&uio, len)?;
        region.check(0, size_of::<Mailbox>() as u64)?;
        let Fixed { version, flags, cmdr_off, cmdr_size } = region.read(0)?;
        if version != VERSION || flags & CAP_READ_LEN == 0 {
            return Err(RingError::Version { version, flags });
        }
        let commands = u64::from(cmdr_off);
        region.check(commands, cmdr_size.into())?;
        let is_behind_mailbox = commands >= size_of::<Mailbox>() as u64;
        if !is_behind_mailbox || cmdr_off % 8 != 0 || cmdr_size % 8 != 0 || cmdr_size == 0 {
            return Err(region.damaged("command ring", commands));
        }
        let tail = region.counter(CMD_TAIL)?.load(Ordering::Acquire);
        Ok(Self { uio, region, commands, commands_len: cmdr_size, tail })
    }

    /// Waits until the kernel has news, or the time is over.
    ///
    /// News from before [`Ring::open`] does not count: ask [`Ring::next_request`] first.
    pub fn wait(&mut self, timeout_ms: u16) -> Result<(), RingError> {
        let mut events = [PollFd::new(self.uio.as_fd(), PollFlags::POLLIN)];
        match poll(&mut events, PollTimeout::from(timeout_ms)) {
            Ok(0) | Err(Errno::EINTR) => Ok(()),
            // The number of events so far is read; that there was one is all that matters.
            Ok(_) => self.uio.read_exact(&mut [0; 4]).map_err(RingError::Event),
            Err(errno) => Err(RingError::Event(errno.into())),
        }
    }

    /// The command that is to be answered next; none where the ring is empty.
    pub fn next_request(&mut self) -> Result<Option<Request>, RingError> {
        // Acquire: the entries were written before the head was moved over them.
        while self.region.counter(CMD_HEAD)?.load(Ordering::Acquire) != self.tail {
            let entry = self.next_entry();
            let header: Header = self.region.read(entry)?;
            let len = header.len_op & !OP_MASK;
            if len < 8 || self.tail.checked_add(len).is_none_or(|end| end > self.commands_len) {
                return Err(self.region.damaged("length of an entry", entry));
            }
            match header.len_op & OP_MASK {
                OP_CMD => return self.request(entry, len).map(Some),
                OP_PAD => {}
                _ => {
                    let uflags = header.uflags | UFLAG_UNKNOWN_OP;
                    self.region.write(entry, Header { uflags, ..header })?;
                }
            }
            self.advance(len)?;
        }
        Ok(None)
    }

    fn request(&self, entry: u64, entry_len: u32) -> Result<Request, RingError> {
        let head: RequestEntry = self.region.read(entry)?;
        let end = entry + u64::from(entry_len);
        let first_iov = entry + size_of::<RequestEntry>() as u64;
        let after_iov = first_iov + u64::from(head.iov_cnt) * size_of::<IoVec>() as u64;
        let has_room = u64::from(entry_len) >= size_of::<ResponseEntry>() as u64;
        if !has_room || after_iov > end || head.iov_bidi_cnt != 0 {
            return Err(self.region.damaged("data vector", entry));
        }
        let cdb_len = end.checked_sub(head.cdb_off).filter(|&len| len > 0);
        let cdb_len = cdb_len.filter(|_| head.cdb_off >= after_iov);
        let cdb_len = cdb_len.ok_or_else(|| self.region.damaged("CDB", head.cdb_off))?;
        let mut cdb = vec![0; self.len_of(head.cdb_off, cdb_len)?];
        self.region.copy_out(head.cdb_off, &mut cdb)?;
        let mut data = Vec::new();
        for index in 0..u64::from(head.iov_cnt) {
            let iov: IoVec = self.region.read(first_iov + index * size_of::<IoVec>() as u64)?;
            if iov.base < self.commands + u64::from(self.commands_len) {
                return Err(self.region.damaged("data inside the command ring", iov.base));
            }
            data.push((iov.base, self.len_of(iov.base, iov.len)?));
        }
        Ok(Request { id: head.header.cmd_id, entry, entry_len, cdb, data })
    }

    /// A length that has been seen to lie inside the region.
    fn len_of(&self, at: u64, len: u64) -> Result<usize, RingError> {
        self.region.check(at, len)?;
        usize::try_from(len).map_err(|_| self.region.damaged("length", at))
    }

    /// Copies the data that came with the command. Meaningless where it asks for data.
    pub fn data_out(&self, request: &Request) -> Result<Vec<u8>, RingError> {
        let mut data = vec![0; request.data_len()];
        let mut rest = &mut data[..];
        for &(at, len) in &request.data {
            let (part, after) = rest.split_at_mut(len);
            self.region.copy_out(at, part)?;
            rest = after;
        }
        Ok(data)
    }

    /// Answers the command and wakes the kernel.
    pub fn complete(&mut self, request: Request, response: &Response) -> Result<(), RingError> {
        let (id, entry, room) = (request.id, request.entry, request.data_len());
        if entry != self.next_entry() {
            return Err(RingError::NotNext { id });
        }
        let too_long = |what, got, room| RingError::TooLong { id, what, got, room };
        let Response { status, sense, data_in } = response;
        let mut filled = [0; SENSE_LEN];
        let place = filled.get_mut(..sense.len());
        place.ok_or_else(|| too_long("sense", sense.len(), SENSE_LEN))?.copy_from_slice(sense);
        if data_in.len() > room {
            return Err(too_long("data", data_in.len(), room));
        }
        let mut rest = &data_in[..];
        for &(at, len) in &request.data {
            let (part, after) = rest.split_at(len.min(rest.len()));
            self.region.copy_in(at, part)?;
            rest = after;
        }
        let mut header: Header = self.region.read(entry)?;
        // A length of zero would be none to the kernel.
        header.uflags |= if data_in.is_empty() { 0 } else { UFLAG_READ_LEN };
        let answer = ResponseEntry {
            header,
            scsi_status: *status,
            padding: [0; 3],
            read_len: u32::try_from(data_in.len()).unwrap_or(u32::MAX),
            sense: filled,
        };
        self.region.write(entry, answer)?;
        self.advance(request.entry_len)?;
        self.uio.write_all(&[0; 4]).map_err(RingError::Event)
    }

    fn next_entry(&self) -> u64 {
        self.commands + u64::from(self.tail)
    }

    /// Gives an entry back.
    fn advance(&mut self, len: u32) -> Result<(), RingError> {
        self.tail = (self.tail + len) % self.commands_len;
        // Release: the answer is in place before the tail says so.
        self.region.counter(CMD_TAIL)?.store(self.tail, Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
