//! CQL types.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::wire::wire_codes;

/// Maximum nesting depth of types: `int` has depth 1, `list<int>` has depth 2. `frozen` does not
/// count.
///
/// Cassandra has no bound. This one keeps functions that recurse into a type or a value within half
/// of the 2 MiB stack that tokio and the standard library give a thread, also without optimization.
pub const MAX_TYPE_DEPTH: usize = 128;

wire_codes! {
    /// A CQL type without parameters, with its `[option]` id.
    pub enum NativeType(u16) {
        /// US-ASCII text.
        Ascii = 0x01 "ascii",
        /// A 64-bit integer.
        BigInt = 0x02 "bigint",
        /// Arbitrary bytes.
        Blob = 0x03 "blob",
        /// A boolean.
        Boolean = 0x04 "boolean",
        /// A distributed 64-bit counter.
        Counter = 0x05 "counter",
        /// A decimal number of arbitrary precision.
        Decimal = 0x06 "decimal",
        /// A 64-bit floating-point number.
        Double = 0x07 "double",
        /// A 32-bit floating-point number.
        Float = 0x08 "float",
        /// A 32-bit integer.
        Int = 0x09 "int",
        /// An instant in milliseconds since 1970-01-01T00:00:00Z.
        Timestamp = 0x0B "timestamp",
        /// A UUID of any version.
        Uuid = 0x0C "uuid",
        /// UTF-8 text, which the specification calls `varchar`.
        Text = 0x0D "text",
        /// An integer of arbitrary precision.
        Varint = 0x0E "varint",
        /// A UUID of version 1.
        TimeUuid = 0x0F "timeuuid",
        /// An IPv4 or IPv6 address.
        Inet = 0x10 "inet",
        /// A calendar date (v4 and later).
        Date = 0x11 "date",
        /// A time of day in nanoseconds since midnight (v4 and later).
        Time = 0x12 "time",
        /// A 16-bit integer (v4 and later).
        SmallInt = 0x13 "smallint",
        /// An 8-bit integer (v4 and later).
        TinyInt = 0x14 "tinyint",
        /// A duration in months, days and nanoseconds (v5, or v4 with
        /// [`Extensions::duration`](crate::wire::Extensions::duration)).
        Duration = 0x15 "duration",
    }
}

impl NativeType {
    /// Returns the name of the Rust type that [`Value`](super::Value) holds for this type, or `None`
    /// if the type is unknown.
    pub(super) const fn rust_type(self) -> Option<&'static str> {
        Some(match self {
            Self::Ascii | Self::Text => "String",
            Self::BigInt | Self::Counter => "i64",
            Self::Blob => "Bytes",
            Self::Boolean => "bool",
            Self::Date => "Date",
            Self::Decimal => "Decimal",
            Self::Double => "f64",
            Self::Duration => "Duration",
            Self::Float => "f32",
            Self::Inet => "IpAddr",
            Self::Int => "i32",
            Self::SmallInt => "i16",
            Self::Time => "Time",
            Self::Timestamp => "Timestamp",
            Self::TinyInt => "i8",
            Self::TimeUuid | Self::Uuid => "Uuid",
            Self::Varint => "Varint",
            Self::Unknown(_) => return None,
        })
    }
}

/// A CQL type.
///
/// `Display` writes the type in CQL syntax, and `FromStr` parses this text. The text contains the
/// names of user-defined types, but not their fields; [`parse_with`](Self::parse_with) looks up the
/// fields.
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
    /// `vector<T, n>`, which all protocol versions send as a custom type.
    Vector(Box<VectorType>),
    /// A custom type, by the name of its Java class.
    Custom(Box<str>),
}

/// A user-defined type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UdtType {
    /// The keyspace of the type.
    pub keyspace: String,
    /// The name of the type.
    pub name: String,
    /// The names and types of the fields, in order.
    pub fields: Vec<(String, CqlType)>,
}

/// The type `vector<element, dimensions>`. Two vector types are equal if their elements and
/// dimensions are equal, even if servers format the class name differently.
#[derive(Debug, Clone)]
pub struct VectorType {
    /// The type of each element.
    pub element: CqlType,
    /// The number of elements.
    pub dimensions: usize,
    /// The name of the Java class, as the server sent it. Servers differ in their use of spaces.
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
    /// Returns true if every value of type `older` is also a valid value of this type. The types
    /// must be equal, except that user-defined types in this type may have additional trailing
    /// fields, which `ALTER TYPE ... ADD` has appended.
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

    /// Returns true if values of this type are text: `text`, `varchar` or `ascii`.
    pub const fn is_text(&self) -> bool {
        matches!(self, Self::Native(NativeType::Text | NativeType::Ascii))
    }

    /// Returns the size in bytes of each vector element of this type, or `None` if each element is
    /// preceded by its length.
    ///
    /// Also returns `None` for `smallint`, `tinyint`, `date` and `time`: they have a fixed size,
    /// but Cassandra writes their lengths.
    pub(crate) fn fixed_size_in_vector(&self) -> Option<usize> {
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

    #[test]
    fn a_type_has_grown_if_a_user_defined_type_in_it_has_more_fields() {
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
}
