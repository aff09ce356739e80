//! CQL types and values, and their conversion to and from Rust types.
//!
//! | item | purpose |
//! |---|---|
//! | [`CqlType`], [`ColumnSpec`] | a CQL type, and a result column or bind variable with its type |
//! | [`FromCql`], [`ToCql`] | conversion between a Rust type and a CQL value |
//! | [`FromRow`], [`ToValues`] | conversion from a result row to a Rust type, and from a Rust type to the values of a statement |
//! | [`Value`], [`Record`] | a value or a row of any type, for programs that learn the types at run time |
//! | [`Date`], [`Time`], [`Timestamp`], [`Duration`], [`Varint`], [`Decimal`] | CQL types without a Rust type in the standard library |
//!
//! [`CqlType`], [`Value`] and the types of the last row also convert to and from CQL text.
//!
//! These Rust types of other crates and of the standard library convert too. Other crates need the
//! Cargo feature in the first column:
//!
//! | feature | CQL | Rust |
//! |---|---|---|
//! | none | `timestamp` | [`SystemTime`](std::time::SystemTime) |
//! | `chrono-04` | `date`, `time`, `timestamp` | `NaiveDate`, `NaiveTime`, `DateTime<Utc>` |
//! | `time-03` | `date`, `time`, `timestamp` | `Date`, `Time`, `OffsetDateTime` |
//! | `jiff-02`, `jiff-1` | `date`, `time`, `timestamp`, `duration` | `civil::Date`, `civil::Time`, `Timestamp`, `Span` |
//! | `bigdecimal-04` | `decimal` | `BigDecimal` |
//! | `rust-decimal-1` | `decimal` | `Decimal` |
//! | `num-bigint-04`, `num-bigint-05` | `varint` | `BigInt` |
//! | `serde-json-1` | any | `serde_json::Value`, to and from [`Value`], and from [`Record`] |
//! | `serde-1` | any | [`Value`] and [`Record`] implement `Serialize` |
//!
//! - A `timestamp` has a precision of milliseconds. Finer instants are rounded down, also before 1970,
//!   as in the Java driver.
//! - A `timestamp` has no time zone. It is read in UTC. A chrono `DateTime` or jiff `Zoned` of any
//!   time zone can be written, as its instant.
//! - CQL has no leap seconds. Writing one is an error.
//! - A `Span` is converted to months, days and nanoseconds when it is written, and is read in these
//!   units.
//! - Numbers are never rounded. Reading a value that does not fit into the Rust type returns
//!   [`ValueError::TooLarge`]. Writing a value that does not fit into the CQL type returns
//!   [`ValueError::OutOfRange`].
//!
//! # JSON
//!
//! Values and rows have the JSON form that Cassandra's `SELECT JSON` returns and `fromJson` accepts:
//!
//! | CQL | JSON |
//! |---|---|
//! | `tinyint` to `bigint`, `counter` | a number |
//! | `varint`, `decimal` | a number if its text survives a round trip through a 64-bit integer or float, otherwise a string |
//! | `double`, `float` | a number, or the string `"NaN"`, `"Infinity"` or `"-Infinity"` |
//! | `boolean` | `true`, `false` |
//! | `ascii`, `text` | a string |
//! | `blob`, a custom type | `"0xcafe"` |
//! | `date`, `time` | `"2024-02-29"`, `"12:53:18.000000001"` |
//! | `timestamp` | `"2012-05-14 12:53:18.001Z"`; a number of milliseconds before 1582-10-15 and after the year 9999, because Cassandra versions disagree on the text of such instants |
//! | `duration`, `uuid`, `timeuuid` | the CQL literal as a string: `"1mo2d"` |
//! | `inet` | `"127.0.0.1"`, `"2001:db8:0:0:0:0:0:1"` |
//! | `list`, `set`, `tuple`, `vector` | an array |
//! | `map` | an object; a key that is not a string is replaced by its JSON text as a string: `1` becomes `"1"` |
//! | a user-defined type, a row | an object; a name that is not lower case is enclosed in double quotes: `"\"userName\""` |
//! | null, the empty value | `null`, `""` |
//!
//! This form is the same whichever features of serde_json are enabled. Without
//! `arbitrary_precision`, serde_json would turn the `decimal` 1.10 into the number 1.1; 1.10 is
//! therefore always a string. `serde-json-1` enables serde_json's `float_roundtrip`, with which
//! every `double` survives a round trip through JSON text exactly.
//!
//! # Guarantees
//!
//! - The types of columns are checked once for each page. The cells of the page are then read
//!   without further type checks. The type of a value is checked when the value is bound.
//! - Reading borrowed types does not allocate.
//! - No value nests deeper than its type, and no type nests deeper than [`MAX_TYPE_DEPTH`].
//! - Null, unset and empty values are distinct.

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
#[cfg(feature = "driver")]
mod reordered;
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
#[cfg(feature = "arrow-60")]
pub(crate) use cell::Fields;
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
#[cfg(feature = "driver")]
pub(crate) use reordered::Reordered;
pub use row::{FromRow, Row, RowIter};
pub use temporal::{Date, Duration, Time, Timestamp};
pub use text::CqlTextError;
#[cfg(any(feature = "driver", feature = "testing"))]
pub(crate) use text::Identifier;
#[cfg(feature = "driver")]
pub(crate) use text::Quoted;
#[cfg(feature = "testing")]
pub(crate) use text::is_reserved;
pub use to_cql::ToCql;
pub use to_values::{Binder, ToNamedValues, ToValues};
pub use value::Value;
pub use values::{NamedValue, Values};
pub use values_buffer::ValuesBuffer;
pub(crate) use values_buffer::encode_values;

#[cfg(feature = "derive")]
pub use cqlwire_derive::{FromCql, FromRow, FromUdt, ToCql, ToUdt, ToValues};

/// Items that only code generated by the derive macros uses.
#[doc(hidden)]
pub mod derived {
    pub use super::by_name::{
        Columns, Field, FieldVisitor, NamedColumns, Plan, plan_by_name, plan_by_position,
        read_by_name, read_by_position,
    };
    pub use super::from_cql::read_field;
    pub use super::udt::{check_udt, read_udt, rename, write_udt};
    pub use crate::wire::Writer;
}
