//! Any CQL value.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::{
    BindErrorKind, Cell, CqlType, Date, Decimal, Duration, FromCql, NativeType, Time, Timestamp,
    ToCql, TypeMismatch, UdtType, ValueError, Varint, VectorType, vint,
};
use crate::wire::Writer;

/// Any CQL value, for tools that learn the types at run time.
///
/// The bytes of a blob out of a response are shared with it, not copied: as long as they live, so
/// does the page they came in.
///
/// It prints as the CQL literal:
///
/// ```
/// use cqlwire::types::Value;
///
/// let list = Value::List(vec![Value::Text("it's".into()), Value::Null]);
/// assert_eq!(list.to_string(), "['it''s', null]");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the variants are the CQL types")]
pub enum Value {
    /// No value.
    Null,
    /// No bytes at all, of a type whose values have some. Only old clients write it.
    Empty,
    Ascii(String),
    BigInt(i64),
    Blob(Bytes),
    Boolean(bool),
    Counter(i64),
    Date(Date),
    Decimal(Decimal),
    Double(f64),
    Duration(Duration),
    Float(f32),
    Inet(IpAddr),
    Int(i32),
    SmallInt(i16),
    Text(String),
    Time(Time),
    TimeUuid(Uuid),
    Timestamp(Timestamp),
    TinyInt(i8),
    Uuid(Uuid),
    Varint(Varint),
    List(Vec<Value>),
    Set(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Tuple(Vec<Value>),
    /// The fields that were sent, which may be fewer than the type has.
    Udt {
        udt: Arc<UdtType>,
        fields: Vec<Value>,
    },
    Vector(Vec<Value>),
    /// The bytes of a custom type, or of a native type that is not known here.
    Custom(Bytes),
}

impl Value {
    /// Decodes a value of `cql_type` from its bytes.
    ///
    /// # Errors
    /// Bytes that are no value of the type.
    pub fn decode(cql_type: &CqlType, bytes: &[u8]) -> Result<Self, ValueError> {
        Self::part_of(cql_type, Cell::new(bytes))
    }

    /// Inlined for the rows of a page, most of whose values are native.
    #[inline(always)]
    pub(super) fn of_cell(cql_type: &CqlType, cell: Cell<'_>) -> Result<Self, ValueError> {
        match cql_type {
            CqlType::Native(native) => native_value(*native, cell, cql_type),
            _ => Self::nested(cql_type, cell),
        }
    }

    fn part_of(cql_type: &CqlType, cell: Cell<'_>) -> Result<Self, ValueError> {
        Self::of_cell(cql_type, cell)
    }

    fn nested(cql_type: &CqlType, cell: Cell<'_>) -> Result<Self, ValueError> {
        if cell.bytes().is_empty() && !matches!(cql_type, CqlType::Custom(_)) {
            return Ok(Self::Empty);
        }
        let optional = |cql_type: &CqlType, cell: Option<Cell<'_>>| match cell {
            Some(cell) => Self::part_of(cql_type, cell),
            None => Ok(Self::Null),
        };
        let elements = |element: &CqlType| {
            cell.elements(1)?.map(|cell| optional(element, cell?)).collect::<Result<_, _>>()
        };
        Ok(match cql_type {
            CqlType::List(element) => Self::List(elements(element)?),
            CqlType::Set(element) => Self::Set(elements(element)?),
            CqlType::Map(pair) => {
                let mut cells = cell.elements(2)?;
                let mut entries = Vec::new();
                while let (Some(key), Some(value)) = (cells.next(), cells.next()) {
                    entries.push((optional(&pair.0, key?)?, optional(&pair.1, value?)?));
                }
                Self::Map(entries)
            }
            CqlType::Tuple(elements) => Self::Tuple(fields(elements.iter(), cell)?),
            CqlType::Udt(udt) => {
                let fields = fields(udt.fields.iter().map(|(_, field)| field), cell)?;
                Self::Udt { udt: Arc::clone(udt), fields }
            }
            CqlType::Vector(vector) => Self::Vector(vector_elements(vector, cell)?),
            CqlType::Custom(_) | CqlType::Native(_) => Self::Custom(cell.share()),
        })
    }

    /// Writes the value as a `[value]` of `cql_type`, its length first.
    ///
    /// # Errors
    /// A value of another type, or one that its type does not allow.
    pub fn encode(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        match (self, cql_type) {
            (Self::Null, _) => {
                writer.int(-1);
                Ok(())
            }
            (Self::Empty, _) => Ok(writer.bytes(Some(&[]), "value")?),
            (Self::Ascii(text) | Self::Text(text), _) => text.to_cql(cql_type, writer),
            (Self::BigInt(number) | Self::Counter(number), _) => number.to_cql(cql_type, writer),
            (Self::Blob(bytes), _) => bytes.to_cql(cql_type, writer),
            (Self::Boolean(flag), _) => flag.to_cql(cql_type, writer),
            (Self::Date(date), _) => date.to_cql(cql_type, writer),
            (Self::Decimal(number), _) => number.to_cql(cql_type, writer),
            (Self::Double(number), _) => number.to_cql(cql_type, writer),
            (Self::Duration(duration), _) => duration.to_cql(cql_type, writer),
            (Self::Float(number), _) => number.to_cql(cql_type, writer),
            (Self::Inet(address), _) => address.to_cql(cql_type, writer),
            (Self::Int(number), _) => number.to_cql(cql_type, writer),
            (Self::SmallInt(number), _) => number.to_cql(cql_type, writer),
            (Self::Time(time), _) => time.to_cql(cql_type, writer),
            (Self::Timestamp(instant), _) => instant.to_cql(cql_type, writer),
            (Self::TinyInt(number), _) => number.to_cql(cql_type, writer),
            (Self::Uuid(uuid) | Self::TimeUuid(uuid), _) => uuid.to_cql(cql_type, writer),
            (Self::Varint(number), _) => number.to_cql(cql_type, writer),
            (Self::Custom(bytes), CqlType::Custom(_) | CqlType::Native(NativeType::Unknown(_))) => {
                Ok(writer.bytes(Some(bytes), "value")?)
            }
            _ => {
                let open = writer.open_length();
                self.encode_parts(cql_type, writer)?;
                Ok(writer.close_length(open, "value")?)
            }
        }
    }

    fn encode_parts(
        &self,
        cql_type: &CqlType,
        writer: &mut Writer<'_>,
    ) -> Result<(), BindErrorKind> {
        match (self, cql_type) {
            (Self::List(values), CqlType::List(element))
            | (Self::Set(values), CqlType::Set(element)) => {
                writer.length(values.len(), "count")?;
                values.iter().try_for_each(|value| value.encode(element, writer))
            }
            (Self::Map(entries), CqlType::Map(pair)) => {
                writer.length(entries.len(), "count")?;
                entries.iter().try_for_each(|(key, value)| {
                    key.encode(&pair.0, writer)?;
                    value.encode(&pair.1, writer)
                })
            }
            (Self::Tuple(values), CqlType::Tuple(elements)) => {
                at_most(values.len(), elements.len())?;
                values
                    .iter()
                    .zip(elements)
                    .try_for_each(|(value, field)| value.encode(field, writer))
            }
            (Self::Udt { fields, .. }, CqlType::Udt(udt)) => {
                at_most(fields.len(), udt.fields.len())?;
                fields
                    .iter()
                    .zip(&udt.fields)
                    .try_for_each(|(value, (_, field))| value.encode(field, writer))
            }
            (Self::Vector(values), CqlType::Vector(vector)) => {
                if values.len() != vector.dimensions {
                    let (expected, found) = (vector.dimensions, values.len());
                    return Err(ValueError::Size { expected, found }.into());
                }
                values.iter().try_for_each(|value| encode_element(value, vector, writer))
            }
            _ => Err(BindErrorKind::Type(TypeMismatch {
                rust: "Value",
                fits: "the type that the value was made for",
            })),
        }
    }
}

/// Decodes native values, whose variants are called as their types are.
macro_rules! native_value {
    ($($native:ident)+) => {
        #[inline(always)]
        fn native_value(
            native: NativeType,
            cell: Cell<'_>,
            cql_type: &CqlType,
        ) -> Result<Value, ValueError> {
            match native {
                $(NativeType::$native => match FromCql::from_cell(cell, cql_type) {
                    Ok(value) => Ok(Value::$native(value)),
                    Err(error) => empty_or(error),
                },)+
                NativeType::Unknown(_) => Ok(Value::Custom(cell.share())),
            }
        }
    };
}
native_value! {
    Ascii BigInt Blob Boolean Counter Date Decimal Double Duration Float Inet Int SmallInt Text Time
    TimeUuid Timestamp TinyInt Uuid Varint
}

#[cold]
fn empty_or(error: ValueError) -> Result<Value, ValueError> {
    if error == ValueError::Empty { Ok(Value::Empty) } else { Err(error) }
}

/// The fields of a tuple or a user-defined type, `[bytes]` after `[bytes]`; the last may be missing.
fn fields<'t>(
    types: impl Iterator<Item = &'t CqlType>,
    cell: Cell<'_>,
) -> Result<Vec<Value>, ValueError> {
    let mut reader = crate::wire::Reader::new(cell.bytes());
    let mut fields = Vec::new();
    for field in types {
        if reader.is_empty() {
            break;
        }
        fields.push(match reader.bytes("field").map_err(|_| ValueError::TooShort)? {
            Some(bytes) => Value::part_of(field, cell.part(bytes))?,
            None => Value::Null,
        });
    }
    if reader.is_empty() { Ok(fields) } else { Err(ValueError::TooLong) }
}

/// The elements of a vector: back to back where they have one size, else each after its length.
fn vector_elements(vector: &VectorType, cell: Cell<'_>) -> Result<Vec<Value>, ValueError> {
    let mut rest = cell.bytes();
    let size = vector.element.fixed_size_in_vector();
    let smallest = size.unwrap_or(1).max(1);
    if vector.dimensions.checked_mul(smallest).is_none_or(|all| all > rest.len()) {
        return Err(ValueError::TooShort);
    }
    let elements = (0..vector.dimensions).map(|_| {
        let length = match size {
            Some(size) => size,
            None => usize::try_from(vint::read_unsigned(&mut rest)?)
                .map_err(|_| ValueError::TooShort)?,
        };
        let (element, after) = rest.split_at_checked(length).ok_or(ValueError::TooShort)?;
        rest = after;
        Value::part_of(&vector.element, cell.part(element))
    });
    let elements = elements.collect::<Result<_, _>>()?;
    if rest.is_empty() { Ok(elements) } else { Err(ValueError::TooLong) }
}

fn encode_element(
    value: &Value,
    vector: &VectorType,
    writer: &mut Writer<'_>,
) -> Result<(), BindErrorKind> {
    let mut bytes = Vec::new();
    value.encode(&vector.element, &mut Writer::new(&mut bytes))?;
    // Inside a vector an element has no `[int]` length, and cannot be null.
    let (length, element) = bytes.split_first_chunk().ok_or(ValueError::Null)?;
    if i32::from_be_bytes(*length) < 0 {
        return Err(ValueError::Null.into());
    }
    match vector.element.fixed_size_in_vector() {
        Some(expected) if element.len() != expected => {
            return Err(ValueError::Size { expected, found: element.len() }.into());
        }
        Some(_) => {}
        None => {
            let mut prefix = Vec::with_capacity(9);
            vint::write_unsigned(u64::try_from(element.len()).unwrap_or(u64::MAX), &mut prefix);
            writer.raw(&prefix);
        }
    }
    writer.raw(element);
    Ok(())
}

fn at_most(found: usize, expected: usize) -> Result<(), ValueError> {
    if found <= expected { Ok(()) } else { Err(ValueError::Size { expected, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survives(value: &Value, cql_type: &CqlType) {
        let mut out = Vec::new();
        value.encode(cql_type, &mut Writer::new(&mut out)).unwrap();
        assert_eq!(Value::decode(cql_type, &out[4..]).as_ref(), Ok(value), "{cql_type}");
        for end in 4..out.len() {
            // A prefix may be a shorter value, but it is never the same one and never a panic.
            assert_ne!(Value::decode(cql_type, &out[4..end]).as_ref(), Ok(value), "{cql_type}");
        }
    }

    #[test]
    fn nested_values_survive_the_wire() {
        let text = || CqlType::from(NativeType::Text);
        let int = || CqlType::from(NativeType::Int);
        let texts = || vec![Value::Text("a".into()), Value::Null, Value::Text("é".into())];
        survives(&Value::List(texts()), &CqlType::List(Box::new(text())));
        survives(&Value::Set(texts()), &CqlType::Set(Box::new(text())));
        let map = CqlType::Map(Box::new((int(), CqlType::List(Box::new(text())))));
        survives(&Value::Map(vec![(Value::Int(1), Value::List(texts()))]), &map);
        let pair = vec![Value::Int(1), Value::Text("x".into())];
        survives(&Value::Tuple(pair.clone()), &CqlType::Tuple(vec![int(), text()]));
        let udt = Arc::new(UdtType {
            keyspace: "ks".into(),
            name: "pair".into(),
            fields: vec![("a".into(), int()), ("b".into(), text()), ("c".into(), int())],
        });
        let shorter = Value::Udt { udt: Arc::clone(&udt), fields: pair };
        survives(&shorter, &CqlType::Udt(udt));
        let floats = Value::Vector([1.0, -0.5, 3.25].map(Value::Float).to_vec());
        survives(&floats, &CqlType::vector(NativeType::Float.into(), 3));
        let words = Value::Vector(["", "two"].map(|word| Value::Text(word.into())).to_vec());
        survives(&words, &CqlType::vector(text(), 2));
    }

    #[test]
    fn empty_is_neither_null_nor_zero() {
        for native in [NativeType::Int, NativeType::Timestamp, NativeType::Uuid, NativeType::Varint]
        {
            assert_eq!(Value::decode(&native.into(), &[]), Ok(Value::Empty));
        }
        assert_eq!(Value::decode(&NativeType::Text.into(), &[]), Ok(Value::Text(String::new())));
        assert_eq!(Value::decode(&NativeType::Blob.into(), &[]), Ok(Value::Blob(Bytes::new())));
    }

    #[test]
    fn counts_that_lie_are_refused_before_anything_is_allocated() {
        let list = CqlType::List(Box::new(NativeType::Int.into()));
        assert_eq!(
            Value::decode(&list, &[0x7f, 0xff, 0xff, 0xff]),
            Err(ValueError::Count(0x7fff_ffff))
        );
        assert_eq!(Value::decode(&list, &[0xff; 4]), Err(ValueError::Count(-1)));
        assert_eq!(Value::decode(&list, &[0, 0, 0, 0, 1]), Err(ValueError::TooLong));
        let vector = CqlType::vector(NativeType::Float.into(), usize::MAX);
        assert_eq!(Value::decode(&vector, &[0; 8]), Err(ValueError::TooShort));
    }
}
