//! The statements that a server has received.

use std::fmt;
use std::sync::Arc;

use super::received_request::ReceivedRequest;
use super::recent::Recent;

/// The function passed to [`MockServer::on_received`](super::MockServer::on_received).
pub(super) type Observer = Arc<dyn Fn(&ReceivedRequest) + Send + Sync>;

/// The statements that a server has received, in order.
pub(super) struct Journal {
    statements: Recent<ReceivedRequest>,
    observers: Arc<[Observer]>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("statements", &self.statements.len())
            .finish_non_exhaustive()
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self { statements: Recent::new(usize::MAX, usize::MAX), observers: Arc::default() }
    }
}

impl Journal {
    /// Adds statements, and drops the oldest ones beyond the limits.
    pub(super) fn extend(&mut self, statements: impl Iterator<Item = ReceivedRequest>) {
        for statement in statements {
            let size = statement.size();
            self.statements.push(statement, size);
        }
        self.drop_oldest();
    }

    /// Limits the number of statements that are kept, and the size of their texts and values.
    pub(super) fn set_limits(&mut self, statements: usize, size: usize) {
        self.statements.set_limits(statements, size);
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
        while self.statements.pop_excess().is_some() {}
    }
}
