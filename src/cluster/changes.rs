//! A counter of changes that tasks can wait for.

use std::sync::Arc;

use crate::sync::Notify;
use crate::sync::atomic::{AtomicU64, Ordering};

/// A counter of changes. Clones share it.
///
/// Waiting tasks are woken in the order in which they began to wait. A `watch` channel of tokio wakes
/// them in a random order, with which a simulation could not be repeated.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    count: AtomicU64,
    notify: Notify,
}

/// A listener that waits for changes.
#[derive(Debug)]
pub(crate) struct ChangeListener {
    changes: Changes,
    /// The count of the changes that the listener has seen.
    seen: u64,
}

impl Changes {
    /// Counts a change, and wakes the tasks that wait for it.
    pub(super) fn add(&self) {
        self.0.count.fetch_add(1, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    /// Returns a listener that has seen all changes so far.
    pub(super) fn listen(&self) -> ChangeListener {
        ChangeListener { changes: self.clone(), seen: self.count() }
    }

    fn count(&self) -> u64 {
        self.0.count.load(Ordering::Acquire)
    }
}

impl ChangeListener {
    /// Marks all changes so far as seen.
    pub(crate) fn mark_seen(&mut self) {
        self.seen = self.changes.count();
    }

    /// Waits for a change that was not seen, and marks all changes as seen. The future can be dropped
    /// without losing a change.
    pub(crate) async fn changed(&mut self) {
        loop {
            // Created before the count is read, so that a change in between wakes it.
            let notified = self.changes.0.notify.notified();
            let count = self.changes.count();
            if count != self.seen {
                self.seen = count;
                return;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn waits_only_for_changes_that_were_not_seen() {
        let changes = Changes::default();
        changes.add();
        let mut listener = changes.listen();
        assert_eq!(listener.changed().now_or_never(), None);
        changes.add();
        changes.add();
        assert_eq!(listener.changed().now_or_never(), Some(()));
        assert_eq!(listener.changed().now_or_never(), None);
        changes.add();
        listener.mark_seen();
        assert_eq!(listener.changed().now_or_never(), None);
    }

    #[tokio::test]
    async fn wakes_tasks_in_the_order_in_which_they_began_to_wait() {
        let changes = Changes::default();
        let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..20 {
            let (mut listener, send) = (changes.listen(), send.clone());
            tokio::spawn(async move {
                listener.changed().await;
                send.send(number).unwrap();
            });
        }
        tokio::task::yield_now().await;
        changes.add();
        for number in 0..20 {
            assert_eq!(receive.recv().await, Some(number));
        }
    }
}
