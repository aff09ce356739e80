//! `cqlwire unload` and `load` while the programs and a node are killed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cassandra_harness::Node as Process;
use libtest_mimic::Failed;

use super::load::THREE_REPLICAS;
use super::nodes::{Nodes, wait_until};
use crate::fleet::runtime;
use crate::program::run;

const CQLWIRE: &str = env!("CARGO_BIN_EXE_cqlwire");

/// Number of rows. A third of them are in one partition.
const ROWS: i32 = 30_000;

/// Number of times that each program is killed.
const KILLS: u32 = 4;

/// Loads a file while the program is killed, and unloads the table while the program and a node are killed. The rows
/// are those of the file, each once.
pub(super) fn unloads_what_was_loaded_although_programs_and_a_node_are_killed(
    nodes: &Nodes,
) -> Result<(), Failed> {
    nodes.keyspace("bulk", THREE_REPLICAS)?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let (source, progress, target) = (path("rows.csv"), path("progress"), path("out.csv"));
    // Ten of these rows are too large for a batch of several partitions.
    let padding = "x".repeat(600);
    let rows: Vec<String> = (0..ROWS)
        .map(|row| format!("{},{row},\"row, {row} {padding}\"", if row % 3 == 0 { 0 } else { row }))
        .collect();
    let csv = rows.join("\n");
    std::fs::write(&source, format!("k,c,v\n{csv}\n"))?;
    let rows = BTreeSet::from_iter(rows);
    runtime()?.block_on(async {
        let session = nodes.session(1, |builder| builder).await?;
        session
            .execute("CREATE TABLE bulk.t (k int, c int, v text, PRIMARY KEY (k, c))", ())
            .await?;

        session.execute("CREATE TABLE bulk.up (k int PRIMARY KEY)", ()).await?;
        let host = nodes.address(1).to_string();
        let load = [
            "load",
            "bulk.t",
            "--host",
            &host,
            "--from",
            text(&source),
            "--checkpoint",
            text(&progress),
            "--checkpoint-every",
            "0.1",
            "--resume",
            "--rate",
            "8k",
        ];
        kill_at_checkpoints(&load, &progress).await?;
        let without_rate = load.strip_suffix(&["--rate", "8k"]).unwrap_or(&load);
        let output = run(CQLWIRE, without_rate);
        assert_eq!(output.code, 0, "{output:?}");
        let partitions = "SELECT max FROM system_views.batch_metrics WHERE name = 'partitions_per_unlogged_batch'";
        let partitions = session.execute(partitions, ()).await?.one::<i64>()?;
        assert!(partitions > 1, "no batch has had several partitions");
        let log = nodes.logs()?;
        let warning =
            log.lines().find(|line| line.contains("BatchStatement") && line.contains("bulk.t"));
        assert_eq!(warning, None, "the batches of a load are too large");

        let unload = [
            "unload",
            "bulk.t",
            "--host",
            &host,
            "--to",
            text(&target),
            "--checkpoint-every",
            "0",
            "--resume",
            "--splits",
            "300",
            "--rate",
            "8k",
        ];
        let checkpoint = path("out.csv.checkpoint");
        kill_at_checkpoints(&unload, &checkpoint).await?;
        let mut last = start(&unload)?;
        wait_for_change(&mut last, &checkpoint).await?;
        nodes.on(2, Process::kill).await?;
        let output = tokio::task::spawn_blocking(|| last.wait_with_output()).await??;
        nodes.on(2, Process::start).await?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let out = std::fs::read_to_string(&target)?;
        let lines: Vec<_> = out.lines().skip(1).map(str::to_owned).collect();
        assert_eq!(lines.len(), rows.len(), "each row once");
        assert_eq!(lines.into_iter().collect::<BTreeSet<_>>(), rows);
        nodes.wait_until_all_are_up(&session, "bulk.up").await
    })
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

fn start(arguments: &[&str]) -> Result<Child, Failed> {
    let program = Command::new(CQLWIRE)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    Ok(program?)
}

/// Kills the program each time that it has written another checkpoint.
async fn kill_at_checkpoints(arguments: &[&str], checkpoint: &Path) -> Result<(), Failed> {
    for _ in 0..KILLS {
        let mut program = start(arguments)?;
        wait_for_change(&mut program, checkpoint).await?;
        program.kill()?;
        program.wait()?;
    }
    Ok(())
}

/// Waits until a running program has replaced a file.
async fn wait_for_change(program: &mut Child, file: &Path) -> Result<(), Failed> {
    let before = std::fs::read(file).ok();
    wait_until("the program writes a checkpoint", || {
        let has_ended = program.try_wait().is_ok_and(|status| status.is_some());
        assert!(!has_ended, "the program ended before it was killed");
        std::fs::read(file).ok() != before
    })
    .await
}
