//! [`Value`], which holds a value of any CQL type.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::cell::{Fields, collect};
use super::collection::write_map;
use super::{
    BindErrorKind, Cell, CqlType, Date, Decimal, Duration, Entries, FromCql, NativeType, Time,
    Timestamp, ToCql, TypeMismatch, UdtType, ValueError, Varint,
};
use crate::wire::Writer;

/// A value of any CQL type, for programs that learn the types at run time.
///
/// A blob from a response shares the memory of its page of rows. The page is freed only after all
/// of its blobs have been dropped.
///
/// `Display` writes the value as a CQL literal:
///
/// ```
/// use cqlwire::types::Value;
///
/// let list = Value::List(vec![Value::Text("it's".into()), Value::Null]);
/// assert_eq!(list.to_string(), "['it''s', null]");
/// ```
///
/// `From` converts Rust values with an obvious CQL type. A map of `Value`s can therefore bind
/// values of different types by name:
///
/// ```
/// use cqlwire::types::{ColumnSpec, NativeType, Value, ValuesBuffer};
/// use std::collections::HashMap;
///
/// let columns = [
///     ColumnSpec::new("ks", "users", "username", NativeType::Text),
///     ColumnSpec::new("ks", "users", "age", NativeType::Int),
/// ];
/// let user = HashMap::from([("username", Value::from("ada")), ("age", 36.into())]);
/// assert_eq!(ValuesBuffer::new().bind(&user, &columns)?.len(), 2);
/// # Ok::<(), cqlwire::types::BindError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the variants are the CQL types")]
pub enum Value {
    /// Null.
    Null,
    /// The empty value (zero bytes) of a type whose values normally have a size, such as `int`. Only
    /// old clients write it.
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
    /// A value of a user-defined type. Trailing fields may be missing, and are then null.
    Udt {
        udt: Arc<UdtType>,
        fields: Vec<Value>,
    },
    Vector(Vec<Value>),
    /// The bytes of a custom type, or of an unknown native type.
    Custom(Bytes),
}

impl Value {
    /// Decodes a value of `cql_type` from its bytes.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a valid value of the type.
    pub fn decode(cql_type: &CqlType, bytes: &[u8]) -> Result<Self, ValueError> {
        Self::decode_part(cql_type, Cell::new(bytes))
    }

    /// Decodes a cell. Inlined because most cells of a page have native types.
    #[inline(always)]
    pub(super) fn decode_cell(cql_type: &CqlType, cell: Cell<'_>) -> Result<Self, ValueError> {
        match cql_type {
            CqlType::Native(native) => native_value(*native, cell, cql_type),
            _ => Self::decode_nested(cql_type, cell),
        }
    }

    /// Decodes a cell without inlining.
    fn decode_part(cql_type: &CqlType, cell: Cell<'_>) -> Result<Self, ValueError> {
        Self::decode_cell(cql_type, cell)
    }

    fn decode_nested(cql_type: &CqlType, cell: Cell<'_>) -> Result<Self, ValueError> {
        if cell.bytes().is_empty() && !matches!(cql_type, CqlType::Custom(_)) {
            return Ok(Self::Empty);
        }
        Ok(match cql_type {
            CqlType::List(_) => Self::List(Vec::from_cell(cell, cql_type)?),
            CqlType::Set(element) => {
                let elements = Vec::from_cell(cell, cql_type)?;
                check_unique(elements.iter(), element)?;
                Self::Set(elements)
            }
            CqlType::Vector(_) => Self::Vector(Vec::from_cell(cell, cql_type)?),
            CqlType::Map(types) => {
                let entries = collect(Entries::from_cell(cell, cql_type)?, cell)?;
                check_unique(entries.iter().map(|(key, _)| key), &types.0)?;
                Self::Map(entries)
            }
            CqlType::Tuple(types) => Self::Tuple(decode_fields(types.iter(), cell)?),
            CqlType::Udt(udt) => {
                let fields = decode_fields(udt.fields.iter().map(|(_, field)| field), cell)?;
                Self::Udt { udt: Arc::clone(udt), fields }
            }
            CqlType::Custom(_) | CqlType::Native(_) => Self::Custom(cell.share()),
        })
    }

    /// Encodes the value as a `[value]` of `cql_type`: its length, then its bytes.
    ///
    /// # Errors
    /// Returns an error if the value has another type or is invalid for its type, or if it is longer
    /// than 2 GiB.
    pub fn encode(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        match (self, cql_type) {
            (Self::Null, _) => {
                writer.int(-1);
                Ok(())
            }
            (Self::Empty, _) => Ok(writer.bytes(Some(&[]), "value")?),
            (Self::Ascii(text) | Self::Text(text), _) => checked(text, cql_type, writer),
            (Self::BigInt(number) | Self::Counter(number), _) => checked(number, cql_type, writer),
            (Self::Blob(bytes) | Self::Custom(bytes), _) => checked(bytes, cql_type, writer),
            (Self::Boolean(flag), _) => checked(flag, cql_type, writer),
            (Self::Date(date), _) => checked(date, cql_type, writer),
            (Self::Decimal(number), _) => checked(number, cql_type, writer),
            (Self::Double(number), _) => checked(number, cql_type, writer),
            (Self::Duration(duration), _) => checked(duration, cql_type, writer),
            (Self::Float(number), _) => checked(number, cql_type, writer),
            (Self::Inet(address), _) => checked(address, cql_type, writer),
            (Self::Int(number), _) => checked(number, cql_type, writer),
            (Self::SmallInt(number), _) => checked(number, cql_type, writer),
            (Self::Time(time), _) => checked(time, cql_type, writer),
            (Self::Timestamp(instant), _) => checked(instant, cql_type, writer),
            (Self::TinyInt(number), _) => checked(number, cql_type, writer),
            (Self::Uuid(uuid) | Self::TimeUuid(uuid), _) => checked(uuid, cql_type, writer),
            (Self::Varint(number), _) => checked(number, cql_type, writer),
            (Self::List(values), CqlType::List(_))
            | (Self::Set(values), CqlType::Set(_))
            | (Self::Vector(values), CqlType::Vector(_)) => values.to_cql(cql_type, writer),
            (Self::Map(entries), CqlType::Map(_)) => {
                write_map(entries.iter().map(|(key, value)| (key, value)), cql_type, writer)
            }
            (Self::Tuple(values), CqlType::Tuple(types)) => {
                write_fields(values, types.iter(), writer)
            }
            (Self::Udt { udt, fields }, CqlType::Udt(expected)) => {
                let fields = in_order_of(expected, udt, fields);
                let fields = fields.ok_or_else(|| mismatch(cql_type))?;
                let types = expected.fields.iter().map(|(_, field)| field);
                write_fields(&fields, types, writer)
            }
            _ => Err(mismatch(cql_type).into()),
        }
    }
}

/// Returns the fields of a value of type `udt` in the order in which `expected` has them: two definitions of
/// a type can have the same fields in another order. Returns `None` if `expected` lacks a field that is not
/// null.
#[inline(never)]
fn in_order_of<'v>(
    expected: &UdtType,
    udt: &UdtType,
    fields: &'v [Value],
) -> Option<Cow<'v, [Value]>> {
    let has_same_order =
        udt.fields.iter().zip(&expected.fields).all(|(own, other)| own.0 == other.0);
    if has_same_order {
        return Some(Cow::Borrowed(fields));
    }
    let mut ordered = vec![Value::Null; expected.fields.len()];
    let is_null = |value: &Value| matches!(value, Value::Null);
    for ((name, _), value) in udt.fields.iter().zip(fields).filter(|(_, value)| !is_null(value)) {
        let index = expected.fields.iter().position(|(expected, _)| expected == name)?;
        *ordered.get_mut(index)? = value.clone();
    }
    Some(Cow::Owned(ordered))
}

fn mismatch(cql_type: &CqlType) -> TypeMismatch {
    TypeMismatch::new("Value", "the CQL type of its variant", cql_type)
}

/// Checks that the variant's Rust type can be encoded as `cql_type`, and encodes the value.
/// `Value::check` accepts every type, because it does not know the variant.
#[inline]
fn checked<T: ToCql>(
    value: &T,
    cql_type: &CqlType,
    writer: &mut Writer<'_>,
) -> Result<(), BindErrorKind> {
    T::check(cql_type)?;
    value.to_cql(cql_type, writer)
}

impl<'r> FromCql<'r> for Value {
    fn check(_: &CqlType) -> Result<(), TypeMismatch> {
        Ok(())
    }

    #[inline(always)]
    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
        Self::decode_cell(cql_type, cell)
    }

    #[inline]
    fn from_null() -> Result<Self, ValueError> {
        Ok(Self::Null)
    }
}

impl ToCql for Value {
    fn check(_: &CqlType) -> Result<(), TypeMismatch> {
        Ok(())
    }

    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        self.encode(cql_type, writer)
    }

    #[inline]
    fn as_shared(&self, cql_type: &CqlType) -> Option<&Bytes> {
        match (self, cql_type) {
            (Self::Blob(bytes), CqlType::Native(NativeType::Blob)) => Some(bytes),
            _ => None,
        }
    }
}

/// Implements decoding of native types. Each variant of [`NativeType`] has the name of its variant
/// of [`Value`].
macro_rules! native_value {
    ($($native:ident)+) => {
        // Not inlined without optimization: its locals would take several kilobytes of stack in each
        // level of a nested value.
        #[cfg_attr(not(debug_assertions), inline(always))]
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

/// Returns [`ValueError::Duplicate`] if two of `values` are equal. The values are the elements of a
/// set or the keys of a map, and `cql_type` is their type.
pub(super) fn check_unique<'v>(
    mut values: impl ExactSizeIterator<Item = &'v Value> + Clone,
    cql_type: &CqlType,
) -> Result<(), ValueError> {
    // Servers send the values sorted, for most types in the order of `Value`. Values in strictly
    // ascending order have no duplicates. Decimals are too slow to compare.
    let is_comparable =
        matches!(cql_type, CqlType::Native(native) if *native != NativeType::Decimal);
    if values.len() < 2
        || (is_comparable && values.clone().is_sorted_by(|value, next| value < next))
    {
        return Ok(());
    }
    let mut seen = HashSet::with_capacity(values.len());
    if values.all(|value| seen.insert(value)) { Ok(()) } else { Err(ValueError::Duplicate) }
}

/// Decodes the fields of a tuple or a user-defined type. Trailing fields that the value does not
/// contain are left out.
fn decode_fields<'t>(
    types: impl Iterator<Item = &'t CqlType>,
    cell: Cell<'_>,
) -> Result<Vec<Value>, ValueError> {
    let mut cells = Fields::new(cell)?;
    let mut fields = Vec::new();
    for cql_type in types {
        if cells.is_done() {
            break;
        }
        fields.push(match cells.read()? {
            Some(field) => Value::decode_part(cql_type, field)?,
            None => Value::Null,
        });
    }
    cells.end()?;
    Ok(fields)
}

fn write_fields<'t>(
    values: &[Value],
    types: impl ExactSizeIterator<Item = &'t CqlType>,
    writer: &mut Writer<'_>,
) -> Result<(), BindErrorKind> {
    if values.len() > types.len() {
        return Err(ValueError::TooLong.into());
    }
    let open = writer.open_length();
    values.iter().zip(types).try_for_each(|(value, field)| value.encode(field, writer))?;
    Ok(writer.close_length(open, "value")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts that the bytes of `value` decode to `value`, and that no shorter prefix of them
    /// does.
    fn assert_round_trips(value: &Value, cql_type: &CqlType) {
        let mut out = Vec::new();
        value.encode(cql_type, &mut Writer::new(&mut out)).unwrap();
        assert_eq!(Value::decode(cql_type, &out[4..]).as_ref(), Ok(value), "{cql_type}");
        for end in 4..out.len() {
            assert_ne!(Value::decode(cql_type, &out[4..end]).as_ref(), Ok(value), "{cql_type}");
        }
    }

    #[test]
    fn native_types_name_the_rust_type_of_their_variant() {
        macro_rules! rust_types {
            ($($native:ident)+) => {[$((NativeType::$native, name_of(Value::$native))),+]};
        }
        fn name_of<T>(_: fn(T) -> Value) -> Option<&'static str> {
            std::any::type_name::<T>().rsplit("::").next()
        }
        let rust_types = rust_types! {
            Ascii BigInt Blob Boolean Counter Date Decimal Double Duration Float Inet Int SmallInt
            Text Time TimeUuid Timestamp TinyInt Uuid Varint
        };
        assert_eq!(rust_types.len(), NativeType::KNOWN.len());
        for (native, rust_type) in rust_types {
            assert_eq!(native.rust_type(), rust_type, "{native}");
        }
    }

    #[test]
    fn the_fields_of_a_user_defined_type_are_encoded_by_their_names() {
        let udt = |names: &[&str]| {
            let fields = names.iter().map(|name| ((*name).to_owned(), NativeType::Int.into()));
            let (keyspace, name) = ("ks".to_owned(), "t".to_owned());
            Arc::new(UdtType { keyspace, name, fields: fields.collect() })
        };
        let value =
            Value::Udt { udt: udt(&["a", "b"]), fields: vec![Value::Int(1), Value::Int(2)] };
        let encode = |names: &[&str]| {
            let (cql_type, mut out) = (CqlType::Udt(udt(names)), Vec::new());
            value.encode(&cql_type, &mut Writer::new(&mut out))?;
            Ok::<_, BindErrorKind>(Value::decode(&cql_type, &out[4..]).unwrap().to_string())
        };
        assert_eq!(encode(&["a", "b"]).unwrap(), "{a: 1, b: 2}");
        assert_eq!(encode(&["b", "c", "a"]).unwrap(), "{b: 2, c: null, a: 1}");
        let half = Value::Udt { udt: udt(&["a", "b"]), fields: vec![Value::Null, Value::Int(2)] };
        half.encode(&CqlType::Udt(udt(&["b"])), &mut Writer::new(&mut Vec::new())).unwrap();
        assert!(encode(&["b", "c"]).is_err());
        assert!(encode(&["a"]).is_err());
    }

    #[test]
    fn nested_values_round_trip() {
        let text = || CqlType::from(NativeType::Text);
        let int = || CqlType::from(NativeType::Int);
        let texts = || vec![Value::Text("a".into()), Value::Null, Value::Text("é".into())];
        assert_round_trips(&Value::List(texts()), &CqlType::List(Box::new(text())));
        assert_round_trips(&Value::Set(texts()), &CqlType::Set(Box::new(text())));
        let map = CqlType::Map(Box::new((int(), CqlType::List(Box::new(text())))));
        assert_round_trips(&Value::Map(vec![(Value::Int(1), Value::List(texts()))]), &map);
        let pair = vec![Value::Int(1), Value::Text("x".into())];
        assert_round_trips(&Value::Tuple(pair.clone()), &CqlType::Tuple(vec![int(), text()]));
        let udt = Arc::new(UdtType {
            keyspace: "ks".into(),
            name: "pair".into(),
            fields: vec![("a".into(), int()), ("b".into(), text()), ("c".into(), int())],
        });
        let shorter = Value::Udt { udt: Arc::clone(&udt), fields: pair };
        assert_round_trips(&shorter, &CqlType::Udt(udt));
        let floats = Value::Vector([1.0, -0.5, 3.25].map(Value::Float).to_vec());
        assert_round_trips(&floats, &CqlType::vector(NativeType::Float.into(), 3));
        let words = Value::Vector(["", "two"].map(|word| Value::Text(word.into())).to_vec());
        assert_round_trips(&words, &CqlType::vector(text(), 2));
    }

    #[test]
    fn duplicate_elements_and_keys_are_errors() {
        let set = CqlType::Set(Box::new(NativeType::Text.into()));
        let text = Value::from("é");
        let texts = |count: usize| Value::Set(vec![text.clone(); count]);
        let pairs =
            |count| Value::Map((0..count).map(|index| (texts(1), Value::Int(index))).collect());
        let map = CqlType::Map(Box::new((set.clone(), NativeType::Int.into())));
        let list = CqlType::List(Box::new(set.clone()));
        let decoded = |value: &Value, cql_type: &CqlType| {
            let mut out = Vec::new();
            value.encode(cql_type, &mut Writer::new(&mut out)).unwrap();
            Value::decode(cql_type, &out[4..])
        };
        for (once, twice, cql_type) in [
            (texts(1), texts(2), set),
            (pairs(1), pairs(2), map),
            (Value::List(vec![texts(1); 2]), Value::List(vec![texts(2)]), list),
        ] {
            assert_eq!(decoded(&once, &cql_type), Ok(once));
            assert_eq!(decoded(&twice, &cql_type), Err(ValueError::Duplicate));
        }
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
    fn invalid_counts_are_errors_before_memory_is_allocated() {
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
