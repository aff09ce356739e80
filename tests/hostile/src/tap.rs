//! A tap on one connection: splits both directions into frames, and changes those that are lied about.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use cqlwire::{
    message::{Request, RequestFrame, Startup},
    wire::{Compression, Context, FrameDecoder, Opcode, RawFrame, SegmentEncoder, Stream, Version},
};

use crate::{
    change::Changed,
    lie::{Direction, Lie, SeenFrame},
};

/// A tap on one connection.
#[derive(Debug)]
pub(crate) struct Tap {
    connection: u16,
    lie: Lie,
    requests: Half,
    responses: Half,
    /// The version and the compression that the client requested.
    context: Context,
    /// The texts of prepared statements are not known, so that an EXECUTE has no text.
    unanswered: HashMap<Stream, String>,
}

/// One direction of a connection.
#[derive(Debug)]
struct Half {
    frames: FrameDecoder,
    segments: Option<SegmentEncoder>,
    /// True if the bytes are no frames. They are then forwarded as they come.
    is_opaque: bool,
}

/// Number of characters of a statement that name the request.
const SHOWN: usize = 60;

impl Half {
    fn new() -> Self {
        Self { frames: FrameDecoder::new(Version::V4), segments: None, is_opaque: false }
    }

    fn start_segments(&mut self, compression: Option<Compression>) {
        self.frames.start_segments(compression);
        self.segments = Some(SegmentEncoder::new(compression));
    }

    /// Returns the next frame of the bytes that were appended. If they are no frame, forwards them.
    fn next_frame(&mut self, out: &mut BytesMut) -> Option<RawFrame> {
        match self.frames.next_frame() {
            Ok(frame) => frame,
            Err(_) => {
                self.is_opaque = true;
                out.extend_from_slice(&self.frames.buffer_mut().split());
                None
            }
        }
    }

    /// Appends frames to the bytes of this direction. Returns the number of bytes.
    fn forward(&mut self, frames: &[u8], out: &mut BytesMut) -> usize {
        let mut bytes = Vec::new();
        match &mut self.segments {
            Some(segments) => segments.encode(frames, &mut bytes),
            None => bytes.extend_from_slice(frames),
        }
        out.extend_from_slice(&bytes);
        bytes.len()
    }
}

impl Tap {
    pub(crate) fn new(connection: u16, lie: Lie) -> Self {
        Self {
            connection,
            lie,
            requests: Half::new(),
            responses: Half::new(),
            context: Version::V4.into(),
            unanswered: HashMap::new(),
        }
    }

    /// Handles bytes of the client, and appends what the server receives.
    pub(crate) fn handle_requests(&mut self, bytes: &[u8], out: &mut BytesMut) {
        if self.requests.is_opaque {
            return out.extend_from_slice(bytes);
        }
        self.requests.frames.extend(bytes);
        while let Some(frame) = self.requests.next_frame(out) {
            self.context.version = frame.header.version;
            let plain = frame.clone().decompress(&self.context).unwrap_or(frame.clone());
            let name = self.name_request(&plain);
            self.unanswered.insert(frame.header.stream, name.clone());
            self.forward(Direction::Request, &frame, plain.body, name, out);
        }
    }

    /// Handles bytes of the server, and appends what the client receives.
    pub(crate) fn handle_responses(&mut self, bytes: &[u8], out: &mut BytesMut) {
        if self.responses.is_opaque {
            return out.extend_from_slice(bytes);
        }
        self.responses.frames.extend(bytes);
        while let Some(frame) = self.responses.next_frame(out) {
            let name = self.unanswered.remove(&frame.header.stream);
            let name = name.unwrap_or_else(|| "no request".to_owned());
            let answers_startup = name == "STARTUP";
            let plain = frame.clone().decompress(&self.context).unwrap_or(frame.clone());
            self.forward(Direction::Response, &frame, plain.body, name, out);
            let is_accepted = matches!(frame.header.opcode, Opcode::Ready | Opcode::Authenticate);
            if answers_startup && is_accepted && frame.header.version >= Version::V5 {
                self.requests.start_segments(self.context.compression);
                self.responses.start_segments(self.context.compression);
            }
        }
    }

    /// Forwards a frame, changed if it is lied about.
    fn forward(
        &mut self,
        direction: Direction,
        frame: &RawFrame,
        body: Bytes,
        request: String,
        out: &mut BytesMut,
    ) {
        let context = self.context;
        let half = match direction {
            Direction::Request => &mut self.requests,
            Direction::Response => &mut self.responses,
        };
        let seen = SeenFrame {
            direction,
            connection: self.connection,
            request,
            header: frame.header,
            body,
            context,
            is_in_segment: half.segments.is_some(),
        };
        let change = self.lie.handle_frame(&seen);
        let Some(change) = change else {
            let mut bytes = Vec::new();
            frame.encode(&mut bytes).expect("a body that was received is not too long");
            half.forward(&bytes, out);
            return;
        };
        let plain = change.plain_length(&seen);
        let wire = match change.apply(&seen) {
            Changed::Frames(frames) => half.forward(&frames, out),
            Changed::Wire(bytes) => {
                out.extend_from_slice(&bytes);
                bytes.len()
            }
        };
        self.lie.record_size(wire, plain);
    }

    /// Returns the name of a request: its opcode, and the beginning of its statement. Learns the
    /// compression from STARTUP.
    fn name_request(&mut self, frame: &RawFrame) -> String {
        let opcode = frame.header.opcode;
        let Ok(decoded) = RequestFrame::decode(frame, &self.context) else {
            return opcode.to_string();
        };
        let text = match &decoded.request {
            Request::Startup(startup) => {
                let compression =
                    startup.options.iter().find(|(name, _)| name == Startup::COMPRESSION);
                self.context.compression = compression.and_then(|(_, name)| name.parse().ok());
                return opcode.to_string();
            }
            Request::Query(query) => &query.text,
            Request::Prepare(prepare) => &prepare.text,
            _ => return opcode.to_string(),
        };
        let shown: String = text.chars().take(SHOWN).collect();
        format!("{opcode} {}", shown.trim())
    }
}
