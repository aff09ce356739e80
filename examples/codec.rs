//! Encodes and decodes a request and its response, without a server or a runtime.
//!
//! `cargo run --example codec --no-default-features`

use cqlwire::message::{
    Query, Request, RequestFrame, Response, ResponseFrame, ResultMessage, Rows, RowsMetadata,
};
use cqlwire::types::{ColumnSpec, NativeType};
use cqlwire::wire::{Consistency, Context, FrameDecoder, FrameEncoder, Stream, Version};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let context = Context::from(Version::V4);
    let mut encoder = FrameEncoder::new(context);

    // The client encodes a request.
    let mut wire = Vec::new();
    let query =
        Query { text: "SELECT name FROM people".into(), parameters: Consistency::One.into() };
    RequestFrame::new(Stream(7), query).encode(&mut encoder, &mut wire)?;

    // The server decodes the request. Its bytes may arrive in pieces of any size.
    let mut frames = FrameDecoder::new(context);
    for byte in wire {
        frames.extend(&[byte]);
    }
    let frame = frames.next_frame()?.ok_or("incomplete frame")?;
    let request = RequestFrame::decode(&frame, &context)?;
    if let Request::Query(query) = &request.request {
        println!("stream {}: {} at {}", request.stream, query.text, query.parameters.consistency);
    }

    // The server encodes a response.
    let columns = vec![ColumnSpec::new("ks", "people", "name", NativeType::Text)];
    let rows = Rows {
        metadata: RowsMetadata::new(columns),
        count: 1,
        content: (&b"\0\0\0\x03ada"[..]).into(),
    };
    let mut wire = Vec::new();
    ResponseFrame::new(request.stream, ResultMessage::Rows(rows))
        .encode(&mut encoder, &mut wire)?;

    // The client decodes the response.
    frames.extend(&wire);
    let frame = frames.next_frame()?.ok_or("incomplete frame")?;
    let Response::Result(ResultMessage::Rows(rows)) =
        ResponseFrame::decode(&frame, &context)?.response
    else {
        return Err("the response has no rows".into());
    };
    for name in rows.rows::<&str>()? {
        println!("{}", name?);
    }
    Ok(())
}
