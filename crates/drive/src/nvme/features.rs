//! What an NVMe drive can do by itself: Identify Controller, NVM Express Base 2.0, figure 275.

use protocol::features::{EraseTime, NvmeFeatures, NvmeSanitize, SanitizeState};
use sys::nvme::{AdminError, IDENTIFY_LEN};

use super::SanitizeLog;

/// Reads the erase features out of Identify Controller data and, where the drive has one, its Sanitize Status log.
pub fn features(controller: &[u8; IDENTIFY_LEN], log: Option<&SanitizeLog>) -> NvmeFeatures {
    let (oacs, sanicap, fna) = (controller[256], controller[328], controller[524]);
    NvmeFeatures {
        format: oacs & 0x02 != 0,
        format_erases_all: fna & 0x02 != 0,
        format_crypto: fna & 0x04 != 0,
        sanitize: NvmeSanitize {
            crypto: sanicap & 0x01 != 0,
            block: sanicap & 0x02 != 0,
            overwrite: sanicap & 0x04 != 0,
            state: log.map_or(SanitizeState::Unknown, |log| log.state),
            block_time: log.map_or(EraseTime::NotReported, |log| log.block_time),
            crypto_time: log.map_or(EraseTime::NotReported, |log| log.crypto_time),
            overwrite_time: log.map_or(EraseTime::NotReported, |log| log.overwrite_time),
        },
    }
}

/// The features with the state that the drive is in now: `ask` reads the Sanitize Status log, where the drive has one.
///
/// # Errors
/// Passes on that nothing came back. A drive that refuses its log is in a state that is not known.
pub fn features_now(
    controller: &[u8; IDENTIFY_LEN],
    ask: impl FnOnce() -> Result<SanitizeLog, AdminError>,
) -> Result<NvmeFeatures, AdminError> {
    let log = if has_sanitize(controller) {
        match ask() {
            Ok(log) => Some(log),
            Err(AdminError::Status { .. }) => None,
            Err(error) => return Err(error),
        }
    } else {
        None
    };
    Ok(features(controller, log.as_ref()))
}

/// Whether there is a Sanitize Status log to ask for: SANICAP names an action.
pub fn has_sanitize(controller: &[u8; IDENTIFY_LEN]) -> bool {
    controller[328] & 0x07 != 0
}

/// Whether namespaces can be there that are attached to no controller: OACS bit 3, Namespace Management.
pub(crate) fn manages_namespaces(controller: &[u8; IDENTIFY_LEN]) -> bool {
    controller[256] & 0x08 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_is_one_feature() {
        let mut controller = [0; IDENTIFY_LEN];
        assert!(!has_sanitize(&controller) && !features(&controller, None).format);
        (controller[256], controller[328], controller[524]) = (0x02, 0x03, 0x04);
        let found = features(&controller, None);
        assert!(has_sanitize(&controller));
        assert!(found.format && found.format_crypto && !found.format_erases_all);
        assert!(found.sanitize.crypto && found.sanitize.block && !found.sanitize.overwrite);
        assert_eq!(found.sanitize.state, SanitizeState::Unknown);
    }
}
