//! CQL types as `[option]`s (v4 §4.2.5.2).

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::CqlTextError;
use super::text::class_name;
use crate::wire::{
    Context, DecodeError, DecodeErrorKind, EncodeError, Reader, Version, Writer, wire_codes,
};

/// How deep types may nest: far deeper than any schema, shallow enough for every stack.
pub const MAX_TYPE_DEPTH: usize = 32;

wire_codes! {
    /// The types that take no parameter, by their option id.
    pub enum NativeType(u16) {
        /// Text of US-ASCII characters.
        Ascii = 0x01 "ascii",
        /// 64-bit integer.
        BigInt = 0x02 "bigint",
        /// Any bytes.
        Blob = 0x03 "blob",
        /// True or false.
        Boolean = 0x04 "boolean",
        /// A 64-bit integer that is only ever added to.
        Counter = 0x05 "counter",
        /// A decimal number of any size.
        Decimal = 0x06 "decimal",
        /// 64-bit floating point.
        Double = 0x07 "double",
        /// 32-bit floating point.
        Float = 0x08 "float",
        /// 32-bit integer.
        Int = 0x09 "int",
        /// Milliseconds since 1970.
        Timestamp = 0x0B "timestamp",
        /// A UUID of any version.
        Uuid = 0x0C "uuid",
        /// UTF-8 text; `varchar` in the protocol's text.
        Text = 0x0D "text",
        /// An integer of any size.
        Varint = 0x0E "varint",
        /// A UUID of version 1.
        TimeUuid = 0x0F "timeuuid",
        /// An IPv4 or IPv6 address.
        Inet = 0x10 "inet",
        /// A day (v4 and later).
        Date = 0x11 "date",
        /// Nanoseconds since midnight (v4 and later).
        Time = 0x12 "time",
        /// 16-bit integer (v4 and later).
        SmallInt = 0x13 "smallint",
        /// 8-bit integer (v4 and later).
        TinyInt = 0x14 "tinyint",
        /// Months, days and nanoseconds (v5; some servers send it in v4, too).
        Duration = 0x15 "duration",
    }
}

impl NativeType {
    /// Whether the ids of the connection's version have this type.
    fn has_id(self, context: &Context) -> bool {
        let since = match self {
            Self::Date | Self::Time | Self::SmallInt | Self::TinyInt => Version::V4,
            Self::Duration if context.extensions.duration => Version::V4,
            Self::Duration => Version::V5,
            _ => Version::V3,
        };
        context.version >= since
    }
}

const CUSTOM: u16 = 0x00;
const LIST: u16 = 0x20;
const MAP: u16 = 0x21;
const SET: u16 = 0x22;
const UDT: u16 = 0x30;
const TUPLE: u16 = 0x31;

/// A CQL type.
///
/// It prints as CQL writes it, and parses what it prints. User-defined types are only names there:
/// [`parse_with`](Self::parse_with) asks for them.
///
/// ```
/// use cqlwire::types::{CqlType, NativeType};
///
/// let map = CqlType::Map(Box::new((NativeType::Text.into(), NativeType::Int.into())));
/// assert_eq!(map.to_string(), "map<text, int>");
/// assert_eq!("MAP<varchar, frozen<int>>".parse(), Ok(map));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CqlType {
    /// A type without parameters.
    Native(NativeType),
    /// `list<T>`.
    List(Box<CqlType>),
    /// `set<T>`.
    Set(Box<CqlType>),
    /// `map<K, V>`.
    Map(Box<(CqlType, CqlType)>),
    /// `tuple<A, B, ...>`.
    Tuple(Vec<CqlType>),
    /// A user-defined type.
    Udt(Arc<UdtType>),
    /// `vector<T, n>`, which every version of the protocol sends as a custom type.
    Vector(Box<VectorType>),
    /// A custom type: the name of its Java class.
    Custom(Box<str>),
}

/// A user-defined type: its name and its fields, in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UdtType {
    /// The keyspace it belongs to.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// The names and types of its fields.
    pub fields: Vec<(String, CqlType)>,
}

/// `vector<element, dimensions>`. Two are the same however their classes are written.
#[derive(Debug, Clone)]
pub struct VectorType {
    /// The type of each element.
    pub element: CqlType,
    /// How many elements there are.
    pub dimensions: usize,
    /// The class name as the server wrote it; servers differ in their spaces.
    pub class: Box<str>,
}

impl VectorType {
    const fn key(&self) -> (&CqlType, usize) {
        (&self.element, self.dimensions)
    }
}

impl PartialEq for VectorType {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for VectorType {}

impl PartialOrd for VectorType {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for VectorType {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for VectorType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl CqlType {
    /// Whether it takes the values of `older`: the two are the same, but user-defined types may have
    /// got more fields at their end, as `ALTER TYPE ... ADD` gives them.
    pub fn has_grown_from(&self, older: &Self) -> bool {
        match (self, older) {
            (Self::List(new), Self::List(old)) | (Self::Set(new), Self::Set(old)) => {
                new.has_grown_from(old)
            }
            (Self::Map(new), Self::Map(old)) => {
                new.0.has_grown_from(&old.0) && new.1.has_grown_from(&old.1)
            }
            (Self::Tuple(new), Self::Tuple(old)) => {
                new.len() == old.len() && new.iter().zip(old).all(|(n, o)| n.has_grown_from(o))
            }
            (Self::Vector(new), Self::Vector(old)) => {
                new.dimensions == old.dimensions && new.element.has_grown_from(&old.element)
            }
            (Self::Udt(new), Self::Udt(old)) => {
                let mut pairs = new.fields.iter().zip(&old.fields);
                (&new.keyspace, &new.name) == (&old.keyspace, &old.name)
                    && new.fields.len() >= old.fields.len()
                    && pairs.all(|(n, o)| n.0 == o.0 && n.1.has_grown_from(&o.1))
            }
            (new, old) => new == old,
        }
    }

    /// Reads an `[option]`.
    ///
    /// # Errors
    /// Input that ends early, or types nested deeper than [`MAX_TYPE_DEPTH`].
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::decode_at(reader, 0)
    }

    fn decode_at(reader: &mut Reader<'_>, depth: usize) -> Result<Self, DecodeError> {
        if depth >= MAX_TYPE_DEPTH {
            return Err(reader.error(DecodeErrorKind::NestedTooDeep, "type"));
        }
        let below = depth.saturating_add(1);
        Ok(match reader.short("type")? {
            CUSTOM => Self::from_class(reader.string("custom_type")?),
            LIST => Self::List(Box::new(Self::decode_at(reader, below)?)),
            SET => Self::Set(Box::new(Self::decode_at(reader, below)?)),
            MAP => {
                let key = Self::decode_at(reader, below)?;
                Self::Map(Box::new((key, Self::decode_at(reader, below)?)))
            }
            TUPLE => {
                let count = reader.short_count(2, "tuple_elements")?;
                Self::Tuple(reader.many(count, |reader| Self::decode_at(reader, below))?)
            }
            UDT => {
                let keyspace = reader.string("udt_keyspace")?.to_owned();
                let name = reader.string("udt_name")?.to_owned();
                let count = reader.short_count(4, "udt_fields")?;
                let fields = reader.many(count, |reader| {
                    let field = reader.string("udt_field_name")?.to_owned();
                    Ok((field, Self::decode_at(reader, below)?))
                })?;
                Self::Udt(Arc::new(UdtType { keyspace, name, fields }))
            }
            native => Self::Native(native.into()),
        })
    }

    /// Writes the type as an `[option]`. A type that the version has no id for is a custom type of
    /// its Java class, as servers do it.
    ///
    /// # Errors
    /// A name or a number of fields that is too large for its notation.
    pub fn encode(&self, writer: &mut Writer<'_>, context: &Context) -> Result<(), EncodeError> {
        match self {
            Self::Native(native) if native.has_id(context) => writer.short(native.code()),
            Self::Native(_) => {
                writer.short(CUSTOM);
                writer.string(&class_name::print(self), "custom_type")?;
            }
            Self::List(element) => {
                writer.short(LIST);
                element.encode(writer, context)?;
            }
            Self::Set(element) => {
                writer.short(SET);
                element.encode(writer, context)?;
            }
            Self::Map(pair) => {
                writer.short(MAP);
                pair.0.encode(writer, context)?;
                pair.1.encode(writer, context)?;
            }
            Self::Tuple(elements) => {
                writer.short(TUPLE);
                writer.short_length(elements.len(), "tuple_elements")?;
                elements.iter().try_for_each(|element| element.encode(writer, context))?;
            }
            Self::Udt(udt) => {
                writer.short(UDT);
                writer.string(&udt.keyspace, "udt_keyspace")?;
                writer.string(&udt.name, "udt_name")?;
                writer.short_length(udt.fields.len(), "udt_fields")?;
                for (name, field) in &udt.fields {
                    writer.string(name, "udt_field_name")?;
                    field.encode(writer, context)?;
                }
            }
            Self::Vector(vector) => {
                writer.short(CUSTOM);
                writer.string(&vector.class, "custom_type")?;
            }
            Self::Custom(class) => {
                writer.short(CUSTOM);
                writer.string(class, "custom_type")?;
            }
        }
        Ok(())
    }

    /// The type that a Java class name stands for: a vector, a native type that the version of the
    /// connection has no id for, or else a custom type.
    pub fn from_class(class: &str) -> Self {
        match class_name::parse_sent(class) {
            Some(known @ (Self::Native(_) | Self::Vector(_))) => known,
            _ => Self::Custom(class.into()),
        }
    }

    /// The type that a Java class name stands for, with its package or without, whatever it is: a
    /// class that is not known is a custom type. What is frozen or reversed is what it is within.
    ///
    /// ```
    /// use cqlwire::types::{CqlType, NativeType};
    ///
    /// let class = "org.apache.cassandra.db.marshal.ListType(UTF8Type)";
    /// let list = CqlType::List(Box::new(NativeType::Text.into()));
    /// assert_eq!(CqlType::parse_class(class), Ok(list));
    /// ```
    ///
    /// # Errors
    /// Text that is no class name, parameters that the class does not have, or types nested deeper
    /// than [`MAX_TYPE_DEPTH`].
    pub fn parse_class(class: &str) -> Result<Self, CqlTextError> {
        class_name::parse(class)
    }

    /// The Java class name of the type, as Cassandra writes it.
    ///
    /// ```
    /// use cqlwire::types::{CqlType, NativeType};
    ///
    /// let int = CqlType::from(NativeType::Int);
    /// assert_eq!(int.class_name(), "org.apache.cassandra.db.marshal.Int32Type");
    /// ```
    pub fn class_name(&self) -> String {
        class_name::print(self)
    }

    /// `vector<element, dimensions>`, named as Cassandra names it.
    pub fn vector(element: Self, dimensions: usize) -> Self {
        let class = format!(
            "org.apache.cassandra.db.marshal.VectorType({} , {dimensions})",
            class_name::print(&element)
        );
        Self::Vector(Box::new(VectorType { element, dimensions, class: class.into() }))
    }

    /// Whether values of this type are text: `text`, `varchar` or `ascii`.
    pub const fn is_text(&self) -> bool {
        matches!(self, Self::Native(NativeType::Text | NativeType::Ascii))
    }

    /// How many bytes every value of this type takes inside a vector; `None` if that varies.
    ///
    /// `smallint`, `tinyint`, `date` and `time` have one size, but Cassandra writes their lengths.
    pub(super) fn fixed_size_in_vector(&self) -> Option<usize> {
        match self {
            Self::Native(native) => match native {
                NativeType::Boolean => Some(1),
                NativeType::Int | NativeType::Float => Some(4),
                NativeType::BigInt | NativeType::Double | NativeType::Timestamp => Some(8),
                NativeType::Uuid | NativeType::TimeUuid => Some(16),
                _ => None,
            },
            Self::Vector(vector) => {
                vector.element.fixed_size_in_vector()?.checked_mul(vector.dimensions)
            }
            _ => None,
        }
    }
}

impl From<NativeType> for CqlType {
    fn from(native: NativeType) -> Self {
        Self::Native(native)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<CqlType, DecodeError> {
        let mut reader = Reader::new(bytes);
        let decoded = CqlType::decode(&mut reader)?;
        assert!(reader.is_empty());
        Ok(decoded)
    }

    fn encode(cql_type: &CqlType, version: Version) -> Vec<u8> {
        let mut out = Vec::new();
        cql_type.encode(&mut Writer::new(&mut out), &version.into()).unwrap();
        out
    }

    #[test]
    fn a_type_has_grown_where_a_user_defined_one_has_more_fields() {
        let udt = |name: &str, fields: &[&str]| {
            let field = |name: &&str| ((*name).to_owned(), NativeType::Int.into());
            CqlType::Udt(Arc::new(UdtType {
                keyspace: "ks".to_owned(),
                name: name.to_owned(),
                fields: fields.iter().map(field).collect(),
            }))
        };
        let (old, new) = (udt("t", &["a"]), udt("t", &["a", "b"]));
        let within: [fn(CqlType) -> CqlType; 5] = [
            |of| of,
            |of| CqlType::List(Box::new(of)),
            |of| CqlType::Set(Box::new(of)),
            |of| CqlType::Map(Box::new((NativeType::Int.into(), of))),
            |of| CqlType::Tuple(vec![NativeType::Text.into(), of]),
        ];
        for of in within {
            assert!(of(new.clone()).has_grown_from(&of(old.clone())));
            assert!(of(old.clone()).has_grown_from(&of(old.clone())));
            assert!(!of(old.clone()).has_grown_from(&of(new.clone())));
            assert!(!of(udt("t", &["b", "a"])).has_grown_from(&of(old.clone())));
            assert!(!of(udt("other", &["a"])).has_grown_from(&of(old.clone())));
        }
        assert!(!within[1](new.clone()).has_grown_from(&within[2](new)));
    }

    #[test]
    fn every_option_survives_the_wire() {
        let text = || Box::new(CqlType::from(NativeType::Text));
        let udt = UdtType {
            keyspace: "ks".into(),
            name: "address".into(),
            fields: vec![("street".into(), *text()), ("zips".into(), CqlType::List(text()))],
        };
        let mut types: Vec<CqlType> = NativeType::KNOWN.iter().copied().map(Into::into).collect();
        types.extend([
            NativeType::Unknown(0x99).into(),
            CqlType::List(text()),
            CqlType::Set(text()),
            CqlType::Map(Box::new((*text(), CqlType::Udt(Arc::new(udt))))),
            CqlType::Tuple(vec![*text(), CqlType::Tuple(vec![])]),
            CqlType::Custom("com.example.Point".into()),
            CqlType::vector(NativeType::Float.into(), 3),
        ]);
        for cql_type in types {
            for version in Version::ALL {
                let bytes = encode(&cql_type, version);
                assert_eq!(decode(&bytes).as_ref(), Ok(&cql_type));
                for end in 0..bytes.len() {
                    assert!(CqlType::decode(&mut Reader::new(&bytes[..end])).is_err());
                }
            }
        }
    }

    #[test]
    fn a_type_that_a_version_has_no_id_for_is_a_custom_type() {
        let duration = CqlType::from(NativeType::Duration);
        assert_eq!(encode(&duration, Version::V5), [0, 0x15]);
        assert_eq!(encode(&duration, Version::V4)[..2], [0, 0]);
        let mut context = Context::from(Version::V4);
        context.extensions.duration = true;
        let mut out = Vec::new();
        duration.encode(&mut Writer::new(&mut out), &context).unwrap();
        assert_eq!(out, [0, 0x15]);
        assert_eq!(encode(&NativeType::Date.into(), Version::V3)[..2], [0, 0]);
        assert_eq!(encode(&NativeType::Date.into(), Version::V4), [0, 0x11]);
    }

    /// ScyllaDB has no blank before the comma.
    #[test]
    fn a_vector_is_the_same_however_its_class_is_written() {
        let ours = CqlType::vector(NativeType::Float.into(), 3);
        let class = ours.class_name().replace(" ,", ",");
        let theirs = CqlType::from_class(&class);
        assert_eq!(theirs, ours);
        assert_eq!(theirs.class_name(), class);
        assert_ne!(theirs, CqlType::vector(NativeType::Float.into(), 4));
        assert_ne!(theirs, CqlType::vector(NativeType::Double.into(), 3));
    }

    #[test]
    fn nesting_has_a_bound() {
        let lists = |depth: usize| [[0, 0x20].repeat(depth), vec![0, 9]].concat();
        assert!(decode(&lists(MAX_TYPE_DEPTH - 1)).is_ok());
        for depth in [MAX_TYPE_DEPTH, 100_000] {
            assert_eq!(decode(&lists(depth)).unwrap_err().kind(), DecodeErrorKind::NestedTooDeep);
        }
    }
}
