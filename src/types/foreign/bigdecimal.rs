//! bigdecimal 0.4: `BigDecimal`.

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;

use crate::types::{Decimal, ValueError, Varint};

convert_via! {
    BigDecimal as "BigDecimal", Decimal, |number| Decimal::try_from(number);
}

/// Keeps digits and scale. Returns [`ValueError::OutOfRange`] if the scale does not fit into 32 bits.
impl TryFrom<&BigDecimal> for Decimal {
    type Error = ValueError;

    fn try_from(number: &BigDecimal) -> Result<Self, ValueError> {
        let (digits, scale) = number.as_bigint_and_scale();
        let scale = i32::try_from(scale).map_err(|_| ValueError::OutOfRange)?;
        Ok(Self { scale, unscaled: Varint::from_bytes(&digits.to_signed_bytes_be()) })
    }
}

impl TryFrom<BigDecimal> for Decimal {
    type Error = ValueError;

    fn try_from(number: BigDecimal) -> Result<Self, ValueError> {
        Self::try_from(&number)
    }
}

/// Keeps digits and scale. The cost does not depend on the scale.
impl From<&Decimal> for BigDecimal {
    fn from(Decimal { scale, unscaled }: &Decimal) -> Self {
        Self::new(BigInt::from_signed_bytes_be(unscaled.as_bytes()), i64::from(*scale))
    }
}

impl From<Decimal> for BigDecimal {
    fn from(number: Decimal) -> Self {
        Self::from(&number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{converted, encoded};
    use super::*;
    use crate::types::NativeType;

    /// Asserts that a number keeps its digits and its scale. `BigDecimal` considers 1.0 and 1.00
    /// equal, and its comparison is slow for extreme scales.
    fn assert_round_trips(ours: &Decimal) {
        let theirs: BigDecimal = converted(ours, NativeType::Decimal).unwrap();
        let (digits, scale) = theirs.as_bigint_and_scale();
        assert_eq!(scale, i64::from(ours.scale));
        assert_eq!(digits.to_signed_bytes_be(), ours.unscaled.as_bytes());
        assert_eq!(converted(&theirs, NativeType::Decimal).as_ref(), Ok(ours));
    }

    #[test]
    fn extreme_scales_round_trip() {
        for scale in [i32::MIN, i32::MAX, 0] {
            for unscaled in [0, 1, -1, i128::MIN] {
                assert_round_trips(&Decimal { scale, unscaled: Varint::from(unscaled) });
            }
        }
    }

    #[test]
    fn a_scale_of_more_than_32_bits_is_out_of_range() {
        for scale in [i64::from(i32::MAX) + 1, i64::from(i32::MIN) - 1, i64::MIN, i64::MAX] {
            let number = BigDecimal::new(1.into(), scale);
            assert_eq!(encoded(&number, NativeType::Decimal), Err(ValueError::OutOfRange));
        }
    }

    #[test]
    fn numbers_have_the_same_text() {
        for text in ["0", "-1.05", "0.001", "123456789012345678901234567890.10"] {
            let ours = Decimal::try_from(text.parse::<BigDecimal>().unwrap()).unwrap();
            assert_eq!(ours.to_string(), text);
        }
    }

    /// Conversion copies the bytes of the number. Conversion through decimal digits would take
    /// minutes.
    #[test]
    fn a_number_of_a_megabyte_round_trips() {
        let bytes: Vec<u8> = (1..=1_u32 << 20).map(|at| (at ^ at >> 8).to_le_bytes()[0]).collect();
        assert_round_trips(&Decimal { scale: 7, unscaled: Varint::from_bytes(&bytes) });
    }

    proptest! {
        #[test]
        fn every_number_round_trips(
            scale: i32,
            bytes in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            assert_round_trips(&Decimal { scale, unscaled: Varint::from_bytes(&bytes) });
        }
    }
}
