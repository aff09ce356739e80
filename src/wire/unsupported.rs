//! Headers of frames in protocol versions that this crate does not support.

use super::{DecodeError, DecodeErrorKind, FrameFlags, Opcode, Stream};

/// The header of a frame in a protocol version that this crate does not support: v1, v2, v6, a
/// version of DSE, or another protocol.
///
/// A server uses it to refuse the request, see
/// [`VersionRefusal`](crate::message::VersionRefusal). A header of v1 and v2 has 8 bytes, because its
/// stream id has one byte. Every other header is read in the layout of v3 to v5, which DSE's versions
/// and v6 have, too. If the peer speaks another protocol, the fields have no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsupportedHeader {
    /// The version number, from 0 to 127.
    pub version: u8,
    /// True if the server sent the frame, false if the client sent it.
    pub is_response: bool,
    /// The header flags.
    pub flags: FrameFlags,
    /// The stream id. In v1 and v2 it is from -128 to 127.
    pub stream: Stream,
    /// The type of the message in the body.
    pub opcode: Opcode,
}

impl UnsupportedHeader {
    /// Returns the length of the header in bytes, including the field for the length of the body: 8 in
    /// v1 and v2, and otherwise 9.
    pub const fn length(&self) -> usize {
        if is_short(self.version) { 8 } else { 9 }
    }

    /// Decodes a header and the length of its body. Returns `None` if more bytes are needed. The
    /// version may be any number.
    ///
    /// ```
    /// use cqlwire::wire::{Stream, UnsupportedHeader};
    ///
    /// let (header, body) = UnsupportedHeader::decode(&[1, 0, 7, 5, 0, 0, 0, 0])?.expect("8 bytes");
    /// assert_eq!((header.version, header.stream, header.length()), (1, Stream(7), 8));
    /// assert_eq!(body, 0);
    /// # Ok::<(), cqlwire::wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the length of the body is negative.
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, DecodeError> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let version = first & 0x7f;
        let (flags, stream, opcode, length, offset) = if is_short(version) {
            let Some(&[_, flags, stream, opcode, l1, l2, l3, l4]) = bytes.first_chunk() else {
                return Ok(None);
            };
            let stream = i16::from(i8::from_be_bytes([stream]));
            (flags, stream, opcode, i32::from_be_bytes([l1, l2, l3, l4]), 4)
        } else {
            let Some(&[_, flags, high, low, opcode, l1, l2, l3, l4]) = bytes.first_chunk() else {
                return Ok(None);
            };
            let stream = i16::from_be_bytes([high, low]);
            (flags, stream, opcode, i32::from_be_bytes([l1, l2, l3, l4]), 5)
        };
        let Ok(length) = usize::try_from(length) else {
            let kind = DecodeErrorKind::NegativeFrameLength(length);
            return Err(DecodeError::new(kind, "length", offset));
        };
        let header = Self {
            version,
            is_response: first & 0x80 != 0,
            flags: FrameFlags::from_bits(flags),
            stream: Stream(stream),
            opcode: Opcode::from(opcode),
        };
        Ok(Some((header, length)))
    }

    /// Returns the error of a decoder that does not support this version.
    pub const fn error(&self) -> DecodeError {
        let direction = if self.is_response { 0x80 } else { 0 };
        let kind = DecodeErrorKind::UnsupportedVersion(self.version | direction);
        DecodeError::new(kind, "version", 0)
    }
}

/// Returns true for the versions whose header has 8 bytes.
const fn is_short(version: u8) -> bool {
    matches!(version, 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::super::{FrameDecoder, Version};
    use super::*;

    /// An OPTIONS in v1, and a STARTUP in a version of DSE with a body of 3 bytes.
    const V1: [u8; 8] = [1, 0, 0xff, 5, 0, 0, 0, 0];
    const DSE: [u8; 12] = [0x42, 0x10, 1, 0x2c, 1, 0, 0, 0, 3, 4, 4, 4];

    #[test]
    fn a_header_is_decoded_once_it_is_whole() {
        for (bytes, length, stream) in [(&V1[..], 8, -1), (&DSE, 9, 300)] {
            for end in 0..length {
                assert_eq!(UnsupportedHeader::decode(&bytes[..end]), Ok(None));
            }
            for end in length..=bytes.len() {
                let (header, body) = UnsupportedHeader::decode(&bytes[..end]).unwrap().unwrap();
                assert_eq!((header.length(), body), (length, bytes.len() - length));
                assert_eq!((header.stream, header.version), (Stream(stream), bytes[0]));
                let kind = DecodeErrorKind::UnsupportedVersion(bytes[0]);
                assert_eq!(header.error().kind(), kind);
            }
        }
    }

    #[test]
    fn a_negative_length_is_an_error() {
        let headers: [&[u8]; 2] =
            [&[2, 0, 0, 5, 0x80, 0, 0, 0], &[6, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff]];
        for (bytes, length) in headers.into_iter().zip([i32::MIN, -1]) {
            let error = UnsupportedHeader::decode(bytes).unwrap_err();
            assert_eq!(error.kind(), DecodeErrorKind::NegativeFrameLength(length));
        }
    }

    /// Decodes a stream that arrives in pieces. Returns the first bytes of its frames, in order.
    fn first_bytes(stream: &[u8], piece: usize) -> Vec<u8> {
        let mut frames = FrameDecoder::new(Version::V4);
        let mut seen = Vec::new();
        for piece in stream.chunks(piece) {
            frames.extend(piece);
            loop {
                match frames.next_frame() {
                    Ok(Some(frame)) => seen.push(frame.header.version.number()),
                    Ok(None) => break,
                    Err(_) => match frames.skip_unsupported().unwrap() {
                        Some(header) => seen.push(header.version),
                        None => break,
                    },
                }
            }
        }
        assert!(frames.is_empty());
        seen
    }

    #[test]
    fn frames_of_unsupported_versions_are_skipped_whatever_the_pieces() {
        let options = [4, 0, 0, 1, 5, 0, 0, 0, 0];
        let stream = [&V1[..], &options, &DSE, &V1, &options].concat();
        for piece in 1..=stream.len() {
            assert_eq!(first_bytes(&stream, piece), [1, 4, 0x42, 1, 4]);
        }
    }

    #[test]
    fn a_long_body_is_skipped_without_being_buffered() {
        let mut frames = FrameDecoder::new(Version::V4);
        frames.extend(&[2, 0, 0, 5, 0x7f, 0xff, 0xff, 0xff]);
        assert!(frames.next_frame().is_err());
        assert!(frames.skip_unsupported().unwrap().is_some());
        for _ in 0..100 {
            frames.extend(&[1; 1000]);
            assert_eq!(frames.next_frame(), Ok(None));
            assert!(frames.buffer_mut().is_empty());
        }
        assert!(!frames.is_empty());
    }

    #[test]
    fn nothing_is_skipped_before_a_frame_of_a_supported_version_or_in_segments() {
        let mut frames = FrameDecoder::new(Version::V5);
        assert_eq!(frames.skip_unsupported(), Ok(None));
        frames.extend(&[5, 0, 0, 1, 5, 0, 0, 0, 0]);
        assert_eq!(frames.skip_unsupported(), Ok(None));
        assert!(frames.next_frame().unwrap().is_some());

        let mut bytes = Vec::new();
        super::super::SegmentEncoder::new(None).encode(&V1, &mut bytes);
        frames.start_segments(None);
        frames.extend(&bytes);
        let error = frames.next_frame().unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::UnsupportedVersion(1));
        assert_eq!(frames.skip_unsupported(), Err(error));
    }
}
