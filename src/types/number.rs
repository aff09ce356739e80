//! Integers and decimal numbers of arbitrary precision.

use std::cmp::Ordering;

use super::ValueError;

/// An integer of arbitrary precision: the value of a CQL `varint`.
///
/// A `Varint` is stored as on the wire, in the shortest big-endian two's complement form. It
/// converts to and from the standard library's integers and decimal text, and is ordered by value.
///
/// ```
/// use cqlwire::types::Varint;
///
/// assert_eq!(Varint::from(-129).as_bytes(), [0xff, 0x7f]);
/// assert_eq!(Varint::from_bytes(&[0, 0, 1]).to_string(), "1");
/// assert_eq!(u64::try_from(Varint::from(u64::MAX)), Ok(u64::MAX));
/// assert!(u8::try_from(Varint::from(256)).is_err());
///
/// let large: Varint = "340282366920938463463374607431768211456".parse().unwrap();
/// assert!(large > Varint::from(u128::MAX));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Varint(Vec<u8>);

impl Varint {
    /// Decodes an integer from its big-endian two's complement bytes, which need not be the
    /// shortest form. An empty slice decodes to zero.
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

    /// Returns the shortest big-endian two's complement form of the integer, which has at least one
    /// byte.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the integer, or `None` if it does not fit into 128 bits.
    pub fn to_i128(&self) -> Option<i128> {
        if self.0.len() > 16 {
            return None;
        }
        let sign = if self.is_negative() { -1 } else { 0 };
        Some(self.0.iter().fold(sign, |number, &byte| number << 8 | i128::from(byte)))
    }

    /// Returns true if the number is less than zero.
    pub fn is_negative(&self) -> bool {
        self.0.first().is_some_and(|&first| first >= 0x80)
    }

    /// Returns true if the number is zero.
    pub fn is_zero(&self) -> bool {
        self.0 == [0]
    }

    /// Returns the integer, or `None` if it is negative or does not fit into 128 bits.
    fn to_u128(&self) -> Option<u128> {
        let bytes = match self.0.as_slice() {
            // A leading zero byte contains only the sign.
            [0, bytes @ ..] => bytes,
            [first, ..] if *first >= 0x80 => return None,
            bytes => bytes,
        };
        let number = bytes.iter().fold(0, |number, &byte| number << 8 | u128::from(byte));
        (bytes.len() <= 16).then_some(number)
    }
}

impl Ord for Varint {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_sign = other.is_negative().cmp(&self.is_negative());
        let by_length = match self.is_negative() {
            true => other.0.len().cmp(&self.0.len()),
            false => self.0.len().cmp(&other.0.len()),
        };
        // Numbers of equal sign and length are ordered like their two's complement bytes.
        by_sign.then(by_length).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Varint {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Implements conversions from a standard integer to [`Varint`] and [`Decimal`], and from
/// [`Varint`] to the integer. `$sign` is the number of zero bytes in front of the integer's bytes:
/// 1 for unsigned integers, which could otherwise become negative. `$by` is the [`Varint`] method
/// that returns the integer as `i128` or `u128`.
macro_rules! integers {
    ($( $integer:ident after $sign:literal by $by:ident; )+) => {$(
        impl From<$integer> for Varint {
            fn from(number: $integer) -> Self {
                Self::from_bytes(&[&[0; $sign][..], &number.to_be_bytes()].concat())
            }
        }

        impl From<$integer> for Decimal {
            fn from(number: $integer) -> Self {
                Self::new(number, 0)
            }
        }

        impl TryFrom<&Varint> for $integer {
            type Error = ValueError;

            fn try_from(number: &Varint) -> Result<Self, ValueError> {
                let too_large = ValueError::TooLarge(stringify!($integer));
                number.$by().and_then(|number| number.try_into().ok()).ok_or(too_large)
            }
        }

        impl TryFrom<Varint> for $integer {
            type Error = ValueError;

            fn try_from(number: Varint) -> Result<Self, ValueError> {
                Self::try_from(&number)
            }
        }
    )+};
}
integers! {
    i8 after 0 by to_i128;
    i16 after 0 by to_i128;
    i32 after 0 by to_i128;
    i64 after 0 by to_i128;
    i128 after 0 by to_i128;
    isize after 0 by to_i128;
    u8 after 1 by to_u128;
    u16 after 1 by to_u128;
    u32 after 1 by to_u128;
    u64 after 1 by to_u128;
    u128 after 1 by to_u128;
    usize after 1 by to_u128;
}

/// A decimal number of arbitrary precision: the value of a CQL `decimal`, `unscaled * 10^-scale`.
///
/// Like Java, `Display` uses plain notation for short numbers and scientific notation for all
/// others:
///
/// ```
/// use cqlwire::types::{Decimal, Varint};
///
/// assert_eq!(Decimal::new(-105, 2).to_string(), "-1.05");
/// assert_eq!(Decimal { scale: -3, unscaled: Varint::from(12) }.to_string(), "1.2E+4");
/// assert_eq!("1.2e4".parse(), Ok(Decimal::new(12, -3)));
/// ```
///
/// As in Java, numbers with different scales are not equal: `1.0` differs from `1.00`. Numbers are
/// ordered by value, then by scale.
///
/// ```
/// # use cqlwire::types::Decimal;
/// assert!(Decimal::new(10, 1) < Decimal::new(100, 2));
/// assert!(Decimal::new(100, 2) < Decimal::from(2));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The number of digits after the decimal point. A negative scale appends `-scale` zeros
    /// to `unscaled`.
    pub scale: i32,
    /// The digits of the number, without the decimal point.
    pub unscaled: Varint,
}

impl Decimal {
    /// Returns the number `unscaled * 10^-scale`.
    pub fn new(unscaled: impl Into<Varint>, scale: i32) -> Self {
        Self { scale, unscaled: unscaled.into() }
    }

    /// Returns true if the number is less than zero.
    pub fn is_negative(&self) -> bool {
        self.unscaled.is_negative()
    }

    /// Returns true if the number is zero, with any scale.
    pub fn is_zero(&self) -> bool {
        self.unscaled.is_zero()
    }

    /// Returns the exponent of the number in scientific notation: 2 for 123.4, which is 1.234E+2.
    /// `digits` are the decimal digits of `unscaled`.
    pub(super) fn exponent(&self, digits: &str) -> i64 {
        let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        length.saturating_sub(1).saturating_sub(self.scale.into())
    }

    /// Returns a lower and an upper bound of [`exponent`](Self::exponent), estimated from the
    /// number of bytes of `unscaled`. Each byte adds between 2.408 and 2.409 decimal digits, but
    /// the first byte may contain only the sign and add none.
    fn exponents(&self) -> (i64, i64) {
        let length = i64::try_from(self.unscaled.as_bytes().len()).unwrap_or(i64::MAX);
        let scaled = |digits: i64| digits.saturating_sub(self.scale.into());
        let least = length.saturating_sub(2).saturating_mul(2_408).div_euclid(1_000).max(0);
        let most = length.saturating_mul(2_409).div_euclid(1_000).saturating_add(1);
        (scaled(least), scaled(most))
    }

    /// Compares the absolute values of two numbers, neither of which is zero. Does not write out
    /// the zeros that a large exponent stands for.
    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        let ((least, most), (other_least, other_most)) = (self.exponents(), other.exponents());
        if least > other_most {
            return Ordering::Greater;
        }
        if most < other_least {
            return Ordering::Less;
        }
        let (digits, other_digits) = (self.unscaled.digits(), other.unscaled.digits());
        let by_exponent = self.exponent(&digits).cmp(&other.exponent(&other_digits));
        let [digits, other_digits] =
            [&digits, &other_digits].map(|digits| digits.trim_end_matches('0'));
        by_exponent.then_with(|| digits.cmp(other_digits))
    }
}

impl From<Varint> for Decimal {
    fn from(number: Varint) -> Self {
        Self::new(number, 0)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.unscaled.cmp(&other.unscaled);
        }
        let sign =
            |number: &Self| (!number.is_negative(), !number.is_zero() && !number.is_negative());
        let by_number = sign(self).cmp(&sign(other)).then_with(|| match self.is_negative() {
            _ if self.is_zero() => Ordering::Equal,
            true => other.cmp_magnitude(self),
            false => self.cmp_magnitude(other),
        });
        by_number.then(self.scale.cmp(&other.scale))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_integers_convert_both_ways_or_are_too_large() {
        for number in [i128::MIN, i64::MIN.into(), -129, -1, 0, 127, 128, i128::MAX] {
            let varint = Varint::from(number);
            assert_eq!(varint.to_i128(), Some(number));
            assert_eq!(i64::try_from(&varint).ok(), i64::try_from(number).ok(), "{number}");
            assert_eq!(u8::try_from(&varint).ok(), u8::try_from(number).ok(), "{number}");
            assert_eq!(u128::try_from(&varint).ok(), u128::try_from(number).ok(), "{number}");
        }
        let largest = Varint::from(u128::MAX);
        assert_eq!(u128::try_from(&largest), Ok(u128::MAX));
        assert_eq!(i128::try_from(&largest), Err(ValueError::TooLarge("i128")));
        assert_eq!(largest.as_bytes().len(), 17);
        assert!(u128::try_from(Varint::from_bytes(&[1; 17])).is_err());
        assert_eq!(Varint::from(200_u8), Varint::from(200_i16));
    }

    #[test]
    fn varints_are_ordered_by_value() {
        let mut numbers: Vec<i128> = (0..127).flat_map(|n| [1 << n, -1 << n]).collect();
        numbers.extend([0, i128::MIN, i128::MAX, 255, -255, 256, -256]);
        for a in &numbers {
            for b in &numbers {
                assert_eq!(Varint::from(*a).cmp(&Varint::from(*b)), a.cmp(b), "{a} {b}");
            }
        }
    }

    #[test]
    fn estimated_exponents_contain_the_exact_one() {
        for bits in 0..=126 {
            for number in [1_i128 << bits, (1 << bits) - 1, -1 << bits, (-1 << bits) + 1] {
                if number == 0 {
                    continue;
                }
                let decimal = Decimal::new(Varint::from(number), 3);
                let exact = decimal.exponent(&number.unsigned_abs().to_string());
                let (least, most) = decimal.exponents();
                assert!((least..=most).contains(&exact), "{number}: {least} {exact} {most}");
            }
        }
        // Comparing these two must not compute their decimal digits, which would take long.
        let long = Varint::from_bytes(&vec![0x7f; 1 << 20]);
        let [large, small] = [i32::MIN, i32::MAX].map(|scale| Decimal::new(long.clone(), scale));
        assert!(large > small);
    }

    #[test]
    fn decimals_are_ordered_by_value_and_then_by_scale() {
        let ordered = [
            Decimal::new(-1, i32::MIN),
            Decimal::new(-20, 0),
            Decimal::new(-2, 0),
            Decimal::new(-19, 1),
            Decimal::new(-1, i32::MAX),
            Decimal::new(0, -1),
            Decimal::new(0, 5),
            Decimal::new(1, i32::MAX),
            Decimal::new(10, i32::MAX),
            Decimal::new(9, 1),
            Decimal::new(1, 0),
            Decimal::new(100, 2),
            Decimal::new(101, 2),
            Decimal::new(1, -1),
            Decimal::new(100, 1),
            Decimal::new(i128::MAX, 0),
            Decimal::new(1, i32::MIN),
        ];
        for (index, a) in ordered.iter().enumerate() {
            for (other, b) in ordered.iter().enumerate() {
                assert_eq!(a.cmp(b), index.cmp(&other), "{a} {b}");
            }
        }
    }
}
