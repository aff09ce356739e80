//! The reads of the topology and the schema that are scheduled on the control connection.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::message::SchemaTarget;

/// The reads that are scheduled. Requests in quick succession are combined into one read.
#[derive(Debug, Default)]
pub(super) struct PendingReads {
    pub(super) topology: bool,
    pub(super) schema: SchemaScope,
    /// The tables that have changed in keyspaces that need not be read in full.
    pub(super) tables: ChangedTables,
    /// Notified when all pending reads have succeeded.
    pub(super) waiters: Vec<oneshot::Sender<()>>,
    /// When the first of the pending reads was requested.
    since: Option<Instant>,
    /// When to read. `None` if nothing is pending.
    due: Option<Instant>,
}

/// The names of tables, by keyspace.
pub(super) type ChangedTables = BTreeMap<String, BTreeSet<String>>;

/// Maximum number of tables of a keyspace that are read one by one. If more have changed, the keyspace is
/// read in full, which takes fewer requests.
const MAX_TABLES: usize = 2;

/// The part of the schema that a change concerns.
#[derive(Debug)]
pub(super) enum SchemaPartChange {
    All,
    Keyspace(String),
    Table { keyspace: String, table: String },
}

impl From<SchemaTarget> for SchemaPartChange {
    fn from(target: SchemaTarget) -> Self {
        match target {
            SchemaTarget::Table { keyspace, table } => Self::Table { keyspace, table },
            SchemaTarget::Keyspace { keyspace }
            | SchemaTarget::Type { keyspace, .. }
            | SchemaTarget::Function { keyspace, .. }
            | SchemaTarget::Aggregate { keyspace, .. } => Self::Keyspace(keyspace),
            _ => Self::All,
        }
    }
}

/// The part of the schema that is to be read.
#[derive(Debug, Default)]
pub(super) enum SchemaScope {
    #[default]
    Empty,
    Keyspaces(BTreeSet<String>),
    All,
}

impl SchemaScope {
    /// Adds a keyspace, or all keyspaces.
    pub(super) fn add(&mut self, keyspace: Option<String>) {
        match (keyspace, &mut *self) {
            (_, Self::All) => {}
            (Some(keyspace), Self::Keyspaces(keyspaces)) => {
                keyspaces.insert(keyspace);
            }
            (Some(keyspace), Self::Empty) => *self = Self::Keyspaces(BTreeSet::from([keyspace])),
            (None, _) => *self = Self::All,
        }
    }
}

/// The part of a read that should be repeated although the connection works.
#[derive(Debug, Default)]
pub(super) struct Unread {
    pub(super) topology: bool,
    pub(super) schema: SchemaScope,
}

impl Unread {
    /// Returns true if everything has been read.
    pub(super) const fn is_empty(&self) -> bool {
        !self.topology && matches!(self.schema, SchemaScope::Empty)
    }
}

/// Delay between a request for a read and the read itself. Each further request restarts the delay.
const DELAY: Duration = Duration::from_millis(100);
/// Longest delay between the first request and the read, however many requests follow.
const MAX_DELAY: Duration = Duration::from_secs(1);

impl PendingReads {
    /// Schedules a read of the topology.
    pub(super) fn add_topology(&mut self) {
        self.topology = true;
        self.schedule();
    }

    /// Schedules a read of the schema of one keyspace, or of the whole schema.
    pub(super) fn add_schema(&mut self, keyspace: Option<String>) {
        self.schema.add(keyspace);
        self.schedule();
    }

    /// Schedules a read of the part of the schema that has changed.
    pub(super) fn add_change(&mut self, change: SchemaPartChange) {
        match change {
            SchemaPartChange::All => self.add_schema(None),
            SchemaPartChange::Keyspace(keyspace) => self.add_schema(Some(keyspace)),
            SchemaPartChange::Table { keyspace, table } => {
                let tables = self.tables.entry(keyspace.clone()).or_default();
                tables.insert(table);
                if tables.len() > MAX_TABLES {
                    self.schema.add(Some(keyspace));
                }
                self.schedule();
            }
        }
        let is_in_schema = |keyspace: &String| match &self.schema {
            SchemaScope::Empty => false,
            SchemaScope::Keyspaces(keyspaces) => keyspaces.contains(keyspace),
            SchemaScope::All => true,
        };
        self.tables.retain(|keyspace, _| !is_in_schema(keyspace));
    }

    /// Schedules another read of `unread` after a delay, or earlier together with other reads.
    pub(super) fn retry(&mut self, unread: Unread, delay: Duration) {
        if unread.is_empty() {
            return;
        }
        self.topology |= unread.topology;
        match unread.schema {
            SchemaScope::Empty => {}
            SchemaScope::All => self.schema.add(None),
            SchemaScope::Keyspaces(keyspaces) => {
                keyspaces.into_iter().for_each(|keyspace| self.schema.add(Some(keyspace)));
            }
        }
        let due = Instant::now() + delay;
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    /// Makes the pending reads due now.
    pub(super) fn read_now(&mut self) {
        self.due = Some(Instant::now());
    }

    /// Returns when to read, or `None` if nothing is pending.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    fn schedule(&mut self) {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        self.due = Some((now + DELAY).min(since + MAX_DELAY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_are_combined_and_delayed_only_up_to_the_maximum() {
        let mut pending = PendingReads::default();
        assert_eq!(pending.due(), None);
        let start = Instant::now();
        pending.add_schema(Some("a".to_owned()));
        assert_eq!(pending.due(), Some(start + DELAY));
        for _ in 0..20 {
            tokio::time::advance(Duration::from_millis(60)).await;
            pending.add_schema(Some("b".to_owned()));
        }
        assert_eq!(pending.due(), Some(start + MAX_DELAY));
        assert!(matches!(&pending.schema, SchemaScope::Keyspaces(names) if names.len() == 2));
        pending.add_schema(None);
        pending.add_schema(Some("c".to_owned()));
        assert!(matches!(pending.schema, SchemaScope::All));
    }

    fn change(keyspace: &str, table: usize) -> SchemaPartChange {
        let (keyspace, table) = (keyspace.to_owned(), table.to_string());
        SchemaTarget::Table { keyspace, table }.into()
    }

    #[tokio::test]
    async fn tables_are_read_one_by_one_unless_their_keyspace_is_read_in_full() {
        let mut pending = PendingReads::default();
        (0..3).for_each(|table| pending.add_change(change("a", table % 2)));
        assert!(pending.due().is_some() && matches!(pending.schema, SchemaScope::Empty));
        assert_eq!(pending.tables["a"].len(), 2);
        (0..=MAX_TABLES).for_each(|table| pending.add_change(change("b", table)));
        assert!(matches!(&pending.schema, SchemaScope::Keyspaces(names) if names.contains("b")));
        pending.add_change(change("b", 0));
        assert!(pending.tables.keys().eq(["a"]));
        pending.add_change(SchemaTarget::Keyspace { keyspace: "a".to_owned() }.into());
        assert!(pending.tables.is_empty());
        pending.add_change(change("c", 0));
        pending.add_change(SchemaPartChange::All);
        pending.add_change(change("c", 0));
        assert!(pending.tables.is_empty() && matches!(pending.schema, SchemaScope::All));
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_waits_for_its_delay_unless_another_read_is_due_earlier() {
        let (mut pending, start) = (PendingReads::default(), Instant::now());
        let delay = Duration::from_secs(30);
        let unread = |schema| Unread { topology: false, schema };
        pending.retry(unread(SchemaScope::Empty), delay);
        assert_eq!(pending.due(), None);
        pending.retry(unread(SchemaScope::All), delay);
        assert_eq!(pending.due(), Some(start + delay));
        pending.add_topology();
        assert_eq!(pending.due(), Some(start + DELAY));
        pending.retry(unread(SchemaScope::All), delay);
        assert_eq!(pending.due(), Some(start + DELAY));
        assert!(matches!(pending.schema, SchemaScope::All));
    }
}
