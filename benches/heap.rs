//! The heap usage of a session on a real Cassandra node, after one and two million requests and after
//! one and two million rows. It should not grow.
//!
//! ```sh
//! cargo bench --bench heap
//! ```

use cassandra_harness::{Cluster, DEFAULT_VERSION, Options};
use cqlwire::session::{PreparedStatement, Session, Statement};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Number of concurrent requests.
const IN_FLIGHT: i32 = 512;

/// Number of rows. The same keys are overwritten repeatedly.
const KEYS: i32 = 100_000;

const MILLION: i32 = 1_000_000;

fn main() -> Result<()> {
    let cluster = Cluster::start(&Options::new(DEFAULT_VERSION))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let session = Session::builder().contact_points(cluster.contact_points()).connect().await?;
        let insert = create_table(&session).await?;
        write(&session, &insert, KEYS).await?;
        report("100,000 prepared requests");
        for _ in 0..2 {
            write(&session, &insert, MILLION).await?;
            report("a million more requests");
        }
        for _ in 0..2 {
            read(&session, MILLION).await?;
            report("a million rows, page by page");
        }
        Ok(())
    })
}

async fn create_table(session: &Session) -> Result<PreparedStatement> {
    let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    for statement in [
        format!("CREATE KEYSPACE IF NOT EXISTS heap WITH replication = {replication}"),
        "CREATE TABLE IF NOT EXISTS heap.users (k int PRIMARY KEY, name text)".to_owned(),
    ] {
        session.execute(statement, ()).await?;
    }
    Ok(session.prepare("INSERT INTO heap.users (k, name) VALUES (?, ?)").await?)
}

async fn write(session: &Session, insert: &PreparedStatement, requests: i32) -> Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for first in 0..IN_FLIGHT {
        let (session, insert) = (session.clone(), insert.clone());
        tasks.spawn(async move {
            for request in (first..requests).step_by(IN_FLIGHT as usize) {
                session.execute(&insert, (request % KEYS, "ada")).await?;
            }
            Ok::<_, cqlwire::session::Error>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn read(session: &Session, rows: i32) -> Result<()> {
    let mut left = rows;
    while left > 0 {
        let select = Statement::new("SELECT k, name FROM heap.users").page_size(5_000);
        let mut users = session.stream::<(i32, String)>(select, ());
        while users.try_next().await?.is_some() {
            left -= 1;
        }
    }
    Ok(())
}

/// Prints the current and the peak heap usage.
fn report(when: &str) {
    let (current, peak) = (HEAP.current_usage_as_mb(), HEAP.peak_usage_as_mb());
    println!("after {when}: {current:.2} MB, peak {peak:.2} MB");
}
