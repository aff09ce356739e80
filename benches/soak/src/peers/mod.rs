//! The load of `peers/` through cqlwire, scylla and the Java driver, one after another, each on a new
//! cluster under the same faults.

mod process;
mod programs;

use std::{fmt::Write, time::Duration};

use cqlwire_model::{Tables, Tally};
use tokio::time::{Instant, sleep_until};

use crate::{
    Result,
    arguments::Peers,
    long::{Disturbance, Recorder},
    nodes::Nodes,
    report::Verdict,
    scenarios::{DEFAULT_TIMEOUTS, runtime},
};
use process::{Process, Usage};
use programs::Program;

const KEYSPACE: &str = "peers";

/// Time within which each register must be created.
const REGISTER_WAIT: Duration = Duration::from_secs(60);

/// The results of one driver.
struct Outcome {
    name: String,
    seconds: f64,
    results: process::Results,
    usage: Usage,
}

/// Runs the load through each driver, and prints a table.
pub(crate) fn run(options: &Peers) -> Result<Verdict> {
    let mut outcomes = Vec::new();
    for name in &options.drivers {
        let program = programs::build(name)?;
        let settings = [DEFAULT_TIMEOUTS, &[("commitlog_sync", "batch")]].concat();
        eprintln!("{name}: starting three nodes");
        let nodes = Nodes::start(&options.common.cluster(3, &settings))?;
        let outcome = runtime()?.block_on(load(&nodes, options, name, &program))?;
        println!("{}", table(std::slice::from_ref(&outcome)));
        for (failure, count) in &outcome.results.failures {
            println!("  {count} x {failure}");
        }
        outcomes.push(outcome);
    }
    println!("{}", table(&outcomes));
    Ok(Verdict::Passed)
}

async fn load(nodes: &Nodes, options: &Peers, name: &str, program: &Program) -> Result<Outcome> {
    let session = nodes.session(|builder| builder).await?;
    let tables = Tables::create(&session, KEYSPACE, u8::try_from(nodes.count())?).await?;
    tables.create_registers(&session, options.load.tasks, REGISTER_WAIT).await?;
    nodes.wait_until_all_are_up(KEYSPACE).await?;
    let load = &options.load;
    let process =
        Process::start(program, &nodes.contact_points(), KEYSPACE, load.tasks, load.rate)?;
    eprintln!("{name}: sending requests");
    let begin = Instant::now();
    let end = begin + Duration::from_secs_f64(options.minutes * 60.0);
    let disturbance = Disturbance {
        nodes,
        session: &session,
        tables: &tables,
        keyspace: KEYSPACE,
        recorder: &Recorder::new(),
    };
    // The session that creates the tables is not under test.
    disturbance.run(begin, end, &mut Tally::default()).await?;
    sleep_until(end).await;
    let (seconds, usage) = (begin.elapsed().as_secs_f64(), process.usage());
    let results = tokio::task::spawn_blocking(move || process.stop()).await??;
    Ok(Outcome { name: name.to_owned(), seconds, results, usage })
}

/// Returns the results as a Markdown table.
fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| driver | requests per second | p50, p99, max of idempotent requests | failed, idempotent | \
         failed, other | CPU per request | memory, largest |\n|---|---|---|---|---|---|---|\n",
    );
    for Outcome { name, seconds, results, usage } in outcomes {
        let requests = results.succeeded + results.failed_idempotent + results.failed_other;
        let process::Results { p50, p99, max, failed_idempotent, failed_other, .. } = results;
        let rate = results.succeeded as f64 / seconds;
        let cpu = usage.cpu.map_or("unknown".to_owned(), |cpu| {
            format!("{:.0} µs", cpu.as_secs_f64() * 1e6 / requests.max(1) as f64)
        });
        let memory = usage.memory.map_or("unknown".to_owned(), |kib| format!("{} MiB", kib / 1024));
        let _ = writeln!(
            text,
            "| {name} | {rate:.0} | {p50:.1}, {p99:.1}, {max:.0} ms | {failed_idempotent} | \
             {failed_other} | {cpu} | {memory} |"
        );
    }
    text
}
