//! Commands of the admin queue: what is the transport's is answered here, what is the drive's goes to the drive.

use drive::{AdminCommand, AdminError, Drive, Transfer};
use nix::libc::{EINTR, ENODEV};

use super::command::{Command, Direction, Status};
use super::controller::{Controller, MAX_IO_QUEUES, Subsystem};
use super::identify;
use super::queue::{Answer, Gone};

const GET_LOG_PAGE: u8 = 0x02;
const IDENTIFY: u8 = 0x06;
const SET_FEATURES: u8 = 0x09;
const GET_FEATURES: u8 = 0x0a;
const ASYNC_EVENT_REQUEST: u8 = 0x0c;
const KEEP_ALIVE: u8 = 0x18;
const FORMAT: u8 = 0x80;
const SANITIZE: u8 = 0x84;

const FEATURE_QUEUES: u32 = 0x07;
const FEATURE_ASYNC_EVENTS: u32 = 0x0b;
const FEATURE_KEEP_ALIVE: u32 = 0x0f;

/// Longer than any simulated drive takes.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);
/// The most data that an admin command may ask for.
const MAX_DATA_LEN: usize = 128 * 1024;

/// Executes one command. `data` is what the host sent along.
pub(super) fn execute(
    subsystem: &Subsystem,
    controller: &Controller,
    command: &Command,
    data: &[u8],
) -> Result<Answer, Gone> {
    match command.opcode() {
        IDENTIFY => identify::execute(subsystem, controller, command),
        GET_LOG_PAGE => forward(&subsystem.drive, "Get Log Page", command, data),
        FORMAT => forward(&subsystem.drive, "Format NVM", command, data),
        SANITIZE => forward(&subsystem.drive, "Sanitize", command, data),
        SET_FEATURES | GET_FEATURES => Ok(feature(command)),
        KEEP_ALIVE => Ok(Answer::done()),
        // Nothing ever happens here that a host must be told of: it waits until the connection ends.
        ASYNC_EVENT_REQUEST => Ok(Answer::Never),
        _ => Ok(Answer::refused(Status::INVALID_OPCODE)),
    }
}

fn feature(command: &Command) -> Answer {
    let [feature, value, ..] = command.dwords();
    match feature & 0xff {
        FEATURE_QUEUES => {
            let granted = |asked: u32| (asked & 0xffff).min(u32::from(MAX_IO_QUEUES - 1));
            let result = granted(value) | granted(value >> 16) << 16;
            Answer::Done { result: u64::from(result), status: Status::SUCCESS, data: Vec::new() }
        }
        FEATURE_ASYNC_EVENTS | FEATURE_KEEP_ALIVE => Answer::done(),
        _ => Answer::refused(Status::INVALID_FIELD),
    }
}

/// Has the drive itself execute it.
pub(super) fn forward(
    drive: &dyn Drive,
    name: &'static str,
    command: &Command,
    data: &[u8],
) -> Result<Answer, Gone> {
    let admin = AdminCommand {
        opcode: command.opcode(),
        nsid: command.namespace(),
        cdw10: command.dwords(),
    };
    let length = command.data_len();
    if length > MAX_DATA_LEN {
        return Ok(Answer::refused(Status::DATA_LENGTH_INVALID));
    }
    let mut buffer = Vec::new();
    let transfer = match command.direction() {
        Direction::None => Transfer::None,
        Direction::ToController => Transfer::Out(data),
        Direction::ToHost => {
            buffer.resize(length, 0);
            Transfer::In(&mut buffer)
        }
    };
    match drive.nvme(name, &admin, transfer, TIMEOUT) {
        Ok(result) => {
            Ok(Answer::Done { result: u64::from(result), status: Status::SUCCESS, data: buffer })
        }
        Err(error) => refusal(&error),
    }
}

/// What a host sees of a drive's refusal.
pub(super) fn refusal(error: &AdminError) -> Result<Answer, Gone> {
    match error {
        AdminError::Status { status, .. } | AdminError::Path { status, .. } => {
            // As real controllers do, Do Not Retry goes with what a second try would not change.
            let status = u16::try_from(status & 0x7fff).unwrap_or(Status::INVALID_FIELD.0);
            Ok(Answer::refused(Status(status | Status::DO_NOT_RETRY)))
        }
        AdminError::Submit { source, .. } => match source.source.raw_os_error() {
            Some(ENODEV) => Err(Gone),
            // A drive that never answers: the kernel gives up by itself.
            Some(EINTR) => Ok(Answer::Never),
            _ => Ok(Answer::refused(Status::INVALID_FIELD)),
        },
        AdminError::TooLong { .. } | AdminError::Length { .. } | AdminError::Direction { .. } => {
            Ok(Answer::refused(Status::INVALID_FIELD))
        }
        AdminError::NotNvme { .. } => Ok(Answer::refused(Status::INVALID_OPCODE)),
    }
}
