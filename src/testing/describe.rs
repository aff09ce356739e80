//! The result of DESCRIBE, as Cassandra 5.0 returns it.

use std::sync::Arc;

use super::system_tables::{CLUSTER_NAME, PARTITIONER, SystemTables};
use super::table::Table;
use crate::cql::{Describe, DescribeSubject, ElementKind, TableName};
use crate::message::{ErrorCode, ServerError};
use crate::schema::{Keyspace, Schema, SchemaPart, SchemaReader};
use crate::store::{Catalog, invalid};
use crate::types::{ColumnSpec, CqlType, Identifier, NativeType, TableSpec, Value};

/// An element of the schema, as a row of DESCRIBE.
struct Element {
    keyspace: String,
    kind: &'static str,
    name: String,
    statement: String,
}

/// Returns the rows of a DESCRIBE statement. `current` is the keyspace of the connection.
///
/// # Errors
/// Returns the INVALID error of Cassandra if the element does not exist.
pub(super) fn describe(
    statement: &Describe,
    current: Option<&str>,
    tables: &SystemTables,
    catalog: &Catalog,
) -> Result<Table, ServerError> {
    let schema = read_schema(tables, catalog)?;
    let internals = statement.with_internals;
    let elements = match &statement.subject {
        DescribeSubject::Cluster => return cluster(),
        DescribeSubject::Names(kind) => return names(*kind, current, &schema),
        DescribeSubject::Schema { is_full } => {
            let keyspaces = schema.keyspaces.values();
            let keyspaces =
                keyspaces.filter(|keyspace| *is_full || catalog.keyspace(&keyspace.name).is_some());
            keyspaces.flat_map(|keyspace| of_keyspace(keyspace, internals)).collect()
        }
        DescribeSubject::Keyspace { name, is_only } => {
            let name = name.as_deref().or(current).ok_or_else(no_keyspace)?;
            let keyspace = schema.keyspaces.get(name).ok_or_else(|| no_such_keyspace(name))?;
            let mut elements = of_keyspace(keyspace, internals);
            if *is_only {
                elements.truncate(1);
            }
            elements
        }
        DescribeSubject::Element(kind, name) => element(*kind, name, current, &schema, internals)?,
        DescribeSubject::Any(name) => any(name, current, &schema, internals)?,
    };
    let rows = elements.into_iter().map(|element| {
        let Element { keyspace, kind, name, statement } = element;
        [identifier(&keyspace), kind.to_owned(), identifier(&name), statement]
    });
    let columns = ["keyspace_name", "type", "name", "create_statement"];
    encode(columns.map(text_column).to_vec(), rows.map(|row| row.map(Value::Text).to_vec()))
}

/// Reads the schema from the system tables.
fn read_schema(tables: &SystemTables, catalog: &Catalog) -> Result<Schema, ServerError> {
    let mut reader: SchemaReader = Schema::reader();
    for part in SchemaPart::ALL {
        let Some(table) = part.table() else { continue };
        for record in tables.records(table, catalog)? {
            reader.row(part, record);
        }
    }
    Ok(reader.finish())
}

/// Returns the statements of a keyspace and its elements, in an order in which they can be executed.
fn of_keyspace(keyspace: &Keyspace, internals: bool) -> Vec<Element> {
    let own = Element {
        keyspace: keyspace.name.clone(),
        kind: "keyspace",
        name: keyspace.name.clone(),
        statement: keyspace.server_ddl(),
    };
    let types = keyspace.types_in_order();
    let types = types.map(|of| element_of(keyspace, "type", &of.udt.name, of.ddl()));
    let tables = keyspace.tables.keys().flat_map(|name| of_table(keyspace, name, internals));
    [own].into_iter().chain(types).chain(tables).collect()
}

/// Returns the statements of a table and its indexes. Returns none if there is no such table.
fn of_table(keyspace: &Keyspace, name: &str, internals: bool) -> Vec<Element> {
    let Some(table) = keyspace.tables.get(name) else { return Vec::new() };
    let own = element_of(keyspace, "table", name, table.server_ddl(internals));
    let index =
        |index: &crate::schema::Index| element_of(keyspace, "index", &index.name, index.ddl());
    [own].into_iter().chain(table.indexes.values().map(index)).collect()
}

fn element_of(keyspace: &Keyspace, kind: &'static str, name: &str, statement: String) -> Element {
    Element { keyspace: keyspace.name.clone(), kind, name: name.to_owned(), statement }
}

/// Returns the statements of the element that a statement names with its kind.
fn element(
    kind: ElementKind,
    name: &TableName,
    current: Option<&str>,
    schema: &Schema,
    internals: bool,
) -> Result<Vec<Element>, ServerError> {
    let keyspace = keyspace_of(name, current, schema)?;
    let (in_keyspace, name) = (&keyspace.name, &name.name);
    match kind {
        ElementKind::Keyspace => Ok(of_keyspace(keyspace, internals)),
        ElementKind::Table if keyspace.tables.contains_key(name) => {
            Ok(of_table(keyspace, name, internals))
        }
        ElementKind::Table => {
            Err(invalid(format!("Table '{name}' not found in keyspace '{in_keyspace}'")))
        }
        ElementKind::Type => match keyspace.types.get(name) {
            Some(of) => Ok(vec![element_of(keyspace, "type", name, of.ddl())]),
            None => {
                Err(invalid(format!("User defined type '{name}' not found in '{in_keyspace}'")))
            }
        },
        ElementKind::Index => index(keyspace, name).ok_or_else(|| {
            invalid(format!("Table for existing index '{name}' not found in '{in_keyspace}'"))
        }),
        ElementKind::MaterializedView => {
            Err(invalid(format!("Materialized view '{name}' not found in '{in_keyspace}'")))
        }
        ElementKind::Function => {
            Err(invalid(format!("User defined function '{name}' not found in '{in_keyspace}'")))
        }
        ElementKind::Aggregate => {
            Err(invalid(format!("User defined aggregate '{name}' not found in '{in_keyspace}'")))
        }
    }
}

/// Returns the statements of the element of a name: a keyspace, a table or an index.
fn any(
    name: &TableName,
    current: Option<&str>,
    schema: &Schema,
    internals: bool,
) -> Result<Vec<Element>, ServerError> {
    if name.keyspace.is_none()
        && let Some(keyspace) = schema.keyspaces.get(&name.name)
    {
        return Ok(of_keyspace(keyspace, internals));
    }
    if name.keyspace.is_none() && current.is_none() {
        return Err(no_such_keyspace(&name.name));
    }
    let keyspace = keyspace_of(name, current, schema)?;
    let table = of_table(keyspace, &name.name, internals);
    if !table.is_empty() {
        return Ok(table);
    }
    index(keyspace, &name.name).ok_or_else(|| {
        let (name, keyspace) = (&name.name, &keyspace.name);
        invalid(format!("'{name}' not found in keyspace '{keyspace}'"))
    })
}

fn index(keyspace: &Keyspace, name: &str) -> Option<Vec<Element>> {
    let index = keyspace.tables.values().find_map(|table| table.indexes.get(name))?;
    Some(vec![element_of(keyspace, "index", name, index.ddl())])
}

fn keyspace_of<'s>(
    name: &TableName,
    current: Option<&str>,
    schema: &'s Schema,
) -> Result<&'s Arc<Keyspace>, ServerError> {
    let keyspace = name.keyspace.as_deref().or(current).ok_or_else(no_keyspace)?;
    schema.keyspaces.get(keyspace).ok_or_else(|| no_such_keyspace(keyspace))
}

fn no_keyspace() -> ServerError {
    invalid("No keyspace specified and no current keyspace")
}

fn no_such_keyspace(name: &str) -> ServerError {
    invalid(format!("'{name}' not found in keyspaces"))
}

/// Returns the names of all elements of one kind, in the keyspace of the connection if there is one.
fn names(kind: ElementKind, current: Option<&str>, schema: &Schema) -> Result<Table, ServerError> {
    let mut rows = Vec::new();
    for keyspace in schema.keyspaces.values() {
        if kind != ElementKind::Keyspace && current.is_some_and(|name| name != keyspace.name) {
            continue;
        }
        let mut add = |kind: &str, name: &str| {
            rows.push([identifier(&keyspace.name), kind.to_owned(), identifier(name)]);
        };
        match kind {
            ElementKind::Keyspace => add("keyspace", &keyspace.name),
            ElementKind::Table => keyspace.tables.keys().for_each(|name| add("table", name)),
            ElementKind::Type => keyspace.types.keys().for_each(|name| add("type", name)),
            _ => {}
        }
    }
    let columns = ["keyspace_name", "type", "name"].map(text_column).to_vec();
    encode(columns, rows.into_iter().map(|row| row.map(Value::Text).to_vec()))
}

/// Returns the row of DESCRIBE CLUSTER, which names classes without their package.
fn cluster() -> Result<Table, ServerError> {
    let partitioner = PARTITIONER.rsplit('.').next().unwrap_or_default();
    let row = [CLUSTER_NAME, partitioner, "DynamicEndpointSnitch"]
        .map(|text| Value::Text(text.to_owned()));
    let columns = ["cluster", "partitioner", "snitch"].map(text_column).to_vec();
    encode(columns, [row.to_vec()])
}

fn identifier(name: &str) -> String {
    Identifier(name).to_string()
}

fn text_column(name: &str) -> ColumnSpec {
    let table = TableSpec { keyspace: "system".to_owned(), table: "describe".to_owned() };
    let cql_type = CqlType::from(NativeType::Text);
    ColumnSpec { table: Arc::new(table), name: name.into(), cql_type }
}

fn encode(
    columns: Vec<ColumnSpec>,
    rows: impl IntoIterator<Item = Vec<Value>>,
) -> Result<Table, ServerError> {
    Table::encode(columns, rows)
        .map_err(|error| ServerError::new(ErrorCode::Server, error.to_string()))
}
