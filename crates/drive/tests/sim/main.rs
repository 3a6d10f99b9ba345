//! The simulated drive keeps its own promises: a test on a drive that is honest by mistake proves nothing. What is sent
//! to it here is what production sends, so that each layout is checked from two sides.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod any_bytes;
mod ata_sanitize;
mod ata_security;
mod faults;
mod identify;
mod lies;
mod medium;
mod nvme;
mod security_states;

use drive::ata::{self, AtaCommand};
use drive::nvme::{NvmeCommand, SanitizeLog};
use drive::sim::{AtaDevice, Kind, NvmeDevice, SimDrive};
use drive::{AdminError, AlignedBuf, AtaError, Drive, Registers};
use protocol::features::SanitizeState;
use protocol::{ByteLen, DriveIdentity, DrivePassword, SectorSize};

const N_SECTORS: u64 = 64;

fn identity(serial: &str) -> DriveIdentity {
    let (model, serial) = ("SIM".to_owned(), serial.to_owned());
    DriveIdentity { model, serial, wwn: None, size: ByteLen(N_SECTORS * 512) }
}

fn of_kind(kind: Kind) -> SimDrive {
    let drive = SimDrive::with(identity("A"), SectorSize::try_from(512).unwrap(), kind);
    drive.fill_with_old_data();
    drive
}

fn drive() -> SimDrive {
    of_kind(Kind::Ata(AtaDevice::default()))
}

/// A solid state drive that knows every erase command.
fn capable_ata() -> AtaDevice {
    AtaDevice {
        rotation: 1,
        crypto_scramble: true,
        block_erase: true,
        overwrite: true,
        security: true,
        enhanced: true,
        word_89: 1,
        word_90: 2,
        ..AtaDevice::default()
    }
}

fn capable_nvme() -> NvmeDevice {
    NvmeDevice {
        format: true,
        format_crypto: true,
        crypto: true,
        block: true,
        overwrite: true,
        ..NvmeDevice::default()
    }
}

fn read(drive: &SimDrive, sector: u64, n: usize) -> std::io::Result<AlignedBuf> {
    let mut buffer = AlignedBuf::zeroed(n * 512);
    drive.read_at(sector * 512, &mut buffer).map(|()| buffer)
}

fn write(drive: &SimDrive, sector: u64, n: usize, byte: u8) -> std::io::Result<()> {
    drive.write_at(sector * 512, &AlignedBuf::copy_of(&vec![byte; n * 512]))
}

fn is_old(drive: &SimDrive, sector: u64) -> bool {
    let old = self::drive().peek(sector * 512, 512);
    drive.peek(sector * 512, 512) == old
}

fn power_cycle(drive: &SimDrive) {
    drive.power_cut();
    drive.power_on();
}

fn password(letter: char) -> DrivePassword {
    DrivePassword::try_from(letter.to_string().repeat(32)).unwrap()
}

fn ata(drive: &SimDrive, command: AtaCommand<'_>) -> Result<Option<Registers>, AtaError> {
    command.send(drive, ata::SHORT)
}

fn nvme(drive: &SimDrive, command: NvmeCommand) -> Result<u32, AdminError> {
    command.send(drive, drive::nvme::SHORT)
}

/// PREPARE and ERASE UNIT with the password of that letter, which is set before.
fn security_erase(drive: &SimDrive, letter: char, enhanced: bool) -> Result<(), AtaError> {
    let password = &password(letter);
    ata(drive, AtaCommand::SecuritySetPassword(password))?;
    ata(drive, AtaCommand::SecurityErasePrepare)?;
    ata(drive, AtaCommand::SecurityEraseUnit { password, enhanced }).map(|_| ())
}

fn poll(drive: &SimDrive) -> SanitizeState {
    ata::sanitize_status(ata(drive, AtaCommand::SanitizeStatus)).unwrap()
}

fn log(drive: &SimDrive) -> SanitizeLog {
    SanitizeLog::parse(&drive::nvme::sanitize_log(drive).unwrap())
}

/// What every poll says until it is over; most that are waited for.
fn poll_to_the_end(mut look: impl FnMut() -> SanitizeState) -> Vec<SanitizeState> {
    let mut states = vec![look()];
    while matches!(states.last(), Some(SanitizeState::Running(_))) && states.len() < 50 {
        states.push(look());
    }
    states
}
