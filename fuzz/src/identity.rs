//! What must hold of every identity that is taken from a drive: it ends up on screens, in records and on certificates.

use protocol::drive::DriveIdentity;

/// Checks an identity. `n_serial`, `n_model`: how many characters the structure has room for.
///
/// # Panics
/// Where it could not be told from others, or should not be shown.
pub fn check_identity(identity: &DriveIdentity, n_serial: usize, n_model: usize) {
    let DriveIdentity { model, serial, wwn, .. } = identity;
    assert!(!serial.is_empty(), "{identity:?}");
    for (text, most) in [(serial, n_serial), (model, n_model)] {
        assert!(text.len() <= most && text.trim() == text, "{identity:?}");
        assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{identity:?}");
    }
    if let Some(name) = wwn {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        assert!(matches!(name.len(), 16 | 32) && name.bytes().all(is_digit), "{identity:?}");
        assert!(name.bytes().any(|byte| byte != b'0'), "{identity:?}");
    }
}
