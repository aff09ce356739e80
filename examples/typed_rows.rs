//! Reads rows as structs, matching fields and columns by name.
//!
//! `cargo run --example typed_rows -- 127.0.0.1:9042`

mod common;

use cqlwire::types::{FromCql, FromRow, ToCql};

/// A row of the table. Its `&str` fields borrow from the page, so reading them does not allocate.
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

/// A part of `Person`, read from columns of the same row.
#[derive(Debug, FromRow)]
#[expect(dead_code, reason = "they are printed")]
struct Home {
    city: City,
    #[cql(default)]
    country: String,
}

#[derive(Debug, FromCql, ToCql)]
struct City(String);

/// A role, stored as text: `super_user`, `guest` or any other text.
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

    // The order of the columns does not matter, and further columns are ignored.
    let select = "SELECT city, role, writetime(role), tags, birth_year, name FROM typed_people";
    let result = session.execute(select, ()).await?;
    for person in result.rows::<Person<'_>>()? {
        println!("{:?}", person?);
    }

    // If a column is missing, `rows` returns an error before any row is read.
    let result = session.execute("SELECT name, role, city FROM typed_people", ()).await?;
    if let Err(error) = result.rows::<Person<'_>>() {
        println!("{error}");
    }
    Ok(())
}
