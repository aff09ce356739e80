//! Bounds on the length of responses, which are lower until the connection is open.

use super::*;

const LIMIT: usize = ConnectionOptions::MAX_HANDSHAKE_BODY;

fn refusal(length: usize) -> ServerError {
    ServerError::new(ErrorCode::Server, "x".repeat(length))
}

fn too_long(reason: &CloseReason) -> (u64, usize) {
    let CloseReason::Decode(error) = reason else { panic!("{reason}") };
    match error.kind() {
        DecodeErrorKind::FrameTooLong { length, limit }
        | DecodeErrorKind::DecompressedTooLong { length, limit } => (length, limit),
        _ => panic!("{error}"),
    }
}

/// The connection ends as soon as the header has arrived.
#[test]
fn a_long_response_ends_the_handshake() {
    for version in Version::ALL {
        let mut pair = Pair::new(ConnectionOptions { version, ..Default::default() });
        let (stream, _) = pair.expect_request();
        let [high, low] = stream.0.to_be_bytes();
        let length = u32::try_from(LIMIT + 1).unwrap().to_be_bytes();
        pair.receive(&[&[0x80 | version.number(), 0, high, low, 6], &length[..]].concat());
        assert_eq!(too_long(&pair.close_reason()), (LIMIT as u64 + 1, LIMIT));
    }
}

#[test]
fn the_limit_of_the_handshake_applies_to_decompressed_responses() {
    let compression = Some(Compression::Lz4);
    let mut pair = Pair::new(ConnectionOptions { compression, ..Default::default() });
    pair.expect_request();
    pair.answer(Supported { options: vec![("COMPRESSION".to_owned(), vec!["lz4".to_owned()])] });
    let (stream, _) = pair.expect_request();
    // The frame states a decompressed length just above the limit.
    let length = u32::try_from(LIMIT + 1).unwrap().to_be_bytes();
    let [high, low] = stream.0.to_be_bytes();
    pair.receive(&[&[0x84, 1, high, low, 3, 0, 0, 0, 5], &length[..], &[0]].concat());
    assert_eq!(too_long(&pair.close_reason()), (LIMIT as u64 + 1, LIMIT));
}

#[test]
fn a_long_response_is_allowed_once_the_connection_is_open() {
    for version in Version::ALL {
        let mut pair = Pair::open(ConnectionOptions { version, ..Default::default() });
        let stream = pair.query(SECOND).unwrap();
        pair.deliver();
        let values = vec!["x".repeat(60_000); 2 * LIMIT / 60_000];
        pair.respond(stream, Supported { options: vec![(String::new(), values)] });
        assert!(matches!(pair.client.poll_event(), Some(ConnectionEvent::Response { .. })));
    }
}

#[test]
fn a_lower_limit_of_the_connection_applies_to_the_handshake_as_well() {
    let mut pair = Pair::new(ConnectionOptions { max_body: 1_000, ..Default::default() });
    pair.expect_request();
    pair.answer(refusal(1_000));
    assert_eq!(too_long(&pair.close_reason()).1, 1_000);
}
