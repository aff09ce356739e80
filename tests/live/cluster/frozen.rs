//! A frozen node, which does not answer although its connections are open.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use cassandra_harness::Node as Process;
use cqlwire::session::{PreparedStatement, Session, SpeculativeExecution};
use libtest_mimic::Failed;

use super::nodes::Nodes;
use crate::fleet::runtime;

/// Number of reads. Every third is sent to the frozen node first.
const READS: i32 = 18;

pub(super) fn reads_from_other_nodes_while_one_is_frozen(nodes: &Nodes) -> Result<(), Failed> {
    nodes.keyspace("frozen", "{'class': 'NetworkTopologyStrategy', 'datacenter1': 3}")?;
    runtime()?.block_on(async {
        let session = nodes.session(1, |builder| builder.keyspace("frozen")).await?;
        // With this option, the running coordinators do not wait for the frozen replica either.
        let create = "CREATE TABLE t (k int PRIMARY KEY) WITH speculative_retry = 'ALWAYS'";
        session.execute(create, ()).await?;
        nodes.wait_until_all_are_up(&session, "t").await?;
        let insert = session.prepare("INSERT INTO t (k) VALUES (?)").await?;
        for k in 0..READS {
            session.execute(&insert, (k,)).await?;
        }
        let select = session.prepare("SELECT k FROM t WHERE k = ?").await?.idempotent(true);
        let speculative = SpeculativeExecution::after(Duration::from_millis(50));
        let speculative = select.clone().speculative_execution(speculative);
        // After this, every node knows the statement, so that none has to prepare it.
        read(&session, &select).await?;

        let retries = || session.metrics().retries;
        let before = retries();

        nodes.on(2, Process::pause).await?;
        let reads = async {
            let others = [nodes.address(1), nodes.address(3)].into();
            assert_eq!(read(&session, &speculative).await?, others);
            assert_ne!(session.metrics().speculative_executions, 0);
            assert_eq!(retries(), before);
            // By default, requests move to another node once the driver suspects the frozen one.
            assert_eq!(read(&session, &select).await?, others);
            assert_eq!(retries(), before);
            Ok::<_, Failed>(())
        };
        let outcome = reads.await;
        nodes.on(2, Process::resume).await?;
        outcome?;
        nodes.wait_until_all_are_up(&session, "t").await
    })
}

/// Reads every row and returns the addresses of the coordinators.
async fn read(
    session: &Session,
    select: &PreparedStatement,
) -> Result<BTreeSet<SocketAddr>, Failed> {
    let mut answered = BTreeSet::new();
    for k in 0..READS {
        let row = session.execute(select, (k,)).await?;
        assert_eq!(row.one::<i32>()?, k);
        answered.insert(row.coordinator().address());
    }
    Ok(answered)
}
