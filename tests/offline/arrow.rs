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
use cqlwire::arrow::{CQL_TYPE_KEY, RecordBatchBuilder, RecordBatchError, schema};
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

/// Compares values of which NaN equals itself.
fn assert_same(found: &[Vec<Value>], expected: &[Vec<Value>]) {
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() })]

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
        match builder.append(&corrupt) {
            Ok(()) => prop_assert_eq!(builder.len(), len + whole.count),
            Err(RecordBatchError::Row(_)) => {
                prop_assert_eq!(builder.len(), len);
                // Only the bits of nulls may remain.
                prop_assert!(builder.byte_len() <= byte_len + len.div_ceil(8) * 64);
                builder.append(&whole).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
        let batch = builder.finish().unwrap();
        assert_same(&read_all(&batch.slice(0, len), &columns), &rows);
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
        let is_uuid = cql_type.to_string().ends_with("uuid");
        let extension = field.metadata().get(EXTENSION_TYPE_NAME_KEY);
        assert_eq!(extension.map(String::as_str), is_uuid.then_some("arrow.uuid"));
    }
}
