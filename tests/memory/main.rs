//! However long, many or deep the bytes claim to be: what is allocated for them is bounded by what
//! they are. Alone in its program, because it counts everything that is allocated there.

#[expect(dead_code, reason = "what the vectors decode to is for other tests")]
#[path = "../support/vectors.rs"]
mod golden;

use cqlwire::message::{RequestFrame, ResponseFrame};
use cqlwire::types::Value;
use cqlwire::wire::{Context, FrameDecoder};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What a body may decompress to here.
const LIMIT: usize = 1 << 20;

fn decode(bytes: &[u8], context: &Context) {
    let mut frames = FrameDecoder::new(*context);
    frames.extend(bytes);
    let Ok(Some(frame)) = frames.next_frame() else { return };
    if frame.header.is_response {
        let Ok(decoded) = ResponseFrame::decode(&frame, context) else { return };
        if let cqlwire::message::Response::Result(cqlwire::message::QueryResult::Rows(rows)) =
            decoded.response
        {
            let Ok(mut rows) = rows.rows::<Vec<Value>>() else { return };
            while let Some(Ok(_)) = rows.next() {}
        }
    } else if let Ok(plain) = frame.decompress(context) {
        let _may_fail = RequestFrame::decode(&plain, context);
    }
}

/// The bytes with a claim of every length written over every place in turn.
fn lies(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let claims: [&[u8]; 6] = [
        &[0xff; 4],
        &[0; 4],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0x80, 0, 0, 0],
        &[0, 0xff, 0xff, 0xff],
        &[0xff, 0xff],
    ];
    // The length of the body stays what it is, so that the body is looked at.
    (9..bytes.len()).flat_map(move |at| {
        claims.into_iter().map(move |claim| {
            let mut lie = bytes.to_vec();
            let end = (at + claim.len()).min(lie.len());
            lie[at..end].copy_from_slice(&claim[..end - at]);
            lie
        })
    })
}

#[test]
fn memory_is_bounded_by_the_input() {
    for vector in golden::all() {
        let context = Context { max_body: LIMIT, ..vector.context };
        for lie in std::iter::once(vector.bytes.clone()).chain(lies(&vector.bytes)) {
            let before = MEMORY.current_usage();
            MEMORY.reset_peak_usage();
            decode(&lie, &context);
            let peak = MEMORY.peak_usage().saturating_sub(before);
            let decompressed = if context.compression.is_some() { LIMIT } else { 0 };
            let bound = 16 * lie.len() + (64 << 10) + decompressed;
            assert!(peak <= bound, "{}: {peak} bytes for {lie:02x?}", vector.path.display());
        }
    }
}
