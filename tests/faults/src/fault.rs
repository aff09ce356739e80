//! The faults of a connection, as data.

use std::time::Duration;

use crate::FaultKind;

/// A direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client to the server.
    Requests,
    /// From the server to the client.
    Responses,
}

/// The units into which a direction divides its bytes at some point of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// TLS: the bytes are unreadable, and protected by checksums.
    Encrypted,
    /// Frames of v3 and v4, and of v5 during the handshake. They have no checksums.
    Frames,
    /// Segments of v5. Their headers and payloads have checksums.
    Segments,
}

/// What a client can know about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Honesty {
    /// A network or a slow server does the same. Everything that the client receives is true.
    Honest,
    /// The bytes violate the protocol, so that the client must notice. Everything that it believes is
    /// true.
    Detectable,
    /// The bytes look valid, so that no client can notice. The contents of responses or, for requests,
    /// of the database can be wrong.
    ///
    /// A client remembers prepared statements, the topology and the schema. After the first lie, the
    /// contents of all its connections can be wrong.
    Lying,
}

/// A fault of one direction of a connection.
///
/// The faults down to [`FlipBits`](Self::FlipBits) change the stream of bytes. The others change frames
/// or segments, and never happen on encrypted connections. All times are whole milliseconds, so that a
/// plan can be printed and parsed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// All later bytes arrive this much later. The throughput is unchanged.
    Latency(Duration),
    /// The next `bytes` bytes arrive in pieces of `piece` bytes, with a pause after each.
    Trickle {
        /// The length of a piece in bytes.
        piece: u32,
        /// The time between two pieces.
        pause: Duration,
        /// Number of bytes that are slow.
        bytes: u32,
    },
    /// No byte is forwarded for this time. `None`: until the faults are stopped.
    Stall(Option<Duration>),
    /// Both directions are closed, as after `close()`. Later bytes are lost.
    Close,
    /// This direction is closed, as after `shutdown(SHUT_WR)`. The other direction remains open.
    HalfClose,
    /// The connection is reset.
    Reset,
    /// The bits of this mask are inverted in the next byte.
    FlipBits(u8),
    /// The next frames are lost.
    Drop {
        /// Number of lost frames.
        frames: u32,
    },
    /// The frame arrives twice in a row, in v5 in one segment.
    Duplicate,
    /// The frame arrives a second time after this number of further frames.
    Repeat {
        /// Number of frames between the two.
        after: u32,
    },
    /// The frame arrives after the next frame, or after this time if no frame follows.
    Reorder {
        /// The longest delay.
        within: Duration,
    },
    /// The frame arrives this much later. Later frames are not delayed.
    Late(Duration),
    /// The response arrives on another stream.
    Misdirect(OtherStream),
    /// The header states a wrong length of the body.
    Length(WrongLength),
    /// The bits of `mask` are inverted in one byte of a frame. In v5, the checksums of its segment are
    /// right.
    CorruptFrame {
        /// The corrupted part.
        part: FramePart,
        /// The position of the byte in the part, modulo the length of the part.
        offset: u32,
        /// The inverted bits.
        mask: u8,
    },
    /// The bits of `mask` are inverted in one byte of a segment of v5.
    CorruptSegment {
        /// The corrupted part.
        part: SegmentPart,
        /// The position of the byte in the part, modulo the length of the part.
        offset: u32,
        /// The inverted bits.
        mask: u8,
    },
    /// Events arrive that the server did not send.
    Events {
        /// Number of events.
        count: u32,
        /// The content of the events.
        event: FloodEvent,
    },
    /// A response arrives that the server did not send.
    Insert {
        /// The stream of the response.
        stream: OtherStream,
        /// The response.
        message: Inserted,
    },
    /// The compressed flag of a frame is inverted. In v5, the flag has no meaning.
    CompressionFlag,
}

/// A stream other than that of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherStream {
    /// The highest stream that the client has never used.
    Free,
    /// The lowest other stream on which the client waits for a response.
    InUse,
    /// Stream 0, which the driver never uses.
    Zero,
    /// Stream -1, which is that of events.
    Event,
}

/// A wrong length in the header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongLength {
    /// The true length minus this number, but not below 0.
    Shorter(u32),
    /// The true length plus this number.
    Longer(u32),
    /// The length -1.
    Negative,
    /// The longest possible length: 2 GiB - 1.
    Huge,
}

/// A part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramePart {
    /// The nine bytes of the header.
    Header,
    /// The body, as it is on the wire. The fault waits for a frame with a body.
    Body,
}

/// A part of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentPart {
    /// The header and its checksum.
    Header,
    /// The payload, as it is on the wire.
    Payload,
    /// The checksum of the payload.
    Checksum,
}

/// The content of events that the server did not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloodEvent {
    /// A node that is no member of the cluster came up.
    Up,
    /// A node that is no member of the cluster went down.
    Down,
    /// A node that is no member of the cluster joined.
    NewNode,
    /// A node that is no member of the cluster left.
    RemovedNode,
    /// A keyspace changed that does not exist.
    Keyspace,
    /// An event of an unknown type.
    Unknown,
}

/// A response that the server did not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// READY.
    Ready,
    /// A RESULT of the kind Void.
    Void,
    /// An ERROR with the code of server errors.
    ServerError,
    /// An ERROR that says that the server is overloaded.
    Overloaded,
}

impl Fault {
    /// Returns true if the fault changes frames or segments, and not only the stream of bytes.
    pub const fn changes_frames(&self) -> bool {
        !matches!(
            self,
            Self::Latency(_)
                | Self::Trickle { .. }
                | Self::Stall(_)
                | Self::Close
                | Self::HalfClose
                | Self::Reset
                | Self::FlipBits(_)
        )
    }

    /// Returns what the client, or for requests the server, can know about the fault.
    pub const fn honesty(&self, direction: Direction, framing: Framing) -> Honesty {
        match self {
            Self::Latency(_)
            | Self::Trickle { .. }
            | Self::Stall(_)
            | Self::Close
            | Self::HalfClose
            | Self::Reset
            // Servers lose and delay messages, and answer in any order.
            | Self::Drop { .. }
            | Self::Reorder { .. }
            | Self::Late(_)
            // Events are hints: the client reads the topology and the schema again.
            | Self::Events { .. } => Honesty::Honest,
            Self::FlipBits(_) => match framing {
                Framing::Encrypted | Framing::Segments => Honesty::Detectable,
                Framing::Frames => Honesty::Lying,
            },
            Self::Duplicate => match direction {
                // The server executes the request twice.
                Direction::Requests => Honesty::Lying,
                Direction::Responses => Honesty::Detectable,
            },
            Self::Length(_) | Self::CorruptSegment { .. } | Self::CompressionFlag => {
                Honesty::Detectable
            }
            Self::Repeat { .. } | Self::CorruptFrame { .. } => Honesty::Lying,
            Self::Misdirect(stream) | Self::Insert { stream, .. } => match stream {
                OtherStream::InUse => Honesty::Lying,
                OtherStream::Free | OtherStream::Zero | OtherStream::Event => Honesty::Detectable,
            },
        }
    }

    /// Returns the kind of the fault.
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::Latency(_) => FaultKind::Latency,
            Self::Trickle { .. } => FaultKind::Trickle,
            Self::Stall(Some(_)) => FaultKind::Stall,
            Self::Stall(None) => FaultKind::StallForever,
            Self::Close => FaultKind::Close,
            Self::HalfClose => FaultKind::HalfClose,
            Self::Reset => FaultKind::Reset,
            Self::FlipBits(_) => FaultKind::FlipBits,
            Self::Drop { .. } => FaultKind::Drop,
            Self::Duplicate => FaultKind::Duplicate,
            Self::Repeat { .. } => FaultKind::Repeat,
            Self::Reorder { .. } => FaultKind::Reorder,
            Self::Late(_) => FaultKind::Late,
            Self::Misdirect(OtherStream::InUse) => FaultKind::MisdirectInUse,
            Self::Misdirect(_) => FaultKind::MisdirectFree,
            Self::Length(WrongLength::Shorter(_)) => FaultKind::TooShort,
            Self::Length(WrongLength::Longer(_)) => FaultKind::TooLong,
            Self::Length(_) => FaultKind::AbsurdLength,
            Self::CorruptFrame { part: FramePart::Header, .. } => FaultKind::CorruptHeader,
            Self::CorruptFrame { part: FramePart::Body, .. } => FaultKind::CorruptBody,
            Self::CorruptSegment { part: SegmentPart::Header, .. } => {
                FaultKind::CorruptSegmentHeader
            }
            Self::CorruptSegment { part: SegmentPart::Payload, .. } => {
                FaultKind::CorruptSegmentPayload
            }
            Self::CorruptSegment { part: SegmentPart::Checksum, .. } => {
                FaultKind::CorruptSegmentChecksum
            }
            Self::Events { .. } => FaultKind::Events,
            Self::Insert { stream: OtherStream::InUse, .. } => FaultKind::InsertInUse,
            Self::Insert { .. } => FaultKind::InsertFree,
            Self::CompressionFlag => FaultKind::CompressionFlag,
        }
    }
}
