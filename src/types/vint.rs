//! `[unsigned vint]` and `[vint]` (v5 §3), which `duration` and `vector` values contain.

use super::ValueError;

/// Reads an `[unsigned vint]` and removes it from the front of `bytes`. The number of leading 1
/// bits in its first byte is the number of bytes that follow the first.
pub(super) fn read_unsigned(bytes: &mut &[u8]) -> Result<u64, ValueError> {
    let (&first, rest) = bytes.split_first().ok_or(ValueError::TooShort)?;
    let extra = first.leading_ones();
    let (tail, rest) = usize::try_from(extra)
        .ok()
        .and_then(|extra| rest.split_at_checked(extra))
        .ok_or(ValueError::TooShort)?;
    let head = u64::from(first) & 0xff_u64.checked_shr(extra.saturating_add(1)).unwrap_or(0);
    *bytes = rest;
    Ok(tail.iter().fold(head, |number, &byte| number.wrapping_shl(8) | u64::from(byte)))
}

/// Reads a `[vint]`, like [`read_unsigned`]. A `[vint]` is zig-zag encoded, which keeps small
/// negative numbers short.
pub(super) fn read_signed(bytes: &mut &[u8]) -> Result<i64, ValueError> {
    let zigzag = read_unsigned(bytes)?;
    Ok((zigzag >> 1).cast_signed() ^ (zigzag & 1).cast_signed().wrapping_neg())
}

/// Writes an `[unsigned vint]`.
pub(super) fn write_unsigned(number: u64, out: &mut Vec<u8>) {
    let bits = 64_u32.saturating_sub(number.leading_zeros()).max(1);
    // Each of the first eight bytes adds seven bits, and the ninth adds eight.
    let extra = bits.saturating_sub(1).checked_div(7).unwrap_or(0).min(8);
    let mark = !0xff_u8.checked_shr(extra).unwrap_or(0);
    let bytes = number.to_be_bytes();
    let tail = usize::try_from(extra).unwrap_or(8);
    let head = number.checked_shr(extra.saturating_mul(8)).unwrap_or(0).to_be_bytes()[7];
    out.push(mark | head);
    out.extend_from_slice(
        bytes
            .last_chunk::<8>()
            .map_or(&[], |all| all.get(8_usize.saturating_sub(tail)..).unwrap_or_default()),
    );
}

/// Writes a `[vint]`.
pub(super) fn write_signed(number: i64, out: &mut Vec<u8>) {
    write_unsigned((number.wrapping_shl(1) ^ (number >> 63)).cast_unsigned(), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vints_of_every_length_round_trip() {
        for (number, bytes) in [
            (0, &[0x00][..]),
            (0x7f, &[0x7f]),
            (0x80, &[0x80, 0x80]),
            (0x3fff, &[0xbf, 0xff]),
            (0x4000, &[0xc0, 0x40, 0x00]),
            (256_000, &[0xc3, 0xe8, 0x00]),
            (u64::MAX, &[0xff; 9]),
        ] {
            let mut out = Vec::new();
            write_unsigned(number, &mut out);
            assert_eq!(out, bytes, "{number}");
            assert_eq!(read_unsigned(&mut &bytes[..]), Ok(number));
            assert_eq!(read_unsigned(&mut &bytes[..bytes.len() - 1]), Err(ValueError::TooShort));
        }
    }

    #[test]
    fn every_power_of_two_round_trips_with_both_signs() {
        for shift in 0..64 {
            for number in
                [1_i64 << shift, (1_i64 << shift).wrapping_neg(), (1_i64 << shift).wrapping_sub(1)]
            {
                let mut out = Vec::new();
                write_signed(number, &mut out);
                assert_eq!(read_signed(&mut &out[..]), Ok(number));
            }
        }
    }
}
