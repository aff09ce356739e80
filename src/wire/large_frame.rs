//! Long requests, which are sent without being copied.

use std::fmt;

use bytes::Bytes;

use super::{Header, MIN_SHARED, SharedBytes, Stream};

/// A long encoded frame, whose body is sent without a copy.
pub(crate) struct LargeFrame {
    header: [u8; Header::LENGTH],
    body: Vec<Bytes>,
}

/// Omits the body, which may contain secrets.
impl fmt::Debug for LargeFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LargeFrame").field("length", &self.len()).finish_non_exhaustive()
    }
}

impl LargeFrame {
    /// Takes the frame out of `buffer`, whose other bytes are `shared`, and leaves `buffer` empty. The frame
    /// takes the memory of a long buffer. The bytes of a short one are copied, so that it keeps its memory.
    pub(crate) fn take(buffer: &mut Vec<u8>, shared: SharedBytes) -> Self {
        let header = buffer.first_chunk().copied().unwrap_or_default();
        let buffer = match buffer.len() < MIN_SHARED {
            true => {
                let bytes = Bytes::copy_from_slice(buffer);
                buffer.clear();
                bytes
            }
            false => std::mem::take(buffer).into(),
        };
        Self { header, body: shared.into_parts(Header::LENGTH, buffer) }
    }

    /// Returns the length of the frame in bytes.
    pub(crate) fn len(&self) -> usize {
        self.body.iter().fold(self.header.len(), |length, part| length.saturating_add(part.len()))
    }

    /// Returns the frame in parts, with `stream` in its header.
    pub(crate) fn into_parts(self, stream: Stream) -> impl Iterator<Item = Bytes> {
        let mut header = self.header;
        if let Some([_version, _flags, high, low]) = header.first_chunk_mut() {
            [*high, *low] = stream.0.to_be_bytes();
        }
        [Bytes::copy_from_slice(&header)].into_iter().chain(self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_frame_with_another_stream() {
        for length in [20, MIN_SHARED] {
            let frame: Vec<_> = (0..length).map(|index| (index % 251) as u8).collect();
            let mut shared = SharedBytes::default();
            shared.push(12, Bytes::from_static(b"shared"));
            let mut buffer = frame.clone();
            let taken = LargeFrame::take(&mut buffer, shared);
            assert!(buffer.is_empty());
            assert_eq!(taken.len(), length + b"shared".len());
            let parts: Vec<_> = taken.into_parts(Stream(0x0102)).collect();
            let expected = [&[0, 1, 1, 2][..], &frame[4..12], b"shared", &frame[12..]].concat();
            assert_eq!(parts.concat(), expected);
        }
    }
}
