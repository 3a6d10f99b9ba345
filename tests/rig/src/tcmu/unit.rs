//! A simulated ATA drive behind SCSI: SBC-3 for its sectors, SAT-4 for everything else.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use drive::sim::SimDrive;
use drive::{AlignedBuf, AtaError, Drive, Registers, Transfer};
use sys::tcmu::Response;

use super::condition::{Condition, SenseFormat};
use super::pages;
use super::pass_through::{self, Direction, PassThrough};

const GOOD: u8 = 0x00;
const CHECK_CONDITION: u8 = 0x02;
const SANITIZE_DEVICE: u8 = 0xb4;
/// The simulation takes as long as it takes; who gave up on it is the initiator's business.
const FOREVER: Duration = Duration::MAX;

type Outcome = Result<Vec<u8>, Condition>;

/// The only logical unit of a target.
#[derive(Debug)]
pub(super) struct LogicalUnit {
    drive: SimDrive,
    format: SenseFormat,
    /// IDENTIFY DEVICE data from when it was attached. INQUIRY must not be a command to the drive: between SECURITY
    /// ERASE PREPARE and SECURITY ERASE UNIT it would make the one void.
    identify: [u8; 512],
    /// Whether sanitizing, by the last answer that passed, keeps everybody from the sectors.
    is_sanitizing: AtomicBool,
    /// COMMAND registers in the order in which they came by pass-through.
    passed: Mutex<Vec<u8>>,
}

impl LogicalUnit {
    /// Attaches a drive.
    ///
    /// # Errors
    /// When it does not say who it is.
    pub(super) fn new(drive: SimDrive, format: SenseFormat) -> Result<Self, AtaError> {
        let identify = drive::ata::identify_device(&drive)?;
        let is_sanitizing = AtomicBool::new(false);
        Ok(Self { drive, format, identify, is_sanitizing, passed: Mutex::default() })
    }

    /// The ATA commands that came by pass-through so far.
    pub(super) fn passed(&self) -> Vec<u8> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Carries out one command. `data_out` is what came with it, or as many bytes as it has room for.
    pub(super) fn execute(&self, cdb: &[u8], data_out: &[u8]) -> Response {
        let mut whole = [0; 16];
        for (to, from) in whole.iter_mut().zip(cdb) {
            *to = *from;
        }
        match self.command(&whole, data_out) {
            Ok((mut data_in, None)) => {
                data_in.truncate(data_out.len());
                Response { status: GOOD, data_in, ..Response::default() }
            }
            Ok((data_in, Some(condition))) => {
                let sense = condition.encode(self.format);
                Response { status: CHECK_CONDITION, sense, data_in }
            }
            Err(condition) => {
                let sense = condition.encode(self.format);
                Response { status: CHECK_CONDITION, sense, ..Response::default() }
            }
        }
    }

    fn command(
        &self,
        cdb: &[u8; 16],
        data: &[u8],
    ) -> Result<(Vec<u8>, Option<Condition>), Condition> {
        if cdb[0] == pass_through::OPCODE {
            return self.pass_through(cdb, data);
        }
        let outcome = match cdb[0] {
            0x00 => self.is_there(),
            // REQUEST SENSE: nothing is kept, every condition went out with its command.
            0x03 => Ok(vec![0x70, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            0x12 => self.inquiry(cdb),
            0x1a => self.mode_sense(cdb[1], cdb[2], cdb[4].into(), 4),
            0x5a => self.mode_sense(cdb[1], cdb[2], u16::from_be_bytes([cdb[7], cdb[8]]).into(), 8),
            // START STOP UNIT, and TEST UNIT READY above, ask for a drive that answers.
            0x1b => self.is_there(),
            0x25 => self.read_capacity_10(),
            0x9e if cdb[1] & 0x1f == 0x10 => self.read_capacity_16(cdb),
            0x28 => self.read(lba_10(cdb), length_10(cdb), data.len()),
            0x88 => self.read(lba_16(cdb), length_16(cdb), data.len()),
            0x2a => self.write(lba_10(cdb), length_10(cdb), data, cdb[1]),
            0x8a => self.write(lba_16(cdb), length_16(cdb), data, cdb[1]),
            0x35 | 0x91 => self.flush(),
            _ => Err(Condition::INVALID_OPCODE),
        };
        outcome.map(|data_in| (data_in, None))
    }

    fn is_there(&self) -> Outcome {
        self.drive.identity().map(|_| Vec::new()).map_err(|_| Condition::GONE)
    }

    fn inquiry(&self, cdb: &[u8; 16]) -> Outcome {
        let mut data = match (cdb[1] & 1 != 0, cdb[2]) {
            (true, page) => {
                pages::vital_product_data(page, &self.identify).ok_or(Condition::INVALID_FIELD)?
            }
            (false, 0) => pages::standard_inquiry(&self.identify),
            (false, _) => return Err(Condition::INVALID_FIELD),
        };
        data.truncate(u16::from_be_bytes([cdb[3], cdb[4]]).into());
        Ok(data)
    }

    fn mode_sense(&self, flags: u8, page: u8, allocated: usize, header_len: usize) -> Outcome {
        // PC 3 asks for saved values: there are none. Block descriptors are not given, whatever DBD says.
        if page >> 6 == 3 || flags & 0xe7 != 0 {
            return Err(Condition::INVALID_FIELD);
        }
        let body = pages::mode_pages(page, self.format).ok_or(Condition::INVALID_FIELD)?;
        let mut data = vec![0; header_len];
        // The length field does not count itself: one byte of four, two of eight. Both pages together are 40 bytes.
        let total = u8::try_from(header_len + body.len()).map_err(|_| Condition::INVALID_FIELD)?;
        let (at, width) = if header_len == 4 { (0, 1) } else { (1, 2) };
        data[at] = total - width;
        data.extend(body);
        data.truncate(allocated);
        Ok(data)
    }

    fn sector_len(&self) -> u64 {
        self.drive.sector_size().bytes().into()
    }

    fn last_sector(&self) -> u64 {
        self.drive.size().0 / self.sector_len() - 1
    }

    fn read_capacity_10(&self) -> Outcome {
        let last = u32::try_from(self.last_sector()).unwrap_or(u32::MAX);
        Ok([last.to_be_bytes(), self.drive.sector_size().bytes().to_be_bytes()].concat())
    }

    fn read_capacity_16(&self, cdb: &[u8; 16]) -> Outcome {
        let mut data = self.last_sector().to_be_bytes().to_vec();
        data.extend(self.drive.sector_size().bytes().to_be_bytes());
        data.resize(32, 0);
        let [.., a3, a2, a1, a0, _, _] = *cdb;
        let allocated = u32::from_be_bytes([a3, a2, a1, a0]);
        data.truncate(usize::try_from(allocated).unwrap_or(usize::MAX));
        Ok(data)
    }

    /// Offset in bytes, once the command is seen to stay inside the drive and to have the data that it says.
    fn extent(&self, lba: u64, sectors: u32, data_len: usize) -> Result<u64, Condition> {
        let end = lba.checked_add(sectors.into());
        if end.is_none_or(|end| end > self.last_sector() + 1) {
            return Err(Condition::LBA_OUT_OF_RANGE);
        }
        if u64::from(sectors) * self.sector_len() != data_len as u64 {
            return Err(Condition::INVALID_FIELD);
        }
        Ok(lba * self.sector_len())
    }

    fn read(&self, lba: u64, sectors: u32, data_len: usize) -> Outcome {
        let offset = self.extent(lba, sectors, data_len)?;
        if sectors == 0 {
            return Ok(Vec::new());
        }
        let mut buffer = AlignedBuf::zeroed(data_len);
        let outcome = self.drive.read_at(offset, &mut buffer);
        outcome.map_err(|error| self.condition_of(&error, Condition::READ_ERROR))?;
        Ok(buffer.to_vec())
    }

    fn write(&self, lba: u64, sectors: u32, data: &[u8], flags: u8) -> Outcome {
        let offset = self.extent(lba, sectors, data.len())?;
        if sectors == 0 {
            return Ok(Vec::new());
        }
        let outcome = self.drive.write_at(offset, &AlignedBuf::copy_of(data));
        outcome.map_err(|error| self.condition_of(&error, Condition::WRITE_ERROR))?;
        // Force Unit Access.
        if flags & 0x08 != 0 { self.flush() } else { Ok(Vec::new()) }
    }

    fn flush(&self) -> Outcome {
        let outcome = self.drive.flush();
        outcome.map_err(|error| self.condition_of(&error, Condition::WRITE_ERROR))?;
        Ok(Vec::new())
    }

    /// What a failed access to sectors looks like; `medium` where nothing but the medium explains it. A drive that is
    /// locked or sanitizing aborts the command, and libata passes that on as it is.
    fn condition_of(&self, error: &io::Error, medium: Condition) -> Condition {
        if error.raw_os_error() != Some(nix::libc::EIO) {
            return Condition::GONE;
        }
        match drive::ata::identify_device(&self.drive) {
            // Word 128 bit 2: locked.
            Ok(identify) if identify[256] & 0x04 != 0 => Condition::ABORTED,
            Ok(_) if self.is_sanitizing.load(Ordering::Relaxed) => Condition::ABORTED,
            Ok(_) => medium,
            Err(_) => Condition::GONE,
        }
    }

    fn pass_through(
        &self,
        cdb: &[u8; 16],
        data: &[u8],
    ) -> Result<(Vec<u8>, Option<Condition>), Condition> {
        let sector_len = usize::try_from(self.sector_len()).unwrap_or(usize::MAX);
        let decoded = pass_through::decode(cdb, sector_len).ok_or(Condition::INVALID_FIELD)?;
        let PassThrough { taskfile, direction, wants_registers } = decoded;
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).push(taskfile.command);
        let mut data_in = Vec::new();
        let transfer = match direction {
            Direction::None if data.is_empty() => Transfer::None,
            Direction::FromDevice(len) if data.len() == len => {
                data_in.resize(len, 0);
                Transfer::In(&mut data_in)
            }
            Direction::ToDevice(len) if data.len() == len => Transfer::Out(data),
            _ => return Err(Condition::INVALID_FIELD),
        };
        let extend = |registers| Registers { is_whole: taskfile.is_48_bit, ..registers };
        let answer = self.drive.ata("ATA PASS-THROUGH (16)", &taskfile, transfer, FOREVER);
        if taskfile.command == SANITIZE_DEVICE {
            self.note_sanitizing(&answer);
        }
        match answer {
            Ok(registers) => {
                let asked_for = registers.filter(|_| wants_registers);
                Ok((data_in, asked_for.map(|registers| Condition::information(extend(registers)))))
            }
            Err(AtaError::Refused { sense: Some(sense), .. }) => {
                let registers = sense.ata.ok_or(Condition::GONE)?;
                Err(Condition::failure(extend(registers)))
            }
            Err(_) => Err(Condition::GONE),
        }
    }

    /// SANITIZE DEVICE (ACS-4 section 7.36): COUNT bit 14 while it goes on; aborted with reason 1 once it has failed.
    fn note_sanitizing(&self, answer: &Result<Option<Registers>, AtaError>) {
        let is_sanitizing = match answer {
            Ok(Some(registers)) => registers.count & 0x4000 != 0,
            Err(AtaError::Refused { sense: Some(sense), .. }) => {
                match sense.ata.map(|registers| registers.lba & 0xff) {
                    Some(1) => true,
                    _ => return,
                }
            }
            _ => return,
        };
        self.is_sanitizing.store(is_sanitizing, Ordering::Relaxed);
    }
}

fn lba_10(cdb: &[u8; 16]) -> u64 {
    u32::from_be_bytes([cdb[2], cdb[3], cdb[4], cdb[5]]).into()
}

fn length_10(cdb: &[u8; 16]) -> u32 {
    u16::from_be_bytes([cdb[7], cdb[8]]).into()
}

fn lba_16(cdb: &[u8; 16]) -> u64 {
    let &[_, _, ref rest @ ..] = cdb;
    rest.first_chunk().map_or(0, |lba| u64::from_be_bytes(*lba))
}

fn length_16(cdb: &[u8; 16]) -> u32 {
    u32::from_be_bytes([cdb[10], cdb[11], cdb[12], cdb[13]])
}

#[cfg(test)]
mod tests;
