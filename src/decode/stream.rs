//! Frames out of bytes, with segments around them or not.

use serde_json::{Value, json};

use super::arguments::{DecodeArgs, Framing};
use super::fault::{Fault, length};
use super::frame::{Decoded, decode};
use crate::wire::{
    DecodeError, DecodeErrorKind, FrameDecoder, Header, Segment, SegmentDecoder, SegmentEncoder,
    Version,
};

/// A frame that was found: what is in it, or what is wrong with it.
pub(super) type Envelope = Result<Decoded, Fault>;

/// What is found next in a stream.
#[derive(Debug)]
pub(super) enum Piece {
    /// A frame.
    Frame(Envelope),
    /// A segment, and the frames that end in it.
    Segment(Found),
    /// Something that the stream does not go on after.
    Broken(Fault),
}

/// A segment that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) value: Value,
    pub(super) envelopes: Vec<Envelope>,
    /// The segments that we would write for these frames.
    pub(super) reencoded: Vec<u8>,
}

/// Finds frames and segments in bytes.
#[derive(Debug)]
pub(super) struct Stream<'a> {
    arguments: &'a DecodeArgs,
    frames: FrameDecoder,
    segments: Option<(SegmentDecoder, SegmentEncoder)>,
    /// How many bytes have come in.
    received: u64,
    is_broken: bool,
}

impl<'a> Stream<'a> {
    pub(super) fn new(arguments: &'a DecodeArgs) -> Self {
        let segments = match arguments.segments {
            Framing::Bare => None,
            Framing::Segments(compression) => {
                Some((SegmentDecoder::new(compression), SegmentEncoder::new(compression)))
            }
        };
        // Each frame says which version it is of.
        let frames = FrameDecoder::new(Version::V4).max_body(arguments.max_body);
        Self { arguments, frames, segments, received: 0, is_broken: false }
    }

    /// Adds bytes.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.received = self.received.saturating_add(length(bytes.len()));
        match &mut self.segments {
            Some((segments, _)) => segments.extend(bytes),
            None => self.frames.extend(bytes),
        }
    }

    /// The next thing that is whole.
    pub(super) fn next_piece(&mut self) -> Option<Piece> {
        if self.is_broken {
            return None;
        }
        let piece = match self.segments {
            Some(_) => self.next_segment().transpose(),
            None => self.next_frame().map(|found| found.map(Piece::Frame)).transpose(),
        };
        piece.map(|piece| piece.unwrap_or_else(|fault| self.broken(fault)))
    }

    /// What stands at the end of the stream and is not whole.
    pub(super) fn end(&mut self) -> Option<Piece> {
        if self.is_broken {
            return None;
        }
        let left = self.segments.as_mut().map_or(0, |(segments, _)| segments.buffer_mut().len());
        if left > 0 {
            let begin = self.received.saturating_sub(length(left));
            // How much is missing cannot be known of a segment whose header is not whole.
            let fault = Fault::truncated("segment", left.saturating_add(1), left, begin);
            return Some(self.broken(fault));
        }
        let begin = self.frame_begin(0);
        let fault = unfinished(self.frames.buffer_mut(), begin)?;
        Some(self.broken(fault))
    }

    /// Whether nothing can be found any more.
    pub(super) const fn is_broken(&self) -> bool {
        self.is_broken
    }

    fn broken(&mut self, fault: Fault) -> Piece {
        self.is_broken = true;
        Piece::Broken(fault)
    }

    /// Where a frame begins of which `taken` bytes were taken out of the decoder; one out of
    /// segments, which may have come in pieces, is counted from its own begin.
    fn frame_begin(&mut self, taken: usize) -> u64 {
        match self.segments {
            Some(_) => 0,
            None => {
                let left = self.frames.buffer_mut().len();
                self.received.saturating_sub(length(left.saturating_add(taken)))
            }
        }
    }

    fn next_frame(&mut self) -> Result<Option<Envelope>, Fault> {
        match self.frames.next_frame() {
            Ok(None) => Ok(None),
            Ok(Some(frame)) => {
                let begin = self.frame_begin(Header::LENGTH.saturating_add(frame.body.len()));
                Ok(Some(decode(&frame, begin, self.arguments)))
            }
            Err(error) => {
                let begin = self.frame_begin(0);
                match error.is_recoverable() {
                    true => Ok(Some(Err(Fault::in_frame(error, begin)))),
                    false => Err(Fault::fatal(error, begin)),
                }
            }
        }
    }

    fn next_segment(&mut self) -> Result<Option<Piece>, Fault> {
        let Some((segments, _)) = &mut self.segments else { return Ok(None) };
        let begin = self.received.saturating_sub(length(segments.buffer_mut().len()));
        let found = segments.next_segment().map_err(|error| Fault::fatal(error, begin))?;
        let Some(segment) = found else { return Ok(None) };
        let misplaced = Fault::fatal(MISPLACED, begin);
        if segment.self_contained && !self.frames.is_empty() {
            return Err(misplaced);
        }
        self.frames.extend(&segment.payload);
        let mut envelopes = Vec::new();
        let broken = loop {
            match self.next_frame() {
                Ok(Some(envelope)) => envelopes.push(envelope),
                Ok(None) => break None,
                Err(fault) => break Some(fault),
            }
        };
        let is_cut = segment.self_contained && !self.frames.is_empty();
        if let Some(fault) = broken.or(is_cut.then_some(misplaced)) {
            self.is_broken = true;
            envelopes.push(Err(fault));
        }
        let frames: Vec<&[u8]> = envelopes.iter().flatten().map(Decoded::reencoded).collect();
        let mut reencoded = Vec::new();
        if let Some((_, encoder)) = &mut self.segments {
            encoder.encode(&frames.concat(), &mut reencoded);
        }
        Ok(Some(Piece::Segment(Found { value: describe(&segment), envelopes, reencoded })))
    }
}

/// A segment that promises whole frames, and begins or ends inside of one.
const MISPLACED: DecodeError =
    DecodeError::new(DecodeErrorKind::Contradiction, "self_contained", 0);

fn describe(segment: &Segment) -> Value {
    let length = segment.payload.len();
    json!({
        "self_contained": segment.self_contained,
        "payload_length": segment.compressed_length.unwrap_or(length),
        "uncompressed_length": segment.compressed_length.map(|_| length),
    })
}

/// What is wrong with a stream that ends with these bytes, `begin` bytes after its own begin.
fn unfinished(rest: &[u8], begin: u64) -> Option<Fault> {
    if rest.is_empty() {
        return None;
    }
    Some(match Header::decode(rest) {
        Ok(Some((_, body))) => {
            let left = rest.len().saturating_sub(Header::LENGTH);
            Fault::truncated("body", body, left, begin.saturating_add(length(Header::LENGTH)))
        }
        Ok(None) => Fault::truncated("header", Header::LENGTH, rest.len(), begin),
        Err(error) => Fault::fatal(error, begin),
    })
}
