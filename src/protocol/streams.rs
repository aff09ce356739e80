//! The streams of a connection and the requests on them.

use std::collections::VecDeque;
use std::time::Instant;

use crate::wire::Stream;

/// Minimum number of free ids in the table, unless the protocol has too few ids.
const MIN_FREE: usize = 128;

/// The streams of one connection: a table of states by stream id, and a queue of free ids.
///
/// Stream 0 is never allocated, because servers send errors on it that belong to no request or to an
/// unknown one.
///
/// The id that has been free for the longest time is allocated first, and the table grows until it has
/// at least as many free ids as ids in use. A second or misdirected response to an id therefore most
/// likely finds the id free and is detected, instead of reaching the next caller.
///
/// Deadlines are not sorted. The table keeps one lower bound of all deadlines, and is scanned when
/// this bound has passed. Scans are rare because requests of a connection mostly have the same
/// timeout.
#[derive(Debug)]
pub(super) struct Streams {
    /// The states of the streams from 1.
    states: Vec<StreamState>,
    /// The free ids, in the order in which they became free.
    free: VecDeque<Stream>,
    limit: usize,
    in_use: usize,
    orphans: usize,
    /// Number of requests that the server answered on stream 0. Their streams never get a response.
    lost: usize,
    /// A lower bound of all deadlines, or `None` if no request has a deadline.
    next_deadline: Option<Instant>,
}

/// The state of a stream: free, or the kind of request that uses it.
#[derive(Debug, Clone, Copy)]
pub(super) enum StreamState {
    Free,
    /// A request waits for its response.
    InFlight(InFlightRequest),
    /// The request timed out or was cancelled; its response may still arrive.
    Orphaned,
    /// The handshake, REGISTER or a heartbeat waits for its response.
    Internal,
}

/// A request that waits for its response.
#[derive(Debug, Clone, Copy)]
pub(super) struct InFlightRequest {
    pub(super) deadline: Option<Instant>,
    /// The position of the request's frame in the outbound buffer.
    pub(super) position: u64,
}

impl Streams {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            states: Vec::new(),
            free: VecDeque::new(),
            limit: limit.min(Stream::COUNT),
            in_use: 0,
            orphans: 0,
            lost: 0,
            next_deadline: None,
        }
    }

    /// Returns true if a stream can be allocated for a request.
    pub(super) fn has_free(&self) -> bool {
        // Internal requests do not count in `in_use`, but may use the last free stream.
        let has_id = !self.free.is_empty() || self.states.len() < Stream::COUNT;
        self.in_use() < self.limit && has_id
    }

    /// Returns the number of orphaned streams whose response may still arrive.
    pub(super) const fn orphans(&self) -> usize {
        self.orphans.saturating_sub(self.lost)
    }

    /// Returns the number of streams in use, including orphaned streams whose response may still
    /// arrive, but without the streams of the handshake, REGISTER and heartbeats.
    pub(super) const fn in_use(&self) -> usize {
        let without_response = self.orphans.saturating_sub(self.orphans());
        self.in_use.saturating_sub(without_response)
    }

    /// Records that the server answered an unknown request on stream 0. The stream of this request stays
    /// in use for as long as the connection lives, but no longer counts once it is orphaned.
    pub(super) fn record_lost_response(&mut self) {
        // Enough ids remain for the maximum number of requests.
        let maximum = Stream::COUNT.saturating_sub(self.limit);
        self.lost = self.lost.saturating_add(1).min(maximum);
    }

    /// Returns the time at which [`expire`](Self::expire) has to be called, or `None` if no request
    /// has a deadline.
    pub(super) const fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline
    }

    /// Allocates a free stream, or returns `None` if no stream is free or the limit is reached. The
    /// limit does not apply to internal requests.
    pub(super) fn allocate(&mut self, state: StreamState) -> Option<Stream> {
        let is_internal = matches!(state, StreamState::Internal);
        // A heartbeat must be possible while the maximum number of requests is in flight.
        if !self.has_free() && !is_internal {
            return None;
        }
        let stream = self.take_id()?;
        if let StreamState::InFlight(InFlightRequest { deadline: Some(deadline), .. }) = state
            && self.next_deadline.is_none_or(|next| deadline < next)
        {
            self.next_deadline = Some(deadline);
        }
        *self.state_mut(stream)? = state;
        if !is_internal {
            self.in_use = self.in_use.saturating_add(1);
        }
        Some(stream)
    }

    /// Frees a stream whose response has arrived. Returns the stream's previous state, or `None` if the
    /// stream was not in use.
    pub(super) fn release(&mut self, stream: Stream) -> Option<StreamState> {
        let state = std::mem::replace(self.state_mut(stream)?, StreamState::Free);
        match state {
            StreamState::Free => return None,
            StreamState::Internal => {}
            StreamState::InFlight(_) => self.in_use = self.in_use.saturating_sub(1),
            StreamState::Orphaned => {
                self.in_use = self.in_use.saturating_sub(1);
                self.orphans = self.orphans.saturating_sub(1);
            }
        }
        self.free.push_back(stream);
        Some(state)
    }

    /// Returns a new id if few ids are free, and otherwise the id that has been free for the longest
    /// time. Returns `None` if all ids are in use.
    fn take_id(&mut self) -> Option<Stream> {
        let has_reserve = self.free.len() >= self.in_use.max(MIN_FREE);
        if has_reserve || self.states.len() >= Stream::COUNT {
            return self.free.pop_front();
        }
        self.states.push(StreamState::Free);
        i16::try_from(self.states.len()).ok().map(Stream)
    }

    /// Orphans the request in flight on a stream. Returns false if no request is in flight on it.
    pub(super) fn orphan(&mut self, stream: Stream) -> bool {
        match self.state_mut(stream) {
            Some(state @ StreamState::InFlight(_)) => {
                *state = StreamState::Orphaned;
                self.orphans = self.orphans.saturating_add(1);
                true
            }
            _ => false,
        }
    }

    /// Orphans every request whose deadline has passed, and calls `on_expired` with its stream.
    pub(super) fn expire(&mut self, now: Instant, mut on_expired: impl FnMut(Stream)) {
        if self.next_deadline.is_none_or(|next| now < next) {
            return;
        }
        self.next_deadline = None;
        for (stream, state) in (1..=i16::MAX).map(Stream).zip(&mut self.states) {
            let StreamState::InFlight(InFlightRequest { deadline: Some(deadline), .. }) = *state
            else {
                continue;
            };
            if deadline <= now {
                *state = StreamState::Orphaned;
                self.orphans = self.orphans.saturating_add(1);
                on_expired(stream);
            } else if self.next_deadline.is_none_or(|next| deadline < next) {
                self.next_deadline = Some(deadline);
            }
        }
    }

    /// Removes and returns all requests in flight, at the end of the connection.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (Stream, InFlightRequest)> {
        let states = std::mem::take(&mut self.states);
        *self = Self::new(0);
        (1..=i16::MAX).map(Stream).zip(states).filter_map(|(stream, state)| match state {
            StreamState::InFlight(request) => Some((stream, request)),
            _ => None,
        })
    }

    fn state_mut(&mut self, stream: Stream) -> Option<&mut StreamState> {
        self.states.get_mut(usize::try_from(stream.0.checked_sub(1)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn in_flight(deadline: Option<Instant>) -> StreamState {
        StreamState::InFlight(InFlightRequest { deadline, position: 0 })
    }

    #[test]
    fn allocates_32_767_streams_and_never_stream_0() {
        let mut streams = Streams::new(usize::MAX);
        let allocated: std::collections::BTreeSet<_> =
            (0..Stream::COUNT).map(|_| streams.allocate(in_flight(None)).unwrap()).collect();
        assert_eq!(allocated.first(), Some(&Stream(1)));
        assert_eq!(allocated.last(), Some(&Stream(i16::MAX)));
        assert_eq!(allocated.len(), 32_767);
        assert!(!streams.has_free());
        assert_eq!(streams.allocate(in_flight(None)), None);
        assert_eq!(streams.allocate(StreamState::Internal), None);
        streams.expire(Instant::now(), |_| panic!("no request has a deadline"));
        assert!(streams.release(Stream(77)).is_some());
        assert_eq!(streams.allocate(in_flight(None)), Some(Stream(77)));
        assert!(streams.orphan(Stream(i16::MAX)));
        assert_eq!(streams.drain().count(), Stream::COUNT - 1);
    }

    /// An id is allocated again only after at least [`MIN_FREE`] others, and with `count` requests in
    /// flight only after at least `count` others.
    #[test]
    fn allocates_the_id_that_has_been_free_for_the_longest_time() {
        for count in [1, 500] {
            let mut streams = Streams::new(1_000);
            let mut in_use: VecDeque<_> =
                (0..count).map(|_| streams.allocate(in_flight(None)).unwrap()).collect();
            let mut freed = VecDeque::new();
            for _ in 0..10_000 {
                let oldest = in_use.pop_front().unwrap();
                assert!(streams.release(oldest).is_some());
                freed.push_back(oldest);
                let allocated = streams.allocate(in_flight(None)).unwrap();
                let age = freed.iter().rev().position(|stream| *stream == allocated);
                assert!(age.is_none_or(|age| age + 1 >= MIN_FREE.max(count - 1)), "{age:?}");
                if age.is_some() {
                    assert_eq!(freed.pop_front(), Some(allocated), "an id waits for a longer time");
                }
                in_use.push_back(allocated);
            }
            assert!(streams.states.len() <= 2 * count + MIN_FREE, "the table keeps growing");
        }
    }

    #[test]
    fn a_request_that_was_answered_on_stream_0_does_not_count_once_it_is_orphaned() {
        let mut streams = Streams::new(2);
        let [lost, other] = [(); 2].map(|()| streams.allocate(in_flight(None)).unwrap());
        streams.record_lost_response();
        assert_eq!((streams.in_use(), streams.orphans()), (2, 0));
        assert!(streams.orphan(lost));
        assert_eq!((streams.in_use(), streams.orphans()), (1, 0));
        let next = streams.allocate(in_flight(None)).unwrap();
        assert!(next != lost && next != other, "the id of an unanswered request was allocated");
        assert!(streams.orphan(other));
        assert_eq!((streams.in_use(), streams.orphans()), (2, 1));
        assert!(streams.release(lost).is_some(), "the response arrived nevertheless");
        assert_eq!((streams.in_use(), streams.orphans()), (1, 0));
    }

    #[test]
    fn lost_responses_leave_enough_ids_for_the_maximum_number_of_requests() {
        let mut streams = Streams::new(10);
        for _ in 0..Stream::COUNT {
            streams.record_lost_response();
        }
        let mut lost = 0;
        while let Some(stream) = streams.allocate(in_flight(None)) {
            assert!(streams.orphan(stream));
            lost += 1;
        }
        assert_eq!(lost, Stream::COUNT);
        assert_eq!(streams.orphans(), 10);
    }

    #[test]
    fn an_orphan_keeps_its_stream_until_its_response_arrives() {
        let now = Instant::now();
        let mut streams = Streams::new(2);
        let late = streams.allocate(in_flight(Some(now))).unwrap();
        let other = streams.allocate(in_flight(Some(now + Duration::from_secs(9)))).unwrap();
        let mut expired = Vec::new();
        streams.expire(now, |stream| expired.push(stream));
        assert_eq!(expired, [late]);
        assert_eq!(streams.orphans(), 1);
        assert_eq!(streams.next_deadline(), Some(now + Duration::from_secs(9)));
        assert_eq!(streams.allocate(in_flight(None)), None);
        assert!(streams.allocate(StreamState::Internal).is_some(), "a heartbeat is still possible");
        assert!(matches!(streams.release(late), Some(StreamState::Orphaned)));
        assert!(streams.allocate(in_flight(None)).is_some());
        assert_eq!(streams.orphans(), 0);
        assert!(streams.orphan(other));
        assert!(!streams.orphan(other));
    }

    #[test]
    fn does_not_release_a_stream_that_is_not_in_use() {
        let mut streams = Streams::new(2);
        let stream = streams.allocate(in_flight(None)).unwrap();
        for unused in [Stream(0), Stream(2), Stream(-1), Stream(i16::MIN), Stream(i16::MAX)] {
            assert!(streams.release(unused).is_none());
        }
        assert!(streams.release(stream).is_some());
        assert!(streams.release(stream).is_none());
    }
}
