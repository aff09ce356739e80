//! Transactions of Cassandra 6.0: `BEGIN TRANSACTION ... COMMIT TRANSACTION`, plain, with values and
//! prepared. The nodes of the tests enable them.

use cqlwire::message::ErrorCode;
use cqlwire::session::{Error, ErrorKind, Session, Statement};
use cqlwire::wire::{Consistency, Version};
use futures_util::future::try_join_all;
use libtest_mimic::Failed;

use crate::fleet::{Node, runtime};
use crate::program::run;
use crate::programs::CQLWIRE;

const TABLE: &str =
    "CREATE TABLE t (k int PRIMARY KEY, v int, s text) WITH transactional_mode = 'full'";

/// Reads a row, and writes to it if it exists.
const ADD: &str = "BEGIN TRANSACTION LET a = (SELECT v FROM t WHERE k = ?); SELECT a.v; \
                   IF a IS NOT NULL THEN UPDATE t SET v += ? WHERE k = ?; END IF COMMIT TRANSACTION";

pub(crate) fn executes_transactions(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    for version in Version::ALL {
        let session = node.session(&runtime, |builder| builder.protocol_version(version))?;
        runtime.block_on(async {
            session.execute(TABLE, ()).await?;
            // Without values. The result has no rows.
            let write = "BEGIN TRANSACTION INSERT INTO t (k, v, s) VALUES (1, 10, 'a;b'); \
                         UPDATE t SET v = 20 WHERE k = 2; COMMIT TRANSACTION";
            assert!(!session.execute(write, ()).await?.has_rows());
            // With values: prepared by the driver. The result has the rows from before the write.
            let added = session.execute(ADD, (1, 5, 1)).await?;
            assert_eq!(added.one::<i32>()?, 10);
            let missing = session.execute(ADD, (3, 5, 3)).await?;
            assert_eq!(missing.one::<(Option<i32>,)>()?, (None,));
            // Prepared by the caller.
            let add = session.prepare(ADD).await?;
            for (k, before) in [(1, 15), (1, 16), (2, 20)] {
                assert_eq!(session.execute(&add, (k, 1, k)).await?.one::<i32>()?, before);
            }
            // Only reads, several rows.
            let read =
                "BEGIN TRANSACTION SELECT k, v FROM t WHERE k IN (1, 2, 3); COMMIT TRANSACTION";
            let mut rows: Vec<(i32, i32)> =
                session.execute(read, ()).await?.rows()?.collect::<Result<_, _>>()?;
            rows.sort_unstable();
            assert_eq!(rows, [(1, 17), (2, 21)]);
            // The server chooses the time of the writes.
            let write = Statement::new(write).timestamp(5);
            session.execute(write, ()).await?;
            let written = Statement::new("SELECT v, WRITETIME(v) FROM t WHERE k = 1");
            let written = session.execute(written.consistency(Consistency::One), ()).await?;
            let (v, time): (i32, i64) = written.one()?;
            assert!(v == 10 && time > 5, "{v} at {time}");
            Ok::<_, Failed>(())
        })?;
    }
    Ok(())
}

pub(crate) fn concurrent_transactions_are_isolated(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let session = node.session(&runtime, |builder| builder)?;
    runtime.block_on(async {
        session.execute(TABLE, ()).await?;
        session
            .execute("BEGIN TRANSACTION UPDATE t SET v = 0 WHERE k = 1; COMMIT TRANSACTION", ())
            .await?;
        let add = session.prepare(ADD).await?;
        let add = async || Ok::<_, Failed>(session.execute(&add, (1, 1, 1)).await?.one::<i32>()?);
        let mut seen = try_join_all((0..20).map(|_| add())).await?;
        seen.sort_unstable();
        // Each transaction has read the write of the one before it.
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
        Ok(())
    })
}

pub(crate) fn names_the_consistencies_that_transactions_support(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let session = node.session(&runtime, |builder| builder)?;
    runtime.block_on(async {
        session.execute(TABLE, ()).await?;
        session.execute("CREATE TABLE plain (k int PRIMARY KEY, v int)", ()).await?;
        let write = "BEGIN TRANSACTION UPDATE t SET v = 1 WHERE k = 1; COMMIT TRANSACTION";
        for local in [Consistency::LocalOne, Consistency::LocalQuorum] {
            let error = refused(&session, Statement::new(write).consistency(local)).await;
            assert_hint(&error, local);
        }
        // Statements outside of transactions are sent at the default consistency, LOCAL_ONE.
        for text in ["SELECT v FROM t WHERE k = 1", "UPDATE t SET v = 1 WHERE k = 1"] {
            assert_hint(&refused(&session, text.into()).await, Consistency::LocalOne);
            let statement = Statement::new(text).consistency(Consistency::Quorum);
            session.execute(statement, ()).await?;
        }
        let off = "BEGIN TRANSACTION UPDATE plain SET v = 1 WHERE k = 1; COMMIT TRANSACTION";
        let error = refused(&session, off.into()).await.to_string();
        assert!(error.contains("transactional_mode"), "{error}");
        Ok(())
    })
}

/// Returns the error of a statement that the server refuses.
async fn refused(session: &Session, statement: Statement) -> Error {
    let error = session.execute(statement, ()).await.expect_err("the server should refuse it");
    assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Invalid), "{error}");
    assert!(!error.may_have_been_applied(), "{error}");
    error
}

fn assert_hint(error: &Error, consistency: Consistency) {
    let text = error.to_string();
    assert!(text.contains(&format!("{consistency} is unsupported with Accord")), "{text}");
    assert!(text.contains("set one of these, such as QUORUM"), "{text}");
}

pub(crate) fn the_options_of_transactional_tables_are_in_the_ddl(
    node: &Node,
) -> Result<(), Failed> {
    let runtime = runtime()?;
    let session = node.session(&runtime, |builder| builder)?;
    let keyspace = session.keyspace().ok_or("no keyspace")?;
    runtime.block_on(async {
        session.execute(format!("{TABLE} AND fast_path = 'simple'"), ()).await?;
        let ddl = async |table: &str| {
            let schema = session.schema().await?;
            Ok::<_, Failed>(schema.table(&keyspace, table).ok_or("no table")?.ddl())
        };
        let ours = ddl("t").await?;
        let described = session.execute("DESCRIBE TABLE t", ()).await?;
        let (_, _, _, theirs): (&str, &str, &str, &str) = described.one()?;
        let options = ours.lines().filter_map(|line| line.strip_prefix("    AND "));
        for option in options.map(|option| option.trim_end_matches(';')) {
            assert!(theirs.contains(option), "{option}\n{theirs}");
        }
        for option in ["fast_path = 'simple'", "transactional_mode = 'full'"] {
            assert!(ours.contains(option), "{ours}");
        }
        // The statement creates such a table.
        session.execute(ours.replace(".t (", ".again ("), ()).await?;
        assert_eq!(ddl("again").await?, ours.replace(".t (", ".again ("));
        Ok(())
    })
}

pub(crate) fn the_shell_runs_scripts_with_transactions(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let keyspace = node.keyspace(&runtime)?;
    let host = node.address.to_string();
    let script = format!(
        "USE {keyspace}; {TABLE};\nBEGIN TRANSACTION\n  INSERT INTO t (k, v) VALUES (1, 1);\n  \
         INSERT INTO t (k, v) VALUES (2, 2);\nCOMMIT TRANSACTION;\nBEGIN TRANSACTION SELECT v FROM t \
         WHERE k = 2; COMMIT TRANSACTION;\nCONSISTENCY LOCAL_ONE\nSELECT v FROM t WHERE k = 1;"
    );
    let shell = run(CQLWIRE, &["shell", "-e", &script, "--host", &host]);
    assert_eq!(
        (shell.code, shell.stdout.as_str()),
        (2, "\n v\n---\n 2\n\n(1 rows)\nConsistency level set to LOCAL_ONE.\n"),
        "{shell:?}"
    );
    assert!(shell.stderr.contains("set one of these, such as QUORUM"), "{shell:?}");
    let script = format!("SELECT v FROM {keyspace}.t WHERE k = 1");
    let shell = run(CQLWIRE, &["shell", "-e", &script, "--host", &host, "--consistency", "quorum"]);
    assert_eq!((shell.code, shell.stderr.as_str()), (0, ""), "{shell:?}");
    Ok(())
}
