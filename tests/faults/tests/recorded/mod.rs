//! A recorded client and server, and what arrives at them through the links.

use std::time::Duration;

use bytes::Bytes;
use cqlwire::message::{
    Prepare, Ready, Request, RequestFrame, Response, ResponseFrame, ResultMessage, Startup,
};
use cqlwire::wire::{
    Compression, Context, DecodeError, FrameDecoder, FrameEncoder, SegmentEncoder, Stream, Version,
};
use cqlwire_faults::{Applied, Direction, Plan, Switch, links};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep, sleep_until};

/// The time at which a recording stops the faults.
pub(crate) const STOPPED_AT: Duration = Duration::from_secs(60);

/// The streams of the requests. The first one is that of STARTUP.
const STREAMS: [i16; 6] = [0, 1, 2, 3, 4, 5];

/// A client that sends STARTUP and five queries at once, and a server that answers them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conversation {
    pub(crate) version: Version,
    pub(crate) compression: Option<Compression>,
}

/// What arrived.
pub(crate) struct Received {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) applied: Applied,
}

/// Bytes that arrived together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) direction: Direction,
    pub(crate) at: Duration,
    pub(crate) bytes: Bytes,
}

impl Conversation {
    fn context(self) -> Context {
        Context { compression: self.compression, ..self.version.into() }
    }

    pub(crate) fn requests(self) -> Vec<u8> {
        let startup = match self.compression {
            Some(compression) => Startup::new().compression(compression),
            None => Startup::new(),
        };
        let startup = RequestFrame::new(Stream(STREAMS[0]), startup);
        let mut encoder = FrameEncoder::new(self.context());
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        startup.encode(&mut encoder, &mut first).unwrap();
        for stream in &STREAMS[1..] {
            let query = Prepare::new(format!("SELECT * FROM t{stream} WHERE name = '{:60}'", ""));
            let request: Request<'_> = query.into();
            RequestFrame::new(Stream(*stream), request).encode(&mut encoder, &mut rest).unwrap();
        }
        self.join(first, &rest)
    }

    pub(crate) fn responses(self) -> Vec<u8> {
        let mut encoder = FrameEncoder::new(self.context());
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        let ready = ResponseFrame::new(Stream(STREAMS[0]), Ready);
        ready.encode(&mut encoder, &mut first).unwrap();
        for &stream in &STREAMS[1..] {
            let result = ResultMessage::SetKeyspace(format!("keyspace_{stream}_{:60}", ""));
            let response: Response = result.into();
            ResponseFrame::new(Stream(stream), response).encode(&mut encoder, &mut rest).unwrap();
        }
        self.join(first, &rest)
    }

    /// Joins the handshake and the later frames. In v5, two segments contain the later frames.
    fn join(self, mut first: Vec<u8>, rest: &[u8]) -> Vec<u8> {
        if self.version < Version::V5 {
            return [first, rest.to_vec()].concat();
        }
        let mut segments = SegmentEncoder::new(self.compression);
        let mut frames = FrameDecoder::new(self.version);
        frames.extend(rest);
        let frame = frames.next_frame().unwrap().unwrap();
        let (one, others) = rest.split_at(9 + frame.body.len());
        segments.encode(one, &mut first);
        segments.encode(others, &mut first);
        first
    }
}

impl Received {
    /// Returns all bytes that arrived.
    pub(crate) fn bytes(&self, direction: Direction) -> Vec<u8> {
        let pieces = self.pieces.iter().filter(|piece| piece.direction == direction);
        pieces.flat_map(|piece| piece.bytes.iter().copied()).collect()
    }

    /// Returns the streams of the responses that arrived, which are decoded as a client does.
    pub(crate) fn responses(&self, conversation: Conversation) -> Result<Vec<i16>, DecodeError> {
        let mut frames = FrameDecoder::new(conversation.version);
        frames.extend(&self.bytes(Direction::Responses));
        let mut streams = Vec::new();
        while let Some(frame) = frames.next_frame()? {
            ResponseFrame::decode(&frame, &conversation.context())?;
            streams.push(frame.header.stream.0);
            if streams == [0] && conversation.version == Version::V5 {
                frames.start_segments(conversation.compression);
            }
        }
        Ok(streams)
    }
}

/// Runs a conversation whose bytes are sent in pieces of this length.
pub(crate) fn run(conversation: Conversation, plan: Plan, piece: usize) -> Received {
    run_bytes(&conversation.requests(), &conversation.responses(), plan, piece)
}

/// Runs a conversation over connections that are said to be encrypted.
pub(crate) fn run_encrypted(conversation: Conversation, plan: Plan) -> Received {
    let (requests, responses) = (conversation.requests(), conversation.responses());
    block_on(record(&requests, &responses, plan, usize::MAX, true))
}

/// Sends these bytes in both directions, in pieces of this length.
pub(crate) fn run_bytes(requests: &[u8], responses: &[u8], plan: Plan, piece: usize) -> Received {
    block_on(record(requests, responses, plan, piece, false))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(future)
}

async fn record(
    requests: &[u8],
    responses: &[u8],
    plan: Plan,
    piece: usize,
    is_encrypted: bool,
) -> Received {
    let (applied, switch) = (Applied::new(), Switch::new());
    let links = links(plan, is_encrypted, &switch, &applied);
    let (client, link_client) = duplex(1 << 20);
    let (server, link_server) = duplex(1 << 20);
    let start = Instant::now();
    let (from_server, to_server) = tokio::io::split(client);
    let (from_client, to_client) = tokio::io::split(server);
    let forward = async {
        // Dropping the sockets ends what still reads and writes.
        cqlwire_faults::forward(link_client, link_server, links).await;
    };
    let stop = async {
        sleep_until(start + STOPPED_AT).await;
        switch.stop();
    };
    let send = |mut to: tokio::io::WriteHalf<DuplexStream>, bytes: Vec<u8>, delay| async move {
        sleep(delay).await;
        for piece in bytes.chunks(piece) {
            if to.write_all(piece).await.is_err() {
                return;
            }
            sleep(Duration::from_micros(1)).await;
        }
        sleep_until(start + STOPPED_AT * 2).await;
        let _closed = to.shutdown().await;
    };
    let receive = |mut from: tokio::io::ReadHalf<DuplexStream>, direction| async move {
        let mut pieces = Vec::new();
        let mut buffer = [0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let bytes = Bytes::copy_from_slice(&buffer[..length]);
            pieces.push(Piece { direction, at: start.elapsed(), bytes });
        }
        pieces
    };
    // The server answers after all requests have arrived.
    let (_, _, _, _, mut pieces, received) = tokio::join!(
        forward,
        stop,
        send(to_server, requests.to_vec(), Duration::ZERO),
        send(to_client, responses.to_vec(), Duration::from_secs(1)),
        receive(from_client, Direction::Requests),
        receive(from_server, Direction::Responses),
    );
    pieces.extend(received);
    Received { pieces, applied }
}
