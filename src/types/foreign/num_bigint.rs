//! num-bigint 0.4 and 0.5: `BigInt`.

/// Implements the conversions for one version of the crate.
macro_rules! num_bigint {
    ($version:ident, $feature:tt) => {
        #[cfg(feature = $feature)]
        mod $version {
            use $version::BigInt;

            use crate::types::Varint;

            convert_via! {
                BigInt as "BigInt", Varint, |number| Ok(Varint::from(number));
            }

            impl From<&BigInt> for Varint {
                fn from(number: &BigInt) -> Self {
                    Self::from_bytes(&number.to_signed_bytes_be())
                }
            }

            impl From<BigInt> for Varint {
                fn from(number: BigInt) -> Self {
                    Self::from(&number)
                }
            }

            impl From<&Varint> for BigInt {
                fn from(number: &Varint) -> Self {
                    Self::from_signed_bytes_be(number.as_bytes())
                }
            }

            impl From<Varint> for BigInt {
                fn from(number: Varint) -> Self {
                    Self::from(&number)
                }
            }

            #[cfg(test)]
            mod tests {
                use proptest::prelude::*;

                use super::*;
                use crate::types::NativeType;
                use crate::types::foreign::tests::assert_same;

                #[test]
                fn numbers_at_byte_boundaries_round_trip() {
                    for number in [0, 1, -1, 127, 128, -128, -129, 255, i128::MIN, i128::MAX] {
                        let theirs = BigInt::from(number);
                        assert_same(&theirs, &Varint::from(number), NativeType::Varint);
                    }
                }

                /// Conversion copies the bytes of the number. Conversion through decimal digits
                /// would take minutes.
                #[test]
                fn a_number_of_a_megabyte_round_trips() {
                    for first in [0x12, 0xed] {
                        let mut bytes = vec![first];
                        bytes.extend((0..1_u32 << 20).map(|at| (at ^ at >> 8).to_le_bytes()[0]));
                        let ours = Varint::from_bytes(&bytes);
                        assert_same(&BigInt::from(&ours), &ours, NativeType::Varint);
                    }
                }

                proptest! {
                    #[test]
                    fn every_number_round_trips(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
                        let ours = Varint::from_bytes(&bytes);
                        let theirs = BigInt::from(ours.clone());
                        prop_assert_eq!(theirs.to_string(), ours.to_string());
                        assert_same(&theirs, &ours, NativeType::Varint);
                    }
                }
            }
        }
    };
}
num_bigint!(num_bigint_04, "num-bigint-04");
num_bigint!(num_bigint_05, "num-bigint-05");
