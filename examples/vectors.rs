//! Stores vectors and searches for the nearest ones (Cassandra 5.0 and later).
//!
//! `cargo run --example vectors -- 127.0.0.1:9042`

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session = common::session().await?;
    let table =
        "CREATE TABLE IF NOT EXISTS words (word text PRIMARY KEY, meaning vector<float, 3>)";
    session.execute(table, ()).await?;
    session.execute("CREATE INDEX IF NOT EXISTS ON words (meaning) USING 'sai'", ()).await?;

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
