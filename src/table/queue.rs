//! The splits of one node: those that wait to be read, and how many may be read at the same time.

use std::collections::VecDeque;

use bytes::Bytes;

/// The splits of which one node is the first replica.
///
/// The limit of requests in flight is halved when the node is overloaded, and grows again by one for as many pages
/// as it allows at the same time (additive increase, multiplicative decrease).
#[derive(Debug)]
pub(super) struct Queue {
    waiting: VecDeque<Task>,
    in_flight: usize,
    limit: usize,
    max_limit: usize,
    /// Number of pages since the limit changed.
    successes: usize,
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
    pub(super) fn new(max_limit: usize) -> Self {
        Self { waiting: VecDeque::new(), in_flight: 0, limit: max_limit, max_limit, successes: 0 }
    }

    /// Returns the number of requests that may be in flight.
    pub(super) const fn limit(&self) -> usize {
        self.limit
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
        self.waiting.front().filter(|_| self.in_flight < self.limit)
    }

    /// Returns the split that [`peek`](Self::peek) returns, and counts its request.
    pub(super) fn start(&mut self) -> Option<Task> {
        self.peek()?;
        self.in_flight += 1;
        self.waiting.pop_front()
    }

    /// Counts a page that has arrived. Its split waits for the page after it, if there is one.
    pub(super) fn end(&mut self, next: Option<Task>) {
        self.in_flight -= 1;
        if let Some(next) = next {
            self.push_front(next);
        }
        self.successes += 1;
        if self.limit < self.max_limit && self.successes >= self.limit {
            self.limit += 1;
            self.successes = 0;
        }
    }

    /// Halves the limit, after an error that shows that the node is overloaded.
    pub(super) fn slow_down(&mut self) {
        self.limit = (self.limit / 2).max(1);
        self.successes = 0;
    }

    /// Lets a split wait whose request has failed.
    pub(super) fn retry(&mut self, task: Task) {
        self.in_flight -= 1;
        self.push_front(task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts as many splits as the limit allows, and returns their number.
    fn start_all(queue: &mut Queue) -> usize {
        std::iter::from_fn(|| queue.start()).count()
    }

    fn queue(limit: usize, splits: usize) -> Queue {
        let mut queue = Queue::new(limit);
        (0..splits).for_each(|split| queue.push_back(Task { split, ..Task::default() }));
        queue
    }

    #[test]
    fn an_overloaded_node_gets_half_of_the_requests_until_it_recovers() {
        let mut queue = queue(8, 1_000);
        assert_eq!(start_all(&mut queue), 8);
        queue.slow_down();
        queue.retry(Task::default());
        assert_eq!(start_all(&mut queue), 0, "seven are in flight, the limit is four");
        (0..4).for_each(|_| queue.end(None));
        assert_eq!(start_all(&mut queue), 2, "three were in flight; the limit has grown to five");
        (0..30).for_each(|_| {
            queue.end(None);
            start_all(&mut queue);
        });
        assert_eq!(queue.in_flight, 8, "the limit has grown to the maximum and no further");
        (0..8).for_each(|_| queue.slow_down());
        (0..8).for_each(|_| queue.retry(Task::default()));
        assert_eq!(start_all(&mut queue), 1, "the limit is at least one");
    }

    #[test]
    fn splits_that_were_started_come_first() {
        let mut queue = queue(1, 2);
        assert_eq!(queue.start().unwrap().split, 0);
        queue.end(Some(Task { split: 7, ..Task::default() }));
        assert_eq!(queue.start().unwrap().split, 7);
        queue.retry(Task { split: 8, ..Task::default() });
        assert_eq!(queue.start().unwrap().split, 8);
        queue.end(None);
        assert_eq!(queue.start().unwrap().split, 1);
    }
}
