//! Decodes one frame, and encodes it again.

use serde_json::Value;

use super::arguments::DecodeArgs;
use super::fields::{self, hex, object};
use super::input_error::{InputError, stream_length};
use crate::message::{RequestFrame, Response, ResponseFrame, ResultMessage};
use crate::wire::{
    BytesMap, Context, DecodeError, DecodeErrorKind, EncodeError, FrameEncoder, FrameFlags, Header,
    RawFrame,
};

/// A decoded frame.
#[derive(Debug)]
pub(super) struct DecodedFrame {
    pub(super) value: Value,
    /// The bytes that this crate's encoder writes for the frame; empty without `--reencode`.
    reencoded: Vec<u8>,
}

impl DecodedFrame {
    pub(super) fn reencoded(&self) -> &[u8] {
        &self.reencoded
    }
}

/// Decodes a frame that starts at the byte `start` of the input.
pub(super) fn decode_frame(
    frame: &RawFrame,
    start: u64,
    arguments: &DecodeArgs,
) -> Result<DecodedFrame, InputError> {
    let header = &frame.header;
    let in_frame = |error| InputError::in_frame(error, start);
    // The offset of an error inside the body counts from the first byte of the body.
    let in_body = |error: DecodeError| match error.kind() {
        DecodeErrorKind::WrongDirection => in_frame(error),
        _ => InputError::in_frame(error, start.saturating_add(stream_length(Header::LENGTH))),
    };
    let context = arguments.context(header.version);
    let plain = frame.clone().decompress(&context).map_err(in_frame)?;
    let mut encoder = FrameEncoder::new(Context {
        compression: context.compression.filter(|_| header.is_compressed()),
        ..context
    });
    let mut bytes = Vec::new();
    let (parts, encoded) = match header.is_response {
        false => {
            let request = RequestFrame::decode(&plain, &context).map_err(in_body)?;
            let encoded = arguments.reencode.then(|| request.encode(&mut encoder, &mut bytes));
            (request_parts(&request, header), encoded)
        }
        true => {
            let response = ResponseFrame::decode(&plain, &context).map_err(in_body)?;
            let encoded = arguments.reencode.then(|| response.encode(&mut encoder, &mut bytes));
            (response_parts(&response, &plain).map_err(in_body)?, encoded)
        }
    };
    let mut value = object([
        ("ok", true.into()),
        ("version", header.version.number().into()),
        ("response", header.is_response.into()),
        ("flags", header.flags.names().collect()),
        ("header_flags", header.flags.bits().into()),
        ("stream", header.stream.0.into()),
        ("opcode", header.opcode.to_string().into()),
        ("body_length", frame.body.len().into()),
        ("tracing_id", parts.tracing_id),
        ("warnings", parts.warnings),
        ("custom_payload", parts.custom_payload),
        ("message", parts.message),
        ("trailing", parts.trailing.into()),
    ]);
    add_reencoded(&mut value, encoded, &bytes);
    Ok(DecodedFrame { value, reencoded: bytes })
}

/// The printed parts of a body. Requests and responses fill them in different ways.
struct BodyParts {
    tracing_id: Value,
    warnings: Value,
    custom_payload: Value,
    message: Value,
    trailing: String,
}

fn request_parts(frame: &RequestFrame<'_>, header: &Header) -> BodyParts {
    BodyParts {
        tracing_id: Value::Null,
        warnings: Value::Array(Vec::new()),
        custom_payload: custom_payload(&frame.custom_payload, header),
        message: fields::request(&frame.request),
        trailing: hex(&frame.trailing),
    }
}

fn response_parts(frame: &ResponseFrame, plain: &RawFrame) -> Result<BodyParts, DecodeError> {
    let (message, trailing) = match &frame.response {
        // The content of rows includes all bytes after the last cell.
        Response::Result(ResultMessage::Rows(rows)) => {
            let content_start = plain.body.len().saturating_sub(rows.content.len());
            fields::rows(rows, content_start)?
        }
        response => (fields::response(response), hex(&frame.trailing)),
    };
    Ok(BodyParts {
        tracing_id: frame.tracing_id.map(|id| id.to_string()).into(),
        warnings: frame.warnings.clone().into(),
        custom_payload: custom_payload(&frame.custom_payload, &plain.header),
        message,
        trailing,
    })
}

/// Returns the custom payload, or null if the frame has none. A payload without entries is an empty
/// object.
fn custom_payload(payload: &BytesMap, header: &Header) -> Value {
    match payload.is_empty() && !header.flags.contains(FrameFlags::CUSTOM_PAYLOAD) {
        true => Value::Null,
        false => fields::map(payload, |bytes| fields::bytes(bytes.as_deref())),
    }
}

fn add_reencoded(value: &mut Value, encoded: Option<Result<(), EncodeError>>, bytes: &[u8]) {
    let Value::Object(value) = value else { return };
    match encoded {
        None => {}
        Some(Ok(())) => {
            value.insert("reencoded".into(), hex(bytes).into());
        }
        Some(Err(error)) => {
            value.insert("reencoded".into(), Value::Null);
            value.insert("reencode_error".into(), error.to_string().into());
        }
    }
}
