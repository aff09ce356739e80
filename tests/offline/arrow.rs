//! Record batches hold what the rows hold: every type, compared value by value with `Value`s, and pages that are
//! invalid or truncated at every byte.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64NanosecondType, TimestampMillisecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_buffer::IntervalMonthDayNano;
use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use cqlwire::arrow::{CQL_TYPE_KEY, RecordBatchBuilder, RecordBatchError, record_batch, schema};
use cqlwire::message::{Rows, RowsMetadata};
use cqlwire::types::{
    ColumnSpec, CqlType, Date, Duration, NativeType, Time, Timestamp, UdtType, Value,
};
use cqlwire::wire::Writer;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::strategies::{cql_type, value};

fn columns(types: &[CqlType]) -> Vec<ColumnSpec> {
    let column = |(index, cql_type): (usize, &CqlType)| {
        ColumnSpec::new("ks", "t", &format!("c{index}"), cql_type.clone())
    };
    types.iter().enumerate().map(column).collect()
}

fn page(columns: &[ColumnSpec], rows: &[Vec<Value>]) -> Rows {
    let mut content = Vec::new();
    for row in rows {
        for (value, column) in row.iter().zip(columns) {
            value.encode(&column.cql_type, &mut Writer::new(&mut content)).unwrap();
        }
    }
    raw_page(columns, rows.len(), content)
}

fn raw_page(columns: &[ColumnSpec], count: usize, content: Vec<u8>) -> Rows {
    Rows { metadata: RowsMetadata::new(columns), count, content: content.into() }
}

/// Reads the value at `index` of an array. Empty values have become null.
fn read(array: &dyn Array, index: usize, cql_type: &CqlType) -> Value {
    if array.is_null(index) {
        return Value::Null;
    }
    let elements = |array: &dyn Array, cql_type: &CqlType| -> Vec<Value> {
        (0..array.len()).map(|index| read(array, index, cql_type)).collect()
    };
    let text = |array: &dyn Array| array.as_string::<i32>().value(index).to_owned();
    match cql_type {
        CqlType::List(element) => {
            Value::List(elements(&array.as_list::<i32>().value(index), element))
        }
        CqlType::Set(element) => {
            Value::Set(elements(&array.as_list::<i32>().value(index), element))
        }
        CqlType::Map(types) => {
            let entries = array.as_map().value(index);
            let keys = elements(entries.column(0), &types.0);
            Value::Map(keys.into_iter().zip(elements(entries.column(1), &types.1)).collect())
        }
        CqlType::Tuple(types) => Value::Tuple(fields(array, index, types.iter())),
        CqlType::Udt(udt) => Value::Udt {
            udt: Arc::clone(udt),
            fields: fields(array, index, udt.fields.iter().map(|(_, field)| field)),
        },
        CqlType::Vector(vector) => {
            Value::Vector(elements(&array.as_fixed_size_list().value(index), &vector.element))
        }
        CqlType::Native(native) => match native {
            NativeType::Ascii => Value::Ascii(text(array)),
            NativeType::Text => Value::Text(text(array)),
            NativeType::BigInt => Value::BigInt(array.as_primitive::<Int64Type>().value(index)),
            NativeType::Counter => Value::Counter(array.as_primitive::<Int64Type>().value(index)),
            NativeType::Blob => Value::Blob(array.as_binary::<i32>().value(index).to_vec().into()),
            NativeType::Boolean => Value::Boolean(array.as_boolean().value(index)),
            NativeType::Date => Value::Date(Date(array.as_primitive::<Date32Type>().value(index))),
            NativeType::Decimal => Value::Decimal(text(array).parse().unwrap()),
            NativeType::Double => Value::Double(array.as_primitive::<Float64Type>().value(index)),
            NativeType::Duration => {
                let IntervalMonthDayNano { months, days, nanoseconds } =
                    array.as_primitive::<IntervalMonthDayNanoType>().value(index);
                Value::Duration(Duration { months, days, nanoseconds })
            }
            NativeType::Float => Value::Float(array.as_primitive::<Float32Type>().value(index)),
            NativeType::Inet => Value::Inet(text(array).parse().unwrap()),
            NativeType::Int => Value::Int(array.as_primitive::<Int32Type>().value(index)),
            NativeType::SmallInt => Value::SmallInt(array.as_primitive::<Int16Type>().value(index)),
            NativeType::Time => {
                Value::Time(Time(array.as_primitive::<Time64NanosecondType>().value(index)))
            }
            NativeType::Timestamp => Value::Timestamp(Timestamp(
                array.as_primitive::<TimestampMillisecondType>().value(index),
            )),
            NativeType::TinyInt => Value::TinyInt(array.as_primitive::<Int8Type>().value(index)),
            NativeType::Uuid => Value::Uuid(uuid(array, index)),
            NativeType::TimeUuid => Value::TimeUuid(uuid(array, index)),
            NativeType::Varint => Value::Varint(text(array).parse().unwrap()),
            other => panic!("{other}"),
        },
        _ => Value::Custom(array.as_binary::<i32>().value(index).to_vec().into()),
    }
}

fn uuid(array: &dyn Array, index: usize) -> uuid::Uuid {
    uuid::Uuid::from_slice(array.as_fixed_size_binary().value(index)).unwrap()
}

fn fields<'t>(
    array: &dyn Array,
    index: usize,
    types: impl Iterator<Item = &'t CqlType>,
) -> Vec<Value> {
    let columns = array.as_struct().columns();
    columns.iter().zip(types).map(|(column, field)| read(column, index, field)).collect()
}

fn read_all(batch: &RecordBatch, columns: &[ColumnSpec]) -> Vec<Vec<Value>> {
    let row = |index| {
        let cells = batch.columns().iter().zip(columns);
        cells.map(|(array, column)| read(array, index, &column.cql_type)).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

/// Generates types of columns, and rows of them with nulls.
fn tables() -> impl Strategy<Value = (Vec<CqlType>, Vec<Vec<Value>>)> {
    vec(cql_type(), 0..5).prop_flat_map(|types| {
        let cell = |cql_type| prop_oneof![4 => value(cql_type), 1 => Just(Value::Null)].boxed();
        let row = types.iter().map(cell).collect::<Vec<_>>();
        (Just(types), vec(row, 0..200))
    })
}

/// Returns a value as a record batch represents it: nulls instead of empty values and of the fields that a value lacks,
/// and numbers in their shortest form.
fn represented(value: Value, cql_type: &CqlType) -> Value {
    let all = |values: Vec<Value>, of: &CqlType| -> Vec<Value> {
        values.into_iter().map(|value| represented(value, of)).collect()
    };
    let fields = |values: Vec<Value>, types: &mut dyn Iterator<Item = &CqlType>| -> Vec<Value> {
        let values = values.into_iter().chain(std::iter::repeat(Value::Null));
        types.zip(values).map(|(field, value)| represented(value, field)).collect()
    };
    match (value, cql_type) {
        (Value::Empty, _) => Value::Null,
        (Value::Decimal(number), _) => Value::Decimal(number.to_string().parse().unwrap()),
        (Value::Varint(number), _) => Value::Varint(number.to_string().parse().unwrap()),
        (Value::List(values), CqlType::List(element)) => Value::List(all(values, element)),
        (Value::Set(values), CqlType::Set(element)) => Value::Set(all(values, element)),
        (Value::Vector(values), CqlType::Vector(of)) => Value::Vector(all(values, &of.element)),
        (Value::Map(entries), CqlType::Map(types)) => {
            let entry = |(key, value)| (represented(key, &types.0), represented(value, &types.1));
            Value::Map(entries.into_iter().map(entry).collect())
        }
        (Value::Tuple(values), CqlType::Tuple(types)) => {
            Value::Tuple(fields(values, &mut types.iter()))
        }
        (Value::Udt { udt, fields: values }, _) => {
            let fields = fields(values, &mut udt.fields.iter().map(|(_, field)| field));
            Value::Udt { udt, fields }
        }
        (value, _) => value,
    }
}

/// Compares values of which NaN equals itself.
fn assert_same(found: &[Vec<Value>], expected: &[Vec<Value>]) {
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn batches_hold_the_values_of_their_pages((types, rows) in tables(), split in 0..200_usize) {
        let columns = columns(&types);
        let (first, second) = rows.split_at(split.min(rows.len()));
        let mut builder = RecordBatchBuilder::new(&columns).unwrap();
        for _ in 0..2 {
            builder.append(&page(&columns, first)).unwrap();
            builder.append(&page(&columns, second)).unwrap();
            prop_assert_eq!(builder.len(), rows.len());
            let batch = builder.finish().unwrap();
            prop_assert!(builder.is_empty() && builder.byte_len() == 0);
            assert_same(&read_all(&batch, &columns), &rows);
            prop_assert_eq!(batch.schema_ref(), builder.schema());
            prop_assert_eq!(&schema(&columns).unwrap(), &**builder.schema());
        }
        prop_assert_eq!(builder.empty_values(), 0);
    }

    #[test]
    fn a_page_with_an_error_leaves_the_batch_as_it_was(
        (types, rows) in tables(),
        cut in any::<prop::sample::Index>(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let columns = columns(&types);
        let whole = page(&columns, &rows);
        let mut content = whole.content.to_vec();
        if !content.is_empty() {
            content.truncate(cut.index(content.len() + 1));
        }
        for (index, byte) in flips {
            if let Some(last) = content.len().checked_sub(1) {
                content[index.index(last + 1)] ^= byte;
            }
        }
        let corrupt = raw_page(&columns, whole.count, content);
        let mut builder = RecordBatchBuilder::new(&columns).unwrap();
        builder.append(&whole).unwrap();
        let (len, byte_len) = (builder.len(), builder.byte_len());
        let second = match builder.append(&corrupt) {
            Ok(()) => {
                prop_assert_eq!(builder.len(), len + whole.count);
                let values: Result<Vec<_>, _> = corrupt.rows::<Vec<Value>>().unwrap().collect();
                // Only duplicate elements are no error in Arrow.
                values.ok().map(|rows| {
                    let row = |row: Vec<Value>| {
                        row.into_iter().zip(&types).map(|(value, of)| represented(value, of)).collect()
                    };
                    rows.into_iter().map(row).collect::<Vec<Vec<_>>>()
                })
            }
            Err(RecordBatchError::Row(_)) => {
                prop_assert_eq!(builder.len(), len);
                // Only the bits of nulls may remain.
                prop_assert!(builder.byte_len() <= byte_len + len.div_ceil(8) * 64);
                builder.append(&whole).unwrap();
                Some(rows.clone())
            }
            Err(error) => panic!("{error}"),
        };
        let batch = builder.finish().unwrap();
        let found = read_all(&batch, &columns);
        assert_same(&found[..len], &rows);
        if let Some(second) = second {
            assert_same(&found[len..], &second);
        }
        for column in batch.columns() {
            column.to_data().validate_full().unwrap();
        }
    }
}

/// A column for each type, with the text of its Arrow type.
const TYPES: [(&str, &str); 29] = [
    ("ascii", "Utf8"),
    ("text", "Utf8"),
    ("blob", "Binary"),
    ("'com.example.Point'", "Binary"),
    ("boolean", "Boolean"),
    ("tinyint", "Int8"),
    ("smallint", "Int16"),
    ("int", "Int32"),
    ("bigint", "Int64"),
    ("counter", "Int64"),
    ("float", "Float32"),
    ("double", "Float64"),
    ("decimal", "Utf8"),
    ("varint", "Utf8"),
    ("uuid", "FixedSizeBinary(16)"),
    ("timeuuid", "FixedSizeBinary(16)"),
    ("inet", "Utf8"),
    ("date", "Date32"),
    ("time", "Time64(ns)"),
    ("timestamp", "Timestamp(ms, \"UTC\")"),
    ("duration", "Interval(MonthDayNano)"),
    ("list<int>", "List(Int32)"),
    ("set<int>", "List(Int32)"),
    (
        "map<text, int>",
        "Map(\"entries\": non-null Struct(\"key\": non-null Utf8, \"value\": Int32), unsorted)",
    ),
    ("tuple<int, text>", "Struct(\"0\": Int32, \"1\": Utf8)"),
    ("ks.address", "Struct(\"Street\": Utf8, \"city\": Utf8)"),
    ("vector<float, 2>", "FixedSizeList(2 x Float32)"),
    ("list<vector<tuple<uuid>, 1>>", "List(FixedSizeList(1 x Struct(\"0\": FixedSizeBinary(16))))"),
    (
        "map<int, map<int, int>>",
        "Map(\"entries\": non-null Struct(\"key\": non-null Int32, \"value\": Map(\"entries\": non-null Struct(\"key\": non-null Int32, \"value\": Int32), unsorted)), unsorted)",
    ),
];

fn parse_type(text: &str) -> CqlType {
    let address = UdtType {
        keyspace: "ks".to_owned(),
        name: "address".to_owned(),
        fields: ["Street", "city"].map(|name| (name.to_owned(), NativeType::Text.into())).to_vec(),
    };
    let address = Arc::new(address);
    CqlType::parse_with(text, |_, name| (name == "address").then(|| Arc::clone(&address))).unwrap()
}

/// Returns the text of an Arrow type without the metadata of its fields.
fn without_metadata(data_type: &str) -> String {
    let mut parts = data_type.split(", metadata: {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('}').unwrap().1)
}

#[test]
fn every_type_has_its_arrow_type_and_its_cql_type_in_the_metadata() {
    let types = TYPES.map(|(cql_type, _)| parse_type(cql_type));
    let schema = schema(&columns(&types)).unwrap();
    for ((field, cql_type), (_, expected)) in schema.fields().iter().zip(&types).zip(TYPES) {
        assert_eq!(without_metadata(&field.data_type().to_string()), expected, "{cql_type}");
        assert!(field.is_nullable());
        assert_eq!(field.metadata()[CQL_TYPE_KEY], cql_type.to_string());
        let is_in_part = field.data_type().to_string().contains(CQL_TYPE_KEY);
        assert_eq!(is_in_part, matches!(cql_type, CqlType::Udt(_)), "{cql_type}");
        let is_uuid = cql_type.to_string().ends_with("uuid");
        let extension = field.metadata().get(EXTENSION_TYPE_NAME_KEY);
        assert_eq!(extension.map(String::as_str), is_uuid.then_some("arrow.uuid"));
    }
}

/// Returns the bytes of cells: `None` for null.
fn cells(cells: &[Option<&[u8]>]) -> Vec<u8> {
    let cell = |cell: &Option<&[u8]>| match cell {
        Some(bytes) => [&i32::try_from(bytes.len()).unwrap().to_be_bytes(), *bytes].concat(),
        None => vec![0xff; 4],
    };
    cells.iter().flat_map(cell).collect()
}

/// Returns the batch of one column with these cells.
fn batch_of(cql_type: &str, values: &[Option<&[u8]>]) -> Result<RecordBatch, RecordBatchError> {
    let columns = columns(&[parse_type(cql_type)]);
    record_batch(&raw_page(&columns, values.len(), cells(values)))
}

#[test]
fn dates_times_and_numbers_have_the_values_of_arrow() {
    let date =
        batch_of("date", &[Some(&[0x80, 0, 0, 1]), Some(&[0; 4]), Some(&[0xff; 4])]).unwrap();
    assert_eq!(date["c0"].as_primitive::<Date32Type>().values(), &[1, i32::MIN, i32::MAX]);
    let time = batch_of("time", &[Some(&[0, 0, 0, 0, 0, 0, 1, 0])]).unwrap();
    assert_eq!(time["c0"].as_primitive::<Time64NanosecondType>().values(), &[256]);
    let timestamp = batch_of("timestamp", &[Some(&[0xff; 8])]).unwrap();
    assert_eq!(timestamp["c0"].as_primitive::<TimestampMillisecondType>().values(), &[-1]);
    let duration = batch_of("duration", &[Some(&[2, 4, 6])]).unwrap();
    let duration = duration["c0"].as_primitive::<IntervalMonthDayNanoType>().value(0);
    assert_eq!(duration, IntervalMonthDayNano::new(1, 2, 3));
    let boolean = batch_of("boolean", &[Some(&[0]), Some(&[1]), Some(&[7]), None]).unwrap();
    let boolean: Vec<_> = boolean["c0"].as_boolean().iter().collect();
    assert_eq!(boolean, [Some(false), Some(true), Some(true), None]);
}

#[test]
fn numbers_without_a_bound_and_addresses_are_text() {
    for (cql_type, bytes, expected) in [
        ("decimal", &[0, 0, 0, 2, 0x6e][..], "1.10"),
        ("decimal", &[0xff, 0xff, 0xff, 0xfd, 0xfe], "-2E+3"),
        ("varint", &[1, 0, 0, 0, 0, 0, 0, 0, 0], "18446744073709551616"),
        ("inet", &[127, 0, 0, 1], "127.0.0.1"),
        ("inet", &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "2001:db8::1"),
    ] {
        let batch = batch_of(cql_type, &[Some(bytes), None]).unwrap();
        let values: Vec<_> = batch["c0"].as_string::<i32>().iter().collect();
        assert_eq!(values, [Some(expected), None]);
    }
}

#[test]
fn fields_that_a_value_lacks_are_null() {
    let one = cells(&[Some(b"Main")]);
    let two = cells(&[None, Some(b"Bonn")]);
    let batch = batch_of("ks.address", &[Some(&one), Some(&two), None]).unwrap();
    let address = batch["c0"].as_struct();
    let field = |name| address[name].as_string::<i32>().iter().collect::<Vec<_>>();
    assert_eq!(field("Street"), [Some("Main"), None, None]);
    assert_eq!(field("city"), [None, Some("Bonn"), None]);
    assert_eq!(address.nulls().unwrap().iter().collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn empty_values_become_null_and_are_counted() {
    let list = [&2_i32.to_be_bytes()[..], &cells(&[Some(&[]), None])].concat();
    for (cql_type, _) in TYPES {
        let columns = columns(&[parse_type(cql_type)]);
        let mut builder = RecordBatchBuilder::new(&columns).unwrap();
        builder.append(&raw_page(&columns, 3, cells(&[Some(&[]), None, Some(&[])]))).unwrap();
        let column = Arc::clone(builder.finish().unwrap().column(0));
        let is_value = ["ascii", "text", "blob", "'com.example.Point'"].contains(&cql_type);
        assert_eq!(builder.empty_values(), if is_value { 0 } else { 2 }, "{cql_type}");
        assert_eq!(column.null_count(), if is_value { 1 } else { 3 }, "{cql_type}");
    }
    let columns = columns(&[parse_type("list<int>")]);
    let mut builder = RecordBatchBuilder::new(&columns).unwrap();
    builder.append(&raw_page(&columns, 1, cells(&[Some(&list)]))).unwrap();
    assert_eq!(builder.empty_values(), 1);
    assert_eq!(builder.finish().unwrap()["c0"].as_list::<i32>().value(0).null_count(), 2);
}

#[test]
fn errors_name_the_row_the_column_and_the_type() {
    let mut values = vec![Some(&[0, 0, 0, 1][..]); 300];
    values[250] = Some(&[1, 2, 3]);
    let error = batch_of("int", &values).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read row 250, column 0 \"c0\" of type `int`: the value has 3 bytes, but its type takes 4"
    );
    for key in [None, Some(&[][..])] {
        let map = [&1_i32.to_be_bytes()[..], &cells(&[key, None])].concat();
        let error = batch_of("map<int, int>", &[None, Some(&map)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read row 1, column 0 \"c0\" of type `map<int, int>`: a key is null or empty, \
             which Arrow maps cannot represent"
        );
    }
    for (cql_type, bytes) in [
        ("text", &[0xc3][..]),
        ("ascii", "é".as_bytes()),
        ("boolean", &[0, 0]),
        ("time", &[0xff; 8]),
        ("duration", &[2, 1, 0]),
        ("inet", &[1; 5]),
        ("vector<float, 2>", &[0; 7]),
        ("vector<text, 2>", &[0]),
    ] {
        let error = batch_of(cql_type, &[None, None, Some(bytes)]).unwrap_err().to_string();
        assert!(error.starts_with("cannot read row 2, column 0"), "{error}");
    }
}

#[test]
fn a_page_that_ends_early_is_an_error_at_every_byte() {
    let types = TYPES.map(|(cql_type, _)| parse_type(cql_type));
    let columns = columns(&types);
    let nulls = vec![Value::Null; types.len()];
    let whole = page(&columns, &[nulls.clone(), nulls]);
    let mut builder = RecordBatchBuilder::new(&columns).unwrap();
    for end in 0..whole.content.len() {
        let cut = raw_page(&columns, 2, whole.content[..end].to_vec());
        let error = builder.append(&cut).unwrap_err().to_string();
        let cell = end / 4;
        let place = format!("row {}, column {} ", cell / types.len(), cell % types.len());
        assert!(
            error.contains(&place) && error.ends_with("ends inside one of its parts"),
            "{error}"
        );
        assert!(builder.is_empty());
    }
    builder.append(&whole).unwrap();
    assert_eq!(builder.finish().unwrap().num_rows(), 2);
}

#[test]
fn pages_with_other_columns_are_errors() {
    let of = |types: &[&str]| columns(&types.iter().map(|of| parse_type(of)).collect::<Vec<_>>());
    let columns = of(&["int"]);
    let mut builder = RecordBatchBuilder::new(&columns).unwrap();
    let error = builder.append(&raw_page(&of(&["int", "int"]), 0, vec![])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the page has 2 columns, but the record batch has 1; finish the batch and create another builder"
    );
    let error = builder.append(&raw_page(&of(&["text"]), 0, vec![])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column 0 of the page is \"c0\" of type `text`, but that of the record batch is \"c0\" of type \
         `int`; finish the batch and create another builder"
    );
    // The columns of a prepared statement stand for those that a page does not describe.
    let mut page = raw_page(&columns, 1, vec![0, 0, 0, 4, 0, 0, 0, 7]);
    page.metadata.columns = None;
    assert!(matches!(record_batch(&page), Err(RecordBatchError::NoColumns)));
    builder.append(&page).unwrap();
    assert_eq!(builder.finish().unwrap()["c0"].as_primitive::<Int32Type>().values(), &[7]);
    let error = RecordBatchBuilder::new(&of(&["vector<int, 3000000000>"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column \"c0\" has vectors of 3000000000 elements, which Arrow does not have; leave the column \
         out"
    );
}

#[test]
fn columns_of_one_name_and_rows_without_columns_are_kept() {
    let column = ColumnSpec::new("ks", "t", "Name", NativeType::TinyInt);
    let page = raw_page(&[column.clone(), column], 1, vec![0, 0, 0, 1, 7, 0, 0, 0, 1, 8]);
    let batch = record_batch(&page).unwrap();
    let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["Name", "Name"]);
    assert_eq!(batch.column(1).as_primitive::<Int8Type>().values(), &[8]);
    assert_eq!(record_batch(&raw_page(&[], 3, vec![])).unwrap().num_rows(), 3);
}
