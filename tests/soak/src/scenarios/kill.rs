//! Three nodes, killed (SIGKILL) and restarted in turn.
//!
//! By default the nodes write acknowledged data to disk (`commitlog_sync: batch`). With Cassandra's
//! own default, `periodic`, a killed node loses the writes of its last moments. A node that loses an
//! update of a counter continues from the old value, so that the next update replaces the lost one
//! on the other replicas too.

use cassandra_harness::{Node as Process, Options};
use tokio::time::sleep;

use super::{ALL_KINDS, CALM, DEFAULT_TIMEOUTS, require_idempotent_success, runtime, soak};
use crate::{Result, arguments::Kill, load::Mix, nodes::Nodes};

/// Runs the soaks. Returns true if no promise was broken.
pub(crate) fn run(options: &Kill) -> Result<bool> {
    let nodes = Nodes::start(&cluster(options))?;
    let (tasks, rate) = (options.rate.tasks, Some(options.rate.rate));
    let mix = Mix { kinds: ALL_KINDS, tasks, rate, requests: None };
    let mut passed = 0;
    for soak_number in 0..options.soaks {
        let keyspace = format!("kill_{soak_number}");
        let first = soak_number * options.kills;
        let mut report = runtime()?.block_on(async {
            let session = nodes.session(|builder| builder).await?;
            let title = format!("kill: soak {}", soak_number + 1);
            soak(title, &nodes, session, &keyspace, mix, async |nodes| {
                for kill in first..first + options.kills {
                    kill_and_restart(nodes, 1 + kill as usize % nodes.count(), &keyspace).await?;
                }
                Ok(())
            })
            .await
        })?;
        require_idempotent_success(&mut report.tally);
        println!("{report}");
        passed += u32::from(report.passed());
    }
    println!("{passed} of {} soaks passed", options.soaks);
    Ok(passed == options.soaks)
}

/// Returns the cluster to start.
pub(super) fn cluster(options: &Kill) -> Options {
    let settings = [DEFAULT_TIMEOUTS, &[("commitlog_sync", "batch")]].concat();
    options.common.cluster(3, &settings)
}

async fn kill_and_restart(nodes: &Nodes, number: usize, keyspace: &str) -> Result<()> {
    eprintln!("killing node {number}");
    nodes.on(number, Process::kill).await?;
    sleep(CALM).await;
    nodes.on(number, Process::start).await?;
    nodes.wait_until_all_are_up(keyspace).await?;
    sleep(CALM).await;
    Ok(())
}
