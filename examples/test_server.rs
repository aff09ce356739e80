//! A program tested without a Cassandra: the server answers as it is told.
//!
//! `cargo run --features server --example test_server`

use cqlwire::message::ErrorCode;
use cqlwire::session::Session;
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{NativeType, Value};

const INSERT: &str = "INSERT INTO users (username, age) VALUES (?, ?)";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let columns = [("username", NativeType::Text), ("age", NativeType::Int)];
    let insert = Reply::computed(|asked| match asked.values::<(&str, i32)>() {
        (_, age) if age < 0 => Reply::error(ErrorCode::Invalid, "nobody is that young"),
        _ => Reply::void(),
    });
    let server = MockServer::bind("127.0.0.1:0")
        .await?
        .on("SELECT username, age FROM users", Reply::rows(columns, [("ada", 36), ("bob", 7)]))
        .on(INSERT, Reply::error(ErrorCode::Overloaded, "not yet").then(insert.variables(columns)))
        .on_any(Reply::error(ErrorCode::Overloaded, "not now"));

    let session = Session::builder().contact_points([server.address().to_string()]);
    let session = session.connect().await?;
    for age in [1, 1, -1] {
        match session.execute(INSERT, ("eve", age)).await {
            Ok(_) => println!("eve is {age}"),
            Err(error) => println!("{error}"),
        }
    }
    let users = session.execute("SELECT username, age FROM users", ()).await?;
    for user in users.rows::<(&str, i32)>()? {
        println!("{user:?}");
    }
    let refused = session.execute("TRUNCATE users", ()).await.unwrap_err();
    println!("{refused}");
    for asked in server.asked() {
        println!("{} {:?}", asked.text, asked.values::<Vec<Value>>());
    }
    Ok(())
}
