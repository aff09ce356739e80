//! Three nodes, each in turn drained by `nodetool drain`, stopped and restarted.

use cassandra_harness::Node as Process;
use cqlwire_model::Mix;
use tokio::time::sleep;

use super::{CALM, DEFAULT_TIMEOUTS, Faults, all_kinds, conclude_idempotent, runtime, soak};
use crate::{Result, arguments::Drain, nodes::Nodes, report::Verdict};

/// The keyspace of the load.
const KEYSPACE: &str = "drain";

/// Runs the scenario.
pub(crate) fn run(options: &Drain) -> Result<Verdict> {
    let nodes = Nodes::start(&options.common.cluster(3, DEFAULT_TIMEOUTS))?;
    let (tasks, rate) = (options.rate.tasks, Some(options.rate.rate));
    let mix = Mix { kinds: all_kinds(), workers: tasks, rate, requests: None };
    let rounds = options.rounds;
    let report = runtime()?.block_on(async {
        let session = nodes.session(|builder| builder).await?;
        let title = format!("drain: each of 3 nodes, {rounds} times");
        soak(title, &nodes, session, KEYSPACE, &mix, async |nodes| {
            for round in 0..rounds as usize * nodes.count() {
                drain(nodes, 1 + round % nodes.count()).await?;
            }
            Ok(())
        })
        .await
    })?;
    let (count, noticed) = (3 * rounds, report.noticed_faults);
    Ok(conclude_idempotent(report, Faults { name: "drained nodes", count, noticed }))
}

async fn drain(nodes: &Nodes, number: usize) -> Result<()> {
    nodes.begin_fault("draining", number);
    nodes.on(number, |node| node.nodetool(&["drain"]).map(drop)).await?;
    sleep(CALM).await;
    nodes.on(number, Process::stop).await?;
    sleep(CALM).await;
    nodes.on(number, Process::start).await?;
    nodes.wait_until_all_are_up(KEYSPACE).await?;
    sleep(CALM).await;
    Ok(())
}
