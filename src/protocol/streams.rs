//! The streams of a connection and the requests on them.

use std::time::Instant;

use crate::wire::Stream;

/// The streams of one connection: a table of states by stream id, and a list of free ids.
///
/// Deadlines are not sorted. The table keeps one lower bound of all deadlines, and is scanned when
/// this bound has passed. Scans are rare because requests of a connection mostly have the same
/// timeout.
#[derive(Debug)]
pub(super) struct Streams {
    states: Vec<StreamState>,
    free: Vec<Stream>,
    limit: usize,
    in_use: usize,
    orphans: usize,
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
    /// The handshake or a heartbeat waits for its response.
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
            free: Vec::new(),
            limit: limit.min(Stream::COUNT),
            in_use: 0,
            orphans: 0,
            next_deadline: None,
        }
    }

    /// Returns true if a stream can be allocated for a request.
    pub(super) const fn has_free(&self) -> bool {
        // Internal requests do not count in `in_use`, but may use the last free stream.
        let has_id = !self.free.is_empty() || self.states.len() < Stream::COUNT;
        self.in_use < self.limit && has_id
    }

    /// Returns the number of orphaned streams.
    pub(super) const fn orphans(&self) -> usize {
        self.orphans
    }

    /// Returns the number of streams in use, including orphaned streams, but without the streams of the
    /// handshake and of heartbeats.
    pub(super) const fn in_use(&self) -> usize {
        self.in_use
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
        let stream = match self.free.pop() {
            Some(stream) => stream,
            None => {
                let stream = Stream(i16::try_from(self.states.len()).ok()?);
                self.states.push(StreamState::Free);
                stream
            }
        };
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
        self.free.push(stream);
        Some(state)
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
        for (stream, state) in (0..=i16::MAX).map(Stream).zip(&mut self.states) {
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
        (0..=i16::MAX).map(Stream).zip(states).filter_map(|(stream, state)| match state {
            StreamState::InFlight(request) => Some((stream, request)),
            _ => None,
        })
    }

    fn state_mut(&mut self, stream: Stream) -> Option<&mut StreamState> {
        self.states.get_mut(usize::try_from(stream.0).ok()?)
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
    fn allocates_all_32_768_streams_and_not_one_more() {
        let mut streams = Streams::new(usize::MAX);
        let allocated: std::collections::BTreeSet<_> =
            (0..Stream::COUNT).map(|_| streams.allocate(in_flight(None)).unwrap()).collect();
        assert_eq!(allocated.first(), Some(&Stream(0)));
        assert_eq!(allocated.last(), Some(&Stream(i16::MAX)));
        assert_eq!(allocated.len(), Stream::COUNT);
        assert!(!streams.has_free());
        assert_eq!(streams.allocate(in_flight(None)), None);
        assert_eq!(streams.allocate(StreamState::Internal), None);
        streams.expire(Instant::now(), |_| panic!("no request has a deadline"));
        assert!(streams.release(Stream(77)).is_some());
        assert_eq!(streams.allocate(in_flight(None)), Some(Stream(77)));
        assert!(streams.orphan(Stream(i16::MAX)));
        assert_eq!(streams.drain().count(), Stream::COUNT - 1);
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
        assert_eq!(streams.allocate(in_flight(None)), Some(late));
        assert_eq!(streams.orphans(), 0);
        assert!(streams.orphan(other));
        assert!(!streams.orphan(other));
    }

    #[test]
    fn does_not_release_a_stream_that_is_not_in_use() {
        let mut streams = Streams::new(2);
        let stream = streams.allocate(in_flight(None)).unwrap();
        for unused in [Stream(1), Stream(-1), Stream(i16::MAX)] {
            assert!(streams.release(unused).is_none());
        }
        assert!(streams.release(stream).is_some());
        assert!(streams.release(stream).is_none());
    }
}
