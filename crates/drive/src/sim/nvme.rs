//! The NVMe side of a simulated drive: what reaches its controller, what it answers. Layouts by NVM Express Base 2.0, read
//! here from the dwords themselves and not through the code that sends them.

use std::io;
use std::ops::RangeInclusive;

use nix::libc::EINTR;
use protocol::DriveIdentity;
use sys::IoctlError;

use super::kind::{Leaves, NvmeDevice};
use super::lie::EraseCommand;
use super::sanitize::{Reach, Sanitize};
use super::state::{Device, State};
use crate::{AdminCommand, AdminError, Transfer};

const GET_LOG_PAGE: u8 = 0x02;
const IDENTIFY: u8 = 0x06;
const FORMAT_NVM: u8 = 0x80;
const SANITIZE: u8 = 0x84;
const ALL_NAMESPACES: u32 = 0xffff_ffff;
/// The first LBA format of every namespace is one that is not available, so that who names no format is found out.
pub(super) const FORMAT_INDEX: u8 = 1;

/// Status code type and status code of a command that failed: figures 95, 96 and 97.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed(pub(super) u32);

pub(super) const INVALID_OPCODE: Failed = Failed(0x0001);
pub(super) const INVALID_FIELD: Failed = Failed(0x0002);
pub(super) const DATA_TRANSFER: Failed = Failed(0x0004);
pub(super) const INTERNAL: Failed = Failed(0x0006);
pub(super) const INVALID_NAMESPACE: Failed = Failed(0x000b);
pub(super) const SANITIZE_FAILED: Failed = Failed(0x001c);
pub(super) const SANITIZE_IN_PROGRESS: Failed = Failed(0x001d);
pub(super) const INVALID_LOG_PAGE: Failed = Failed(0x0109);
pub(super) const INVALID_FORMAT: Failed = Failed(0x010a);

/// The states of a controller that no ATA drive has.
#[derive(Debug)]
pub(super) struct Nvme {
    pub(super) device: NvmeDevice,
    /// CDW10 of the latest Sanitize command that started something.
    pub(super) latest_sanitize: u32,
    /// Global Data Erased.
    pub(super) is_global_erased: bool,
}

impl Nvme {
    pub(super) fn new(device: NvmeDevice) -> Self {
        Self { device, latest_sanitize: 0, is_global_erased: false }
    }

    /// What an erase leaves where nobody gives a pattern.
    pub(super) fn leaves(&self) -> Leaves {
        if self.device.deallocates { Leaves::Zeros } else { self.device.after_erase }
    }
}

impl State {
    /// Carries an admin command out.
    pub(super) fn nvme(
        &mut self,
        name: &'static str,
        command: &AdminCommand,
        transfer: Transfer<'_>,
    ) -> Result<u32, AdminError> {
        let opcode = command.opcode;
        // As the kernel does: the opcode's low bits say which way data goes.
        let is_wrong_way = match &transfer {
            Transfer::None => false,
            Transfer::Out(_) => opcode & 3 != 1,
            Transfer::In(_) => opcode & 3 != 2,
        };
        if is_wrong_way {
            return Err(AdminError::Direction { command: name, opcode });
        }
        if self.erase_faults.iter_mut().any(|fault| fault.times_out(opcode)) {
            self.interrupt_nvme(command);
            return Err(submit(name, io::Error::from_raw_os_error(EINTR)));
        }
        let outcome = match (opcode, transfer) {
            (IDENTIFY, Transfer::In(buffer)) => self.identify(command, buffer),
            (GET_LOG_PAGE, Transfer::In(buffer)) => self.get_log_page(command, buffer),
            (IDENTIFY | GET_LOG_PAGE, _) => Err(DATA_TRANSFER),
            (SANITIZE, _) => self.sanitize_subsystem(command),
            (FORMAT_NVM, _) => self.format(command),
            _ => Err(INVALID_OPCODE),
        };
        outcome.map(|()| 0).map_err(|Failed(status)| AdminError::Status { command: name, status })
    }

    /// What becomes of a command that the power goes with: an erase has got half way.
    pub(super) fn interrupt_nvme(&mut self, command: &AdminCommand) {
        if command.opcode == FORMAT_NVM
            && let Ok(Some((reach, leaves))) = self.formatting(command)
        {
            self.erase_at_once(EraseCommand::Format, reach, leaves, true);
        }
    }

    /// Format NVM (section 5.14).
    fn format(&mut self, command: &AdminCommand) -> Result<(), Failed> {
        // Without Secure Erase Settings it succeeds and, as on real drives, the data is still there.
        let Some((reach, leaves)) = self.formatting(command)? else { return Ok(()) };
        let fails = self.take_erase_failure();
        self.erase_at_once(EraseCommand::Format, reach, leaves, fails);
        if fails { Err(INTERNAL) } else { Ok(()) }
    }

    /// What a Format NVM command would erase; none where it does not erase.
    fn formatting(&self, command: &AdminCommand) -> Result<Option<(Reach, Leaves)>, Failed> {
        let Device::Nvme(nvme) = &self.device else { return Err(INVALID_OPCODE) };
        let device = &nvme.device;
        if !device.format {
            return Err(INVALID_OPCODE);
        }
        match self.sanitize {
            Sanitize::Running(_) => return Err(SANITIZE_IN_PROGRESS),
            Sanitize::Failed { .. } => return Err(SANITIZE_FAILED),
            _ => {}
        }
        let [cdw10, ..] = command.cdw10;
        let reach = match command.nsid {
            ALL_NAMESPACES => Reach::All,
            1.. if command.nsid <= device.namespaces => Reach::Namespace(command.nsid),
            _ => return Err(INVALID_NAMESPACE),
        };
        let (format, upper) = (cdw10 & 0x0f, cdw10 >> 12 & 0x03);
        let (protection, setting) = (cdw10 >> 5 & 0x07, cdw10 >> 9 & 0x07);
        if format != u32::from(FORMAT_INDEX) || upper != 0 || protection != 0 {
            return Err(INVALID_FORMAT);
        }
        let reach = if device.format_erases_all { Reach::All } else { reach };
        match setting {
            0 => Ok(None),
            1 => Ok(Some((reach, nvme.leaves()))),
            2 if device.format_crypto => Ok(Some((reach, nvme.leaves()))),
            _ => Err(INVALID_FIELD),
        }
    }

    /// Identify (section 5.17).
    fn identify(&self, command: &AdminCommand, buffer: &mut [u8]) -> Result<(), Failed> {
        let Device::Nvme(nvme) = &self.device else { return Err(INVALID_OPCODE) };
        let [cdw10, ..] = command.cdw10;
        let is_there = (1..=nvme.device.namespaces).contains(&command.nsid);
        let data = match cdw10 & 0xff {
            0 if is_there => self.identify_namespace(command.nsid),
            0 if command.nsid == ALL_NAMESPACES => self.identify_namespace(1),
            0 => return Err(INVALID_NAMESPACE),
            1 => controller(&nvme.device, &self.identity),
            2 => active_namespaces(nvme.device.namespaces, command.nsid),
            _ => return Err(INVALID_FIELD),
        };
        buffer.get_mut(..data.len()).ok_or(DATA_TRANSFER)?.copy_from_slice(&data);
        Ok(())
    }

    /// CNS 00h: NVM Command Set 1.0, figure 97.
    pub(super) fn identify_namespace(&self, number: u32) -> [u8; 4096] {
        let mut data = [0; 4096];
        let n_namespaces = self.namespaces().count().max(1) as u64;
        let n_sectors = self.medium.n_sectors / n_namespaces;
        for at in [0, 8, 16] {
            data[at..at + 8].copy_from_slice(&n_sectors.to_le_bytes());
        }
        // NLBAF counts from zero; FLBAS names the one in use.
        (data[25], data[26]) = (FORMAT_INDEX, FORMAT_INDEX);
        if matches!(&self.device, Device::Nvme(nvme) if nvme.device.deallocates) {
            // DLFEAT: deallocated blocks read as zeros.
            data[33] = 0x01;
        }
        let name = self.identity.wwn.as_deref().unwrap_or_default();
        let at = if name.len() == 32 { 104..120 } else { 120..128 };
        if name.len() == 2 * at.len() {
            let last = at.end - 1;
            data[at].copy_from_slice(&from_hexadecimal(name));
            // The kernel takes no two of one name.
            let further = u8::try_from(number.saturating_sub(1)).unwrap_or(u8::MAX);
            data[last] = data[last].wrapping_add(further);
        }
        // LBADS, the power of two: zero for a format that is not available.
        let exponent = self.medium.sector_len.trailing_zeros();
        data[128 + 4 * usize::from(FORMAT_INDEX) + 2] = u8::try_from(exponent).unwrap_or(0);
        data
    }

    /// The numbers of the namespaces.
    pub(super) fn namespaces(&self) -> RangeInclusive<u32> {
        let n_namespaces = match &self.device {
            Device::Nvme(nvme) => nvme.device.namespaces,
            Device::Ata(_) => 0,
        };
        1..=n_namespaces
    }

    pub(super) fn identify_controller(&self) -> Option<[u8; 4096]> {
        match &self.device {
            Device::Nvme(nvme) => Some(controller(&nvme.device, &self.identity)),
            Device::Ata(_) => None,
        }
    }
}

/// CNS 01h: figure 275.
fn controller(device: &NvmeDevice, identity: &DriveIdentity) -> [u8; 4096] {
    let mut data = [0; 4096];
    data[4..24].copy_from_slice(&padded::<20>(&identity.serial));
    data[24..64].copy_from_slice(&padded::<40>(&identity.model));
    data[64..72].copy_from_slice(b"SIM 1.0 ");
    // VER 1.4; OACS; SANICAP; NN; FNA; VWC.
    data[80..84].copy_from_slice(&0x0001_0400_u32.to_le_bytes());
    data[256] = u8::from(device.format) << 1;
    data[328] =
        u8::from(device.crypto) | u8::from(device.block) << 1 | u8::from(device.overwrite) << 2;
    data[516..520].copy_from_slice(&device.namespaces.to_le_bytes());
    data[524] = u8::from(device.format_erases_all) << 1 | u8::from(device.format_crypto) << 2;
    data[525] = 0x01;
    data
}

/// CNS 02h: the first 1,024 namespaces above the one that is named, ascending.
fn active_namespaces(n_namespaces: u32, above: u32) -> [u8; 4096] {
    let mut data = [0; 4096];
    let ids = (above.saturating_add(1)..=n_namespaces).filter(|&id| id > above);
    for (place, id) in data.as_chunks_mut::<4>().0.iter_mut().zip(ids) {
        *place = id.to_le_bytes();
    }
    data
}

fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = text.bytes().chain(std::iter::repeat(b' '));
    std::array::from_fn(|_| bytes.next().unwrap_or(b' '))
}

/// Pairs of digits as bytes; zero for what is none.
fn from_hexadecimal(digits: &str) -> Vec<u8> {
    let value = |digit: u8| {
        char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0)
    };
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    pairs.iter().map(|&[high, low]| value(high) << 4 | value(low)).collect()
}

/// What the kernel says where a command got no answer from the controller.
pub(super) fn submit(command: &'static str, source: io::Error) -> AdminError {
    AdminError::Submit { command, source: IoctlError { request: "NVME_IOCTL_ADMIN_CMD", source } }
}
