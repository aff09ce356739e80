//! Memory use of decoding hostile input, which must be bounded by the input's length whatever lengths
//! the input claims. This is a test program of its own, because it measures all its allocations.

#[expect(dead_code, reason = "only other tests use the decoded text of the vectors")]
#[path = "../support/vectors.rs"]
mod golden;

#[cfg(feature = "arrow-60")]
mod arrow;

use std::sync::Mutex;
use std::time::Instant;

use cqlwire::message::{RequestFrame, ResponseFrame};
use cqlwire::protocol::{ClientConnection, ConnectionOptions};
use cqlwire::types::Value;
use cqlwire::wire::{Context, FrameDecoder, Version};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The limit of a decompressed body, in bytes.
const LIMIT: usize = 1 << 20;

fn decode(bytes: &[u8], context: &Context) {
    let mut frames = FrameDecoder::new(*context);
    frames.extend(bytes);
    let Ok(Some(frame)) = frames.next_frame() else { return };
    if frame.header.is_response {
        let Ok(decoded) = ResponseFrame::decode(&frame, context) else { return };
        if let cqlwire::message::Response::Result(cqlwire::message::ResultMessage::Rows(rows)) =
            decoded.response
        {
            let Ok(mut rows) = rows.rows::<Vec<Value>>() else { return };
            while let Some(Ok(_)) = rows.next() {}
        }
    } else if let Ok(plain) = frame.decompress(context) {
        let _may_fail = RequestFrame::decode(&plain, context);
    }
}

/// Returns copies of the bytes, with each of several lengths written at each position.
fn with_wrong_lengths(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let claims: [&[u8]; 6] = [
        &[0xff; 4],
        &[0; 4],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0x80, 0, 0, 0],
        &[0, 0xff, 0xff, 0xff],
        &[0xff, 0xff],
    ];
    // The header is kept, because the body is decoded only if the frame's length is right.
    (9..bytes.len()).flat_map(move |at| {
        claims.into_iter().map(move |claim| {
            let mut changed = bytes.to_vec();
            let end = (at + claim.len()).min(changed.len());
            changed[at..end].copy_from_slice(&claim[..end - at]);
            changed
        })
    })
}

/// Held by each test, because only one test at a time may allocate.
static MEASURING: Mutex<()> = Mutex::new(());

#[test]
fn memory_is_bounded_by_the_input_length() {
    let _guard = MEASURING.lock().unwrap();
    for vector in golden::all() {
        let context = Context { max_body: LIMIT, ..vector.context };
        let original = std::iter::once(vector.bytes.clone());
        for input in original.chain(with_wrong_lengths(&vector.bytes)) {
            let before = MEMORY.current_usage();
            MEMORY.reset_peak_usage();
            decode(&input, &context);
            let peak = MEMORY.peak_usage().saturating_sub(before);
            let decompressed = if context.compression.is_some() { LIMIT } else { 0 };
            let bound = 16 * input.len() + (64 << 10) + decompressed;
            assert!(peak <= bound, "{}: {peak} bytes for {input:02x?}", vector.path.display());
        }
    }
}

/// Valid messages with as many small elements as fit, which is the most expensive input to decode.
#[test]
fn memory_is_bounded_for_many_small_elements() {
    let _guard = MEASURING.lock().unwrap();
    let many = 60_000_usize;
    let int = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
    let short = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
    let rows = |flags: u8, columns: usize, specs: &[u8]| {
        [&[0, 0, 0, 2, 0, 0, 0, flags][..], &int(columns), specs, &int(0)].concat()
    };
    let repeated = |bytes: &[u8]| bytes.repeat(many);
    let typed = |option: &[u8]| rows(1, 1, &[&[0; 6][..], option].concat());
    let requests: [(&str, u8, u8, Vec<u8>); 3] = [
        ("options of STARTUP", 0, 1, [&short(many)[..], &repeated(&[0, 0, 0, 0])].concat()),
        ("event types", 0, 11, [&short(many)[..], &repeated(&[0, 0])].concat()),
        (
            "statements of a batch",
            0,
            13,
            [&[0][..], &short(many), &repeated(&[1, 0, 0, 0, 0]), &[0, 1, 0]].concat(),
        ),
    ];
    let responses: [(&str, u8, u8, Vec<u8>); 15] = [
        (
            "columns of one table",
            0,
            8,
            rows(1, many, &[&[0; 4][..], &repeated(&[0, 0, 0, 9])].concat()),
        ),
        ("columns of a table each", 0, 8, rows(0, many, &repeated(&[0, 0, 0, 0, 0, 0, 0, 9]))),
        (
            "columns of alternating tables",
            0,
            8,
            rows(0, many, &[0, 0, 0, 0, 0, 0, 0, 9, 0, 1, b'a', 0, 0, 0, 0, 0, 9].repeat(many / 2)),
        ),
        (
            "elements of a tuple",
            0,
            8,
            typed(&[&[0, 0x31][..], &short(many), &repeated(&[0, 9])].concat()),
        ),
        (
            "lists in a tuple",
            0,
            8,
            typed(&[&[0, 0x31][..], &short(many), &repeated(&[0, 0x20, 0, 9])].concat()),
        ),
        (
            "maps in a tuple",
            0,
            8,
            typed(&[&[0, 0x31][..], &short(many), &repeated(&[0, 0x21, 0, 9, 0, 9])].concat()),
        ),
        (
            "empty tuples in a tuple",
            0,
            8,
            typed(&[&[0, 0x31][..], &short(many), &repeated(&[0, 0x31, 0, 0])].concat()),
        ),
        (
            "fields of a user type",
            0,
            8,
            typed(&[&[0, 0x30, 0, 0, 0, 0][..], &short(many), &repeated(&[0, 0, 0, 9])].concat()),
        ),
        (
            "custom types in a tuple",
            0,
            8,
            typed(&[&[0, 0x31][..], &short(many), &repeated(&[0, 0, 0, 0])].concat()),
        ),
        ("warnings", 8, 8, [&short(many)[..], &repeated(&[0, 0]), &int(1)].concat()),
        (
            "a payload",
            4,
            8,
            [&short(many)[..], &repeated(&[0, 0, 0xff, 0xff, 0xff, 0xff]), &int(1)].concat(),
        ),
        ("options", 0, 6, [&short(many)[..], &repeated(&[0, 0, 0, 0])].concat()),
        (
            "values of an option",
            0,
            6,
            [&[0, 1, 0, 0][..], &short(many), &repeated(&[0, 0])].concat(),
        ),
        ("a class with parameters", 0, 8, {
            let class = format!("TupleType({}a)", "a,".repeat(30_000));
            typed(&[&[0, 0][..], &short(class.len()), class.as_bytes()].concat())
        }),
        ("a class with honest parameters", 0, 8, {
            let class = "org.apache.cassandra.db.marshal.Int32Type,".repeat(1_500);
            let class = format!("TupleType({class}UTF8Type)");
            typed(&[&[0, 0][..], &short(class.len()), class.as_bytes()].concat())
        }),
    ];
    let requests = requests.map(|case| (0x04, case));
    let responses = responses.map(|case| (0x84, case));
    for (version, (name, flags, opcode, body)) in requests.into_iter().chain(responses) {
        let header = [version, flags, 0, 1, opcode];
        let bytes = [&header[..], &int(body.len()), &body].concat();
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        decode(&bytes, &Version::V4.into());
        let peak = MEMORY.peak_usage().saturating_sub(before);
        let bound = 16 * bytes.len() + (64 << 10);
        assert!(peak <= bound, "{name}: {peak} bytes of memory for {} of input", bytes.len());
    }
}

/// A SUPPORTED, before the server is authenticated, with as many empty strings as the bound allows, and
/// with more.
#[test]
fn memory_is_bounded_until_the_server_is_authenticated() {
    let _guard = MEASURING.lock().unwrap();
    let short = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
    // One option with 60,000 empty values.
    let option = [&short(0)[..], &short(60_000), &[0, 0].repeat(60_000)].concat();
    let bound = ConnectionOptions::MAX_HANDSHAKE_BODY;
    for options in [bound / option.len(), 32 * bound / option.len()] {
        let body = [&short(options)[..], &option.repeat(options)].concat();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let now = Instant::now();
        let mut connection = ClientConnection::new(ConnectionOptions::default(), now);
        connection.receive_buffer().extend_from_slice(&[0x84, 0, 0, 1, 6]);
        connection.receive_buffer().extend_from_slice(&length);
        for read in body.chunks(16 << 10) {
            if connection.is_closed() {
                break;
            }
            connection.receive_buffer().extend_from_slice(read);
            connection.handle_input(now);
        }
        let peak = MEMORY.peak_usage().saturating_sub(before);
        assert!(peak <= 16 * bound, "{peak} bytes of memory for {} of input", body.len());
        assert_eq!(connection.is_closed(), body.len() > bound);
    }
}
