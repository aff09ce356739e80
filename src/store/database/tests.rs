//! Statements on a store, with the results and the error texts of Cassandra 5.0.6.

mod conditions;
mod definitions;
mod deletions;
mod figures;
mod large;
mod recompiled;
mod times;
mod writes;

use super::*;
use crate::message::{SchemaChange, SchemaTarget};
use crate::store::schema::TableSchema;
use crate::store::source::{Database, Row, Scan};
use crate::types::Value;
use crate::wire::RawValue;

/// A system without tables.
struct NoTables;

impl System for NoTables {
    fn tables<'s>(&'s self, _: &'s Catalog) -> Box<dyn Database + 's> {
        Box::new(Self)
    }
}

impl Database for NoTables {
    fn has_keyspace(&self, _: &str) -> bool {
        false
    }

    fn table(&self, _: &str, _: &str) -> Option<Arc<TableSchema>> {
        None
    }

    fn scan<'d>(&'d self, _: &'d TableSchema, _: &'d Scan) -> Box<dyn Iterator<Item = Row> + 'd> {
        Box::new(std::iter::empty())
    }
}

/// A store with the keyspace `ks`, which is the keyspace of the connection.
pub(super) struct Session {
    store: Store,
    /// The time in microseconds since 1970.
    now: i64,
}

impl Session {
    fn new() -> Self {
        let store = Store::new(1, ["datacenter1".to_owned()].into());
        let mut session = Self { store, now: 1_000_000_000 };
        session.run(
            "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
        );
        session
    }

    /// Returns a store after these statements.
    fn with(statements: &[&str]) -> Self {
        let mut session = Self::new();
        for statement in statements {
            let result = session.run(statement);
            assert!(!result.starts_with("0x"), "{statement}: {result}");
        }
        session
    }

    /// Executes a statement one second after the one before. Returns the rows as text, the change of
    /// the schema, or the code and the text of the error.
    fn run(&mut self, statement: &str) -> String {
        self.bind(statement, &[])
    }

    /// Executes a statement with values. `None` is unset.
    fn bind(&mut self, statement: &str, values: &[Option<Value>]) -> String {
        self.now += 1_000_000;
        text(self.execute(statement, values))
    }

    /// Executes a statement with the time of a v5 request, one second after the one before.
    fn run_at(&mut self, now_in_seconds: i32, statement: &str) -> String {
        self.now += 1_000_000;
        let execution = Execution {
            now: self.now,
            now_in_seconds: Some(now_in_seconds),
            ..Execution::default()
        };
        let prepared = self.store.prepare(statement, Some("ks"), &NoTables).unwrap();
        text(self.store.execute(&prepared, &execution, &NoTables))
    }

    fn execute(
        &mut self,
        statement: &str,
        values: &[Option<Value>],
    ) -> Result<Outcome, ServerError> {
        let prepared = self.store.prepare(statement, Some("ks"), &NoTables)?;
        let encoded = encode(prepared.variables(), values);
        let execution =
            Execution { values: named(&encoded), now: self.now, ..Execution::default() };
        self.store.execute(&prepared, &execution, &NoTables)
    }

    /// Checks the results of statements.
    fn check(&mut self, expected: &[(&str, &str)]) {
        for (statement, result) in expected {
            assert_eq!(self.run(statement), *result, "{statement}");
        }
    }
}

/// Returns the encoded values; `None` for null, and an outer `None` for unset.
fn encode(
    variables: &[crate::types::ColumnSpec],
    values: &[Option<Value>],
) -> Vec<Option<Option<Vec<u8>>>> {
    let encode = |(index, value): (usize, &Option<Value>)| {
        let value = value.as_ref()?;
        let mut bytes = Vec::new();
        let spec = &variables.get(index)?.cql_type;
        value.encode(spec, &mut crate::wire::Writer::new(&mut bytes)).unwrap();
        Some((*value != Value::Null).then(|| bytes.split_off(4)))
    };
    values.iter().enumerate().map(encode).collect()
}

fn named(encoded: &[Option<Option<Vec<u8>>>]) -> Vec<NamedValue<'_>> {
    let mut values = Vec::new();
    for value in encoded {
        let value = match value {
            None => RawValue::Unset,
            Some(None) => RawValue::Null,
            Some(Some(bytes)) => RawValue::Bytes(bytes),
        };
        values.push(NamedValue { name: None, value });
    }
    values
}

/// Returns a result as text.
fn text(result: Result<Outcome, ServerError>) -> String {
    match result {
        Err(error) => format!("0x{:04x} {}", error.code.code(), error.message),
        Ok(Outcome::Void) => String::new(),
        Ok(Outcome::SetKeyspace(keyspace)) => format!("use {keyspace}"),
        Ok(Outcome::SchemaChange(SchemaChange { kind, target })) => {
            let target = match target {
                SchemaTarget::Keyspace { keyspace } => format!("keyspace {keyspace}"),
                SchemaTarget::Table { keyspace, table } => format!("table {keyspace}.{table}"),
                SchemaTarget::Type { keyspace, name } => format!("type {keyspace}.{name}"),
                target => format!("{target:?}"),
            };
            format!("{} {target}", kind.as_str())
        }
        Ok(Outcome::Rows { columns, rows, .. }) => {
            let values =
                |row: Vec<Value>| row.iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
            let rows: Vec<_> = rows.into_iter().map(values).collect();
            // The columns of a conditional statement differ from result to result.
            match columns.first().filter(|column| &*column.name == "[applied]") {
                Some(_) => {
                    let names: Vec<_> = columns.iter().map(|column| &*column.name).collect();
                    format!("{}: {}", names.join(" "), rows.join("; "))
                }
                None => rows.join("; "),
            }
        }
    }
}
