//! A rolling restart of all nodes, as in an upgrade.

use cassandra_harness::Node as Process;
use cqlwire::session::Throttle;
use cqlwire::wire::Consistency;
use libtest_mimic::Failed;

use super::load::{self, Load};
use super::nodes::Nodes;
use crate::fleet::runtime;

pub(super) fn no_write_fails_during_a_rolling_restart(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        // A low rate, so that a node has enough CPU time to start.
        let throttle = Throttle::rate(250);
        let session = nodes.session(3, |builder| builder.throttle(throttle)).await?;
        load::create(nodes, &session, "restarts", load::THREE_REPLICAS).await?;
        let load = Load::start(&session, "restarts", Consistency::LocalQuorum).await?;
        load.wait_for_writes(200).await?;
        for number in 1..=3 {
            nodes.on(number, Process::stop).await?;
            load.wait_for_writes(200).await?;
            nodes.on(number, Process::start).await?;
            nodes.wait_until_all_are_up(&session, "load.restarts").await?;
            load.wait_for_writes(200).await?;
        }
        let acknowledged = load.finish().await?;
        load::assert_contains(&session, "restarts", &acknowledged, Consistency::Quorum).await
    })
}
