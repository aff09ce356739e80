//! A program tested without a Cassandra: the server answers as it is told.
//!
//! `cargo run --features server --example test_server`

use cqlwire::message::ErrorCode;
use cqlwire::server::{Reply, Server};
use cqlwire::session::Session;
use cqlwire::types::NativeType;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let columns = [("username", NativeType::Text), ("age", NativeType::Int)];
    let server = Server::bind("127.0.0.1:0")
        .await?
        .on("SELECT username, age FROM users", Reply::rows(columns, [("ada", 36), ("bob", 7)]))
        .on("INSERT INTO users (username, age) VALUES (?, ?)", Reply::void().variables(columns))
        .on_any(Reply::error(ErrorCode::Overloaded, "not now"));

    let session = Session::builder().contact_points([server.address().to_string()]);
    let session = session.connect().await?;
    session.execute("INSERT INTO users (username, age) VALUES (?, ?)", ("eve", 1)).await?;
    let users = session.execute("SELECT username, age FROM users", ()).await?;
    for user in users.rows::<(&str, i32)>()? {
        println!("{user:?}");
    }
    let refused = session.execute("TRUNCATE users", ()).await.unwrap_err();
    println!("{refused}");
    println!("{:?}", server.statements());
    Ok(())
}
