//! Every node restarted in its turn, as an upgrade does.

use cassandra_harness::Node as Process;
use cqlwire::session::Throttle;
use libtest_mimic::Failed;

use super::load::{self, Load};
use super::nodes::Nodes;
use crate::fleet::runtime;

pub(super) fn no_request_fails(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        // As much as leaves a node that starts some of the machine.
        let throttle = Throttle::rate(250);
        let session = nodes.session(3, |builder| builder.throttle(throttle)).await?;
        load::create(nodes, &session, "restarts").await?;
        let load = Load::start(&session, "restarts").await?;
        load.goes_on_for(200).await?;
        for number in 1..=3 {
            nodes.on(number, Process::stop).await?;
            load.goes_on_for(200).await?;
            nodes.on(number, Process::start).await?;
            nodes.all_are_up(&session, "load.restarts").await?;
            load.goes_on_for(200).await?;
        }
        let acknowledged = load.finish().await?;
        load::are_there(&session, "restarts", &acknowledged).await
    })
}
