//! Long byte strings that are sent from the memory of their owner, without a copy.

use std::fmt;

use bytes::{Buf, Bytes};

/// Minimum length of bytes that are shared instead of copied. Sharing takes several small allocations.
pub(crate) const MIN_SHARED: usize = 32 << 10;

/// Byte strings that a [`Writer`](super::Writer) leaves out of its buffer, each with the offset in the
/// buffer at which it is inserted.
///
/// Without such bytes, which is the common case, it is a null pointer.
#[derive(Clone, Default)]
pub(crate) struct SharedBytes(Option<Box<Parts>>);

#[derive(Clone, Default)]
struct Parts {
    /// Byte strings, each with the offset in the buffer at which it is inserted. Offsets never decrease.
    parts: Vec<(usize, Bytes)>,
    /// Number of bytes in `parts`.
    length: usize,
}

/// Omits the bytes, which may be secret.
impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedBytes").field("length", &self.len()).finish_non_exhaustive()
    }
}

impl SharedBytes {
    pub(crate) const NONE: Self = Self(None);

    /// Adds bytes that are inserted at `offset` of the buffer, after the bytes that were added earlier.
    pub(super) fn push(&mut self, offset: usize, bytes: Bytes) {
        let Parts { parts, length } = &mut **self.0.get_or_insert_default();
        *length = length.saturating_add(bytes.len());
        parts.push((offset, bytes));
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the number of bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |shared| shared.length)
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        if !self.is_empty() {
            *self = Self::NONE;
        }
    }

    /// Returns the bytes of `buffer` from offset `start` on, and the shared bytes between them.
    pub(crate) fn into_parts(self, start: usize, buffer: Bytes) -> Vec<Bytes> {
        let mut parts = Vec::new();
        let mut rest = buffer;
        rest.advance(start.min(rest.len()));
        let mut begin = start;
        for (offset, shared) in self.0.unwrap_or_default().parts {
            let between = rest.split_to(offset.saturating_sub(begin).min(rest.len()));
            parts.extend([between, shared].into_iter().filter(|part| !part.is_empty()));
            begin = offset;
        }
        parts.extend((!rest.is_empty()).then_some(rest));
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_bytes_stand_at_their_offsets() {
        let mut shared = SharedBytes::default();
        for (offset, bytes) in [(2, "one"), (2, "two"), (5, "three")] {
            shared.push(offset, Bytes::from_static(bytes.as_bytes()));
        }
        assert_eq!(shared.len(), 11);
        let whole = shared.clone().into_parts(0, Bytes::from_static(b"abcdefg")).concat();
        assert_eq!(whole, b"abonetwocdethreefg");
        let tail = shared.into_parts(2, Bytes::from_static(b"abcde")).concat();
        assert_eq!(tail, b"onetwocdethree");
    }
}
