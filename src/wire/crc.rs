//! The checksums of v5 segments (v5 §2).

use std::io::IoSlice;

/// Returns the CRC-24 of a segment header, given its bytes in wire order.
///
/// The polynomial and the initial value are those of v5 §2.1. Each byte is processed from its most
/// significant bit.
pub(super) fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x0087_5060, |crc, &byte| {
        let [_, top, ..] = crc.to_be_bytes();
        let shifted = (crc << 8) & 0x00ff_ffff;
        shifted ^ TABLE.get(usize::from(top ^ byte)).copied().unwrap_or_default()
    })
}

const POLYNOMIAL: u32 = 0x0197_4f0b;

/// The CRC-24 of every byte value, with an initial value of 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "evaluated at compile time, where a panic is a compile error"
)]
static TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u32) << 16;
        let mut bit = 0;
        while bit < 8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= POLYNOMIAL;
            }
            bit += 1;
        }
        table[index] = crc & 0x00ff_ffff;
        index += 1;
    }
    table
};

/// Returns the CRC-32 of a segment payload.
///
/// Servers compute the checksum of the four bytes `FA 2D 55 CA` followed by the payload. The
/// specification does not mention these bytes.
pub(super) fn crc32(payload: &[u8]) -> u32 {
    crc32_of_slices(&[IoSlice::new(payload)])
}

/// Returns the [`crc32`] of a payload that consists of `slices`.
pub(super) fn crc32_of_slices(slices: &[IoSlice<'_>]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(SEED);
    slices.iter().for_each(|slice| hasher.update(slice));
    hasher.finalize()
}

/// The CRC-32 of the bytes `FA 2D 55 CA`, which precede every payload.
const SEED: u32 = 0x4477_7ed3;

#[cfg(test)]
mod tests {
    use super::*;

    /// Computes CRC-24 bit by bit, as described in v5 §2.1.
    fn crc24_by_bits(bytes: &[u8]) -> u32 {
        bytes.iter().fold(0x0087_5060, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte) << 16, |crc, _| {
                let shifted = crc << 1;
                if shifted & 0x0100_0000 != 0 { shifted ^ POLYNOMIAL } else { shifted }
            })
        })
    }

    #[test]
    fn table_crc24_equals_bitwise_crc24() {
        for length in 0..=8_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(0x9d) ^ 0x5a).collect();
            assert_eq!(crc24(&bytes), crc24_by_bits(&bytes));
        }
        assert_eq!(crc24(&[]), 0x0087_5060);
    }

    #[test]
    fn the_crc32_seed_is_the_checksum_of_four_bytes() {
        assert_eq!(SEED, crc32fast::hash(&[0xfa, 0x2d, 0x55, 0xca]));
        assert_eq!(crc32(b"abc"), crc32fast::hash(b"\xfa\x2d\x55\xcaabc"));
    }
}
