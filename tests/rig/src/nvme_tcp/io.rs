//! Commands of an I/O queue on the simulated drive: NVM Command Set 1.0, section 3.2.

use std::io;

use drive::sim::SimDrive;
use drive::{AlignedBuf, Drive};
use nix::libc::{EIO, ENODEV, ENOSPC};
use protocol::EraseFeatures;
use protocol::features::SanitizeState;

use super::command::{Command, Status};
use super::queue::{Answer, Gone};

const ALL_NAMESPACES: u32 = 0xffff_ffff;
const FLUSH: u8 = 0x00;
const WRITE: u8 = 0x01;
const READ: u8 = 0x02;
const WRITE_ZEROES: u8 = 0x08;
const DATASET_MANAGEMENT: u8 = 0x09;

/// CDW12 bit 30: durable before it is answered.
const FORCE_UNIT_ACCESS: u32 = 1 << 30;
/// CDW11 bit 2 of Dataset Management: the ranges are not needed any more.
const DEALLOCATE: u32 = 1 << 2;
const RANGE_LEN: usize = 16;
/// How much is zeroed at a time.
const ZEROES_LEN: u64 = 1 << 20;

/// Where a command reads or writes, in bytes.
#[derive(Debug, Clone, Copy)]
struct Extent {
    offset: u64,
    length: u64,
}

/// Executes one command. `data` is what the host sent along.
pub(super) fn execute(drive: &SimDrive, command: &Command, data: &[u8]) -> Result<Answer, Gone> {
    let is_there = drive.namespaces().contains(&command.namespace());
    if !is_there && (command.opcode(), command.namespace()) != (FLUSH, ALL_NAMESPACES) {
        return Ok(Answer::refused(Status::INVALID_NAMESPACE));
    }
    match command.opcode() {
        FLUSH => settle(drive, drive.flush(), Status::WRITE_FAULT),
        WRITE => write(drive, command, data),
        READ => read(drive, command),
        WRITE_ZEROES => match extent(drive, command) {
            Some(extent) => settle(drive, zero(drive, extent), Status::WRITE_FAULT),
            None => Ok(Answer::refused(Status::LBA_OUT_OF_RANGE)),
        },
        DATASET_MANAGEMENT => deallocate(drive, command, data),
        _ => Ok(Answer::refused(Status::INVALID_OPCODE)),
    }
}

fn read(drive: &SimDrive, command: &Command) -> Result<Answer, Gone> {
    let Some(length) = agreed_length(drive, command) else {
        return Ok(Answer::refused(Status::DATA_LENGTH_INVALID));
    };
    let Some(extent) = extent(drive, command) else {
        return Ok(Answer::refused(Status::LBA_OUT_OF_RANGE));
    };
    let mut buffer = AlignedBuf::zeroed(length);
    match drive.read_at(extent.offset, &mut buffer) {
        Ok(()) => Ok(Answer::data(buffer.to_vec())),
        Err(error) => settle(drive, Err(error), Status::UNRECOVERED_READ),
    }
}

fn write(drive: &SimDrive, command: &Command, data: &[u8]) -> Result<Answer, Gone> {
    if agreed_length(drive, command) != Some(data.len()) {
        return Ok(Answer::refused(Status::DATA_LENGTH_INVALID));
    }
    let Some(extent) = extent(drive, command) else {
        return Ok(Answer::refused(Status::LBA_OUT_OF_RANGE));
    };
    let written = drive.write_at(extent.offset, &AlignedBuf::copy_of(data));
    let durable = command.double_word(48) & FORCE_UNIT_ACCESS != 0;
    let written = written.and_then(|()| if durable { drive.flush() } else { Ok(()) });
    settle(drive, written, Status::WRITE_FAULT)
}

/// What is deallocated reads as zeros from then on.
fn deallocate(drive: &SimDrive, command: &Command, data: &[u8]) -> Result<Answer, Gone> {
    let n_ranges = usize::from(command.byte(40)) + 1;
    if data.len() < n_ranges * RANGE_LEN {
        return Ok(Answer::refused(Status::DATA_LENGTH_INVALID));
    }
    if command.double_word(44) & DEALLOCATE == 0 {
        return Ok(Answer::done());
    }
    let (ranges, _) = data.as_chunks::<RANGE_LEN>();
    for range in &ranges[..n_ranges] {
        let [_, _, _, _, l0, l1, l2, l3, start @ ..] = *range;
        let sectors = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        let Some(extent) = located(drive, command, u64::from_le_bytes(start), sectors) else {
            return Ok(Answer::refused(Status::LBA_OUT_OF_RANGE));
        };
        let answer = settle(drive, zero(drive, extent), Status::WRITE_FAULT)?;
        if answer != Answer::done() {
            return Ok(answer);
        }
    }
    Ok(Answer::done())
}

fn zero(drive: &SimDrive, extent: Extent) -> io::Result<()> {
    let mut offset = extent.offset;
    let end = extent.offset + extent.length;
    while offset < end {
        let length = (end - offset).min(ZEROES_LEN);
        let zeros = AlignedBuf::zeroed(usize::try_from(length).map_err(io::Error::other)?);
        drive.write_at(offset, &zeros)?;
        offset += length;
    }
    Ok(())
}

/// Starting LBA and number of logical blocks, unless they lie beyond the end.
fn extent(drive: &SimDrive, command: &Command) -> Option<Extent> {
    located(drive, command, command.quad_word(40), u64::from(command.word(48)) + 1)
}

/// In the command's namespace, which is one of several shares of one size.
fn located(drive: &SimDrive, command: &Command, start: u64, sectors: u64) -> Option<Extent> {
    let sector_len = u64::from(drive.sector_size().bytes());
    let share = drive.size().0 / (drive.namespaces().len() as u64).max(1);
    let before = share.checked_mul(u64::from(command.namespace().checked_sub(1)?))?;
    let (offset, length) = (start.checked_mul(sector_len)?, sectors.checked_mul(sector_len)?);
    let end = offset.checked_add(length)?;
    (end <= share).then(|| Extent { offset: before + offset, length })
}

/// The length of the data, if the command and its SGL descriptor agree on it.
fn agreed_length(drive: &SimDrive, command: &Command) -> Option<usize> {
    let sector_len = usize::try_from(drive.sector_size().bytes()).ok()?;
    let length = (usize::from(command.word(48)) + 1) * sector_len;
    (length == command.data_len()).then_some(length)
}

/// The status for what became of an access; a drive without power answers nothing at all.
fn settle(drive: &SimDrive, outcome: io::Result<()>, fault: Status) -> Result<Answer, Gone> {
    let Err(error) = outcome else { return Ok(Answer::done()) };
    match error.raw_os_error() {
        Some(ENODEV) => Err(Gone),
        Some(EIO) => Ok(Answer::refused(sanitizing(drive).unwrap_or(fault))),
        Some(ENOSPC) => Ok(Answer::refused(Status::LBA_OUT_OF_RANGE)),
        _ => Ok(Answer::refused(Status::INVALID_FIELD)),
    }
}

/// The status by which a drive refuses access that sanitizes itself or failed to.
fn sanitizing(drive: &SimDrive) -> Option<Status> {
    match drive.identified().features {
        EraseFeatures::Nvme(features) => match features.sanitize.state {
            SanitizeState::Running(_) => Some(Status::SANITIZE_IN_PROGRESS),
            SanitizeState::Failed => Some(Status::SANITIZE_FAILED),
            SanitizeState::Unknown | SanitizeState::Idle | SanitizeState::Frozen => None,
        },
        EraseFeatures::Ata(_) | EraseFeatures::None {} => None,
    }
}
