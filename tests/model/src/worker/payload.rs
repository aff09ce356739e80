//! The texts that the load writes, and the order in which it reads them.

use crate::secret::SECRET;

/// Returns the text of the row with this key and this clustering key or version. It contains
/// [`SECRET`], as no text of the driver may.
pub(crate) fn payload(key: i64, number: i64) -> String {
    let hash = mix(key.cast_unsigned() ^ mix(number.cast_unsigned()));
    format!("row {key} {number} {SECRET} {hash:016x}")
}

/// Picks the read number `read` from `count` candidates, in an order that jumps. Returns `None` if there
/// are no candidates.
pub(crate) fn pick(read: u64, count: u32) -> Option<u32> {
    let index = mix(read).checked_rem(u64::from(count))?;
    u32::try_from(index).ok()
}

/// Returns a pseudo-random number (SplitMix64).
const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
