//! The Sanitize Status log. Input: the log.
#![no_main]

use drive::nvme::SanitizeLog;
use libfuzzer_sys::fuzz_target;
use protocol::features::{EraseTime, SanitizeState};
use rehome_fuzz::padded;

fuzz_target!(|bytes: &[u8]| {
    let data = padded(bytes);
    let log = SanitizeLog::parse(&data);
    assert!(!log.has_succeeded || log.state == SanitizeState::Idle, "{log:?}");
    let progress = u16::from_le_bytes([data[0], data[1]]);
    let is_running = data[2] & 0x07 == 2;
    assert_eq!(log.state == SanitizeState::Running(progress), is_running, "{log:?}");
    for time in [log.block_time, log.crypto_time, log.overwrite_time] {
        assert_ne!(time, EraseTime::Seconds(u32::MAX), "all ones is no estimate");
    }
});
