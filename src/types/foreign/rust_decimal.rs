//! rust_decimal 1: `Decimal`.
//!
//! A `rust_decimal::Decimal` has 96 bits of digits, with at most 28 digits after the point. A CQL
//! number that it cannot represent exactly is an error. No number is rounded.

use crate::types::{Decimal, ValueError, Varint};

convert_via! {
    ::rust_decimal::Decimal as "rust_decimal::Decimal", Decimal,
        |number| Ok(Decimal::from(*number));
}

const TOO_LARGE: ValueError = ValueError::TooLarge("rust_decimal::Decimal");

/// Keeps digits and scale. Negative zero becomes zero, since CQL has no negative zero.
impl From<rust_decimal::Decimal> for Decimal {
    fn from(number: rust_decimal::Decimal) -> Self {
        let scale = number.scale().cast_signed();
        Self { scale, unscaled: Varint::from(number.mantissa()) }
    }
}

/// Keeps the numeric value. A scale from 0 to 28 is kept, and any other scale is changed to 0 or
/// 28, whichever is nearer. Returns [`ValueError::TooLarge`] if the number does not fit into 96
/// bits of digits at that scale.
impl TryFrom<&Decimal> for rust_decimal::Decimal {
    type Error = ValueError;

    fn try_from(number: &Decimal) -> Result<Self, ValueError> {
        let mut unscaled = number.unscaled.to_i128().ok_or(TOO_LARGE)?;
        let mut scale = i64::from(number.scale);
        let max_scale = i64::from(Self::MAX_SCALE);
        if unscaled == 0 {
            scale = scale.clamp(0, max_scale);
        }
        // 128 bits have at most 39 digits, which bounds both loops.
        while scale < 0 {
            unscaled = unscaled.checked_mul(10).ok_or(TOO_LARGE)?;
            scale = scale.saturating_add(1);
        }
        while scale > max_scale {
            if unscaled % 10 != 0 {
                return Err(TOO_LARGE);
            }
            unscaled /= 10;
            scale = scale.saturating_sub(1);
        }
        let scale = u32::try_from(scale).map_err(|_| TOO_LARGE)?;
        Self::try_from_i128_with_scale(unscaled, scale).map_err(|_| TOO_LARGE)
    }
}

impl TryFrom<Decimal> for rust_decimal::Decimal {
    type Error = ValueError;

    fn try_from(number: Decimal) -> Result<Self, ValueError> {
        Self::try_from(&number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{assert_same, converted};
    use super::*;
    use crate::types::NativeType;

    fn ours(unscaled: i128, scale: i32) -> Decimal {
        Decimal { scale, unscaled: Varint::from(unscaled) }
    }

    fn read(unscaled: i128, scale: i32) -> Result<String, ValueError> {
        converted::<_, rust_decimal::Decimal>(&ours(unscaled, scale), NativeType::Decimal)
            .map(|number| number.to_string())
    }

    const MAX: i128 = (1 << 96) - 1;

    #[test]
    fn extreme_numbers_round_trip() {
        for (unscaled, scale) in [(MAX, 0), (-MAX, 0), (MAX, 28), (-MAX, 28), (0, 0), (0, 28)] {
            let theirs = rust_decimal::Decimal::from_i128_with_scale(unscaled, scale);
            assert_same(&theirs, &ours(unscaled, scale.cast_signed()), NativeType::Decimal);
        }
        assert_eq!(rust_decimal::Decimal::MAX.mantissa(), MAX);
    }

    #[test]
    fn numbers_that_would_be_rounded_are_errors() {
        for (unscaled, scale) in [
            (MAX + 1, 0),
            (-MAX - 1, 28),
            (i128::MAX, 0),
            (1, 29),
            (1, i32::MAX),
            (1, -29),
            (1, i32::MIN),
            (i128::MIN, i32::MIN),
            (i128::MAX, i32::MAX),
            (10_i128.pow(38), 67),
        ] {
            assert_eq!(read(unscaled, scale), Err(TOO_LARGE), "{unscaled} {scale}");
        }
        let larger = Decimal { scale: 0, unscaled: Varint::from_bytes(&[1; 17]) };
        assert_eq!(rust_decimal::Decimal::try_from(larger), Err(TOO_LARGE));
    }

    #[test]
    fn the_scale_is_adjusted_if_the_number_stays_the_same() {
        assert_eq!(read(12, -3), Ok("12000".into()));
        assert_eq!(read(-1, -28), Ok(format!("-1{}", "0".repeat(28))));
        assert_eq!(read(1_500, 30), Ok(format!("0.{}15", "0".repeat(26))));
        assert_eq!(read(10_i128.pow(38), 66), Ok(format!("0.{}1", "0".repeat(27))));
        assert_eq!(read(0, i32::MIN), Ok("0".into()));
        assert_eq!(read(0, i32::MAX), Ok(format!("0.{}", "0".repeat(28))));
    }

    proptest! {
        #[test]
        fn every_number_round_trips(unscaled in -MAX..=MAX, scale in 0..=28_u32) {
            let theirs = rust_decimal::Decimal::from_i128_with_scale(unscaled, scale);
            prop_assert_eq!(theirs.scale(), scale);
            assert_same(&theirs, &ours(unscaled, scale.cast_signed()), NativeType::Decimal);
        }

        #[test]
        fn what_is_read_is_the_number_that_was_encoded(unscaled: i128, scale in -40..40_i32) {
            let written = ours(unscaled, scale);
            if let Ok(theirs) = rust_decimal::Decimal::try_from(&written) {
                let read = Decimal::from(theirs);
                // Compares the digits of both numbers at the larger scale.
                let digits = |number: &Decimal, scale: i32| {
                    let zeros = usize::try_from(scale - number.scale).unwrap();
                    format!("{}{}", number.unscaled, "0".repeat(zeros))
                };
                let scale = written.scale.max(read.scale);
                if unscaled != 0 {
                    prop_assert_eq!(digits(&written, scale), digits(&read, scale));
                }
            }
        }
    }
}
