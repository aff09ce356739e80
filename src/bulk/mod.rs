//! Whole tables as files: formats of rows, files and folders, and the programs that use them.
//!
//! | file | purpose |
//! |---|---|
//! | `format` | the formats of rows and the compressions of files, by name and by file name |
//! | `csv_dialect` | the options of CSV: delimiter, quote, escape, null text, header |
//! | `csv_field` | writes the fields of a CSV record, with quotes where a reader needs them |
//! | `scalar_text` | the text of a value in a CSV field, written and parsed |
//! | `json_text` | the text of a value in a JSON line, written |
//! | `amount` | numbers with units in arguments, and shards |
//! | `csv_args` | the arguments for CSV |
//! | `progress_bar` | the progress on the terminal |
//! | `table_columns` | the columns of a table |
//! | `unload`, `count` | the programs `cqlwire unload` and `cqlwire count` |
//! | `row_writer` | writes rows in a format |
//!
//! # The text of values
//!
//! A value keeps its exact content in both formats, with three exceptions. The payload and the sign of a NaN are
//! lost. A `varint` or `decimal` that a client wrote with more bytes than necessary is written back with the fewest.
//! In JSON lines, fields of a user-defined type that a value lacks become null.
//!
//! | in CSV | text |
//! |---|---|
//! | null | a field without quotes that is empty, or is the null text if one is set |
//! | null in a file of one column | `\N`, because many readers skip empty lines |
//! | `text`, `ascii` | the text; the empty text is `""` |
//! | numbers, `boolean`, `uuid`, `inet`, `duration`, `date`, `time`, `timestamp` | the CQL literal without its quotes |
//! | `blob`, a custom type | `0xcafe` |
//! | `list`, `set`, `map`, `tuple`, `vector`, a user-defined type | the CQL literal |
//! | the empty value of a type other than text | `''` |
//!
//! Reading accepts more: the text that cqlsh's COPY TO writes for the type, and an empty field in quotes as null if
//! the column is not text. Rows in JSON lines have the JSON form of [`types`](crate::types#json).

#![allow(clippy::arithmetic_side_effects, reason = "lengths and counters of the client itself")]

mod amount;
mod count;
mod csv_args;
mod csv_dialect;
mod csv_field;
mod format;
mod json_text;
mod progress_bar;
mod row_writer;
#[allow(dead_code, reason = "the reader of rows parses text")]
mod scalar_text;
mod table_columns;
mod unload;

pub use count::{CountArgs, count};
pub use csv_dialect::CsvDialect;
pub use format::{FileCompression, Format};
pub use row_writer::{CellError, RawRow, RowWriter};
pub use unload::{UnloadArgs, unload};
