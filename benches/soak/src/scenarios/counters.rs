//! Three nodes, killed and restarted in turn just after counter updates were acknowledged.
//!
//! No update is in flight when a node is killed, so that no update is uncertain: each counter must have
//! exactly the value of its acknowledged updates.

use cassandra_harness::Node as Process;
use cqlwire_model::{Kind, Load, Mix};
use tokio::time::sleep;

use super::{CALM, Faults, Soak, conclude, conclude_all, kill::cluster, runtime};
use crate::{
    Result,
    arguments::Kill,
    nodes::Nodes,
    report::{Report, Verdict},
};

/// Runs the soaks.
pub(crate) fn run(options: &Kill) -> Result<Verdict> {
    let nodes = Nodes::start(&cluster(options))?;
    let (tasks, rate) = (options.rate.tasks, Some(options.rate.rate));
    let mix = Mix { kinds: vec![vec![Kind::Increment]], workers: tasks, rate, requests: None };
    let mut verdicts = Vec::new();
    for number in 0..options.soaks {
        let report = runtime()?.block_on(soak(&nodes, number, options.kills, &mix))?;
        let noticed = report.noticed_faults;
        let faults = Faults { name: "killed nodes", count: options.kills, noticed };
        verdicts.push(conclude(report, faults));
    }
    Ok(conclude_all(&verdicts))
}

async fn soak(nodes: &Nodes, number: u32, kills: u32, mix: &Mix) -> Result<Report> {
    let keyspace = format!("counters_{number}");
    let session = nodes.session(|builder| builder).await?;
    let soak = Soak::begin(nodes, session, &keyspace).await?;
    let mut load = Load::start(&soak.session, &soak.tables, mix).await?;
    for kill in number * kills..(number + 1) * kills {
        sleep(CALM).await;
        let node = 1 + kill as usize % nodes.count();
        let workers = load.stop().await;
        nodes.begin_fault("killing", node);
        nodes.on(node, Process::kill).await?;
        nodes.on(node, Process::start).await?;
        nodes.wait_until_all_are_up(&keyspace).await?;
        load = Load::resume(&soak.session, &soak.tables, mix, workers);
    }
    sleep(CALM).await;
    let workers = load.stop().await;
    soak.finish(format!("counters: soak {}", number + 1), nodes, workers).await
}
