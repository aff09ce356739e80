//! CQL types and values, and how they become Rust values and back.
//!
//! | file | what it knows |
//! |---|---|
//! | [`CqlType`], [`ColumnSpec`] | the types as a result's metadata names them |
//! | `text` | types, Java class names and values as CQL writes them, both ways |
//! | [`Value`] | any CQL value, for tools; it prints as a CQL literal |
//! | [`FromCql`], [`ToCql`] | one Rust type to and from one CQL type |
//! | [`FromRow`], [`ToValues`] | a row of a result, the values of a statement |
//! | `by_name`, `udt` | what the derive macros of these traits generate calls of |
//! | [`Date`], [`Time`], [`Timestamp`], [`Duration`], [`Varint`], [`Decimal`] | exact types where std has none |
//!
//! Features name the types of other crates that values go with, from and to:
//!
//! | feature | CQL | Rust |
//! |---|---|---|
//! | | `timestamp` | [`SystemTime`](std::time::SystemTime) |
//! | `chrono-04` | `date`, `time`, `timestamp` | `NaiveDate`, `NaiveTime`, `DateTime<Utc>` |
//! | `time-03` | `date`, `time`, `timestamp` | `Date`, `Time`, `OffsetDateTime` |
//! | `jiff-02`, `jiff-1` | `date`, `time`, `timestamp`, `duration` | `civil::Date`, `civil::Time`, `Timestamp`, `Span` |
//! | `bigdecimal-04` | `decimal` | `BigDecimal` |
//! | `rust-decimal-1` | `decimal` | `Decimal` |
//! | `num-bigint-04`, `num-bigint-05` | `varint` | `BigInt` |
//! | `serde-json-1` | any | `Value`, from and to [`Value`] and from [`Record`] |
//! | `serde-1` | any | `Serialize` for [`Value`] and [`Record`] |
//!
//! A timestamp has milliseconds: what is finer belongs to the one before, as the Java driver has it
//! (before 1970, too). It has no offset: instants are read in UTC, and written from chrono's
//! `DateTime` and jiff's `Zoned` of any time zone. CQL has no leap seconds, and they are errors. A `Span` is written as months, days and nanoseconds, and read as these. Numbers are
//! never rounded. What the other type has no place for is [`ValueError::TooLarge`], what CQL has no
//! place for [`ValueError::OutOfRange`].
//!
//! # JSON
//!
//! Values and rows have the forms that Cassandra's `SELECT JSON` gives and `fromJson` takes:
//!
//! | CQL | JSON |
//! |---|---|
//! | `tinyint` to `bigint`, `counter` | a number |
//! | `varint`, `decimal` | a number, if one of 64 bits prints exactly the same; else a string |
//! | `double`, `float` | a number; `"NaN"`, `"Infinity"`, `"-Infinity"`, which are no numbers in JSON |
//! | `boolean` | `true`, `false` |
//! | `ascii`, `text` | a string |
//! | `blob`, a custom type | `"0xcafe"` |
//! | `date`, `time` | `"2024-02-29"`, `"12:53:18.000000001"` |
//! | `timestamp` | `"2012-05-14 12:53:18.001Z"`; before 1582-10-15 and after 9999, where Cassandras differ, a number |
//! | `duration`, `uuid`, `timeuuid` | a string of the literal: `"1mo2d"` |
//! | `inet` | `"127.0.0.1"`, `"2001:db8:0:0:0:0:0:1"` |
//! | `list`, `set`, `tuple`, `vector` | an array |
//! | `map` | an object; a key that is no string in JSON is the text of its JSON: `"1"` |
//! | a user-defined type, a row | an object; a name that is not lower case is in double quotes of its own: `"\"userName\""` |
//! | null, the empty value | `null`, `""` |
//!
//! That is the same whichever features serde_json is built with. Without `arbitrary_precision` its
//! numbers have 64 bits, in which 1.10 would be 1.1: so that is a string. The feature
//! turns its `float_roundtrip` on, so that the text of JSON gives each `double` back to the last bit.
//!
//! Invariants: a type is checked once per result or statement, then cells are read without asking
//! again; borrowed types read without allocating; no value nests deeper than its type, and no type
//! deeper than [`MAX_TYPE_DEPTH`]; null, not set and empty stay three different things.

mod by_name;
mod cell;
mod check;
mod collection;
mod column;
mod compare;
mod cql_type;
mod error;
mod foreign;
mod from_cql;
mod native_value;
mod number;
mod optional;
mod record;
mod row;
mod scalar;
mod temporal;
mod text;
mod to_cql;
mod to_values;
mod tuple;
mod type_option;
mod udt;
mod value;
mod value_containers;
mod values;
mod values_buffer;
mod vector;
mod vint;

pub use cell::Cell;
pub use collection::{Elements, Entries};
pub use column::{ColumnSpec, TableSpec};
pub use cql_type::{CqlType, MAX_TYPE_DEPTH, NativeType, UdtType, VectorType};
pub use error::{
    BindError, BindErrorKind, ColumnMismatch, NameMismatch, NameMismatchKind, RowError, TypeError,
    TypeMismatch, ValueError,
};
#[cfg(feature = "serde-json-1")]
pub use foreign::JsonError;
pub use from_cql::FromCql;
pub use number::{Decimal, Varint};
pub use optional::{MaybeEmpty, MaybeUnset, OrDefault, Unset};
pub use record::{ColumnIndex, Record};
pub use row::{FromRow, Row, RowIter};
pub use temporal::{Date, Duration, Time, Timestamp};
pub use text::CqlTextError;
#[cfg(feature = "driver")]
pub(crate) use text::Identifier;
pub use to_cql::ToCql;
pub use to_values::{Binder, ToNamedValues, ToValues};
pub use value::Value;
pub use values::{NamedValue, Values};
pub use values_buffer::ValuesBuffer;

#[cfg(feature = "derive")]
pub use cqlwire_derive::{FromCql, FromRow, FromUdt, ToCql, ToUdt, ToValues};

/// What the derive macros use beside the public items.
#[doc(hidden)]
pub mod derived {
    pub use super::by_name::{
        Columns, Field, NamedColumns, Plan, Visit, plan_by_name, plan_by_position, read_by_name,
        read_by_position,
    };
    pub use super::from_cql::read_field;
    pub use super::udt::{check_udt, read_udt, rename, write_udt};
    pub use crate::wire::Writer;
}
