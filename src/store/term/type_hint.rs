//! The types that type hints and casts name.

use std::sync::Arc;

use crate::cql::TypeName;
use crate::message::ServerError;
use crate::store::error::invalid;
use crate::store::schema::TableSchema;
use crate::types::{CqlType, UdtType};

/// Returns the type with this name. User-defined types are those of the columns of `table`.
///
/// # Errors
/// Returns an INVALID error if there is no such type.
pub(in crate::store) fn resolve(
    name: &TypeName,
    table: &TableSchema,
) -> Result<CqlType, ServerError> {
    let mut unknown = None;
    let find = |keyspace: Option<&str>, name: &str| {
        let own = &*table.name.keyspace;
        let mut types = table.columns.iter().map(|column| &column.cql_type);
        let found = types.find_map(|cql_type| find_udt(cql_type, keyspace.unwrap_or(own), name));
        if found.is_none() {
            unknown = Some(format!("{}.{name}", keyspace.unwrap_or(own)));
        }
        found
    };
    CqlType::parse_with(&name.0, find).map_err(|_| match unknown {
        Some(unknown) => invalid(format!("Unknown type {unknown}")),
        None => invalid(format!("Unknown type {name}")),
    })
}

fn find_udt(cql_type: &CqlType, keyspace: &str, name: &str) -> Option<Arc<UdtType>> {
    match cql_type {
        CqlType::Udt(udt) if udt.keyspace == keyspace && udt.name == name => Some(Arc::clone(udt)),
        CqlType::Udt(udt) => udt.fields.iter().find_map(|(_, of)| find_udt(of, keyspace, name)),
        CqlType::List(of) | CqlType::Set(of) => find_udt(of, keyspace, name),
        CqlType::Map(of) => {
            find_udt(&of.0, keyspace, name).or_else(|| find_udt(&of.1, keyspace, name))
        }
        CqlType::Tuple(types) => types.iter().find_map(|of| find_udt(of, keyspace, name)),
        CqlType::Vector(vector) => find_udt(&vector.element, keyspace, name),
        CqlType::Native(_) | CqlType::Custom(_) => None,
    }
}
