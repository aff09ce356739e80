//! The target for the sans-IO connection: the input is a list of operations.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::message::{
    Authenticate, ErrorCode, Options, Ready, Request, RequestFrame, Response, ResponseFrame,
    ResultMessage, ServerError, Supported,
};
use crate::protocol::{ClientConnection, ConnectionEvent, ConnectionOptions};
use crate::wire::{
    Compression, Context, FrameDecoder, FrameEncoder, SegmentEncoder, Stream, Version,
};

/// A client connection, a simulated server, and the expected state of the requests.
struct Simulation {
    client: ClientConnection,
    server: FrameDecoder,
    segments: Option<SegmentEncoder>,
    context: Context,
    now: Instant,
    /// The streams of the requests that the server has not answered.
    unanswered: Vec<Stream>,
    /// The streams in use. The value is true while the caller waits for the response, and false if the
    /// request is orphaned.
    in_flight: BTreeMap<Stream, bool>,
    closed: bool,
}

/// Executes a list of operations on a connection. The first byte of `data` selects the options of the
/// connection. Two bytes follow for each operation: the operation and its argument.
///
/// The target asserts that no request has stream 0, that a stream is not reused before its response
/// arrives, that each request has exactly one outcome (a response, a timeout, a failure or a cancellation), and that no event follows
/// the end of the connection.
pub fn connection(data: &[u8]) {
    let Some((&setup, operations)) = data.split_first() else { return };
    let mut simulation = Simulation::new(setup);
    for operation in operations.chunks_exact(2) {
        let &[operation, argument] = operation else { return };
        simulation.execute(operation, argument);
        simulation.check_events();
    }
    simulation.client.handle_end_of_input();
    simulation.check_events();
    assert!(simulation.closed, "the connection is open after the end of its input");
    assert!(!simulation.in_flight.values().any(|waits| *waits), "a request has no outcome");
}

impl Simulation {
    fn new(setup: u8) -> Self {
        let versions = Version::ALL;
        let version = versions.get(usize::from(setup & 3)).copied().unwrap_or(Version::V4);
        let options = ConnectionOptions {
            version,
            compression: (setup & 4 != 0).then_some(Compression::Lz4),
            max_in_flight: 8,
            max_orphans: 3,
            max_body: 1 << 16,
            ..ConnectionOptions::default()
        };
        let now = Instant::now();
        Self {
            client: ClientConnection::new(options, now),
            server: FrameDecoder::new(version),
            segments: None,
            context: version.into(),
            now,
            unanswered: Vec::new(),
            in_flight: BTreeMap::new(),
            closed: false,
        }
    }

    fn execute(&mut self, operation: u8, argument: u8) {
        match operation % 8 {
            0 => self.send(argument),
            1 => self.deliver(usize::from(argument)),
            2 => self.deliver(usize::MAX),
            3 => self.answer(usize::from(argument), ResultMessage::Void.into()),
            4 => {
                let streams: Vec<_> = self.in_flight.keys().copied().collect();
                if let Some(stream) = streams.get(usize::from(argument)) {
                    self.client.cancel(*stream);
                    self.in_flight.insert(*stream, false);
                }
            }
            5 => {
                let duration = Duration::from_millis(u64::from(argument).saturating_mul(100));
                self.now = self.now.checked_add(duration).unwrap_or(self.now);
                self.client.handle_timeout(self.now);
            }
            // Bytes of 0xff start neither a valid frame nor a valid segment.
            6 => self.receive(&vec![0xff; usize::from(argument)]),
            _ if argument & 1 == 0 => {
                self.answer(0, Authenticate { authenticator: "a".into() }.into());
            }
            _ => {
                let code =
                    if argument & 2 == 0 { ErrorCode::Overloaded } else { ErrorCode::Server };
                self.respond(Stream(0), ServerError::new(code, "").into());
            }
        }
    }

    fn send(&mut self, timeout: u8) {
        let duration = Duration::from_millis(u64::from(timeout));
        let deadline = self.now.checked_add(duration).filter(|_| timeout != 0);
        let can_send = self.client.can_send();
        let request = RequestFrame::new(Stream(0), Options);
        match self.client.send(&request, deadline) {
            Ok(stream) => {
                assert!(can_send, "the connection exceeded its stream limit");
                assert!(stream.0 > 0, "a request has a stream that is not for requests");
                let previous = self.in_flight.insert(stream, true);
                assert_eq!(previous, None, "a stream was reused before its response");
            }
            Err(_) => {
                assert!(!can_send, "a request was refused although a stream is free");
            }
        }
    }

    /// Delivers up to `count` bytes from the client to the server, which answers the handshake.
    fn deliver(&mut self, count: usize) {
        let bytes = self.client.transmit();
        let bytes = bytes.get(..count).unwrap_or(bytes).to_vec();
        self.client.transmitted(bytes.len());
        self.server.extend(&bytes);
        while let Some(frame) = self.server.next_frame().expect("the client writes valid frames") {
            let request = RequestFrame::decode(&frame, &self.context).expect("a valid request");
            let is_open = self.client.is_open();
            self.unanswered.push(request.stream);
            match request.request {
                Request::Options(_) if !is_open => {
                    let compression = ("COMPRESSION".to_owned(), vec!["lz4".to_owned()]);
                    self.answer(0, Supported { options: vec![compression] }.into());
                }
                Request::Startup(startup) => {
                    let compression = startup.get("COMPRESSION").map(|_| Compression::Lz4);
                    self.context.compression = compression;
                    self.answer(0, Ready.into());
                    if self.context.version == Version::V5 {
                        self.server.start_segments(compression);
                        self.segments = Some(SegmentEncoder::new(compression));
                    }
                }
                _ => {}
            }
        }
    }

    /// Sends a response to the unanswered request at `index`.
    fn answer(&mut self, index: usize, response: Response) {
        if index >= self.unanswered.len() {
            return;
        }
        let stream = self.unanswered.remove(index);
        // The response to an orphan frees its stream without an event.
        self.in_flight.retain(|id, waits| *waits || *id != stream);
        self.respond(stream, response);
    }

    /// Sends a response on a stream.
    fn respond(&mut self, stream: Stream, response: Response) {
        let mut bytes = Vec::new();
        let frame = ResponseFrame::new(stream, response);
        frame
            .encode(&mut FrameEncoder::new(self.context), &mut bytes)
            .expect("the response encodes");
        if let Some(segments) = &mut self.segments {
            let frames = std::mem::take(&mut bytes);
            segments.encode(&frames, &mut bytes);
        }
        self.receive(&bytes);
    }

    fn receive(&mut self, bytes: &[u8]) {
        if !self.client.is_closed() {
            self.client.receive_buffer().extend_from_slice(bytes);
            self.client.handle_input(self.now);
        }
    }

    /// Polls all events and compares them with the expected state.
    fn check_events(&mut self) {
        while let Some(event) = self.client.poll_event() {
            assert!(!self.closed, "an event followed the end of the connection");
            match event {
                ConnectionEvent::Response { stream, .. }
                | ConnectionEvent::ResponseTooLong { stream, .. } => {
                    assert_eq!(
                        self.in_flight.remove(&stream),
                        Some(true),
                        "a response without a waiting caller"
                    );
                }
                ConnectionEvent::TimedOut { stream } => {
                    assert_eq!(
                        self.in_flight.insert(stream, false),
                        Some(true),
                        "a timeout without a waiting caller"
                    );
                }
                ConnectionEvent::RequestFailed { stream, .. } => {
                    assert_eq!(
                        self.in_flight.remove(&stream),
                        Some(true),
                        "a failure without a waiting caller"
                    );
                }
                ConnectionEvent::Closed(_) => self.closed = true,
                ConnectionEvent::UnattributedError(error) => {
                    assert_eq!(error.code, ErrorCode::Overloaded, "a fatal error was ignored");
                }
                ConnectionEvent::Opened
                | ConnectionEvent::ServerEvent(_)
                | ConnectionEvent::Unresponsive
                | ConnectionEvent::Responsive => {}
            }
        }
        let waiting = self.in_flight.values().filter(|waits| **waits).count();
        assert!(self.client.is_closed() || waiting <= self.client.in_flight());
    }
}
