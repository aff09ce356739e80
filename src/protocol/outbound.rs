//! What is to be written: frames as they are, or in segments from the answer to STARTUP on
//! (v5 §2.3.1).

use std::collections::VecDeque;
use std::fmt;

use crate::wire::{Compression, SegmentEncoder};

/// From so many bytes on, what has been written makes room for what has not.
const COMPACT: usize = 64 << 10;

/// The bytes that a connection has to write.
#[derive(Default)]
pub(super) struct Outbound {
    /// The bytes to be written to the socket, and how many of them have been.
    out: Vec<u8>,
    out_written: usize,
    /// How many bytes have been written before those of `out`.
    written_before: u64,
    segments: Option<Segments>,
}

/// What there is more to a connection whose frames travel in segments.
struct Segments {
    encoder: SegmentEncoder,
    /// Frames that are in no segment yet.
    pending: Vec<u8>,
    /// How many bytes of frames have been put into segments.
    packed: u64,
    /// For segments not written yet: where they begin among the bytes written, and where their
    /// frames end among the bytes of frames.
    unwritten: VecDeque<(u64, u64)>,
    /// Where the frames end of which something was written.
    begun: u64,
}

/// What is to be written may be secret, and is not shown.
impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("backlog", &self.backlog()).finish_non_exhaustive()
    }
}

impl Outbound {
    /// From here on frames travel in segments.
    pub(super) fn start_segments(&mut self, compression: Option<Compression>) {
        self.segments = Some(Segments {
            encoder: SegmentEncoder::new(compression),
            pending: Vec::new(),
            packed: 0,
            unwritten: VecDeque::new(),
            begun: 0,
        });
    }

    /// Where frames are to be written, at the end.
    pub(super) const fn frames_mut(&mut self) -> &mut Vec<u8> {
        match &mut self.segments {
            Some(segments) => &mut segments.pending,
            None => &mut self.out,
        }
    }

    /// The place among all bytes of frames of the one that stands at `start` of
    /// [`frames_mut`](Self::frames_mut).
    pub(super) fn position(&self, start: usize) -> u64 {
        let before = self.segments.as_ref().map_or(self.written_before, |segments| segments.packed);
        before.saturating_add(to_u64(start))
    }

    /// Whether any byte of the frame at this place has been written.
    pub(super) fn is_written(&self, position: u64) -> bool {
        match &self.segments {
            Some(segments) => position < segments.begun,
            None => position < self.written(),
        }
    }

    /// The bytes to be written to the socket.
    pub(super) fn transmit(&mut self) -> &[u8] {
        if let Some(segments) = &mut self.segments
            && !segments.pending.is_empty()
        {
            let begin = self.written_before.saturating_add(to_u64(self.out.len()));
            segments.encoder.encode(&segments.pending, &mut self.out);
            segments.packed = segments.packed.saturating_add(to_u64(segments.pending.len()));
            segments.unwritten.push_back((begin, segments.packed));
            segments.pending.clear();
        }
        self.out.get(self.out_written..).unwrap_or_default()
    }

    /// How many bytes there are to be written, at least.
    pub(super) fn backlog(&self) -> usize {
        let pending = self.segments.as_ref().map_or(0, |segments| segments.pending.len());
        self.out.len().saturating_sub(self.out_written).saturating_add(pending)
    }

    /// Says that the first `count` bytes of [`transmit`](Self::transmit) have been written.
    pub(super) fn transmitted(&mut self, count: usize) {
        self.out_written = self.out_written.saturating_add(count).min(self.out.len());
        let written = self.written();
        if let Some(segments) = &mut self.segments {
            while let Some(&(begin, end)) = segments.unwritten.front()
                && begin < written
            {
                segments.begun = end;
                segments.unwritten.pop_front();
            }
        }
        if self.out_written == self.out.len() {
            self.out.clear();
        } else if self.out_written >= COMPACT && self.out_written >= self.out.len() / 2 {
            // A socket that is always a little behind must not make this grow for ever.
            self.out.drain(..self.out_written);
        } else {
            return;
        }
        self.written_before = written;
        self.out_written = 0;
    }

    /// Forgets what has not been written.
    pub(super) fn clear(&mut self) {
        self.out.clear();
        self.out_written = 0;
        if let Some(segments) = &mut self.segments {
            segments.pending.clear();
        }
    }

    /// How much memory the bytes take.
    #[cfg(test)]
    pub(super) const fn capacity(&self) -> usize {
        self.out.capacity()
    }

    /// How many bytes have been written.
    fn written(&self) -> u64 {
        self.written_before.saturating_add(to_u64(self.out_written))
    }
}

fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
