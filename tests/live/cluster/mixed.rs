//! A cluster in the middle of an upgrade from 4.1 to 5.0.

use std::collections::BTreeMap;
use std::time::Duration;

use cqlwire::wire::Version;
use libtest_mimic::Failed;

use super::nodes::{Nodes, wait_until, within_limit};
use super::schema::receive_table_change;
use crate::fleet::runtime;
use crate::only::Only;

/// Number of keys that are compared with `nodetool`, which starts a JVM per key.
const NODETOOL_KEYS: i32 = 2;

pub(super) fn reads_and_writes_in_a_mixed_version_cluster(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        for (version, keyspace) in [(Version::V5, "mixed_v5"), (Version::V4, "mixed_v4")] {
            for first in 1..=2 {
                read_and_write(nodes, version, &format!("{keyspace}_{first}"), first).await?;
            }
        }
        Ok(())
    })
}

/// Reads and writes in this protocol version, with the control connection to node `first`.
async fn read_and_write(
    nodes: &Nodes,
    version: Version,
    keyspace: &str,
    first: usize,
) -> Result<(), Failed> {
    let session = nodes.session(first, |builder| {
        let builder = builder.protocol_version(version);
        builder.schema_agreement(Duration::from_millis(200))
    });
    let session = session.await?;
    let cluster = session.cluster();
    let versions = cluster.nodes().iter().map(|node| (node.address(), node.info()));
    let versions: BTreeMap<_, _> =
        versions.map(|(of, info)| (of, &*info.release_version)).collect();
    assert_eq!(versions, [(nodes.address(1), "4.1.9"), (nodes.address(2), "5.0.6")].into());

    // Only schema changes made on the older node propagate. The two nodes never reach agreement.
    let (older, newer) = (nodes.session_of(1).await?, nodes.session_of(2).await?);
    let mut events = newer.events();
    for statement in [
        format!(
            "CREATE KEYSPACE {keyspace} WITH replication = \
             {{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}}"
        ),
        format!("CREATE TABLE {keyspace}.t (k int PRIMARY KEY, v text)"),
    ] {
        assert!(older.execute(statement, ()).await?.schema_change().is_some());
    }
    // The system tables show the table before it can be used; the event comes when it can.
    within_limit("the newer node has the table", receive_table_change(&mut events, "t")).await?;
    let table = || session.cluster().schema().table(keyspace, "t").is_some();
    wait_until("the session has read the table", table).await?;

    let insert = session.prepare(format!("INSERT INTO {keyspace}.t (v, k) VALUES (?, ?)")).await?;
    let select = session.prepare(format!("SELECT * FROM {keyspace}.t WHERE k = ?")).await?;
    for k in 0..20 {
        // A node that does not know the statement prepares it.
        let (by, other) = [(1, 2), (2, 1)][k as usize % 2];
        let by = insert.clone().load_balancing(Only(nodes.address(by)));
        let other = select.clone().load_balancing(Only(nodes.address(other)));
        session.execute(&by, ("written", k)).await?;
        let found = session.execute(&other, (k,)).await?;
        assert_eq!(found.one::<(i32, &str)>()?, (k, "written"));

        let cluster = session.cluster();
        let token = select.token((k,), &cluster)?.ok_or("no token")?;
        let replicas = cluster.replicas(keyspace, token).map(|node| node.address());
        let replicas: Vec<_> = replicas.collect();
        let asked = session.execute(&insert, ("again", k)).await?;
        assert_eq!(replicas, [asked.coordinator().address()]);
        if k < NODETOOL_KEYS {
            let output = nodes.nodetool(&["getendpoints", keyspace, "t", &k.to_string()])?;
            assert_eq!(output.trim(), replicas[0].ip().to_string());
        }
    }
    Ok(())
}
