//! Writes a table, reads it from all nodes at once, and reads one of its shards.
//!
//! `cargo run --example whole_table -- 127.0.0.1:9042`

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), cqlwire::session::Error> {
    let session = common::session().await?;
    session
        .execute("CREATE TABLE IF NOT EXISTS squares (number int PRIMARY KEY, square bigint)", ())
        .await?;

    // Rows are sent to their replicas, many at the same time. `send` waits while too many are in flight.
    let mut load = session.load("squares", ["number", "square"]).start().await?;
    for number in 0..10_000 {
        load.send((number, i64::from(number) * i64::from(number))).await?;
    }
    let loaded = load.finish().await;
    println!("{} rows written, {} failed", loaded.acknowledged, loaded.failed);

    // Every row, in no particular order.
    let mut rows = session.scan("squares").columns(["square"]).rows::<i64>();
    let mut sum = 0;
    while let Some(square) = rows.try_next().await? {
        sum += square;
    }
    println!("{} rows read, their sum is {sum}", rows.progress().rows);

    // One of eight processes reads its shard. Together, the eight shards contain every row once.
    let plan = session.scan("squares").plan().await?;
    let mut pages = session.scan(plan.shard(3, 8).expect("3 is less than 8")).rows::<()>();
    while let Some(page) = pages.next_page().await? {
        for row in page.rows::<(i32, i64)>()? {
            let (_number, _square) = row?;
        }
        // This plan reads what is left, in another process or after a crash.
        let _checkpoint = pages.checkpoint();
    }
    println!("{} rows in shard 3 of 8", pages.progress().rows);
    Ok(())
}
