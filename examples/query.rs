//! Executes statements, a prepared statement and a batch, and reads rows and pages.
//!
//! `cargo run --example query -- 127.0.0.1:9042`

mod common;

use cqlwire::session::{Batch, Statement};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), cqlwire::session::Error> {
    let session = common::session().await?;
    session
        .execute("CREATE TABLE IF NOT EXISTS people (name text PRIMARY KEY, age int)", ())
        .await?;

    // A prepared statement is parsed once and executed many times. `None` is null.
    let insert = session.prepare("INSERT INTO people (name, age) VALUES (?, ?)").await?;
    session.execute(&insert, ("ada", Some(36))).await?;
    session.execute(insert.clone().idempotent(true), ("bob", None::<i32>)).await?;

    // A batch sends several statements in one request. The server applies either all statements of a
    // logged batch or none.
    let batch = Batch::logged()
        .statement(&insert, ("cyd", 41))
        .statement("DELETE FROM people WHERE name = 'bob'", ());
    session.batch(&batch).await?;

    // `execute` returns one page. The rows borrow from the response.
    let result = session.execute("SELECT name, age FROM people", ()).await?;
    for person in result.rows::<(&str, Option<i32>)>()? {
        let (name, age) = person?;
        println!("{name} is {age:?}");
    }

    // `stream` fetches all pages, one after the other.
    let select = Statement::new("SELECT name FROM people").page_size(1);
    let mut names = session.stream::<String>(select, ());
    while let Some(name) = names.try_next().await? {
        println!("{name}");
    }
    Ok(())
}
