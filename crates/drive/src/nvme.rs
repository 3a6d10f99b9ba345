//! NVMe: who a drive is (Identify data structures: NVM Express Base 2.0 figure 275, controller; NVM Command Set 1.0
//! figure 97, namespace), what it can do, and the commands that make it do so.

mod command;
mod features;

use std::time::Duration;

use protocol::{ByteLen, DriveIdentity};
use sys::nvme::IDENTIFY_LEN;

pub(crate) use command::sanitize_log_command;
pub use command::{
    CurrentFormat, NvmeCommand, SANITIZE_LOG_LEN, SanitizeAction, SanitizeLog, SecureErase,
    identify, sanitize_log,
};
pub(crate) use features::manages_namespaces;
pub use features::{features, features_now, has_sanitize};

use crate::identity::{IdentityError, identity, printable, world_wide};

/// How long a command may take that only reports.
pub const SHORT: Duration = Duration::from_secs(30);

/// Reads model and serial number of the controller, size and name of its namespaces: the size is that of all together,
/// the name that of the first.
///
/// # Errors
/// Sectors of a size that nothing could be addressed by, or of several sizes; no serial number; no namespace.
pub fn decode(
    controller: &[u8; IDENTIFY_LEN],
    namespaces: &[[u8; IDENTIFY_LEN]],
) -> Result<DriveIdentity, IdentityError> {
    let (model, serial) = name_of(controller);
    let [first, more @ ..] = namespaces else { return Err(IdentityError::NotOneUnit) };
    let sector_size = sector_size(first)?;
    let mut n_sectors = n_sectors(first);
    for namespace in more {
        if self::sector_size(namespace)? != sector_size {
            return Err(IdentityError::MixedSectors);
        }
        n_sectors = n_sectors.saturating_add(self::n_sectors(namespace));
    }
    let nguid = world_wide(&first[104..120]);
    let wwn = nguid.or_else(|| world_wide(&first[120..128]));
    identity(model, serial, wwn, ByteLen(n_sectors.saturating_mul(sector_size)))
}

/// Model and serial number.
pub(crate) fn name_of(controller: &[u8; IDENTIFY_LEN]) -> (String, String) {
    (printable(&controller[24..64]), printable(&controller[4..24]))
}

/// How many namespaces a controller may have (NN): the bound where it cannot list those that it has.
pub(crate) fn max_namespaces(controller: &[u8; IDENTIFY_LEN]) -> u32 {
    controller[516..].first_chunk().map_or(0, |number| u32::from_le_bytes(*number))
}

/// NSZE.
fn n_sectors(namespace: &[u8; IDENTIFY_LEN]) -> u64 {
    namespace.first_chunk().map_or(0, |number| u64::from_le_bytes(*number))
}

/// The data size in bytes of the LBA format in use.
fn sector_size(namespace: &[u8; IDENTIFY_LEN]) -> Result<u64, IdentityError> {
    let flbas = namespace[26];
    // Bits 6:5 extend the index beyond 16 formats.
    let format = usize::from(flbas & 0x0f) + (usize::from(flbas >> 5 & 0x03) << 4);
    match namespace[128 + 4 * format + 2] {
        exponent @ 9..=16 => Ok(1 << exponent),
        exponent => Err(IdentityError::SectorSize(exponent)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn controller() -> [u8; IDENTIFY_LEN] {
        let mut data = [0; IDENTIFY_LEN];
        data[4..24].copy_from_slice(b"S4EVNX0N000001      ");
        data[24..64].copy_from_slice(b"SAMSUNG MZVLB256HBHQ-000L7              ");
        data[516] = 1;
        data
    }

    fn namespace() -> [u8; IDENTIFY_LEN] {
        let mut data = [0; IDENTIFY_LEN];
        data[..8].copy_from_slice(&500_118_192_u64.to_le_bytes());
        data[130] = 9;
        data[134] = 12;
        data[120..128].copy_from_slice(&[0, 0x25, 0x38, 0x81, 1, 2, 3, 4]);
        data
    }

    #[test]
    fn a_laptop_ssd_is_read() {
        let ssd = decode(&controller(), &[namespace()]).unwrap();
        assert_eq!(ssd.model, "SAMSUNG MZVLB256HBHQ-000L7");
        assert_eq!(ssd.serial, "S4EVNX0N000001");
        assert_eq!(ssd.wwn.as_deref(), Some("0025388101020304"));
        assert_eq!(ssd.size, ByteLen(256_060_514_304));
        assert_eq!(max_namespaces(&controller()), 1);
    }

    #[test]
    fn the_longer_name_and_the_format_in_use_count() {
        let mut data = namespace();
        data[104..120].copy_from_slice(&[0xab; 16]);
        data[26] = 1;
        let ssd = decode(&controller(), &[data]).unwrap();
        assert_eq!(ssd.wwn, Some("ab".repeat(16)));
        assert_eq!(ssd.size, ByteLen(500_118_192 * 4096));
    }

    #[test]
    fn namespaces_are_one_drive_if_their_sectors_are_alike() {
        let (first, mut second) = (namespace(), namespace());
        second[..8].copy_from_slice(&1000_u64.to_le_bytes());
        second[120] = 9;
        let both = decode(&controller(), &[first, second]).unwrap();
        assert_eq!(both.size, ByteLen((500_118_192 + 1000) * 512));
        assert_eq!(both.wwn.as_deref(), Some("0025388101020304"));
        second[26] = 1;
        let mixed = decode(&controller(), &[first, second]);
        assert!(matches!(mixed, Err(IdentityError::MixedSectors)), "{mixed:?}");
        assert!(matches!(decode(&controller(), &[]), Err(IdentityError::NotOneUnit)));
    }

    #[test]
    fn zeros_are_no_identity() {
        let zeros = [0; IDENTIFY_LEN];
        let nameless = decode(&zeros, &[namespace()]);
        assert!(matches!(nameless, Err(IdentityError::NoSerial { .. })), "{nameless:?}");
        assert!(matches!(decode(&controller(), &[zeros]), Err(IdentityError::SectorSize(0))));
    }

    proptest! {
        #[test]
        fn no_data_brings_it_down(bytes in proptest::collection::vec(any::<u8>(), IDENTIFY_LEN)) {
            let data: &[u8; IDENTIFY_LEN] = bytes.as_slice().try_into().unwrap();
            if let Ok(identity) = decode(data, &[*data, *data]) {
                prop_assert!(!identity.serial.is_empty());
            }
        }
    }
}
