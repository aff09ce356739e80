//! The choice of the node for a request.

use std::collections::BTreeSet;

use cqlwire::cluster::DefaultBalancing;
use cqlwire::session::{Batch, Session};
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

/// Partitions of one row, and a partition that is written in batches.
pub(super) fn loads_a_table_on_all_nodes(nodes: &Nodes) -> Result<(), Failed> {
    const BASE: i64 = 1_700_000_000_000_000;
    const ROWS: i32 = 20_000;
    nodes.keyspace("loads", ONE_REPLICA)?;
    runtime()?.block_on(async {
        let session = nodes.session(1, |builder| builder.keyspace("loads")).await?;
        let create = "CREATE TABLE t (k int, c int, v text, PRIMARY KEY (k, c))";
        session.execute(create, ()).await?;
        let load = session.load("t", ["v", "c", "k"]).timestamp(BASE);
        let mut sink = load.start::<(String, i32, i32)>().await?;
        // Half of the rows are in partition 0. Each key occurs twice.
        for number in 0..ROWS {
            let key = number % (ROWS / 2);
            let (k, c) = if key % 2 == 0 { (0, key) } else { (key, 0) };
            sink.send((format!("{number:0200}"), c, k)).await?;
        }
        let summary = sink.finish().await;
        assert!(summary.failures.is_empty(), "{:?}", summary.failures.first());
        assert_eq!((summary.acknowledged, summary.failed), (ROWS as u64, 0));
        let scan = session.scan("t").columns(["v", "writetime(v)"]);
        let (mut rows, mut numbers) = (scan.rows::<(String, i64)>(), BTreeSet::new());
        while let Some((value, written)) = rows.try_next().await? {
            let number = value.parse::<i32>()?;
            assert_eq!(written, BASE + i64::from(number));
            numbers.insert(number);
        }
        assert!(numbers.into_iter().eq(ROWS / 2..ROWS), "the later row of each key should be kept");
        // The server does not warn of a large batch on one partition.
        let insert = session.prepare("INSERT INTO t (v, c, k) VALUES (?, ?, 0)").await?;
        let add = |batch: Batch<'static>, c: i32| batch.statement(&insert, ("v".repeat(800), c));
        let result = session.batch((0..20).fold(Batch::unlogged(), add)).await?;
        assert!(result.warnings().is_empty(), "{:?}", result.warnings());

        let create = "CREATE TABLE counts (k int, c int, n counter, PRIMARY KEY (k, c))";
        session.execute(create, ()).await?;
        let mut sink = session.load("counts", ["k", "n", "c"]).start::<(i32, i64, i32)>().await?;
        for number in 0..3_000 {
            sink.send((number % 3, 2, number % 100)).await?;
        }
        assert_eq!(sink.finish().await.acknowledged, 3_000);
        let sum = session.execute("SELECT sum(n) FROM counts", ()).await?.one::<i64>()?;
        assert_eq!(sum, 6_000);
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
