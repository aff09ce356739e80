//! The scenarios: a cluster, a load, and faults.

pub(crate) mod counters;
pub(crate) mod drain;
pub(crate) mod freeze;
pub(crate) mod kill;
pub(crate) mod stream_zero;

use std::time::{Duration, Instant};

use cqlwire::session::Session;
use cqlwire_model::{Kind, Load, Mix, Tables, Worker, verify};
use tokio::{runtime::Runtime, time::sleep};

use crate::{
    Result, connection_log, cpu,
    nodes::Nodes,
    report::{Report, Verdict},
};

/// Returns a load of all kinds of requests. Workers with idempotent requests send no others, so that a request
/// that waits until its timeout does not reduce their load.
fn all_kinds() -> Vec<Vec<Kind>> {
    vec![vec![Kind::Insert, Kind::Read], vec![Kind::Increment, Kind::Swap, Kind::Append]]
}

/// Time of undisturbed load between two faults.
const CALM: Duration = Duration::from_secs(5);

/// Time within which each read of the verification must succeed. The nodes may still be busy with the load.
pub(crate) const VERIFY_WAIT: Duration = Duration::from_secs(120);

/// Cassandra's default timeouts. Those of the harness are longer.
pub(crate) const DEFAULT_TIMEOUTS: &[(&str, &str)] = &[
    ("read_request_timeout", "5000ms"),
    ("write_request_timeout", "2000ms"),
    ("counter_write_request_timeout", "5000ms"),
];

pub(crate) fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Runs a load on new tables while `faults` disturb the nodes, and verifies the tables.
async fn soak(
    title: String,
    nodes: &Nodes,
    session: Session,
    keyspace: &str,
    mix: &Mix,
    faults: impl AsyncFnOnce(&Nodes) -> Result<()>,
) -> Result<Report> {
    let soak = Soak::begin(nodes, session, keyspace).await?;
    let load = Load::start(&soak.session, &soak.tables, mix).await?;
    let workers = match mix.requests {
        Some(_) => load.wait().await,
        None => {
            sleep(CALM).await;
            faults(nodes).await?;
            sleep(CALM).await;
            load.stop().await
        }
    };
    soak.finish(title, nodes, workers).await
}

/// A soak between the creation of its tables and their verification.
struct Soak {
    session: Session,
    tables: Tables,
    begin: Instant,
    cpu_before: Option<Duration>,
}

impl Soak {
    /// Creates the tables.
    async fn begin(nodes: &Nodes, session: Session, keyspace: &str) -> Result<Self> {
        let replicas = u8::try_from(nodes.count())?;
        let tables = Tables::create(&session, keyspace, replicas).await?;
        nodes.wait_until_all_are_up(keyspace).await?;
        connection_log::take();
        Ok(Self { session, tables, begin: Instant::now(), cpu_before: cpu::used() })
    }

    /// Verifies the tables, and returns the results.
    async fn finish(self, title: String, nodes: &Nodes, workers: Vec<Worker>) -> Result<Report> {
        let Self { session, tables, begin, cpu_before } = self;
        let (elapsed, metrics) = (begin.elapsed(), session.metrics());
        let cpu = cpu::used().zip(cpu_before).map(|(after, before)| after - before);
        let connection_log::Counts { lost: connections_lost, unresponsive, noticed_faults, .. } =
            connection_log::take();
        nodes.wait_until_all_are_up(tables.keyspace()).await?;
        let tally = verify(&session, &tables, workers, VERIFY_WAIT).await?;
        session.close(Duration::from_secs(10)).await;
        Ok(Report {
            title,
            tally,
            metrics,
            elapsed,
            cpu,
            connections_lost,
            unresponsive,
            noticed_faults,
            missing_faults: None,
        })
    }
}

/// The faults of a load, and how many of them the session has noticed.
struct Faults {
    /// The faults, such as "killed nodes".
    name: &'static str,
    count: u32,
    noticed: u64,
}

/// Concludes a load in which no idempotent request may fail.
fn conclude_idempotent(mut report: Report, faults: Faults) -> Verdict {
    report.tally.require_idempotent_success();
    conclude(report, faults)
}

/// Prints the report of a load, and returns the verdict. If the session did not notice all faults, the
/// load proves nothing.
fn conclude(mut report: Report, Faults { name, count, noticed }: Faults) -> Verdict {
    let count = count.max(1);
    if noticed < u64::from(count) {
        report.missing_faults = Some(format!("the session noticed {noticed} of {count} {name}"));
    }
    println!("{report}");
    report.verdict()
}

/// Prints how many loads passed, and returns the verdict on all of them.
fn conclude_all(verdicts: &[Verdict]) -> Verdict {
    let passed = verdicts.iter().filter(|verdict| **verdict == Verdict::Passed).count();
    println!("{passed} of {} loads passed", verdicts.len());
    verdicts.iter().copied().max().unwrap_or(Verdict::NothingProven)
}
