//! Continuous writes while nodes stop and start.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use cqlwire::session::{PreparedStatement, Session, Statement};
use cqlwire::wire::Consistency;
use libtest_mimic::Failed;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::nodes::{Nodes, within_limit};

/// Number of tasks that write concurrently.
const TASKS: usize = 32;

/// Three replicas, so that LOCAL_QUORUM needs two.
pub(super) const THREE_REPLICAS: &str = "{'class': 'NetworkTopologyStrategy', 'datacenter1': 3}";

/// Running tasks that write idempotently until [`finish`](Self::finish).
pub(super) struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<Vec<i32>>,
}

struct Shared {
    session: Session,
    insert: PreparedStatement,
    next: AtomicI32,
    is_over: AtomicBool,
    acknowledged: watch::Sender<usize>,
    failures: watch::Sender<Vec<String>>,
}

/// Creates the table for the writes, in keyspace `load` with this replication.
pub(super) fn create(
    nodes: &Nodes,
    session: &Session,
    table: &str,
    replication: &str,
) -> impl Future<Output = Result<(), Failed>> {
    // Without read repair, a scan does not wait for writes to replicas that lack rows.
    let statement = format!(
        "CREATE TABLE IF NOT EXISTS load.{table} (k int PRIMARY KEY, v int) \
         WITH read_repair = 'NONE'"
    );
    let keyspace = format!("CREATE KEYSPACE IF NOT EXISTS load WITH replication = {replication}");
    async move {
        session.execute(keyspace, ()).await?;
        session.execute(statement, ()).await?;
        nodes.wait_until_all_are_up(session, &format!("load.{table}")).await
    }
}

impl Load {
    /// Starts writing to the table at this consistency.
    pub(super) async fn start(
        session: &Session,
        table: &str,
        consistency: Consistency,
    ) -> Result<Self, Failed> {
        let insert = format!("INSERT INTO load.{table} (k, v) VALUES (?, ?)");
        let insert = session.prepare(insert).await?;
        let shared = Arc::new(Shared {
            session: session.clone(),
            insert: insert.consistency(consistency).idempotent(true),
            next: AtomicI32::new(0),
            is_over: AtomicBool::new(false),
            acknowledged: watch::Sender::new(0),
            failures: watch::Sender::default(),
        });
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let shared = Arc::clone(&shared);
            tasks.spawn(async move { shared.write().await });
        }
        Ok(Self { shared, tasks })
    }

    /// Waits until this number of further writes is acknowledged.
    pub(super) async fn wait_for_writes(&self, writes: usize) -> Result<(), Failed> {
        let mut acknowledged = self.shared.acknowledged.subscribe();
        let goal = *acknowledged.borrow() + writes;
        let reached = acknowledged.wait_for(|count| *count >= goal);
        within_limit("further writes are acknowledged", reached).await??;
        Ok(())
    }

    /// Stops writing, asserts that no write has failed, and returns the keys of all writes.
    pub(super) async fn finish(self) -> Result<Vec<i32>, Failed> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let acknowledged = self.tasks.join_all().await.concat();
        let failures = self.shared.failures.borrow();
        assert!(
            failures.is_empty(),
            "{} of {} writes failed: {:#?}",
            failures.len(),
            failures.len() + acknowledged.len(),
            &failures[..failures.len().min(5)]
        );
        Ok(acknowledged)
    }
}

impl Shared {
    async fn write(&self) -> Vec<i32> {
        let mut acknowledged = Vec::new();
        while !self.is_over.load(Ordering::Relaxed) {
            let k = self.next.fetch_add(1, Ordering::Relaxed);
            match self.session.execute(&self.insert, (k, value(k))).await {
                Ok(_) => {
                    acknowledged.push(k);
                    self.acknowledged.send_modify(|count| *count += 1);
                }
                Err(error) => {
                    let history = error.history();
                    self.failures
                        .send_modify(|failures| failures.push(format!("{error} {history:#?}")));
                }
            }
        }
        acknowledged
    }
}

/// Asserts that the table contains all acknowledged writes, reading it at this consistency.
pub(super) async fn assert_contains(
    session: &Session,
    table: &str,
    acknowledged: &[i32],
    consistency: Consistency,
) -> Result<(), Failed> {
    let select = Statement::new(format!("SELECT k, v FROM load.{table}"));
    let select = select.consistency(consistency).idempotent(true).page_size(200);
    let mut rows = session.stream::<(i32, Option<i32>)>(select, ());
    let mut found = HashMap::new();
    while let Some((k, v)) = rows.try_next().await? {
        found.insert(k, v);
    }
    for k in acknowledged {
        assert_eq!(found.get(k), Some(&Some(value(*k))), "row {k} of {}", acknowledged.len());
    }
    Ok(())
}

fn value(k: i32) -> i32 {
    k.wrapping_mul(31) ^ 7
}
