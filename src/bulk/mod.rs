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
//! | `progress_bar` | the progress on the terminal |
//! | `unload`, `count` | the programs `cqlwire unload` and `cqlwire count` |
//! | `row_writer` | writes rows in a format |
//! | `input_buffer` | the bytes of an input that belong to the current record |
//! | `record_reader`, `csv_record` | split an input into records, and CSV records into fields |
//! | `row_parser`, `json_line`, `unique_json` | parse records as rows of values, and encode them |
//! | `plain_value` | encodes the common texts of scalar values |
//! | `column_map` | which column each field belongs to |
//! | `input_file` | the files that are read, and their compression |
//! | `bad_rows` | the files of rows that could not be loaded |
//! | `file_error` | the error of a file |
//! | `csv_arguments` | the command line arguments for CSV |
//! | `load/` | the program `cqlwire load` |
//! | `parquet/` | files in the format Parquet; `parquet_absent` has its place in builds without the feature |
//!
//! # The text of values
//!
//! A value keeps its exact content in CSV and JSON lines, with three exceptions. The payload and the sign of a NaN are
//! lost. A `varint` or `decimal` that a client wrote with more bytes than necessary is written back with the fewest.
//! In JSON lines, fields of a user-defined type that a value lacks become null.
//!
//! | in CSV | text |
//! |---|---|
//! | null | a field without quotes that is empty, or is the null text if one is set |
//! | null in a file of one column | `\N`, because many readers, and `cqlwire load`, skip empty lines |
//! | `text`, `ascii` | the text; the empty text is `""` |
//! | numbers, `boolean`, `uuid`, `inet`, `duration`, `date`, `time`, `timestamp` | the CQL literal without its quotes |
//! | `blob`, a custom type | `0xcafe` |
//! | `list`, `set`, `map`, `tuple`, `vector`, a user-defined type | the CQL literal |
//! | the empty value of a type other than text | `''` |
//!
//! Reading accepts more: the text that cqlsh's COPY TO writes for the type, and an empty field in quotes as null if
//! the column is not text. Rows in JSON lines have the JSON form of [`types`](crate::types#json).
//!
//! # Parquet
//!
//! A file has the types of [`arrow`](crate::arrow), except that a `duration` is text, because Parquet has no type for it. The
//! data is compressed with Zstandard, unless another compression is chosen. A value keeps its exact content, also a NaN, with these
//! exceptions: an empty value of a type other than text and blob becomes null, as do the fields that a tuple or a value of
//! a user-defined type lacks, and a `varint` or `decimal` is written back with the fewest bytes.
//!
//! Reading accepts what other programs write:
//!
//! | in Parquet | goes to |
//! |---|---|
//! | integers and decimals of any width, floating-point numbers without a fraction | integer types, `varint`, `counter`: the exact number |
//! | any number | `decimal`; `float` and `double`, if a whole number remains exact |
//! | text, in dictionaries or not | every type, parsed as in CSV; the empty text is null, unless the column is text |
//! | bytes | `blob`, `text` if they are UTF-8, `uuid` and `timeuuid` (16 bytes), `inet` (4 or 16) |
//! | timestamps of any unit, also INT96, in UTC or without a zone | `timestamp`, if no fraction of a millisecond is lost; `date`, at midnight |
//! | dates | `date`, `timestamp` |
//! | integers | `timestamp`, as milliseconds |
//! | intervals, elapsed times | `duration` |
//! | lists | `list`, `set`; `vector` and `tuple` of as many elements; `map`, if the elements are structs of two fields |
//! | maps | `map` |
//! | structs | a user-defined type, by the names of the fields; `tuple`, by their order |
//!
//! A row whose values do not fit is written to the error files as a JSON line, whose keys are the names of the fields. The
//! place of a row is its number. Memory holds at least one data page of each field, as the file has it.
//!
//! Writing holds the metadata of the row groups until the file ends: 0.5 KiB for each row group and column, and twice as much
//! during a checkpoint, which writes 0.3 KiB for each of them. A row group has 4 to 16 MiB of rows in memory. A file of 100 GiB
//! of rows with 50 columns takes up to 1.3 GiB; `--shard` divides a table into several files.
//!
//! Types nest at most 31 levels in a file, where a list, a set, a map or a vector counts twice.

#![allow(clippy::arithmetic_side_effects, reason = "lengths and counters of the client itself")]

mod amount;
mod bad_rows;
mod column_map;
mod count;
mod csv_arguments;
mod csv_dialect;
mod csv_field;
mod csv_record;
mod file_error;
mod format;
mod input_buffer;
mod input_file;
mod json_line;
mod json_text;
pub mod load;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "parquet_absent.rs"]
mod parquet;
mod plain_value;
mod progress_bar;
mod record_reader;
mod row_parser;
mod row_writer;
mod scalar_text;
mod unique_json;
mod unload;

pub use bad_rows::{BadRow, BadRowSizes, BadRows};
pub use column_map::Renames;
pub use count::{CountArgs, count};
pub use csv_arguments::CsvArgs;
pub use csv_dialect::CsvDialect;
pub use file_error::FileError;
pub use format::{FileCompression, FileFormat, Format};
pub use input_buffer::InputPlace;
pub use input_file::{InputFile, InputSource};
#[cfg(feature = "parquet")]
pub use parquet::{
    InvalidRow, JsonRows, ParquetFile, ParquetReader, ParquetRow, ParquetRows, ParquetWriter,
};
pub use record_reader::{InputRecord, RecordReader};
pub use row_parser::{RowParser, parse_header};
pub use row_writer::{CellError, RawRow, RowWriter};
pub use unload::{UnloadArgs, unload};
