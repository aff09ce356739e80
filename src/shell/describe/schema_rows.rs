//! The schema tables of a server that does not execute DESCRIBE.

use std::sync::Arc;

use crate::cluster::schema::{Keyspace, Schema, SchemaPart};
use crate::session::{Error, Session};
use crate::types::{Record, Value};

/// Reads a keyspace and its contents. Returns `None` if there is no such keyspace.
pub(super) async fn read_keyspace(
    session: &Session,
    name: &str,
) -> Result<Option<Arc<Keyspace>>, Error> {
    Ok(read(session, Some(name)).await?.pop())
}

/// Reads all keyspaces, in the order in which the server returns them.
pub(super) async fn read_keyspaces(session: &Session) -> Result<Vec<Arc<Keyspace>>, Error> {
    read(session, None).await
}

/// Reads the names of all keyspaces, in the order in which the server returns them.
pub(super) async fn read_keyspace_names(session: &Session) -> Result<Vec<String>, Error> {
    let select = "SELECT keyspace_name FROM system_schema.keyspaces";
    let mut rows = session.stream::<(String,)>(select, ());
    let mut names = Vec::new();
    while let Some((name,)) = rows.try_next().await? {
        names.push(name);
    }
    Ok(names)
}

async fn read(session: &Session, keyspace: Option<&str>) -> Result<Vec<Arc<Keyspace>>, Error> {
    let mut reader = Schema::reader();
    let mut names = Vec::new();
    // The optional parts are those of newer servers.
    for part in SchemaPart::ALL.into_iter().filter(|part| !part.is_optional()) {
        let mut rows = session.stream::<Record>(part.select(keyspace), ());
        while let Some(row) = rows.try_next().await? {
            if let (SchemaPart::Keyspaces, Some(Value::Text(name))) =
                (part, row.get("keyspace_name"))
            {
                names.push(name.clone());
            }
            reader.row(part, row);
        }
    }
    let mut keyspaces = reader.finish().keyspaces;
    Ok(names.iter().filter_map(|name| keyspaces.remove(name)).collect())
}
