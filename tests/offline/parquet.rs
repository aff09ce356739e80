//! Rows survive a Parquet file, and files of other programs, damaged and truncated ones.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use cqlwire::bulk::{FileCompression, InvalidRow, ParquetFile, ParquetRow, ParquetWriter};
use cqlwire::message::{Rows, RowsMetadata};
use cqlwire::types::{ColumnSpec, CqlType, MaybeUnset, NativeType, UdtType, Value};
use cqlwire::wire::Writer;
use parquet::data_type::{FixedLenByteArray, FixedLenByteArrayType, Int96, Int96Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use crate::bulk::table;

fn page(columns: &[ColumnSpec], rows: &[Vec<Value>]) -> Rows {
    let mut content = Vec::new();
    for (value, column) in rows.iter().flat_map(|row| row.iter().zip(columns)) {
        value.encode(&column.cql_type, &mut Writer::new(&mut content)).unwrap();
    }
    let metadata = RowsMetadata::new(columns.to_vec());
    Rows { metadata, count: rows.len(), content: Bytes::from(content) }
}

/// Returns a file of the pages. After each page, the run is interrupted and continued.
fn write(
    columns: &[ColumnSpec],
    pages: &[&[Vec<Value>]],
    compression: FileCompression,
) -> std::io::Result<Vec<u8>> {
    let mut writer = ParquetWriter::new(Vec::new(), columns, compression)?;
    let mut file = Vec::new();
    for rows in pages {
        writer.write_page(&page(columns, rows))?;
        writer.end_group()?;
        let footer = writer.footer()?;
        file.extend_from_slice(writer.get_mut());
        // What follows the checkpoint is lost.
        writer.write_page(&page(columns, rows))?;
        let length = file.len() as u64;
        writer = ParquetWriter::resume(Vec::new(), columns, compression, length, &footer)?;
    }
    file.extend(writer.finish()?);
    Ok(file)
}

fn saved(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

/// Returns the rows after the first `skipped` ones.
fn read(path: &Path, columns: &[ColumnSpec], skipped: u64) -> Result<Vec<ParquetRow>, String> {
    let file = ParquetFile::open(path).map_err(|error| error.to_string())?;
    let index = |field: &str| columns.iter().position(|column| &*column.name == field);
    let indexes: Vec<_> = file.fields().map(index).collect();
    let reader = file.read(columns, &indexes).map_err(|error| error.to_string())?;
    let mut rows = reader.rows_after(skipped).map_err(|error| error.to_string())?;
    let mut all = Vec::new();
    let mut push = |row| {
        all.push(row);
        ControlFlow::Continue(())
    };
    while rows.read_batch(&mut push).map_err(|error| error.to_string())? {}
    Ok(all)
}

/// Returns the value as it is after a file: empty values are null, and tuples and user-defined types have all of their
/// fields.
fn expected(value: &Value, cql_type: &CqlType) -> Value {
    let all =
        |values: &[Value], of: &CqlType| values.iter().map(|value| expected(value, of)).collect();
    let padded = |values: &[Value], types: Vec<&CqlType>| {
        let values = values.iter().chain(std::iter::repeat(&Value::Null));
        values.zip(types).map(|(value, of)| expected(value, of)).collect()
    };
    match (value, cql_type) {
        (Value::Empty, _) => Value::Null,
        (Value::List(values), CqlType::List(of)) => Value::List(all(values, of)),
        (Value::Set(values), CqlType::Set(of)) => Value::Set(all(values, of)),
        (Value::Vector(values), CqlType::Vector(of)) => Value::Vector(all(values, &of.element)),
        (Value::Map(entries), CqlType::Map(of)) => {
            let entry =
                |(key, value): &(Value, Value)| (expected(key, &of.0), expected(value, &of.1));
            Value::Map(entries.iter().map(entry).collect())
        }
        (Value::Tuple(values), CqlType::Tuple(of)) => {
            Value::Tuple(padded(values, of.iter().collect()))
        }
        (Value::Udt { udt, fields }, CqlType::Udt(_)) => {
            let types = udt.fields.iter().map(|(_, of)| of).collect();
            Value::Udt { udt: Arc::clone(udt), fields: padded(fields, types) }
        }
        (value, _) => value.clone(),
    }
}

/// Compares the bits of numbers, because no NaN is equal to another.
fn shown(value: &MaybeUnset<Value>) -> String {
    match value {
        MaybeUnset::Set(Value::Double(number)) => format!("{:x}", number.to_bits()),
        MaybeUnset::Set(Value::Float(number)) => format!("{:x}", number.to_bits()),
        value => format!("{value:?}"),
    }
}

fn assert_round_trips(
    columns: &[ColumnSpec],
    rows: &[Vec<Value>],
    pages: &[&[Vec<Value>]],
    compression: FileCompression,
) {
    let file = saved(&write(columns, pages, compression).unwrap());
    let found = read(file.path(), columns, 0).unwrap();
    assert_eq!(found.len(), rows.len());
    for ((index, row), values) in found.iter().enumerate().zip(rows) {
        assert_eq!(row.number, index as u64 + 1);
        let values = values
            .iter()
            .zip(columns)
            .map(|(value, column)| shown(&MaybeUnset::Set(expected(value, &column.cql_type))));
        let found: Vec<_> = row.values.as_ref().unwrap().iter().map(shown).collect();
        assert_eq!(found, values.collect::<Vec<_>>());
    }
    for skipped in 0..=rows.len() {
        let rest = read(file.path(), columns, skipped as u64).unwrap();
        let numbers = |rows: &[ParquetRow]| rows.iter().map(|row| row.number).collect::<Vec<_>>();
        assert_eq!(numbers(&rest), numbers(&found[skipped..]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..Default::default() })]

    #[test]
    fn any_value_of_any_type_survives_a_file(
        (columns, rows) in table(5),
        per_page in 1_usize..4,
        compression in prop::sample::select(vec![
            FileCompression::None, FileCompression::Gzip, FileCompression::Zstd,
        ]),
    ) {
        let pages: Vec<_> = rows.chunks(per_page).collect();
        assert_round_trips(&columns, &rows, &pages, compression);
    }
}

/// Returns columns with types in the syntax of CQL, where `address` is a user-defined type.
fn columns(columns: &[(&str, &str)]) -> Vec<ColumnSpec> {
    let fields = [("street", NativeType::Text), ("no", NativeType::SmallInt)];
    let fields = fields.map(|(name, native)| (name.to_owned(), native.into())).to_vec();
    let udt = UdtType { keyspace: "ks".to_owned(), name: "address".to_owned(), fields };
    let udt = CqlType::Udt(Arc::new(udt));
    let of = |text: &str| if text == "address" { udt.clone() } else { text.parse().unwrap() };
    columns.iter().map(|(name, cql_type)| ColumnSpec::new("ks", "t", name, of(cql_type))).collect()
}

/// Returns the values of a row as CQL literals, or the reason why it is none, with its JSON.
fn literals(row: &ParquetRow) -> Vec<String> {
    match &row.values {
        Ok(values) => values
            .iter()
            .map(|value| match value {
                MaybeUnset::Set(value) => value.to_string(),
                MaybeUnset::Unset => "unset".to_owned(),
            })
            .collect(),
        Err(InvalidRow { reason, json }) => {
            vec![reason.clone(), String::from_utf8_lossy(json).into_owned()]
        }
    }
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/offline/parquet").join(name)
}

/// Returns the rows of a fixture as literals.
fn read_fixture(name: &str, fields: &[(&str, &str)]) -> Vec<Vec<String>> {
    let rows = read(&fixture(name), &columns(fields), 0).unwrap();
    rows.iter().map(literals).collect()
}

/// The files were written by `parquet/write_files.py`.
#[test]
fn a_file_of_pyarrow_is_read() {
    let fields = [
        ("id", "int", "1", "2"),
        ("small", "tinyint", "-128", "127"),
        ("big", "varint", "9223372036854775807", "0"),
        ("whole", "int", "7", "-1"),
        ("var", "varint", "12345678901234567890123456789012345678", "-1"),
        ("price", "decimal", "1.10", "-99999999.99"),
        ("wide", "decimal", &format!("{}.123456", "9".repeat(70)), "-0.000001"),
        ("half", "double", "1.5", "-2.0"),
        ("single", "float", "0.1", "-Infinity"),
        ("flag", "boolean", "true", "false"),
        ("word", "text", "'a'", "'b'"),
        ("large", "text", "'it''s'", "''"),
        ("view", "ascii", "'view'", &format!("'{}'", "x".repeat(40))),
        ("data", "blob", "0x00ff", "0x"),
        ("key", "uuid", UUIDS[0], "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ("uuid", "timeuuid", UUIDS[0], UUIDS[1]),
        ("address", "inet", "'127.0.0.1'", "'::1'"),
        ("day", "date", "'2024-02-29'", "'0001-01-01'"),
        ("day64", "date", "'2024-02-29'", "'1969-12-31'"),
        ("hour", "time", "'23:59:59.999999000'", "'00:00:00.000000000'"),
        ("second", "time", "'01:02:03.000000000'", "'00:00:00.000000000'"),
        ("micros", "timestamp", MOMENT, "-62135596800000"),
        ("zoned", "timestamp", MOMENT, MOMENT),
        ("plain", "timestamp", "'1960-01-01 00:00:00.000+0000'", "'9999-12-31 00:00:00.000+0000'"),
        ("elapsed", "duration", "1h", "-1us"),
        ("list", "list<bigint>", "[1, null]", "[]"),
        ("vector", "vector<double, 2>", "[1.0, 2.0]", "[3.0, 4.0]"),
        ("map", "map<text, int>", "{'a': 1, 'b': null}", "{}"),
        ("udt", "address", "{street: 'x', no: 5}", "{street: null, no: null}"),
        ("pairs", "map<int, text>", "{1: 'x'}", "{}"),
    ];
    let types = fields.map(|(name, cql_type, ..)| (name, cql_type));
    let found = read_fixture("pyarrow.parquet", &types);
    assert_eq!(found[0], fields.map(|(_, _, first, _)| first));
    assert_eq!(found[1], fields.map(|(_, _, _, second)| second));
    assert_eq!(found[2], fields.map(|(name, ..)| if name == "id" { "3" } else { "null" }));
    assert_eq!(found.len(), 3);
}

const UUIDS: [&str; 2] =
    ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"];

const MOMENT: &str = "'2024-02-29 12:30:15.123+0000'";

#[test]
fn files_of_spark_pandas_and_duckdb_are_read() {
    let fields = [("id", "bigint"), ("at", "timestamp"), ("name", "text")];
    let found = read_fixture("int96.parquet", &fields);
    assert_eq!(
        found,
        [["1", MOMENT, "'bytes'"], ["2", "'9999-12-31 00:00:00.000+0000'", "'text'"]]
    );

    let fields = [
        ("id", "int"),
        ("n", "smallint"),
        ("name", "text"),
        ("at", "timestamp"),
        ("day", "date"),
        ("kind", "text"),
    ];
    let found = read_fixture("pandas.parquet", &fields);
    assert_eq!(found[0], ["1", "1", "'a'", MOMENT, "'2024-02-29'", "'x'"]);
    assert_eq!(found[1], ["2", "null", "null", "null", "null", "'y'"]);
    let reason = "column \"n\" of type `smallint`: 3.5 is not a value: it has a fraction";
    let json = r#"{"id":3,"n":3.5,"name":"c","at":"1960-01-01 00:00:00.000Z","day":"1960-01-01","kind":null}"#;
    assert_eq!(found[2], [reason, json]);
    let reason = "column \"at\" of type `timestamp`: \"2024-01-01 00:00:00.000100000+0000\" is not a value: \
                  a fraction of a millisecond would be lost";
    let json = r#"{"id":4,"n":4,"name":"d","at":"2024-01-01 00:00:00.000100000+0000","day":"2024-01-01 12:00:00.000000000+0000","kind":"x"}"#;
    assert_eq!(found[3], [reason, json]);

    let fields = [
        ("id", "varint", "1"),
        ("span", "duration", "1y2mo3d1s"),
        ("flag", "boolean", "true"),
        ("key", "uuid", "00000000-0000-0001-0000-000000000002"),
        ("price", "decimal", "1.500"),
        ("at", "timestamp", MOMENT),
        ("list", "set<smallint>", "{1, 2}"),
        ("map", "map<text, int>", "{'a': 1}"),
        ("udt", "address", "{street: 'x', no: 5}"),
        ("name", "ascii", "'text'"),
        ("day", "timestamp", "'2024-02-29 00:00:00.000+0000'"),
        ("hour", "time", "'01:02:03.000000000'"),
    ];
    let found = read_fixture("duckdb.parquet", &fields.map(|(name, cql_type, _)| (name, cql_type)));
    assert_eq!(found, [fields.map(|(.., value)| value)]);
}

/// A schema with fields of 12 bytes: timestamps of 96 bits, intervals, and bytes.
const TWELVE_BYTES: &str = "message schema {
    optional int96 at;
    optional group list (LIST) { repeated group list { optional int96 element; } }
    optional group pair { required fixed_len_byte_array(12) bytes; optional fixed_len_byte_array(12) span (INTERVAL); }
    optional fixed_len_byte_array(12) bytes;
}";

/// Returns the bytes of a timestamp of 96 bits.
fn int96(days: u32, nanoseconds: i64) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&nanoseconds.to_le_bytes());
    bytes[8..].copy_from_slice(&(2_440_588 + days).to_le_bytes());
    bytes
}

/// Returns a file with the schema [`TWELVE_BYTES`] and a row in which every leaf has these bytes.
fn twelve_bytes(content: [u8; 12]) -> tempfile::NamedTempFile {
    let schema = Arc::new(parse_message_type(TWELVE_BYTES).unwrap());
    let mut file = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut file, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let words: Vec<_> =
        content.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    let mut leaf = 0;
    while let Some(mut column) = group.next_column().unwrap() {
        let (levels, repetition) = ([1, 3, 1, 2, 1][leaf], (leaf == 1).then_some(&[0_i16][..]));
        match leaf < 2 {
            true => {
                let values = [Int96::from(words.clone())];
                let typed = column.typed::<Int96Type>();
                typed.write_batch(&values, Some(&[levels]), repetition).unwrap();
            }
            false => {
                let values = [FixedLenByteArray::from(content.to_vec())];
                let typed = column.typed::<FixedLenByteArrayType>();
                typed.write_batch(&values, Some(&[levels]), repetition).unwrap();
            }
        }
        column.close().unwrap();
        leaf += 1;
    }
    group.close().unwrap();
    writer.close().unwrap();
    saved(&file)
}

#[test]
fn timestamps_of_96_bits_are_read_exactly_or_refused() {
    let specs = columns(&[("at", "timestamp"), ("list", "list<timestamp>")]);
    let shown = |content| literals(&read(twelve_bytes(content).path(), &specs, 0).unwrap()[0]);
    let last_day = 2_932_896;
    for (content, expected) in [
        (int96(0, 0), "'1970-01-01 00:00:00.000+0000'"),
        (int96(19_782, 45_015_123_000_000), MOMENT),
        (int96(last_day, 86_399_999_000_000), "'9999-12-31 23:59:59.999+0000'"),
    ] {
        assert_eq!(shown(content), [expected.to_owned(), format!("[{expected}]")]);
    }
    let found = shown(int96(last_day, 1));
    let reason = "\"9999-12-31 00:00:00.000000001+0000\" is not a value: a fraction of a millisecond would be lost";
    assert!(found[0].contains(reason), "{found:?}");
    assert!(found[1].contains(r#""list":["9999-12-31 00:00:00.000000001+0000"]"#), "{found:?}");
    let found = shown(int96(last_day, 999));
    assert!(found[0].contains("a fraction of a millisecond would be lost"), "{found:?}");
}

#[test]
fn only_intervals_of_twelve_bytes_are_durations() {
    let interval = [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
    let file = twelve_bytes(interval);
    let shown = |field: &str, cql_type: &str| {
        literals(&read(file.path(), &columns(&[(field, cql_type)]), 0).unwrap()[0]).remove(0)
    };
    let hex = "0x010000000200000003000000";
    assert_eq!(shown("pair", "tuple<blob, duration>"), format!("({hex}, 1mo2d3ms)"));
    assert_eq!(shown("bytes", "blob"), hex);
    for (field, cql_type) in [
        ("bytes", "duration"),
        ("pair", "tuple<duration, duration>"),
        ("pair", "tuple<blob, blob>"),
        ("at", "duration"),
        ("at", "blob"),
    ] {
        let found = shown(field, cql_type);
        assert!(found.contains("values of the field do not convert"), "{field}: {found}");
    }
    let file = twelve_bytes([0xff; 12]);
    let rows = read(file.path(), &columns(&[("pair", "tuple<blob, duration>")]), 0).unwrap();
    assert!(literals(&rows[0])[0].contains("it is out of range"));
}

/// 2^60 is 1152921504606847000 in the shortest decimal text of a double.
#[test]
fn numbers_are_converted_exactly_or_refused() {
    let types = [("d", "double"), ("f", "float")];
    let rows =
        [(1_152_921_504_606_846_976.0, 2_f32.powi(60)), (16_777_217.0, -1e30), (1e30, f32::NAN)];
    let rows = rows.map(|(d, f)| vec![Value::Double(d), Value::Float(f)]);
    let file = saved(&write(&columns(&types), &[&rows], FileCompression::None).unwrap());
    for (field, cql_type, expected) in [
        ("d", "bigint", ["1152921504606846976", "16777217", "it is out of range"]),
        ("d", "varint", ["1152921504606846976", "16777217", "1000000000000000019884624838656"]),
        ("d", "decimal", ["1.152921504606847E+18", "16777217", "1E+30"]),
        ("d", "float", ["1.1529215e18", "it has too many digits", "it has too many digits"]),
        (
            "f",
            "counter",
            ["1152921504606846976", "it is out of range", "it is not a finite number"],
        ),
        ("f", "varint", ["1152921504606846976", "-1000000015047466219876688855040", "finite"]),
        ("f", "double", ["1.152921504606847e18", "-1.0000000150474662e30", "NaN"]),
    ] {
        let specs = columns(&[(field, cql_type)]);
        let found = read(file.path(), &specs, 0).unwrap();
        let found: Vec<_> = found.iter().map(|row| literals(row).remove(0)).collect();
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{field} as {cql_type}: {found} {expected}");
        }
    }
    for (field, cql_type, expected) in [
        ("var", "double", ["it has too many digits", "-1.0"]),
        ("var", "float", ["it has too many digits", "-1.0"]),
        ("price", "float", ["1.1", "-100000000.0"]),
        ("big", "double", ["it has too many digits", "0.0"]),
    ] {
        let found = read_fixture("pyarrow.parquet", &[(field, cql_type)]);
        for (found, expected) in found.iter().zip(expected) {
            assert!(found[0].contains(expected), "{field} as {cql_type}: {found:?} {expected}");
        }
    }
}

/// Readers find the footer at the end. Another one before it would have wrong offsets after a resume.
#[test]
fn a_file_has_one_footer() {
    let specs = columns(&[("id", "int")]);
    let rows = [vec![Value::Int(1)]];
    for pages in [&[][..], &[&rows[..]], &[&rows, &rows]] {
        let file = write(&specs, pages, FileCompression::None).unwrap();
        let created_by = file.windows(8).filter(|part| part == b"cqlwire ").count();
        assert_eq!(created_by, 1);
    }
}

/// Values of a field that has another type than its column.
#[test]
fn text_is_parsed_and_what_does_not_fit_is_a_reason() {
    let from = columns(&[
        ("t", "text"),
        ("n", "bigint"),
        ("f", "double"),
        ("l", "list<int>"),
        ("u", "address"),
        ("b", "blob"),
    ]);
    let text = |text: &str| Value::Text(text.to_owned());
    let udt = |street: &str, no: i16| match &from[4].cql_type {
        CqlType::Udt(udt) => {
            Value::Udt { udt: udt.clone(), fields: vec![text(street), Value::SmallInt(no)] }
        }
        other => panic!("{other}"),
    };
    let list = |numbers: &[i32]| Value::List(numbers.iter().copied().map(Value::Int).collect());
    let rows = [
        vec![
            text("2024-02-29"),
            300_i64.into(),
            Value::Double(0.1),
            list(&[1, 2]),
            udt("x", 1),
            vec![1, 2, 3, 4].into(),
        ],
        vec![
            text(""),
            Value::BigInt(i64::MAX),
            Value::Double(1e300),
            list(&[]),
            udt("", -1),
            vec![0xff].into(),
        ],
    ];
    let file = saved(&write(&from, &[&rows], FileCompression::None).unwrap());
    let shown = |types: &[(&str, &str)]| {
        let specs = columns(types);
        let found = read(file.path(), &specs, 0).unwrap();
        found.iter().map(|row| literals(row)[0].clone()).collect::<Vec<_>>()
    };
    for (field, cql_type, first, second) in [
        ("t", "date", "'2024-02-29'", "null"),
        ("t", "int", "\"2024-02-29\" is not a value", "null"),
        ("n", "tinyint", "300 is not a value: it is out of range", "9223372036854775807 is not"),
        ("n", "varint", "300", "9223372036854775807"),
        ("n", "decimal", "300", "9223372036854775807"),
        ("n", "double", "300.0", "it has too many digits"),
        ("n", "timestamp", "'1970-01-01 00:00:00.300+0000'", "9223372036854775807"),
        ("n", "text", "values of the field do not convert to `text`", "do not convert"),
        ("f", "decimal", "0.1", "1E+300"),
        ("f", "float", "0.1", "it is out of range"),
        ("f", "bigint", "0.1 is not a value: it has a fraction", "out of range"),
        ("l", "tuple<bigint, text>", "do not convert to `text`", "0 elements instead of 2"),
        ("l", "tuple<bigint, varint>", "(1, 2)", "0 elements instead of 2"),
        ("l", "vector<int, 2>", "[1, 2]", "0 elements instead of 2"),
        ("l", "map<int, int>", "do not convert to `map<int, int>`", "{}"),
        ("u", "tuple<text, int>", "('x', 1)", "('', -1)"),
        ("u", "tuple<text>", "2 elements instead of 1", "2 elements instead of 1"),
        ("b", "inet", "'1.2.3.4'", "1 byte instead of 4 or 16"),
        ("b", "uuid", "4 bytes instead of 16", "1 byte instead of 16"),
        ("b", "text", "'\u{1}\u{2}\u{3}\u{4}'", "the bytes are not UTF-8"),
    ] {
        let found = shown(&[(field, cql_type)]);
        assert!(found[0].contains(first), "{field} as {cql_type}: {found:?}");
        assert!(found[1].contains(second), "{field} as {cql_type}: {found:?}");
    }
}

#[test]
fn edge_values_survive_a_file() {
    let varint = "9".repeat(200);
    let cells = [
        ("tinyint", "-128"),
        ("smallint", "-32768"),
        ("int", "-2147483648"),
        ("bigint", "-9223372036854775808"),
        ("varint", &*varint),
        ("decimal", "1E+2147483647"),
        ("decimal", "-1.200"),
        ("double", "NaN"),
        ("double", "-0.0"),
        ("double", "-Infinity"),
        ("float", "NaN"),
        ("float", "-0.0"),
        ("float", "Infinity"),
        ("text", "''"),
        ("blob", "''"),
        ("ascii", "''"),
        ("date", "'-5877641-06-23'"),
        ("date", "'5881580-07-11'"),
        ("time", "'23:59:59.999999999'"),
        ("timestamp", "-9223372036854775808"),
        ("timestamp", "9223372036854775807"),
        ("duration", "-178956970y8mo2147483648d2562047h47m16s854ms775us808ns"),
        ("duration", "0ns"),
        ("inet", "'::ffff:1.2.3.4'"),
        ("boolean", "false"),
        ("timeuuid", UUIDS[0]),
        ("list<duration>", "[1mo, -1d]"),
        ("map<text, frozen<list<duration>>>", "{'a': [1ns], 'b': []}"),
        ("tuple<int, duration, text>", "(null, 1y, null)"),
        ("vector<duration, 2>", "[1mo, 2mo]"),
        ("list<frozen<set<int>>>", "[{}, {1}]"),
        ("set<text>", "{}"),
        ("map<int, int>", "{}"),
        ("vector<float, 3>", "[1.0, -0.0, NaN]"),
        ("address", "{street: null, no: 7}"),
        ("list<int>", "null"),
    ];
    let types: Vec<_> = cells.iter().map(|(cql_type, _)| ("x", *cql_type)).collect();
    let mut specs = columns(&types);
    for (index, spec) in specs.iter_mut().enumerate() {
        spec.name = format!("x{index}").into();
    }
    let row = cells
        .iter()
        .zip(&specs)
        .map(|((_, text), spec)| Value::parse(&spec.cql_type, text).unwrap());
    let rows = [row.collect::<Vec<_>>(), vec![Value::Null; specs.len()]];
    assert_round_trips(&specs, &rows, &[&rows], FileCompression::Zstd);
}

/// A part of the file is missing, or one byte has changed: the error names the file, or the change has no effect on the form
/// of the file.
#[test]
fn damaged_files_are_errors() {
    for name in ["pyarrow.parquet", "int96.parquet", "pandas.parquet"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        let file = ParquetFile::open(&fixture(name)).unwrap();
        let specs: Vec<_> = file
            .fields()
            .map(|field| ColumnSpec::new("ks", "t", field, NativeType::Text))
            .collect();
        for end in (0..whole.len()).step_by(whole.len() / 40) {
            let file = saved(&whole[..end]);
            let error = read(file.path(), &specs, 0).unwrap_err();
            assert!(error.contains(file.path().to_str().unwrap()), "{error}");
        }
        let mut damaged = whole.clone();
        for index in (0..whole.len()).step_by(5) {
            for flip in [0x01, 0xff] {
                damaged[index] ^= flip;
                let file = saved(&damaged);
                if let Err(error) = read(file.path(), &specs, 0) {
                    assert!(error.contains(file.path().to_str().unwrap()), "{error}");
                }
                damaged[index] ^= flip;
            }
        }
    }
}

#[test]
fn files_of_other_formats_are_errors() {
    for (content, expected) in [
        (&b""[..], "it is not a Parquet file"),
        (b"id,name\n1,a\n", "it is not a Parquet file"),
        (b"PAR1", "file"),
        (b"\x1f\x8b\x08\0\0", "it is compressed by gzip"),
        (b"PARE....PARE", "it is encrypted"),
    ] {
        let file = saved(content);
        let error = read(file.path(), &[], 0).unwrap_err();
        assert!(
            error.contains(file.path().to_str().unwrap()) && error.contains(expected),
            "{error}"
        );
    }
}

/// Returns a file without rows whose schema has `depth` groups in each other.
fn deep_file(depth: usize) -> Vec<u8> {
    let mut footer = vec![0x15, 2, 0x19, 0xfc];
    let count = depth + 1;
    footer.extend(
        [count & 0x7f | 0x80, count >> 7 & 0x7f | 0x80, count >> 14].map(|part| part as u8),
    );
    for _ in 0..depth {
        // Repetition 1, the name `a`, and one child.
        footer.extend([0x35, 2, 0x18, 1, b'a', 0x15, 2, 0]);
    }
    // The type INT32.
    footer.extend([0x15, 2, 0x25, 2, 0x18, 1, b'a', 0]);
    // No rows and no row groups.
    footer.extend([0x16, 0, 0x19, 0x0c, 0]);
    let mut file = b"PAR1".to_vec();
    file.extend(&footer);
    file.extend((footer.len() as u32).to_le_bytes());
    file.extend(b"PAR1");
    file
}

#[test]
fn schemas_are_refused_before_they_overflow_the_stack() {
    let specs = columns(&[("a", "int")]);
    for depth in [2, 32] {
        let file = saved(&deep_file(depth));
        let error = read(file.path(), &specs, 0);
        assert_eq!(error.map(|rows| rows.len()), Ok(0), "{depth}");
    }
    for depth in [33, 100_000] {
        let file = saved(&deep_file(depth));
        let error = read(file.path(), &specs, 0).unwrap_err();
        assert!(error.contains(&format!("its schema has {depth} levels")), "{error}");
    }
}

/// Functions that nest a type and a value in another one.
type Nesting = (fn(CqlType) -> CqlType, fn(Value) -> Value);

#[test]
fn the_deepest_types_survive_a_file() {
    let list: Nesting = (|inner| CqlType::List(Box::new(inner)), |inner| Value::List(vec![inner]));
    let tuple: Nesting = (|inner| CqlType::Tuple(vec![inner]), |inner| Value::Tuple(vec![inner]));
    for ((of_type, of_value), depth) in [(list, 15), (tuple, 31)] {
        let int = CqlType::from(NativeType::Int);
        let deep = (0..depth).fold(int, |inner, _| of_type(inner));
        let value = (0..depth).fold(Value::Int(1), |inner, _| of_value(inner));
        let specs = [ColumnSpec::new("ks", "t", "deep", deep.clone())];
        let rows = [vec![value]];
        assert_round_trips(&specs, &rows, &[&rows], FileCompression::None);
        let specs = [ColumnSpec::new("ks", "t", "deep", of_type(deep))];
        let error = write(&specs, &[], FileCompression::None).unwrap_err();
        assert!(error.to_string().contains("levels, more than 32"), "{error}");
    }
}

/// A load opens a file again at its turn.
#[test]
fn a_file_whose_schema_changes_before_its_turn_is_an_error() {
    let file = twelve_bytes(int96(0, 0));
    let specs = columns(&[("at", "timestamp")]);
    let open = || {
        let open = ParquetFile::open(file.path()).unwrap();
        let indexes: Vec<_> = open.fields().map(|name| (name == "at").then_some(0)).collect();
        open.read(&specs, &indexes).unwrap()
    };
    assert!(open().rows_after(0).is_ok());
    let reader = open();
    std::fs::copy(fixture("int96.parquet"), file.path()).unwrap();
    let error = reader.rows_after(0).unwrap_err().to_string();
    assert!(error.contains("its schema has changed since the load began"), "{error}");
    let reader = open();
    std::fs::remove_file(file.path()).unwrap();
    assert!(reader.rows_after(0).is_err());
}

/// Rows of 1 MiB that repeat one text are few bytes in the file.
#[test]
fn long_rows_are_read_a_few_at_a_time() {
    let specs = columns(&[("id", "int"), ("t", "text")]);
    let row = |id: i32, length: usize| vec![Value::Int(id), Value::Text("x".repeat(length))];
    let long: Vec<_> = (0..200).map(|id| row(id, 1 << 20)).collect();
    let short: Vec<_> = (200..5_000).map(|id| row(id, 1)).collect();
    let mut writer = ParquetWriter::new(Vec::new(), &specs, FileCompression::Zstd).unwrap();
    for rows in [&short[..3_000], &long[..], &short[3_000..]] {
        rows.chunks(100).for_each(|rows| writer.write_page(&page(&specs, rows)).unwrap());
    }
    let content = writer.finish().unwrap();
    assert!(content.len() < 1 << 20, "{}", content.len());
    let file = saved(&content);
    let file = ParquetFile::open(file.path()).unwrap();
    assert_eq!(file.rows(), 5_000);
    let mut rows = file.read(&specs, &[Some(0), Some(1)]).unwrap().rows_after(0).unwrap();
    let (mut ids, mut largest, mut parts) = (Vec::new(), 0, 0);
    loop {
        let mut bytes = 0;
        let mut push = |row: ParquetRow| {
            let values = row.values.unwrap();
            let [MaybeUnset::Set(Value::Int(id)), MaybeUnset::Set(Value::Text(text))] = &values[..]
            else {
                panic!("{values:?}")
            };
            ids.push(*id);
            bytes += text.len();
            ControlFlow::Continue(())
        };
        if !rows.read_batch(&mut push).unwrap() {
            break;
        }
        (largest, parts) = (largest.max(bytes), parts + 1);
    }
    let expected: Vec<i32> = (200..3_200).chain(0..200).chain(3_200..5_000).collect();
    assert_eq!(ids, expected);
    assert!(parts < 1_000, "{parts}");
    assert!(largest <= 64 << 20, "{largest}");
}
