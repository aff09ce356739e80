//! Splits bytes into frames and segments.

use serde_json::{Value, json};

use super::arguments::{DecodeArgs, Framing};
use super::frame::{DecodedFrame, decode_frame};
use super::input_error::{InputError, stream_length};
use crate::wire::{
    DecodeError, DecodeErrorKind, FrameDecoder, Header, Segment, SegmentDecoder, SegmentEncoder,
    Version,
};

/// A decoded frame, or the error of a frame that cannot be decoded.
pub(super) type FrameResult = Result<DecodedFrame, InputError>;

/// An item of a stream.
#[derive(Debug)]
pub(super) enum StreamItem {
    /// A frame.
    Frame(FrameResult),
    /// A segment, and the frames that end in it.
    Segment(DecodedSegment),
    /// An error after which the rest of the stream cannot be decoded.
    Failed(InputError),
}

/// A decoded segment.
#[derive(Debug)]
pub(super) struct DecodedSegment {
    pub(super) value: Value,
    pub(super) envelopes: Vec<FrameResult>,
    /// The segments that this crate's encoder writes for `envelopes`.
    pub(super) reencoded: Vec<u8>,
}

/// Splits a stream of bytes into frames and segments.
#[derive(Debug)]
pub(super) struct Stream<'a> {
    arguments: &'a DecodeArgs,
    frames: FrameDecoder,
    segments: Option<(SegmentDecoder, SegmentEncoder)>,
    /// Number of bytes received.
    received: u64,
    has_failed: bool,
}

impl<'a> Stream<'a> {
    pub(super) fn new(arguments: &'a DecodeArgs) -> Self {
        let segments = match arguments.segments {
            Framing::Bare => None,
            Framing::Segments(compression) => {
                Some((SegmentDecoder::new(compression), SegmentEncoder::new(compression)))
            }
        };
        // Any version would do here: the decoder reads the version of each frame from its header.
        let frames = FrameDecoder::new(Version::V4).max_body(arguments.max_body);
        Self { arguments, frames, segments, received: 0, has_failed: false }
    }

    /// Appends bytes to the stream.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.received = self.received.saturating_add(stream_length(bytes.len()));
        match &mut self.segments {
            Some((segments, _)) => segments.extend(bytes),
            None => self.frames.extend(bytes),
        }
    }

    /// Returns the next complete item, or `None` if more bytes are needed or the stream has failed.
    pub(super) fn next_item(&mut self) -> Option<StreamItem> {
        if self.has_failed {
            return None;
        }
        let item = match self.segments {
            Some(_) => self.next_segment().transpose(),
            None => self.next_frame().map(|found| found.map(StreamItem::Frame)).transpose(),
        };
        item.map(|item| item.unwrap_or_else(|error| self.fail(error)))
    }

    /// Checks that the stream may end here. Returns an error if it ends inside a frame or a segment.
    /// Returns `None` if it ends after a whole one, or if it has already failed.
    pub(super) fn finish(&mut self) -> Option<StreamItem> {
        if self.has_failed {
            return None;
        }
        let left = self.segments.as_mut().map_or(0, |(segments, _)| segments.buffer_mut().len());
        if left > 0 {
            let start = self.received.saturating_sub(stream_length(left));
            // The length of the segment is unknown until its header is complete, so the error asks
            // for one more byte.
            let error = InputError::truncated("segment", left.saturating_add(1), left, start);
            return Some(self.fail(error));
        }
        let start = self.frame_start(0);
        let error = incomplete_frame(self.frames.buffer_mut(), start)?;
        Some(self.fail(error))
    }

    /// Returns true after an error that makes the rest of the stream undecodable.
    pub(super) const fn has_failed(&self) -> bool {
        self.has_failed
    }

    fn fail(&mut self, error: InputError) -> StreamItem {
        self.has_failed = true;
        StreamItem::Failed(error)
    }

    /// Returns the position of a frame's first byte in the stream. `taken` is the number of bytes of
    /// the frame that have left the decoder's buffer. Returns 0 for a frame inside segments: such a
    /// frame may be split, so error offsets count from the start of the frame.
    fn frame_start(&mut self, taken: usize) -> u64 {
        match self.segments {
            Some(_) => 0,
            None => {
                let left = self.frames.buffer_mut().len();
                self.received.saturating_sub(stream_length(left.saturating_add(taken)))
            }
        }
    }

    fn next_frame(&mut self) -> Result<Option<FrameResult>, InputError> {
        match self.frames.next_frame() {
            Ok(None) => Ok(None),
            Ok(Some(frame)) => {
                let start = self.frame_start(Header::LENGTH.saturating_add(frame.body.len()));
                Ok(Some(decode_frame(&frame, start, self.arguments)))
            }
            Err(error) => {
                let start = self.frame_start(0);
                match error.is_recoverable() {
                    true => Ok(Some(Err(InputError::in_frame(error, start)))),
                    false => Err(InputError::fatal(error, start)),
                }
            }
        }
    }

    fn next_segment(&mut self) -> Result<Option<StreamItem>, InputError> {
        let Some((segments, _)) = &mut self.segments else { return Ok(None) };
        let start = self.received.saturating_sub(stream_length(segments.buffer_mut().len()));
        let found = segments.next_segment().map_err(|error| InputError::fatal(error, start))?;
        let Some(segment) = found else { return Ok(None) };
        let misplaced = InputError::fatal(MISPLACED, start);
        if segment.self_contained && !self.frames.is_empty() {
            return Err(misplaced);
        }
        self.frames.extend(&segment.payload);
        let mut envelopes = Vec::new();
        let failure = loop {
            match self.next_frame() {
                Ok(Some(envelope)) => envelopes.push(envelope),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let is_cut = segment.self_contained && !self.frames.is_empty();
        if let Some(error) = failure.or(is_cut.then_some(misplaced)) {
            self.has_failed = true;
            envelopes.push(Err(error));
        }
        let frames: Vec<&[u8]> = envelopes.iter().flatten().map(DecodedFrame::reencoded).collect();
        let mut reencoded = Vec::new();
        if let Some((_, encoder)) = &mut self.segments {
            encoder.encode(&frames.concat(), &mut reencoded);
        }
        Ok(Some(StreamItem::Segment(DecodedSegment {
            value: segment_json(&segment),
            envelopes,
            reencoded,
        })))
    }
}

/// The error of a self-contained segment that starts or ends inside a frame.
const MISPLACED: DecodeError =
    DecodeError::new(DecodeErrorKind::InvalidSegment, "self_contained", 0);

fn segment_json(segment: &Segment) -> Value {
    let length = segment.payload.len();
    json!({
        "self_contained": segment.self_contained,
        "payload_length": segment.compressed_length.unwrap_or(length),
        "uncompressed_length": segment.compressed_length.map(|_| length),
    })
}

/// Returns the error for a stream that ends inside a frame, or `None` if `rest` is empty. `rest` is
/// the received part of the frame, and `start` the position of its first byte in the stream.
fn incomplete_frame(rest: &[u8], start: u64) -> Option<InputError> {
    if rest.is_empty() {
        return None;
    }
    Some(match Header::decode(rest) {
        Ok(Some((_, body))) => {
            let left = rest.len().saturating_sub(Header::LENGTH);
            InputError::truncated(
                "body",
                body,
                left,
                start.saturating_add(stream_length(Header::LENGTH)),
            )
        }
        Ok(None) => InputError::truncated("header", Header::LENGTH, rest.len(), start),
        Err(error) => InputError::fatal(error, start),
    })
}
