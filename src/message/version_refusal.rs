//! The answer of a server to a request in a protocol version that it does not support.

use std::ops::RangeInclusive;

use super::{ErrorCode, Message, ResponseFrame, ServerError};
use crate::wire::{Context, EncodeError, FrameEncoder, Opcode, Stream, Version, Writer};

/// The answer of a server to a request in a protocol version that it does not support: an ERROR, in
/// the words and the form of Cassandra.
///
/// Clients compare these words to decide whether to try a lower version:
/// `Invalid or unsupported protocol version (66); supported versions are (3/v3, 4/v4)`. Cassandra
/// sends the ERROR on stream 0, whatever the stream of the request. Some clients depend on that: gocql
/// never uses stream 0, and tries another version after an ERROR there.
///
/// The version of the frame is:
///
/// | requested version | version of the ERROR |
/// |---|---|
/// | v1, v2 | the requested version, with its header of 8 bytes |
/// | v3 to v5, below the supported versions | the requested version |
/// | any other | the highest supported version |
///
/// A server without tokio encodes the refusal itself:
///
/// ```
/// use cqlwire::message::VersionRefusal;
/// use cqlwire::wire::{DecodeErrorKind, FrameDecoder, Version};
///
/// let mut frames = FrameDecoder::new(Version::V4);
/// frames.extend(&[0x42, 0, 0, 7, 5, 0, 0, 0, 0]); // OPTIONS in DSE's v2
/// let mut answer = Vec::new();
/// let error = frames.next_frame().unwrap_err();
/// assert_eq!(error.kind(), DecodeErrorKind::UnsupportedVersion(0x42));
/// // `None` if the rest of the header has not arrived.
/// if let Some(header) = frames.skip_unsupported()? {
///     VersionRefusal::new(header.version, Version::V3..=Version::V4).encode(&mut answer)?;
/// }
/// assert_eq!(answer[..5], [0x84, 0, 0, 0, 0]); // an ERROR in v4, on stream 0
/// assert!(answer.ends_with(b"protocol version (66); supported versions are (3/v3, 4/v4)"));
/// assert_eq!(frames.next_frame(), Ok(None)); // the connection can continue
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With `tokio_util`'s `Framed`, a `ServerCodec` returns a request of an unknown version as an item,
/// and encodes the refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRefusal {
    requested: u8,
    supported: RangeInclusive<Version>,
}

impl VersionRefusal {
    /// The stream id of every refusal.
    pub const STREAM: Stream = Stream(0);

    /// Creates a refusal of the version with the number `requested`, by a server that supports the
    /// versions in `supported`.
    pub const fn new(requested: u8, supported: RangeInclusive<Version>) -> Self {
        Self { requested, supported }
    }

    /// Returns the number of the refused version.
    pub const fn requested(&self) -> u8 {
        self.requested
    }

    /// Returns the error, with the code [`Protocol`](ErrorCode::Protocol).
    pub fn error(&self) -> ServerError {
        let supported = Version::ALL.iter().filter(|version| self.supported.contains(version));
        let names: Vec<_> = supported.map(|v| format!("{}/{v}", v.number())).collect();
        let message = format!(
            "Invalid or unsupported protocol version ({}); supported versions are ({})",
            self.requested,
            names.join(", ")
        );
        ServerError::new(ErrorCode::Protocol, message)
    }

    /// Appends the frame to `out`.
    ///
    /// # Errors
    /// Returns no error, because the frame is short. The result is that of the encoder.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let error = self.error();
        if self.has_short_header() {
            return encode_short_header(self.requested, &error, out);
        }
        let version = self.response_version();
        ResponseFrame::new(Self::STREAM, error).encode(&mut FrameEncoder::new(version), out)
    }

    /// Returns true if the ERROR has the header of v1 and v2, which has 8 bytes.
    pub(crate) const fn has_short_header(&self) -> bool {
        matches!(self.requested, 1 | 2)
    }

    /// Returns the version of the ERROR, unless it is v1 or v2.
    fn response_version(&self) -> Version {
        match Version::from_number(self.requested) {
            Some(requested) if requested < *self.supported.start() => requested,
            _ => *self.supported.end(),
        }
    }
}

/// Appends an ERROR of v1 or v2, whose header has 8 bytes.
fn encode_short_header(
    version: u8,
    error: &ServerError,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut writer = Writer::new(out);
    // The version with the bit of responses, the flags, the stream id, and the opcode.
    writer.raw(&[0x80 | version, 0, 0, Opcode::Error.code()]);
    let length = writer.open_length();
    // The fields of this error are the same in every version.
    error.encode(&mut writer, &Context::from(Version::V3))?;
    writer.close_length(length, "body")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Response;
    use crate::wire::{FrameDecoder, UnsupportedHeader};

    fn encode(requested: u8, supported: RangeInclusive<Version>) -> Vec<u8> {
        let mut out = vec![0xee]; // earlier content of the buffer must be preserved
        VersionRefusal::new(requested, supported).encode(&mut out).unwrap();
        assert_eq!(out.remove(0), 0xee);
        out
    }

    #[test]
    fn every_number_is_refused_in_a_version_that_its_client_reads() {
        for requested in 0..=0x7f {
            let bytes = encode(requested, Version::V4..=Version::V4);
            let (header, length) = UnsupportedHeader::decode(&bytes).unwrap().unwrap();
            let expected = if (1..=3).contains(&requested) { requested } else { 4 };
            assert_eq!(header.version, expected);
            assert!(header.is_response);
            assert_eq!((header.stream, header.opcode), (Stream(0), Opcode::Error));
            let (start, body) = bytes.split_at(header.length());
            assert_eq!((start.len(), body.len()), (if expected < 3 { 8 } else { 9 }, length));
            let message = format!(
                "Invalid or unsupported protocol version ({requested}); supported versions are (4/v4)"
            );
            assert!(body.starts_with(&[0, 0, 0, 0x0a, 0]) && body.ends_with(message.as_bytes()));
        }
    }

    #[test]
    fn a_client_decodes_the_refusal_of_a_known_version() {
        let mut frames = FrameDecoder::new(Version::V5);
        frames.extend(&encode(5, Version::V3..=Version::V4));
        let frame = frames.next_frame().unwrap().unwrap();
        let decoded = ResponseFrame::decode(&frame, &Version::V4.into()).unwrap();
        let refusal = VersionRefusal::new(5, Version::V3..=Version::V4);
        assert_eq!(decoded.response, Response::Error(refusal.error()));
        assert_eq!(refusal.requested(), 5);
    }

    #[test]
    fn a_server_without_versions_refuses_without_a_list() {
        let bytes = encode(9, RangeInclusive::new(Version::V5, Version::V3));
        assert!(bytes.ends_with(b"supported versions are ()"));
    }
}
