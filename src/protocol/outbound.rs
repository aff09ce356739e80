//! The bytes to write to the socket: plain frames, or segments once STARTUP has been answered
//! (v5 §2.3.1).

use std::collections::VecDeque;
use std::fmt;
#[cfg(feature = "driver")]
use std::io::IoSlice;

#[cfg(feature = "driver")]
use bytes::Bytes;

use super::chain::{Chain, to_u64};
use crate::wire::{Compression, Header, MAX_SEGMENT_PAYLOAD, SegmentEncoder};

/// Number of bytes in segments from which on no more bytes of a large frame are put into segments. With
/// one more segment, and the written bytes that are not removed yet, the buffer still fits into the
/// capacity that it keeps.
const ENOUGH_SEGMENTS: usize = 64 << 10;

/// Maximum number of bytes of one vectored write.
#[cfg(feature = "driver")]
const MAX_WRITE: usize = 4 << 20;

/// The outbound buffer of a connection.
///
/// A *position* is a byte offset in the concatenation of all frames that the connection has sent. Once
/// frames travel in segments, only the frames in segments count.
#[derive(Default)]
pub(super) struct Outbound {
    /// Bytes for the socket.
    out: Chain,
    /// Number of bytes that have been written.
    written: u64,
    segments: Option<Segments>,
}

/// The additional state of a connection whose frames travel in segments.
struct Segments {
    encoder: SegmentEncoder,
    /// Frames that are not in a segment yet.
    pending: Chain,
    /// Number of bytes of frames that have been put into segments.
    packed: u64,
    /// Number of bytes of the large frame at the front of `pending`, of which other bytes are in segments
    /// already. 0 if a frame begins at the front.
    unpacked: usize,
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
            pending: Chain::default(),
            packed: 0,
            unpacked: 0,
            unwritten: VecDeque::new(),
            written_end: 0,
        });
    }

    const fn frames(&self) -> &Chain {
        match &self.segments {
            Some(segments) => &segments.pending,
            None => &self.out,
        }
    }

    /// Returns the buffer to append frames to.
    pub(super) const fn frames_mut(&mut self) -> &mut Vec<u8> {
        match &mut self.segments {
            Some(segments) => segments.pending.buffer_mut(),
            None => self.out.buffer_mut(),
        }
    }

    /// Appends a large frame in parts. The first part begins with the whole header.
    #[cfg(feature = "driver")]
    pub(super) fn push_parts(&mut self, parts: impl Iterator<Item = Bytes>) {
        let frames = match &mut self.segments {
            Some(segments) => &mut segments.pending,
            None => &mut self.out,
        };
        parts.for_each(|part| frames.push_part(part));
    }

    /// Returns the position of the frame that begins at byte `start` of
    /// [`frames_mut`](Self::frames_mut). No large frame may follow it.
    pub(super) fn position(&self, start: usize) -> u64 {
        self.frames().position(start)
    }

    /// Returns the position at which the next frame begins.
    #[cfg(feature = "driver")]
    pub(super) fn end_of_frames(&self) -> u64 {
        self.frames().end()
    }

    /// Returns true if a byte of the frame at this position has been written. If frames travel in
    /// segments, returns true if a byte of the frame's group of segments has been written.
    pub(super) fn is_written(&self, position: u64) -> bool {
        match &self.segments {
            Some(segments) => position < segments.written_end,
            None => position < self.written,
        }
    }

    /// Returns the next bytes to write to the socket, after putting pending frames into segments. They are
    /// all bytes, unless large frames are in the queue.
    pub(super) fn transmit(&mut self) -> &[u8] {
        if self.segments.is_some() {
            self.pack(ENOUGH_SEGMENTS);
        }
        self.out.front()
    }

    /// Returns true if [`transmit_parts`](Self::transmit_parts) has more bytes than
    /// [`transmit`](Self::transmit).
    #[cfg(feature = "driver")]
    pub(super) fn has_parts(&self) -> bool {
        self.out.has_parts()
    }

    /// Returns the next bytes to write to the socket. Only plain frames are in parts.
    #[cfg(feature = "driver")]
    pub(super) fn transmit_parts(&self) -> Vec<IoSlice<'_>> {
        self.out.slices(MAX_WRITE)
    }

    /// Returns the number of bytes that the connection has written or has to write, after putting
    /// all pending frames into segments.
    pub(super) fn end(&mut self) -> u64 {
        self.pack(usize::MAX);
        self.out.end()
    }

    /// Puts pending frames into segments. Leaves out the rest of large frames once segments of `enough`
    /// bytes are to be written.
    fn pack(&mut self, enough: usize) {
        let Some(segments) = &mut self.segments else { return };
        let begin = self.out.end();
        let before = segments.packed;
        while segments.pending.len() > 0
            && (self.out.len() < enough || !segments.pending.small_frames().is_empty())
        {
            segments.pack_next(self.out.buffer_mut());
        }
        if segments.packed > before {
            segments.unwritten.push_back((begin, segments.packed));
        }
    }

    /// Returns the number of bytes to write. Frames that are not in a segment yet count without the
    /// segment's overhead.
    pub(super) fn backlog(&self) -> usize {
        let pending = self.segments.as_ref().map_or(0, |segments| segments.pending.len());
        self.out.len().saturating_add(pending)
    }

    /// Records that the first `count` bytes of [`transmit`](Self::transmit) have been written.
    pub(super) fn transmitted(&mut self, count: usize) {
        let count = count.min(self.out.len());
        self.out.remove(count);
        self.written = self.written.saturating_add(to_u64(count));
        if let Some(segments) = &mut self.segments {
            while let Some(&(begin, end)) = segments.unwritten.front()
                && begin < self.written
            {
                segments.written_end = end;
                segments.unwritten.pop_front();
            }
        }
    }

    /// Discards the bytes that have not been written.
    pub(super) fn clear(&mut self) {
        self.out.clear();
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
    pub(super) const fn written(&self) -> u64 {
        self.written
    }
}

impl Segments {
    /// Puts all small frames at the front of the pending frames into segments, or the next segment of a
    /// large frame.
    fn pack_next(&mut self, out: &mut Vec<u8>) {
        let small = self.pending.small_frames();
        let count = match small.is_empty() {
            false => {
                self.encoder.encode(small, out);
                small.len()
            }
            true => {
                let mut self_contained = false;
                if self.unpacked == 0 {
                    let header = Header::decode(self.pending.front()).ok().flatten();
                    let body = header.map_or(0, |(_, length)| length);
                    self.unpacked = Header::LENGTH.saturating_add(body);
                    self_contained = self.unpacked <= MAX_SEGMENT_PAYLOAD;
                }
                let length = self.unpacked.min(MAX_SEGMENT_PAYLOAD);
                let payload = self.pending.slices(length);
                let count = payload.iter().map(|slice| slice.len()).sum();
                self.encoder.encode_slices(&payload, self_contained, out);
                self.unpacked = self.unpacked.saturating_sub(count);
                count
            }
        };
        self.pending.remove(count);
        self.packed = self.packed.saturating_add(to_u64(count));
    }
}
