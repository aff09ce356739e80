//! Schema changes, seen by the session that makes them and by another session.

use std::sync::Arc;

use cqlwire::cluster::schema::Table;
use cqlwire::message::{Event, SchemaTarget};
use cqlwire::session::{ClusterEvents, Session};
use libtest_mimic::Failed;

use super::nodes::{Nodes, wait_until, within_limit};
use crate::fleet::runtime;

const KEYSPACE: &str = "changes";

pub(super) fn all_sessions_see_schema_changes(nodes: &Nodes) -> Result<(), Failed> {
    let replication = "{'class': 'NetworkTopologyStrategy', 'datacenter1': 3}";
    nodes.keyspace(KEYSPACE, replication)?;
    runtime()?.block_on(async {
        let session = nodes.session(2, |builder| builder.keyspace(KEYSPACE)).await?;
        wait_until("the session has read the schema", || {
            session.cluster().schema().keyspaces.contains_key(KEYSPACE)
        })
        .await?;
        let mut events = session.events();

        // Changes by another session, through another node.
        let other = nodes.session_of(1).await?;
        for (statement, columns) in [
            ("CREATE TABLE changes.theirs (k int PRIMARY KEY)", Some(1)),
            ("ALTER TABLE changes.theirs ADD v int", Some(2)),
            ("DROP TABLE changes.theirs", None),
        ] {
            other.execute(statement, ()).await?;
            within_limit(statement, receive_table_change(&mut events, "theirs")).await?;
            wait_until(statement, || columns_of(&session, "theirs") == columns).await?;
        }

        // Changes by the session itself.
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

/// Waits for a schema change event of the table.
pub(super) async fn receive_table_change(events: &mut ClusterEvents, name: &str) {
    while let Some(event) = events.next().await {
        if let Event::Schema(change) = event
            && let SchemaTarget::Table { table, .. } = change.target
            && table == name
        {
            return;
        }
    }
    panic!("the event stream ended");
}

/// Returns the number of the table's columns, or `None` if there is no such table.
fn columns_of(session: &Session, table: &str) -> Option<usize> {
    let count = |table: &Arc<Table>| table.columns.len();
    session.cluster().schema().table(KEYSPACE, table).map(count)
}
