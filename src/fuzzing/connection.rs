//! The connection as a state machine, driven by operations instead of bytes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::message::{
    Authenticate, Options, Ready, Request, RequestFrame, Response, ResponseFrame, ResultMessage,
    Supported,
};
use crate::protocol::{ClientConnection, ConnectionEvent, ConnectionOptions};
use crate::wire::{
    Compression, Context, FrameDecoder, FrameEncoder, SegmentEncoder, Stream, Version,
};

/// A client, the server it talks to, and what the client's user knows.
struct World {
    client: ClientConnection,
    server: FrameDecoder,
    segments: Option<SegmentEncoder>,
    context: Context,
    now: Instant,
    /// The requests that the server has not answered.
    asked: Vec<Stream>,
    /// The streams in use, and whether anybody waits on them still.
    in_flight: BTreeMap<Stream, bool>,
    closed: bool,
}

/// Operations, two bytes each: what happens, and how much of it.
///
/// No stream may be given out twice before its answer has come; every request must come to one end
/// and no more; nothing may happen after the end of the connection.
pub fn connection(data: &[u8]) {
    let Some((&setup, operations)) = data.split_first() else { return };
    let mut world = World::new(setup);
    for operation in operations.chunks_exact(2) {
        let &[what, much] = operation else { return };
        world.act(what, much);
        world.check();
    }
    world.client.handle_end_of_input();
    world.check();
    assert!(world.closed, "a connection ends with its input");
    assert!(!world.in_flight.values().any(|waits| *waits), "a request was forgotten");
}

impl World {
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
            asked: Vec::new(),
            in_flight: BTreeMap::new(),
            closed: false,
        }
    }

    fn act(&mut self, what: u8, much: u8) {
        match what % 8 {
            0 => self.send(much),
            1 => self.deliver(usize::from(much)),
            2 => self.deliver(usize::MAX),
            3 => self.answer(usize::from(much), ResultMessage::Void.into()),
            4 => {
                let streams: Vec<_> = self.in_flight.keys().copied().collect();
                if let Some(stream) = streams.get(usize::from(much)) {
                    self.client.cancel(*stream);
                    self.in_flight.insert(*stream, false);
                }
            }
            5 => {
                let time = Duration::from_millis(u64::from(much).saturating_mul(100));
                self.now = self.now.checked_add(time).unwrap_or(self.now);
                self.client.handle_timeout(self.now);
            }
            // No frame and no segment begins like this.
            6 => self.receive(&vec![0xff; usize::from(much)]),
            _ => self.answer(0, Authenticate { authenticator: "a".into() }.into()),
        }
    }

    fn send(&mut self, much: u8) {
        let time = Duration::from_millis(u64::from(much));
        let deadline = self.now.checked_add(time).filter(|_| much != 0);
        let free = self.client.can_send();
        let request = RequestFrame::new(Stream(0), Options);
        match self.client.send(&request, deadline) {
            Ok(stream) => {
                assert!(free, "a stream was given out that was not there");
                let before = self.in_flight.insert(stream, true);
                assert_eq!(before, None, "a stream is used twice");
            }
            Err(_) => assert!(!free, "a stream is free but not given out"),
        }
    }

    /// Some of what the client has to send goes to the server, who opens the connection.
    fn deliver(&mut self, count: usize) {
        let bytes = self.client.transmit();
        let bytes = bytes.get(..count).unwrap_or(bytes).to_vec();
        self.client.transmitted(bytes.len());
        self.server.extend(&bytes);
        while let Some(frame) = self.server.next_frame().expect("what the client writes is right") {
            let frame = frame.decompress(&self.context).expect("what was agreed on");
            let request = RequestFrame::decode(&frame, &self.context).expect("a request");
            let is_open = self.client.is_open();
            self.asked.push(request.stream);
            match request.request {
                Request::Options(_) if !is_open => {
                    let offer = ("COMPRESSION".to_owned(), vec!["lz4".to_owned()]);
                    self.answer(0, Supported { options: vec![offer] }.into());
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

    /// The server answers one of the requests that it has.
    fn answer(&mut self, index: usize, response: Response) {
        if index >= self.asked.len() {
            return;
        }
        let stream = self.asked.remove(index);
        // Its stream is free again, and nobody will be told.
        self.in_flight.retain(|other, waits| *waits || *other != stream);
        let mut bytes = Vec::new();
        let frame = ResponseFrame::new(stream, response);
        frame.encode(&mut FrameEncoder::new(self.context), &mut bytes).expect("an answer");
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

    /// Takes the events, and compares them with what is known.
    fn check(&mut self) {
        while let Some(event) = self.client.poll_event() {
            assert!(!self.closed, "something happened after the end");
            match event {
                ConnectionEvent::Response { stream, .. }
                | ConnectionEvent::ResponseTooLong { stream, .. } => {
                    assert_eq!(self.in_flight.remove(&stream), Some(true), "an unasked answer");
                }
                ConnectionEvent::TimedOut { stream } => {
                    assert_eq!(self.in_flight.insert(stream, false), Some(true), "timed out twice");
                }
                ConnectionEvent::RequestFailed { stream, .. } => {
                    assert_eq!(self.in_flight.remove(&stream), Some(true), "lost and not asked");
                }
                ConnectionEvent::Closed(_) => self.closed = true,
                ConnectionEvent::Opened | ConnectionEvent::ServerEvent(_) => {}
            }
        }
        let waiting = self.in_flight.values().filter(|waits| **waits).count();
        assert!(self.client.is_closed() || waiting <= self.client.in_flight());
    }
}
