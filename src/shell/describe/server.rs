//! The result of a server that executes DESCRIBE.

use super::layout::{head, in_columns, ranges};
use super::request::Request;
use crate::cli::Failure;
use crate::session::QueryResult;
use crate::types::{Record, Value};

/// Returns the text that cqlsh prints for the result of a command, and for the warnings of the server.
/// `has_keyspace` is true if a keyspace is in use.
///
/// # Errors
/// Returns an error if the result is malformed.
pub(super) fn description(
    request: &Request,
    has_keyspace: bool,
    result: &QueryResult,
) -> Result<String, Failure> {
    let rows = result.rows::<Record>()?.collect::<Result<Vec<_>, _>>()?;
    let names = |rows: &[Record]| -> Vec<_> { rows.iter().map(|row| text(row, "name")).collect() };
    let mut description = match request {
        Request::Keyspaces => format!("\n{}\n", in_columns(&names(&rows))),
        Request::Names(_) => {
            let is_same = |a: &Record, b: &Record| a.get("keyspace_name") == b.get("keyspace_name");
            let in_keyspace = |rows: &[Record]| {
                let keyspace = rows.first().filter(|_| !has_keyspace);
                let head = keyspace.map(|row| head(&text(row, "keyspace_name")));
                format!("\n{}{}", head.unwrap_or_default(), in_columns(&names(rows)))
            };
            let end = if rows.is_empty() { "" } else { "\n" };
            rows.chunk_by(is_same).map(in_keyspace).collect::<String>() + end
        }
        Request::Cluster => rows.iter().map(cluster).collect(),
        Request::Schema { .. }
        | Request::Keyspace { .. }
        | Request::Element { .. }
        | Request::Any(_) => {
            rows.iter().map(|row| format!("\n{}\n", text(row, "create_statement"))).collect()
        }
    };
    if !result.warnings().is_empty() {
        description.push_str("\nWarnings :\n");
        description.extend(result.warnings().iter().map(|warning| format!("{warning}\n\n")));
    }
    Ok(description)
}

fn cluster(row: &Record) -> String {
    let (cluster, partitioner) = (text(row, "cluster"), text(row, "partitioner"));
    let snitch = text(row, "snitch");
    // The server adds the ranges if a keyspace is in use.
    let owners = match row.get("range_ownership") {
        Some(Value::Map(owners)) => {
            ranges(owners.iter().map(|(token, replicas)| (plain(token), plain_list(replicas))))
        }
        _ => String::new(),
    };
    format!("\nCluster: {cluster}\nPartitioner: {partitioner}\nSnitch: {snitch}\n\n{owners}")
}

/// Returns the text of a column, or an empty text if there is none.
fn text(row: &Record, column: &str) -> String {
    row.get(column).map(plain).unwrap_or_default()
}

fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Ascii(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn plain_list(value: &Value) -> Vec<String> {
    match value {
        Value::List(values) => values.iter().map(plain).collect(),
        _ => Vec::new(),
    }
}
