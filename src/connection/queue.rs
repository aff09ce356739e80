//! The queue of requests that wait to be sent.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::time::Instant;

use super::slots::SlotId;
use crate::wire::LargeFrame;

/// A queue of requests, the oldest first. Their frames are in one buffer, except large ones.
#[derive(Default)]
pub(super) struct Queue {
    /// The frames of the queued requests in their order. Frames of requests that have left the queue
    /// may precede and separate them.
    frames: Vec<u8>,
    /// Number of bytes of `frames` that belong to queued requests.
    queued_length: usize,
    requests: VecDeque<QueuedRequest>,
    /// A lower bound of all deadlines, or `None` if no request has a deadline.
    deadline: Option<Instant>,
}

/// Omits the frames, which may contain secrets.
impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("frames_length", &self.frames.len())
            .field("queued_length", &self.queued_length)
            .field("requests", &self.requests)
            .field("deadline", &self.deadline)
            .finish()
    }
}

/// A queued request.
#[derive(Debug)]
pub(super) struct QueuedRequest {
    pub(super) slot: SlotId,
    pub(super) deadline: Option<Instant>,
    /// Offset of the frame in the buffer.
    start: usize,
    /// Length of the frame in the buffer, in bytes. 0 for a large frame.
    length: usize,
    large: Option<Box<LargeFrame>>,
}

/// The frame of a request.
pub(super) enum Frame<'a> {
    Small(&'a [u8]),
    /// A frame that is not copied.
    Large(Box<LargeFrame>),
}

impl Frame<'_> {
    /// Returns the length in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Small(frame) => frame.len(),
            Self::Large(frame) => frame.len(),
        }
    }
}

/// Maximum capacity that an empty queue keeps, in bytes. A queue that is not empty is compacted only
/// once the frames that have left it have at least this length.
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

    pub(super) fn push(&mut self, frame: Frame<'_>, slot: SlotId, deadline: Option<Instant>) {
        self.compact();
        let (frame, large) = match frame {
            Frame::Small(frame) => (frame, None),
            Frame::Large(large) => (&[][..], Some(large)),
        };
        let (start, length) = (self.frames.len(), frame.len());
        self.frames.extend_from_slice(frame);
        self.queued_length = self.queued_length.saturating_add(length);
        self.requests.push_back(QueuedRequest { slot, deadline, start, length, large });
        self.update_deadline(deadline);
    }

    /// Removes and returns the oldest request and its frame, or returns `None` if the queue is empty.
    pub(super) fn pop(&mut self) -> Option<(QueuedRequest, Frame<'_>)> {
        let mut request = self.requests.pop_front()?;
        if self.requests.is_empty() {
            self.deadline = None;
        }
        self.queued_length = self.queued_length.saturating_sub(request.length);
        let frame = match request.large.take() {
            None => Frame::Small(self.frames.get(request.range()).unwrap_or_default()),
            Some(large) => Frame::Large(large),
        };
        Some((request, frame))
    }

    /// Moves all requests of `other` to the end of this queue.
    pub(super) fn append(&mut self, other: &mut Self) {
        self.compact();
        if self.is_empty() {
            return std::mem::swap(self, other);
        }
        let first = other.requests.front().map_or(other.frames.len(), |request| request.start);
        let end = self.frames.len();
        self.frames.extend_from_slice(other.frames.get(first..).unwrap_or_default());
        self.requests.extend(other.requests.drain(..).map(|request| {
            let start = request.start.saturating_sub(first).saturating_add(end);
            QueuedRequest { start, ..request }
        }));
        let queued_length = std::mem::take(&mut other.queued_length);
        self.queued_length = self.queued_length.saturating_add(queued_length);
        self.update_deadline(other.deadline.take());
        other.compact();
    }

    /// Removes the requests for which `predicate` returns true. Their frames stay in the buffer until it
    /// is compacted, so that removing requests one by one does not move all later frames each time.
    pub(super) fn remove_if(&mut self, mut predicate: impl FnMut(&QueuedRequest) -> bool) {
        let mut deadline = None;
        let mut queued_length = 0_usize;
        self.requests.retain(|request| {
            let is_kept = !predicate(request);
            if is_kept {
                queued_length = queued_length.saturating_add(request.length);
                deadline = deadline.into_iter().chain(request.deadline).min();
            }
            is_kept
        });
        (self.queued_length, self.deadline) = (queued_length, deadline);
        self.compact();
    }

    /// Frees the space of the frames that have left the queue if the queue is empty, or if they have at
    /// least [`MAX_KEPT_CAPACITY`] bytes and are at least half of the buffer.
    fn compact(&mut self) {
        let unused = self.frames.len().saturating_sub(self.queued_length);
        if self.requests.is_empty() && unused > 0 {
            self.frames.clear();
            self.frames.shrink_to(MAX_KEPT_CAPACITY);
        } else if unused >= MAX_KEPT_CAPACITY && unused >= self.frames.len() / 2 {
            let mut end = 0_usize;
            for request in &mut self.requests {
                self.frames.copy_within(request.range(), end);
                request.start = end;
                end = end.saturating_add(request.length);
            }
            self.frames.truncate(end);
        }
    }

    /// Lowers the bound of the deadlines to `deadline` if `deadline` is earlier than the bound.
    fn update_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = self.deadline.into_iter().chain(deadline).min();
    }
}

impl QueuedRequest {
    /// Returns the range of the frame in the buffer.
    const fn range(&self) -> Range<usize> {
        self.start..self.start.saturating_add(self.length)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::wire::{MIN_SHARED, SharedBytes, Stream, Writer};

    fn contents(queue: &mut Queue) -> Vec<(usize, Vec<u8>)> {
        let next = || {
            let (request, frame) = queue.pop()?;
            Some((request.slot.0, bytes(frame)))
        };
        std::iter::from_fn(next).collect()
    }

    fn bytes(frame: Frame<'_>) -> Vec<u8> {
        match frame {
            Frame::Small(frame) => frame.to_vec(),
            Frame::Large(frame) => frame.into_parts(Stream(0)).collect::<Vec<_>>().concat(),
        }
    }

    fn large(frame: &[u8]) -> Frame<'_> {
        Frame::Large(Box::new(LargeFrame::take(&mut frame.to_vec(), SharedBytes::default())))
    }

    #[test]
    fn a_large_frame_keeps_its_place_between_small_ones() {
        let (mut queue, mut inbox) = (Queue::default(), Queue::default());
        let frame = |number| [&[4, 0, 0, 0, 7, 0, 0, 0, 1, number][..], &[0; 99]].concat();
        queue.push(Frame::Small(b"one"), SlotId(1), None);
        queue.push(large(&frame(2)), SlotId(2), None);
        inbox.push(large(&frame(3)), SlotId(3), None);
        inbox.push(Frame::Small(b"four"), SlotId(4), None);
        inbox.push(large(&frame(5)), SlotId(5), None);
        queue.append(&mut inbox);
        queue.remove_if(|request| request.slot == SlotId(3));
        let expected = [(1, b"one".to_vec()), (2, frame(2)), (4, b"four".to_vec()), (5, frame(5))];
        assert_eq!(contents(&mut queue), expected);
    }

    #[test]
    fn debug_text_contains_no_values() {
        let mut queue = Queue::default();
        let secret = b"s3cret".repeat(20);
        queue.push(Frame::Small(&secret), SlotId(1), None);
        let (mut frame, mut shared) = (secret, SharedBytes::default());
        let value = Bytes::from(b"s3cret".repeat(MIN_SHARED));
        Writer::sharing(&mut frame, &mut shared).shared(&value);
        assert_eq!(shared.len(), value.len());
        let text = format!("{shared:?}");
        let large = LargeFrame::take(&mut frame, shared);
        queue.push(Frame::Large(Box::new(large)), SlotId(2), None);
        let text = format!("{text} {queue:?}");
        let numbers = format!("{:?}", b"s3cret");
        for value in ["s3cret", numbers.trim_matches(['[', ']'])] {
            assert!(!text.contains(value), "{text}");
        }
        assert!(text.contains("frames_length: 120"), "{text}");
        assert!(text.contains(&format!("length: {}", 6 * MIN_SHARED + 120)), "{text}");
    }

    #[test]
    fn returns_requests_in_order_with_their_frames() {
        let (mut queue, mut inbox) = (Queue::default(), Queue::default());
        queue.push(Frame::Small(b"one"), SlotId(1), None);
        queue.push(Frame::Small(b""), SlotId(2), None);
        inbox.push(Frame::Small(b"three"), SlotId(3), None);
        inbox.push(Frame::Small(b"four"), SlotId(4), None);
        assert_eq!(bytes(queue.pop().unwrap().1), b"one");
        assert_eq!(bytes(inbox.pop().unwrap().1), b"three");
        queue.append(&mut inbox);
        assert!(inbox.is_empty());
        queue.remove_if(|request| request.slot == SlotId(2));
        queue.push(Frame::Small(b"five"), SlotId(5), None);
        assert_eq!(contents(&mut queue), [(4, b"four".to_vec()), (5, b"five".to_vec())]);
        inbox.push(Frame::Small(b"six"), SlotId(6), None);
        queue.append(&mut inbox);
        assert_eq!(contents(&mut queue), [(6, b"six".to_vec())]);
    }

    #[test]
    fn the_deadline_is_the_earliest_one() {
        let now = Instant::now();
        let at = |seconds| Some(now + Duration::from_secs(seconds));
        let (mut queue, mut inbox) = (Queue::default(), Queue::default());
        queue.push(Frame::Small(b"1"), SlotId(1), at(5));
        queue.push(Frame::Small(b"2"), SlotId(2), at(9));
        queue.push(Frame::Small(b"3"), SlotId(3), None);
        inbox.push(Frame::Small(b"4"), SlotId(4), at(3));
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
        queue.push(Frame::Small(&[0; MAX_KEPT_CAPACITY]), SlotId(0), None);
        for number in 1..100 {
            inbox.push(Frame::Small(&[0; MAX_KEPT_CAPACITY]), SlotId(number), None);
            queue.append(&mut inbox);
            assert_eq!(queue.pop().unwrap().0.slot, SlotId(number - 1));
        }
        assert!(queue.frames.capacity() <= 4 * MAX_KEPT_CAPACITY, "{}", queue.frames.capacity());
    }

    #[test]
    fn removes_requests_one_by_one_without_moving_the_others() {
        let frame = |number: usize| vec![u8::try_from(number % 251).unwrap(); MAX_KEPT_CAPACITY];
        let mut queue = Queue::default();
        (0..100).for_each(|number| queue.push(Frame::Small(&frame(number)), SlotId(number), None));
        let (mut before, mut moves) = (queue.frames.len(), 0);
        for number in 0..90 {
            queue.remove_if(|request| request.slot == SlotId(number * 7 % 100));
            assert_eq!(queue.queued_length, queue.len() * MAX_KEPT_CAPACITY);
            assert!(queue.frames.len() <= 2 * queue.queued_length + MAX_KEPT_CAPACITY);
            moves += usize::from(std::mem::replace(&mut before, queue.frames.len()) != before);
        }
        assert!(moves <= 7, "the frames were moved {moves} times");
        let mut inbox = Queue::default();
        inbox.push(Frame::Small(&frame(100)), SlotId(100), None);
        inbox.push(Frame::Small(&frame(101)), SlotId(101), None);
        inbox.remove_if(|request| request.slot == SlotId(100));
        queue.append(&mut inbox);
        let removed: Vec<_> = (0..90).map(|number| number * 7 % 100).collect();
        let kept = (0..102).filter(|number| *number != 100 && !removed.contains(number));
        let expected: Vec<_> = kept.map(|number| (number, frame(number))).collect();
        assert!(contents(&mut queue) == expected, "a request has the frame of another one");
    }

    #[test]
    fn frees_the_memory_of_popped_frames() {
        let mut queue = Queue::default();
        for _ in 0..100 {
            queue.push(Frame::Small(&[0; MAX_KEPT_CAPACITY]), SlotId(0), None);
            assert_eq!(contents(&mut queue).len(), 1);
        }
        assert!(queue.frames.capacity() <= 2 * MAX_KEPT_CAPACITY, "{}", queue.frames.capacity());
        queue.push(Frame::Small(&[0; 9 * MAX_KEPT_CAPACITY]), SlotId(0), None);
        queue.pop();
        queue.append(&mut Queue::default());
        assert!(queue.frames.capacity() <= MAX_KEPT_CAPACITY, "{}", queue.frames.capacity());
    }
}
