//! The statements that the session has prepared.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::prepared::PreparedInner;

/// Where a statement is kept once it is prepared, so that many who ask at once prepare it once.
pub(super) type CacheSlot = Arc<OnceCell<Arc<PreparedInner>>>;

/// Prepared statements by their texts, in the session's keyspace; when there are too many, the one
/// goes that was not used for the longest time.
#[derive(Debug)]
pub(super) struct PreparedCache {
    limit: usize,
    statements: Mutex<Statements>,
}

#[derive(Debug, Default)]
struct Statements {
    by_text: HashMap<Key, Entry>,
    /// How often the cache was asked, which is its time.
    now: u64,
}

/// The keyspace that a statement names beside its text (v5), and the text.
type Key = (Option<Arc<str>>, Arc<str>);

#[derive(Debug)]
struct Entry {
    slot: CacheSlot,
    last_used: u64,
}

impl PreparedCache {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), statements: Mutex::default() }
    }

    /// The place of this text's statement, which may be empty yet.
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

    /// Forgets a statement that may not hold any more, if it is the one that is kept: it may have
    /// been prepared again.
    pub(super) fn remove(&self, keyspace: Option<&str>, statement: &Arc<PreparedInner>) {
        let key = (keyspace.map(Arc::from), Arc::clone(&statement.text));
        let is_this = |entry: &Entry| entry.slot.get().is_some_and(|is| Arc::ptr_eq(is, statement));
        let mut statements = self.lock();
        if statements.by_text.get(&key).is_some_and(is_this) {
            statements.by_text.remove(&key);
        }
    }

    /// How many statements are kept.
    pub(super) fn len(&self) -> usize {
        self.lock().by_text.len()
    }

    /// Forgets everything: in another keyspace the same text is another statement.
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
