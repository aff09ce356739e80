//! A cluster: its nodes, requests that go to a replica, and what is done when nodes fail.
//!
//! `cargo run --example cluster -- 127.0.0.1:9042`

use std::time::Duration;

use cqlwire::cluster::DefaultBalancing;
use cqlwire::session::{ExecutionProfile, Session, SpeculativeExecution, Throttle};
use cqlwire::wire::Consistency;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), cqlwire::session::Error> {
    let servers = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1".to_owned());
    let session = Session::builder()
        .contact_points(servers.split(',')) // where to begin; the other nodes are found
        .load_balancing(DefaultBalancing::new().rack("rack1")) // near nodes first
        .throttle(Throttle::concurrent(10_000).queue(50_000))
        .connect()
        .await?;

    let cluster = session.cluster();
    println!("{} node(s) in {}", cluster.nodes().len(), cluster.local_datacenter().unwrap_or("?"));

    // How reads are run: said once, given to each of them.
    let reads = ExecutionProfile::new()
        .consistency(Consistency::One)
        .attempt_timeout(Duration::from_secs(1)) // then another node is asked
        .speculative_execution(SpeculativeExecution::after(Duration::from_millis(50))); // and before
    let select = session
        .prepare("SELECT durable_writes FROM system_schema.keyspaces WHERE keyspace_name = ?");
    let select = select.await?.profile(&reads);

    let result = session.execute(&select, ("system",)).await?;
    println!("{} says {}", result.coordinator().datacenter(), result.one::<bool>()?);

    // What did not work, attempt by attempt.
    if let Err(error) = session.execute("SELECT * FROM nowhere.users", ()).await {
        println!("{} attempt(s), {:?}", error.attempts(), error.kind());
    }
    session.close(Duration::from_secs(5)).await;
    Ok(())
}
