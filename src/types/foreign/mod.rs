//! Types of std and of other crates, each crate behind a feature that names its version.
//!
//! A file has `From` and `TryFrom` between its types and ours, both ways; a line of `by_way_of!`
//! then makes values of them. [`ValueError::TooLarge`] says that the Rust type is too small for a
//! value, [`ValueError::OutOfRange`] that CQL is.

use std::convert::Infallible;

use super::ValueError;

/// Declares Rust types that are read and written as one of ours, or only read or only written, and
/// how ours is made of them.
macro_rules! by_way_of {
    (read: $( $rust:ty as $name:literal, $ours:ident; )+) => {$(
        const _: () = {
            use crate::types::check::check_native;
            use crate::types::scalar::{from_cql, row_of_one};
            use crate::types::{
                Cell, ColumnSpec, CqlType, FromCql, FromRow, NativeType, Row, TypeError,
                TypeMismatch, ValueError,
            };

            from_cql! {
                $rust as $name [$ours], |cell, cql_type| {
                    crate::types::foreign::theirs(crate::types::$ours::from_cell(cell, cql_type)?)
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
        by_way_of! { read: $( $rust as $name, $ours; )+ }
        by_way_of! { write: $( $rust as $name, $ours, $to_ours; )+ }
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

/// A value of ours as one of theirs, whether that can fail or not.
fn theirs<O, T: TryFrom<O, Error: Into<ValueError>>>(ours: O) -> Result<T, ValueError> {
    T::try_from(ours).map_err(Into::into)
}

/// For conversions that cannot fail, where others can.
impl From<Infallible> for ValueError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// The parts of instants and times of day that CQL has none of.
#[cfg(any(feature = "chrono-04", feature = "jiff-02", feature = "jiff-1", feature = "time-03"))]
mod parts {
    use crate::types::{Time, Timestamp};

    /// The instant, to the millisecond before it. No calendar goes as far as milliseconds do, so
    /// nothing is saturated.
    pub(super) fn timestamp(seconds: i64, nanoseconds: i32) -> Timestamp {
        let millis = i64::from(nanoseconds.div_euclid(1_000_000));
        Timestamp(seconds.saturating_mul(1_000).saturating_add(millis))
    }

    /// The time of day of a second and nanosecond that a day has.
    pub(super) fn time(second: u32, nanosecond: u32) -> Time {
        let nanoseconds = i64::from(second).saturating_mul(1_000_000_000);
        Time(nanoseconds.saturating_add(nanosecond.into()))
    }

    /// The second and the nanosecond of a time of day, if it is one.
    pub(super) fn of_time(time: Time) -> Option<(u32, u32)> {
        let second = u32::try_from(time.0.div_euclid(1_000_000_000)).ok()?;
        let nanosecond = u32::try_from(time.0.rem_euclid(1_000_000_000)).ok()?;
        time.is_valid().then_some((second, nanosecond))
    }
}

/// What the tests of every file ask.
#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use crate::types::{
        BindErrorKind, Cell, CqlType, FromCql, NativeType, Time, ToCql, ValueError,
    };
    use crate::wire::Writer;

    /// The bytes of a value, without their length.
    pub(super) fn written<T: ToCql>(value: &T, native: NativeType) -> Result<Vec<u8>, ValueError> {
        let cql_type = CqlType::Native(native);
        T::check(&cql_type).unwrap();
        let mut out = Vec::new();
        match value.to_cql(&cql_type, &mut Writer::new(&mut out)) {
            Ok(()) => Ok(out.split_off(4)),
            Err(BindErrorKind::Value(error)) => Err(error),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// What one type reads of the bytes that another has written.
    pub(super) fn crossed<A, B>(value: &A, native: NativeType) -> Result<B, ValueError>
    where
        A: ToCql,
        B: for<'r> FromCql<'r>,
    {
        let cql_type = CqlType::Native(native);
        B::check(&cql_type).unwrap();
        B::from_cell(Cell::new(&written(value, native)?), &cql_type)
    }

    /// A value of ours that theirs holds survives both ways, and is one of theirs on the wire.
    pub(super) fn survives<T, O>(theirs: &T, ours: &O, native: NativeType)
    where
        T: ToCql + for<'r> FromCql<'r> + PartialEq + Debug,
        O: ToCql + for<'r> FromCql<'r> + PartialEq + Debug,
    {
        assert_eq!(crossed(theirs, native).as_ref(), Ok(ours));
        assert_eq!(crossed(ours, native).as_ref(), Ok(theirs));
    }

    #[test]
    fn a_type_that_does_not_fit_says_what_would() {
        let mismatch =
            <std::time::SystemTime as FromCql<'_>>::check(&NativeType::Date.into()).unwrap_err();
        assert_eq!(mismatch.to_string(), "a Rust `SystemTime` goes with `timestamp`");
    }

    #[test]
    #[cfg(any(
        feature = "chrono-04",
        feature = "jiff-02",
        feature = "jiff-1",
        feature = "time-03"
    ))]
    fn what_is_no_time_of_day_has_no_parts() {
        use super::parts;
        for time in [Time(-1), Time(Time::MAX.0 + 1), Time(i64::MIN), Time(i64::MAX)] {
            assert_eq!(parts::of_time(time), None);
        }
        assert_eq!(parts::of_time(Time::MAX), Some((86_399, 999_999_999)));
    }
}
