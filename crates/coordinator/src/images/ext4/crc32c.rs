//! The checksum of ext4's metadata: CRC-32C (RFC 3720, appendix B.4) without the final inversion.

/// Goes on from `crc` over `bytes`.
pub(super) fn crc32c(mut crc: u32, bytes: &[u8]) -> u32 {
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    crc
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_value_is_that_of_the_standard() {
        assert_eq!(!super::crc32c(!0, b"123456789"), 0xe306_9283);
    }
}
