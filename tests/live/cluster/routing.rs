//! The choice of the node for a request.

use std::collections::BTreeSet;

use cqlwire::cluster::DefaultBalancing;
use cqlwire::session::Session;
use futures_util::future::try_join_all;
use libtest_mimic::Failed;

use super::nodes::Nodes;
use crate::fleet::runtime;

/// One replica, so that exactly one node is right for each row.
const ONE_REPLICA: &str = "{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}";

pub(super) fn sends_requests_to_replicas(nodes: &Nodes) -> Result<(), Failed> {
    nodes.keyspace("routing", ONE_REPLICA)?;
    runtime()?.block_on(async {
        let session = nodes.session(1, |builder| builder.keyspace("routing")).await?;
        session.execute("CREATE TABLE t (a int, b text, v int, PRIMARY KEY ((a, b)))", ()).await?;
        let insert = session.prepare("INSERT INTO t (v, b, a) VALUES (?, ?, ?)").await?;
        let insert = insert.tracing(true);
        let requests = (0..50).map(async |a: i32| {
            let values = (7, "b", a);
            let cluster = session.cluster();
            let token = insert.token(values, &cluster)?.ok_or("no token")?;
            let replicas: Vec<_> = cluster.replicas("routing", token).collect();
            let [replica] = replicas[..] else { return Err("not one replica".into()) };
            let inserted = session.execute(&insert, values).await?;
            assert_eq!(inserted.coordinator().address(), replica.address());
            let trace = session.trace(inserted.tracing_id().ok_or("no trace")?).await?;
            assert_eq!(trace.coordinator, Some(replica.address().ip()));
            // No other node has worked on the request.
            let sources = trace.events.iter().filter_map(|event| event.source);
            assert_eq!(sources.collect::<BTreeSet<_>>(), [replica.address().ip()].into());
            Ok::<_, Failed>(replica.address())
        });
        let asked = try_join_all(requests).await?;
        let coordinators = asked.into_iter().collect::<BTreeSet<_>>();
        assert_eq!(coordinators.len(), 3, "every node should be a replica of some rows");
        Ok(())
    })
}

/// Reads a table by token ranges, as several processes would that each take a shard.
pub(super) fn reads_a_table_by_token_ranges(nodes: &Nodes) -> Result<(), Failed> {
    nodes.keyspace("ranges", ONE_REPLICA)?;
    runtime()?.block_on(async {
        let session = nodes.session(1, |builder| builder.keyspace("ranges")).await?;
        session.execute("CREATE TABLE t (a int, b text, PRIMARY KEY ((a, b)))", ()).await?;
        let insert = session.prepare("INSERT INTO t (a, b) VALUES (?, ?)").await?;
        try_join_all((0..1_000).map(|a: i32| session.execute(&insert, (a, "b")))).await?;
        let range = "token(a, b) > ? AND token(a, b) <= ?";
        let select = session.prepare(format!("SELECT a FROM t WHERE {range}")).await?;
        let state = session.cluster();
        let ranges = state.token_ranges("ranges").ok_or("no ranges")?;
        let (mut keys, mut coordinators) = (Vec::new(), BTreeSet::new());
        for shard in (0..3).filter_map(|shard| ranges.shard(shard, 3)) {
            for split in shard.splits(20) {
                let (start, end) = (split.range().start(), split.range().end());
                let result = session.execute(&select, (start, end)).await?;
                keys.extend(result.rows::<i32>()?.collect::<Result<Vec<_>, _>>()?);
                let [replica] = split.replicas() else { return Err("not one replica".into()) };
                assert_eq!(result.coordinator().address(), replica.address());
                coordinators.insert(replica.address());
            }
        }
        keys.sort_unstable();
        assert!(keys.into_iter().eq(0..1_000), "each row should be read once");
        assert_eq!(coordinators.len(), 3, "every node should be a replica of some ranges");

        // The same by a scan.
        let mut scan = session.scan("t").columns(["a"]).rows::<i32>();
        let mut keys = Vec::new();
        while let Some(key) = scan.try_next().await? {
            keys.push(key);
        }
        keys.sort_unstable();
        assert!(keys.into_iter().eq(0..1_000), "each row should be read once");
        Ok(())
    })
}

pub(super) fn uses_all_nodes_without_token_awareness(nodes: &Nodes) -> Result<(), Failed> {
    nodes.keyspace("routing", ONE_REPLICA)?;
    runtime()?.block_on(async {
        let round_robin = DefaultBalancing::new().token_aware(false);
        let session = nodes.session(2, |builder| builder.load_balancing(round_robin)).await?;
        let create = "CREATE TABLE routing.turns (k int PRIMARY KEY)";
        session.execute(create, ()).await?;
        let insert = session.prepare("INSERT INTO routing.turns (k) VALUES (?)").await?;
        let once = async |session: &Session, k: i32| {
            Ok::<_, Failed>(session.execute(&insert, (k,)).await?.coordinator().address())
        };
        // The same row each time; its only replica is one of the nodes.
        for _ in 0..5 {
            let three =
                [once(&session, 1).await?, once(&session, 1).await?, once(&session, 1).await?];
            assert_eq!(BTreeSet::from(three), nodes.addresses().into_iter().collect());
        }
        Ok(())
    })
}
