//! The operations of a session, and errors of the server.

use std::collections::HashSet;

use cqlwire::message::{ErrorCode, ErrorDetails, SchemaTarget};
use cqlwire::session::{Batch, ErrorKind, Session, Statement};
use cqlwire::wire::Consistency;
use libtest_mimic::Failed;

use crate::fleet::{Node, runtime};
use crate::proxy::Proxy;

pub(crate) fn executes_and_prepares_statements(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let session = node.session(&runtime, |builder| builder)?;
    runtime.block_on(async {
        let created =
            session.execute("CREATE TABLE t (k text PRIMARY KEY, n int, b blob)", ()).await?;
        let target = &created.schema_change().ok_or("no schema change")?.target;
        assert!(matches!(target, SchemaTarget::Table { table, .. } if table == "t"));
        assert!(!created.has_rows());

        session
            .execute("INSERT INTO t (k, n, b) VALUES (?, ?, ?)", ("a", 1, b"\0\xff".as_slice()))
            .await?;
        let insert = session.prepare("INSERT INTO t (k, n) VALUES (?, ?)").await?;
        assert_eq!(insert.variables().len(), 2);
        session.execute(insert.consistency(Consistency::Quorum), ("b", None::<i32>)).await?;

        let result = session.execute("SELECT k, n, b FROM t WHERE k = ?", ("a",)).await?;
        let (k, n, b): (&str, Option<i32>, &[u8]) = result.one()?;
        assert_eq!((k, n, b), ("a", Some(1), &b"\0\xff"[..]));
        let result = session.execute("SELECT n, b FROM t WHERE k = 'b'", ()).await?;
        assert_eq!(result.one::<(Option<i32>, Option<Vec<u8>>)>()?, (None, None));
        let error = result.one::<(i32, Option<&[u8]>)>().unwrap_err();
        assert!(error.to_string().contains("column 0 \"n\" of type `int`: the value is null"));
        let count: i64 = session.execute("SELECT count(*) FROM t", ()).await?.one()?;
        assert_eq!(count, 2);

        let traced = Statement::new("SELECT k FROM t").tracing(true);
        assert!(session.execute(traced, ()).await?.tracing_id().is_some());
        Ok(())
    })
}

pub(crate) fn streams_all_pages(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let session = node.session(&runtime, |builder| builder)?;
    runtime.block_on(async {
        session.execute("CREATE TABLE t (k int PRIMARY KEY)", ()).await?;
        let insert = session.prepare("INSERT INTO t (k) VALUES (?)").await?;
        for k in 0..500 {
            session.execute(&insert, (k,)).await?;
        }
        for statement in ["SELECT k FROM t", "SELECT k FROM t WHERE k >= ? ALLOW FILTERING"] {
            let select = Statement::new(statement).page_size(37);
            let mut seen = HashSet::new();
            let mut rows = match statement.contains('?') {
                true => session.stream::<i32>(&select, (0,)),
                false => session.stream::<i32>(&select, ()),
            };
            while let Some(k) = rows.try_next().await? {
                assert!(seen.insert(k), "row {k} was returned twice");
            }
            assert_eq!(seen, (0..500).collect(), "{statement}");
        }
        let first = session.execute(Statement::new("SELECT k FROM t").page_size(37), ()).await?;
        assert_eq!(first.row_count(), 37);
        assert!(first.paging_state().is_some());
        let all = session.execute(Statement::new("SELECT k FROM t").page_size(0), ()).await?;
        assert_eq!((all.row_count(), all.paging_state()), (500, None));
        Ok(())
    })
}

pub(crate) fn executes_batches_and_conditional_statements(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let session = node.session(&runtime, |builder| builder)?;
    runtime.block_on(async {
        session.execute("CREATE TABLE t (k text PRIMARY KEY, n int)", ()).await?;
        let batch = Batch::logged()
            .statement("INSERT INTO t (k, n) VALUES ('a', 1)", ())
            .statement("INSERT INTO t (k, n) VALUES (?, ?)", ("b", 2))
            .statement(session.prepare("INSERT INTO t (k, n) VALUES (?, 3)").await?, ("c",));
        session.batch(&batch).await?;
        let sum: i32 = session.execute("SELECT sum(n) FROM t", ()).await?.one()?;
        assert_eq!(sum, 6);

        let insert = "INSERT INTO t (k, n) VALUES (?, ?) IF NOT EXISTS";
        assert!(!session.execute(insert, ("a", 9)).await?.applied()?);
        assert!(session.execute(insert, ("d", 9)).await?.applied()?);
        let error = session.execute("SELECT k FROM t", ()).await?.applied().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResultKind);
        Ok(())
    })
}

pub(crate) fn reports_server_errors(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let session = node.session(&runtime, |builder| builder)?;
    runtime.block_on(async {
        let refused = async |statement: &str| {
            let error =
                session.execute(statement, ()).await.expect_err("the statement should fail");
            let error = error.server_error().expect("the server should send an error").clone();
            (error.code, error.details)
        };
        let syntax = (ErrorCode::Syntax, ErrorDetails::None);
        assert_eq!(refused("SELEKT").await, syntax);
        let invalid = (ErrorCode::Invalid, ErrorDetails::None);
        assert_eq!(refused("SELECT * FROM not_there").await, invalid);
        session.execute("CREATE TABLE t (k text PRIMARY KEY, n int)", ()).await?;
        let (code, details) = refused("CREATE TABLE t (k text PRIMARY KEY)").await;
        assert_eq!(code, ErrorCode::AlreadyExists);
        assert!(matches!(details, ErrorDetails::AlreadyExists { table, .. } if table == "t"));
        let error = session.prepare("SELECT nope FROM t").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Invalid));
        Ok(())
    })
}

pub(crate) fn reconnects_after_a_lost_connection(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let proxy = Proxy::start(node.address);
    runtime.block_on(async {
        let session =
            Session::builder().contact_points([proxy.address.to_string()]).connect().await?;
        session.execute("USE system", ()).await?;
        let select = Statement::new("SELECT key FROM local").idempotent(true);
        for _ in 0..3 {
            proxy.close_connections();
            // The new connection uses the keyspace of the last USE.
            assert_eq!(session.execute(&select, ()).await?.one::<&str>()?, "local");
        }
        Ok(())
    })
}

pub(crate) fn prepares_a_forgotten_statement_again(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let session = node.session(&runtime, |builder| builder)?;
    runtime.block_on(async {
        session.execute("CREATE TABLE t (k text PRIMARY KEY)", ()).await?;
        let insert = session.prepare("INSERT INTO t (k) VALUES (?)").await?;
        session.execute(&insert, ("a",)).await?;
        // Cassandra forgets prepared statements of a table that is dropped.
        session.execute("DROP TABLE t", ()).await?;
        session.execute("CREATE TABLE t (k text PRIMARY KEY)", ()).await?;
        session.execute(&insert, ("b",)).await?;
        let keys = session.execute("SELECT k FROM t", ()).await?;
        assert_eq!(keys.one::<&str>()?, "b");
        assert_eq!(session.metrics().retries, 1);
        Ok(())
    })
}
