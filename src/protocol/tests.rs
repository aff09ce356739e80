//! Tests of the state machine against a scripted server, with a clock that only the test advances.

mod bounds;
#[cfg(feature = "driver")]
mod large;
mod liveness;
mod unattributed;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::*;
use crate::message::{
    AuthChallenge, AuthSuccess, Authenticate, ErrorCode, Event, Options, Query, Ready, Request,
    RequestFrame, Response, ResponseFrame, ResultMessage, ServerError, Startup, StatusChange,
    Supported,
};
use crate::wire::{
    Compression, Consistency, Context, DecodeErrorKind, FrameDecoder, FrameEncoder, RawFrame,
    SegmentDecoder, SegmentEncoder, Stream, Version,
};

/// Both ends of a connection, and the clock.
struct Pair {
    client: ClientConnection,
    server: FrameDecoder,
    /// `Some` once frames travel in segments.
    segments: Option<SegmentEncoder>,
    context: Context,
    /// The stream of the last request that reached the server.
    last: Stream,
    now: Instant,
}

impl Pair {
    fn new(options: ConnectionOptions) -> Self {
        let now = Instant::now();
        let context = options.version.into();
        let server = FrameDecoder::new(options.version);
        let (client, last) = (ClientConnection::new(options, now), Stream::default());
        Self { client, server, segments: None, context, last, now }
    }

    fn open(options: ConnectionOptions) -> Self {
        let mut pair = Self::new(options);
        let Request::Options(_) = pair.expect_request().1 else { panic!() };
        let offer = vec![("COMPRESSION".to_owned(), vec!["lz4".to_owned()])];
        pair.answer(Supported { options: offer });
        let Request::Startup(startup) = pair.expect_request().1 else { panic!() };
        pair.context.compression = startup.get("COMPRESSION").map(|_| Compression::Lz4);
        pair.answer(Ready);
        if pair.context.version == Version::V5 {
            pair.server.start_segments(pair.context.compression);
            pair.segments = Some(SegmentEncoder::new(pair.context.compression));
        }
        assert_eq!(pair.client.poll_event(), Some(ConnectionEvent::Opened));
        pair
    }

    /// Delivers the client's outbound bytes to the server.
    fn deliver(&mut self) {
        let bytes = self.client.transmit().to_vec();
        self.client.transmitted(bytes.len());
        self.server.extend(&bytes);
    }

    fn expect_request(&mut self) -> (Stream, Request<'static>) {
        self.deliver();
        let frame = self.server.next_frame().unwrap().expect("a request");
        let frame: &'static RawFrame =
            Box::leak(Box::new(frame.decompress(&self.context).unwrap()));
        let decoded = RequestFrame::decode(frame, &self.context).unwrap();
        self.last = decoded.stream;
        (decoded.stream, decoded.request)
    }

    fn respond(&mut self, stream: Stream, response: impl Into<Response>) {
        let mut bytes = Vec::new();
        let frame = ResponseFrame::new(stream, response);
        frame.encode(&mut FrameEncoder::new(self.context), &mut bytes).unwrap();
        if let Some(segments) = &mut self.segments {
            let frames = std::mem::take(&mut bytes);
            segments.encode(&frames, &mut bytes);
        }
        self.receive(&bytes);
    }

    /// Responds to the last request that reached the server.
    fn answer(&mut self, response: impl Into<Response>) {
        self.respond(self.last, response);
    }

    fn receive(&mut self, bytes: &[u8]) {
        BytesMut::extend_from_slice(self.client.receive_buffer(), bytes);
        self.client.handle_input(self.now);
    }

    fn query(&mut self, timeout: Duration) -> Result<Stream, SendError> {
        let parameters = Consistency::One.into();
        let query = Query { text: "SELECT".into(), parameters };
        let request = RequestFrame::new(Stream(99), query);
        self.client.send(&request, Some(self.now + timeout))
    }

    fn advance(&mut self, time: Duration) {
        self.now += time;
        self.client.handle_timeout(self.now);
    }

    fn close_reason(&mut self) -> CloseReason {
        let mut events = std::iter::from_fn(|| self.client.poll_event());
        let Some(ConnectionEvent::Closed(reason)) =
            events.find(|event| matches!(event, ConnectionEvent::Closed(_)))
        else {
            panic!("the connection is still open")
        };
        assert_eq!(events.next(), None);
        reason
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// Checks the table in the documentation of [`ClientConnection`].
#[test]
fn every_call_changes_only_what_its_driver_polls_again() {
    const fn assert_send<T: Send>(_: &T) {}
    let mut pair = Pair::new(ConnectionOptions::default());
    assert_send(&pair.client);
    assert_eq!(pair.client.poll_event(), None);
    assert!(!pair.client.transmit().is_empty());
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + 5 * SECOND));

    let mut pair = Pair::open(ConnectionOptions { max_orphans: 0, ..Default::default() });
    let idle = pair.client.poll_timeout();
    let stream = pair.query(SECOND).unwrap();
    assert_eq!(pair.client.poll_event(), None);
    assert_ne!(pair.client.poll_timeout(), idle);
    let bytes = pair.client.transmit().to_vec();
    assert_eq!(pair.client.transmit(), bytes, "unwritten bytes are returned again");
    pair.client.transmitted(1);
    assert_eq!(pair.client.transmit(), &bytes[1..]);
    assert_eq!(pair.client.poll_event(), None);

    pair.client.cancel(stream);
    assert_eq!(pair.close_reason(), CloseReason::TooManyOrphans(1));
    assert_eq!(pair.client.poll_timeout(), None);
    assert!(pair.client.transmit().is_empty());
}

#[test]
fn requests_compression_only_if_the_server_supports_it() {
    let options = ConnectionOptions { compression: Some(Compression::Lz4), ..Default::default() };
    for (offered, requested) in [("LZ4", Some(Compression::Lz4)), ("snappy", None)] {
        let mut pair = Pair::new(options.clone());
        pair.expect_request();
        let offer = vec![("COMPRESSION".to_owned(), vec![offered.to_owned()])];
        pair.answer(Supported { options: offer });
        let (_, Request::Startup(startup)) = pair.expect_request() else { panic!() };
        assert_eq!(startup.get(Startup::COMPRESSION), requested.map(Compression::name));
        assert_eq!(startup.get(Startup::CQL_VERSION), Some("3.0.0"));
        pair.answer(Ready);
        assert!(pair.client.is_open());
        assert_eq!(pair.client.context().compression, requested);
    }
}

/// Requests do not wait for the response to REGISTER, which may be a refusal.
#[test]
fn registers_for_graceful_disconnects_when_the_connection_opens() {
    let refusal = ServerError::new(ErrorCode::Protocol, "no");
    for answer in [Response::from(Ready), Response::from(refusal)] {
        let mut pair = Pair::new(ConnectionOptions::default());
        pair.expect_request();
        let offer = vec![("GRACEFUL_DISCONNECT".to_owned(), vec!["true".to_owned()])];
        pair.answer(Supported { options: offer });
        pair.expect_request();
        pair.answer(Ready);
        assert_eq!(pair.client.poll_event(), Some(ConnectionEvent::Opened));
        let sent = pair.query(SECOND).unwrap();
        let (register, Request::Register(_)) = pair.expect_request() else { panic!() };
        let (query, Request::Query(_)) = pair.expect_request() else { panic!() };
        pair.respond(query, ResultMessage::Void);
        let Some(ConnectionEvent::Response { stream, .. }) = pair.client.poll_event() else {
            panic!()
        };
        assert!(stream == sent && stream == query);
        pair.respond(register, answer);
        assert_eq!((pair.client.poll_event(), pair.client.in_flight()), (None, 0));
        assert!(pair.client.is_open());
    }
}

#[test]
fn authenticates_if_the_server_requires_it() {
    let cassandra = "org.apache.cassandra.auth.PasswordAuthenticator";
    let dse = "com.datastax.bdp.cassandra.auth.DseAuthenticator";
    let password = &b"\0ada\0s3cret"[..];
    let challenge = || AuthChallenge { token: Some(Bytes::from_static(b"PLAIN-START")) };
    for (class, tokens) in [(cassandra, vec![password]), (dse, vec![b"PLAIN", password])] {
        let mut pair = Pair::new(with_credentials());
        pair.expect_request();
        pair.answer(Supported { options: vec![] });
        pair.expect_request();
        pair.answer(Authenticate { authenticator: class.into() });
        for (index, token) in tokens.into_iter().enumerate() {
            if index > 0 {
                pair.answer(challenge());
            }
            let (_, Request::AuthResponse(response)) = pair.expect_request() else { panic!() };
            assert_eq!(response.token.as_deref(), Some(token));
        }
        pair.answer(AuthSuccess { token: None });
        assert_eq!(pair.client.poll_event(), Some(ConnectionEvent::Opened));
    }

    let mut pair = Pair::new(ConnectionOptions::default());
    pair.expect_request();
    pair.answer(Supported { options: vec![] });
    pair.expect_request();
    pair.answer(Authenticate { authenticator: cassandra.into() });
    let reason = pair.close_reason();
    assert!(reason.is_authentication());
    assert_eq!(
        reason.to_string(),
        "the server requires a user name and a password (PasswordAuthenticator)"
    );
}

/// Options with the credentials of the user `ada`.
fn with_credentials() -> ConnectionOptions {
    let authenticator: Arc<dyn Authenticator> = Arc::new(Credentials::new("ada", "s3cret"));
    ConnectionOptions { authenticator: Some(authenticator), ..Default::default() }
}

/// Checks the `Debug` output of both ends at every step.
#[test]
fn debug_output_omits_secrets() {
    let is_shown = |debug: String| {
        let bytes = b"s3cret".map(|byte| byte.to_string());
        let hex = b"s3cret".map(|byte| format!("{byte:x}"));
        let separators = [", ", " ", ""];
        let lists = separators.map(|separator| bytes.join(separator));
        let hexes = separators.map(|separator| hex.join(separator));
        let mut all = lists.iter().chain(&hexes).map(String::as_str).chain(["s3cret"]);
        all.any(|shown| debug.contains(shown))
    };
    assert!(is_shown(format!("{:?}", b"a s3cret")) && is_shown(format!("{:?}", "a s3cret")));
    assert!(is_shown(format!("{:?}", Bytes::from_static(b"a s3cret"))));
    for version in Version::ALL {
        let mut pair = Pair::new(ConnectionOptions { version, ..with_credentials() });
        let mut seen = vec![format!("{:?}", with_credentials())];
        pair.expect_request();
        pair.answer(Supported { options: vec![] });
        pair.expect_request();
        let authenticator = "org.apache.cassandra.auth.PasswordAuthenticator".into();
        pair.answer(Authenticate { authenticator });
        if version == Version::V5 {
            pair.server.start_segments(None);
            pair.segments = Some(SegmentEncoder::new(None));
        }
        seen.push(format!("{:?}", pair.client));
        let bytes = pair.client.transmit().to_vec();
        assert!(
            bytes.windows(6).any(|window| window == b"s3cret"),
            "the password is in the bytes to send"
        );
        seen.push(format!("{:?}", pair.client));
        pair.client.transmitted(bytes.len());
        pair.server.extend(&bytes);
        seen.push(format!("{:?}", pair.server));
        let frame = pair.server.next_frame().unwrap().unwrap();
        seen.push(format!("{frame:?}"));
        seen.push(format!("{:?}", RequestFrame::decode(&frame, &pair.context).unwrap()));
        let mut segments = SegmentDecoder::new(None);
        segments.extend(&bytes);
        seen.push(format!("{segments:?}"));
        if version == Version::V5 {
            seen.push(format!("{:?}", segments.next_segment().unwrap().unwrap()));
        }
        // The tokens of a server may be secret, too.
        let token = || Some(Bytes::from_static(b"s3cret"));
        let challenge = ResponseFrame::new(Stream(0), AuthChallenge { token: token() });
        let success = ResponseFrame::new(Stream(0), AuthSuccess { token: token() });
        for response in [challenge, success] {
            let mut bytes = Vec::new();
            response.encode(&mut FrameEncoder::new(version), &mut bytes).unwrap();
            let mut frames = FrameDecoder::new(version);
            frames.extend(&bytes);
            seen.push(format!("{response:?} {frames:?} {:?}", frames.next_frame()));
        }
        pair.answer(ServerError::new(ErrorCode::Authentication, "wrong"));
        seen.push(format!("{:?}", pair.client));
        let reason = pair.close_reason();
        seen.push(format!("{reason:?} {reason}"));
        for debug in seen {
            assert!(!is_shown(debug.clone()), "{debug}");
        }
    }
}

#[test]
fn recognizes_a_server_of_an_older_version() {
    let mut pair = Pair::new(ConnectionOptions::default());
    pair.context = Version::V3.into();
    let message = "Invalid or unsupported protocol version (4); the greatest is 3";
    pair.respond(Stream(0), ServerError::new(ErrorCode::Protocol, message));
    assert_eq!(pair.close_reason().lower_version(), Some(Version::V3));
    // Some servers respond in the version that they do not support.
    let mut pair = Pair::new(ConnectionOptions::default());
    pair.respond(Stream(0), ServerError::new(ErrorCode::Protocol, message));
    assert_eq!(pair.close_reason().lower_version(), Some(Version::V3));
    let beta = "Beta version of the protocol used (5/v5-beta), but USE_BETA flag is unset";
    let mut pair = Pair::new(ConnectionOptions { version: Version::V5, ..Default::default() });
    pair.respond(Stream(0), ServerError::new(ErrorCode::Protocol, beta));
    assert_eq!(pair.close_reason().lower_version(), Some(Version::V4));
    // There is no version below v3, and other refusals are not caused by the version.
    let mut pair = Pair::new(ConnectionOptions { version: Version::V3, ..Default::default() });
    pair.respond(Stream(0), ServerError::new(ErrorCode::Protocol, message));
    assert_eq!(pair.close_reason().lower_version(), None);
    let mut pair = Pair::new(ConnectionOptions::default());
    pair.respond(Stream(0), ServerError::new(ErrorCode::Bootstrapping, "not yet"));
    let reason = pair.close_reason();
    assert_eq!(reason.lower_version(), None);
    assert!(reason.is_starting());
}

#[test]
fn matches_responses_to_requests_in_any_order() {
    let mut pair = Pair::open(ConnectionOptions::default());
    let streams = [(); 3].map(|()| pair.query(SECOND).unwrap());
    for stream in streams {
        assert_eq!(pair.expect_request().0, stream);
    }
    for stream in streams.into_iter().rev() {
        pair.respond(stream, ResultMessage::Void);
        let Some(ConnectionEvent::Response { stream: responded, .. }) = pair.client.poll_event()
        else {
            panic!()
        };
        assert_eq!(responded, stream);
    }
    assert_eq!(pair.client.in_flight(), 0);
}

#[test]
fn a_late_response_frees_its_stream_without_an_event() {
    let mut pair = Pair::open(ConnectionOptions { max_in_flight: 2, ..Default::default() });
    let stream = pair.query(SECOND).unwrap();
    pair.query(9 * SECOND).unwrap();
    pair.advance(SECOND / 2);
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + SECOND / 2));
    pair.advance(SECOND / 2);
    assert_eq!(pair.client.poll_event(), Some(ConnectionEvent::TimedOut { stream }));
    assert_eq!(pair.query(SECOND), Err(SendError::NoStream));
    pair.respond(stream, ResultMessage::Void);
    assert_eq!(pair.client.poll_event(), None);
    assert!(pair.query(SECOND).is_ok_and(|next| next != stream));
}

#[test]
fn too_many_orphans_close_the_connection() {
    let mut pair = Pair::open(ConnectionOptions { max_orphans: 2, ..Default::default() });
    for _ in 0..2 {
        let stream = pair.query(SECOND).unwrap();
        pair.client.cancel(stream);
    }
    assert!(pair.client.is_open());
    pair.query(SECOND).unwrap();
    pair.advance(SECOND);
    assert_eq!(pair.close_reason(), CloseReason::TooManyOrphans(3));
}

#[test]
fn the_handshake_times_out() {
    let mut pair = Pair::new(ConnectionOptions::default());
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + 5 * SECOND));
    assert_eq!(pair.query(SECOND), Err(SendError::NotOpen));
    pair.advance(5 * SECOND);
    assert_eq!(pair.close_reason(), CloseReason::HandshakeTimeout);
}

#[test]
fn knows_which_requests_were_written_when_the_connection_ends() {
    let mut pair = Pair::open(ConnectionOptions::default());
    let whole = pair.query(SECOND).unwrap();
    let first_half = pair.client.transmit().len();
    let half = pair.query(SECOND).unwrap();
    let none = pair.query(SECOND).unwrap();
    pair.client.transmitted(first_half + 1);
    pair.client.handle_end_of_input();
    let mut failed: Vec<_> = std::iter::from_fn(|| pair.client.poll_event()).collect();
    let end = ConnectionEvent::Closed(CloseReason::EndOfInput { mid_frame: false });
    assert_eq!(failed.pop(), Some(end));
    let expected = [(whole, true), (half, true), (none, false)];
    assert_eq!(
        failed,
        expected.map(|(stream, written)| ConnectionEvent::RequestFailed { stream, written })
    );
    assert!(pair.client.transmit().is_empty());
    assert_eq!(pair.query(SECOND), Err(SendError::NotOpen));
}

#[test]
fn a_protocol_violation_closes_the_connection() {
    let respond = |stream| {
        move |pair: &mut Pair| {
            pair.respond(stream, ResultMessage::Void);
        }
    };
    type Act<'a> = &'a dyn Fn(&mut Pair);
    let error = || ServerError::new(ErrorCode::Protocol, "what was that?");
    let cases: [(Act<'_>, CloseReason); 4] = [
        (&respond(Stream(7)), CloseReason::UnknownStream(Stream(7))),
        (&|pair| pair.respond(Stream(7), error()), CloseReason::ServerError(error())),
        (&|pair| pair.receive(&[4, 0, 0, 0, 5, 0, 0, 0, 0]), {
            CloseReason::Unexpected(crate::wire::Opcode::Options)
        }),
        (&|pair| pair.receive(b"HTTP/1.1"), {
            let kind = DecodeErrorKind::UnsupportedVersion(b'H');
            CloseReason::Decode(crate::wire::DecodeError::new(kind, "version", 0))
        }),
    ];
    for (act, expected) in cases {
        let mut pair = Pair::open(ConnectionOptions::default());
        act(&mut pair);
        assert_eq!(pair.close_reason(), expected);
    }
}

#[test]
fn reports_events_of_the_server() {
    let mut pair = Pair::open(ConnectionOptions::default());
    let address = "127.0.0.1:9042".parse().unwrap();
    let event = Event::Status { change: StatusChange::Down, address };
    pair.respond(Stream::EVENT, event.clone());
    let Some(ConnectionEvent::ServerEvent(frame)) = pair.client.poll_event() else { panic!() };
    assert_eq!(frame.response, Response::Event(event));
}

#[test]
fn distinguishes_an_incomplete_frame_from_a_clean_end() {
    let mut pair = Pair::open(ConnectionOptions::default());
    pair.receive(&[0x84, 0, 0]);
    pair.client.handle_end_of_input();
    assert_eq!(pair.close_reason(), CloseReason::EndOfInput { mid_frame: true });
}

#[test]
fn still_writes_a_request_that_timed_out_unwritten() {
    let mut pair = Pair::open(ConnectionOptions::default());
    let stream = pair.query(SECOND).unwrap();
    pair.advance(SECOND);
    assert_eq!(pair.client.poll_event(), Some(ConnectionEvent::TimedOut { stream }));
    assert_eq!(pair.expect_request().0, stream);
}

#[test]
fn a_response_that_is_too_long_fails_only_its_request() {
    let mut pair = Pair::open(ConnectionOptions { max_body: 100, ..Default::default() });
    let long = pair.query(SECOND).unwrap();
    let short = pair.query(SECOND).unwrap();
    pair.deliver();
    pair.respond(long, ServerError::new(ErrorCode::Invalid, "x".repeat(200)));
    let Some(ConnectionEvent::ResponseTooLong { stream, error }) = pair.client.poll_event() else {
        panic!()
    };
    assert_eq!(stream, long);
    assert_eq!(error.kind(), DecodeErrorKind::FrameTooLong { length: 206, limit: 100 });
    pair.respond(short, ResultMessage::Void);
    assert!(matches!(pair.client.poll_event(), Some(ConnectionEvent::Response { .. })));
    assert_eq!(pair.client.in_flight(), 0);
}

#[test]
fn closes_a_connection_with_nothing_but_orphans() {
    let mut pair = Pair::open(ConnectionOptions { max_in_flight: 2, ..Default::default() });
    for _ in 0..2 {
        let stream = pair.query(SECOND).unwrap();
        pair.client.cancel(stream);
    }
    assert_eq!(pair.close_reason(), CloseReason::TooManyOrphans(2));
}

#[test]
fn timeouts_beyond_the_clock_never_occur() {
    let never = Duration::MAX;
    let mut pair = Pair::open(ConnectionOptions {
        handshake_timeout: never,
        heartbeat_interval: never,
        ..Default::default()
    });
    assert_eq!(pair.client.poll_timeout(), None);
    pair.advance(1_000_000 * SECOND);
    assert!(pair.client.transmit().is_empty());
    let mut pair = Pair::open(ConnectionOptions { heartbeat_timeout: never, ..Default::default() });
    pair.advance(30 * SECOND);
    pair.advance(1_000_000 * SECOND);
    assert!(pair.client.is_open());
    let options =
        ConnectionOptions { probe_after: never, probe_timeout: never, ..Default::default() };
    let mut pair = Pair::open(options);
    pair.query(90 * SECOND).unwrap();
    pair.advance(Duration::ZERO);
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + 30 * SECOND));
}

#[test]
fn postpones_a_heartbeat_if_no_stream_is_free() {
    let options = ConnectionOptions { max_in_flight: Stream::COUNT, ..Default::default() };
    let mut pair = Pair::open(options);
    for _ in 0..Stream::COUNT {
        pair.query(100 * SECOND).unwrap();
    }
    pair.advance(30 * SECOND);
    pair.advance(30 * SECOND);
    assert!(pair.client.is_open());
}

#[test]
fn memory_stays_bounded_while_the_socket_is_always_behind() {
    let mut pair = Pair::open(ConnectionOptions::default());
    let text = "x".repeat(100_000);
    let mut sent = 0;
    for _ in 0..1_000 {
        let query = Query { text: text.as_str().into(), parameters: Consistency::One.into() };
        let stream = pair.client.send(&RequestFrame::new(Stream(0), query), None).unwrap();
        // Each time, one byte remains unwritten.
        let ready = pair.client.transmit().len() - 1;
        pair.client.transmitted(ready);
        sent += ready;
        assert_eq!(pair.client.backlog(), 1);
        pair.respond(stream, ResultMessage::Void);
    }
    assert!(sent > 90_000_000);
    assert!(pair.client.out.capacity() < 1_000_000);
}

#[test]
fn a_long_request_leaves_no_large_buffer_behind() {
    for mut pair in [Pair::open(ConnectionOptions::default()), v5(None), v5(Some(Compression::Lz4))]
    {
        let text = "x".repeat(10 << 20);
        let query = Query { text: text.into(), parameters: Consistency::One.into() };
        pair.client.send(&RequestFrame::new(Stream(0), query), None).unwrap();
        while pair.client.backlog() > 0 {
            let ready = pair.client.transmit().len();
            pair.client.transmitted(ready);
        }
        assert!(pair.client.out.capacity() <= 1 << 20, "{}", pair.client.out.capacity());
    }
}

fn v5(compression: Option<Compression>) -> Pair {
    Pair::open(ConnectionOptions { version: Version::V5, compression, ..Default::default() })
}

#[test]
fn v5_frames_travel_in_segments_after_the_response_to_startup() {
    for compression in [None, Some(Compression::Lz4)] {
        let mut pair = v5(compression);
        let stream = pair.query(SECOND).unwrap();
        assert_eq!(pair.expect_request().0, stream);
        // A request that needs several segments, then a response that fits in one segment.
        let text = "x".repeat(300_000);
        let long = Query { text: text.as_str().into(), parameters: Consistency::One.into() };
        pair.client.send(&RequestFrame::new(Stream(0), long), None).unwrap();
        let (_, Request::Query(query)) = pair.expect_request() else { panic!() };
        assert_eq!(query.text, text);
        pair.respond(stream, ServerError::new(ErrorCode::Invalid, "y".repeat(60_000)));
        let Some(ConnectionEvent::Response { frame, .. }) = pair.client.poll_event() else {
            panic!()
        };
        let answer = ResponseFrame::decode(&frame, pair.client.context()).unwrap();
        assert!(matches!(answer.response, Response::Error(error) if error.message.len() == 60_000));
    }
}

#[test]
fn v5_reads_segments_directly_after_the_response_to_startup() {
    let mut pair = Pair::new(ConnectionOptions { version: Version::V5, ..Default::default() });
    pair.expect_request();
    pair.answer(Supported { options: vec![] });
    pair.expect_request();
    let mut encoder = FrameEncoder::new(Version::V5);
    let mut bytes = Vec::new();
    ResponseFrame::new(pair.last, Ready).encode(&mut encoder, &mut bytes).unwrap();
    let address = "127.0.0.1:9042".parse().unwrap();
    let event = Event::Status { change: StatusChange::Up, address };
    let mut frame = Vec::new();
    ResponseFrame::new(Stream::EVENT, event).encode(&mut encoder, &mut frame).unwrap();
    SegmentEncoder::new(None).encode(&frame, &mut bytes);
    pair.receive(&bytes);
    assert_eq!(pair.client.poll_event(), Some(ConnectionEvent::Opened));
    assert!(matches!(pair.client.poll_event(), Some(ConnectionEvent::ServerEvent(_))));
}

#[test]
fn v5_invalid_segments_close_the_connection() {
    let mut whole = Vec::new();
    ResponseFrame::new(Stream::EVENT, Ready)
        .encode(&mut FrameEncoder::new(Version::V5), &mut whole)
        .unwrap();
    let segment = |payload: &[u8]| {
        let mut bytes = Vec::new();
        SegmentEncoder::new(None).encode(payload, &mut bytes);
        bytes
    };
    // Half a frame in a segment that is marked as self-contained.
    let mut pair = v5(None);
    pair.receive(&segment(&whole[..5]));
    let CloseReason::Decode(error) = pair.close_reason() else { panic!() };
    assert_eq!((error.field(), error.kind()), ("self_contained", DecodeErrorKind::InvalidSegment));
    // A flipped bit.
    let mut pair = v5(None);
    let mut flipped = segment(&whole);
    flipped[8] ^= 1;
    pair.receive(&flipped);
    let CloseReason::Decode(error) = pair.close_reason() else { panic!() };
    assert_eq!(error.kind(), DecodeErrorKind::WrongChecksum);
}

#[test]
fn v5_knows_which_requests_were_written_by_their_segments() {
    let mut pair = v5(None);
    let first = pair.query(SECOND).unwrap();
    let one_segment = pair.client.transmit().len();
    let second = pair.query(SECOND).unwrap();
    assert!(pair.client.transmit().len() > one_segment);
    let third = pair.query(SECOND).unwrap();
    pair.client.transmitted(one_segment);
    pair.client.handle_end_of_input();
    let failed: Vec<_> = std::iter::from_fn(|| pair.client.poll_event()).take(3).collect();
    let expected = [(first, true), (second, false), (third, false)];
    assert_eq!(
        failed,
        expected.map(|(stream, written)| ConnectionEvent::RequestFailed { stream, written })
    );
}

#[test]
fn an_error_instead_of_ready_closes_the_connection() {
    // v5 does not specify whether segments begin after an ERROR.
    for version in Version::ALL {
        let mut pair = Pair::new(ConnectionOptions { version, ..Default::default() });
        pair.expect_request();
        pair.answer(Supported { options: vec![] });
        pair.expect_request();
        let error = || ServerError::new(ErrorCode::Protocol, "CQL_VERSION?");
        pair.answer(error());
        assert_eq!(pair.close_reason(), CloseReason::Refused(error()));
    }
}

#[test]
fn the_response_to_startup_may_be_compressed() {
    let compression = Some(Compression::Lz4);
    let mut pair = Pair::new(ConnectionOptions { compression, ..Default::default() });
    pair.expect_request();
    let offer = vec![("COMPRESSION".to_owned(), vec!["lz4".to_owned()])];
    pair.answer(Supported { options: offer });
    pair.expect_request();
    let stream = pair.last.0.to_be_bytes();
    pair.receive(&[&[0x84, 1], &stream[..], &[2, 0, 0, 0, 5, 0, 0, 0, 0, 0]].concat());
    assert_eq!(pair.client.poll_event(), Some(ConnectionEvent::Opened));
}

#[test]
fn an_unsolicited_error_with_a_payload_is_the_close_reason() {
    let error = ServerError::new(ErrorCode::Overloaded, "slow down");
    let frame = ResponseFrame {
        custom_payload: vec![("retry-after".to_owned(), Some(Bytes::from_static(b"1")))],
        ..ResponseFrame::new(Stream(7), error.clone())
    };
    let mut bytes = Vec::new();
    frame.encode(&mut FrameEncoder::new(Version::V4), &mut bytes).unwrap();
    let mut pair = Pair::open(ConnectionOptions::default());
    pair.receive(&bytes);
    assert_eq!(pair.close_reason(), CloseReason::ServerError(error));
    // A response with the flag for a custom payload, but without a payload.
    bytes.clear();
    let frame = ResponseFrame::new(Stream(7), ServerError::new(ErrorCode::Overloaded, ""));
    frame.encode(&mut FrameEncoder::new(Version::V4), &mut bytes).unwrap();
    bytes[1] = 0x04;
    let mut pair = Pair::open(ConnectionOptions::default());
    pair.receive(&bytes);
    assert_eq!(pair.close_reason(), CloseReason::UnknownStream(Stream(7)));
}
