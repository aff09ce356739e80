//! The cache of prepared statements.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use tokio::sync::OnceCell;

use super::prepared::PreparedInner;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// The slot of one statement in the cache, empty until the statement has been prepared. Concurrent
/// callers share the slot, so that only one of them sends a PREPARE request.
pub(super) type CacheSlot = Arc<OnceCell<Arc<PreparedInner>>>;

/// The prepared statements of a session, by text and keyspace option. When the cache is full, the
/// least recently used statement is evicted.
#[derive(Debug)]
pub(super) struct PreparedCache {
    limit: usize,
    statements: Mutex<Statements>,
    /// Number of schema changes that statements of the session have made.
    schema_changes: AtomicU64,
}

#[derive(Debug, Default)]
struct Statements {
    by_text: HashMap<Key, Entry>,
    /// The number of look-ups so far, which serves as the clock for `Entry::last_used`.
    now: u64,
}

/// The keyspace option of a statement (v5), and its text.
type Key = (Option<Arc<str>>, Arc<str>);

#[derive(Debug)]
struct Entry {
    slot: CacheSlot,
    last_used: u64,
}

impl PreparedCache {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            statements: Mutex::default(),
            schema_changes: AtomicU64::new(0),
        }
    }

    /// Returns the slot of a statement. If the cache does not contain the statement, adds an empty
    /// slot for it.
    pub(super) fn slot(&self, keyspace: Option<&str>, text: &Arc<str>) -> CacheSlot {
        let key = (keyspace.map(Arc::from), Arc::clone(text));
        let mut statements = self.lock();
        statements.now += 1;
        let now = statements.now;
        if let Some(entry) = statements.by_text.get_mut(&key) {
            entry.last_used = now;
            return Arc::clone(&entry.slot);
        }
        if statements.by_text.len() >= self.limit {
            statements.evict();
        }
        let slot = CacheSlot::default();
        let entry = Entry { slot: Arc::clone(&slot), last_used: now };
        statements.by_text.insert(key, entry);
        slot
    }

    /// Removes a statement that may be out of date. If its text has been prepared again meanwhile,
    /// the cache keeps the newer statement.
    pub(super) fn remove(&self, keyspace: Option<&str>, statement: &Arc<PreparedInner>) {
        let key = (keyspace.map(Arc::from), Arc::clone(&statement.text));
        let holds_it =
            |entry: &Entry| entry.slot.get().is_some_and(|held| Arc::ptr_eq(held, statement));
        let mut statements = self.lock();
        if statements.by_text.get(&key).is_some_and(holds_it) {
            statements.by_text.remove(&key);
        }
    }

    /// Records that a statement of the session has changed the schema.
    pub(super) fn record_schema_change(&self) {
        self.schema_changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of schema changes that statements of the session have made.
    pub(super) fn schema_changes(&self) -> u64 {
        self.schema_changes.load(Ordering::Relaxed)
    }

    /// Returns the number of statements, including those that are being prepared.
    pub(super) fn len(&self) -> usize {
        self.lock().by_text.len()
    }

    /// Removes all statements.
    pub(super) fn clear(&self) {
        self.lock().by_text.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Statements> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Statements {
    fn evict(&mut self) {
        let oldest = self.by_text.iter().min_by_key(|(_, entry)| entry.last_used);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.by_text.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evicts_the_least_recently_used_statement() {
        let [a, b, c] = ["a", "b", "c"].map(Arc::<str>::from);
        let cache = PreparedCache::new(2);
        let kept = cache.slot(None, &a);
        let gone = cache.slot(None, &b);
        assert!(Arc::ptr_eq(&kept, &cache.slot(None, &a)));
        cache.slot(None, &c);
        assert!(Arc::ptr_eq(&kept, &cache.slot(None, &a)));
        assert!(!Arc::ptr_eq(&gone, &cache.slot(None, &b)));
        cache.clear();
        assert!(!Arc::ptr_eq(&kept, &cache.slot(None, &a)));
    }
}
