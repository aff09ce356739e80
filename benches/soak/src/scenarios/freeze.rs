//! Three nodes, one of which is frozen repeatedly (SIGSTOP): its connections stay open, but it does
//! not answer.

use std::time::Duration;

use cassandra_harness::Node as Process;
use cqlwire_model::Mix;
use tokio::time::sleep;

use super::{CALM, DEFAULT_TIMEOUTS, Faults, all_kinds, conclude_idempotent, runtime, soak};
use crate::{Result, arguments::Freeze, nodes::Nodes, report::Verdict};

/// The keyspace of the load.
const KEYSPACE: &str = "freeze";

/// Runs the scenario.
pub(crate) fn run(options: &Freeze) -> Result<Verdict> {
    let nodes = Nodes::start(&options.common.cluster(3, DEFAULT_TIMEOUTS))?;
    let (tasks, rate) = (options.rate.tasks, Some(options.rate.rate));
    let mix = Mix { kinds: all_kinds(), workers: tasks, rate, requests: None };
    let (rounds, seconds) = (options.rounds as usize, options.seconds);
    let report = runtime()?.block_on(async {
        let session = nodes.session(|builder| builder).await?;
        let title = format!("freeze: one of 3 nodes for {seconds} s, {rounds} times");
        soak(title, &nodes, session, KEYSPACE, &mix, async |nodes| {
            for round in 0..rounds {
                let number = 1 + round % nodes.count();
                nodes.begin_fault("freezing", number);
                nodes.on(number, Process::pause).await?;
                sleep(Duration::from_secs(seconds)).await;
                nodes.on(number, Process::resume).await?;
                nodes.wait_until_all_are_up(KEYSPACE).await?;
                sleep(CALM).await;
            }
            Ok(())
        })
        .await
    })?;
    let (count, noticed) = (options.rounds, report.noticed_faults);
    Ok(conclude_idempotent(report, Faults { name: "frozen nodes", count, noticed }))
}
