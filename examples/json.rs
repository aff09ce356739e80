//! Converts JSON to bound values, and rows to JSON.
//!
//! `cargo run --example json --features serde-json-1 -- 127.0.0.1:9042`

mod common;

use cqlwire::types::{ColumnSpec, JsonError, MaybeUnset, Record, Value};
use serde_json::{Value as Json, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session = common::session().await?;
    session
        .execute(
            "CREATE TABLE IF NOT EXISTS readings (sensor text, at timestamp, levels map<int, double>, \
             \"batteryLeft\" float, note text, PRIMARY KEY (sensor, at))",
            (),
        )
        .await?;

    // The types of the bind variables decide how each JSON value is converted.
    let insert = "INSERT INTO readings (sensor, at, levels, \"batteryLeft\", note) \
                  VALUES (?, ?, ?, ?, ?)";
    let insert = session.prepare(insert).await?;
    let reading = json!({
        "sensor": "north",
        "at": "2024-02-29T12:53:18.001Z",
        "levels": {"1": 0.5, "2": "NaN"},
        "\"batteryLeft\"": 0.75,
    });
    let variables = insert.variables();
    let values = variables.iter().map(|variable| value(&reading, variable));
    session.execute(&insert, values.collect::<Result<Vec<_>, _>>()?).await?;

    // Each row becomes a JSON object with the column names as keys.
    let select = "SELECT sensor, at, levels, \"batteryLeft\", note FROM readings";
    let result = session.execute(select, ()).await?;
    for record in result.rows::<Record>()? {
        println!("{}", Json::from(record?));
    }
    Ok(())
}

/// Converts the JSON value for a bind variable. Returns unset if the key is missing, because null
/// would delete the stored value.
fn value(object: &Json, variable: &ColumnSpec) -> Result<MaybeUnset<Value>, JsonError> {
    match object.get(key(&variable.name)) {
        Some(json) => Value::from_json(&variable.cql_type, json).map(MaybeUnset::Set),
        None => Ok(MaybeUnset::Unset),
    }
}

/// Returns the JSON key of a column, as `SELECT JSON` and `Json::from` write it. A name that is not
/// all lower case is in double quotes.
fn key(column: &str) -> String {
    match column == column.to_lowercase() {
        true => column.to_owned(),
        false => format!("\"{column}\""),
    }
}
