//! Binds structs and maps to the bind variables of a statement by name.
//!
//! `cargo run --example bind_struct -- 127.0.0.1:9042`

mod common;

use std::collections::BTreeMap;

use cqlwire::types::{ToValues, Value};

#[derive(ToValues)]
struct Person<'a> {
    name: &'a str,
    age: i32,
    /// `None` keeps the stored email. Without `unset_if_none`, `None` would delete the email.
    #[cql(unset_if_none)]
    email: Option<&'a str>,
}

/// The values of the SELECT. The server chose the names of its bind variables, such as `[limit]`.
#[derive(ToValues)]
#[cql(strict)]
struct Search<'a> {
    #[cql(rename = "in(name)")]
    names: &'a [&'a str],
    #[cql(rename = "[limit]")]
    limit: i32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session = common::session().await?;
    session
        .execute(
            "CREATE TABLE IF NOT EXISTS bound_people (name text PRIMARY KEY, age int, email text)",
            (),
        )
        .await?;

    // Fields and bind variables may be in a different order.
    let insert =
        session.prepare("INSERT INTO bound_people (email, age, name) VALUES (?, ?, ?)").await?;
    let ada = Person { name: "ada", age: 36, email: Some("ada@example.org") };
    session.execute(&insert, &ada).await?;
    session.execute(&insert, &Person { age: 37, email: None, ..ada }).await?;

    // Fields without a bind variable are ignored.
    let update = "UPDATE bound_people SET age = ? WHERE name = ?";
    session.execute(update, &Person { name: "bob", age: 41, email: None }).await?;

    // A map binds names that are known only at run time.
    let map = BTreeMap::from([("name", Value::Text("cyd".into())), ("age", Value::Int(29))]);
    session.execute("INSERT INTO bound_people (name, age) VALUES (:name, :age)", &map).await?;

    let search = Search { names: &["ada", "bob", "cyd"], limit: 10 };
    let select = "SELECT name, age, email FROM bound_people WHERE name IN ? LIMIT ?";
    let result = session.execute(select, &search).await?;
    for person in result.rows::<(&str, i32, Option<&str>)>()? {
        println!("{:?}", person?);
    }
    Ok(())
}
