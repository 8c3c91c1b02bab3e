//! CRC-32C, which TensorFlow stores in a masked form.

use crate::small::crc32_of;

/// Castagnoli's polynomial, its bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    crc32_of(POLYNOMIAL, bytes)
}

/// The checksum behind its stored form, which was made so that checksums of checksums are no trouble.
pub(super) const fn unmasked(stored: u32) -> u32 {
    let rotated = stored.wrapping_sub(0xa282_ead8);
    rotated.rotate_right(17)
}

#[cfg(test)]
mod tests {
    use super::{crc32c, unmasked};

    #[test]
    fn it_is_castagnoli_s() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283, "the check value that RFC 3720's polynomial has");
        assert_eq!(unmasked(0xe306_9283_u32.rotate_left(17).wrapping_add(0xa282_ead8)), 0xe306_9283);
    }
}
