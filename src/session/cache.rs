//! The statements that the session has prepared.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::statement::PreparedStatement;

/// Prepared statements by their texts; when there are too many, the oldest goes.
#[derive(Debug)]
pub(super) struct PreparedCache {
    limit: usize,
    statements: Mutex<Statements>,
}

#[derive(Debug, Default)]
struct Statements {
    by_text: HashMap<Arc<str>, Arc<PreparedStatement>>,
    /// Every text of `by_text` once, the oldest first.
    order: VecDeque<Arc<str>>,
}

impl PreparedCache {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), statements: Mutex::default() }
    }

    pub(super) fn get(&self, text: &str) -> Option<Arc<PreparedStatement>> {
        self.lock().by_text.get(text).map(Arc::clone)
    }

    /// Keeps a statement, in place of the one of the same text.
    pub(super) fn insert(&self, statement: Arc<PreparedStatement>) {
        let mut statements = self.lock();
        let text = Arc::clone(&statement.text);
        if statements.by_text.insert(Arc::clone(&text), statement).is_none() {
            statements.order.push_back(text);
        }
        if statements.order.len() > self.limit
            && let Some(oldest) = statements.order.pop_front()
        {
            statements.by_text.remove(&oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Statements> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_bounded_and_replaces_by_text() {
        let statement = |text: &str, id: &'static [u8]| {
            Arc::new(PreparedStatement {
                text: text.into(),
                id: bytes::Bytes::from_static(id),
                result_metadata_id: None,
                variables: Arc::new([]),
            })
        };
        let cache = PreparedCache::new(2);
        cache.insert(statement("a", b"1"));
        cache.insert(statement("b", b"2"));
        cache.insert(statement("a", b"3"));
        assert_eq!(&cache.get("a").unwrap().id[..], b"3");
        cache.insert(statement("c", b"4"));
        assert!(cache.get("a").is_none());
        assert!(cache.get("b").is_some() && cache.get("c").is_some());
    }
}
