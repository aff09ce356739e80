//! The progress of one request.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::debug;

use super::call::{EncodeMessage, RequestContext};
use super::error::Attempt;
use crate::cluster::{Node, Routing};
use crate::wire::Consistency;

/// The progress of a request in flight, which all executions of the request share: the first
/// execution, and the speculative ones.
pub(super) struct RequestProgress<'r, 'p> {
    pub(super) request: &'r RequestContext<'p>,
    pub(super) message: &'r EncodeMessage<'p>,
    /// The client timestamp of all attempts. A retry with a later timestamp would overwrite what
    /// other clients have written since the first attempt.
    pub(super) timestamp: Option<i64>,
    pub(super) begin: Instant,
    pub(super) deadline: Option<Instant>,
    /// True if the request may be executed twice: it is idempotent, or prepares a statement.
    pub(super) may_run_twice: bool,
    /// True if several executions may run at once. They must not use the same nodes.
    pub(super) concurrent: AtomicBool,
    /// Number of attempts whose connection has become unresponsive, and for which no other execution
    /// was started yet.
    pub(super) unresponsive: AtomicUsize,
    /// Nodes that were tried. They are skipped as long as an untried node is left.
    pub(super) tried: Mutex<Vec<Arc<Node>>>,
    pub(super) attempts: AtomicUsize,
    pub(super) speculations: AtomicUsize,
    pub(super) history: Mutex<Vec<Attempt>>,
}

impl RequestProgress<'_, '_> {
    /// Returns the deadline of an attempt that begins at `begin`: the attempt's own deadline or the
    /// deadline of the whole request, whichever is earlier. Returns `None` if there is neither.
    pub(super) fn attempt_deadline(&self, begin: Instant) -> Option<Instant> {
        match self.request.options.attempt_deadline(begin) {
            Some(attempt) => Some(self.deadline.map_or(attempt, |all| all.min(attempt))),
            None => self.deadline,
        }
    }

    /// Returns the time until the deadline of the request, or `None` if the request has no
    /// deadline.
    pub(super) fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    pub(super) fn routing(&self) -> Routing<'_> {
        let RequestContext { options, consistency, keyspace, token, preparing, read_only, .. } =
            *self.request;
        let consistency = if preparing { Consistency::One } else { consistency };
        let serial_consistency = options.serial_consistency().filter(|_| !preparing && !read_only);
        Routing { keyspace, token, consistency, serial_consistency }
    }

    /// Returns the number of attempts that have begun.
    #[inline]
    pub(super) fn attempts(&self) -> usize {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Counts an attempt.
    #[inline]
    pub(super) fn record_attempt(&self) {
        // One future polls all executions of the request, so that none counts at the same time. A
        // store costs less than an atomic addition.
        self.attempts.store(self.attempts().wrapping_add(1), Ordering::Relaxed);
    }

    /// Returns a copy of [`tried`](Self::tried). The first attempt of a request does not pay for the
    /// lock.
    #[inline]
    pub(super) fn copy_tried(&self) -> Vec<Arc<Node>> {
        match self.attempts() == 0 && !self.is_concurrent() {
            true => Vec::new(),
            false => self.tried().clone(),
        }
    }

    pub(super) fn tried(&self) -> MutexGuard<'_, Vec<Arc<Node>>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn history(&self) -> MutexGuard<'_, Vec<Attempt>> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if several executions may run at once.
    pub(super) fn is_concurrent(&self) -> bool {
        self.concurrent.load(Ordering::Relaxed)
    }

    pub(super) fn set_concurrent(&self) {
        self.concurrent.store(true, Ordering::Relaxed);
    }

    /// Records that an attempt waits on a connection to `node` that has become unresponsive. The node
    /// counts as tried.
    pub(super) fn record_unresponsive(&self, node: &Arc<Node>) {
        self.tried().push(Arc::clone(node));
        self.unresponsive.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of calls of [`record_unresponsive`](Self::record_unresponsive) since the
    /// last call.
    #[inline]
    pub(super) fn take_unresponsive(&self) -> usize {
        match self.unresponsive.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.unresponsive.swap(0, Ordering::Relaxed),
        }
    }

    /// Counts a speculative execution, both for the request and in the metrics of the node that was
    /// tried last.
    pub(super) fn record_speculation(&self) {
        self.speculations.fetch_add(1, Ordering::Relaxed);
        if let Some(slow) = self.tried().last() {
            debug!(node = %slow.address(), "speculative execution started");
            slow.counters().speculative_executions.add();
        }
    }
}
