//! Exact numbers of any size.

use std::fmt;

/// An integer of any size: big-endian two's complement in as few bytes as it takes, as on the
/// wire.
///
/// ```
/// use cqlwire::types::Varint;
///
/// assert_eq!(Varint::from(-129).as_bytes(), [0xff, 0x7f]);
/// assert_eq!(Varint::from_bytes(&[0, 0, 1]).to_string(), "1");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Varint(Vec<u8>);

impl Varint {
    /// The integer of these bytes, which may be more than it takes. No bytes are zero.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut bytes = bytes;
        while let [first, rest @ ..] = bytes
            && let [second, ..] = rest
            && ((*first == 0 && *second < 0x80) || (*first == 0xff && *second >= 0x80))
        {
            bytes = rest;
        }
        Self(if bytes.is_empty() { vec![0] } else { bytes.to_vec() })
    }

    /// Big-endian two's complement, at least one byte.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The integer, if it fits 128 bits.
    pub fn to_i128(&self) -> Option<i128> {
        if self.0.len() > 16 {
            return None;
        }
        let sign = if self.is_negative() { -1 } else { 0 };
        Some(self.0.iter().fold(sign, |number, &byte| number << 8 | i128::from(byte)))
    }

    fn is_negative(&self) -> bool {
        self.0.first().is_some_and(|&first| first >= 0x80)
    }

    /// The digits of the absolute value, in pieces of nine, the least significant first.
    fn digits(&self) -> String {
        let mut magnitude = self.0.clone();
        if self.is_negative() {
            let mut carry = true;
            for byte in magnitude.iter_mut().rev() {
                (*byte, carry) = (!*byte).overflowing_add(carry.into());
            }
        }
        let mut pieces = Vec::new();
        while magnitude.iter().any(|&byte| byte != 0) {
            let mut remainder = 0_u64;
            for byte in &mut magnitude {
                let number = remainder << 8 | u64::from(*byte);
                // The remainder is below 10^9, so the quotient is below 256.
                *byte = u8::try_from(number / 1_000_000_000).unwrap_or(u8::MAX);
                remainder = number % 1_000_000_000;
            }
            pieces.push(remainder);
            let zeros = magnitude.iter().take_while(|&&byte| byte == 0).count();
            magnitude.drain(..zeros);
        }
        match pieces.split_last() {
            None => "0".to_owned(),
            Some((first, rest)) => {
                let mut digits = first.to_string();
                rest.iter().rev().for_each(|piece| digits.push_str(&format!("{piece:09}")));
                digits
            }
        }
    }
}

impl From<i128> for Varint {
    fn from(number: i128) -> Self {
        Self::from_bytes(&number.to_be_bytes())
    }
}

impl fmt::Display for Varint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad_integral(!self.is_negative(), "", &self.digits())
    }
}

/// A decimal number of any size: `unscaled * 10^-scale`.
///
/// It prints in full while that is short, and in scientific notation beyond, as Java does:
///
/// ```
/// use cqlwire::types::{Decimal, Varint};
///
/// assert_eq!(Decimal { scale: 2, unscaled: Varint::from(-105) }.to_string(), "-1.05");
/// assert_eq!(Decimal { scale: -3, unscaled: Varint::from(12) }.to_string(), "1.2E+4");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// How many digits stand after the decimal point; negative to add zeros before it.
    pub scale: i32,
    /// All the digits.
    pub unscaled: Varint,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.unscaled.digits();
        let sign = if self.unscaled.is_negative() { "-" } else { "" };
        let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        let scale = i64::from(self.scale);
        // The power of ten of the first digit.
        let exponent = length.saturating_sub(1).saturating_sub(scale);
        let split_at =
            |at: i64| digits.split_at(usize::try_from(at).unwrap_or(0).min(digits.len()));
        if scale == 0 {
            write!(f, "{sign}{digits}")
        } else if scale > 0 && exponent >= 0 {
            let (whole, fraction) = split_at(length.saturating_sub(scale));
            write!(f, "{sign}{whole}.{fraction}")
        } else if scale > 0 && exponent >= -6 {
            let zeros = usize::try_from(scale.saturating_sub(length)).unwrap_or(0);
            write!(f, "{sign}0.{}{digits}", "0".repeat(zeros))
        } else {
            let (first, rest) = split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            write!(f, "{sign}{first}{point}{rest}E{exponent:+}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_print_as_i128_does() {
        let mut number = 1_i128;
        for _ in 0..126 {
            number = number.wrapping_mul(3).wrapping_sub(1);
            let varint = Varint::from(number);
            assert_eq!(varint.to_string(), number.to_string());
            assert_eq!(varint.to_i128(), Some(number));
        }
        for number in [0, 1, -1, 127, 128, -128, -129, i128::MAX, i128::MIN] {
            assert_eq!(Varint::from(number).to_string(), number.to_string());
        }
    }

    #[test]
    fn decimals_of_every_scale() {
        for (scale, unscaled, text) in [
            (0, 0, "0"),
            (1, 0, "0.0"),
            (3, 1, "0.001"),
            (7, 1, "1E-7"),
            (1, -15, "-1.5"),
            (-2, 5, "5E+2"),
            (i32::MAX, 12, "1.2E-2147483646"),
            (i32::MIN, 12, "1.2E+2147483649"),
        ] {
            assert_eq!(Decimal { scale, unscaled: Varint::from(unscaled) }.to_string(), text);
        }
    }
}
