//! Pages of rows as Arrow record batches, of the arrow crates, 60: for data frames, Parquet and query engines.
//!
//! [`RecordBatchBuilder`] writes the cells of pages into the buffers of Arrow arrays, without a Rust value for each cell.
//! [`record_batch`] does so for one page. A page is a [`Rows`](crate::message::Rows) of the codec, or, with the feature
//! `driver`, the result of a statement or a page of a scan.
//!
//! | CQL | Arrow | notes |
//! |---|---|---|
//! | `ascii`, `text` | `Utf8` | |
//! | `blob`, custom types | `Binary` | |
//! | `boolean` | `Boolean` | |
//! | `tinyint`, `smallint`, `int` | `Int8`, `Int16`, `Int32` | |
//! | `bigint`, `counter` | `Int64` | |
//! | `float`, `double` | `Float32`, `Float64` | |
//! | `decimal`, `varint` | `Utf8` | the exact number, because neither its digits nor its scale have a bound |
//! | `uuid`, `timeuuid` | `FixedSizeBinary(16)` | with the extension type `arrow.uuid` |
//! | `inet` | `Utf8` | the address, such as `127.0.0.1` or `2001:db8::1` |
//! | `date` | `Date32` | the full range of CQL |
//! | `time` | `Time64(Nanosecond)` | |
//! | `timestamp` | `Timestamp(Millisecond, "UTC")` | |
//! | `duration` | `Interval(MonthDayNano)` | |
//! | `list`, `set` | `List` | field `item` |
//! | `map` | `Map`, not sorted | field `entries` with the fields `key` and `value` |
//! | `tuple` | `Struct` | fields `0`, `1`, ... |
//! | a user-defined type | `Struct` | the fields of the type; a value with fewer fields has nulls at its end |
//! | `vector<T, n>` | `FixedSizeList(n)` | field `item` |
//!
//! - Names of columns are kept, also if two columns have the same name.
//! - All fields can be null, except the entries and keys of maps. A null or empty key of a map is an error.
//! - The metadata of each column, and of each field of a user-defined type, have the key [`CQL_TYPE_KEY`], whose value is
//!   the CQL type, such as `set<timeuuid>`. [`CqlType`](crate::types::CqlType) parses this text;
//!   [`CqlType::parse_with`](crate::types::CqlType::parse_with) also if it names user-defined types.
//! - Version 60 of the crate `parquet` cannot write `Interval(MonthDayNano)`. Cast columns of durations to `Utf8` with the
//!   crate `arrow-cast` first.
//! - Arrow stores elements below null vectors, and fields below null tuples and user-defined types. In one page, they may
//!   take 128 MiB, and 16 times the length of the page: see [`RecordBatchError::NullsTooLarge`].
//!
//! # Empty values
//!
//! The empty value (zero bytes) is ordinary text, or an ordinary blob. It can also occur in a column of another type, such
//! as `int`, but only old clients write it. Arrow cannot represent such values, and they become null.
//! [`RecordBatchBuilder::empty_values`] returns their number.

mod block;
mod boolean;
mod builder;
mod bytes;
mod collection;
mod column;
mod duration;
mod error;
mod fixed;
mod mapping;
mod offsets;
mod raw_value;
mod structs;
mod validity;
mod vector;

pub use builder::{AsRows, RecordBatchBuilder, record_batch, schema};
pub use error::RecordBatchError;
pub use mapping::CQL_TYPE_KEY;
