//! The nine bytes before every body.

use super::{DecodeError, DecodeErrorKind, FrameFlags, Opcode, Placeholder, Version, Writer};

/// The number that ties a response to its request (v4 §2.3).
///
/// Clients use 0 to 32,767; negative ones are the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stream(pub i16);

impl Stream {
    /// The stream of every EVENT.
    pub const EVENT: Self = Self(-1);

    /// How many streams a client has: 0 to 32,767.
    pub const COUNT: usize = 32_768;
}

impl std::fmt::Display for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The header of a frame (v4 §2), but for the length of the body, which the body knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The protocol version.
    pub version: Version,
    /// Whether the frame goes from the server to the client.
    pub is_response: bool,
    /// What else the body holds, and how.
    pub flags: FrameFlags,
    /// The request that this belongs to.
    pub stream: Stream,
    /// What the body is.
    pub opcode: Opcode,
}

impl Header {
    /// How many bytes a header takes.
    pub const LENGTH: usize = 9;

    /// Whether the body is compressed. In v5 the flag says nothing: segments are compressed.
    pub const fn is_compressed(&self) -> bool {
        self.flags.contains(FrameFlags::COMPRESSED)
            && matches!(self.version, Version::V3 | Version::V4)
    }

    /// Reads a header and the length of its body. `None` when more bytes are needed.
    ///
    /// # Errors
    /// A version that is not known here (from the first byte alone, as the headers of v1 and v2
    /// are shorter), or a negative length. Both end the connection.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, DecodeError> {
        let Some(&[first, flags, stream1, stream2, opcode, l1, l2, l3, l4]) =
            bytes.first_chunk::<{ Self::LENGTH }>()
        else {
            return match bytes.first() {
                Some(&first) => Version::from_first_byte(first).map(|_| None),
                None => Ok(None),
            };
        };
        let (version, is_response) = Version::from_first_byte(first)?;
        let length = i32::from_be_bytes([l1, l2, l3, l4]);
        let Ok(length) = usize::try_from(length) else {
            return Err(DecodeError::new(
                DecodeErrorKind::NegativeFrameLength(length),
                "length",
                5,
            ));
        };
        let header = Self {
            version,
            is_response,
            flags: FrameFlags::from_bits(flags),
            stream: Stream(i16::from_be_bytes([stream1, stream2])),
            opcode: Opcode::from(opcode),
        };
        Ok(Some((header, length)))
    }

    /// Writes the header up to the length of the body, which the caller writes next.
    #[inline]
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.raw(&self.start());
    }

    /// Writes the header, and leaves the length of the body open.
    #[inline]
    pub fn open(&self, writer: &mut Writer<'_>) -> Placeholder {
        let [version, flags, stream1, stream2, opcode] = self.start();
        writer.raw(&[version, flags, stream1, stream2, opcode, 0, 0, 0, 0]);
        writer.opened()
    }

    /// The bytes before the length.
    #[inline]
    const fn start(&self) -> [u8; 5] {
        let direction = if self.is_response { 0x80 } else { 0 };
        let [stream1, stream2] = self.stream.0.to_be_bytes();
        let version = self.version.number() | direction;
        [version, self.flags.bits(), stream1, stream2, self.opcode.code()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_signed_and_the_top_bit_is_the_direction() {
        let bytes = [0x84, 0x08, 0xff, 0xff, 0x0c, 0, 0, 1, 0];
        let (header, length) = Header::decode(&bytes).unwrap().unwrap();
        assert_eq!(header.stream, Stream::EVENT);
        assert!(header.is_response);
        assert_eq!(header.opcode, Opcode::Event);
        assert_eq!(length, 256);
        let mut out = Vec::new();
        header.encode(&mut Writer::new(&mut out));
        assert_eq!(out, bytes[..5]);
    }

    #[test]
    fn an_unknown_version_is_known_from_its_first_byte() {
        for byte in [0x01, 0x82, 0x41, 0xc2, 0x06, b'H'] {
            let error = Header::decode(&[byte]).unwrap_err();
            assert_eq!(error.kind(), DecodeErrorKind::UnsupportedVersion(byte));
        }
        assert_eq!(Header::decode(&[4, 0, 0, 0, 5, 0, 0, 0]), Ok(None));
        let error = Header::decode(&[4, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff]).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::NegativeFrameLength(-1));
        assert!(!error.is_recoverable());
    }
}
