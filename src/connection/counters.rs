//! The counters of a connection.

use std::sync::Arc;

use crate::sync::OnceLock;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The counters of a connection. Its task writes them; its handle reads them.
#[derive(Debug, Default)]
pub(super) struct Counters {
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    /// The part of `bytes_sent` and `bytes_received` that `take_traffic` has returned.
    taken_traffic: [AtomicU64; 2],
    streams_in_use: AtomicUsize,
    orphans: AtomicUsize,
    unattributed_errors: AtomicU64,
    /// The number of orphaned requests on all connections to the node. Not set if the connection
    /// belongs to no node.
    node_orphans: OnceLock<Arc<AtomicUsize>>,
    /// Number of this connection's orphaned requests that `node_orphans` includes.
    counted_orphans: AtomicUsize,
}

impl Counters {
    pub(super) fn count_sent(&self, bytes: usize) {
        self.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn count_received(&self, bytes: usize) {
        self.bytes_received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts an ERROR of the server that names no request.
    pub(super) fn count_unattributed_error(&self) {
        self.unattributed_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of errors that named no request since the last call.
    pub(super) fn take_unattributed_errors(&self) -> u64 {
        self.unattributed_errors.swap(0, Ordering::Relaxed)
    }

    /// Records the number of streams in use, and how many of these are orphaned. Only the task calls
    /// this.
    pub(super) fn record_streams(&self, in_use: usize, orphans: usize) {
        self.streams_in_use.store(in_use, Ordering::Relaxed);
        let before = self.orphans.load(Ordering::Relaxed);
        if before != orphans {
            self.orphans.store(orphans, Ordering::Relaxed);
            if let Some(total) = self.node_orphans.get() {
                let counted = self.counted_orphans.swap(orphans, Ordering::Relaxed);
                total.fetch_add(orphans.wrapping_sub(counted), Ordering::Relaxed);
            }
        }
    }

    /// Counts the orphaned requests of this connection in `total` from the next change on.
    pub(super) fn count_orphans_in(&self, total: &Arc<AtomicUsize>) {
        let _first = self.node_orphans.set(Arc::clone(total));
    }

    /// Returns the number of streams in use when the task last ran, and how many of these were
    /// orphaned.
    pub(super) fn streams(&self) -> (usize, usize) {
        let read = |number: &AtomicUsize| number.load(Ordering::Relaxed);
        (read(&self.streams_in_use), read(&self.orphans))
    }

    /// Returns the number of bytes sent, and the number of bytes received.
    pub(super) fn traffic(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.bytes_sent), read(&self.bytes_received))
    }

    /// Returns the number of bytes sent, and the number of bytes received, since the last call.
    pub(super) fn take_traffic(&self) -> (u64, u64) {
        let (sent, received) = self.traffic();
        let [taken_sent, taken_received] = &self.taken_traffic;
        let take = |taken: &AtomicU64, total: u64| {
            total.saturating_sub(taken.fetch_max(total, Ordering::Relaxed))
        };
        (take(taken_sent, sent), take(taken_received, received))
    }
}
