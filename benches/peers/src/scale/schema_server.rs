//! A server with many tables, which has prepared its answers to the reads of the schema.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cqlwire::cluster::schema::SchemaPart;
use cqlwire::message::{Request, RequestFrame};
use cqlwire::session::Session;
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{ColumnSpec, Record, Value};
use uuid::Uuid;

/// The keyspaces that share the tables.
pub const KEYSPACES: usize = 4;

/// The table that all tables are copies of, with ten columns.
const TABLE: &str = "(id uuid, day date, created_at timestamp, name text, email text, tags set<text>, \
                     attributes map<text, text>, score double, flags list<int>, version bigint, \
                     PRIMARY KEY ((id, day), created_at))";

/// The statements with which scylla reads the schema.
const SCYLLA: [(&str, Table); 2] = [
    ("SELECT keyspace_name, table_name FROM system_schema.tables", Table::Tables),
    (
        "SELECT keyspace_name, table_name, column_name, kind, position, type \
         FROM system_schema.columns",
        Table::Columns,
    ),
];

/// A table of `system_schema` whose rows depend on the number of tables.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Table {
    Tables,
    Columns,
}

/// Starts a server with `tables` tables.
pub async fn start(tables: usize) -> MockServer {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let session = Session::builder().contact_points([server.address().to_string()]);
    let session = session.fetch_schema(false).connect().await.unwrap();
    for keyspace in (0..KEYSPACES).map(keyspace_name) {
        let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
        let create = format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}");
        session.execute(create, ()).await.unwrap();
        let create = format!("CREATE TABLE {keyspace}.{} {TABLE}", table_name(0));
        session.execute(create, ()).await.unwrap();
    }
    let rows = Rows {
        tables: Template::read(&session, SchemaPart::Tables, tables).await,
        columns: Template::read(&session, SchemaPart::Columns, tables).await,
    };
    session.close(Duration::from_secs(60)).await;
    let server = SCYLLA.into_iter().fold(server, |server, (statement, table)| {
        server.on(statement, rows.reply(statement, table))
    });
    let replies = Mutex::new(HashMap::new());
    let rows = Arc::new(rows);
    server.on_request(move |frame: &RequestFrame<'_>| {
        let Request::Query(query) = &frame.request else { return None };
        let is_of = |name: &str| query.text.contains(name);
        let table = match () {
            () if is_of("system_schema.tables") => Table::Tables,
            () if is_of("system_schema.columns") => Table::Columns,
            () => return None,
        };
        let mut replies = replies.lock().unwrap();
        let reply = replies.entry(query.text.to_string());
        Some(reply.or_insert_with(|| rows.reply(&query.text, table)).clone())
    })
}

fn keyspace_name(number: usize) -> String {
    format!("shop_{number}")
}

fn table_name(number: usize) -> String {
    format!("orders_{number:05}")
}

struct Rows {
    tables: Template,
    columns: Template,
}

impl Rows {
    /// Returns the reply to a SELECT statement, with its columns and the rows of its conditions.
    fn reply(&self, statement: &str, table: Table) -> Reply {
        let template = match table {
            Table::Tables => &self.tables,
            Table::Columns => &self.columns,
        };
        let names = statement.split_once(" FROM ").unwrap().0.trim_start_matches("SELECT ");
        let indices: Vec<usize> = match names {
            "*" => (0..template.columns.len()).collect(),
            names => names.split(", ").map(|name| template.index(name)).collect(),
        };
        let of_condition = |name: &str| {
            let (_, value) = statement.split_once(&format!("{name} = '"))?;
            value.split('\'').next().map(str::to_owned)
        };
        let conditions = ["keyspace_name", "table_name"]
            .map(|name| of_condition(name).map(|value| (template.index(name), Value::Text(value))));
        let is_wanted = |row: &Vec<Value>| {
            conditions.iter().flatten().all(|(index, value)| row[*index] == *value)
        };
        let rows = template.rows.iter().filter(|row| is_wanted(row));
        let rows = rows.map(|row| indices.iter().map(|index| row[*index].clone()).collect());
        let columns = indices.iter().map(|index| template.columns[*index].clone());
        Reply::rows(columns, rows.collect::<Vec<Vec<_>>>())
    }
}

/// The rows of a table of `system_schema`.
struct Template {
    columns: Vec<ColumnSpec>,
    rows: Vec<Vec<Value>>,
}

impl Template {
    /// Reads the rows, and repeats those of each keyspace of the bench for all of its tables.
    async fn read(session: &Session, part: SchemaPart, tables: usize) -> Self {
        let select = format!(
            "SELECT * FROM {}",
            match part {
                SchemaPart::Tables => "system_schema.tables",
                _ => "system_schema.columns",
            }
        );
        let result = session.execute(select, ()).await.unwrap();
        let mut template = Self { columns: result.columns().to_vec(), rows: Vec::new() };
        let [keyspace, table] = ["keyspace_name", "table_name"].map(|name| template.index(name));
        let id = template.columns.iter().position(|column| *column.name == *"id");
        let records = result.rows::<Record>().unwrap().map(|row| row.unwrap().into_values());
        let (of_bench, of_server): (Vec<_>, Vec<_>) = records.partition(
            |row| matches!(&row[keyspace], Value::Text(name) if name.starts_with("shop_")),
        );
        for number in 0..tables {
            let name = Value::Text(keyspace_name(number * KEYSPACES / tables));
            for row in of_bench.iter().filter(|row| row[keyspace] == name) {
                let mut row = row.clone();
                row[table] = Value::Text(table_name(number));
                if let Some(id) = id {
                    row[id] = Value::Uuid(Uuid::from_u128(number as u128));
                }
                template.rows.push(row);
            }
        }
        template.rows.extend(of_server);
        template
    }

    fn index(&self, name: &str) -> usize {
        self.columns.iter().position(|column| *column.name == *name).unwrap()
    }
}
