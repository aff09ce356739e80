//! One frame: its fields, and its bytes as we would write them.

use serde_json::Value;

use super::arguments::DecodeArgs;
use super::fault::{Fault, length};
use super::fields::{self, hex, object};
use crate::message::{RequestFrame, Response, ResponseFrame, ResultMessage};
use crate::wire::{
    BytesMap, Context, DecodeError, DecodeErrorKind, EncodeError, FrameEncoder, FrameFlags, Header,
    RawFrame,
};

/// A frame that was decoded.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) value: Value,
    /// What our encoder writes for it; empty if nobody asked.
    reencoded: Vec<u8>,
}

impl Decoded {
    pub(super) fn reencoded(&self) -> &[u8] {
        &self.reencoded
    }
}

/// Decodes a frame that begins `begin` bytes into the input.
pub(super) fn decode(
    frame: &RawFrame,
    begin: u64,
    arguments: &DecodeArgs,
) -> Result<Decoded, Fault> {
    let header = &frame.header;
    let in_frame = |error| Fault::in_frame(error, begin);
    // What goes wrong inside of the body is counted from its first byte.
    let in_body = |error: DecodeError| match error.kind() {
        DecodeErrorKind::WrongDirection => in_frame(error),
        _ => Fault::in_frame(error, begin.saturating_add(length(Header::LENGTH))),
    };
    let context = arguments.context(header.version);
    let plain = frame.clone().decompress(&context).map_err(in_frame)?;
    let mut encoder = FrameEncoder::new(Context {
        compression: context.compression.filter(|_| header.is_compressed()),
        ..context
    });
    let mut bytes = Vec::new();
    let (beside, encoded) = match header.is_response {
        false => {
            let request = RequestFrame::decode(&plain, &context).map_err(in_body)?;
            let encoded = arguments.reencode.then(|| request.encode(&mut encoder, &mut bytes));
            (beside_request(&request, header), encoded)
        }
        true => {
            let response = ResponseFrame::decode(&plain, &context).map_err(in_body)?;
            let encoded = arguments.reencode.then(|| response.encode(&mut encoder, &mut bytes));
            (beside_response(&response, &plain).map_err(in_body)?, encoded)
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
        ("tracing_id", beside.tracing_id),
        ("warnings", beside.warnings),
        ("custom_payload", beside.custom_payload),
        ("message", beside.message),
        ("trailing", beside.trailing.into()),
    ]);
    add_reencoded(&mut value, encoded, &bytes);
    Ok(Decoded { value, reencoded: bytes })
}

/// What differs between requests and responses, as it is shown.
struct Beside {
    tracing_id: Value,
    warnings: Value,
    custom_payload: Value,
    message: Value,
    trailing: String,
}

fn beside_request(frame: &RequestFrame<'_>, header: &Header) -> Beside {
    Beside {
        tracing_id: Value::Null,
        warnings: Value::Array(Vec::new()),
        custom_payload: custom_payload(&frame.custom_payload, header),
        message: fields::request(&frame.request),
        trailing: hex(&frame.trailing),
    }
}

fn beside_response(frame: &ResponseFrame, plain: &RawFrame) -> Result<Beside, DecodeError> {
    let (message, trailing) = match &frame.response {
        // Rows keep what stands behind them.
        Response::Result(ResultMessage::Rows(rows)) => {
            let before = plain.body.len().saturating_sub(rows.content.len());
            fields::rows(rows, before)?
        }
        response => (fields::response(response), hex(&frame.trailing)),
    };
    Ok(Beside {
        tracing_id: frame.tracing_id.map(|id| id.to_string()).into(),
        warnings: frame.warnings.clone().into(),
        custom_payload: custom_payload(&frame.custom_payload, &plain.header),
        message,
        trailing,
    })
}

/// The payload; null if the frame has none, which is not the same as an empty one.
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
