//! ATA commands through the SCSI layer: `SG_IO` of `scsi/sg.h`, ATA PASS-THROUGH(16) by SAT-3 section 12.2.
#![expect(unsafe_code, reason = "ioctl with pointers inside its argument")]

use std::os::fd::AsFd;
use std::time::Duration;

use nix::libc::{c_int, c_uchar, c_uint, c_ushort, c_void};

use crate::IoctlError;
use crate::ioctl::Request;
use crate::sense::Sense;
use crate::taskfile::{Registers, Taskfile, Transfer};

/// Length of the data that IDENTIFY DEVICE returns, in bytes.
pub const IDENTIFY_DEVICE_LEN: usize = 512;

const SG_DXFER_NONE: c_int = -1;
const SG_DXFER_TO_DEV: c_int = -2;
const SG_DXFER_FROM_DEV: c_int = -3;
const SENSE_LEN: usize = 64;
const IDENTIFY_TIMEOUT: Duration = Duration::from_secs(15);
const CHECK_CONDITION: u8 = 0x02;
/// Bits of `driver_status` that tell an error; the rest is advice.
const DRIVER_STATUS_MASK: u16 = 0x0f;
/// `driver_status`: sense data is there.
const DRIVER_SENSE: u16 = 0x08;

const IDENTIFY_DEVICE: Taskfile =
    Taskfile { command: 0xec, feature: 0, count: 1, lba: 0, is_48_bit: false };

/// `struct sg_io_hdr`.
#[repr(C)]
struct SgIoHdr {
    interface_id: c_int,
    dxfer_direction: c_int,
    cmd_len: c_uchar,
    mx_sb_len: c_uchar,
    iovec_count: c_ushort,
    dxfer_len: c_uint,
    dxferp: *mut c_void,
    cmdp: *mut c_uchar,
    sbp: *mut c_uchar,
    timeout: c_uint,
    flags: c_uint,
    pack_id: c_int,
    usr_ptr: *mut c_void,
    status: c_uchar,
    masked_status: c_uchar,
    msg_status: c_uchar,
    sb_len_wr: c_uchar,
    host_status: c_ushort,
    driver_status: c_ushort,
    resid: c_int,
    duration: c_uint,
    info: c_uint,
}
const _: () = assert!(size_of::<SgIoHdr>() == 88);

const SG_IO: Request = Request { name: "SG_IO", code: 0x2285 };

/// Why an ATA command gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum AtaError {
    /// The kernel did not carry it out.
    #[error("ATA {command} did not reach the drive")]
    Submit {
        /// Name of the command.
        command: &'static str,
        /// Why.
        #[source]
        source: IoctlError,
    },
    /// The drive, the bridge or the controller refused it.
    #[error(
        "ATA {command} failed: SCSI status {status:#04x}, host {host:#06x}, driver {driver:#06x}, {sense:02x?}"
    )]
    Refused {
        /// Name of the command.
        command: &'static str,
        /// SCSI status.
        status: u8,
        /// `DID_*` of the host adapter.
        host: u16,
        /// Status of the driver.
        driver: u16,
        /// What the sense data says.
        sense: Option<Sense>,
    },
    /// The device takes no ATA commands.
    #[error("ATA {command} was not sent: the drive takes no ATA commands")]
    NotAta {
        /// Name of the command.
        command: &'static str,
    },
    /// The data is longer than a request can be.
    #[error("ATA {command} with {length} bytes of data: more than a request can carry")]
    TooLong {
        /// Name of the command.
        command: &'static str,
        /// How many bytes.
        length: usize,
    },
    /// Fewer bytes came than the command returns.
    #[error("ATA {command} returned {got} of {expected} bytes")]
    Short {
        /// Name of the command.
        command: &'static str,
        /// How many came.
        got: usize,
        /// How many should have come.
        expected: usize,
    },
}

/// IDENTIFY DEVICE (ACS-4 section 7.13): 256 words as the drive sent them, little-endian.
///
/// `device` is a SCSI disk of libata (`/dev/sdX`). Needs `CAP_SYS_RAWIO`.
pub fn identify_device(device: &impl AsFd) -> Result<[u8; IDENTIFY_DEVICE_LEN], AtaError> {
    let mut data = [0_u8; IDENTIFY_DEVICE_LEN];
    let transfer = Transfer::In(&mut data);
    ata_command(device, "IDENTIFY DEVICE", &IDENTIFY_DEVICE, transfer, IDENTIFY_TIMEOUT)?;
    Ok(data)
}

/// Sends one ATA command and waits for it. Gives the registers where they came along: asked for after a command
/// without data, and some bridges leave them out.
///
/// `name` is for errors. `timeout` must be longer than the command takes: past it the kernel resets the link, and an
/// erase under way is lost. Needs `CAP_SYS_RAWIO`.
pub fn ata_command(
    device: &impl AsFd,
    name: &'static str,
    taskfile: &Taskfile,
    transfer: Transfer<'_>,
    timeout: Duration,
) -> Result<Option<Registers>, AtaError> {
    let mut sense = [0_u8; SENSE_LEN];
    let cdb = taskfile.to_cdb(&transfer);
    let (direction, data, length) = match transfer {
        Transfer::None => (SG_DXFER_NONE, std::ptr::null_mut(), 0),
        Transfer::In(data) => (SG_DXFER_FROM_DEV, data.as_mut_ptr(), data.len()),
        Transfer::Out(data) => (SG_DXFER_TO_DEV, data.as_ptr().cast_mut(), data.len()),
    };
    let too_long = |_| AtaError::TooLong { command: name, length };
    let dxfer_len = c_uint::try_from(length).map_err(too_long)?;
    let timeout = c_uint::try_from(timeout.as_millis()).unwrap_or(c_uint::MAX);
    // SAFETY: `data` is null with length zero, or the start of a borrow of that length that outlives the call, which
    // is synchronous; the kernel writes to it in the direction FROM_DEV only, where the borrow is exclusive.
    let outcome = unsafe { send(device, cdb, direction, data, dxfer_len, &mut sense, timeout) }
        .map_err(|source| AtaError::Submit { command: name, source })?;
    outcome.check(name, length, &sense)
}

/// What the layers below said of a command that was carried out.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    status: u8,
    host: u16,
    driver: u16,
    sense_len: u8,
    residual: c_int,
}

impl Outcome {
    fn check(
        self,
        command: &'static str,
        expected: usize,
        sense: &[u8; SENSE_LEN],
    ) -> Result<Option<Registers>, AtaError> {
        let written = sense.get(..self.sense_len.into()).unwrap_or(sense);
        let driver = self.driver & DRIVER_STATUS_MASK;
        let sense = Sense::parse(written);
        let registers = sense.and_then(|sense| sense.ata);
        // Registers come with CHECK CONDITION and sense key RECOVERED ERROR (1), also after success.
        let recovered = self.status == CHECK_CONDITION
            && sense.is_some_and(|sense| sense.key <= 1)
            && (driver == 0 || driver == DRIVER_SENSE);
        let good = self.status == 0 && driver == 0 || recovered;
        let is_error = registers.is_some_and(|registers| registers.is_error());
        if !good || is_error || self.host != 0 {
            let Self { status, host, driver, .. } = self;
            return Err(AtaError::Refused { command, status, host, driver, sense });
        }
        match usize::try_from(self.residual) {
            Ok(0) => Ok(registers),
            Ok(missing) => {
                Err(AtaError::Short { command, got: expected.saturating_sub(missing), expected })
            }
            Err(_) => Err(AtaError::Short { command, got: 0, expected }),
        }
    }
}

/// # Safety
/// `data` must be valid for `length` bytes until the call returns: for reads, and for writes in the direction
/// `SG_DXFER_FROM_DEV`; null where `length` is zero.
unsafe fn send(
    device: &impl AsFd,
    mut cdb: [u8; 16],
    direction: c_int,
    data: *mut u8,
    length: c_uint,
    sense: &mut [u8; SENSE_LEN],
    timeout: c_uint,
) -> Result<Outcome, IoctlError> {
    let mut header = SgIoHdr {
        interface_id: c_int::from(b'S'),
        dxfer_direction: direction,
        cmd_len: 16,
        mx_sb_len: 64,
        iovec_count: 0,
        dxfer_len: length,
        dxferp: data.cast(),
        cmdp: cdb.as_mut_ptr(),
        sbp: sense.as_mut_ptr(),
        timeout,
        flags: 0,
        pack_id: 0,
        usr_ptr: std::ptr::null_mut(),
        status: 0,
        masked_status: 0,
        msg_status: 0,
        sb_len_wr: 0,
        host_status: 0,
        driver_status: 0,
        resid: 0,
        duration: 0,
        info: 0,
    };
    // SAFETY: CDB and sense buffer are arrays of the 16 and 64 bytes that stand beside their pointers, borrowed
    // exclusively; the caller vouches for the data. All outlive the call, which is synchronous.
    unsafe { SG_IO.send(device, &raw mut header) }?;
    Ok(Outcome {
        status: header.status,
        host: header.host_status,
        driver: header.driver_status,
        sense_len: header.sb_len_wr,
        residual: header.resid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABORTED: [u8; 22] =
        [0x72, 0x0b, 0, 0, 0, 0, 0, 0x0e, 0x09, 0x0c, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x51];

    fn check(outcome: Outcome, sense_bytes: &[u8]) -> Result<Option<Registers>, AtaError> {
        let mut sense = [0; SENSE_LEN];
        sense[..sense_bytes.len()].copy_from_slice(sense_bytes);
        outcome.check("IDENTIFY DEVICE", 512, &sense)
    }

    #[test]
    fn only_a_complete_answer_is_an_answer() {
        let good = Outcome { status: 0, host: 0, driver: 0, sense_len: 0, residual: 0 };
        assert!(check(good, &[]).is_ok());

        let recovered = Outcome { status: 2, driver: 8, sense_len: 22, ..good };
        let mut note = ABORTED;
        note[1] = 1;
        note[11] = 0;
        note[21] = 0x50;
        let registers = check(recovered, &note).unwrap().unwrap();
        assert_eq!((registers.status, registers.error), (0x50, 0));
        // Good words above, an error in the registers.
        note[21] = 0x51;
        assert!(matches!(check(recovered, &note), Err(AtaError::Refused { .. })));

        let aborted = check(recovered, &ABORTED).unwrap_err();
        let AtaError::Refused { sense: Some(sense), .. } = aborted else { panic!("{aborted}") };
        assert_eq!(sense.ata.map(|ata| ata.error), Some(4));

        let timed_out = Outcome { host: 3, ..good };
        assert!(matches!(check(timed_out, &[]), Err(AtaError::Refused { host: 3, .. })));
        let no_sense = Outcome { status: 2, ..good };
        assert!(matches!(check(no_sense, &[]), Err(AtaError::Refused { sense: None, .. })));
        let short = Outcome { residual: 512, ..good };
        assert!(matches!(check(short, &[]), Err(AtaError::Short { got: 0, .. })));
    }

    #[test]
    fn a_plain_file_is_no_drive() {
        let file = tempfile::tempfile().unwrap();
        assert!(matches!(identify_device(&file), Err(AtaError::Submit { .. })));
    }
}
