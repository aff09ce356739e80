//! The lowest floor: bytes to and from the protocol's notations, frames, compression and codes.
//!
//! | file | what it knows |
//! |---|---|
//! | [`Reader`], [`Writer`] | the notations of v4 §3: `[int]`, `[string]`, `[bytes map]`, ... |
//! | [`Header`], [`RawFrame`], [`FrameDecoder`] | the nine bytes of a header, and where a frame ends |
//! | [`SegmentDecoder`], [`SegmentEncoder`] | the segments that v5 carries its frames in |
//! | [`Compression`] | bodies to and from LZ4 |
//! | [`Opcode`], [`Consistency`], ... | every code of the protocol, unknown ones kept |
//! | [`Context`] | what a connection has agreed on, which decoding needs |
//!
//! Invariants: no input panics; no count or length from the input is trusted before it is
//! compared with the bytes that are left; nothing here knows a message, a socket or a clock.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod codes;
mod compression;
mod context;
mod crc;
mod error;
mod frame;
mod header;
mod reader;
mod segment;
mod value;
mod writer;

pub(crate) use codes::wire_flags;
pub use codes::{Consistency, FrameFlags, Opcode};
pub(crate) use codes::{wire_codes, wire_names};
pub use compression::Compression;
pub use context::{Context, Extensions, UnknownVersion, Version};
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
pub use frame::{FrameDecoder, FrameEncoder, RawFrame};
pub use header::{Header, Stream};
pub use reader::Reader;
#[cfg(feature = "fuzzing")]
pub(crate) use segment::forge_segment;
pub use segment::{MAX_SEGMENT_PAYLOAD, Segment, SegmentDecoder, SegmentEncoder};
pub use value::RawValue;
pub use writer::{Placeholder, Writer};

/// A `[bytes map]` (v4 §3): order, duplicates and null values are kept.
pub type BytesMap = Vec<(String, Option<bytes::Bytes>)>;
