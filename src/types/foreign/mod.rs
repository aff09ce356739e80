//! Conversions for types of the standard library and of other crates. Each crate has a feature,
//! whose name contains the version of the crate.
//!
//! Each file implements `From` and `TryFrom` between the types of one crate and the types of
//! cqlwire. `convert_via!` then implements [`FromCql`](super::FromCql) and [`ToCql`](super::ToCql).
//! The error is [`ValueError::TooLarge`] for a CQL value that does not fit into the Rust type. It
//! is [`ValueError::OutOfRange`] for a Rust value that does not fit into the CQL type, and for an
//! invalid CQL value, such as a time of 24 hours or more.

use std::convert::Infallible;

use super::ValueError;

/// Implements `FromCql` and `ToCql` for types of another crate, by conversion from and to the
/// cqlwire type `$ours`. `read:` implements only `FromCql`, and `write:` implements only `ToCql`.
/// `$to_ours` is the function that converts to `$ours`.
macro_rules! convert_via {
    (read: $( $rust:ty as $name:literal, $ours:ident; )+) => {$(
        const _: () = {
            use crate::types::check::check_native;
            use crate::types::scalar::{from_cql, single_column_row};
            use crate::types::{
                Cell, ColumnSpec, CqlType, FromCql, FromRow, NativeType, Row, TypeError,
                TypeMismatch, ValueError,
            };

            from_cql! {
                $rust as $name [$ours], |cell, cql_type| {
                    crate::types::foreign::convert(crate::types::$ours::from_cell(cell, cql_type)?)
                };
            }
        };
    )+};
    (write: $( $rust:ty as $name:literal, $ours:ident, $to_ours:expr; )+) => {$(
        const _: () = {
            use crate::types::check::check_native;
            use crate::types::scalar::to_cql;
            use crate::types::{
                BindErrorKind, CqlType, NativeType, ToCql, TypeMismatch, ValueError,
            };
            use crate::wire::Writer;

            to_cql! {
                $rust as $name [$ours], |theirs, writer| {
                    let to_ours: fn(&$rust) -> Result<crate::types::$ours, ValueError> = $to_ours;
                    to_ours(theirs)?.to_cql(&CqlType::Native(NativeType::$ours), writer)
                };
            }
        };
    )+};
    ($( $rust:ty as $name:literal, $ours:ident, $to_ours:expr; )+) => {
        convert_via! { read: $( $rust as $name, $ours; )+ }
        convert_via! { write: $( $rust as $name, $ours, $to_ours; )+ }
    };
}

#[cfg(feature = "bigdecimal-04")]
mod bigdecimal;
#[cfg(feature = "chrono-04")]
mod chrono;
#[cfg(any(feature = "jiff-02", feature = "jiff-1"))]
mod jiff;
#[cfg(any(feature = "serde-1", feature = "serde-json-1"))]
mod json;
#[cfg(any(feature = "num-bigint-04", feature = "num-bigint-05"))]
mod num_bigint;
#[cfg(feature = "rust-decimal-1")]
mod rust_decimal;
mod system_time;
#[cfg(feature = "time-03")]
mod time;

#[cfg(feature = "serde-json-1")]
pub use json::JsonError;

/// Converts a value of a cqlwire type to the other crate's type.
fn convert<O, T: TryFrom<O, Error: Into<ValueError>>>(ours: O) -> Result<T, ValueError> {
    T::try_from(ours).map_err(Into::into)
}

/// Lets `convert` accept conversions that cannot fail.
impl From<Infallible> for ValueError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Conversions between seconds with nanoseconds and the types `Timestamp` and `Time`.
#[cfg(any(feature = "chrono-04", feature = "jiff-02", feature = "jiff-1", feature = "time-03"))]
mod parts {
    use crate::types::{Time, Timestamp};

    /// Returns the instant that is `seconds` and `nanoseconds` after 1970-01-01T00:00:00Z, rounded
    /// down to the millisecond. The arithmetic never saturates, because each crate has a smaller
    /// range of years than `Timestamp`.
    pub(super) fn timestamp(seconds: i64, nanoseconds: i32) -> Timestamp {
        let millis = i64::from(nanoseconds.div_euclid(1_000_000));
        Timestamp(seconds.saturating_mul(1_000).saturating_add(millis))
    }

    /// Returns the time of day. `second` counts from midnight, and `nanosecond` from the start of
    /// that second.
    pub(super) fn time(second: u32, nanosecond: u32) -> Time {
        let nanoseconds = i64::from(second).saturating_mul(1_000_000_000);
        Time(nanoseconds.saturating_add(nanosecond.into()))
    }

    /// Returns the second since midnight and the nanosecond within that second, or `None` if the
    /// time is not [valid](Time::is_valid).
    pub(super) fn from_time(time: Time) -> Option<(u32, u32)> {
        let second = u32::try_from(time.0.div_euclid(1_000_000_000)).ok()?;
        let nanosecond = u32::try_from(time.0.rem_euclid(1_000_000_000)).ok()?;
        time.is_valid().then_some((second, nanosecond))
    }
}

/// Helpers for the tests of all files.
#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use crate::types::{BindErrorKind, Cell, CqlType, FromCql, NativeType, ToCql, ValueError};
    use crate::wire::Writer;

    /// Returns the encoded value without its length.
    pub(super) fn encoded<T: ToCql>(value: &T, native: NativeType) -> Result<Vec<u8>, ValueError> {
        let cql_type = CqlType::Native(native);
        T::check(&cql_type).unwrap();
        let mut out = Vec::new();
        match value.to_cql(&cql_type, &mut Writer::new(&mut out)) {
            Ok(()) => Ok(out.split_off(4)),
            Err(BindErrorKind::Value(error)) => Err(error),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Encodes `value` as type `A` and decodes it as type `B`.
    pub(super) fn converted<A, B>(value: &A, native: NativeType) -> Result<B, ValueError>
    where
        A: ToCql,
        B: for<'r> FromCql<'r>,
    {
        let cql_type = CqlType::Native(native);
        B::check(&cql_type).unwrap();
        B::from_cell(Cell::new(&encoded(value, native)?), &cql_type)
    }

    /// Asserts that the encoding of `theirs` decodes as `ours`, and the encoding of `ours` as
    /// `theirs`.
    pub(super) fn assert_same<T, O>(theirs: &T, ours: &O, native: NativeType)
    where
        T: ToCql + for<'r> FromCql<'r> + PartialEq + Debug,
        O: ToCql + for<'r> FromCql<'r> + PartialEq + Debug,
    {
        assert_eq!(converted(theirs, native).as_ref(), Ok(ours));
        assert_eq!(converted(ours, native).as_ref(), Ok(theirs));
    }

    #[test]
    fn a_type_mismatch_names_the_supported_type() {
        let mismatch =
            <std::time::SystemTime as FromCql<'_>>::check(&NativeType::Date.into()).unwrap_err();
        assert_eq!(mismatch.to_string(), "Rust type `SystemTime` supports `timestamp`");
    }

    #[test]
    #[cfg(any(
        feature = "chrono-04",
        feature = "jiff-02",
        feature = "jiff-1",
        feature = "time-03"
    ))]
    fn an_invalid_time_has_no_parts() {
        use super::parts;
        use crate::types::Time;
        for time in [Time(-1), Time(Time::MAX.0 + 1), Time(i64::MIN), Time(i64::MAX)] {
            assert_eq!(parts::from_time(time), None);
        }
        assert_eq!(parts::from_time(Time::MAX), Some((86_399, 999_999_999)));
    }
}
