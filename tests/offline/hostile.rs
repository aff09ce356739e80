//! Truncated and corrupted golden vectors, which must give errors and never panic.

use cqlwire::message::{RequestFrame, Response, ResponseFrame, ResultMessage};
use cqlwire::types::Value;
use cqlwire::wire::{Context, DecodeError, FrameDecoder, FrameEncoder, RawFrame};

use crate::golden::all;

/// Decodes a frame. Returns its reencoded bytes, and true if all its rows can be read.
fn decode_and_reencode(
    frame: &RawFrame,
    context: &Context,
) -> Result<(Vec<u8>, bool), DecodeError> {
    let mut encoder = FrameEncoder::new(*context);
    let mut bytes = Vec::new();
    let mut readable = true;
    match frame.header.is_response {
        false => {
            let decoded = RequestFrame::decode(frame, context)?;
            decoded.encode(&mut encoder, &mut bytes).unwrap();
        }
        true => {
            let decoded = ResponseFrame::decode(frame, context)?;
            decoded.encode(&mut encoder, &mut bytes).unwrap();
            if let Response::Result(ResultMessage::Rows(rows)) = &decoded.response {
                readable = rows.rows::<Vec<Value>>().unwrap().all(|row| row.is_ok());
            }
        }
    }
    Ok((bytes, readable))
}

#[test]
fn a_truncated_frame_is_not_yielded() {
    for vector in all() {
        for end in 0..vector.bytes.len() {
            let mut frames = FrameDecoder::new(vector.context);
            frames.extend(&vector.bytes[..end]);
            assert_eq!(frames.next_frame(), Ok(None), "{} to {end}", vector.path.display());
        }
    }
}

#[test]
fn a_truncated_body_is_an_error_or_another_message() {
    let mut errors = 0;
    for vector in all() {
        let whole = vector.frame();
        for end in 0..whole.body.len() {
            let cut = RawFrame { body: whole.body.slice(..end), ..whole.clone() };
            let mut bytes = Vec::new();
            cut.encode(&mut bytes).unwrap();
            match decode_and_reencode(&cut, &vector.context) {
                Err(_) => errors += 1,
                // The frame decodes, but reading its rows fails.
                Ok((_, false)) => errors += 1,
                // The truncated body can be a valid shorter message.
                Ok((encoded, true)) => {
                    assert_eq!(encoded, bytes, "{} to {end}", vector.path.display());
                }
            }
        }
    }
    assert!(errors > 2_000, "only {errors} truncated bodies gave an error");
}

#[test]
fn a_changed_byte_does_not_panic() {
    for vector in all() {
        for index in 0..vector.bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = vector.bytes.clone();
                bytes[index] ^= flip;
                let mut frames = FrameDecoder::new(vector.context);
                frames.extend(&bytes);
                if let Ok(Some(frame)) = frames.next_frame() {
                    let context = Context { version: frame.header.version, ..vector.context };
                    let _may_fail = decode_and_reencode(&frame, &context);
                }
            }
        }
    }
}
