//! Identify Controller: who an NVMe drive is, what it can do, and what is planned by it. Input: which policy (one byte),
//! the first 32 bytes of the Sanitize Status log, then Identify Controller data.
#![no_main]

use drive::nvme::{self, SanitizeLog};
use libfuzzer_sys::fuzz_target;
use protocol::drive::Bus;
use protocol::features::{EraseFeatures, SanitizeState};
use protocol::plan::Technique;
use rehome_fuzz::{check_identity, padded};

fuzz_target!(|bytes: &[u8]| {
    let Some((&number, rest)) = bytes.split_first() else { return };
    let Some((log, rest)) = rest.split_at_checked(32) else { return };
    let controller = padded(rest);
    let mut namespace = [0; 4096];
    namespace[130] = 9;
    if let Ok(identity) = nvme::decode(&controller, &[namespace]) {
        check_identity(&identity, 20, 40);
    }
    let log = nvme::has_sanitize(&controller).then(|| SanitizeLog::parse(&padded(log)));
    let features = nvme::features(&controller, log.as_ref());
    assert!(log.is_some() || features.sanitize.state == SanitizeState::Unknown);
    let unit = rehome_fuzz::drive(Bus::Nvme, EraseFeatures::Nvme(features), false);
    let planned = rehome_fuzz::planned(&unit, rehome_fuzz::policy(number), false);
    let mut techniques = planned.iter().flat_map(|planned| &planned.techniques);
    assert!(techniques.all(|technique| is_offered(&controller, *technique)), "{planned:?}");
});

/// Whether the controller says that it has the command: told a second time, from NVM Express Base 2.0, figure 275.
fn is_offered(controller: &[u8; 4096], technique: Technique) -> bool {
    let has = |byte: usize, bit: u8| controller[byte] >> bit & 1 == 1;
    match technique {
        Technique::OverwriteZeros | Technique::OverwritePattern => true,
        Technique::NvmeSanitizeCryptoErase => has(328, 0),
        Technique::NvmeSanitizeBlockErase => has(328, 1),
        Technique::NvmeSanitizeOverwrite => has(328, 2),
        Technique::NvmeFormatUserData => has(256, 1),
        Technique::NvmeFormatCrypto => has(256, 1) && has(524, 2),
        _ => false,
    }
}
