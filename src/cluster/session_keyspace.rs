//! The keyspace that a session's connections use, and whether it still exists.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::RwLock;
use tokio::time::timeout;

use super::changes::Changes;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard, Notify};

/// The keyspace that the connections of all pools use.
#[derive(Debug)]
pub(super) struct SessionKeyspace {
    name: Mutex<Option<String>>,
    /// Number of reads of the cluster's keyspaces that have begun.
    reads: AtomicU64,
    /// The result of the last read of the cluster's keyspaces.
    found: Mutex<Found>,
    found_changes: Changes,
    /// Notified when a node does not know the keyspace.
    pub(super) refused: Notify,
    /// Number of connections in pools that lack the keyspace, because it was dropped.
    lacking: AtomicUsize,
    /// True once the session has connected.
    has_connected: AtomicBool,
    /// Locked while connections in pools switch keyspace. The write lock is held while all of them
    /// switch to another keyspace. A read lock is held while a connection that lacks the keyspace
    /// switches to it. The keyspace therefore does not change during a switch, and all connections
    /// end in the same one.
    pub(super) switch: RwLock<()>,
}

/// The result of a read of the cluster's keyspaces.
#[derive(Debug, Default, Clone, Copy)]
struct Found {
    /// The number of the read. Reads are numbered in the order in which they begin.
    read: u64,
    /// True if the keyspaces do not include the session's keyspace.
    is_missing: bool,
}

/// A read of the cluster's keyspaces, identified by its number.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyspaceRead(u64);

impl SessionKeyspace {
    /// Creates the state of a session with the keyspace `name`, or `None` if it has no keyspace.
    pub(super) fn new(name: Option<String>) -> Self {
        Self {
            name: Mutex::new(name),
            reads: AtomicU64::new(0),
            found: Mutex::default(),
            found_changes: Changes::default(),
            refused: Notify::new(),
            lacking: AtomicUsize::new(0),
            has_connected: AtomicBool::new(false),
            switch: RwLock::default(),
        }
    }

    /// Locks the keyspace's name. No connection is put into a pool while the lock is held.
    pub(super) fn name(&self) -> MutexGuard<'_, Option<String>> {
        self.name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the keyspace that connections use. A server has accepted it, so it exists. A read that began
    /// earlier cannot make it missing.
    pub(super) fn set(&self, name: &str) {
        let mut current = self.name();
        *current = Some(name.to_owned());
        let read = self.reads.load(Ordering::Acquire);
        *self.found() = Found { read, is_missing: false };
        self.found_changes.add();
    }

    /// Begins to read the cluster's keyspaces.
    pub(super) fn begin_read(&self) -> KeyspaceRead {
        KeyspaceRead(self.reads.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// Records that a read has ended. `exists` returns true if it found a keyspace of this name.
    pub(super) fn end_read(&self, read: KeyspaceRead, exists: impl Fn(&str) -> bool) {
        let name = self.name();
        let is_missing = name.as_deref().is_some_and(|name| !exists(name));
        let mut found = self.found();
        if read.0 > found.read {
            *found = Found { read: read.0, is_missing };
            self.found_changes.add();
        }
    }

    /// Records that the session has connected. Until then, a keyspace that does not exist is an error
    /// of the session's configuration.
    pub(super) fn mark_connected(&self) {
        self.has_connected.store(true, Ordering::Release);
    }

    /// Returns true if the keyspace was dropped after the session had connected. Called when a node
    /// does not know the keyspace. Asks for another read of the keyspaces and waits for it, at most
    /// for `time`, because the node may merely not have learned of the keyspace yet.
    pub(super) async fn confirm_dropped(&self, time: Duration) -> bool {
        if !self.has_connected.load(Ordering::Acquire) {
            return false;
        }
        let begun = self.reads.load(Ordering::Acquire);
        self.refused.notify_one();
        // A read that has begun before may not show the drop.
        let later = self.wait_found(|found| found.read > begun);
        timeout(time, later).await.is_ok_and(|found| found.is_missing)
    }

    /// Waits until the keyspace exists.
    pub(super) async fn wait_until_exists(&self) {
        self.wait_found(|found| !found.is_missing).await;
    }

    /// Waits until the result of the last read meets a condition, and returns the result.
    async fn wait_found(&self, condition: impl Fn(&Found) -> bool) -> Found {
        let mut changes = self.found_changes.listen();
        loop {
            let found = *self.found();
            if condition(&found) {
                return found;
            }
            changes.changed().await;
        }
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection that lacks the keyspace. Call [`remove_lacking`](Self::remove_lacking) when
    /// it has switched or left its pool.
    pub(super) fn add_lacking(&self) {
        self.lacking.fetch_add(1, Ordering::AcqRel);
    }

    /// Stops counting a connection that lacked the keyspace.
    pub(super) fn remove_lacking(&self) {
        self.lacking.fetch_sub(1, Ordering::AcqRel);
    }

    /// Returns true if the keyspace exists, and a connection has not switched to it yet.
    pub(super) fn is_switching(&self) -> bool {
        !self.found().is_missing && self.lacking.load(Ordering::Acquire) > 0
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_read_that_began_before_the_keyspace_was_set_does_not_make_it_missing() {
        let keyspace = SessionKeyspace::new(Some("old".to_owned()));
        let read = keyspace.begin_read();
        keyspace.set("new");
        keyspace.end_read(read, |name| name == "old");
        assert_eq!(keyspace.wait_until_exists().now_or_never(), Some(()));
        let read = keyspace.begin_read();
        keyspace.end_read(read, |name| name == "old");
        assert_eq!(keyspace.wait_until_exists().now_or_never(), None);
    }

    #[tokio::test]
    async fn only_a_read_that_begins_after_a_refusal_confirms_a_drop() {
        let keyspace = SessionKeyspace::new(Some("test".to_owned()));
        keyspace.mark_connected();
        let before = keyspace.begin_read();
        let mut is_dropped = pin!(keyspace.confirm_dropped(Duration::from_secs(3_600)));
        assert_eq!(is_dropped.as_mut().now_or_never(), None);
        keyspace.end_read(before, |_| false);
        assert_eq!(is_dropped.as_mut().now_or_never(), None);
        keyspace.refused.notified().await;
        let after = keyspace.begin_read();
        keyspace.end_read(after, |_| true);
        assert_eq!(is_dropped.as_mut().now_or_never(), Some(false));
    }
}
