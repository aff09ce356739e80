//! The replicas of rows: cqlwire's compared with those of the Python driver and of the server.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::thread;

use cqlwire::cluster::{ClusterState, Token};
use cqlwire::session::{PreparedStatement, Session, Statement};
use cqlwire::types::ToValues;
use libtest_mimic::Failed;
use serde_json::{Value as Json, json};

use super::nodes::{Nodes, Only};
use crate::child::Child;
use crate::fleet::runtime;
use crate::interpreter;

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

pub(super) fn replicas_match_the_python_driver_and_nodetool(nodes: &Nodes) -> Result<(), Failed> {
    let (session, tables) = runtime()?.block_on(create(nodes))?;
    let python = python(nodes)?;
    let mut asked = Vec::new();
    for (keyspace, by_one, by_two) in tables {
        for (table, prepared) in [("by_one", by_one), ("by_two", by_two)] {
            let keys = keys(table == "by_two");
            let cluster = session.cluster();
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
            for ((key, (token, replicas)), theirs) in keys.iter().zip(&ours).zip(theirs) {
                let (key, expected) = (key.plain(), json!([token, replicas]));
                assert_eq!(expected, theirs, "replicas of {key} in {keyspace}.{table}");
            }
            let sample = keys.iter().zip(ours).take(NODETOOL_KEYS);
            asked.extend(sample.map(|(key, (_, ours))| (keyspace, table, key.clone(), ours)));
        }
    }
    // Two threads, because each `nodetool` takes a second of CPU time.
    let (some, others) = asked.split_at(asked.len() / 2);
    let ask = |asked: &[(&str, &str, Key, BTreeSet<IpAddr>)]| {
        for (keyspace, table, key, ours) in asked {
            let key = key.nodetool_text();
            let output = nodes.nodetool(&["getendpoints", keyspace, table, &key]);
            let output = output.map_err(|error| error.to_string())?;
            let theirs = output.lines().map(|line| line.trim().parse::<IpAddr>());
            let theirs =
                theirs.collect::<Result<BTreeSet<_>, _>>().map_err(|error| error.to_string())?;
            assert_eq!(*ours, theirs, "replicas of {key} in {keyspace}.{table}");
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

/// Creates the tables of each keyspace, and prepares a SELECT by key for each.
async fn create(
    nodes: &Nodes,
) -> Result<(Session, Vec<(&'static str, PreparedStatement, PreparedStatement)>), Failed> {
    // All statements go to one node, so that only the last must wait for schema agreement.
    let one = nodes.session_of(1).await?;
    for (keyspace, replication) in KEYSPACES {
        for statement in [
            format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}"),
            format!("CREATE TABLE {keyspace}.by_one (k text PRIMARY KEY)"),
            format!("CREATE TABLE {keyspace}.by_two (a int, b text, c int, PRIMARY KEY ((b, a)))"),
        ] {
            one.execute(statement, ()).await?;
        }
    }
    let session = nodes.session(1, |builder| builder).await?;
    let last = Statement::new("ALTER TABLE topology_3.by_two ADD d int");
    let last = last.load_balancing(Only(nodes.address(1)));
    assert!(session.execute(last, ()).await?.schema_agreed());
    let mut tables = Vec::new();
    for (keyspace, _) in KEYSPACES {
        let one = format!("SELECT k FROM {keyspace}.by_one WHERE k = ?");
        // The bind variables are in another order than the partition key.
        let two = format!("SELECT c FROM {keyspace}.by_two WHERE a = ? AND b = ?");
        tables.push((keyspace, session.prepare(one).await?, session.prepare(two).await?));
    }
    Ok((session, tables))
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
