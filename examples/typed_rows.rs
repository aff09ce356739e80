//! Rows as a struct of our own, by the names of the columns.
//!
//! `cargo run --example typed_rows -- 127.0.0.1:9042`

mod common;

use cqlwire::types::{FromCql, FromRow, ToCql};

/// Borrowed from the page: reading a row allocates nothing.
#[derive(Debug, FromRow)]
#[expect(dead_code, reason = "they are printed")]
struct Person<'r> {
    name: &'r str,
    #[cql(rename = "birth_year")]
    born: Option<i32>,
    role: Role,
    #[cql(null_as_default)]
    tags: Vec<&'r str>,
    #[cql(flatten)]
    home: Home,
}

/// Columns of the same row.
#[derive(Debug, FromRow)]
#[expect(dead_code, reason = "they are printed")]
struct Home {
    city: City,
    #[cql(default)]
    country: String,
}

#[derive(Debug, FromCql, ToCql)]
struct City(String);

/// Text in the table.
#[derive(Debug, FromCql, ToCql)]
#[cql(rename_all = "snake_case")]
enum Role {
    SuperUser,
    Guest,
    #[cql(other)]
    Other(String),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session = common::session().await?;
    session
        .execute(
            "CREATE TABLE IF NOT EXISTS typed_people (name text PRIMARY KEY, birth_year int, \
             role text, tags set<text>, city text)",
            (),
        )
        .await?;
    let insert = "INSERT INTO typed_people (name, birth_year, role, city) VALUES (?, ?, ?, ?)";
    let (london, oslo) = (City("London".into()), City("Oslo".into()));
    session.execute(insert, ("ada", Some(1815), Role::SuperUser, london)).await?;
    session.execute(insert, ("bob", None::<i32>, Role::Guest, &oslo)).await?;
    session.execute(insert, ("cyd", Some(1970), Role::Other("editor".into()), &oslo)).await?;

    // In whatever order; nobody reads the time of writing.
    let select = "SELECT city, role, writetime(role), tags, birth_year, name FROM typed_people";
    let result = session.execute(select, ()).await?;
    for person in result.rows::<Person<'_>>()? {
        println!("{:?}", person?);
    }

    // What does not fit is found before any row is read.
    let result = session.execute("SELECT name, role, city FROM typed_people", ()).await?;
    if let Err(error) = result.rows::<Person<'_>>() {
        println!("{error}");
    }
    Ok(())
}
