//! Rows survive a file: any value of any type in each format, and files that are cut off or damaged.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use cqlwire::bulk::{
    CsvDialect, Format, InputPlace, InputRecord, RawRow, RecordReader, Renames, RowParser,
    RowWriter, parse_header,
};
use cqlwire::types::{ColumnSpec, CqlType, MaybeUnset, NativeType, RowIter, Value, ValuesBuffer};
use cqlwire::wire::{Version, Writer};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::strategies::{cql_type, value};

/// An input that returns `piece` bytes at a time.
struct Pieces<'a> {
    rest: &'a [u8],
    piece: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.piece.min(self.rest.len()).min(buffer.len());
        let (read, rest) = self.rest.split_at(count);
        buffer[..count].copy_from_slice(read);
        self.rest = rest;
        Ok(count)
    }
}

type Row = Result<Vec<MaybeUnset<Value>>, String>;

/// Returns the rows of a file with their places and raw records.
fn read(
    file: &[u8],
    piece: usize,
    format: Format,
    dialect: &CsvDialect,
    columns: &[ColumnSpec],
) -> Vec<(InputPlace, Vec<u8>, Row)> {
    let mut records = RecordReader::new(Pieces { rest: file, piece }, format, dialect);
    let mut indexes = Ok((0..columns.len()).map(Some).collect());
    if format == Format::Csv && dialect.has_header {
        let Some(header) = records.next_record().unwrap() else { return Vec::new() };
        indexes = parse_header(&header).and_then(|names| {
            Renames::default().columns(names.iter().map(String::as_str), columns)
        });
    }
    let parser = match (format, indexes) {
        (Format::Csv, Ok(indexes)) => RowParser::csv(columns, indexes, dialect),
        (Format::Csv, Err(_)) => return Vec::new(),
        _ => RowParser::json(columns, Renames::default()),
    };
    let mut rows = Vec::new();
    while let Some(record) = records.next_record().unwrap() {
        let row = parser.parse(&record);
        for parser in [parser.clone(), parser.clone().nulls_unset(true)] {
            let row = parser.parse(&record);
            assert_eq!(encode(&parser, &record), row.map(|row| encoded(&row, columns)));
        }
        rows.push((record.place, record.raw.to_vec(), row));
    }
    rows
}

/// Returns the values that the parser encodes.
fn encode(parser: &RowParser, record: &InputRecord<'_>) -> Result<Vec<u8>, String> {
    let mut values = b"before".to_vec();
    let result = parser.encode(record, &mut values);
    let values = values.strip_prefix(b"before").unwrap().to_vec();
    result.map(|()| values)
}

/// Returns the encoded values of a row.
fn encoded(row: &[MaybeUnset<Value>], columns: &[ColumnSpec]) -> Vec<u8> {
    let mut buffer = ValuesBuffer::new();
    let mut values = Vec::new();
    let bound = buffer.bind(row, columns).unwrap();
    bound.encode(&mut Writer::new(&mut values), Version::V4).unwrap();
    // Without their number.
    values.split_off(2)
}

fn dialects() -> Vec<CsvDialect> {
    vec![
        CsvDialect::default(),
        CsvDialect { escape: Some(b'\\'), ..CsvDialect::default() },
        CsvDialect { delimiter: b';', null: "NULL".into(), ..CsvDialect::default() },
        CsvDialect { delimiter: b'\t', quote: b'\'', has_header: false, ..CsvDialect::default() },
        CsvDialect {
            null: "0".into(),
            escape: Some(b'\\'),
            has_header: false,
            ..CsvDialect::default()
        },
    ]
}

/// Returns each format, CSV in several dialects.
fn formats() -> Vec<(Format, CsvDialect)> {
    let csv = dialects().into_iter().map(|dialect| (Format::Csv, dialect));
    csv.chain([(Format::JsonLines, CsvDialect::default())]).collect()
}

fn write(
    format: Format,
    dialect: &CsvDialect,
    columns: &[ColumnSpec],
    rows: &[Vec<Value>],
) -> Vec<u8> {
    let writer = RowWriter::new(format, dialect, columns);
    let mut file = Vec::new();
    writer.write_header(&mut file);
    rows.iter().for_each(|row| writer.write_values(row, &mut file));
    // Rows of undecoded cells give the same file.
    let (mut page, mut by_cell) = (Vec::new(), Vec::new());
    for (value, column) in rows.iter().flat_map(|row| row.iter().zip(columns)) {
        value.encode(&column.cql_type, &mut Writer::new(&mut page)).unwrap();
    }
    writer.write_header(&mut by_cell);
    let page = Bytes::from(page);
    for row in RowIter::<RawRow<'_>>::new(&page, columns, rows.len()).unwrap() {
        writer.write_row(&row.unwrap(), &mut by_cell).unwrap();
    }
    assert_eq!(by_cell.escape_ascii().to_string(), file.escape_ascii().to_string());
    file
}

/// Returns the value as it is after a file: all NaN are one, and in JSON user-defined types have all of their fields.
fn expected(value: &Value, format: Format) -> Value {
    let all = |values: &[Value]| values.iter().map(|value| expected(value, format)).collect();
    match value {
        Value::Double(number) if number.is_nan() => Value::Double(f64::NAN),
        Value::Float(number) if number.is_nan() => Value::Float(f32::NAN),
        Value::List(values) => Value::List(all(values)),
        Value::Set(values) => Value::Set(all(values)),
        Value::Vector(values) => Value::Vector(all(values)),
        Value::Tuple(values) => Value::Tuple(all(values)),
        Value::Map(entries) => {
            let entry =
                |(key, value): &(Value, Value)| (expected(key, format), expected(value, format));
            Value::Map(entries.iter().map(entry).collect())
        }
        Value::Udt { udt, fields } => {
            let mut fields: Vec<Value> = all(fields);
            if format == Format::JsonLines {
                fields.resize(udt.fields.len(), Value::Null);
            }
            Value::Udt { udt: Arc::clone(udt), fields }
        }
        value => value.clone(),
    }
}

fn column(index: usize, cql_type: &CqlType) -> ColumnSpec {
    let name = ["a", "B c", "é\"", "select"][index % 4];
    ColumnSpec::new("ks", "t", &format!("{name}{index}"), cql_type.clone())
}

fn assert_round_trips(columns: &[ColumnSpec], rows: &[Vec<Value>], piece: usize) {
    for (format, dialect) in formats() {
        let file = write(format, &dialect, columns, rows);
        let shown = String::from_utf8_lossy(&file);
        let found = read(&file, piece, format, &dialect, columns);
        assert_eq!(found.len(), rows.len(), "{shown}");
        for ((place, raw, row), values) in found.iter().zip(rows) {
            let values = values.iter().map(|value| MaybeUnset::Set(expected(value, format)));
            assert_eq!(row.as_ref(), Ok(&values.collect::<Vec<_>>()), "{shown}");
            let start = usize::try_from(place.offset).unwrap();
            assert_eq!(
                raw.escape_ascii().to_string(),
                file[start..start + raw.len()].escape_ascii().to_string()
            );
            let lines = file[..start].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(place.line, lines as u64 + 1);
        }
    }
}

/// Text with the bytes that matter in a file.
fn hard_text() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "\"",
        "\\",
        ",",
        ";",
        "|",
        "\t",
        "\n",
        "\r",
        "\r\n",
        "'",
        " ",
        "\0",
        "\u{feff}",
        "NULL",
        "0",
        "\\N",
        "a",
        "é",
        "\u{10ffff}",
        "{",
        "null",
        "\u{7f}",
        "\u{2028}",
    ]);
    vec(part, 0..6).prop_map(|parts| parts.concat())
}

/// Columns of any types, and at most `max_rows` rows of them with nulls and empty values.
pub(crate) fn table(max_rows: usize) -> impl Strategy<Value = (Vec<ColumnSpec>, Vec<Vec<Value>>)> {
    vec(cql_type(), 1..4).prop_flat_map(move |types| {
        let cell = |cql_type: &CqlType| {
            let is_bytes = matches!(
                cql_type,
                CqlType::Custom(_) | CqlType::Native(NativeType::Blob | NativeType::Unknown(_))
            );
            let other = if cql_type.is_text() || is_bytes { Value::Null } else { Value::Empty };
            prop_oneof![6 => value(cql_type), 1 => Just(Value::Null), 1 => Just(other)]
        };
        let columns =
            types.iter().enumerate().map(|(index, of)| column(index, of)).collect::<Vec<_>>();
        let row = types.iter().map(cell).collect::<Vec<_>>();
        (Just(columns), vec(row, 0..=max_rows))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// A record that is in memory as a whole is split without csv-core, if it is plain. Bytes that arrive one by one are
    /// parsed by csv-core, except the first three.
    #[test]
    fn records_do_not_depend_on_the_bytes_that_are_read_at_once(
        parts in vec(
            prop::sample::select(vec![
                "a", "b", "0", ",", ",", ";", "\t", "'", "\"", "\"", "\"\"", "\\", "\r", "\n", "\n", "\r\n", "\u{feff}",
                "\"a\"", "\"a,b\"",
            ]),
            0..60,
        ),
        count in 1..4_usize,
    ) {
        let file = parts.concat();
        let text = NativeType::Text.into();
        let columns: Vec<_> = (0..count).map(|index| column(index, &text)).collect();
        for dialect in dialects() {
            let dialect = CsvDialect { has_header: false, ..dialect };
            let read = |piece| read(file.as_bytes(), piece, Format::Csv, &dialect, &columns);
            prop_assert_eq!(read(file.len().max(1)), read(1), "{:?} {:?}", dialect, file);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..Default::default() })]

    #[test]
    fn any_value_of_any_type_survives_a_file((columns, rows) in table(3), piece in 1_usize..40) {
        assert_round_trips(&columns, &rows, piece);
    }

    #[test]
    fn any_text_survives_a_file(
        texts in vec(proptest::option::of(hard_text()), 1..8),
        width in 1_usize..4,
        piece in 1_usize..9,
    ) {
        let columns: Vec<_> = (0..width).map(|index| column(index, &NativeType::Text.into())).collect();
        let rows: Vec<Vec<Value>> = texts
            .chunks_exact(width)
            .map(|row| row.iter().cloned().map(Value::from).collect())
            .collect();
        assert_round_trips(&columns, &rows, piece);
        let list: CqlType = "list<frozen<map<text, text>>>".parse().unwrap();
        let pair = |text: &Option<String>| {
            let text = text.clone().unwrap_or_default();
            Value::Map(vec![(Value::Text(text.clone()), Value::Text(text))])
        };
        assert_round_trips(&[column(0, &list)], &[vec![Value::List(texts.iter().map(pair).collect())]], piece);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        pieces in vec(
            prop_oneof![
                hard_text().prop_map(String::into_bytes),
                vec(any::<u8>(), 0..5),
                Just(b"{\"a0\":1}\n".to_vec()),
                Just(b"1,\"x\"\n".to_vec()),
            ],
            0..20,
        ),
        piece in 1_usize..9,
    ) {
        let file = pieces.concat();
        let columns = [column(0, &NativeType::Int.into()), column(1, &NativeType::Text.into())];
        for (format, dialect) in formats() {
            let rows = read(&file, piece, format, &dialect, &columns);
            let all = read(&file, usize::MAX, format, &dialect, &columns);
            prop_assert_eq!(&rows, &all);
            prop_assert!(rows.is_sorted_by(|row, next| row.0 < next.0));
            for (place, raw, _) in &rows {
                let start = usize::try_from(place.offset).unwrap();
                prop_assert_eq!(&file[start..start + raw.len()], &raw[..]);
            }
        }
    }
}

fn people() -> [ColumnSpec; 2] {
    [("id", NativeType::Int), ("name", NativeType::Text)]
        .map(|(name, native)| ColumnSpec::new("ks", "t", name, native))
}

/// Returns the line and the values of each row, or the reason why it is none.
fn shown(file: &[u8], format: Format, dialect: &CsvDialect) -> Vec<String> {
    let rows = read(file, usize::MAX, format, dialect, &people());
    let show = |(place, _, row): &(InputPlace, Vec<u8>, Row)| {
        let values = row.as_ref().map(|values| {
            let show = |value: &MaybeUnset<Value>| match value {
                MaybeUnset::Unset => "unset".to_owned(),
                MaybeUnset::Set(value) => value.to_string(),
            };
            values.iter().map(show).collect::<Vec<_>>().join(" ")
        });
        format!("{}: {}", place.line, values.unwrap_or_else(Clone::clone))
    };
    rows.iter().map(show).collect()
}

fn shown_csv(file: &str) -> Vec<String> {
    shown(file.as_bytes(), Format::Csv, &CsvDialect::default())
}

#[test]
fn csv_of_other_programs_is_read() {
    let expected = ["2: 1 'a'", "3: 2 ''", "4: null null", "6: 5 'x\ny'", "8: 6 ' b '"];
    for file in [
        "id,name\n1,a\n2,\"\"\n\"\",\n\n5,\"x\ny\"\n6, b \n",
        "\u{feff}id,name\n1,a\n2,\"\"\n\"\",\n\n5,\"x\ny\"\n6, b ",
        "\u{feff}\"id\",\"name\"\n\"1\",\"a\"\n\"2\",\"\"\n\"\",\n\n\"5\",\"x\ny\"\n\"6\",\" b \"\n",
        "id,name\r\n1,a\r\n2,\"\"\r\n\"\",\r\n\r\n5,\"x\ny\"\r\n6, b \r\n",
    ] {
        assert_eq!(shown_csv(file), expected, "{file:?}");
    }
    assert_eq!(shown_csv("name,id\nada,1\n"), ["2: 1 'ada'"]);
    // Empty lines are not rows, also in a file of one column.
    let one = [ColumnSpec::new("ks", "t", "name", NativeType::Text)];
    let file = b"name\n\na\n\n\"\"\n\\N\n";
    let rows = read(file, usize::MAX, Format::Csv, &CsvDialect::default(), &one);
    let rows: Vec<_> = rows.into_iter().map(|(place, _, row)| (place.line, row.unwrap())).collect();
    let text = |text: &str| vec![MaybeUnset::Set(Value::Text(text.to_owned()))];
    assert_eq!(rows, [(3, text("a")), (5, text("")), (6, vec![MaybeUnset::Set(Value::Null)])]);
    assert_eq!(shown_csv(""), [""; 0]);
    assert_eq!(shown_csv("id,name"), [""; 0]);
    let cqlsh = CsvDialect { escape: Some(b'\\'), has_header: false, ..CsvDialect::default() };
    let file = b"1,say \\\"hi\\\"\n2,\"a, \\\"b\\\"\"\n3,a\\\\b\n";
    let expected = ["1: 1 'say \"hi\"'", "2: 2 'a, \"b\"'", "3: 3 'a\\b'"];
    assert_eq!(shown(file, Format::Csv, &cqlsh), expected);
    // The text `a\b`, a line break, and a comma.
    let cqlsh = CsvDialect { has_value_escapes: true, ..cqlsh };
    let file = b"1,\"a\\\\\\\\b\\\\n,\"\n2,a\\\\\\\\b\\\\n\n";
    assert_eq!(shown(file, Format::Csv, &cqlsh), ["1: 1 'a\\b\n,'", "2: 2 'a\\b\n'"]);
}

#[test]
fn a_record_that_does_not_parse_as_a_row_is_an_error_and_the_next_is_read() {
    assert_eq!(
        shown_csv("id,name\n1\nx,a\n2,b,c\n3,c\n4,\"d\ne,f\n"),
        [
            "2: 1 field instead of 2",
            "3: column \"id\" of type `int`: \"x\" is not a value: at byte 0: expected a whole number, found \"x\"",
            "4: 3 fields instead of 2",
            "5: 3 'c'",
            "6: the file ends before the closing quote of a field",
        ]
    );
    assert_eq!(
        shown(b"id,name\n1,\xff\n2,b\n", Format::Csv, &CsvDialect::default()),
        ["2: column \"name\" of type `text`: the text is not UTF-8", "3: 2 'b'"]
    );
    let lines = "{\"id\": 1}\n \n{\"id\": 2, \"name\": null}\r\n[1]\n{\"id\": 3\n{\"nmae\": 1}\n{\"ID\": 4, \"id\": 4}\n{\"id\": 4, \"id\": 4}\n{\"id\": 5, \"name\": \"a\"}";
    assert_eq!(
        shown(lines.as_bytes(), Format::JsonLines, &CsvDialect::default()),
        [
            "1: 1 unset",
            "3: 2 null",
            "4: the line is not a JSON object",
            "5: invalid JSON: EOF while parsing an object at byte 8",
            "6: there is no column \"nmae\" among id, name; use --map nmae=COLUMN, or --map nmae= to skip the field",
            "7: two keys are for column \"id\"",
            "8: two keys are for column \"id\"",
            "9: 5 'a'",
        ]
    );
}

#[test]
fn text_after_a_closing_quote_is_an_error() {
    let reason = "text follows the closing quote of a field";
    let cqlsh = CsvDialect { escape: Some(b'\\'), ..CsvDialect::default() };
    for (dialect, records) in [
        (
            CsvDialect::default(),
            &["1,\"a\"b", "\"1\" ,b", "\"1\"\"\"2,b", "1,\"a\"b\"", "1,\"a\\\"b\""][..],
        ),
        (cqlsh.clone(), &["1,\"a\"\"b\"", "1,\"a\\\\\"b", "\"1\"\"\",b"]),
    ] {
        for record in records {
            for line_break in ["\n", "\r\n"] {
                let file = ["id,name", record, "2,\"c\"", ""].join(line_break);
                let expected = [format!("2: {reason}"), "3: 2 'c'".to_owned()];
                assert_eq!(shown(file.as_bytes(), Format::Csv, &dialect), expected, "{record}");
            }
        }
    }
    let valid = "id,name\n\"1\",\"a\"\"\"\n2,\"\"\"\"\n3,a\"b\"\n4,\"\n,\"\n";
    assert_eq!(shown_csv(valid), ["2: 1 'a\"'", "3: 2 '\"'", "4: 3 'a\"b\"'", "5: 4 '\n,'"]);
    let valid = b"id,name\n\"1\",\"a\\\"b\"\n2,\"a\\\\\"\n";
    assert_eq!(shown(valid, Format::Csv, &cqlsh), ["2: 1 'a\"b'", "3: 2 'a\\'"]);
}

#[test]
fn every_prefix_of_a_file_gives_its_complete_rows() {
    let columns = people();
    let rows: Vec<Vec<Value>> = (0..20)
        .map(|id| vec![Value::Int(id * 1_000), Value::Text(format!("n \"{id}\",\n{{x}}"))])
        .collect();
    for (format, dialect) in formats() {
        let file = write(format, &dialect, &columns, &rows);
        for end in 0..file.len() {
            let found = read(&file[..end], 7, format, &dialect, &columns);
            let (last, complete) = match found.split_last() {
                Some((last, complete)) => (Some(last), complete),
                None => (None, &[][..]),
            };
            for ((_, _, row), values) in complete.iter().zip(&rows) {
                let values: Vec<_> = values.iter().cloned().map(MaybeUnset::Set).collect();
                assert_eq!(row.as_ref(), Ok(&values));
            }
            // The last row is complete or an error. A CSV record without its line break may have lost its end.
            if let Some((_, raw, row)) = last {
                let values: Vec<_> =
                    rows[complete.len()].iter().cloned().map(MaybeUnset::Set).collect();
                let is_whole = row.as_ref() == Ok(&values);
                let may_be_cut = format == Format::Csv && file[end - 1] != b'\n';
                assert!(is_whole || row.is_err() || may_be_cut, "{}", raw.escape_ascii());
            }
        }
    }
}

#[test]
fn a_last_record_without_a_line_break_is_marked() {
    for (file, is_terminated) in [("1,a\n2,b\n", true), ("1,a\r", true), ("1,a\n2,b", false)] {
        for format in [Format::Csv, Format::JsonLines] {
            let dialect = CsvDialect::default();
            let mut records = RecordReader::new(file.as_bytes(), format, &dialect);
            let mut last = true;
            while let Some(record) = records.next_record().unwrap() {
                assert!(last, "only the last record may lack its line break");
                last = record.is_terminated;
            }
            assert_eq!(last, is_terminated);
        }
    }
}

#[test]
fn a_record_beyond_the_limit_is_an_error_and_the_next_is_read() {
    let long = "x".repeat(3_000_000);
    for (format, dialect, file) in [
        (
            Format::Csv,
            CsvDialect::default(),
            format!("id,name\n1,a\n2,{long}\n3,\"{long}\n,\"\n4,d\n"),
        ),
        (
            Format::JsonLines,
            CsvDialect::default(),
            format!("{{\"id\": 2, \"name\": \"{long}\"}}\n{{\"id\": 4}}\n"),
        ),
    ] {
        let mut records = RecordReader::new(file.as_bytes(), format, &dialect).limit(1_000_000);
        let mut lengths = Vec::new();
        while let Some(record) = records.next_record().unwrap() {
            lengths.push((record.place.line, record.raw.len()));
        }
        match format {
            Format::Csv => assert_eq!(lengths, [(1, 7), (2, 3), (3, 65_536), (4, 65_536), (6, 3)]),
            _ => assert_eq!(lengths, [(1, 65_536), (2, 9)]),
        }
    }
}
