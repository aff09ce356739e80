//! Shows the difference between null, unset and empty values.
//!
//! `cargo run --example null_and_unset -- 127.0.0.1:9042`

mod common;

use cqlwire::types::{MaybeEmpty, MaybeUnset, Unset};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session = common::session().await?;
    let table = "CREATE TABLE IF NOT EXISTS pets (name text PRIMARY KEY, age int, owner text)";
    session.execute(table, ()).await?;
    let insert = session.prepare("INSERT INTO pets (name, age, owner) VALUES (?, ?, ?)").await?;
    session.execute(&insert, ("rex", 3, "ada")).await?;

    // `None` is null and deletes the age. `Unset` keeps the owner and writes no tombstone.
    session.execute(&insert, ("rex", None::<i32>, Unset)).await?;
    // `MaybeUnset` chooses between a value and unset at run time.
    let age = Some(4).filter(|age| *age > 100);
    session.execute(&insert, ("rex", MaybeUnset::from(age), MaybeUnset::Set("bob"))).await?;

    let result = session.execute("SELECT age, owner FROM pets WHERE name = 'rex'", ()).await?;
    println!("{:?}", result.one::<(Option<i32>, &str)>()?);
    // Reading null into a type other than `Option` is an error that names the row and the column.
    println!("{}", result.one::<(i32, &str)>().unwrap_err());

    // Old clients could write an empty value, 0 bytes long, to a number column. It is neither null nor
    // the number 0.
    session.execute(&insert, ("tom", MaybeEmpty::<i32>::Empty, Unset)).await?;
    let result = session.execute("SELECT age FROM pets WHERE name = 'tom'", ()).await?;
    println!("{:?}", result.one::<(MaybeEmpty<i32>,)>()?);
    Ok(())
}
