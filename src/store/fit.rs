//! The fit of a value of one type for another type.

use crate::types::{CqlType, NativeType};

/// The fit of a term for a type. Cassandra chooses among the functions of one name by the fit of their
/// arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Fit {
    No,
    /// The term can be a value of the type, and of other types.
    Weak,
    /// The type is the one that the term has by itself.
    Exact,
}

impl Fit {
    /// Returns the fit of a value of type `found` for a receiver of type `cql_type`.
    pub(in crate::store) fn of_type(found: &CqlType, cql_type: &CqlType) -> Self {
        match (found, cql_type) {
            _ if found == cql_type => Self::Exact,
            (CqlType::Native(found), CqlType::Native(cql_type))
                if is_compatible(*found, *cql_type) =>
            {
                Self::Weak
            }
            _ => Self::No,
        }
    }
}

/// Returns true if each value of the type `found` is, byte for byte, a value of `cql_type`.
const fn is_compatible(found: NativeType, cql_type: NativeType) -> bool {
    use NativeType::{
        Ascii, BigInt, Blob, Date, Int, Text, Time, TimeUuid, Timestamp, Uuid, Varint,
    };
    matches!(
        (found, cql_type),
        (_, Blob)
            | (Ascii, Text)
            | (Int | BigInt | Timestamp, Varint)
            | (TimeUuid, Uuid)
            | (Timestamp | Time, BigInt)
            | (BigInt, Timestamp)
            | (Date, Int)
    )
}
