//! The queue of requests that wait to be sent.

use std::collections::VecDeque;
use std::time::Instant;

use super::slots::SlotId;

/// A queue of requests, the oldest first. Their frames are concatenated in one buffer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    frames: Vec<u8>,
    /// Offset of the first request's frame in `frames`.
    start: usize,
    requests: VecDeque<QueuedRequest>,
    /// A lower bound of all deadlines, or `None` if no request has a deadline.
    deadline: Option<Instant>,
}

/// A queued request without its frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueuedRequest {
    pub(super) slot: SlotId,
    pub(super) deadline: Option<Instant>,
    /// Length of the frame, in bytes.
    length: usize,
}

/// Maximum capacity that an empty queue keeps, in bytes. A queue that is not empty is compacted only
/// once its popped frames have at least this length.
const MAX_KEPT_CAPACITY: usize = 256 << 10;

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Returns a time before which no request expires, or `None` if no request has a deadline.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn push(&mut self, frame: &[u8], slot: SlotId, deadline: Option<Instant>) {
        self.clear_sent();
        self.frames.extend_from_slice(frame);
        self.requests.push_back(QueuedRequest { slot, deadline, length: frame.len() });
        self.update_deadline(deadline);
    }

    /// Removes and returns the oldest request and its frame, or returns `None` if the queue is empty.
    pub(super) fn pop(&mut self) -> Option<(QueuedRequest, &[u8])> {
        let request = self.requests.pop_front()?;
        if self.requests.is_empty() {
            self.deadline = None;
        }
        let start = self.start;
        self.start = start.saturating_add(request.length);
        Some((request, self.frames.get(start..self.start).unwrap_or_default()))
    }

    /// Moves all requests of `other` to the end of this queue.
    pub(super) fn append(&mut self, other: &mut Self) {
        self.clear_sent();
        if self.is_empty() {
            return std::mem::swap(self, other);
        }
        self.frames.extend_from_slice(other.frames.get(other.start..).unwrap_or_default());
        self.requests.append(&mut other.requests);
        self.update_deadline(other.deadline.take());
        other.start = other.frames.len();
        other.clear_sent();
    }

    /// Removes the requests for which `predicate` returns true.
    pub(super) fn remove_if(&mut self, mut predicate: impl FnMut(&QueuedRequest) -> bool) {
        let before = std::mem::take(self);
        let mut start = before.start;
        for request in before.requests {
            let end = start.saturating_add(request.length);
            if !predicate(&request) {
                let frame = before.frames.get(start..end).unwrap_or_default();
                self.push(frame, request.slot, request.deadline);
            }
            start = end;
        }
    }

    /// Frees the space of popped frames if the queue is empty, or if the popped frames have at least
    /// [`MAX_KEPT_CAPACITY`] bytes and are at least half of the buffer.
    fn clear_sent(&mut self) {
        if self.requests.is_empty() && self.start > 0 {
            self.frames.clear();
            self.frames.shrink_to(MAX_KEPT_CAPACITY);
        } else if self.start >= MAX_KEPT_CAPACITY && self.start >= self.frames.len() / 2 {
            self.frames.drain(..self.start);
        } else {
            return;
        }
        self.start = 0;
    }

    /// Lowers the bound of the deadlines to `deadline` if `deadline` is earlier than the bound.
    fn update_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = self.deadline.into_iter().chain(deadline).min();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn contents(queue: &mut Queue) -> Vec<(usize, Vec<u8>)> {
        std::iter::from_fn(|| queue.pop().map(|(request, frame)| (request.slot.0, frame.to_vec())))
            .collect()
    }

    #[test]
    fn returns_requests_in_order_with_their_frames() {
        let (mut queue, mut inbox) = (Queue::default(), Queue::default());
        queue.push(b"one", SlotId(1), None);
        queue.push(b"", SlotId(2), None);
        inbox.push(b"three", SlotId(3), None);
        inbox.push(b"four", SlotId(4), None);
        assert_eq!(queue.pop().unwrap().1, b"one");
        assert_eq!(inbox.pop().unwrap().1, b"three");
        queue.append(&mut inbox);
        assert!(inbox.is_empty());
        queue.remove_if(|request| request.slot == SlotId(2));
        queue.push(b"five", SlotId(5), None);
        assert_eq!(contents(&mut queue), [(4, b"four".to_vec()), (5, b"five".to_vec())]);
        inbox.push(b"six", SlotId(6), None);
        queue.append(&mut inbox);
        assert_eq!(contents(&mut queue), [(6, b"six".to_vec())]);
    }

    #[test]
    fn the_deadline_is_the_earliest_one() {
        let now = Instant::now();
        let at = |seconds| Some(now + Duration::from_secs(seconds));
        let (mut queue, mut inbox) = (Queue::default(), Queue::default());
        queue.push(b"1", SlotId(1), at(5));
        queue.push(b"2", SlotId(2), at(9));
        queue.push(b"3", SlotId(3), None);
        inbox.push(b"4", SlotId(4), at(3));
        assert_eq!(queue.deadline(), at(5));
        queue.append(&mut inbox);
        assert_eq!((queue.deadline(), inbox.deadline()), (at(3), None));
        queue.remove_if(|request| request.deadline <= at(5) && request.deadline.is_some());
        assert_eq!((queue.len(), queue.deadline()), (2, at(9)));
        assert_eq!(contents(&mut queue).len(), 2);
        assert_eq!(queue.deadline(), None);
    }

    #[test]
    fn memory_stays_bounded_while_the_queue_is_never_empty() {
        let (mut queue, mut inbox) = (Queue::default(), Queue::default());
        queue.push(&[0; MAX_KEPT_CAPACITY], SlotId(0), None);
        for number in 1..100 {
            inbox.push(&[0; MAX_KEPT_CAPACITY], SlotId(number), None);
            queue.append(&mut inbox);
            assert_eq!(queue.pop().unwrap().0.slot, SlotId(number - 1));
        }
        assert!(queue.frames.capacity() <= 4 * MAX_KEPT_CAPACITY, "{}", queue.frames.capacity());
    }

    #[test]
    fn frees_the_memory_of_popped_frames() {
        let mut queue = Queue::default();
        for _ in 0..100 {
            queue.push(&[0; MAX_KEPT_CAPACITY], SlotId(0), None);
            assert_eq!(contents(&mut queue).len(), 1);
        }
        assert!(queue.frames.capacity() <= 2 * MAX_KEPT_CAPACITY, "{}", queue.frames.capacity());
        queue.push(&[0; 9 * MAX_KEPT_CAPACITY], SlotId(0), None);
        queue.pop();
        queue.append(&mut Queue::default());
        assert!(queue.frames.capacity() <= MAX_KEPT_CAPACITY, "{}", queue.frames.capacity());
    }
}
