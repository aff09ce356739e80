//! The cache of prepared statements.

use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError};

use lru::LruCache;
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
    statements: Mutex<LruCache<Key, CacheSlot>>,
    /// Number of schema changes that statements of the session have made.
    schema_changes: AtomicU64,
}

/// The keyspace option of a statement (v5), and its text.
type Key = (Option<Arc<str>>, Arc<str>);

impl PreparedCache {
    pub(super) fn new(limit: usize) -> Self {
        // `sparse` allocates memory only as statements arrive, so that a high limit costs nothing.
        let statements = LruCache::sparse(NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN));
        Self { statements: Mutex::new(statements), schema_changes: AtomicU64::new(0) }
    }

    /// Returns the slot of a statement. If the cache does not contain the statement, adds an empty
    /// slot for it.
    pub(super) fn slot(&self, keyspace: Option<&str>, text: &Arc<str>) -> CacheSlot {
        let key = (keyspace.map(Arc::from), Arc::clone(text));
        let mut statements = self.lock();
        if let Some(slot) = statements.get(&key) {
            return Arc::clone(slot);
        }
        let slot = CacheSlot::default();
        let evicted = statements.push(key, Arc::clone(&slot));
        // The evicted statement may have many columns. It is dropped after the lock is released.
        drop(statements);
        drop(evicted);
        slot
    }

    /// Removes a statement that may be out of date. If its text has been prepared again meanwhile,
    /// the cache keeps the newer statement.
    pub(super) fn remove(&self, keyspace: Option<&str>, statement: &Arc<PreparedInner>) {
        let key = (keyspace.map(Arc::from), Arc::clone(&statement.text));
        let holds_it =
            |slot: &CacheSlot| slot.get().is_some_and(|held| Arc::ptr_eq(held, statement));
        let mut statements = self.lock();
        let removed = match statements.peek(&key).is_some_and(holds_it) {
            true => statements.pop(&key),
            false => None,
        };
        drop(statements);
        drop(removed);
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
        self.lock().len()
    }

    /// Removes all statements.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Key, CacheSlot>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[test]
    fn any_limit_is_accepted() {
        let [a, b] = ["a", "b"].map(Arc::<str>::from);
        for (limit, held) in [(0, 1), (1, 1), (usize::MAX, 2)] {
            let cache = PreparedCache::new(limit);
            cache.slot(None, &a);
            cache.slot(Some("ks"), &b);
            assert_eq!(cache.len(), held, "limit {limit}");
        }
    }
}
