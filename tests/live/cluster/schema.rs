//! Changes of the schema, as sessions see them that did not make them, and one that did.

use std::sync::Arc;

use cqlwire::cluster::schema::Table;
use cqlwire::message::{Event, SchemaTarget};
use cqlwire::session::{ClusterEvents, Session};
use libtest_mimic::Failed;

use super::nodes::{Nodes, soon, until};
use crate::fleet::runtime;

const KEYSPACE: &str = "changes";

pub(super) fn a_change_is_seen_by_all(nodes: &Nodes) -> Result<(), Failed> {
    let replication = "{'class': 'NetworkTopologyStrategy', 'datacenter1': 3}";
    nodes.keyspace(KEYSPACE, replication)?;
    runtime()?.block_on(async {
        let session = nodes.session(2, |builder| builder.keyspace(KEYSPACE)).await?;
        until("the schema is read", || session.cluster().schema().keyspaces.contains_key(KEYSPACE))
            .await?;
        let mut events = session.events();

        // By somebody else, who knows another node.
        let other = nodes.session_of(1).await?;
        for (statement, columns) in [
            ("CREATE TABLE changes.theirs (k int PRIMARY KEY)", Some(1)),
            ("ALTER TABLE changes.theirs ADD v int", Some(2)),
            ("DROP TABLE changes.theirs", None),
        ] {
            other.execute(statement, ()).await?;
            soon("the change is heard of", is_heard_of(&mut events, "theirs")).await?;
            until(statement, || columns_of(&session, "theirs") == columns).await?;
        }

        // By the session itself.
        for (statement, columns) in [
            ("CREATE TABLE ours (k int PRIMARY KEY)", Some(1)),
            ("ALTER TABLE ours ADD v int", Some(2)),
            ("ALTER TABLE ours DROP v", Some(1)),
            ("DROP TABLE ours", None),
        ] {
            let changed = session.execute(statement, ()).await?;
            assert!(changed.schema_agreed(), "{statement}");
            assert_eq!(columns_of(&session, "ours"), columns, "{statement}");
        }
        Ok(())
    })
}

/// Listens until somebody has changed the table.
pub(super) async fn is_heard_of(events: &mut ClusterEvents, name: &str) {
    while let Some(event) = events.next().await {
        if let Event::Schema(change) = event
            && let SchemaTarget::Table { table, .. } = change.target
            && table == name
        {
            return;
        }
    }
    panic!("the events have ended");
}

/// How many columns the table has, if there is one.
fn columns_of(session: &Session, table: &str) -> Option<usize> {
    let count = |table: &Arc<Table>| table.columns.len();
    session.cluster().schema().table(KEYSPACE, table).map(count)
}
