//! IDENTIFY DEVICE: who an ATA drive is, what it can do, and what is planned by it. Input: one byte for the state of
//! sanitizing, what the kernel takes the medium for, who set the password and which policy; then IDENTIFY DEVICE data.
#![no_main]

use drive::ata;
use libfuzzer_sys::fuzz_target;
use protocol::drive::Bus;
use protocol::features::{EraseFeatures, SanitizeState};
use protocol::plan::Technique;
use rehome_fuzz::{check_identity, padded};

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let data = padded(rest);
    let sum = data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if let Ok(identity) = ata::decode(&data) {
        assert!(data[510] != 0xa5 || sum == 0, "damaged data is taken");
        check_identity(&identity, 20, 40);
    }
    let features = ata::features(&data, state(first));
    assert!(ata::has_sanitize(&data) || features.sanitize.state == SanitizeState::Unknown);
    let unit = rehome_fuzz::drive(Bus::Ata, EraseFeatures::Ata(features), first & 0x08 != 0);
    let planned = rehome_fuzz::planned(&unit, rehome_fuzz::policy(first >> 5), first & 0x10 != 0);
    let mut techniques = planned.iter().flat_map(|planned| &planned.techniques);
    assert!(techniques.all(|technique| is_offered(&data, *technique)), "{planned:?}");
});

fn state(byte: u8) -> SanitizeState {
    match byte & 0x07 {
        0 => SanitizeState::Idle,
        1 => SanitizeState::Failed,
        2 => SanitizeState::Frozen,
        3 => SanitizeState::Running(0x8000),
        _ => SanitizeState::Unknown,
    }
}

/// Whether the drive says that it has the command: told a second time, from ACS-4 section 7.13.
fn is_offered(data: &[u8; 512], technique: Technique) -> bool {
    let word = |index: usize| u16::from_le_bytes([data[2 * index], data[2 * index + 1]]);
    let sanitize =
        |bit: u16| word(59) != 0xffff && word(59) >> 12 & 1 == 1 && word(59) >> bit & 1 == 1;
    let security = || word(128) != 0xffff && word(128) & 0x19 == 0x01;
    match technique {
        Technique::OverwriteZeros | Technique::OverwritePattern => true,
        Technique::AtaSanitizeCryptoScramble => sanitize(13),
        Technique::AtaSanitizeOverwrite => sanitize(14),
        Technique::AtaSanitizeBlockErase => sanitize(15),
        Technique::AtaSecurityErase => security(),
        Technique::AtaSecurityEraseEnhanced => security() && word(128) & 0x20 != 0,
        _ => false,
    }
}
