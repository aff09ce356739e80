//! The checksums of segments (v5 §2).

/// The CRC-24 of a segment's header: `bytes` are its little-endian bytes in the order of the wire.
///
/// The polynomial and the first value are v5 §2.1's; a byte goes in at the top, its highest bit
/// first.
pub(super) fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x0087_5060, |crc, &byte| {
        let [_, top, ..] = crc.to_be_bytes();
        let shifted = (crc << 8) & 0x00ff_ffff;
        shifted ^ TABLE.get(usize::from(top ^ byte)).copied().unwrap_or_default()
    })
}

const POLYNOMIAL: u32 = 0x0197_4f0b;

/// What eight shifts make of every byte.
#[expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "all of it happens at compile time, and would fail there"
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

/// The CRC-32 of a segment's payload. It is fed four bytes first that the protocol's text does not
/// name, so that a payload of zeros has no checksum of zero.
pub(super) fn crc32(payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(SEED);
    hasher.update(payload);
    hasher.finalize()
}

/// The CRC-32 of `FA 2D 55 CA`.
const SEED: u32 = 0x4477_7ed3;

#[cfg(test)]
mod tests {
    use super::*;

    /// The same, a bit at a time, as v5 §2.1 tells it.
    fn crc24_by_bits(bytes: &[u8]) -> u32 {
        bytes.iter().fold(0x0087_5060, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte) << 16, |crc, _| {
                let shifted = crc << 1;
                if shifted & 0x0100_0000 != 0 { shifted ^ POLYNOMIAL } else { shifted }
            })
        })
    }

    #[test]
    fn the_table_does_what_the_bits_do() {
        for length in 0..=8_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(0x9d) ^ 0x5a).collect();
            assert_eq!(crc24(&bytes), crc24_by_bits(&bytes));
        }
        assert_eq!(crc24(&[]), 0x0087_5060);
    }

    #[test]
    fn the_seed_is_the_checksum_of_four_bytes() {
        assert_eq!(SEED, crc32fast::hash(&[0xfa, 0x2d, 0x55, 0xca]));
        assert_eq!(crc32(b"abc"), crc32fast::hash(b"\xfa\x2d\x55\xcaabc"));
    }
}
