//! The Sanitize Device feature set: ACS-4 sections 4.17 and 7.36, all of it in the command B4h.

use super::ata::{Abort, Output};
use super::kind::{AtaDevice, Leaves};
use super::sanitize::Sanitize;
use super::state::{Device, State};
use crate::Taskfile;

const STATUS: u16 = 0x0000;
const CRYPTO_SCRAMBLE: u16 = 0x0011;
const BLOCK_ERASE: u16 = 0x0012;
const OVERWRITE: u16 = 0x0014;
const FREEZE_LOCK: u16 = 0x0020;
const ANTIFREEZE_LOCK: u16 = 0x0040;

/// Keys that LBA must hold, so that a stray command erases nothing; ASCII, most significant first.
const KEY_CRYPTO: u64 = key(*b"Cryp");
const KEY_BLOCK: u64 = key(*b"BkEr");
const KEY_FREEZE: u64 = key(*b"FrLk");
const KEY_ANTIFREEZE: u64 = key(*b"Anti");
/// In LBA(47:32); the pattern is below it.
const KEY_OVERWRITE: u64 = key([0, 0, b'O', b'W']);

/// Why SANITIZE DEVICE was aborted: LBA(7:0).
const FAILED: Abort = Abort(1);
const UNSUPPORTED: Abort = Abort(2);
const FROZEN: Abort = Abort(3);
const ANTIFREEZE: Abort = Abort(4);

/// COUNT(15:8) of SANITIZE STATUS EXT.
const COMPLETED: u16 = 0x8000;
const IN_PROGRESS: u16 = 0x4000;
const IS_FROZEN: u16 = 0x2000;
const IS_ANTIFROZEN: u16 = 0x1000;
/// COUNT of SANITIZE STATUS EXT: CLEAR SANITIZE OPERATION FAILED.
const CLEAR_FAILED: u16 = 0x0001;
/// COUNT of the operations: FAILURE MODE, which lets the host out of a failure without another operation.
const FAILURE_MODE: u16 = 0x0010;
/// COUNT of OVERWRITE EXT: INVERT PATTERN BETWEEN OVERWRITE PASSES.
const INVERT: u16 = 0x0080;
/// What the progress field holds while there is none.
const NO_PROGRESS: u64 = 0xffff;

/// The two locks of sanitizing. Until the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freeze {
    Open,
    /// No operation may start.
    Frozen,
    /// Nobody may freeze.
    Antifrozen,
}

impl State {
    pub(super) fn sanitize_device(&mut self, loaded: &Taskfile) -> Result<Output, Abort> {
        let Device::Ata(ata) = &self.device else { return Err(Abort::PLAIN) };
        if !ata.device.has_sanitize() {
            return Err(Abort::PLAIN);
        }
        if loaded.feature == STATUS {
            if loaded.count & CLEAR_FAILED != 0
                && self.sanitize == (Sanitize::Failed { may_exit: true })
            {
                self.sanitize = Sanitize::Abandoned;
            }
            self.pass_time();
            if self.refuses_status() {
                return Err(Abort::PLAIN);
            }
            return self.sanitize_registers();
        }
        let leaves = match loaded.feature {
            FREEZE_LOCK | ANTIFREEZE_LOCK => None,
            feature => Some(operation(feature, loaded, &ata.device)?),
        };
        // An operation may follow one that failed; nothing may come between while one goes on.
        let is_bad_time = match self.sanitize {
            Sanitize::Running(_) => true,
            Sanitize::Failed { .. } => leaves.is_none(),
            _ => false,
        };
        if is_bad_time || ata.security.is_locked() {
            return Err(Abort::PLAIN);
        }
        match leaves {
            Some(_) if ata.freeze == Freeze::Frozen => Err(FROZEN),
            Some(leaves) => {
                let (n_steps, may_exit) =
                    (ata.device.sanitize_steps, loaded.count & FAILURE_MODE != 0);
                self.start_sanitizing(leaves, n_steps, may_exit);
                self.sanitize_registers()
            }
            None => self.freeze(loaded),
        }
    }

    fn freeze(&mut self, loaded: &Taskfile) -> Result<Output, Abort> {
        let Device::Ata(ata) = &mut self.device else { return Err(Abort::PLAIN) };
        let (key, target) = match loaded.feature {
            FREEZE_LOCK => (KEY_FREEZE, Freeze::Frozen),
            _ => (KEY_ANTIFREEZE, Freeze::Antifrozen),
        };
        match ata.freeze {
            _ if loaded.lba != key => Err(Abort::PLAIN),
            Freeze::Frozen if target == Freeze::Antifrozen => Err(FROZEN),
            Freeze::Antifrozen if target == Freeze::Frozen => Err(ANTIFREEZE),
            _ => {
                ata.freeze = target;
                self.sanitize_registers()
            }
        }
    }

    /// What SANITIZE STATUS EXT answers now. No time passes.
    pub(super) fn sanitize_registers(&self) -> Result<Output, Abort> {
        let Device::Ata(ata) = &self.device else { return Err(Abort::PLAIN) };
        if !ata.device.has_sanitize() {
            return Err(Abort::PLAIN);
        }
        let (state, lba) = match &self.sanitize {
            Sanitize::Running(run) => (IN_PROGRESS, run.progress.into()),
            Sanitize::Done => (COMPLETED, NO_PROGRESS),
            Sanitize::Failed { .. } => return Err(FAILED),
            Sanitize::Never | Sanitize::Abandoned => (0, NO_PROGRESS),
        };
        let lock = match ata.freeze {
            Freeze::Open => 0,
            Freeze::Frozen => IS_FROZEN,
            Freeze::Antifrozen => IS_ANTIFROZEN,
        };
        Ok(Output { count: state | lock, lba })
    }
}

/// What the operation would leave.
fn operation(feature: u16, loaded: &Taskfile, device: &AtaDevice) -> Result<Leaves, Abort> {
    let (is_supported, has_key) = match feature {
        CRYPTO_SCRAMBLE => (device.crypto_scramble, loaded.lba == KEY_CRYPTO),
        BLOCK_ERASE => (device.block_erase, loaded.lba == KEY_BLOCK),
        OVERWRITE => (device.overwrite, loaded.lba >> 32 == KEY_OVERWRITE),
        _ => (false, false),
    };
    if !is_supported {
        return Err(UNSUPPORTED);
    }
    if !has_key {
        return Err(Abort::PLAIN);
    }
    if feature != OVERWRITE {
        return Ok(device.after_erase);
    }
    let [.., byte_3, byte_2, byte_1, byte_0] = loaded.lba.to_be_bytes();
    let pattern = [byte_0, byte_1, byte_2, byte_3];
    // Zero passes are sixteen, an even number as well: the last one writes the inverse.
    let is_inverted = loaded.count & INVERT != 0 && loaded.count & 1 == 0;
    Ok(Leaves::Pattern(if is_inverted { pattern.map(|byte| !byte) } else { pattern }))
}

const fn key(text: [u8; 4]) -> u64 {
    let [first, second, third, fourth] = text;
    u64::from_be_bytes([0, 0, 0, 0, first, second, third, fourth])
}
