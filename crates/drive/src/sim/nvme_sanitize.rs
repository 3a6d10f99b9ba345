//! The Sanitize command and its log: NVM Express Base 2.0, sections 5.24 and 5.16.1.22.

use super::kind::{Leaves, NvmeDevice};
use super::nvme::{
    DATA_TRANSFER, Failed, INTERNAL, INVALID_FIELD, INVALID_LOG_PAGE, INVALID_OPCODE, Nvme,
    SANITIZE_FAILED, SANITIZE_IN_PROGRESS,
};
use super::sanitize::Sanitize;
use super::state::{Device, State};
use crate::AdminCommand;

const SANITIZE_STATUS: u32 = 0x81;
const EXIT_FAILURE_MODE: u32 = 1;
const BLOCK_ERASE: u32 = 2;
const OVERWRITE: u32 = 3;
const CRYPTO_ERASE: u32 = 4;
/// CDW10: Allow Unrestricted Sanitize Exit; Overwrite Invert Pattern Between Passes.
const UNRESTRICTED_EXIT: u32 = 1 << 3;
const INVERT: u32 = 1 << 8;
/// SSTAT bit 8.
const GLOBAL_DATA_ERASED: u16 = 1 << 8;
const NOT_REPORTED: u32 = u32::MAX;

impl State {
    pub(super) fn sanitize_subsystem(&mut self, command: &AdminCommand) -> Result<(), Failed> {
        let Device::Nvme(nvme) = &mut self.device else { return Err(INVALID_OPCODE) };
        if !has_sanitize(&nvme.device) {
            return Err(INVALID_OPCODE);
        }
        // It is the subsystem's: drives refuse any namespace.
        if command.nsid != 0 {
            return Err(INVALID_FIELD);
        }
        let [cdw10, pattern, ..] = command.cdw10;
        let wants_exit = cdw10 & UNRESTRICTED_EXIT != 0;
        match self.sanitize {
            Sanitize::Running(_) => return Err(SANITIZE_IN_PROGRESS),
            // Who failed in restricted mode is let out by a restricted operation that ends well, and by nothing else.
            Sanitize::Failed { may_exit: false }
                if wants_exit || cdw10 & 0x07 == EXIT_FAILURE_MODE =>
            {
                return Err(SANITIZE_FAILED);
            }
            _ => {}
        }
        let leaves = match cdw10 & 0x07 {
            EXIT_FAILURE_MODE => {
                if matches!(self.sanitize, Sanitize::Failed { .. }) {
                    self.sanitize = Sanitize::Abandoned;
                }
                return Ok(());
            }
            BLOCK_ERASE if nvme.device.block => nvme.leaves(),
            CRYPTO_ERASE if nvme.device.crypto => nvme.leaves(),
            OVERWRITE if nvme.device.overwrite => nvme.overwrite_leaves(cdw10, pattern),
            _ => return Err(INVALID_FIELD),
        };
        nvme.latest_sanitize = cdw10;
        nvme.is_global_erased = false;
        let n_steps = nvme.device.sanitize_steps;
        self.start_sanitizing(leaves, n_steps, wants_exit);
        Ok(())
    }

    /// Get Log Page (section 5.16) knows one page. A look at it lets time pass.
    pub(super) fn get_log_page(
        &mut self,
        command: &AdminCommand,
        buffer: &mut [u8],
    ) -> Result<(), Failed> {
        let Device::Nvme(nvme) = &self.device else { return Err(INVALID_OPCODE) };
        let [cdw10, cdw11, cdw12, cdw13, ..] = command.cdw10;
        if cdw10 & 0xff != SANITIZE_STATUS || !has_sanitize(&nvme.device) {
            return Err(INVALID_LOG_PAGE);
        }
        if !matches!(command.nsid, 0 | 0xffff_ffff) || (cdw12, cdw13) != (0, 0) {
            return Err(INVALID_FIELD);
        }
        // NUMD: dwords, counted from zero. Past the end of the page there are zeros.
        let n_dwords = (u64::from(cdw11 & 0xffff) << 16 | u64::from(cdw10 >> 16)) + 1;
        let length = usize::try_from(n_dwords * 4).map_err(|_| DATA_TRANSFER)?;
        let wanted = buffer.get_mut(..length).ok_or(DATA_TRANSFER)?;
        self.pass_time();
        if self.refuses_status() {
            return Err(INTERNAL);
        }
        let log = self.sanitize_log().ok_or(INVALID_LOG_PAGE)?;
        wanted.fill(0);
        let given = length.min(log.len());
        wanted[..given].copy_from_slice(&log[..given]);
        Ok(())
    }

    /// The Sanitize Status log as it is now, where there is one. No time passes.
    pub(super) fn sanitize_log(&self) -> Option<[u8; 512]> {
        let Device::Nvme(nvme) = &self.device else { return None };
        if !has_sanitize(&nvme.device) {
            return None;
        }
        let (progress, status): (u16, u16) = match &self.sanitize {
            Sanitize::Never => (u16::MAX, 0),
            Sanitize::Running(run) => (run.progress, 2),
            Sanitize::Done => (u16::MAX, if nvme.device.deallocates { 4 } else { 1 }),
            Sanitize::Failed { .. } | Sanitize::Abandoned => (u16::MAX, 3),
        };
        let erased = if nvme.is_global_erased { GLOBAL_DATA_ERASED } else { 0 };
        let passes = nvme.n_passes(&self.sanitize) << 3;
        let mut log = [0; 512];
        log[0..2].copy_from_slice(&progress.to_le_bytes());
        log[2..4].copy_from_slice(&(status | passes | erased).to_le_bytes());
        log[4..8].copy_from_slice(&nvme.latest_sanitize.to_le_bytes());
        let device = &nvme.device;
        let supported = [device.overwrite, device.block, device.crypto];
        for (at, is_supported) in [8, 12, 16].into_iter().zip(supported) {
            let estimate = if is_supported { device.estimate } else { NOT_REPORTED };
            log[at..at + 4].copy_from_slice(&estimate.to_le_bytes());
        }
        // The same without deallocation: not reported.
        log[20..32].fill(0xff);
        Some(log)
    }
}

impl Nvme {
    fn overwrite_leaves(&self, cdw10: u32, pattern: u32) -> Leaves {
        let pattern = pattern.to_le_bytes();
        // OWPASS of zero is sixteen passes, an even number as well: the last one writes the inverse.
        let is_inverted = cdw10 & INVERT != 0 && cdw10 >> 4 & 1 == 0;
        match self.device.deallocates {
            true => Leaves::Zeros,
            false if is_inverted => Leaves::Pattern(pattern.map(|byte| !byte)),
            false => Leaves::Pattern(pattern),
        }
    }

    /// Completed passes of the latest operation.
    fn n_passes(&self, sanitize: &Sanitize) -> u16 {
        let cdw10 = self.latest_sanitize;
        match (cdw10 & 0x07, cdw10 >> 4 & 0x0f) {
            (OVERWRITE, passes) if *sanitize == Sanitize::Done => match passes {
                0 => 16,
                passes => u16::try_from(passes).unwrap_or(0),
            },
            _ => 0,
        }
    }
}

fn has_sanitize(device: &NvmeDevice) -> bool {
    device.crypto || device.block || device.overwrite
}
