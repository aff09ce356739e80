//! The bytes to write to the socket: plain frames, or segments once STARTUP has been answered
//! (v5 §2.3.1).

use std::collections::VecDeque;
use std::fmt;
#[cfg(feature = "driver")]
use std::io::IoSlice;

#[cfg(feature = "driver")]
use bytes::Bytes;

#[cfg(feature = "driver")]
use super::chain::MAX_SLICES;
use super::chain::{Chain, to_u64};
use crate::wire::{Compression, Header, MAX_SEGMENT_PAYLOAD, SegmentEncoder};

/// Length of `out` at which packing of large frames pauses, in bytes. With one more segment, and the
/// written bytes that are not removed yet, the buffer still fits into the capacity that it keeps.
const ENOUGH_SEGMENTS: usize = 64 << 10;

/// Number of bytes of frames after which packing of large frames pauses until the next call. It bounds
/// the time of a call if the segments are compressed to almost nothing.
const ENOUGH_PACKED: usize = 2 * MAX_SEGMENT_PAYLOAD;

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
    /// Number of bytes before the last heartbeat. `u64::MAX` while it is not in a segment yet, because
    /// the length of the segments before it is not known then.
    before_probe: u64,
    segments: Option<Segments>,
}

/// The additional state of a connection whose frames travel in segments.
struct Segments {
    encoder: SegmentEncoder,
    /// Frames that are not in a segment yet.
    pending: Chain,
    /// Number of bytes of frames that have been put into segments.
    packed: u64,
    /// Remaining bytes of the partly packed large frame at the front of `pending`. 0 if none.
    unpacked: usize,
    /// Position of the last heartbeat while it is not in a segment yet, otherwise `None`.
    probe: Option<u64>,
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
            probe: None,
            unwritten: VecDeque::new(),
            written_end: 0,
        });
    }

    const fn chain(&self) -> &Chain {
        match &self.segments {
            Some(segments) => &segments.pending,
            None => &self.out,
        }
    }

    const fn chain_mut(&mut self) -> &mut Chain {
        match &mut self.segments {
            Some(segments) => &mut segments.pending,
            None => &mut self.out,
        }
    }

    /// Returns the buffer to append frames to.
    pub(super) const fn frames_mut(&mut self) -> &mut Vec<u8> {
        self.chain_mut().buffer_mut()
    }

    /// Appends a large frame in parts. The first part begins with the whole header.
    #[cfg(feature = "driver")]
    pub(super) fn push_parts(&mut self, parts: impl Iterator<Item = Bytes>) {
        let frames = self.chain_mut();
        parts.for_each(|part| frames.push_part(part));
    }

    /// Returns the position of the frame that begins at byte `start` of
    /// [`frames_mut`](Self::frames_mut). No large frame may follow it.
    pub(super) fn position(&self, start: usize) -> u64 {
        self.chain().position(start)
    }

    /// Returns the position at which the next frame begins.
    pub(super) fn end_of_frames(&self) -> u64 {
        self.chain().end()
    }

    /// Returns true if a byte of the frame at this position has been written. If frames travel in
    /// segments, returns true if a byte of the frame's group of segments has been written.
    pub(super) fn is_written(&self, position: u64) -> bool {
        match &self.segments {
            Some(segments) => position < segments.written_end,
            None => position < self.written,
        }
    }

    /// Returns the next bytes to write to the socket, after putting pending frames into segments. If large
    /// frames are pending, these are only the first of the bytes.
    pub(super) fn transmit(&mut self) -> &[u8] {
        self.pack();
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
        self.out.slices(MAX_WRITE, MAX_SLICES)
    }

    /// Records that the frame at `position` is a heartbeat.
    pub(super) const fn record_probe(&mut self, position: u64) {
        self.before_probe = match &mut self.segments {
            Some(segments) => {
                segments.probe = Some(position);
                u64::MAX
            }
            None => position,
        };
    }

    /// Returns the number of bytes that the connection writes before the last heartbeat, or `u64::MAX` if
    /// the heartbeat is not in a segment yet.
    pub(super) const fn before_probe(&self) -> u64 {
        self.before_probe
    }

    /// Puts pending frames into segments: all small frames, and the next bytes of large ones, until there
    /// are [`ENOUGH_SEGMENTS`] or [`ENOUGH_PACKED`].
    fn pack(&mut self) {
        let Some(segments) = &mut self.segments else { return };
        let begin = self.out.end();
        let before = segments.packed;
        let is_enough = |out: &Chain, packed: u64| {
            out.len() >= ENOUGH_SEGMENTS || packed.saturating_sub(before) >= to_u64(ENOUGH_PACKED)
        };
        while segments.pending.len() > 0
            && (!is_enough(&self.out, segments.packed)
                || !segments.pending.small_frames().is_empty())
        {
            if segments.probe == Some(segments.packed) {
                segments.probe = None;
                self.before_probe = self.out.end();
            }
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
    /// large frame. A heartbeat begins a new segment, so that the number of bytes before it is known.
    fn pack_next(&mut self, out: &mut Vec<u8>) {
        let small = self.pending.small_frames();
        let before_probe = self.probe.map(|probe| probe.saturating_sub(self.packed));
        let end = before_probe.and_then(|length| usize::try_from(length).ok());
        let small = end.and_then(|end| small.get(..end)).unwrap_or(small);
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
                let payload = self.pending.slices(length, usize::MAX);
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
