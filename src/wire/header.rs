//! Frame headers: the nine bytes before every body.

use super::{DecodeError, DecodeErrorKind, FrameFlags, Opcode, Placeholder, Version, Writer};

/// A stream id, which links a response to its request (v4 §2.3).
///
/// Clients choose an id from 0 to 32,767 for each request. Negative ids are reserved for the server.
/// Servers may use 0 for an ERROR that belongs to no request, or to an unknown one, so a client should
/// not use it: Cassandra before 4.1.12 and 5.0.9 answers a request that waited too long with OVERLOADED
/// on stream 0 (CASSANDRA-21508), and all versions answer undecodable bytes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stream(pub i16);

impl Stream {
    /// The stream id of every EVENT.
    pub const EVENT: Self = Self(-1);

    /// The number of stream ids that a client should use: 1 to 32,767.
    pub const COUNT: usize = 32_767;
}

impl std::fmt::Display for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The header of a frame (v4 §2), without the length of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The protocol version.
    pub version: Version,
    /// True if the server sent the frame, false if the client sent it.
    pub is_response: bool,
    /// The header flags.
    pub flags: FrameFlags,
    /// The stream id.
    pub stream: Stream,
    /// The type of the message in the body.
    pub opcode: Opcode,
}

impl Header {
    /// The length of a header in bytes, including the field for the length of the body.
    pub const LENGTH: usize = 9;

    /// Returns true if the body is compressed: the compressed flag is set, and the version is not
    /// v5.
    ///
    /// In v5, which compresses segments instead of bodies, the compressed flag has no meaning.
    pub const fn is_compressed(&self) -> bool {
        self.flags.contains(FrameFlags::COMPRESSED)
            && matches!(self.version, Version::V3 | Version::V4)
    }

    /// Checks that the header has no flag that the protocol forbids.
    ///
    /// # Errors
    /// Returns [`DecodeErrorKind::ForbiddenFlag`] for a compressed STARTUP (v4 §2.2), which is sent
    /// before a compression is negotiated, and for the warning flag in v3, which has no warnings.
    #[inline]
    pub(crate) fn check_flags(&self) -> Result<(), DecodeError> {
        match self.forbidden_flag() {
            FrameFlags::NONE => Ok(()),
            flag => {
                let (opcode, version) = (self.opcode, self.version);
                let kind = DecodeErrorKind::ForbiddenFlag { flag, opcode, version };
                Err(DecodeError::new(kind, "flags", 1))
            }
        }
    }

    /// Returns the flag of this header that the protocol forbids, or [`FrameFlags::NONE`] if the
    /// protocol allows all of them.
    #[inline]
    pub(crate) const fn forbidden_flag(&self) -> FrameFlags {
        if matches!(self.opcode, Opcode::Startup) && self.is_compressed() {
            return FrameFlags::COMPRESSED;
        }
        match self.version {
            Version::V3 => self.flags.only(FrameFlags::WARNING),
            Version::V4 | Version::V5 => FrameFlags::NONE,
        }
    }

    /// Decodes a header and the length of its body. Returns `None` if more bytes are needed.
    ///
    /// # Errors
    /// Returns an error if the version is not supported or the length is negative. The version is
    /// checked as soon as one byte is present, because v1 and v2 headers have only eight bytes.
    /// After a negative length the connection must be closed.
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

    /// Encodes the header without the body length. The caller writes the length next.
    #[inline]
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.raw(&self.fixed_part());
    }

    /// Encodes the header with a placeholder for the body length.
    #[inline]
    pub fn open(&self, writer: &mut Writer<'_>) -> Placeholder {
        let [version, flags, stream1, stream2, opcode] = self.fixed_part();
        writer.raw(&[version, flags, stream1, stream2, opcode, 0, 0, 0, 0]);
        writer.last_int_placeholder()
    }

    /// Returns the encoded header without the body length.
    #[inline]
    const fn fixed_part(&self) -> [u8; 5] {
        let direction = if self.is_response { 0x80 } else { 0 };
        let [stream1, stream2] = self.stream.0.to_be_bytes();
        let version = self.version.number() | direction;
        [version, self.flags.bits(), stream1, stream2, self.opcode.code()]
    }
}

impl Version {
    /// Splits the first byte of a frame into the version and the direction (v4 §2.1). The direction
    /// is true for a response, and false for a request.
    ///
    /// # Errors
    /// Returns [`DecodeErrorKind::UnsupportedVersion`] if the version is not supported. Call this
    /// function as soon as the first byte arrives: v1 and v2 headers have only eight bytes, so
    /// waiting for nine bytes may block forever.
    pub fn from_first_byte(byte: u8) -> Result<(Self, bool), DecodeError> {
        match Self::from_number(byte & 0x7f) {
            Some(version) => Ok((version, byte & 0x80 != 0)),
            None => Err(DecodeError::new(DecodeErrorKind::UnsupportedVersion(byte), "version", 0)),
        }
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
    fn refuses_an_unsupported_version_after_one_byte() {
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
