//! Configures load balancing, timeouts and speculative execution, and inspects the cluster.
//!
//! `cargo run --example cluster -- 127.0.0.1:9042`

use std::time::Duration;

use cqlwire::cluster::DefaultBalancing;
use cqlwire::session::{ExecutionProfile, Session, SpeculativeExecution, Throttle};
use cqlwire::wire::Consistency;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), cqlwire::session::Error> {
    let contact_points = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1".to_owned());
    let session = Session::builder()
        .contact_points(contact_points.split(',')) // the session discovers the other nodes
        .load_balancing(DefaultBalancing::new().rack("rack1")) // prefer nodes in this rack
        .throttle(Throttle::concurrent(10_000).queue(50_000))
        .connect()
        .await?;

    let cluster = session.cluster();
    println!("{} node(s) in {}", cluster.nodes().len(), cluster.local_datacenter().unwrap_or("?"));

    // An execution profile holds options that several statements share.
    let reads = ExecutionProfile::new()
        .consistency(Consistency::One)
        .attempt_timeout(Duration::from_secs(1)) // then retry on another node
        .speculative_execution(SpeculativeExecution::after(Duration::from_millis(50)));
    let select = session
        .prepare("SELECT durable_writes FROM system_schema.keyspaces WHERE keyspace_name = ?");
    let select = select.await?.profile(&reads);

    let result = session.execute(&select, ("system",)).await?;
    println!("{} says {}", result.coordinator().datacenter(), result.one::<bool>()?);

    // An error contains its kind, and the number of attempts that the driver made.
    if let Err(error) = session.execute("SELECT * FROM nowhere.users", ()).await {
        println!("{} attempt(s), {:?}", error.attempts(), error.kind());
    }
    session.close(Duration::from_secs(5)).await;
    Ok(())
}
