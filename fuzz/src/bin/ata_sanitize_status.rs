//! What SANITIZE STATUS EXT answered. Input: 80h (whole) or 00h and then ERROR, STATUS, COUNT and LBA; or 01h, without
//! registers; or 02h and sense data.
#![no_main]

use drive::{AtaError, Registers, Sense, ata};
use libfuzzer_sys::fuzz_target;
use protocol::features::SanitizeState;
use rehome_fuzz::padded;

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, rest)) = bytes.split_first() else { return };
    match kind {
        0x02 => refused(Sense::parse(rest)),
        0x01 => answered(None),
        _ => answered(Some(registers(kind & 0x80 != 0, padded(rest)))),
    }
});

fn registers(is_whole: bool, bytes: [u8; 12]) -> Registers {
    let [error, status, count_high, count, lba @ ..] = bytes;
    let count = u16::from_be_bytes([count_high, count]);
    Registers { error, status, count, lba: u64::from_be_bytes(lba), is_whole }
}

fn answered(registers: Option<Registers>) {
    let state = ata::sanitize_status(Ok(registers)).expect("an answer is a state");
    assert_ne!(state, SanitizeState::Failed, "a failed sanitize is told by a refusal");
    if !registers.is_some_and(|registers| registers.is_whole) {
        assert_eq!(state, SanitizeState::Unknown, "the high byte of COUNT is missing");
    }
}

/// A refused question never reads as "not sanitizing": that would end the wait for an erase that goes on.
fn refused(sense: Option<Sense>) {
    let command = "SANITIZE STATUS EXT";
    let error = AtaError::Refused { command, status: 2, host: 0, driver: 8, sense };
    let is_aborted =
        sense.and_then(|sense| sense.ata).is_some_and(|registers| registers.error & 0x04 != 0);
    match ata::sanitize_status(Err(error)) {
        Ok(SanitizeState::Idle | SanitizeState::Running(_)) => panic!("{sense:?}"),
        Ok(_) => assert!(is_aborted, "{sense:?}"),
        Err(_) => assert!(!is_aborted, "{sense:?}"),
    }
}
