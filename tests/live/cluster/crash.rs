//! Sessions while a node is killed and restarted.

use std::collections::BTreeSet;

use cassandra_harness::Node as Process;
use cqlwire::message::{Event, StatusChange};
use cqlwire::session::{Session, Statement};
use cqlwire::wire::Consistency;
use libtest_mimic::Failed;
use tokio::time::Instant;

use super::load::{self, Load};
use super::nodes::{Nodes, wait_until, within_limit};
use super::schema::receive_table_change;
use crate::fleet::runtime;
use crate::only::Only;

/// Kills the node of a session's control connection, while other sessions write to the cluster.
pub(super) fn no_write_fails_when_a_node_is_killed(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        let session = nodes.session(1, |builder| builder).await?;
        load::create(nodes, &session, "crash", load::THREE_REPLICAS).await?;
        let watcher = nodes.session(2, |builder| builder).await?;
        let user = nodes.session(1, |builder| builder.connections_per_node(2)).await?;
        user.execute("USE system", ()).await?;
        assert_connections_use_keyspace_of(nodes, &user, "SELECT * FROM local", &[1, 2, 3]).await?;

        let load = Load::start(&session, "crash", Consistency::LocalQuorum).await?;
        load.wait_for_writes(1_500).await?;
        nodes.on(2, Process::kill).await?;
        load.wait_for_writes(3_000).await?;
        let acknowledged = load.finish().await?;

        let mut events = watcher.events();
        assert_control_connection_has_moved(nodes, &watcher).await?;
        user.execute("USE load", ()).await?;
        assert_connections_use_keyspace_of(nodes, &user, READ, &[1, 3]).await?;

        let select = session.prepare("SELECT v FROM load.crash WHERE k = ?").await?;
        nodes.on(2, Process::start).await?;
        let restarted = Instant::now();
        let has_requests = async {
            for k in 0.. {
                let asked = session.execute(&select, (k,)).await?;
                if asked.coordinator().address() == nodes.address(2) {
                    break;
                }
            }
            Ok::<_, Failed>(())
        };
        within_limit("node 2 gets requests again", has_requests).await??;
        // Printed and not asserted, because it depends on the load of the machine. The goal is 2 s.
        eprintln!("a restarted node gets requests after {:?}", restarted.elapsed());
        let is_up = async {
            while let Some(event) = events.next().await {
                let address = nodes.address(2);
                if event == (Event::Status { change: StatusChange::Up, address }) {
                    return;
                }
            }
            panic!("the event stream ended");
        };
        within_limit("an UP event for node 2", is_up).await?;
        assert_connections_use_keyspace_of(nodes, &user, READ, &[1, 2, 3]).await?;
        nodes.wait_until_all_are_up(&session, "load.crash").await?;
        load::assert_contains(&session, "crash", &acknowledged, Consistency::Quorum).await
    })
}

/// Asserts that the session still knows all nodes, and receives events from another node.
async fn assert_control_connection_has_moved(
    nodes: &Nodes,
    watcher: &Session,
) -> Result<(), Failed> {
    let mut events = watcher.events();
    let other = nodes.session_of(1).await?;
    // Changes made before the new control connection is registered give no event, so keep changing.
    let receive = async {
        let received = receive_table_change(&mut events, "watched");
        let change = async {
            for n in 0.. {
                let create = "CREATE TABLE IF NOT EXISTS load.watched (k int PRIMARY KEY)";
                other.execute(create, ()).await?;
                other.execute(format!("ALTER TABLE load.watched ADD v{n} int"), ()).await?;
            }
            Ok::<_, Failed>(())
        };
        tokio::select! {
            () = received => Ok(()),
            changed = change => changed,
        }
    };
    within_limit("a schema change event", receive).await??;
    wait_until("the session has read the change", || {
        watcher.cluster().schema().table("load", "watched").is_some()
    })
    .await?;
    let known = watcher.cluster();
    let known: BTreeSet<_> = known.nodes().iter().map(|node| node.address()).collect();
    assert_eq!(known, nodes.addresses().into_iter().collect());
    Ok(())
}

/// A read of one partition. The coordinator sends it to another replica if the first does not answer in
/// time, so that it succeeds even before the coordinator knows that a replica is down.
const READ: &str = "SELECT * FROM crash WHERE k = 1";

/// Asserts that both connections of each node use the keyspace of the table that `select` reads.
async fn assert_connections_use_keyspace_of(
    nodes: &Nodes,
    user: &Session,
    select: &str,
    numbers: &[usize],
) -> Result<(), Failed> {
    for number in numbers {
        let address = nodes.address(*number);
        wait_until("both connections to the node are open", || {
            let state = user.cluster();
            let node = state.nodes().iter().find(|node| node.address() == address);
            node.is_some_and(|node| node.open_connections() == 2)
        })
        .await?;
        let select = Statement::new(select).load_balancing(Only(address));
        // Requests use the two connections in turn.
        for _ in 0..4 {
            user.execute(&select, ()).await?;
        }
    }
    Ok(())
}
