//! The splits of one node: those that wait to be read, and how many may be read at the same time.

use std::collections::VecDeque;

use bytes::Bytes;

use super::in_flight_limit::InFlightLimit;

/// The splits of which one node is the first replica.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: VecDeque<Task>,
    in_flight: usize,
    limit: InFlightLimit,
    /// Number of errors that show that the node is overloaded.
    overloads: u64,
}

/// The next page of a split.
#[derive(Debug, Default)]
pub(super) struct Task {
    /// Index of the split in the plan.
    pub(super) split: usize,
    /// Index of the split's queue.
    pub(super) queue: usize,
    /// The page before the next one. `None` if the split has not been started. Boxed, because most splits wait.
    pub(super) last_page: Option<Box<LastPage>>,
    /// Number of consecutive requests that have failed.
    pub(super) failures: u32,
    /// Number of times that the split was halved.
    pub(super) halvings: u32,
    /// The number of the request in the queue; 0 before the first.
    pub(super) request: u64,
}

/// The last page that a split has returned.
#[derive(Debug)]
pub(super) struct LastPage {
    /// The paging state of the page after it.
    pub(super) next: Bytes,
    /// Mean size of a row in bytes. 0 if no row has been read.
    pub(super) row_size: f64,
}

impl Task {
    /// Returns the mean size of the rows so far in bytes; 0 if it is unknown.
    pub(super) fn row_size(&self) -> f64 {
        self.last_page.as_ref().map_or(0.0, |page| page.row_size)
    }
}

impl Queue {
    pub(super) fn new(max_in_flight: usize) -> Self {
        let limit = InFlightLimit::new(max_in_flight, 0);
        Self { waiting: VecDeque::new(), in_flight: 0, limit, overloads: 0 }
    }

    /// Returns the number of requests that may be in flight.
    pub(super) const fn limit(&self) -> usize {
        self.limit.current()
    }

    /// Adds a split after the others.
    pub(super) fn push_back(&mut self, task: Task) {
        self.waiting.push_back(task);
    }

    /// Adds a split before the others, so that those that have been started end first.
    pub(super) fn push_front(&mut self, task: Task) {
        self.waiting.push_front(task);
    }

    /// Returns the split whose page may be requested next, or `None` if there is none or the limit is reached.
    pub(super) fn peek(&self) -> Option<&Task> {
        self.waiting.front().filter(|_| self.in_flight < self.limit.current())
    }

    /// Returns the split that [`peek`](Self::peek) returns, and counts its request.
    pub(super) fn start(&mut self) -> Option<Task> {
        self.peek()?;
        self.in_flight += 1;
        let task = self.waiting.pop_front()?;
        Some(Task { request: self.limit.start(), ..task })
    }

    /// Counts the end of a request that has succeeded. Its split waits for the next page, if there is one.
    pub(super) fn end(&mut self, request: u64, next: Option<Task>) {
        self.in_flight -= 1;
        self.limit.end(request, true, self.overloads);
        if let Some(next) = next {
            self.push_front(next);
        }
    }

    /// Halves the limit, after an error that shows that the node is overloaded.
    pub(super) fn slow_down(&mut self, request: u64) {
        self.overloads += 1;
        self.limit.end(request, false, self.overloads);
    }

    /// Requeues a split after a failed request.
    pub(super) fn retry(&mut self, task: Task) {
        self.in_flight -= 1;
        self.push_front(task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts as many splits as the limit allows, and returns their requests.
    fn start_all(queue: &mut Queue) -> Vec<u64> {
        std::iter::from_fn(|| queue.start()).map(|task| task.request).collect()
    }

    fn queue(limit: usize, splits: usize) -> Queue {
        let mut queue = Queue::new(limit);
        (0..splits).for_each(|split| queue.push_back(Task { split, ..Task::default() }));
        queue
    }

    #[test]
    fn an_overloaded_node_gets_half_of_the_requests_until_it_recovers() {
        let mut queue = queue(8, 1_000);
        let started = start_all(&mut queue);
        assert_eq!(started.len(), 8);
        // Requests that fail together halve the limit once.
        for request in &started[..2] {
            queue.slow_down(*request);
            queue.retry(Task::default());
        }
        assert!(start_all(&mut queue).is_empty(), "six are in flight, the limit is four");
        for request in &started[2..] {
            queue.end(*request, None);
        }
        assert_eq!(start_all(&mut queue).len(), 5, "the limit has grown to five");
        (9..60).for_each(|request| {
            queue.end(request, None);
            start_all(&mut queue);
        });
        assert_eq!(queue.in_flight, 8, "the limit has grown to the maximum and no further");
    }

    #[test]
    fn splits_that_were_started_come_first() {
        let mut queue = queue(1, 2);
        assert_eq!(queue.start().unwrap().split, 0);
        queue.end(1, Some(Task { split: 7, ..Task::default() }));
        assert_eq!(queue.start().unwrap().split, 7);
        queue.retry(Task { split: 8, ..Task::default() });
        assert_eq!(queue.start().unwrap().split, 8);
        queue.end(3, None);
        assert_eq!(queue.start().unwrap().split, 1);
    }
}
