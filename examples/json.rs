//! Rows as JSON, and JSON as values.
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

    // The variables of the statement say what the JSON of each column is to become.
    let insert = "INSERT INTO readings (sensor, at, levels, \"batteryLeft\", note) \
                  VALUES (?, ?, ?, ?, ?)";
    let insert = session.prepare(insert).await?;
    let reading = json!({
        "sensor": "north",
        "at": "2024-02-29T12:53:18.001Z",
        "levels": {"1": 0.5, "2": "NaN"},
        "\"batteryLeft\"": 0.75,
    });
    let values = insert.variables().iter().map(|variable| value(&reading, variable));
    session.execute(&insert, values.collect::<Result<Vec<_>, _>>()?).await?;

    // An object a row, by the names of the columns.
    let select = "SELECT sensor, at, levels, \"batteryLeft\", note FROM readings";
    let result = session.execute(select, ()).await?;
    for record in result.rows::<Record>()? {
        println!("{}", Json::from(record?));
    }
    Ok(())
}

/// The value of a variable. A column that the object does not have is left as it is: null would
/// delete what is there.
fn value(object: &Json, variable: &ColumnSpec) -> Result<MaybeUnset<Value>, JsonError> {
    match object.get(key(&variable.name)) {
        Some(json) => Value::from_json(&variable.cql_type, json).map(MaybeUnset::Set),
        None => Ok(MaybeUnset::Unset),
    }
}

/// A column's name as `SELECT JSON` and `Json::from` a record have it: in double quotes of its own,
/// unless it is lower case.
fn key(column: &str) -> String {
    match column == column.to_lowercase() {
        true => column.to_owned(),
        false => format!("\"{column}\""),
    }
}
