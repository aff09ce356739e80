//! Writes and reads a struct as a user-defined type.
//!
//! `cargo run --example udt -- 127.0.0.1:9042`

mod common;

use cqlwire::types::{FromRow, FromUdt, ToUdt, ToValues};

#[derive(Debug, FromUdt, ToUdt)]
struct Address {
    street: String,
    /// The CQL type has this field under the name `zipCode`.
    #[cql(rename = "zipCode")]
    zip: Option<i32>,
    /// The CQL type may lack this field, which is then read as an empty string.
    #[cql(default)]
    country: String,
}

#[derive(Debug, FromRow, ToValues)]
struct Customer {
    name: String,
    home: Address,
    others: Vec<Address>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session = common::session().await?;
    session.execute("CREATE TYPE IF NOT EXISTS address (street text, \"zipCode\" int)", ()).await?;
    session
        .execute(
            "CREATE TABLE IF NOT EXISTS customers (name text PRIMARY KEY, home frozen<address>, \
             others list<frozen<address>>)",
            (),
        )
        .await?;

    let address =
        |street: &str, zip| Address { street: street.to_owned(), zip, country: String::new() };
    let ada = Customer {
        name: "ada".to_owned(),
        home: address("12 St James's Square", Some(1815)),
        others: vec![address("Ockham Park", None)],
    };
    let insert = "INSERT INTO customers (name, home, others) VALUES (?, ?, ?)";
    session.execute(insert, &ada).await?;

    let result = session.execute("SELECT * FROM customers", ()).await?;
    for customer in result.rows::<Customer>()? {
        println!("{:?}", customer?);
    }
    Ok(())
}
