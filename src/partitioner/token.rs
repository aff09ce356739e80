//! [`Token`], and its conversions from and to CQL values.

use std::fmt;

use crate::types::{
    BindErrorKind, Cell, ColumnSpec, CqlType, FromCql, FromRow, NativeType, Row, ToCql, TypeError,
    TypeMismatch, ValueError, Varint,
};
use crate::wire::Writer;

/// A position on the token ring.
///
/// A token is a number of 64 bits (`Murmur3Partitioner`) or 127 bits (`RandomPartitioner`). It converts
/// from and to the values of CQL's `token()`, which are `bigint` or `varint`.
///
/// ```
/// use cqlwire::partitioner::{Partitioner, Token};
///
/// let token = Token::from(-42);
/// assert_eq!(token.to_string(), "-42");
/// assert_eq!((token.value(), token.to_i64()), (-42, Some(-42)));
///
/// let large = Partitioner::Random.parse("85070591730234615865843651857942052864").unwrap();
/// assert_eq!((large.value(), large.to_i64()), (1 << 126, None));
/// ```
///
/// The largest token of `RandomPartitioner`, 2^127, is represented as 2^127 - 1, and formatted and encoded as 2^127. The
/// range that ends with it therefore contains both tokens, here and in CQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(i128);

/// The largest token of `RandomPartitioner`.
const LARGEST: u128 = 1 << 127;

impl Token {
    pub(crate) const fn new(value: i128) -> Self {
        Self(value)
    }

    /// Returns the position as a number.
    pub const fn value(self) -> i128 {
        self.0
    }

    /// Returns the position as an `i64`, or `None` if it does not fit. Every token of
    /// [`Partitioner::Murmur3`](super::Partitioner::Murmur3) fits.
    #[expect(clippy::cast_possible_truncation, reason = "compared with the original")]
    pub const fn to_i64(self) -> Option<i64> {
        let value = self.0 as i64;
        if value as i128 == self.0 { Some(value) } else { None }
    }
}

impl From<i64> for Token {
    fn from(value: i64) -> Self {
        Self(value.into())
    }
}

/// Formats the token as a number, as CQL's `token()` and `system.local` do. 2^127 - 1 is formatted as 2^127.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            i128::MAX => LARGEST.fmt(f),
            value => value.fmt(f),
        }
    }
}

fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
    match cql_type {
        CqlType::Native(NativeType::BigInt | NativeType::Varint) => Ok(()),
        _ => Err(TypeMismatch::new("Token", "`bigint` or `varint`", cql_type)),
    }
}

/// Decodes `bigint` and `varint`. A `varint` may be any `i128`, or 2^127.
impl<'r> FromCql<'r> for Token {
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        check(cql_type)
    }

    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
        if *cql_type != CqlType::Native(NativeType::Varint) {
            return cell.array().map(i64::from_be_bytes).map(Self::from);
        }
        let number = Varint::from_cell(cell, cql_type)?;
        let is_largest = u128::try_from(&number) == Ok(LARGEST);
        let value = if is_largest { Some(i128::MAX) } else { number.to_i128() };
        value.map(Self).ok_or(ValueError::TooLarge("Token"))
    }
}

/// Reads a row of one column.
impl<'r> FromRow<'r> for Token {
    type Plan = ();

    fn plan(columns: &[ColumnSpec]) -> Result<(), TypeError> {
        <(Self,)>::plan(columns)
    }

    fn from_row(row: &mut Row<'r>, (): &()) -> Result<Self, ValueError> {
        row.value()
    }
}

/// Encodes as `bigint` or `varint`. A token that does not fit into a `bigint` is an error
/// ([`ValueError::OutOfRange`]).
impl ToCql for Token {
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        check(cql_type)
    }

    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        if *cql_type != CqlType::Native(NativeType::Varint) {
            return self.to_i64().ok_or(ValueError::OutOfRange)?.to_cql(cql_type, writer);
        }
        let number = match self.0 {
            i128::MAX => Varint::from(LARGEST),
            value => Varint::from(value),
        };
        number.to_cql(cql_type, writer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BIGINT: NativeType = NativeType::BigInt;
    const VARINT: NativeType = NativeType::Varint;

    /// Returns the encoded value, without its length.
    fn encode(value: &impl ToCql, native: NativeType) -> Result<Vec<u8>, BindErrorKind> {
        let mut buffer = Vec::new();
        value.to_cql(&native.into(), &mut Writer::new(&mut buffer))?;
        Ok(buffer[4..].to_vec())
    }

    fn decode(bytes: &[u8], native: NativeType) -> Result<Token, ValueError> {
        let cql_type = CqlType::from(native);
        Token::from_cell(Cell::new(bytes), Box::leak(Box::new(cql_type)))
    }

    #[test]
    fn only_bigint_and_varint_hold_tokens() {
        for native in [BIGINT, VARINT] {
            assert!(<Token as FromCql>::check(&native.into()).is_ok());
            assert!(<Token as ToCql>::check(&native.into()).is_ok());
        }
        for native in [NativeType::Counter, NativeType::Int, NativeType::Text] {
            assert!(<Token as FromCql>::check(&native.into()).is_err());
            let mismatch = <Token as ToCql>::check(&native.into()).unwrap_err();
            let text = "Rust type `Token` supports `bigint` or `varint`";
            assert_eq!(mismatch.to_string(), text);
        }
    }

    #[test]
    fn a_bigint_does_not_hold_larger_tokens() {
        for value in [i128::from(i64::MIN) - 1, i128::from(i64::MAX) + 1, i128::MAX] {
            let error = encode(&Token(value), BIGINT).unwrap_err();
            assert_eq!(error, BindErrorKind::Value(ValueError::OutOfRange), "{value}");
        }
    }

    #[test]
    fn the_largest_varint_token_is_two_to_the_127() {
        let largest = encode(&Varint::from(LARGEST), VARINT).unwrap();
        assert_eq!(encode(&Token(i128::MAX), VARINT), Ok(largest.clone()));
        assert_eq!(decode(&largest, VARINT), Ok(Token(i128::MAX)));
        let almost = encode(&Varint::from(i128::MAX), VARINT).unwrap();
        assert_eq!(decode(&almost, VARINT), Ok(Token(i128::MAX)));
        let beyond = encode(&Varint::from(LARGEST + 1), VARINT).unwrap();
        assert_eq!(decode(&beyond, VARINT), Err(ValueError::TooLarge("Token")));
        assert_eq!(decode(&[0x80; 17], VARINT), Err(ValueError::TooLarge("Token")));
    }

    #[test]
    fn values_of_the_wrong_size_are_errors() {
        assert_eq!(decode(&[], BIGINT), Err(ValueError::Empty));
        assert_eq!(decode(&[], VARINT), Err(ValueError::Empty));
        assert_eq!(decode(&[0; 4], BIGINT), Err(ValueError::Size { expected: 8, found: 4 }));
    }

    proptest! {
        #[test]
        fn tokens_are_encoded_as_integers_are(small: i64, large: i128) {
            let bytes = encode(&Token::from(small), BIGINT).unwrap();
            prop_assert_eq!(&bytes, &small.to_be_bytes());
            prop_assert_eq!(decode(&bytes, BIGINT), Ok(Token::from(small)));
            for value in [large, small.into(), -1] {
                let (bytes, number) = (encode(&Token(value), VARINT).unwrap(), Varint::from(value));
                prop_assert_eq!(&bytes, number.as_bytes());
                prop_assert_eq!(decode(&bytes, VARINT), Ok(Token(value)));
            }
        }
    }
}
