//! The replicas of rows: cqlwire's compared with those of the Python driver and of the server.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use cqlwire::cluster::{ClusterState, Token};
use cqlwire::session::{PreparedStatement, SessionBuilder};
use cqlwire::types::ToValues;
use libtest_mimic::Failed;
use serde_json::{Value as Json, json};

use super::nodes::{LIMIT, Nodes};
use crate::child::Child;
use crate::fleet::runtime;
use crate::interpreter;
use crate::only::Only;

/// Number of keys per table and keyspace that are compared with the Python driver.
const KEYS: u64 = 5_000;

/// Number of keys per table and keyspace that are compared with `nodetool`, which starts a JVM per key.
const NODETOOL_KEYS: usize = 2;

/// The keyspaces and their replication.
const KEYSPACES: [(&str, &str); 6] = [
    ("simple_1", "{'class': 'SimpleStrategy', 'replication_factor': 1}"),
    ("simple_2", "{'class': 'SimpleStrategy', 'replication_factor': 2}"),
    ("simple_3", "{'class': 'SimpleStrategy', 'replication_factor': 3}"),
    ("topology_1", "{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}"),
    ("topology_2", "{'class': 'NetworkTopologyStrategy', 'datacenter1': 2}"),
    ("topology_3", "{'class': 'NetworkTopologyStrategy', 'datacenter1': 3}"),
];

/// A partition key of `by_one` or `by_two`.
#[derive(Clone)]
enum Key {
    One(String),
    Two(i32, String),
}

/// A key of a table, and the addresses of its replicas.
pub(super) struct ReplicaSet {
    keyspace: &'static str,
    table: &'static str,
    key: Key,
    addresses: BTreeSet<IpAddr>,
}

pub(super) fn replicas_match_the_python_driver_and_nodetool(nodes: &Nodes) -> Result<(), Failed> {
    create(nodes, &KEYSPACES)?;
    let sets = compare_with_python(nodes, &KEYSPACES)?;
    let asked = sets.chunks(KEYS as usize).flat_map(|table| table.iter().take(NODETOOL_KEYS));
    let asked: Vec<_> = asked.collect();
    // Two threads, because each `nodetool` takes a second of CPU time.
    let (some, others) = asked.split_at(asked.len() / 2);
    let ask = |asked: &[&ReplicaSet]| {
        for ReplicaSet { keyspace, table, key, addresses } in asked {
            let key = key.nodetool_text();
            let output = nodes.nodetool(&["getendpoints", keyspace, table, &key]);
            let output = output.map_err(|error| error.to_string())?;
            let theirs = output.lines().map(|line| line.trim().parse::<IpAddr>());
            let theirs =
                theirs.collect::<Result<BTreeSet<_>, _>>().map_err(|error| error.to_string())?;
            assert_eq!(*addresses, theirs, "replicas of {key} in {keyspace}.{table}");
        }
        Ok::<_, String>(())
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| ask(others));
        ask(some)?;
        other.join().map_err(|_| "the second thread panicked")?
    })?;
    Ok(())
}

/// Creates the keyspaces, each with the tables `by_one` and `by_two`, and waits for schema agreement.
pub(super) fn create(nodes: &Nodes, keyspaces: &[(&str, &str)]) -> Result<(), Failed> {
    runtime()?.block_on(async {
        let on_first =
            |builder: SessionBuilder| builder.load_balancing(Only(nodes.address(1))).timeout(LIMIT);
        // All statements go to one node, so that only the last must wait for schema agreement.
        let impatient = |builder| on_first(builder).schema_agreement(Duration::ZERO);
        let session = nodes.connect(1, impatient).await?;
        for (keyspace, replication) in keyspaces {
            for statement in [
                format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}"),
                format!("CREATE TABLE {keyspace}.by_one (k text PRIMARY KEY)"),
                format!(
                    "CREATE TABLE {keyspace}.by_two (a int, b text, c int, PRIMARY KEY ((b, a)))"
                ),
            ] {
                session.execute(statement, ()).await?;
            }
        }
        let session = nodes.connect(1, on_first).await?;
        let last = format!("ALTER TABLE {}.by_two ADD d int", keyspaces[0].0);
        assert!(session.execute(last, ()).await?.schema_agreed());
        Ok(())
    })
}

/// Asserts that the Python driver computes the same token and the same replicas for [`KEYS`] keys of
/// each table, and returns the sets of replicas in the order of the tables.
pub(super) fn compare_with_python(
    nodes: &Nodes,
    keyspaces: &[(&'static str, &str)],
) -> Result<Vec<ReplicaSet>, Failed> {
    let runtime = runtime()?;
    // Each node writes a statement that it prepares to its disk, which takes seconds on a busy machine.
    let session = runtime.block_on(nodes.connect(1, |builder| builder.timeout(LIMIT)))?;
    let python = python(nodes)?;
    let mut sets = Vec::new();
    for (keyspace, _) in keyspaces {
        let by_one = format!("SELECT k FROM {keyspace}.by_one WHERE k = ?");
        // The bind variables are in another order than the partition key.
        let by_two = format!("SELECT c FROM {keyspace}.by_two WHERE a = ? AND b = ?");
        for (table, statement) in [("by_one", by_one), ("by_two", by_two)] {
            let prepared = runtime.block_on(session.prepare(statement))?;
            let (keys, cluster) = (keys(table == "by_two"), session.cluster());
            let ours = keys.iter().map(|key| replicas(&cluster, keyspace, &prepared, key));
            let ours = ours.collect::<Result<Vec<_>, _>>()?;
            let request = json!({
                "do": "replicas", "keyspace": keyspace, "statement": prepared.text(),
                "keys": keys.iter().map(Key::plain).collect::<Vec<_>>(),
            });
            let Json::Array(theirs) = python.call(&request.to_string())? else {
                return Err("the answer of Python is not a list".into());
            };
            assert_eq!(theirs.len(), keys.len());
            for ((key, (token, addresses)), theirs) in keys.into_iter().zip(ours).zip(theirs) {
                let (plain, expected) = (key.plain(), json!([token, addresses]));
                assert_eq!(expected, theirs, "replicas of {plain} in {keyspace}.{table}");
                assert!(!addresses.is_empty(), "no replica of {plain} in {keyspace}.{table}");
                sets.push(ReplicaSet { keyspace, table, key, addresses });
            }
        }
    }
    Ok(sets)
}

/// Returns the token of a key and the addresses of its replicas.
fn replicas(
    cluster: &ClusterState,
    keyspace: &str,
    prepared: &PreparedStatement,
    key: &Key,
) -> Result<(String, BTreeSet<IpAddr>), Failed> {
    let token = match key {
        Key::One(k) => token(cluster, prepared, (k,)),
        Key::Two(a, b) => token(cluster, prepared, (a, b)),
    };
    let token = token?;
    let replicas = cluster.replicas(keyspace, token).map(|node| node.address().ip());
    Ok((token.to_string(), replicas.collect()))
}

fn token(
    cluster: &ClusterState,
    prepared: &PreparedStatement,
    values: impl ToValues,
) -> Result<Token, Failed> {
    Ok(prepared.token(values, cluster)?.ok_or("no token")?)
}

/// Returns keys, the same in every run, whose lengths cover all positions in a block of the hash.
fn keys(of_two: bool) -> Vec<Key> {
    let key = |number: u64| {
        let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let text = format!("k{scattered:x}").repeat(1 + number as usize % 3);
        let text = text[..text.len() - number as usize % 16].to_owned();
        match of_two {
            true => Key::Two(scattered as i32, text),
            false => Key::One(text),
        }
    };
    (1..=KEYS).map(key).collect()
}

impl Key {
    fn plain(&self) -> Json {
        match self {
            Self::One(k) => json!([k]),
            Self::Two(a, b) => json!([a, b]),
        }
    }

    /// Returns the key in the notation of `nodetool`, with the components in the order of the key.
    fn nodetool_text(&self) -> String {
        match self {
            Self::One(k) => k.clone(),
            Self::Two(a, b) => format!("{b}:{a}"),
        }
    }
}

fn python(nodes: &Nodes) -> Result<Child, String> {
    let mut command = interpreter::command("tests/live/cluster/peer.py")?;
    let address = nodes.address(1);
    command.args([address.ip().to_string(), address.port().to_string()]);
    Child::start(&mut command)
}
