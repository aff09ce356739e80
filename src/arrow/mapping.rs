//! The Arrow type of each CQL type, and the column that builds its arrays.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64NanosecondType, TimestampMillisecondType,
};
use arrow_array::{ArrowPrimitiveType, FixedSizeBinaryArray, PrimitiveArray};
use arrow_buffer::Buffer;
use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{DataType, Field, Fields, TimeUnit};

use super::boolean::BooleanColumn;
use super::bytes::{Blobs, BytesColumn, Displayed, Texts};
use super::collection::{ListColumn, MapColumn};
use super::column::Column;
use super::duration::DurationColumn;
use super::fixed::{fixed, primitive};
use super::structs::StructColumn;
use super::vector::VectorColumn;
use crate::types::{CqlType, Decimal, NativeType, Time, Varint};

/// Key of the metadata whose value is the CQL type of a column, or of a field of a user-defined type, as text, such as
/// `list<int>`.
pub const CQL_TYPE_KEY: &str = "cqlwire.cql_type";

/// A field of a schema, and the column that builds its arrays.
pub(super) type Mapped = (Field, Box<dyn Column>);

/// The dimensions of a vector that has no Arrow type: 0, or more than `i32::MAX`.
pub(super) struct InvalidDimensions(pub(super) usize);

/// Returns the field `name` of values of `cql_type`, with the type in the metadata.
///
/// The fields of its elements lack this key: their types are parts of the text, and texts at each level of nesting
/// would take memory in proportion to the square of the length of the type. The text of a user-defined type is only
/// its name, so that its fields have the key.
pub(super) fn map(name: &str, cql_type: &CqlType) -> Result<Mapped, InvalidDimensions> {
    let (mut field, column) = map_part(name, cql_type)?;
    field.metadata_mut().insert(CQL_TYPE_KEY.to_owned(), cql_type.to_string());
    Ok((field, column))
}

/// Returns the field `name` of elements of `cql_type`.
fn map_part(name: &str, cql_type: &CqlType) -> Result<Mapped, InvalidDimensions> {
    let (data_type, column) = match cql_type {
        CqlType::Native(native) => map_native(*native),
        CqlType::Custom(_) => (DataType::Binary, Box::new(BytesColumn::new(Blobs)) as _),
        CqlType::List(element) | CqlType::Set(element) => {
            let (field, elements) = map_part("item", element)?;
            let field = Arc::new(field);
            let column = ListColumn::new(Arc::clone(&field), elements);
            (DataType::List(field), Box::new(column) as _)
        }
        CqlType::Map(types) => {
            let (key, keys) = map_part("key", &types.0)?;
            let (value, values) = map_part("value", &types.1)?;
            let entry = Fields::from(vec![key.with_nullable(false), value]);
            let field = Arc::new(Field::new_struct("entries", entry.clone(), false));
            let fields = (Arc::clone(&field), entry);
            let has_empty_keys = has_empty_value(&types.0);
            let column = MapColumn::new(fields, keys, values, has_empty_keys);
            (DataType::Map(field, false), Box::new(column) as _)
        }
        CqlType::Tuple(types) => {
            let names = (0..types.len()).map(|index| index.to_string());
            map_struct(names.zip(types).map(|(name, field)| map_part(&name, field)))?
        }
        CqlType::Udt(udt) => map_struct(udt.fields.iter().map(|(name, field)| map(name, field)))?,
        CqlType::Vector(vector) => {
            let invalid = InvalidDimensions(vector.dimensions);
            let dimensions = i32::try_from(vector.dimensions).ok().filter(|n| *n > 0);
            let dimensions = dimensions.ok_or(invalid)?;
            let (field, elements) = map_part("item", &vector.element)?;
            let field = Arc::new(field);
            let column = VectorColumn::new(vector, dimensions, Arc::clone(&field), elements);
            (DataType::FixedSizeList(field, dimensions), Box::new(column) as _)
        }
    };
    let mut metadata = HashMap::new();
    if matches!(cql_type, CqlType::Native(NativeType::Uuid | NativeType::TimeUuid)) {
        metadata.insert(EXTENSION_TYPE_NAME_KEY.to_owned(), "arrow.uuid".to_owned());
    }
    Ok((Field::new(name, data_type, true).with_metadata(metadata), column))
}

/// Returns true if the empty value (zero bytes) is an ordinary value of the type.
fn has_empty_value(cql_type: &CqlType) -> bool {
    let is_blob = matches!(cql_type, CqlType::Native(NativeType::Blob | NativeType::Unknown(_)));
    cql_type.is_text() || is_blob || matches!(cql_type, CqlType::Custom(_))
}

fn map_struct(
    mapped: impl Iterator<Item = Result<Mapped, InvalidDimensions>>,
) -> Result<(DataType, Box<dyn Column>), InvalidDimensions> {
    let mapped: Vec<Mapped> = mapped.collect::<Result<_, _>>()?;
    let (fields, columns): (Vec<Field>, Vec<_>) = mapped.into_iter().unzip();
    let fields = Fields::from(fields);
    Ok((DataType::Struct(fields.clone()), Box::new(StructColumn::new(fields, columns))))
}

fn map_native(native: NativeType) -> (DataType, Box<dyn Column>) {
    match native {
        NativeType::Ascii => (DataType::Utf8, Box::new(BytesColumn::new(Texts { is_ascii: true }))),
        NativeType::Text => (DataType::Utf8, Box::new(BytesColumn::new(Texts { is_ascii: false }))),
        NativeType::Blob | NativeType::Unknown(_) => {
            (DataType::Binary, Box::new(BytesColumn::new(Blobs)))
        }
        NativeType::Boolean => (DataType::Boolean, Box::new(BooleanColumn::new())),
        NativeType::TinyInt => number::<Int8Type, 1>(|bytes| Some(i8::from_be_bytes(bytes))),
        NativeType::SmallInt => number::<Int16Type, 2>(|bytes| Some(i16::from_be_bytes(bytes))),
        NativeType::Int => number::<Int32Type, 4>(|bytes| Some(i32::from_be_bytes(bytes))),
        NativeType::BigInt | NativeType::Counter => {
            number::<Int64Type, 8>(|bytes| Some(i64::from_be_bytes(bytes)))
        }
        NativeType::Float => number::<Float32Type, 4>(|bytes| Some(f32::from_be_bytes(bytes))),
        NativeType::Double => number::<Float64Type, 8>(|bytes| Some(f64::from_be_bytes(bytes))),
        // On the wire, dates are unsigned and 2^31 is 1970-01-01.
        NativeType::Date => number::<Date32Type, 4>(|bytes| {
            Some((u32::from_be_bytes(bytes) ^ 0x8000_0000).cast_signed())
        }),
        NativeType::Time => number::<Time64NanosecondType, 8>(|bytes| {
            let time = Time(i64::from_be_bytes(bytes));
            time.is_valid().then_some(time.0)
        }),
        NativeType::Timestamp => (
            DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            fixed(
                |bytes| Some(i64::from_be_bytes(bytes)),
                |values, nulls| {
                    let values = values.into();
                    let array = PrimitiveArray::<TimestampMillisecondType>::try_new(values, nulls)?;
                    Ok(Arc::new(array.with_timezone("UTC")))
                },
            ),
        ),
        NativeType::Uuid | NativeType::TimeUuid => (
            DataType::FixedSizeBinary(16),
            fixed(Some, |values: Vec<[u8; 16]>, nulls| {
                let values = Buffer::from_vec(values.into_flattened());
                Ok(Arc::new(FixedSizeBinaryArray::try_new(16, values, nulls)?))
            }),
        ),
        NativeType::Duration => {
            (IntervalMonthDayNanoType::DATA_TYPE, Box::<DurationColumn>::default())
        }
        NativeType::Decimal => {
            (DataType::Utf8, Box::new(BytesColumn::new(Displayed::<Decimal>::new(native))))
        }
        NativeType::Inet => {
            (DataType::Utf8, Box::new(BytesColumn::new(Displayed::<IpAddr>::new(native))))
        }
        NativeType::Varint => {
            (DataType::Utf8, Box::new(BytesColumn::new(Displayed::<Varint>::new(native))))
        }
    }
}

/// Returns the type and the column of values of `N` bytes that `decode` converts.
fn number<A: ArrowPrimitiveType, const N: usize>(
    decode: impl Fn([u8; N]) -> Option<A::Native> + Send + Sync + 'static,
) -> (DataType, Box<dyn Column>) {
    (A::DATA_TYPE, fixed(decode, primitive::<A>))
}
