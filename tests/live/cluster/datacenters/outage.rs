//! The failure of a whole datacenter.

use cassandra_harness::Node as Process;
use cqlwire::cluster::DefaultBalancing;
use cqlwire::session::{ErrorKind, Session};
use cqlwire::wire::Consistency;
use libtest_mimic::Failed;

use super::super::load::{self, Load};
use super::super::nodes::{Nodes, wait_until_connected};
use super::shares::assert_equal_shares;
use super::{in_datacenter, patient, writer};
use crate::fleet::runtime;

/// Consistencies at which the server counts the replicas of the coordinator's datacenter only.
const LOCAL: [Consistency; 2] = [Consistency::LocalOne, Consistency::LocalQuorum];

/// Kills the local datacenter of three sessions, and restarts it. The first session may fail over, the
/// second may not at local consistencies, and the third does not use the remote datacenter.
pub(super) fn a_datacenter_is_killed_and_returns(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        let fail_over = |builder| in_datacenter("dc2")(patient(builder));
        let failing_over = nodes.session(3, fail_over).await?;
        let remote = DefaultBalancing::new().remote_datacenters(true);
        let staying = nodes.session(3, |builder| patient(builder).load_balancing(remote)).await?;
        let local = nodes.connect(3, patient).await?;
        wait_until_connected(&local, 2).await?;
        let writer = nodes.session(3, writer("dc2")).await?;
        let load = Load::start(&writer, "outage", Consistency::LocalOne).await?;
        load.wait_for_writes(100).await?;

        nodes.on(3, Process::kill).await?;
        nodes.on(4, Process::kill).await?;
        load.wait_for_writes(100).await?;
        wait_until_connected(&failing_over, 2).await?;
        wait_until_connected(&staying, 2).await?;
        wait_until_connected(&local, 0).await?;
        for consistency in LOCAL {
            assert_equal_shares(nodes, &failing_over, consistency, &[1, 2]).await?;
            assert_refused(&staying, consistency).await?;
        }
        assert_equal_shares(nodes, &staying, Consistency::One, &[1, 2]).await?;
        let refused = local.execute("SELECT key FROM system.local", ()).await;
        assert_eq!(refused.expect_err("no local node is up").kind(), ErrorKind::Unreachable);

        nodes.on(3, Process::start).await?;
        nodes.on(4, Process::start).await?;
        for session in [&failing_over, &staying, &writer] {
            wait_until_connected(session, 4).await?;
        }
        wait_until_connected(&local, 2).await?;
        nodes.wait_until_all_are_up(&failing_over, "load.outage").await?;
        for session in [&failing_over, &staying, &local] {
            for consistency in LOCAL {
                assert_equal_shares(nodes, session, consistency, &[3, 4]).await?;
            }
        }
        load.wait_for_writes(100).await?;
        let acknowledged = load.finish().await?;
        eprintln!("an outage of a datacenter: no failure in {} writes", acknowledged.len());
        load::assert_contains(&failing_over, "outage", &acknowledged, Consistency::All).await
    })
}

/// Asserts that the session prepares statements in the remote datacenter, but does not execute them
/// there at this consistency, and that the error names the reason.
async fn assert_refused(session: &Session, consistency: Consistency) -> Result<(), Failed> {
    // The alias makes a text that the session has not prepared.
    let text = format!("SELECT k AS \"{consistency}\" FROM load.outage WHERE k = ?");
    let select = session.prepare(text).await?;
    let error = session.execute(select.consistency(consistency), (1,)).await;
    let error = error.expect_err("the session may not fail over");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let text = error.to_string();
    let refused = format!("does not use remote datacenter `dc1` at {consistency}");
    assert_eq!(text.matches(&refused).count(), 2, "{text}");
    assert_eq!(text.matches("local_consistency_failover").count(), 1, "{text}");
    Ok(())
}
