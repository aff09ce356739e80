//! The lowest layer: the protocol's notations, frames, segments, compression and codes.
//!
//! | items | content |
//! |---|---|
//! | [`Reader`], [`Writer`] | the notations of v4 §3: `[int]`, `[string]`, `[bytes map]`, ... |
//! | [`Header`], [`RawFrame`], [`FrameDecoder`], [`FrameEncoder`] | frame headers and frame boundaries |
//! | [`UnsupportedHeader`] | headers of versions that only a refusal answers |
//! | [`SegmentDecoder`], [`SegmentEncoder`] | the segments that carry frames in v5 |
//! | [`Compression`] | compression and decompression of bodies with LZ4 and Snappy |
//! | [`Opcode`], [`Consistency`], [`FrameFlags`] | codes and flags; unknown ones are preserved |
//! | [`Context`] | the version and the negotiated settings, which encoding and decoding need |
//! | [`DecodeError`], [`EncodeError`] | errors that name the field; a decoding error also has the offset |
//!
//! Invariants: no input causes a panic; a count or length from the input is compared with the
//! remaining bytes before memory is allocated for it; this layer knows no messages, no sockets and
//! no clock.
//!
//! ```
//! use cqlwire::wire::{FrameEncoder, FrameDecoder, FrameFlags, Header, Opcode, Stream, Version};
//!
//! let header = Header {
//!     version: Version::V4,
//!     is_response: false,
//!     flags: FrameFlags::NONE,
//!     stream: Stream(1),
//!     opcode: Opcode::Prepare,
//! };
//! let mut bytes = Vec::new();
//! let mut encoder = FrameEncoder::new(Version::V4);
//! encoder.encode(header, &mut bytes, |body| body.long_string("SELECT now()", "query"))?;
//!
//! let mut frames = FrameDecoder::new(Version::V4);
//! frames.extend(&bytes);
//! let frame = frames.next_frame()?.expect("a whole frame");
//! assert_eq!(frame.header, header);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codes;
mod compression;
mod context;
mod counted;
mod crc;
mod error;
mod frame;
mod frame_encoder;
mod header;
#[cfg(feature = "driver")]
mod large_frame;
mod reader;
mod segment;
mod shared;
mod unsupported;
mod value;
mod version;
mod writer;

pub(crate) use codes::wire_flags;
pub use codes::{Consistency, FrameFlags, Opcode};
pub(crate) use codes::{wire_codes, wire_names};
pub use compression::Compression;
pub use context::{Context, Extensions};
pub(crate) use counted::Counted;
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
pub use frame::{FrameDecoder, RawFrame};
pub use frame_encoder::FrameEncoder;
pub use header::{Header, Stream};
#[cfg(feature = "driver")]
pub(crate) use large_frame::LargeFrame;
pub use reader::Reader;
#[cfg(feature = "fuzzing")]
pub(crate) use segment::forge_segment;
pub use segment::{MAX_SEGMENT_PAYLOAD, Segment, SegmentDecoder, SegmentEncoder};
pub(crate) use shared::{MIN_SHARED, SharedBytes};
pub use unsupported::UnsupportedHeader;
pub use value::{BytesMap, RawValue};
pub use version::{UnknownVersion, Version};
pub use writer::{Placeholder, Writer};
