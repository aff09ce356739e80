//! The rows of one node: those that wait, and how many requests are in flight.

use std::collections::VecDeque;
use std::sync::Arc;

use super::in_flight_limit::InFlightLimit;
use super::row_batches::{RowBatch, RowBatches};
use crate::cluster::Node;

/// The rows whose partition has one node as its first replica.
#[derive(Debug)]
pub(super) struct NodeQueue<T> {
    /// `None` for rows whose replicas are unknown.
    node: Option<Arc<Node>>,
    pub(super) waiting: RowBatches<T>,
    /// Batches that failed, or their halves. They are written first, and get no further rows.
    failed: VecDeque<RowBatch<T>>,
    in_flight: usize,
    limit: InFlightLimit,
    /// Number of overloads that requests have reported.
    reported: u64,
}

impl<T> NodeQueue<T> {
    /// Returns an empty queue, with this maximum number of requests in flight.
    pub(super) fn new(node: Option<Arc<Node>>, maximum: usize) -> Self {
        let mut queue = Self {
            node,
            waiting: RowBatches::new(),
            failed: VecDeque::new(),
            in_flight: 0,
            limit: InFlightLimit::new(maximum, 0),
            reported: 0,
        };
        queue.limit = InFlightLimit::new(maximum, queue.overloads());
        queue
    }

    /// Returns the rows of the next request and its number, or `None` if no rows wait or enough requests are in flight.
    /// The request is in flight until [`end`](Self::end).
    pub(super) fn start_next(&mut self) -> Option<(RowBatch<T>, u64)> {
        if self.in_flight >= self.limit.current() {
            return None;
        }
        let batch = self.failed.pop_front().or_else(|| self.waiting.pop())?;
        self.in_flight += 1;
        Some((batch, self.limit.start()))
    }

    /// Adds a batch that failed, or one of its halves.
    pub(super) fn push_failed(&mut self, batch: RowBatch<T>) {
        self.failed.push_back(batch);
    }

    /// Adapts the limit to the response to the request with this number, or to its failure.
    pub(super) fn record(&mut self, number: u64, has_succeeded: bool, shows_overload: bool) {
        if shows_overload && self.node.is_none() {
            self.reported += 1;
        }
        let overloads = self.overloads();
        self.limit.end(number, has_succeeded, overloads);
    }

    /// Ends a request.
    pub(super) fn end(&mut self) {
        self.in_flight -= 1;
    }

    /// Returns the number of overloads so far. The node counts those of attempts that were retried, too.
    fn overloads(&self) -> u64 {
        self.node.as_ref().map_or(self.reported, |node| node.counters().overloads.value())
    }
}
