//! Tests a program without Cassandra, against a [`MockServer`].
//!
//! `cargo run --features testing --example mock_server`

use cqlwire::message::ErrorCode;
use cqlwire::session::Session;
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{NativeType, Value};

const INSERT: &str = "INSERT INTO users (username, age) VALUES (?, ?)";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let columns = [("username", NativeType::Text), ("age", NativeType::Int)];
    // The reply to the INSERT depends on the bound values.
    let insert = Reply::computed(|request| match request.values::<(&str, i32)>() {
        (_, age) if age < 0 => Reply::error(ErrorCode::Invalid, "age must not be negative"),
        _ => Reply::void(),
    });
    // The first execution fails. Later executions get the computed reply.
    let overloaded_once = Reply::error(ErrorCode::Overloaded, "try again").then(insert);
    let server = MockServer::bind("127.0.0.1:0")
        .await?
        .on("SELECT username, age FROM users", Reply::rows(columns, [("ada", 36), ("bob", 7)]))
        .on(INSERT, overloaded_once.variables(columns))
        .on_any(Reply::error(ErrorCode::Unauthorized, "not allowed"));

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

    // All statements that the server received.
    for request in server.received() {
        println!("{} {:?}", request.text, request.values::<Vec<Value>>());
    }
    Ok(())
}
