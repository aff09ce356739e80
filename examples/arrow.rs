//! Reads a table as Arrow record batches.
//!
//! `cargo run --example arrow --features arrow-60 -- 127.0.0.1:9042`

use cqlwire::arrow::RecordBatchBuilder;

mod common;

/// Length in bytes after which a record batch ends.
const BATCH_BYTES: usize = 8 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session = common::session().await?;
    session
        .execute(
            "CREATE TABLE IF NOT EXISTS readings (sensor uuid PRIMARY KEY, at timestamp, values list<float>)",
            (),
        )
        .await?;
    let insert = "INSERT INTO readings (sensor, at, values) VALUES (uuid(), toTimestamp(now()), ?)";
    session.execute(insert, (vec![20.5_f32, 21.0],)).await?;

    let mut pages = session.scan("readings").rows::<()>();
    let mut page = pages.next_page().await?;
    // The columns are known after the first page was awaited, also if the table is empty.
    let mut builder = RecordBatchBuilder::new(pages.columns())?;
    while let Some(current) = page {
        builder.append(&current)?;
        if builder.byte_len() >= BATCH_BYTES {
            println!("{} rows", builder.finish()?.num_rows());
        }
        page = pages.next_page().await?;
    }
    let batch = builder.finish()?;
    println!("{} rows\n{}", batch.num_rows(), batch.schema());
    Ok(())
}
