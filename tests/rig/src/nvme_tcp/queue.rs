//! One connection, which is one queue: what its host sends goes in, what it is to be sent comes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::command::{Command, Completion, Direction, Status};
use super::controller::{Controller, Subsystem};
use super::fabrics::{self, Connect, FabricsCommand};
use super::pdu::{Chunk, FromHost, ToHost};
use super::{admin, io};

/// The longest transfer, in bytes: Identify promises no more (MDTS).
const MAX_TRANSFER_LEN: usize = 1 << 20;
/// Writes that may wait for their data at a time: a queue's length.
const MAX_WAITING: usize = 128;

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It ended.
    Done {
        /// Dwords 0 and 1 of the completion.
        result: u64,
        /// How.
        status: Status,
        /// For the host; sent only with success.
        data: Vec<u8>,
    },
    /// It stays open as long as the connection.
    Never,
}

impl Answer {
    pub(super) const fn done() -> Self {
        Self::refused(Status::SUCCESS)
    }

    pub(super) const fn refused(status: Status) -> Self {
        Self::Done { result: 0, status, data: Vec::new() }
    }

    pub(super) const fn data(data: Vec<u8>) -> Self {
        Self::Done { result: 0, status: Status::SUCCESS, data }
    }
}

/// The drive has no power: its connections break, as a drive on PCI Express would fall off the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

/// Why a connection cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueueError {
    #[error("the drive has no power")]
    Gone,
    #[error("the host gave up: fatal error status {0:#06x}")]
    HostTerminated(u16),
    #[error("the first PDU of a connection must be ICReq, and no other may be")]
    Order,
    #[error("command {id}: {sent} bytes in the capsule of {announced} announced")]
    CapsuleData { id: u16, sent: usize, announced: usize },
    #[error("command {id} wants {length} bytes to be fetched while {waiting} others wait")]
    TooMuch { id: u16, length: usize, waiting: usize },
    #[error("H2CData with tag {tag} for command {id} at {offset}: not asked for")]
    StrayData { id: u16, tag: u16, offset: usize },
}

/// A write whose data was asked for by R2T.
#[derive(Debug)]
struct Waiting {
    command: Command,
    data: Vec<u8>,
    received: usize,
}

#[derive(Debug)]
enum Role {
    /// Nothing was said yet.
    Fresh,
    /// Waits for Connect.
    Unconnected,
    Admin(Arc<Controller>),
    Io(Arc<Controller>),
}

/// A queue of a controller, or what is to become one.
#[derive(Debug)]
pub(super) struct Queue {
    subsystem: Arc<Subsystem>,
    role: Role,
    length: u32,
    head: u32,
    /// By transfer tag.
    waiting: BTreeMap<u16, Waiting>,
    last_tag: u16,
}

impl Queue {
    pub(super) fn new(subsystem: Arc<Subsystem>) -> Self {
        Self {
            subsystem,
            role: Role::Fresh,
            length: 1,
            head: 0,
            waiting: BTreeMap::new(),
            last_tag: 0,
        }
    }

    /// Takes one unit; gives what is to be sent, in order.
    pub(super) fn handle(&mut self, unit: FromHost) -> Result<Vec<ToHost>, QueueError> {
        match (unit, &self.role) {
            (FromHost::Initialize, Role::Fresh) => {
                self.role = Role::Unconnected;
                Ok(vec![ToHost::Initialized])
            }
            (FromHost::Initialize, _) | (_, Role::Fresh) => Err(QueueError::Order),
            (FromHost::Terminate { status }, _) => Err(QueueError::HostTerminated(status)),
            (FromHost::Command { entry, data }, _) => self.start(Command::new(entry), &data),
            (FromHost::Data(chunk), _) => self.take_in(&chunk),
        }
    }

    fn start(&mut self, command: Command, data: &[u8]) -> Result<Vec<ToHost>, QueueError> {
        self.head = (self.head + 1) % self.length;
        let id = command.id();
        let wanted = match command.direction() {
            Direction::ToController => command.data_len(),
            Direction::None | Direction::ToHost => 0,
        };
        if data.len() == wanted {
            return self.finish(&command, data);
        }
        if !data.is_empty() {
            return Err(QueueError::CapsuleData { id, sent: data.len(), announced: wanted });
        }
        let waiting = self.waiting.len();
        let Some(length) = u32::try_from(wanted).ok().filter(|_| wanted <= MAX_TRANSFER_LEN) else {
            return Err(QueueError::TooMuch { id, length: wanted, waiting });
        };
        if waiting >= MAX_WAITING {
            return Err(QueueError::TooMuch { id, length: wanted, waiting });
        }
        let transfer_tag = self.free_tag();
        self.waiting.insert(transfer_tag, Waiting { command, data: vec![0; wanted], received: 0 });
        Ok(vec![ToHost::ReadyToTransfer { command_id: id, transfer_tag, length }])
    }

    fn free_tag(&mut self) -> u16 {
        // Ends: fewer wait than there are tags.
        loop {
            self.last_tag = self.last_tag.wrapping_add(1);
            if !self.waiting.contains_key(&self.last_tag) {
                return self.last_tag;
            }
        }
    }

    /// Data comes in order (PDU Data in Order, section 3.3.2.1): each chunk begins where the former one ended.
    fn take_in(&mut self, chunk: &Chunk) -> Result<Vec<ToHost>, QueueError> {
        let Chunk { command_id: id, transfer_tag: tag, offset, ref bytes } = *chunk;
        let stray = QueueError::StrayData { id, tag, offset };
        let waiting = self
            .waiting
            .get_mut(&tag)
            .filter(|it| it.command.id() == id && it.received == offset && !bytes.is_empty())
            .ok_or(stray.clone())?;
        let end = offset + bytes.len();
        waiting.data.get_mut(offset..end).ok_or(stray)?.copy_from_slice(bytes);
        waiting.received = end;
        if end < waiting.data.len() {
            return Ok(Vec::new());
        }
        match self.waiting.remove(&tag) {
            Some(Waiting { command, data, .. }) => self.finish(&command, &data),
            None => Ok(Vec::new()),
        }
    }

    fn finish(&mut self, command: &Command, data: &[u8]) -> Result<Vec<ToHost>, QueueError> {
        let answer = self.execute(command, data).map_err(|Gone| QueueError::Gone)?;
        let Answer::Done { result, status, data } = answer else { return Ok(Vec::new()) };
        let command_id = command.id();
        let mut units = Vec::new();
        if status == Status::SUCCESS && !data.is_empty() {
            units.push(ToHost::Data { command_id, bytes: data });
        }
        let queue_head = u16::try_from(self.head).unwrap_or(0);
        units.push(ToHost::Response(Completion { command_id, result, queue_head, status }));
        Ok(units)
    }

    fn execute(&mut self, command: &Command, data: &[u8]) -> Result<Answer, Gone> {
        let is_fabrics = command.opcode() == fabrics::OPCODE;
        match &self.role {
            _ if is_fabrics => Ok(self.fabrics(command, data)),
            Role::Admin(controller) if controller.is_enabled() => {
                admin::execute(&self.subsystem, controller, command, data)
            }
            Role::Io(controller) if controller.is_enabled() => {
                io::execute(&self.subsystem.drive, command, data)
            }
            _ => Ok(Answer::refused(Status::SEQUENCE_ERROR)),
        }
    }

    fn fabrics(&mut self, command: &Command, data: &[u8]) -> Answer {
        let parsed = FabricsCommand::parse(command, data);
        let outcome = match (parsed, &self.role) {
            (None, _) => Err(Status::DATA_LENGTH_INVALID),
            (Some(FabricsCommand::Connect(connect)), Role::Unconnected) => self.connect(&connect),
            (Some(FabricsCommand::PropertyGet { offset }), Role::Admin(controller)) => {
                controller.property(offset)
            }
            (Some(FabricsCommand::PropertySet { offset, value }), Role::Admin(controller)) => {
                controller.set_property(offset, value).map(|()| 0)
            }
            (Some(FabricsCommand::Other), _) => Err(Status::INVALID_OPCODE),
            (Some(_), _) => Err(Status::SEQUENCE_ERROR),
        };
        match outcome {
            Ok(result) => Answer::Done { result, status: Status::SUCCESS, data: Vec::new() },
            Err(status) => Answer::refused(status),
        }
    }

    fn connect(&mut self, connect: &Connect) -> Result<u64, Status> {
        let controller = self.subsystem.connect(connect)?;
        let id = u64::from(controller.id);
        self.role = if connect.queue == 0 { Role::Admin(controller) } else { Role::Io(controller) };
        self.length = connect.queue_len;
        Ok(id)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if let Role::Admin(controller) = &self.role {
            self.subsystem.disconnect(controller);
        }
    }
}

#[cfg(test)]
mod tests;
