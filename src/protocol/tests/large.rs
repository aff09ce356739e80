//! Large requests, whose bytes are sent without being copied.

use super::*;
use crate::message::{Execute, Parameters};
use crate::types::{ColumnSpec, NativeType, ValuesBuffer};
use crate::wire::{Header, LargeFrame, MAX_SEGMENT_PAYLOAD, Opcode, SharedBytes};

/// Connections with and without segments.
fn pairs() -> [Pair; 3] {
    [Pair::open(ConnectionOptions::default()), v5(None), v5(Some(Compression::Lz4))]
}

/// Returns bytes that only differ by `seed`, and that LZ4 compresses in part.
fn value(length: usize, seed: usize) -> Bytes {
    let byte = |index: usize| (index.wrapping_mul(index / 512 + seed) % 251) as u8;
    (0..length).map(byte).collect()
}

/// Sends a request with a blob of `length` bytes, which is not copied if it is long.
fn send(pair: &mut Pair, length: usize, seed: usize) -> Stream {
    let column = ColumnSpec::new("ks", "t", "v", NativeType::Blob);
    let values = (value(length, seed),);
    let mut buffer = ValuesBuffer::new();
    let mut parameters = Parameters::from(Consistency::One);
    parameters.values = buffer.bind(&values, &[column]).unwrap();
    parameters.timestamp = Some(1);
    let result_metadata_id = (pair.context.version == Version::V5).then(|| b"id"[..].into());
    let execute = Execute { id: b"id"[..].into(), result_metadata_id, parameters };
    let mut encoder = FrameEncoder::sharing(*pair.client.context());
    let mut frame = Vec::new();
    RequestFrame::new(Stream(0), execute).encode(&mut encoder, &mut frame).unwrap();
    let shared = encoder.take_shared();
    match shared.is_empty() {
        true => pair.client.send_frame(&frame, None).unwrap(),
        false => pair.client.send_large(LargeFrame::take(&mut frame, shared), None).unwrap(),
    }
}

/// Writes `count` bytes to the server, or fewer if fewer wait. Returns false if none waits.
fn write(pair: &mut Pair, count: usize) -> bool {
    let mut bytes = match pair.client.has_parts() {
        true => pair.client.transmit_parts().iter().flat_map(|part| part.to_vec()).collect(),
        false => pair.client.transmit().to_vec(),
    };
    bytes.truncate(count);
    pair.client.transmitted(bytes.len());
    pair.server.extend(&bytes);
    !bytes.is_empty()
}

#[test]
fn large_frames_keep_their_places_between_small_ones() {
    let lengths = [10, 40_000, 100, 40_000, 300_000, 131_000, 1, 1, 5_000_000, 20, 700_000];
    for count in [usize::MAX, 999_999, 65_537] {
        for mut pair in pairs() {
            let mut sent = Vec::new();
            for (seed, length) in lengths.into_iter().enumerate() {
                sent.push((send(&mut pair, length, seed), length, seed));
                if seed % 3 == 0 {
                    write(&mut pair, count);
                }
            }
            while write(&mut pair, count) {
                assert!(pair.client.out.capacity() <= 1 << 20, "{}", pair.client.out.capacity());
            }
            assert_eq!(pair.client.backlog(), 0);
            for (stream, length, seed) in sent {
                let frame = pair.server.next_frame().unwrap().expect("a request");
                let frame = frame.decompress(&pair.context).unwrap();
                let decoded = RequestFrame::decode(&frame, &pair.context).unwrap();
                assert_eq!(decoded.stream, stream);
                let Request::Execute(execute) = decoded.request else { panic!("an EXECUTE") };
                assert_eq!(execute.parameters.timestamp, Some(1));
                let bytes = execute.parameters.values.iter().next().and_then(|v| v.value.bytes());
                assert!(bytes.is_some_and(|bytes| bytes == value(length, seed)), "{length}");
            }
            assert!(pair.server.is_empty());
        }
    }
}

#[test]
fn a_large_request_counts_as_written_once_its_first_byte_is() {
    for mut pair in pairs() {
        let streams = [10, 1_000_000, 500_000].map(|length| send(&mut pair, length, 1));
        write(&mut pair, 1);
        let mut written = 1;
        while written < 300_000 {
            write(&mut pair, 1_000);
            written += 1_000;
        }
        assert!(pair.client.backlog() > 500_000);
        pair.client.close(CloseReason::Local);
        for (stream, written) in streams.into_iter().zip([true, true, false]) {
            let failed = ConnectionEvent::RequestFailed { stream, written };
            assert_eq!(pair.client.poll_event(), Some(failed));
        }
        assert!(pair.client.transmit().is_empty());
        assert_eq!(pair.client.backlog(), 0);
    }
}

#[test]
fn a_heartbeat_waits_until_a_large_request_is_sent() {
    for mut pair in pairs() {
        send(&mut pair, 10_000_000, 1);
        while pair.client.backlog() > 5_000_000 {
            write(&mut pair, 100_000);
        }
        // The heartbeat stands behind the large request.
        let backlog = pair.client.backlog();
        pair.advance(60 * SECOND);
        // No more bytes of the request are put into segments.
        assert_eq!(pair.client.backlog(), backlog + Header::LENGTH);
        while write(&mut pair, 100_000) {
            pair.advance(SECOND / 10);
            assert!(pair.client.out.capacity() <= 1 << 20, "{}", pair.client.out.capacity());
        }
        assert!(pair.client.is_responsive());
        let opcodes: Vec<_> = std::iter::from_fn(|| pair.server.next_frame().unwrap())
            .map(|frame| frame.header.opcode)
            .collect();
        assert_eq!(opcodes, [Opcode::Execute, Opcode::Options]);
    }
}

#[test]
fn the_bytes_after_a_heartbeat_do_not_count_as_progress() {
    for mut pair in pairs() {
        send(&mut pair, 500_000, 1);
        pair.advance(60 * SECOND);
        send(&mut pair, 20_000_000, 2);
        while pair.client.is_responsive() {
            assert!(write(&mut pair, 100_000), "the server is silent, but counts as responsive");
            pair.advance(SECOND / 10);
        }
    }
}

#[test]
fn a_call_packs_few_bytes_of_a_large_request_that_compresses_well() {
    let mut pair = v5(Some(Compression::Lz4));
    let frame = [&[5, 0, 0, 0, 10][..], &16_000_000_u32.to_be_bytes(), &[0; 16_000_000]].concat();
    let large = LargeFrame::take(&mut frame.clone(), SharedBytes::default());
    pair.client.send_large(large, None).unwrap();
    let mut left = frame.len();
    while left > 0 {
        let bytes = pair.client.transmit().to_vec();
        let pending = pair.client.backlog() - bytes.len();
        assert!(left - pending <= 3 * MAX_SEGMENT_PAYLOAD, "{}", left - pending);
        left = pending;
        pair.server.extend(&bytes);
        pair.client.transmitted(bytes.len());
    }
    let received = pair.server.next_frame().unwrap().expect("the frame");
    assert!(received.body == frame[9..]);
}
