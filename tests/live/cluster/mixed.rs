//! A cluster in the middle of an upgrade from 4.1 to 5.0.

use std::collections::BTreeMap;
use std::time::Duration;

use cqlwire::wire::Version;
use libtest_mimic::Failed;

use super::nodes::{Nodes, Only, soon, until};
use super::schema::is_heard_of;
use crate::fleet::runtime;

/// So many keys are asked of the server; each starts a Java.
const ASKED: i32 = 2;

pub(super) fn both_nodes_answer(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        for (version, keyspace) in [(Version::V5, "mixed_v5"), (Version::V4, "mixed_v4")] {
            for first in 1..=2 {
                at(nodes, version, &format!("{keyspace}_{first}"), first).await?;
            }
        }
        Ok(())
    })
}

/// By this version of the protocol, watching the cluster from the first or the second node.
async fn at(nodes: &Nodes, version: Version, keyspace: &str, first: usize) -> Result<(), Failed> {
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

    // Only the older one passes a change on, and their schemas never have one version.
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
    // It can be read before it can be used; but this is said when it can.
    soon("the newer one has it", is_heard_of(&mut events, "t")).await?;
    let table = || session.cluster().schema().table(keyspace, "t").is_some();
    until("the table is read", table).await?;

    let insert = session.prepare(format!("INSERT INTO {keyspace}.t (v, k) VALUES (?, ?)")).await?;
    let select = session.prepare(format!("SELECT * FROM {keyspace}.t WHERE k = ?")).await?;
    for k in 0..20 {
        // Each is prepared again where it is not known.
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
        if k < ASKED {
            let said = nodes.nodetool(&["getendpoints", keyspace, "t", &k.to_string()])?;
            assert_eq!(said.trim(), replicas[0].ip().to_string());
        }
    }
    Ok(())
}
