//! Which streams are in use, by whom, and until when.

use std::time::Instant;

use crate::wire::Stream;

/// The streams of one connection.
///
/// A table, one slot a stream, and the streams that were used and are free again. Its deadlines
/// are not sorted: one lower bound for all of them is kept, and when that time has come the table
/// is looked through once. Requests of a connection have much the same time, so that is seldom.
#[derive(Debug)]
pub(super) struct Streams {
    slots: Vec<Slot>,
    free: Vec<Stream>,
    limit: usize,
    in_use: usize,
    orphans: usize,
    /// No deadline is before this.
    next_deadline: Option<Instant>,
}

/// What a stream is used for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slot {
    Free,
    /// Somebody waits for the answer.
    Waiting(Request),
    /// Nobody waits for the answer any more, but it may still come.
    Orphan,
    /// The connection itself waits for the answer.
    Internal,
}

/// What is known of a request in flight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) deadline: Option<Instant>,
    /// How many bytes had been written on the connection before its first one.
    pub(super) position: u64,
}

impl Streams {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            limit: limit.min(Stream::COUNT),
            in_use: 0,
            orphans: 0,
            next_deadline: None,
        }
    }

    /// Whether a request could be sent.
    pub(super) const fn has_free(&self) -> bool {
        // The connection's own requests may have the last one.
        let is_there = !self.free.is_empty() || self.slots.len() < Stream::COUNT;
        self.in_use < self.limit && is_there
    }

    pub(super) const fn orphans(&self) -> usize {
        self.orphans
    }

    pub(super) const fn in_use(&self) -> usize {
        self.in_use
    }

    /// The time at which [`expire`](Self::expire) may have something to do.
    pub(super) const fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline
    }

    /// Takes a free stream.
    pub(super) fn take(&mut self, slot: Slot) -> Option<Stream> {
        let is_internal = matches!(slot, Slot::Internal);
        // A heartbeat must get through when requests do not.
        if !self.has_free() && !is_internal {
            return None;
        }
        let stream = match self.free.pop() {
            Some(stream) => stream,
            None => {
                let stream = Stream(i16::try_from(self.slots.len()).ok()?);
                self.slots.push(Slot::Free);
                stream
            }
        };
        if let Slot::Waiting(Request { deadline: Some(deadline), .. }) = slot
            && self.next_deadline.is_none_or(|next| deadline < next)
        {
            self.next_deadline = Some(deadline);
        }
        *self.slot(stream)? = slot;
        if !is_internal {
            self.in_use = self.in_use.saturating_add(1);
        }
        Some(stream)
    }

    /// Frees a stream whose answer has come; what it was used for, if it was used at all.
    pub(super) fn release(&mut self, stream: Stream) -> Option<Slot> {
        let slot = std::mem::replace(self.slot(stream)?, Slot::Free);
        match slot {
            Slot::Free => return None,
            Slot::Internal => {}
            Slot::Waiting(_) => self.in_use = self.in_use.saturating_sub(1),
            Slot::Orphan => {
                self.in_use = self.in_use.saturating_sub(1);
                self.orphans = self.orphans.saturating_sub(1);
            }
        }
        self.free.push(stream);
        Some(slot)
    }

    /// Lets go of a request that somebody waited for; its stream stays taken.
    pub(super) fn orphan(&mut self, stream: Stream) -> bool {
        match self.slot(stream) {
            Some(slot @ Slot::Waiting(_)) => {
                *slot = Slot::Orphan;
                self.orphans = self.orphans.saturating_add(1);
                true
            }
            _ => false,
        }
    }

    /// Orphans every request whose time is over, and says which.
    pub(super) fn expire(&mut self, now: Instant, mut expired: impl FnMut(Stream)) {
        if self.next_deadline.is_none_or(|next| now < next) {
            return;
        }
        self.next_deadline = None;
        for (stream, slot) in (0..=i16::MAX).map(Stream).zip(&mut self.slots) {
            let Slot::Waiting(Request { deadline: Some(deadline), .. }) = *slot else {
                continue;
            };
            if deadline <= now {
                *slot = Slot::Orphan;
                self.orphans = self.orphans.saturating_add(1);
                expired(stream);
            } else if self.next_deadline.is_none_or(|next| deadline < next) {
                self.next_deadline = Some(deadline);
            }
        }
    }

    /// Every request that somebody waits for, at the end of the connection.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (Stream, Request)> {
        let slots = std::mem::take(&mut self.slots);
        *self = Self::new(0);
        (0..=i16::MAX).map(Stream).zip(slots).filter_map(|(stream, slot)| match slot {
            Slot::Waiting(request) => Some((stream, request)),
            _ => None,
        })
    }

    fn slot(&mut self, stream: Stream) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(stream.0).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn waiting(deadline: Option<Instant>) -> Slot {
        Slot::Waiting(Request { deadline, position: 0 })
    }

    #[test]
    fn all_32_768_streams_can_be_in_flight_and_not_one_more() {
        let mut streams = Streams::new(usize::MAX);
        let taken: std::collections::BTreeSet<_> =
            (0..Stream::COUNT).map(|_| streams.take(waiting(None)).unwrap()).collect();
        assert_eq!(taken.first(), Some(&Stream(0)));
        assert_eq!(taken.last(), Some(&Stream(i16::MAX)));
        assert_eq!(taken.len(), Stream::COUNT);
        assert!(!streams.has_free());
        assert_eq!(streams.take(waiting(None)), None);
        assert_eq!(streams.take(Slot::Internal), None);
        streams.expire(Instant::now(), |_| panic!("no deadline"));
        assert!(streams.release(Stream(77)).is_some());
        assert_eq!(streams.take(waiting(None)), Some(Stream(77)));
        assert!(streams.orphan(Stream(i16::MAX)));
        assert_eq!(streams.drain().count(), Stream::COUNT - 1);
    }

    #[test]
    fn an_orphan_keeps_its_stream_until_its_answer_comes() {
        let now = Instant::now();
        let mut streams = Streams::new(2);
        let late = streams.take(waiting(Some(now))).unwrap();
        let other = streams.take(waiting(Some(now + Duration::from_secs(9)))).unwrap();
        let mut expired = Vec::new();
        streams.expire(now, |stream| expired.push(stream));
        assert_eq!(expired, [late]);
        assert_eq!(streams.orphans(), 1);
        assert_eq!(streams.next_deadline(), Some(now + Duration::from_secs(9)));
        assert_eq!(streams.take(waiting(None)), None);
        assert!(streams.take(Slot::Internal).is_some(), "a heartbeat still gets through");
        assert!(matches!(streams.release(late), Some(Slot::Orphan)));
        assert_eq!(streams.take(waiting(None)), Some(late));
        assert_eq!(streams.orphans(), 0);
        assert!(streams.orphan(other));
        assert!(!streams.orphan(other));
    }

    #[test]
    fn streams_that_nobody_uses_have_no_answer() {
        let mut streams = Streams::new(2);
        let stream = streams.take(waiting(None)).unwrap();
        for nobody in [Stream(1), Stream(-1), Stream(i16::MAX)] {
            assert!(streams.release(nobody).is_none());
        }
        assert!(streams.release(stream).is_some());
        assert!(streams.release(stream).is_none());
    }
}
