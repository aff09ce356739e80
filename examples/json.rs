//! Rows as JSON, and JSON as values.
//!
//! `cargo run --example json --features serde-json-1 -- 127.0.0.1:9042`

mod common;

use cqlwire::types::{Record, Value};
use serde_json::{Value as Json, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session = common::session().await?;
    session
        .execute(
            "CREATE TABLE IF NOT EXISTS readings (sensor text, at timestamp, \
             levels map<int, double>, note text, PRIMARY KEY (sensor, at))",
            (),
        )
        .await?;

    // The variables of the statement say what the JSON of each column is to become.
    let insert = "INSERT INTO readings (sensor, at, levels) VALUES (:sensor, :at, :levels)";
    let insert = session.prepare(insert).await?;
    let reading = json!({
        "sensor": "north", "at": "2024-02-29T12:53:18.001Z", "levels": {"1": 0.5, "2": "NaN"}
    });
    let values: Vec<Value> = insert
        .variables()
        .iter()
        .map(|variable| Value::from_json(&variable.cql_type, &reading[&*variable.name]))
        .collect::<Result<_, _>>()?;
    session.execute(&insert, values).await?;

    // An object a row, by the names of the columns.
    let result = session.execute("SELECT sensor, at, levels, note FROM readings", ()).await?;
    for record in result.rows::<Record>()? {
        println!("{}", Json::from(record?));
    }
    Ok(())
}
