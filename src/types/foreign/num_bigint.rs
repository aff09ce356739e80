//! num-bigint 0.4 and 0.5: `BigInt`.

/// Declares the conversions of one version of the crate.
macro_rules! num_bigint {
    ($version:ident, $feature:tt) => {
        #[cfg(feature = $feature)]
        mod $version {
            use $version::BigInt;

            use crate::types::Varint;

            by_way_of! {
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
                use crate::types::foreign::tests::survives;

                #[test]
                fn numbers_where_a_byte_more_is_needed() {
                    for number in [0, 1, -1, 127, 128, -128, -129, 255, i128::MIN, i128::MAX] {
                        let theirs = BigInt::from(number);
                        survives(&theirs, &Varint::from(number), NativeType::Varint);
                    }
                }

                /// The bytes go over as they are: by way of digits this would take minutes.
                #[test]
                fn a_number_of_a_megabyte_survives() {
                    for first in [0x12, 0xed] {
                        let mut bytes = vec![first];
                        bytes.extend((0..1_u32 << 20).map(|at| (at ^ at >> 8).to_le_bytes()[0]));
                        let ours = Varint::from_bytes(&bytes);
                        survives(&BigInt::from(&ours), &ours, NativeType::Varint);
                    }
                }

                proptest! {
                    #[test]
                    fn every_number_survives(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
                        let ours = Varint::from_bytes(&bytes);
                        let theirs = BigInt::from(ours.clone());
                        prop_assert_eq!(theirs.to_string(), ours.to_string());
                        survives(&theirs, &ours, NativeType::Varint);
                    }
                }
            }
        }
    };
}
num_bigint!(num_bigint_04, "num-bigint-04");
num_bigint!(num_bigint_05, "num-bigint-05");
