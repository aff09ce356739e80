//! Stores vectors and searches for the nearest ones (Cassandra 5.0 and later).
//!
//! `cargo run --example vectors -- 127.0.0.1:9042`

mod common;

use std::time::Duration;

use cqlwire::message::ErrorCode;
use cqlwire::session::{ErrorKind, Session};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session = common::session().await?;
    let table =
        "CREATE TABLE IF NOT EXISTS words (word text PRIMARY KEY, meaning vector<float, 3>)";
    session.execute(table, ()).await?;
    session.execute("CREATE INDEX IF NOT EXISTS ON words (meaning) USING 'sai'", ()).await?;
    wait_for_index(&session).await?;

    // The driver checks the length of an array or `Vec` before it sends the request.
    let insert = session.prepare("INSERT INTO words (word, meaning) VALUES (?, ?)").await?;
    session.execute(&insert, ("cat", [0.9_f32, 0.1, 0.0])).await?;
    session.execute(&insert, ("dog", [0.8_f32, 0.2, 0.0])).await?;
    session.execute(&insert, ("car", vec![0.0_f32, 0.1, 0.9])).await?;

    let nearest = "SELECT word, meaning FROM words ORDER BY meaning ANN OF ? LIMIT 2";
    let nearest = session.execute(nearest, ([1.0_f32, 0.0, 0.0],)).await?;
    for word in nearest.rows::<(&str, [f32; 3])>()? {
        let (word, meaning) = word?;
        println!("{word} {meaning:?}");
    }
    // A `Vec` reads vectors of any length.
    let car = session.execute("SELECT meaning FROM words WHERE word = 'car'", ()).await?;
    println!("{} dimensions", car.one::<(Vec<f32>,)>()?.0.len());
    Ok(())
}

/// Waits until the server can search the index. CREATE INDEX returns earlier; until then, the server
/// fails every search with the reason INDEX_NOT_AVAILABLE.
async fn wait_for_index(session: &Session) -> Result<(), Box<dyn std::error::Error>> {
    let search = "SELECT word FROM words ORDER BY meaning ANN OF [0, 0, 1] LIMIT 1";
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        match session.execute(search, ()).await {
            Err(error)
                if error.kind() == ErrorKind::Server(ErrorCode::ReadFailure)
                    && tokio::time::Instant::now() < deadline =>
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            result => return Ok(result.map(drop)?),
        }
    }
}
