//! The names of types, as Cassandra writes them in errors.

use std::fmt::{self, Display};

use crate::types::{CqlType, Identifier, NativeType};

/// A type as Cassandra's errors name it. Tuples, and the collections and user-defined types within
/// other types, are frozen; names of user-defined types have no keyspace.
pub(in crate::store) struct TypeText<'t>(pub(in crate::store) &'t CqlType);

impl Display for TypeText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0, false)
    }
}

fn write(f: &mut fmt::Formatter<'_>, cql_type: &CqlType, is_inner: bool) -> fmt::Result {
    let is_frozen = matches!(cql_type, CqlType::Tuple(_))
        || is_inner
            && matches!(
                cql_type,
                CqlType::List(_) | CqlType::Set(_) | CqlType::Map(_) | CqlType::Udt(_)
            );
    if is_frozen {
        f.write_str("frozen<")?;
    }
    match cql_type {
        CqlType::List(element) | CqlType::Set(element) => {
            let name = if matches!(cql_type, CqlType::List(_)) { "list" } else { "set" };
            write!(f, "{name}<")?;
            write(f, element, true)?;
            f.write_str(">")?;
        }
        CqlType::Map(types) => {
            f.write_str("map<")?;
            write(f, &types.0, true)?;
            f.write_str(", ")?;
            write(f, &types.1, true)?;
            f.write_str(">")?;
        }
        CqlType::Tuple(types) => {
            f.write_str("tuple<")?;
            for (index, cql_type) in types.iter().enumerate() {
                f.write_str(if index > 0 { ", " } else { "" })?;
                write(f, cql_type, true)?;
            }
            f.write_str(">")?;
        }
        CqlType::Vector(vector) => {
            f.write_str("vector<")?;
            write(f, &vector.element, true)?;
            write!(f, ", {}>", vector.dimensions)?;
        }
        CqlType::Udt(udt) => Identifier(&udt.name).fmt(f)?,
        CqlType::Native(_) | CqlType::Custom(_) => cql_type.fmt(f)?,
    }
    f.write_str(if is_frozen { ">" } else { "" })
}

/// Returns the error text of Cassandra for a text that is no value of a type.
pub(in crate::store) fn unparsable(cql_type: &CqlType, text: &str) -> String {
    let CqlType::Native(native) = cql_type else {
        return format!("Unable to make {} from '{text}'", TypeText(cql_type));
    };
    match native {
        NativeType::BigInt | NativeType::Counter => format!("Unable to make long from '{text}'"),
        NativeType::SmallInt => format!("Unable to make short from '{text}'"),
        NativeType::TinyInt => format!("Unable to make byte from '{text}'"),
        NativeType::Varint => format!("unable to make int from '{text}'"),
        NativeType::Decimal => format!("unable to make BigDecimal from '{text}'"),
        NativeType::Inet => format!("Unable to make inet address from '{text}'"),
        NativeType::Date => format!("Unable to coerce '{text}' to a formatted date (long)"),
        NativeType::Time => {
            format!("(TimeType) Unable to coerce '{text}' to a formatted time (long)")
        }
        NativeType::Timestamp => format!("Unable to parse a date/time from '{text}'"),
        NativeType::Uuid => format!("Unable to make UUID from '{text}'"),
        NativeType::TimeUuid => format!("Unknown timeuuid representation: {text}"),
        NativeType::Ascii => format!("Invalid ASCII character in string literal: {text}"),
        NativeType::Boolean => format!("Unable to make boolean from '{text}'"),
        NativeType::Blob => format!("cannot parse '{text}' as hex bytes"),
        NativeType::Duration => format!("Unable to convert '{text}' to a duration"),
        _ => format!("Unable to make {native} from '{text}'"),
    }
}
