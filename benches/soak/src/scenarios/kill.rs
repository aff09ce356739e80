//! Three nodes, killed (SIGKILL) and restarted in turn.
//!
//! By default the nodes write acknowledged data to disk (`commitlog_sync: batch`). With Cassandra's
//! own default, `periodic`, a killed node loses the writes of its last moments. A node that loses an
//! update of a counter continues from the old value, so that the next update replaces the lost one
//! on the other replicas too.

use cassandra_harness::{Node as Process, Options};
use cqlwire_model::Mix;
use tokio::time::sleep;

use super::{
    CALM, DEFAULT_TIMEOUTS, Faults, all_kinds, conclude_all, conclude_idempotent, runtime, soak,
};
use crate::{Result, arguments::Kill, nodes::Nodes, report::Verdict};

/// Runs the soaks.
pub(crate) fn run(options: &Kill) -> Result<Verdict> {
    let nodes = Nodes::start(&cluster(options))?;
    let (tasks, rate) = (options.rate.tasks, Some(options.rate.rate));
    let mix = Mix { kinds: all_kinds(), workers: tasks, rate, requests: None };
    let mut verdicts = Vec::new();
    for soak_number in 0..options.soaks {
        let keyspace = format!("kill_{soak_number}");
        let first = soak_number * options.kills;
        let report = runtime()?.block_on(async {
            let session = nodes.session(|builder| builder).await?;
            let title = format!("kill: soak {}", soak_number + 1);
            soak(title, &nodes, session, &keyspace, &mix, async |nodes| {
                for kill in first..first + options.kills {
                    kill_and_restart(nodes, 1 + kill as usize % nodes.count(), &keyspace).await?;
                }
                Ok(())
            })
            .await
        })?;
        let noticed = report.noticed_faults;
        let faults = Faults { name: "killed nodes", count: options.kills, noticed };
        verdicts.push(conclude_idempotent(report, faults));
    }
    Ok(conclude_all(&verdicts))
}

/// Returns the cluster to start.
pub(super) fn cluster(options: &Kill) -> Options {
    let settings = [DEFAULT_TIMEOUTS, &[("commitlog_sync", "batch")]].concat();
    options.common.cluster(3, &settings)
}

async fn kill_and_restart(nodes: &Nodes, number: usize, keyspace: &str) -> Result<()> {
    nodes.begin_fault("killing", number);
    nodes.on(number, Process::kill).await?;
    sleep(CALM).await;
    nodes.on(number, Process::start).await?;
    nodes.wait_until_all_are_up(keyspace).await?;
    sleep(CALM).await;
    Ok(())
}
