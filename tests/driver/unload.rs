//! `cqlwire unload` and `cqlwire count`, on three mock nodes.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use cqlwire::message::ErrorCode;
use cqlwire::session::Session;
use cqlwire::testing::{Fault, MockCluster, MockServer};
use tokio::runtime::Runtime;

use crate::program::{Output, run};

const CQLWIRE: &str = env!("CARGO_BIN_EXE_cqlwire");

/// Number of rows. Every third one is in the partition of `city` 0, the others have partitions of their own.
const ROWS: i32 = 300;

/// Runs the servers while a test waits for a program.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
});

/// Starts three nodes with a table.
fn start() -> MockCluster {
    RUNTIME.block_on(async {
        let cluster = MockCluster::start(3).await.unwrap();
        let session = Session::builder().contact_points(cluster.contact_points());
        let session = session.connect().await.unwrap();
        for statement in [
            "CREATE KEYSPACE ks WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 2}",
            "CREATE TABLE ks.t (city int, id int, \"Name\" text, PRIMARY KEY (city, id))",
            "CREATE TABLE ks.empty (id int PRIMARY KEY, name text)",
        ] {
            session.execute(statement, ()).await.unwrap();
        }
        let insert = "INSERT INTO ks.t (city, id, \"Name\") VALUES (?, ?, ?)";
        for id in 0..ROWS {
            let name = (id % 7 > 0).then(|| format!("name, {id}"));
            let city = if id % 3 == 0 { 0 } else { id };
            session.execute(insert, (city, id, name)).await.unwrap();
        }
        cluster
    })
}

/// Returns the lines that the table has as CSV, without the header, sorted.
fn expected() -> Vec<String> {
    let mut lines: Vec<_> = (0..ROWS)
        .map(|id| {
            let name = if id % 7 > 0 { format!("\"name, {id}\"") } else { String::new() };
            format!("{},{id},{name}", if id % 3 == 0 { 0 } else { id })
        })
        .collect();
    lines.sort();
    lines
}

const HEADER: &str = "city,id,Name";

fn sorted(lines: &str) -> Vec<String> {
    let mut lines: Vec<_> = lines.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Checks that a CSV file has the header and every row once.
fn assert_complete(csv: &str) {
    let rows = csv.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n')).unwrap();
    assert_eq!(sorted(rows), expected());
}

/// Runs a tool of `cqlwire` on a cluster.
fn tool(name: &str, cluster: &MockCluster, arguments: &[&str]) -> Output {
    let host = cluster.contact_points()[0].to_string();
    run(CQLWIRE, &[&[name, "--host", &host], arguments].concat())
}

fn unload(cluster: &MockCluster, arguments: &[&str]) -> Output {
    tool("unload", cluster, arguments)
}

fn succeed(output: Output) -> Output {
    assert_eq!(output.code, 0, "{output:?}");
    output
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn writes_every_row_once_to_standard_output() {
    let cluster = start();
    let output = succeed(unload(&cluster, &["ks.t"]));
    assert_complete(&output.stdout);
    assert!(output.stderr.contains("wrote 300 rows of ks.t to standard output"), "{output:?}");

    let columns = ["ks.t", "--columns", "id", "--where", "id < 2", "--no-header"];
    assert_eq!(sorted(&succeed(unload(&cluster, &columns)).stdout), ["0", "1"]);

    let output = succeed(unload(&cluster, &["-k", "ks", "empty"]));
    assert_eq!(output.stdout, "id,name\n", "a table without rows has columns");
    let output = succeed(unload(&cluster, &["system.local", "--columns", "key", "--shard", "1/2"]));
    assert_eq!(output.stdout, "key\n", "a shard without splits has columns");
}

#[test]
fn writes_the_rows_of_a_query() {
    let cluster = start();
    let query = "SELECT id, \"Name\" FROM ks.t WHERE city = 0 LIMIT 2";
    let output = succeed(unload(&cluster, &["--query", query, "--format", "jsonl"]));
    let lines = "{\"id\":0,\"\\\"Name\\\"\":null}\n{\"id\":3,\"\\\"Name\\\"\":\"name, 3\"}\n";
    assert_eq!(output.stdout, lines);
    let output = unload(&cluster, &["--query", "TRUNCATE ks.t"]);
    assert_eq!((output.code, &*output.stderr), (2, "error: --query is not a SELECT\n"));
    assert_complete(&succeed(unload(&cluster, &["ks.t"])).stdout);
}

#[test]
fn shards_have_every_row_once() {
    let cluster = start();
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.json");
    let dry_run = succeed(unload(&cluster, &["ks.t", "--plan", text(&plan), "--dry-run"]));
    assert!(dry_run.stdout.contains("splits"), "{dry_run:?}");
    let to = format!("{}/", text(&folder.path().join("out")));
    let mut lines = Vec::new();
    for index in 0..4 {
        let shard = format!("{index}/4");
        let from_plan = ["ks.t", "--plan", text(&plan), "--shard", &shard, "--to", &to];
        let alone = ["ks.t", "--shard", &shard, "--to", &to, "--format", "csv"];
        succeed(unload(&cluster, if index % 2 == 0 { &from_plan } else { &alone }));
        let file = folder.path().join(format!("out/ks.t-{index}-of-4.csv"));
        let csv = std::fs::read_to_string(file).unwrap();
        lines.extend(
            sorted(csv.strip_prefix(HEADER).unwrap()).into_iter().filter(|l| !l.is_empty()),
        );
    }
    lines.sort();
    assert_eq!(lines, expected());
    assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 4);
}

/// Returns the contents of a file as CSV.
fn contents(path: &Path) -> String {
    let file = std::fs::File::open(path).unwrap();
    let mut text = String::new();
    match path.extension().unwrap().to_str() {
        Some("csv") => return std::fs::read_to_string(path).unwrap(),
        #[cfg(feature = "parquet")]
        Some("parquet") => return parquet_contents(path),
        Some("gz") => flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text),
        _ => zstd::Decoder::new(file).unwrap().read_to_string(&mut text),
    }
    .unwrap();
    text
}

#[cfg(feature = "parquet")]
fn parquet_contents(path: &Path) -> String {
    use std::ops::ControlFlow;

    use cqlwire::bulk::{CsvDialect, Format, ParquetFile, ParquetRow, RowWriter};
    use cqlwire::types::{ColumnSpec, MaybeUnset, NativeType, Value};

    let types = [NativeType::Int, NativeType::Int, NativeType::Text];
    let columns: Vec<_> = HEADER.split(',').zip(types).collect();
    let columns = columns.iter().map(|(name, native)| ColumnSpec::new("ks", "t", name, *native));
    let columns: Vec<_> = columns.collect();
    let file = ParquetFile::open(path).unwrap();
    assert_eq!(file.fields().collect::<Vec<_>>().join(","), HEADER);
    let mut rows =
        file.read(&columns, &[Some(0), Some(1), Some(2)]).unwrap().rows_after(0).unwrap();
    let writer = RowWriter::new(Format::Csv, &CsvDialect::default(), &columns);
    let mut text = Vec::new();
    writer.write_header(&mut text);
    let mut write = |row: ParquetRow| {
        let value = |value: MaybeUnset<Value>| match value {
            MaybeUnset::Set(value) => value,
            MaybeUnset::Unset => Value::Null,
        };
        let values: Vec<_> = row.values.unwrap().into_iter().map(value).collect();
        writer.write_values(&values, &mut text);
        ControlFlow::Continue(())
    };
    while rows.read_batch(&mut write).unwrap() {}
    String::from_utf8(text).unwrap()
}

/// The files that the tests write.
const FILES: &[&str] = &[
    "t.csv",
    "t.csv.gz",
    "t.csv.zst",
    #[cfg(feature = "parquet")]
    "t.parquet",
];

/// The nodes refuse to read, until the fault is removed.
#[test]
fn an_interrupted_run_continues_where_it_stopped() {
    let cluster = start();
    let folder = tempfile::tempdir().unwrap();
    for name in FILES {
        let file = folder.path().join(name);
        let arguments = ["ks.t", "--to", text(&file), "--splits", "30"];
        let fault = Fault::error(ErrorCode::Invalid, "out of order").statement("SELECT \"city\"%");
        let add = |node: &MockServer| node.add_fault(fault.clone().skip(3));
        let faults: Vec<_> = cluster.nodes().iter().map(add).collect();
        let output = unload(&cluster, &arguments);
        assert_eq!(output.code, 1, "{output:?}");
        assert!(output.stderr.contains("rows were written; continue with --resume"), "{output:?}");
        assert!(output.stderr.contains("out of order, while reading the tokens ("), "{output:?}");
        assert!(!file.exists());
        let output = unload(&cluster, &arguments);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains("was interrupted: continue it with --resume"), "{output:?}");
        let others = [&arguments[..], &["--resume", "--columns", "id"]].concat();
        let output = unload(&cluster, &others);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains("had other arguments (ks.t --format "), "{output:?}");

        for (node, fault) in cluster.nodes().iter().zip(faults) {
            node.remove_fault(fault);
        }
        let resume = [&arguments[..], &["--resume"]].concat();
        let output = succeed(unload(&cluster, &resume));
        assert!(output.stderr.contains("with the rows of the runs before, 300"), "{output:?}");
        assert_complete(&contents(&file));
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 1, "only the complete file is left");

        let output = succeed(unload(&cluster, &resume));
        assert!(output.stderr.contains("is complete, nothing was read"), "{output:?}");
        let output = unload(&cluster, &arguments);
        assert!(output.stderr.contains("replace it with --overwrite"), "{output:?}");

        // A run that replaces the file is interrupted, too: the old file is not taken for its result.
        let faults: Vec<_> = cluster.nodes().iter().map(add).collect();
        let overwrite = [&arguments[..], &["--overwrite"]].concat();
        assert_eq!(unload(&cluster, &overwrite).code, 1);
        for (node, fault) in cluster.nodes().iter().zip(faults) {
            node.remove_fault(fault);
        }
        let output = succeed(unload(&cluster, &resume));
        assert!(output.stderr.contains("with the rows of the runs before, 300"), "{output:?}");
        succeed(unload(&cluster, &overwrite));
        assert_complete(&contents(&file));
        std::fs::remove_file(&file).unwrap();
    }
}

/// The first request fails, so that the file has no header when the run is resumed.
#[test]
fn a_run_that_was_interrupted_before_its_first_row_has_a_header() {
    let cluster = start();
    let folder = tempfile::tempdir().unwrap();
    let fault = Fault::error(ErrorCode::Invalid, "out of order").statement("SELECT \"city\"%");
    let add = |node: &MockServer| node.add_fault(fault.clone());
    for name in FILES {
        let file = folder.path().join(name);
        let faults: Vec<_> = cluster.nodes().iter().map(add).collect();
        assert_eq!(unload(&cluster, &["ks.t", "--to", text(&file)]).code, 1);
        for (node, fault) in cluster.nodes().iter().zip(faults) {
            node.remove_fault(fault);
        }
        succeed(unload(&cluster, &["ks.t", "--to", text(&file), "--resume"]));
        assert_complete(&contents(&file));
    }
}

#[test]
fn refuses_arguments_that_would_mix_rows() {
    let cluster = start();
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.json");
    succeed(unload(&cluster, &["ks.t", "--plan", text(&plan), "--dry-run"]));
    for (arguments, error) in [
        (&["ks.empty", "--plan", text(&plan)][..], "is of another table or of other columns"),
        (&["ks.t", "--where", "id < 2", "--plan", text(&plan)], "is of another table"),
        (&["ks.t", "--resume"], "standard output cannot be continued"),
        (&["ks.t", "--shard", "8/8"], "not an index from 0"),
    ] {
        let output = unload(&cluster, arguments);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains(error), "{output:?}");
    }
    // Two processes must not write the same file.
    let file = folder.path().join("t.csv");
    let part = std::fs::File::create(folder.path().join("t.csv.part")).unwrap();
    part.lock().unwrap();
    let output = unload(&cluster, &["ks.t", "--to", text(&file)]);
    assert!(output.stderr.contains("another process writes it"), "{output:?}");
}

/// Each process is killed once it has written another checkpoint.
#[test]
fn killed_processes_lose_and_repeat_no_rows() {
    let cluster = start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.csv");
    let checkpoint = folder.path().join("t.csv.checkpoint");
    let host = cluster.contact_points()[0].to_string();
    let arguments = ["--to", text(&file), "--resume", "--splits", "60", "--checkpoint-every", "0"];
    let mut kills = 0;
    while !file.exists() {
        let before = std::fs::read(&checkpoint).ok();
        let mut child = Command::new(CQLWIRE)
            .args(["unload", "ks.t", "--host", &host, "--in-flight", "1", "--rate", "300"])
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Let the last run end.
        while kills < 5 && std::fs::read(&checkpoint).ok() == before {
            assert!(child.try_wait().unwrap().is_none(), "the process ended before it was killed");
            std::thread::yield_now();
        }
        if kills < 5 {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
    }
    assert_eq!(kills, 5);
    assert_complete(&std::fs::read_to_string(&file).unwrap());
}

#[test]
fn counts_rows_partitions_and_the_largest() {
    let cluster = start();
    let output = succeed(tool("count", &cluster, &["ks.t", "--largest", "2"]));
    let mut lines = output.stdout.lines();
    assert_eq!(lines.next(), Some("300 rows"));
    assert_eq!(lines.next(), Some("201 partitions"));
    assert_eq!(lines.nth(1), Some("largest partitions, in rows:"));
    assert_eq!(lines.next(), Some("             100  city = 0"));
    assert!(lines.next().unwrap().starts_with("               1  city = "));
    assert_eq!(lines.nth(1), Some("rows on each node:"));
    let nodes: Vec<u32> =
        lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect();
    assert_eq!((nodes.len(), nodes.iter().sum::<u32>()), (3, 600), "two replicas have each row");

    let mut rows = 0;
    for shard in ["0/2", "1/2"] {
        let output = succeed(tool("count", &cluster, &["ks.t", "--shard", shard]));
        rows += output.stdout.split_once(" rows").unwrap().0.parse::<u32>().unwrap();
    }
    assert_eq!(rows, 300);
    let output = succeed(tool("count", &cluster, &["ks.empty"]));
    assert!(output.stdout.starts_with("0 rows\n0 partitions\n"), "{output:?}");
    let output = tool("count", &cluster, &["ks.none"]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("table none does not exist"), "{output:?}");
}

/// The disk is full, or the reader of a pipe has gone.
#[test]
#[cfg(target_os = "linux")]
fn says_why_the_file_cannot_be_written() {
    let cluster = start();
    let output = unload(&cluster, &["ks.t", "--to", "/proc/none/t.csv"]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("cannot write /proc/none/t.csv"), "{output:?}");
    let host = cluster.contact_points()[0].to_string();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child =
        Command::new(CQLWIRE).args(["unload", "ks.t", "--host", &host]).stdout(full).output();
    let child = child.unwrap();
    let stderr = String::from_utf8(child.stderr).unwrap();
    assert_eq!(child.status.code(), Some(1));
    assert!(stderr.contains("cannot write standard output: No space left"), "{stderr}");
}
