//! Bytes in the order in which they are sent: small frames in one buffer, and the parts of large frames.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Minimum number of removed bytes at which the buffer is compacted.
const COMPACT: usize = 64 << 10;

/// Maximum capacity that an empty buffer keeps, in bytes: two segments of v5.
const MAX_KEPT_CAPACITY: usize = 288 << 10;

/// Maximum number of slices of one vectored write. An empty chain keeps memory for as many parts.
pub(super) const MAX_SLICES: usize = 64;

/// A queue of bytes. A *position* is a byte offset in the concatenation of all bytes that the chain has
/// ever contained.
#[derive(Default)]
pub(super) struct Chain {
    buffer: Vec<u8>,
    /// Number of bytes of `buffer` that have been removed from the chain.
    removed: usize,
    /// The parts of large frames, each with the offset in `buffer` before which it stands.
    parts: VecDeque<(usize, Bytes)>,
    /// Number of bytes in `parts`.
    parts_length: usize,
    /// Position of the end of the chain, without the bytes of `buffer`.
    end_before_buffer: u64,
}

impl Chain {
    /// Returns the buffer to append small frames to.
    pub(super) const fn buffer_mut(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Appends a part of a large frame.
    #[cfg(feature = "driver")]
    pub(super) fn push_part(&mut self, part: Bytes) {
        self.parts_length = self.parts_length.saturating_add(part.len());
        self.end_before_buffer = self.end_before_buffer.saturating_add(to_u64(part.len()));
        self.parts.push_back((self.buffer.len(), part));
    }

    /// Returns the position of byte `start` of the buffer, if no part stands after it.
    pub(super) fn position(&self, start: usize) -> u64 {
        self.end_before_buffer.saturating_add(to_u64(start))
    }

    /// Returns the position of the end.
    pub(super) fn end(&self) -> u64 {
        self.position(self.buffer.len())
    }

    /// Returns the number of bytes.
    pub(super) fn len(&self) -> usize {
        self.buffer.len().saturating_sub(self.removed).saturating_add(self.parts_length)
    }

    /// Returns true if a part of a large frame is left.
    #[cfg(feature = "driver")]
    pub(super) fn has_parts(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Returns the small frames at the front, empty if a large frame is at the front.
    #[inline]
    pub(super) fn small_frames(&self) -> &[u8] {
        let end = self.parts.front().map_or(self.buffer.len(), |(offset, _)| *offset);
        self.buffer.get(self.removed..end).unwrap_or_default()
    }

    /// Returns the first bytes, empty if there are none.
    #[inline]
    pub(super) fn front(&self) -> &[u8] {
        match (self.small_frames(), self.parts.front()) {
            ([], Some((_, part))) => part,
            (small, _) => small,
        }
    }

    /// Returns the first bytes, at most `limit`, in at most `max_slices` slices.
    pub(super) fn slices(&self, limit: usize, max_slices: usize) -> Vec<IoSlice<'_>> {
        let mut slices = Vec::new();
        let (mut begin, mut room) = (self.removed, limit);
        let parts = self.parts.iter().map(|(offset, part)| (*offset, &part[..]));
        for (offset, part) in parts.chain([(self.buffer.len(), &[][..])]) {
            for slice in [self.buffer.get(begin..offset).unwrap_or_default(), part] {
                if room == 0 || slices.len() >= max_slices {
                    return slices;
                }
                let slice = slice.get(..room).unwrap_or(slice);
                room = room.saturating_sub(slice.len());
                slices.extend((!slice.is_empty()).then(|| IoSlice::new(slice)));
            }
            begin = offset;
        }
        slices
    }

    /// Removes the first `count` bytes.
    pub(super) fn remove(&mut self, count: usize) {
        let rest = if self.parts.is_empty() { count } else { self.remove_parts(count) };
        self.removed = self.removed.saturating_add(rest).min(self.buffer.len());
        self.compact();
    }

    /// Removes parts and the small frames before them, at most `count` bytes. Returns the number of bytes
    /// that remain to be removed.
    fn remove_parts(&mut self, count: usize) -> usize {
        let mut rest = count;
        while let Some((offset, part)) = self.parts.front_mut() {
            let small = offset.saturating_sub(self.removed).min(rest);
            self.removed = self.removed.saturating_add(small);
            rest = rest.saturating_sub(small);
            let of_part = part.len().min(rest);
            part.advance(of_part);
            rest = rest.saturating_sub(of_part);
            self.parts_length = self.parts_length.saturating_sub(of_part);
            if !part.is_empty() {
                break;
            }
            self.parts.pop_front();
        }
        rest
    }

    fn compact(&mut self) {
        if self.removed == self.buffer.len() && self.parts.is_empty() {
            self.end_before_buffer = self.end();
            self.buffer.clear();
            self.buffer.shrink_to(MAX_KEPT_CAPACITY);
            self.parts.shrink_to(MAX_SLICES);
        } else if self.removed >= COMPACT && self.removed >= self.buffer.len() / 2 {
            // Without this, the buffer would grow without bound while the socket is always a little
            // behind.
            self.buffer.drain(..self.removed);
            self.end_before_buffer = self.position(self.removed);
            for (offset, _) in &mut self.parts {
                *offset = offset.saturating_sub(self.removed);
            }
        } else {
            return;
        }
        self.removed = 0;
    }

    /// Discards all bytes.
    pub(super) fn clear(&mut self) {
        self.remove(self.len());
    }

    /// Returns the capacity of the buffer, in bytes.
    #[cfg(test)]
    pub(super) const fn capacity(&self) -> usize {
        self.buffer.capacity()
    }
}

pub(super) fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(all(test, feature = "driver"))]
mod tests {
    use super::*;

    #[test]
    fn limits_the_slices_of_one_write_and_frees_the_memory_of_parts() {
        let mut chain = Chain::default();
        for _ in 0..1_000 {
            chain.buffer_mut().push(1);
            chain.push_part(Bytes::from_static(&[2, 3]));
        }
        for max_slices in [1, 2, 63, MAX_SLICES] {
            assert_eq!(chain.slices(usize::MAX, max_slices).len(), max_slices);
        }
        assert_eq!(chain.slices(usize::MAX, usize::MAX).len(), 2_000);
        let bytes: Vec<_> =
            chain.slices(200, usize::MAX).iter().flat_map(|slice| slice.to_vec()).collect();
        assert_eq!(bytes, [1, 2, 3].repeat(67)[..200]);
        chain.remove(3_000);
        assert!(chain.parts.capacity() <= 2 * MAX_SLICES, "{}", chain.parts.capacity());
    }
}
