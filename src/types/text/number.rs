//! Parses and formats integers and decimal numbers of arbitrary precision.

use std::fmt;
use std::str::FromStr;

use nom::Parser;
use nom::bytes::complete::take_while;
use nom::character::complete::{char, digit1, one_of};
use nom::combinator::{opt, recognize};
use nom::sequence::{pair, preceded};

use super::radix::{BINARY, DECIMAL, convert};
use super::{CqlTextError, Parsed, expected, fault, whole};
use crate::types::{Decimal, Varint};

/// Number of bytes in a limb of base [`BINARY`].
const BYTES: usize = 7;
/// Number of digits in a limb of base [`DECIMAL`].
const DIGITS: usize = 18;

/// Number of digits that always fit into an `i128`.
const I128_DIGITS: usize = 38;

impl Varint {
    /// Returns the decimal digits of the absolute value.
    pub(in crate::types) fn digits(&self) -> String {
        match self.to_i128() {
            Some(number) => number.unsigned_abs().to_string(),
            None => self.digits_of_large(),
        }
    }

    /// Returns the decimal digits of the absolute value of a number that exceeds 128 bits.
    fn digits_of_large(&self) -> String {
        let mut magnitude = self.as_bytes().to_vec();
        if self.is_negative() {
            negate(&mut magnitude);
        }
        let limbs: Vec<u64> = magnitude
            .rchunks(BYTES)
            .map(|bytes| bytes.iter().fold(0, |limb, &byte| limb << 8 | u64::from(byte)))
            .collect();
        let mut digits = String::with_capacity(limbs.len().saturating_mul(DIGITS));
        for limb in convert::<BINARY, DECIMAL>(&limbs).iter().rev() {
            match limb {
                0 if digits.is_empty() => {}
                limb if digits.is_empty() => digits.push_str(&limb.to_string()),
                limb => digits.push_str(&format!("{limb:0DIGITS$}")),
            }
        }
        digits
    }

    /// Parses `digits`, which contain only decimal digits, and negates the number if `is_negative`.
    fn from_digits(digits: &str, is_negative: bool) -> Self {
        let digits = digits.trim_start_matches('0');
        if digits.len() <= I128_DIGITS {
            let number: i128 = digits.parse().unwrap_or(0);
            return Self::from(if is_negative { number.wrapping_neg() } else { number });
        }
        let limbs: Vec<u64> = digits
            .as_bytes()
            .rchunks(DIGITS)
            .map(|digits| std::str::from_utf8(digits).ok().and_then(|limb| limb.parse().ok()))
            .map(Option::unwrap_or_default)
            .collect();
        let mut magnitude = vec![0];
        for limb in convert::<DECIMAL, BINARY>(&limbs).iter().rev() {
            magnitude.extend(limb.to_be_bytes().iter().skip(size_of::<u64>().abs_diff(BYTES)));
        }
        if is_negative {
            negate(&mut magnitude);
        }
        Self::from_bytes(&magnitude)
    }
}

/// Negates a big-endian number in two's complement, in place.
fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes.iter_mut().rev() {
        (*byte, carry) = (!*byte).overflowing_add(carry.into());
    }
}

impl fmt::Display for Varint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad_integral(!self.is_negative(), "", &self.digits())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.unscaled.digits();
        let sign = if self.is_negative() { "-" } else { "" };
        let exponent = self.exponent(&digits);
        let scale = usize::try_from(self.scale).unwrap_or(0);
        let split_at = |at: usize| digits.split_at(at.min(digits.len()));
        if self.scale == 0 {
            write!(f, "{sign}{digits}")
        } else if self.scale > 0 && exponent >= 0 {
            let (whole, fraction) = split_at(digits.len().saturating_sub(scale));
            write!(f, "{sign}{whole}.{fraction}")
        } else if self.scale > 0 && exponent >= -6 {
            let zeros = scale.saturating_sub(digits.len());
            write!(f, "{sign}0.{}{digits}", "0".repeat(zeros))
        } else {
            let (first, rest) = split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            write!(f, "{sign}{first}{point}{rest}E{exponent:+}")
        }
    }
}

/// Parses digits, optionally after a minus sign.
impl FromStr for Varint {
    type Err = CqlTextError;

    fn from_str(text: &str) -> Result<Self, CqlTextError> {
        whole(varint, text)
    }
}

/// Parses digits, optionally after a minus sign, with an optional fraction and an optional exponent:
/// `-1.25e3`.
impl FromStr for Decimal {
    type Err = CqlTextError;

    fn from_str(text: &str) -> Result<Self, CqlTextError> {
        whole(decimal, text)
    }
}

pub(super) fn varint(input: &str) -> Parsed<'_, Varint> {
    let (rest, (minus, digits)) =
        expected("a whole number", (opt(char('-')), digit1)).parse(input)?;
    Ok((rest, Varint::from_digits(digits, minus.is_some())))
}

pub(super) fn decimal(input: &str) -> Parsed<'_, Decimal> {
    let (rest, (minus, digits, fraction, exponent)) = expected("a number", parts()).parse(input)?;
    let fraction = fraction.unwrap_or("");
    // An exponent that does not fit into an `i64` is treated like a scale that does not fit into an
    // `i32`: both give the error below.
    let exponent = exponent.map_or(Ok(0_i64), |exponent| exponent.trim_start_matches('+').parse());
    let length = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let scale = exponent.ok().and_then(|exponent| length.checked_sub(exponent));
    let Some(scale) = scale.and_then(|scale| i32::try_from(scale).ok()) else {
        return Err(fault(input, "a number with a scale from -2147483648 to 2147483647"));
    };
    let unscaled = Varint::from_digits(&[digits, fraction].concat(), minus.is_some());
    Ok((rest, Decimal { scale, unscaled }))
}

/// Parses a decimal number and returns its text.
pub(super) fn floating<'a>(input: &'a str) -> Parsed<'a, &'a str> {
    expected("a number", recognize(parts())).parse(input)
}

/// Sign, digits before and after the point, and exponent.
type Parts<'a> = (Option<char>, &'a str, Option<&'a str>, Option<&'a str>);

fn parts<'a>() -> impl Parser<&'a str, Output = Parts<'a>, Error = super::Fault<'a>> {
    let exponent = preceded(one_of("eE"), recognize(pair(opt(one_of("+-")), digit1)));
    // nom's `digit0` does not work inside `recognize`: at the end of the text, its empty rest
    // points to the start of the digits.
    let fraction = preceded(char('.'), take_while(|c: char| c.is_ascii_digit()));
    (opt(char('-')), digit1, opt(fraction), opt(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_print_and_parse_like_i128() {
        let mut number = 1_i128;
        for _ in 0..126 {
            number = number.wrapping_mul(3).wrapping_sub(1);
            assert_eq!(Varint::from(number).to_string(), number.to_string());
            assert_eq!(number.to_string().parse(), Ok(Varint::from(number)));
        }
        for number in [0, 1, -1, 127, 128, -128, -129, i128::MAX, i128::MIN] {
            assert_eq!(Varint::from(number).to_string(), number.to_string());
            assert_eq!(number.to_string().parse(), Ok(Varint::from(number)));
        }
        assert_eq!("-000".parse(), Ok(Varint::from(0)));
        assert_eq!(format!("{:6}", Varint::from(-1)), "    -1");
    }

    #[test]
    fn integers_of_every_size_round_trip() {
        for length in (1..200).chain([1_000, 20_000]) {
            for fill in [0x80, 0x01, 0xff, 0x5a] {
                let mut bytes = vec![fill; length];
                for first in [0x80, 0x7f, fill] {
                    bytes[0] = first;
                    let number = Varint::from_bytes(&bytes);
                    assert_eq!(number.to_string().parse().as_ref(), Ok(&number));
                }
            }
        }
        let power = format!("1{}", "0".repeat(10_000));
        assert_eq!(power.parse::<Varint>().unwrap().to_string(), power);
    }

    #[test]
    fn numbers_of_hundreds_of_thousands_of_digits_round_trip() {
        let number = Varint::from_bytes(&[0x5a; 1 << 17]);
        let digits = number.to_string();
        assert_eq!(digits.len(), 315_653);
        assert!(digits.parse() == Ok(number));
    }

    #[test]
    fn decimals_of_every_scale_print_and_parse() {
        for (scale, unscaled, text) in [
            (0, 0, "0"),
            (1, 0, "0.0"),
            (3, 1, "0.001"),
            (6, 1, "0.000001"),
            (7, 1, "1E-7"),
            (7, 0, "0E-7"),
            (1, -15, "-1.5"),
            (-2, 5, "5E+2"),
            (-2, 0, "0E+2"),
            (i32::MAX, 12, "1.2E-2147483646"),
            (i32::MIN, 12, "1.2E+2147483649"),
            (i32::MIN, -1, "-1E+2147483648"),
        ] {
            let decimal = Decimal::new(unscaled, scale);
            assert_eq!(decimal.to_string(), text);
            assert_eq!(text.parse(), Ok(decimal));
        }
    }

    #[test]
    fn errors_point_to_the_first_invalid_text() {
        for (text, message) in [
            ("", "at byte 0: expected a number, found the end of the text"),
            ("-", "at byte 1: expected a number, found the end of the text"),
            (".5", "at byte 0: expected a number, found \".5\""),
            ("1.5e", "at byte 3: expected the end of the text, found \"e\""),
            ("+1", "at byte 0: expected a number, found \"+1\""),
            (
                "1e-2147483648",
                "at byte 0: expected a number with a scale from -2147483648 to 2147483647, found \"1e-2147483648\"",
            ),
            (
                "1E99999999999999999999",
                "at byte 0: expected a number with a scale from -2147483648 to 2147483647, found \"1E999999999999999999…\"",
            ),
        ] {
            assert_eq!(text.parse::<Decimal>().unwrap_err().to_string(), message);
        }
        for text in ["", "-", "1.0", "0x1", "1 ", "\u{661}"] {
            assert!(text.parse::<Varint>().is_err(), "{text}");
        }
    }
}
