//! The constraints of columns (`CHECK`, Cassandra 6.0).

use cqlwire::message::ErrorCode;
use cqlwire::session::ErrorKind;
use libtest_mimic::Failed;

use crate::fleet::{Node, runtime};

pub(crate) fn constraints_are_in_the_schema_and_refuse_writes(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let session = node.session(&runtime, |builder| builder)?;
    let keyspace = session.keyspace().ok_or("no keyspace")?;
    runtime.block_on(async {
        let create = "CREATE TABLE t (k int PRIMARY KEY, v int CHECK v < 100 AND v > 0, \
                      s text CHECK LENGTH() < 4)";
        session.execute(create, ()).await?;
        let check = async |column: &str| {
            let schema = session.schema().await?;
            let table = schema.table(&keyspace, "t").ok_or("no table")?;
            Ok::<_, Failed>(table.column(column).ok_or("no column")?.check.clone())
        };
        assert_eq!(check("v").await?.as_deref(), Some("v < 100 AND v > 0"));
        assert_eq!(check("s").await?.as_deref(), Some("LENGTH() < 4"));
        assert_eq!(check("k").await?, None);

        let insert = session.prepare("INSERT INTO t (k, v, s) VALUES (1, ?, ?)").await?;
        session.execute(&insert, (99, "abc")).await?;
        for (v, s, violated) in [(100, "abc", "v < 100"), (0, "abc", "v > 0"), (1, "abcd", "< 4")] {
            let error =
                session.execute(&insert, (v, s)).await.expect_err("it violates a constraint");
            assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Invalid));
            assert!(error.to_string().contains(violated), "{error}");
            assert!(!error.may_have_been_applied() && error.attempts() == 1, "{error}");
        }
        session.execute("ALTER TABLE t ALTER v CHECK v < 50", ()).await?;
        assert_eq!(check("v").await?.as_deref(), Some("v < 50"));
        session.execute("ALTER TABLE t ALTER v DROP CHECK", ()).await?;
        assert_eq!(check("v").await?, None);
        Ok(())
    })
}
