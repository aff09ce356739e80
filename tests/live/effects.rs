//! Errors of a server that has applied the request, entirely or in part.

use cqlwire::message::ErrorCode;
use cqlwire::session::{Batch, ErrorKind, NoRetry, Statement};
use cqlwire::wire::Consistency;
use libtest_mimic::Failed;

use crate::fleet::{Node, runtime};

/// The keyspace has one replica. One replica agrees on a conditional statement, but two are needed to
/// commit it at TWO.
pub(crate) fn a_conditional_insert_is_applied_although_it_cannot_be_committed(
    node: &Node,
) -> Result<(), Failed> {
    // Older servers wait for the commit without checking the replicas, and answer late.
    if !node.is_at_least("4") {
        return Ok(());
    }
    let runtime = runtime()?;
    let session = node.session(&runtime, |builder| builder.retry_policy(NoRetry))?;
    runtime.block_on(async {
        session.execute("CREATE TABLE t (k int PRIMARY KEY)", ()).await?;
        let insert = "INSERT INTO t (k) VALUES (1) IF NOT EXISTS";
        let insert = Statement::new(insert).consistency(Consistency::Two);
        let error = session.execute(insert, ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Unavailable), "{error}");
        assert!(error.may_have_been_applied(), "{error}");
        let select = "SELECT k FROM t WHERE k = 1";
        let select = Statement::new(select).consistency(Consistency::Serial);
        assert_eq!(session.execute(select, ()).await?.one::<i32>()?, 1);
        Ok(())
    })
}

/// Each batch writes to a keyspace with one replica and to one with three, on one node. The server
/// writes one keyspace after the other, in the order of a hash table, and stops where replicas are
/// missing. The hashes of names that differ in the last letter are consecutive, so that one of the
/// keyspaces with missing replicas is the last in the table.
pub(crate) fn an_unlogged_batch_is_applied_in_part_although_replicas_are_missing(
    node: &Node,
) -> Result<(), Failed> {
    let runtime = runtime()?;
    let session = node.session(&runtime, |builder| builder.retry_policy(NoRetry))?;
    runtime.block_on(async {
        session.execute("CREATE TABLE t (k text PRIMARY KEY)", ()).await?;
        let name = node.keyspace_name();
        for letter in 'a'..='z' {
            let missing = format!("{name}_{letter}");
            let replication = "{'class': 'SimpleStrategy', 'replication_factor': 3}";
            let create = format!("CREATE KEYSPACE {missing} WITH replication = {replication}");
            session.execute(create, ()).await?;
            session.execute(format!("CREATE TABLE {missing}.t (k text PRIMARY KEY)"), ()).await?;
            let batch = Batch::unlogged()
                .statement(format!("INSERT INTO t (k) VALUES ('{letter}')"), ())
                .statement(format!("INSERT INTO {missing}.t (k) VALUES ('{letter}')"), ())
                .consistency(Consistency::All);
            let error = session.batch(&batch).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Unavailable), "{error}");
            assert!(error.may_have_been_applied(), "{error}");
            let select = format!("SELECT k FROM t WHERE k = '{letter}'");
            if session.execute(select, ()).await?.row_count() > 0 {
                return Ok(());
            }
        }
        Err("no batch was applied in part".into())
    })
}
