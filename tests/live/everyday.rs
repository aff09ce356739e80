//! Common operations, in every protocol version that the node supports.

use bytes::Bytes;
use cqlwire::session::{Batch, ErrorKind, Session, Statement, Throttle};
use cqlwire::types::Value;
use cqlwire::wire::{BytesMap, Consistency, Version};
use futures_util::future::{join, try_join_all};
use libtest_mimic::Failed;

use crate::fleet::{Node, runtime};

/// Runs a test in each protocol version that the node supports, each time in a new keyspace.
fn for_each_version(
    node: &Node,
    versions: &[Version],
    test: impl AsyncFn(Session, Version) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let runtime = runtime()?;
    for version in versions {
        if *version < Version::V5 || node.is_at_least("4") {
            let session = node.session(&runtime, |builder| builder.protocol_version(*version))?;
            runtime
                .block_on(test(session, *version))
                .map_err(|failed| format!("{version}: {}", failed.message().unwrap_or_default()))?;
        }
    }
    Ok(())
}

/// Connects a second session that uses the same keyspace.
async fn second_session(
    node: &Node,
    session: &Session,
    version: Version,
) -> Result<Session, Failed> {
    let keyspace = session.keyspace().ok_or("no keyspace")?;
    let other = Session::builder().contact_points([node.address.to_string()]);
    Ok(other.protocol_version(version).keyspace(keyspace).connect().await?)
}

pub(crate) fn a_prepared_statement_follows_an_altered_table(node: &Node) -> Result<(), Failed> {
    for_each_version(node, &Version::ALL, async |session, version| {
        session.execute("CREATE TABLE t (k int PRIMARY KEY, m int)", ()).await?;
        session.execute("INSERT INTO t (k, m) VALUES (1, 2)", ()).await?;
        let select = session.prepare("SELECT * FROM t").await?;
        let read = async || {
            let result = session.execute(&select, ()).await?;
            let names = result.columns().iter().map(|column| column.name.to_string());
            let names = names.collect::<Vec<_>>().join(" ");
            Ok::<_, Failed>((names, result.one::<Vec<Value>>()?))
        };
        let row = |values: &[Option<i32>]| -> Vec<_> {
            values.iter().map(|value| value.map_or(Value::Null, Value::Int)).collect()
        };
        assert_eq!(read().await?, ("k m".to_owned(), row(&[Some(1), Some(2)])));
        // The new column comes before `m`, so that outdated metadata would mix up the values.
        session.execute("ALTER TABLE t ADD a int", ()).await?;
        assert_eq!(read().await?, ("k a m".to_owned(), row(&[Some(1), None, Some(2)])));
        session.execute("INSERT INTO t (k, a) VALUES (1, 3)", ()).await?;
        assert_eq!(read().await?, ("k a m".to_owned(), row(&[Some(1), Some(3), Some(2)])));
        session.execute("ALTER TABLE t DROP m", ()).await?;
        assert_eq!(read().await?, ("k a".to_owned(), row(&[Some(1), Some(3)])));
        // Another session alters the table, so this session gets no schema change in a response.
        let other = second_session(node, &session, version).await?;
        other.execute("ALTER TABLE t ADD b int", ()).await?;
        assert_eq!(read().await?, ("k a b".to_owned(), row(&[Some(1), Some(3), None])));
        Ok(())
    })
}

pub(crate) fn a_prepared_statement_follows_a_table_with_other_types(
    node: &Node,
) -> Result<(), Failed> {
    for_each_version(node, &Version::ALL, async |session, version| {
        session.execute("CREATE TABLE t (k int PRIMARY KEY, v int)", ()).await?;
        let insert = session.prepare("INSERT INTO t (k, v) VALUES (?, ?)").await?;
        session.execute(&insert, (1, 1)).await?;
        // Another session changes the table, so this session gets no schema change in a response.
        let other = second_session(node, &session, version).await?;
        let change = async |v: &str| {
            other.execute("DROP TABLE t", ()).await?;
            other.execute(format!("CREATE TABLE t (k int PRIMARY KEY, v {v})"), ()).await?;
            Ok::<_, Failed>(())
        };
        change("text").await?;
        session.execute(&insert, (1, "one")).await?;
        assert_eq!(insert.variables()[1].cql_type.to_string(), "text");
        change("ascii").await?;
        let batch = Batch::unlogged().statement(&insert, (2, "two"));
        session.batch(batch).await?;
        change("double").await?;
        let error = session.execute(&insert, (3, "three")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StatementChanged, "{error}");
        session.execute(&insert, (3, 3.0)).await?;
        let stored: (i32, f64) = session.execute("SELECT k, v FROM t", ()).await?.one()?;
        assert_eq!(stored, (3, 3.0));
        Ok(())
    })
}

pub(crate) fn writes_batches_of_every_kind(node: &Node) -> Result<(), Failed> {
    for_each_version(node, &Version::ALL, async |session, _| {
        session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)", ()).await?;
        session.execute("CREATE TABLE c (k int PRIMARY KEY, n counter)", ()).await?;
        let insert = session.prepare("INSERT INTO t (k, v) VALUES (?, ?)").await?;
        for (batch, first) in [(Batch::logged(), 0), (Batch::unlogged(), 10)] {
            let batch = (first..first + 10)
                .fold(batch, |batch, k| batch.statement(&insert, (k, format!("v{k}"))))
                .statement(format!("UPDATE t SET v = 'text' WHERE k = {first}"), ())
                .timestamp(1_000)
                .idempotent(true);
            session.batch(&batch).await?;
        }
        let add = "UPDATE c SET n = n + ? WHERE k = ?";
        let adds = Batch::counter().statement(add, (5_i64, 1)).statement(add, (-2_i64, 1));
        session.batch(&adds).await?;
        let n: i64 = session.execute("SELECT n FROM c", ()).await?.one()?;
        assert_eq!(n, 3);
        let written = session.execute("SELECT k, v, writetime(v) FROM t", ()).await?;
        let mut written = written.rows::<(i32, String, i64)>()?.collect::<Result<Vec<_>, _>>()?;
        written.sort_unstable();
        // Of two values with the same timestamp, Cassandra keeps the larger one.
        let expected = (0..20).map(|k| (k, format!("v{k}"), 1_000));
        assert_eq!(written, expected.collect::<Vec<_>>());
        Ok(())
    })
}

pub(crate) fn applies_conditional_statements(node: &Node) -> Result<(), Failed> {
    for_each_version(node, &Version::ALL, async |session, _| {
        session.execute("CREATE TABLE t (k int PRIMARY KEY, v int)", ()).await?;
        for (k, serial) in [(1, Consistency::Serial), (2, Consistency::LocalSerial)] {
            let conditional = |text: &str| {
                let statement = Statement::new(text).consistency(Consistency::Quorum);
                statement.serial_consistency(serial)
            };
            let insert = conditional("INSERT INTO t (k, v) VALUES (?, ?) IF NOT EXISTS");
            assert!(session.execute(&insert, (k, 1)).await?.applied()?);
            let refused = session.execute(&insert, (k, 2)).await?;
            assert!(!refused.applied()?);
            // The response contains the existing row.
            assert_eq!(refused.one::<(bool, i32, i32)>()?, (false, k, 1));
            let update = conditional("UPDATE t SET v = ? WHERE k = ? IF v = ?");
            assert!(session.execute(&update, (3, k, 1)).await?.applied()?);
            assert!(!session.execute(&update, (4, k, 1)).await?.applied()?);
            let batch = Batch::logged()
                .statement("UPDATE t SET v = 5 WHERE k = ? IF v = 3", (k,))
                .serial_consistency(serial);
            assert!(session.batch(&batch).await?.applied()?);
            let select = Statement::new("SELECT v FROM t WHERE k = ?").consistency(serial);
            assert_eq!(session.execute(select, (k,)).await?.one::<i32>()?, 5);
        }
        Ok(())
    })
}

pub(crate) fn sends_custom_payloads(node: &Node) -> Result<(), Failed> {
    for_each_version(node, &[Version::V4, Version::V5], async |session, _| {
        session.execute("CREATE TABLE t (k int PRIMARY KEY)", ()).await?;
        let payload: BytesMap =
            [("cqlwire".to_owned(), Some(Bytes::from_static(b"\0\x01")))].into();
        // The default query handler ignores the payload and returns none.
        let insert = Statement::new("INSERT INTO t (k) VALUES (?)").custom_payload(payload.clone());
        assert!(session.execute(insert, (1,)).await?.custom_payload().is_empty());
        let insert = Statement::new("INSERT INTO t (k) VALUES (2)").custom_payload(payload.clone());
        assert!(session.execute(insert, ()).await?.custom_payload().is_empty());
        let batch = Batch::logged().statement("INSERT INTO t (k) VALUES (3)", ());
        session.batch(&batch.custom_payload(payload)).await?;
        let count: i64 = session.execute("SELECT count(*) FROM t", ()).await?.one()?;
        assert_eq!(count, 3);
        Ok(())
    })
}

pub(crate) fn sets_the_keyspace_and_the_time_of_a_statement(node: &Node) -> Result<(), Failed> {
    for_each_version(node, &[Version::V5], async |session, version| {
        session.execute("CREATE TABLE t (k int PRIMARY KEY, v int)", ()).await?;
        let keyspace = session.keyspace().ok_or("no keyspace")?;
        let elsewhere = Session::builder().contact_points([node.address.to_string()]);
        let elsewhere = elsewhere.protocol_version(version).keyspace("system").connect().await?;
        let here = |text: &str| Statement::new(text).keyspace(&*keyspace);

        // A row written with a TTL of 1000 s has 600 s left after 400 s.
        let insert = here("INSERT INTO t (k, v) VALUES (?, ?) USING TTL 1000");
        elsewhere.execute(insert.now_in_seconds(1_000_000), (1, 1)).await?;
        let insert = here("INSERT INTO t (k, v) VALUES (2, 2) USING TTL 1000");
        elsewhere.execute(insert.now_in_seconds(1_000_000), ()).await?;
        let batch = Batch::logged()
            .statement("INSERT INTO t (k, v) VALUES (3, 3) USING TTL 1000", ())
            .statement("INSERT INTO t (k, v) VALUES (?, ?) USING TTL 1000", (4, 4));
        elsewhere.batch(&batch.keyspace(&*keyspace).now_in_seconds(1_000_000)).await?;
        for k in 1..=4 {
            let select = here("SELECT v, ttl(v) FROM t WHERE k = ?");
            let left = elsewhere.execute(select.clone().now_in_seconds(1_000_400), (k,)).await?;
            assert_eq!(left.one::<(i32, i32)>()?, (k, 600));
            let gone = elsewhere.execute(select.now_in_seconds(1_001_000), (k,)).await?;
            assert_eq!(gone.row_count(), 0);
        }
        Ok(())
    })
}

pub(crate) fn resumes_paging_in_another_session(node: &Node) -> Result<(), Failed> {
    for_each_version(node, &Version::ALL, async |session, version| {
        session.execute("CREATE TABLE t (p int, k int, PRIMARY KEY (p, k))", ()).await?;
        let insert = session.prepare("INSERT INTO t (p, k) VALUES (1, ?)").await?;
        try_join_all((0..50).map(|k| session.execute(&insert, (k,)))).await?;
        let other = second_session(node, &session, version).await?;
        for text in ["SELECT k FROM t WHERE p = ?", "SELECT k FROM t WHERE p = 1"] {
            let select = Statement::new(text).page_size(7);
            let (mut pages, mut state, mut seen) = (0, None::<Bytes>, Vec::new());
            loop {
                // The two sessions fetch pages in turn.
                let session = [&session, &other][pages % 2];
                let select = select.clone().paging_state(state.clone());
                let page = match text.contains('?') {
                    true => session.execute(select, (1,)).await?,
                    false => session.execute(select, ()).await?,
                };
                pages += 1;
                seen.extend(page.rows::<i32>()?.collect::<Result<Vec<_>, _>>()?);
                state = page.paging_state().cloned();
                if state.is_none() {
                    break;
                }
            }
            assert_eq!((seen, pages), ((0..50).collect(), 8));
        }
        Ok(())
    })
}

pub(crate) fn the_throttle_limits_concurrent_requests(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let with = |throttle| node.connect(&runtime, |builder| builder.throttle(throttle));
    let (strict, patient) =
        (with(Throttle::concurrent(1).queue(0))?, with(Throttle::concurrent(2))?);
    runtime.block_on(async {
        let select = "SELECT key FROM system.local";
        let (first, second) = join(strict.execute(select, ()), strict.execute(select, ())).await;
        first?;
        let refused = second.expect_err("the throttle should refuse a second request");
        assert_eq!((refused.kind(), refused.attempts()), (ErrorKind::Throttled, 0));
        assert_eq!(strict.metrics().throttling_errors, 1);
        strict.execute(select, ()).await?;

        let answered = try_join_all((0..100).map(|_| patient.execute(select, ()))).await?;
        assert_eq!(answered.len(), 100);
        let metrics = patient.metrics();
        assert_eq!((metrics.requests, metrics.throttling_errors), (100, 0));
        Ok(())
    })
}

pub(crate) fn reads_query_traces(node: &Node) -> Result<(), Failed> {
    for_each_version(node, &Version::ALL, async |session, _| {
        session.execute("CREATE TABLE t (k int PRIMARY KEY)", ()).await?;
        let insert = Statement::new("INSERT INTO t (k) VALUES (1)").tracing(true);
        let id = session.execute(insert, ()).await?.tracing_id().ok_or("no trace")?;
        let trace = session.trace(id).await?;
        assert_eq!(trace.id, id);
        assert_eq!(trace.coordinator, Some(node.address.ip()));
        assert_eq!(trace.request.as_deref(), Some("Execute CQL3 query"));
        assert!(trace.duration.is_some() && trace.started_at.is_some());
        let query = trace.parameters.iter().find(|(name, _)| name == "query");
        assert_eq!(query.ok_or("no query")?.1, "INSERT INTO t (k) VALUES (1)");
        assert!(!trace.events.is_empty());
        Ok(())
    })
}

pub(crate) fn returns_server_warnings(node: &Node) -> Result<(), Failed> {
    for_each_version(node, &[Version::V4, Version::V5], async |session, _| {
        session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)", ()).await?;
        let insert = session.prepare("INSERT INTO t (k, v) VALUES (?, ?)").await?;
        assert_eq!(session.execute(&insert, (0, "small")).await?.warnings(), [""; 0]);
        // Cassandra warns about batches above 5 KiB.
        let batch = (0..10)
            .fold(Batch::unlogged(), |batch, k| batch.statement(&insert, (k, "v".repeat(1_000))));
        let warnings = session.batch(&batch).await?.warnings().to_vec();
        let is_of_size = |warning: &String| warning.contains("exceeding specified threshold");
        assert!(warnings.iter().any(is_of_size), "{warnings:?}");
        Ok(())
    })
}
