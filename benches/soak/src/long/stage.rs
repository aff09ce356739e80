//! The soak on one version of Cassandra.

use std::{sync::Arc, time::Duration};

use cqlwire_model::{Kind, Load, Mix, Tables, Tally, Worker, settle, verify};
use tokio::time::{Instant, sleep_until};

use super::{
    faults::Disturbance,
    memory,
    record::{Requests, Stage},
    recorder::Recorder,
    sampler::Sampler,
    schema_changes::SchemaChanges,
};
use crate::{
    Result,
    arguments::Long,
    connection_log, cpu,
    nodes::Nodes,
    scenarios::{DEFAULT_TIMEOUTS, VERIFY_WAIT, runtime},
};

/// The keyspace of the load.
const KEYSPACE: &str = "soak";

/// The nodes' settings beside the default timeouts. The default of `range_request_timeout` is 10 seconds.
/// `commitlog_sync` is explained in README.md.
const SETTINGS: &[(&str, &str)] =
    &[("commitlog_sync", "batch"), ("range_request_timeout", "5000ms")];

/// Timeout of a page of a read of a table. Cassandra sends such a read to as many replicas as must answer,
/// without a speculative retry, even if one of them is frozen and not yet reported as down.
const TABLE_READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Time after the last request within which the session must have returned everything that it used.
const SETTLE_BOUND: Duration = Duration::from_secs(10);

/// Time within which each register must be created.
const REGISTER_WAIT: Duration = Duration::from_secs(60);

/// Runs the load for this duration.
pub(crate) fn run(options: &Long, version: &str, duration: Duration) -> Result<Stage> {
    let settings = [DEFAULT_TIMEOUTS, SETTINGS].concat();
    eprintln!("Cassandra {version}: starting three nodes");
    let nodes = Nodes::start(&options.cluster(version, &settings))?;
    runtime()?.block_on(soak(&nodes, options, version, duration))
}

async fn soak(nodes: &Nodes, options: &Long, version: &str, duration: Duration) -> Result<Stage> {
    let session = nodes.session(|builder| builder).await?;
    let tables = Tables::create(&session, KEYSPACE, u8::try_from(nodes.count())?).await?;
    let tables = tables.table_read_timeout(TABLE_READ_TIMEOUT);
    tables.create_registers(&session, options.load.tasks, REGISTER_WAIT).await?;
    nodes.wait_until_all_are_up(KEYSPACE).await?;
    connection_log::take();
    let mix = Mix {
        kinds: kinds(),
        workers: options.load.tasks,
        rate: Some(options.load.rate),
        requests: None,
    };
    let (begin, cpu_before) = (Instant::now(), cpu::used());
    let recorder = Arc::new(Recorder::new());
    let workers = (0..mix.workers).map(Worker::new).collect();
    let load = Load::observed(&session, &tables, &mix, workers, Arc::clone(&recorder) as _);
    let sampler = Sampler::start(session.clone(), Arc::clone(&recorder), begin);
    let changes = SchemaChanges::start(session.clone(), KEYSPACE);
    let end = begin + duration;
    let mut disturbed = Tally::default();
    let disturbance = Disturbance {
        nodes,
        session: &session,
        tables: &tables,
        keyspace: KEYSPACE,
        recorder: &recorder,
    };
    let faults = disturbance.run(begin, end, &mut disturbed).await?;
    sleep_until(end).await;
    let schema_changes = changes.stop().await;
    let samples = sampler.stop().await?;
    let workers = load.stop().await;
    let seconds = begin.elapsed().as_secs_f64();
    let cpu = cpu::used().zip(cpu_before).map(|(after, before)| (after - before).as_secs_f64());
    let (idempotent, other) = recorder.latencies();
    let (counts, metrics) = (connection_log::take(), session.metrics());

    settle(&session, &[], SETTLE_BOUND, &mut disturbed).await;
    nodes.wait_until_all_are_up(KEYSPACE).await?;
    eprintln!("Cassandra {version}: reading all tables");
    let mut tally = verify(&session, &tables, workers, VERIFY_WAIT).await?;
    tally.add(disturbed);
    tally.require_idempotent_success();
    connection_log::check_secrets(&mut tally);
    session.close(SETTLE_BOUND).await;
    Ok(Stage {
        version: version.to_owned(),
        planned: duration.as_secs_f64(),
        seconds,
        memory: memory::growth(&samples, kept_bytes(&tally)),
        samples,
        faults,
        schema_changes,
        requests: requests(&tally),
        idempotent,
        other,
        failures: failures(&tally),
        violations: violations(&tally),
        cpu,
        retries: metrics.retries,
        speculative_executions: metrics.speculative_executions,
        connections_lost: counts.lost.into_iter().collect(),
        noticed_faults: counts.noticed_faults,
    })
}

/// Returns the requests of the load. Workers with idempotent requests send few others, so that a request
/// that waits until its timeout does not reduce their load. Reads in pages are rare, because each of
/// them sends many requests.
fn kinds() -> Vec<Vec<Kind>> {
    use Kind::{
        Append, Increment, Insert, LoggedBatch, Overwrite, Read, ReadPartition, ReadTable, Swap,
        UnloggedBatch, UnmarkedInsert,
    };
    let rows = vec![Insert, Read, Overwrite, Read];
    let batches = [LoggedBatch, UnloggedBatch, Overwrite, Read].repeat(4);
    let batches = [batches, vec![ReadPartition, ReadTable]].concat();
    vec![rows.clone(), rows, vec![Increment, Swap, Append, UnmarkedInsert], batches]
}

/// Returns the bytes that the workers keep to verify their writes: one for each, in vectors that double.
fn kept_bytes(tally: &Tally) -> u64 {
    let writes = tally.requests.iter().filter(|(kind, _)| kind.is_write());
    2 * writes.map(|(_, counts)| counts.begun).sum::<u64>()
}

fn requests(tally: &Tally) -> Vec<Requests> {
    let counts = tally.requests.iter().map(|(kind, counts)| Requests {
        kind: kind.name().to_owned(),
        is_idempotent: kind.is_idempotent(),
        succeeded: counts.acknowledged,
        uncertain: counts.uncertain,
        not_applied: counts.not_applied,
    });
    counts.collect()
}

fn failures(tally: &Tally) -> Vec<(String, u64, String)> {
    let failures = tally.failures.iter();
    let failures = failures.map(|((kind, text), (count, example))| {
        (format!("{}: {text}", kind.name()), *count, example.clone())
    });
    failures.collect()
}

fn violations(tally: &Tally) -> Vec<(String, u64, Vec<String>)> {
    let violations = tally.violations.iter();
    let violations = violations.map(|(violation, (count, examples))| {
        (violation.description().to_owned(), *count, examples.clone())
    });
    violations.collect()
}
