//! The bytes to write to the socket: plain frames, or segments once STARTUP has been answered
//! (v5 §2.3.1).

use std::collections::VecDeque;
use std::fmt;

use crate::wire::{Compression, SegmentEncoder};

/// Minimum number of written bytes at which the buffer is compacted.
const COMPACT: usize = 64 << 10;

/// Maximum capacity that an empty buffer keeps, in bytes.
const MAX_KEPT_CAPACITY: usize = 256 << 10;

/// The outbound buffer of a connection.
///
/// A *position* is a byte offset in the concatenation of all frames that the connection has sent. Once
/// frames travel in segments, only the frames in segments count.
#[derive(Default)]
pub(super) struct Outbound {
    /// Bytes for the socket.
    out: Vec<u8>,
    /// Number of bytes of `out` that have been written.
    out_written: usize,
    /// Number of bytes that were written and have been removed from `out`.
    written_before: u64,
    segments: Option<Segments>,
}

/// The additional state of a connection whose frames travel in segments.
struct Segments {
    encoder: SegmentEncoder,
    /// Frames that are not in a segment yet.
    pending: Vec<u8>,
    /// Number of bytes of frames that have been put into segments.
    packed: u64,
    /// The groups of segments of which no byte has been written; one call of
    /// [`transmit`](Outbound::transmit) creates one group. Each entry is the offset of the group among
    /// all bytes of the connection, and the position at which the group's frames end.
    unwritten: VecDeque<(u64, u64)>,
    /// All frames before this position are in groups of segments of which a byte has been written.
    written_end: u64,
}

/// Omits the bytes, which may be secret.
impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("backlog", &self.backlog()).finish_non_exhaustive()
    }
}

impl Outbound {
    /// Puts all later frames into segments.
    pub(super) fn start_segments(&mut self, compression: Option<Compression>) {
        self.segments = Some(Segments {
            encoder: SegmentEncoder::new(compression),
            pending: Vec::new(),
            packed: 0,
            unwritten: VecDeque::new(),
            written_end: 0,
        });
    }

    /// Returns the buffer to append frames to.
    pub(super) const fn frames_mut(&mut self) -> &mut Vec<u8> {
        match &mut self.segments {
            Some(segments) => &mut segments.pending,
            None => &mut self.out,
        }
    }

    /// Returns the position of the frame that begins at byte `start` of
    /// [`frames_mut`](Self::frames_mut).
    pub(super) fn position(&self, start: usize) -> u64 {
        let before = self.segments.as_ref().map_or(self.written_before, |segments| segments.packed);
        before.saturating_add(to_u64(start))
    }

    /// Returns true if a byte of the frame at this position has been written. If frames travel in
    /// segments, returns true if a byte of the frame's group of segments has been written.
    pub(super) fn is_written(&self, position: u64) -> bool {
        match &self.segments {
            Some(segments) => position < segments.written_end,
            None => position < self.written(),
        }
    }

    /// Returns the bytes to write to the socket, after putting pending frames into segments.
    pub(super) fn transmit(&mut self) -> &[u8] {
        self.pack();
        self.out.get(self.out_written..).unwrap_or_default()
    }

    /// Returns the number of bytes that the connection has written or has to write, after putting
    /// pending frames into segments.
    pub(super) fn end(&mut self) -> u64 {
        self.pack();
        self.written_before.saturating_add(to_u64(self.out.len()))
    }

    /// Puts pending frames into segments.
    fn pack(&mut self) {
        if let Some(segments) = &mut self.segments
            && !segments.pending.is_empty()
        {
            let begin = self.written_before.saturating_add(to_u64(self.out.len()));
            segments.encoder.encode(&segments.pending, &mut self.out);
            segments.packed = segments.packed.saturating_add(to_u64(segments.pending.len()));
            segments.unwritten.push_back((begin, segments.packed));
            empty(&mut segments.pending);
        }
    }

    /// Returns the number of bytes to write. Frames that are not in a segment yet count without the
    /// segment's overhead.
    pub(super) fn backlog(&self) -> usize {
        let pending = self.segments.as_ref().map_or(0, |segments| segments.pending.len());
        self.out.len().saturating_sub(self.out_written).saturating_add(pending)
    }

    /// Records that the first `count` bytes of [`transmit`](Self::transmit) have been written.
    pub(super) fn transmitted(&mut self, count: usize) {
        self.out_written = self.out_written.saturating_add(count).min(self.out.len());
        let written = self.written();
        if let Some(segments) = &mut self.segments {
            while let Some(&(begin, end)) = segments.unwritten.front()
                && begin < written
            {
                segments.written_end = end;
                segments.unwritten.pop_front();
            }
        }
        if self.out_written == self.out.len() {
            empty(&mut self.out);
        } else if self.out_written >= COMPACT && self.out_written >= self.out.len() / 2 {
            // Without this, the buffer would grow without bound while the socket is always a little
            // behind.
            self.out.drain(..self.out_written);
        } else {
            return;
        }
        self.written_before = written;
        self.out_written = 0;
    }

    /// Discards the bytes that have not been written.
    pub(super) fn clear(&mut self) {
        self.out.clear();
        self.out_written = 0;
        if let Some(segments) = &mut self.segments {
            segments.pending.clear();
        }
    }

    /// Returns the capacity of the buffer, in bytes.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        let pending = self.segments.as_ref().map_or(0, |segments| segments.pending.capacity());
        self.out.capacity().saturating_add(pending)
    }

    /// Returns the number of bytes that have been written since the connection began.
    pub(super) fn written(&self) -> u64 {
        self.written_before.saturating_add(to_u64(self.out_written))
    }
}

/// Removes all bytes, and gives back the memory that small frames do not need.
fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(MAX_KEPT_CAPACITY);
}

fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
