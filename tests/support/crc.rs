//! The checksums of segments (v5 §2.1), computed apart from the codec.

/// Returns the checksum of a header, computed bit by bit.
pub(crate) fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x87_5060, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 16, |crc, _| {
            let shifted = crc << 1;
            if shifted & 0x100_0000 == 0 { shifted } else { shifted ^ 0x197_4F0B }
        })
    })
}

/// Returns the checksum of a payload, which four bytes precede.
pub(crate) fn crc32(payload: &[u8]) -> u32 {
    crc32fast::hash(&[&[0xfa, 0x2d, 0x55, 0xca], payload].concat())
}
