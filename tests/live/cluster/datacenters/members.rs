//! Nodes that change their address or leave the cluster.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use cassandra_harness::Node as Process;
use cqlwire::message::{Event, TopologyChange};
use cqlwire::session::Session;
use cqlwire::wire::Consistency;
use libtest_mimic::Failed;
use tokio::time::Instant;

use super::super::load::{self, Load};
use super::super::nodes::{Nodes, wait_until, within_limit};
use super::shares::assert_equal_shares;
use super::{in_datacenter, patient, writer};
use crate::fleet::runtime;

/// The address that node 2 moves to.
const NEW_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5));

/// Stops node 2, to which the control connection of a session is open, and starts it elsewhere.
pub(super) fn a_node_returns_at_another_address(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        let change = |builder| in_datacenter("dc1")(patient(builder));
        let session = nodes.session(2, change).await?;
        let writer = nodes.session(1, writer("dc1")).await?;
        let load = Load::start(&writer, "move", Consistency::LocalOne).await?;
        load.wait_for_writes(100).await?;

        let old = nodes.address(2);
        let host_id = host_id_at(&session, old).ok_or("node 2 is not known")?;
        nodes.on(2, Process::stop).await?;
        load.wait_for_writes(100).await?;
        nodes.on(2, |node| node.set_address(NEW_ADDRESS)).await?;
        nodes.on(2, Process::start).await?;
        for session in [&session, &writer] {
            wait_until("the session knows node 2 only at its new address, and connects", || {
                let cluster = session.cluster();
                let moved = cluster.node(host_id);
                let has_moved = moved
                    .is_some_and(|node| node.address() == nodes.address(2) && node.is_connected());
                has_moved && cluster.nodes().len() == 4 && host_id_at(session, old).is_none()
            })
            .await?;
        }
        nodes.wait_until_all_are_up(&session, "load.move").await?;
        assert_equal_shares(nodes, &session, Consistency::LocalQuorum, &[1, 2]).await?;
        load.wait_for_writes(100).await?;
        let acknowledged = load.finish().await?;
        eprintln!("a node at another address: no failure in {} writes", acknowledged.len());
        load::assert_contains(&session, "move", &acknowledged, Consistency::All).await
    })
}

/// Decommissions node 4 while one session has its control connection to it, and another to node 1.
pub(super) fn a_node_is_decommissioned(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        let change = |builder| in_datacenter("dc2")(patient(builder));
        let on_leaving = nodes.session(4, change).await?;
        let on_other = nodes.session(1, change).await?;
        let writer = nodes.session(4, writer("dc2")).await?;
        let load = Load::start(&writer, "decommission", Consistency::LocalOne).await?;
        load.wait_for_writes(100).await?;

        // Forced, because some keyspaces have two replicas in `dc2`.
        let leave = nodes.on(4, |node| node.nodetool(&["decommission", "-f"]).map(drop));
        let removed = nodes.address(4);
        let (left, by_leaving, by_other) = tokio::join!(
            leave,
            wait_until_removed(&on_leaving, removed),
            wait_until_removed(&on_other, removed),
        );
        left?;
        // Printed and not asserted, because the times depend on the load of the machine.
        eprintln!(
            "a decommissioned node is dropped {:?} after its own REMOVED_NODE, and {:?} after that \
             of another node",
            by_leaving?, by_other?
        );
        load.wait_for_writes(100).await?;
        nodes.on(4, Process::kill).await?;
        for session in [&on_leaving, &on_other] {
            assert_eq!(session.cluster().nodes().len(), 3);
            assert_equal_shares(nodes, session, Consistency::LocalOne, &[3]).await?;
            let alter = "ALTER TABLE load.decommission WITH comment = 'smaller'";
            assert!(session.execute(alter, ()).await?.schema_agreed());
        }
        load.wait_for_writes(100).await?;
        let acknowledged = load.finish().await?;
        eprintln!("a decommissioned node: no failure in {} writes", acknowledged.len());
        // A quorum of the four replicas that the keyspace asks for is all that are left.
        let quorum = Consistency::Quorum;
        load::assert_contains(&on_leaving, "decommission", &acknowledged, quorum).await
    })
}

/// Waits until the session has received a REMOVED_NODE event for this address and has dropped the
/// node. Returns the time between the two.
async fn wait_until_removed(session: &Session, removed: SocketAddr) -> Result<Duration, Failed> {
    let mut events = session.events();
    let is_removed = async {
        while let Some(event) = events.next().await {
            let change = TopologyChange::RemovedNode;
            if event == (Event::Topology { change, address: removed }) {
                return;
            }
        }
        panic!("the event stream ended");
    };
    within_limit("a REMOVED_NODE event", is_removed).await?;
    let received = Instant::now();
    wait_until("the session drops the node", || host_id_at(session, removed).is_none()).await?;
    Ok(received.elapsed())
}

/// Returns the host id of the node at this address, or `None` if the session knows none.
fn host_id_at(session: &Session, address: SocketAddr) -> Option<uuid::Uuid> {
    let cluster = session.cluster();
    let node = cluster.nodes().iter().find(|node| node.address() == address)?;
    Some(node.info().host_id)
}
