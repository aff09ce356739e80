//! Requests that wait to be sent.

use std::collections::VecDeque;
use std::time::Instant;

/// Requests, the oldest first. Their frames stand one after the other in one buffer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    frames: Vec<u8>,
    /// Where the frame of the first request begins.
    start: usize,
    requests: VecDeque<Request>,
    /// No request has an earlier deadline.
    deadline: Option<Instant>,
}

/// Where whoever made a request waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(pub(super) usize);

/// A request, but for its frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) slot: Slot,
    pub(super) deadline: Option<Instant>,
    length: usize,
}

/// More room than this is not kept for the frames to come.
const ROOM: usize = 256 << 10;

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// A time before which no request has to be given up, if one has to be at all.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn push(&mut self, frame: &[u8], slot: Slot, deadline: Option<Instant>) {
        self.clear_sent();
        self.frames.extend_from_slice(frame);
        self.requests.push_back(Request { slot, deadline, length: frame.len() });
        self.is_due(deadline);
    }

    /// The next request and its frame.
    pub(super) fn pop(&mut self) -> Option<(Request, &[u8])> {
        let request = self.requests.pop_front()?;
        if self.requests.is_empty() {
            self.deadline = None;
        }
        let start = self.start;
        self.start = start.saturating_add(request.length);
        Some((request, self.frames.get(start..self.start).unwrap_or_default()))
    }

    /// Moves the requests of `other` to the end of these.
    pub(super) fn append(&mut self, other: &mut Self) {
        self.clear_sent();
        if self.is_empty() {
            return std::mem::swap(self, other);
        }
        self.frames.extend_from_slice(other.frames.get(other.start..).unwrap_or_default());
        self.requests.append(&mut other.requests);
        self.is_due(other.deadline.take());
        other.start = other.frames.len();
        other.clear_sent();
    }

    /// Takes those out that `is_over` says.
    pub(super) fn remove(&mut self, mut is_over: impl FnMut(&Request) -> bool) {
        let before = std::mem::take(self);
        let mut start = before.start;
        for request in before.requests {
            let end = start.saturating_add(request.length);
            if !is_over(&request) {
                let frame = before.frames.get(start..end).unwrap_or_default();
                self.push(frame, request.slot, request.deadline);
            }
            start = end;
        }
    }

    /// Makes room of what has been sent, where that is all there is, or much.
    fn clear_sent(&mut self) {
        if self.requests.is_empty() && self.start > 0 {
            self.frames.clear();
            self.frames.shrink_to(ROOM);
        } else if self.start >= ROOM && self.start >= self.frames.len() / 2 {
            self.frames.drain(..self.start);
        } else {
            return;
        }
        self.start = 0;
    }

    fn is_due(&mut self, deadline: Option<Instant>) {
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
    fn requests_come_in_their_order_with_their_frames() {
        let (mut queue, mut inbox) = (Queue::default(), Queue::default());
        queue.push(b"one", Slot(1), None);
        queue.push(b"", Slot(2), None);
        inbox.push(b"three", Slot(3), None);
        inbox.push(b"four", Slot(4), None);
        assert_eq!(queue.pop().unwrap().1, b"one");
        assert_eq!(inbox.pop().unwrap().1, b"three");
        queue.append(&mut inbox);
        assert!(inbox.is_empty());
        queue.remove(|request| request.slot == Slot(2));
        queue.push(b"five", Slot(5), None);
        assert_eq!(contents(&mut queue), [(4, b"four".to_vec()), (5, b"five".to_vec())]);
        inbox.push(b"six", Slot(6), None);
        queue.append(&mut inbox);
        assert_eq!(contents(&mut queue), [(6, b"six".to_vec())]);
    }

    #[test]
    fn the_deadline_is_that_of_the_earliest() {
        let now = Instant::now();
        let at = |seconds| Some(now + Duration::from_secs(seconds));
        let (mut queue, mut inbox) = (Queue::default(), Queue::default());
        queue.push(b"1", Slot(1), at(5));
        queue.push(b"2", Slot(2), at(9));
        queue.push(b"3", Slot(3), None);
        inbox.push(b"4", Slot(4), at(3));
        assert_eq!(queue.deadline(), at(5));
        queue.append(&mut inbox);
        assert_eq!((queue.deadline(), inbox.deadline()), (at(3), None));
        queue.remove(|request| request.deadline <= at(5) && request.deadline.is_some());
        assert_eq!((queue.len(), queue.deadline()), (2, at(9)));
        assert_eq!(contents(&mut queue).len(), 2);
        assert_eq!(queue.deadline(), None);
    }

    #[test]
    fn a_queue_that_is_never_empty_does_not_grow() {
        let (mut queue, mut inbox) = (Queue::default(), Queue::default());
        queue.push(&[0; ROOM], Slot(0), None);
        for number in 1..100 {
            inbox.push(&[0; ROOM], Slot(number), None);
            queue.append(&mut inbox);
            assert_eq!(queue.pop().unwrap().0.slot, Slot(number - 1));
        }
        assert!(queue.frames.capacity() <= 4 * ROOM, "{}", queue.frames.capacity());
    }

    #[test]
    fn what_was_sent_is_forgotten_and_so_is_much_room() {
        let mut queue = Queue::default();
        for _ in 0..100 {
            queue.push(&[0; ROOM], Slot(0), None);
            assert_eq!(contents(&mut queue).len(), 1);
        }
        assert!(queue.frames.capacity() <= 2 * ROOM, "{}", queue.frames.capacity());
        queue.push(&[0; 9 * ROOM], Slot(0), None);
        queue.pop();
        queue.append(&mut Queue::default());
        assert!(queue.frames.capacity() <= ROOM, "{}", queue.frames.capacity());
    }
}
