//! The statements that a server has received.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::received_request::ReceivedRequest;

/// The function passed to [`MockServer::on_received`](super::MockServer::on_received).
pub(super) type Observer = Arc<dyn Fn(&ReceivedRequest) + Send + Sync>;

/// The statements that a server has received, in order.
pub(super) struct Journal {
    statements: VecDeque<ReceivedRequest>,
    /// Number of statements to keep.
    limit: usize,
    observers: Arc<[Observer]>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("statements", &self.statements.len())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self { statements: VecDeque::new(), limit: usize::MAX, observers: Arc::default() }
    }
}

impl Journal {
    /// Adds statements, and drops the oldest ones beyond the limit.
    pub(super) fn extend(&mut self, statements: impl Iterator<Item = ReceivedRequest>) {
        self.statements.extend(statements);
        self.drop_oldest();
    }

    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.drop_oldest();
    }

    pub(super) fn clear(&mut self) {
        self.statements.clear();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ReceivedRequest> {
        self.statements.iter()
    }

    pub(super) fn add_observer(&mut self, observer: Observer) {
        self.observers = self.observers.iter().cloned().chain([observer]).collect();
    }

    /// Returns the observers. They are called without the lock of the journal, which they may read.
    pub(super) fn observers(&self) -> Arc<[Observer]> {
        Arc::clone(&self.observers)
    }

    fn drop_oldest(&mut self) {
        let excess = self.statements.len().saturating_sub(self.limit);
        self.statements.drain(..excess);
    }
}
