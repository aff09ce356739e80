//! The names of elements of the schema, and the errors if there is no such element.

use std::sync::Arc;

use super::{Catalog, Keyspace};
use crate::cql::TableName;
use crate::message::{ErrorCode, ErrorDetails, ServerError};
use crate::store::error::invalid;
use crate::store::schema::TableSchema;
use crate::store::source::Database;

/// The keyspaces that no client may change.
const SYSTEM: [&str; 2] = ["system", "system_schema"];

/// Returns the keyspace that a name has, or the keyspace of the connection.
///
/// # Errors
/// Returns an INVALID error if there is neither.
pub(in crate::store) fn keyspace_of<'n>(
    name: &'n TableName,
    current: Option<&'n str>,
) -> Result<&'n str, ServerError> {
    name.keyspace.as_deref().or(current).ok_or_else(no_keyspace)
}

/// Returns a name with the keyspace that it has, or that of the connection.
///
/// # Errors
/// Returns an INVALID error if there is neither.
pub(in crate::store) fn qualified(
    name: &TableName,
    current: Option<&str>,
) -> Result<TableName, ServerError> {
    let keyspace = keyspace_of(name, current)?.to_owned();
    Ok(TableName { keyspace: Some(keyspace), name: name.name.clone() })
}

/// Returns the table that a name in the keyspace `current` means.
///
/// # Errors
/// Returns an INVALID error if there is no such table.
pub(in crate::store) fn find_table(
    name: &TableName,
    current: Option<&str>,
    database: &dyn Database,
) -> Result<Arc<TableSchema>, ServerError> {
    let keyspace = keyspace_of(name, current)?;
    match database.table(keyspace, &name.name) {
        Some(table) => Ok(table),
        None if !database.has_keyspace(keyspace) => {
            Err(invalid(format!("keyspace {keyspace} does not exist")))
        }
        None => Err(invalid(format!("table {} does not exist", name.name))),
    }
}

/// Returns the error for a statement that names no keyspace, on a connection without one.
pub(in crate::store) fn no_keyspace() -> ServerError {
    invalid(
        "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename",
    )
}

/// Returns the keyspace that a name has, or that of the connection, if clients may change it.
///
/// # Errors
/// Returns an INVALID error if there is neither, or an error if the keyspace belongs to the system.
pub(super) fn modifiable_keyspace<'n>(
    name: &'n TableName,
    current: Option<&'n str>,
) -> Result<&'n str, ServerError> {
    let keyspace = keyspace_of(name, current)?;
    check_modifiable(keyspace)?;
    Ok(keyspace)
}

/// Returns an error if a keyspace belongs to the system.
pub(super) fn check_modifiable(keyspace: &str) -> Result<(), ServerError> {
    if SYSTEM.contains(&keyspace) {
        let message = format!("{keyspace} keyspace is not user-modifiable.");
        return Err(ServerError::new(ErrorCode::Unauthorized, message));
    }
    match keyspace.starts_with("system_") {
        true => Err(invalid(format!("MockServer does not support changes of keyspace {keyspace}"))),
        false => Ok(()),
    }
}

/// Returns true if a keyspace or a table may have this name.
pub(super) fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

pub(super) fn already_exists(keyspace: &str, table: &str) -> ServerError {
    let message = match table.is_empty() {
        true => format!("Cannot add existing keyspace \"{keyspace}\""),
        false => {
            format!("Cannot add already existing table \"{table}\" to keyspace \"{keyspace}\"")
        }
    };
    let (keyspace, table) = (keyspace.to_owned(), table.to_owned());
    let details = ErrorDetails::AlreadyExists { keyspace, table };
    ServerError { code: ErrorCode::AlreadyExists, message, details }
}

impl Catalog {
    /// Returns the keyspace in which a statement creates an element.
    pub(super) fn target(&mut self, keyspace: &str) -> Result<&mut Keyspace, ServerError> {
        check_modifiable(keyspace)?;
        let missing = || invalid(format!("Keyspace '{keyspace}' doesn't exist"));
        self.keyspaces.get_mut(keyspace).ok_or_else(missing)
    }
}
