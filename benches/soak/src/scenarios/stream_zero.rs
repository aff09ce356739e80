//! One overloaded node with a short `native_transport_timeout`.
//!
//! The node sheds requests that waited too long. In the versions with CASSANDRA-21508, it sends the
//! ERROR of a shed request on stream 0 instead of the stream of the request.

use cqlwire::wire::Version;
use cqlwire_model::{Kind, Mix, Violation};
use tokio::runtime::{Builder, Runtime};

use super::{Faults, conclude, conclude_all, soak};
use crate::{Result, arguments::StreamZero, nodes::Nodes, report::Verdict};

/// Runs the load once for each combination of protocol version and threads.
pub(crate) fn run(options: &StreamZero) -> Result<Verdict> {
    let cluster = options.common.cluster(1, &[("native_transport_timeout", "150ms")]);
    let nodes = Nodes::start(&cluster)?;
    let mut verdicts = Vec::new();
    for &protocol in &options.protocol {
        for &threads in &options.threads {
            let version = version(protocol)?;
            let title = format!("stream-0: {version:?}, {threads} threads");
            let mix = Mix {
                kinds: vec![vec![Kind::UnmarkedInsert, Kind::Read]],
                workers: options.tasks,
                rate: None,
                requests: Some(options.requests),
            };
            let mut report = runtime(threads)?.block_on(async {
                let session = nodes.session(|builder| {
                    builder.protocol_version(version).connections_per_node(options.connections)
                });
                let keyspace = format!("v{protocol}_{threads}");
                soak(title, &nodes, session.await?, &keyspace, &mix, async |_| Ok(())).await
            })?;
            for (reason, count) in &report.connections_lost {
                report.tally.add_violations(Violation::ConnectionLost, *count, || reason.clone());
            }
            let noticed = report.errors_on_stream_0();
            let faults = Faults { name: "errors on stream 0", count: 1, noticed };
            verdicts.push(conclude(report, faults));
        }
    }
    Ok(conclude_all(&verdicts))
}

fn version(number: u8) -> Result<Version> {
    match number {
        3 => Ok(Version::V3),
        4 => Ok(Version::V4),
        5 => Ok(Version::V5),
        _ => Err(format!("no protocol version {number}: use 3, 4 or 5").into()),
    }
}

fn runtime(threads: usize) -> Result<Runtime> {
    let runtime = match threads {
        0 | 1 => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread().worker_threads(threads).enable_all().build(),
    };
    Ok(runtime?)
}
