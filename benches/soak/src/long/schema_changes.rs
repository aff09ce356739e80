//! A task that changes the schema during the load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cqlwire::session::Session;
use tokio::{task::JoinHandle, time::sleep};

/// Time between two changes.
const PAUSE: Duration = Duration::from_secs(4);

/// The changes, in turn. `{}` is the keyspace, and `{n}` the number of the round. They alter tables that
/// the load reads and writes, which makes the nodes forget the prepared statements of these tables.
const CHANGES: [&str; 6] = [
    "ALTER TABLE {}.rows ADD extra_{n} text",
    "CREATE TABLE {}.extra_{n} (k int PRIMARY KEY, v text)",
    "ALTER TABLE {}.versions ADD extra_{n} int",
    "ALTER TABLE {}.rows DROP extra_{n}",
    "DROP TABLE {}.extra_{n}",
    "ALTER TABLE {}.versions DROP extra_{n}",
];

/// A running task that changes the schema.
pub(crate) struct SchemaChanges {
    task: JoinHandle<()>,
    succeeded: Arc<AtomicU64>,
}

impl SchemaChanges {
    pub(crate) fn start(session: Session, keyspace: &str) -> Self {
        let succeeded = Arc::new(AtomicU64::new(0));
        let (count, keyspace) = (Arc::clone(&succeeded), keyspace.to_owned());
        let task = tokio::spawn(async move {
            for round in 0_u64.. {
                for change in CHANGES {
                    sleep(PAUSE).await;
                    let number = round.to_string();
                    let change = change.replace("{}", &keyspace).replace("{n}", &number);
                    // A change may fail because a node is down. Later changes then fail, too, until
                    // the next round.
                    match session.execute(change, ()).await {
                        Ok(_) => _ = count.fetch_add(1, Ordering::Relaxed),
                        Err(error) => eprintln!("schema change failed: {error}"),
                    }
                }
            }
        });
        Self { task, succeeded }
    }

    /// Stops the task, and returns the number of changes that succeeded.
    pub(crate) async fn stop(self) -> u64 {
        self.task.abort();
        // The result is the cancellation.
        let _ = self.task.await;
        self.succeeded.load(Ordering::Relaxed)
    }
}
