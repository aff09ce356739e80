//! The round trips before the first answer, counted in a network in memory whose only delay is that of
//! requests. The clock is paused, so that it moves only when the client has nothing more to send.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cqlwire::message::{ErrorCode, RequestFrame};
use cqlwire::session::{Session, SessionBuilder};
use cqlwire::simulation::{Connecting, SimulatedListener, SimulatedSocket, World, enter};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::NativeType;
use cqlwire::wire::{Compression, Version};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, ReadHalf, WriteHalf,
    duplex, split,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// The time that bytes take from the client to the server. A timer with a delay of zero fires after up to
/// 1 ms. The read of the schema in the background begins after more round trips than the tests count.
const ROUND_TRIP: Duration = Duration::from_millis(10);

const INSERT: &str = "INSERT INTO users (username, password) VALUES (?, ?)";

/// Connects, prepares an INSERT and executes it. Returns the opcodes that the server received in each round
/// trip, in alphabetical order.
async fn rounds(
    server: impl FnOnce(MockServer) -> MockServer,
    client: impl FnOnce(SessionBuilder) -> SessionBuilder,
) -> Vec<String> {
    let _entered = enter(Rc::new(DelayedWorld::default()));
    let server = server(MockServer::bind("127.0.0.1:9042").await.unwrap());
    let columns = [("username", NativeType::Text), ("password", NativeType::Text)];
    let server = server.on(INSERT, Reply::void().variables(columns));
    let rounds = Arc::new(Mutex::new(BTreeMap::new()));
    let (received, begin) = (Arc::clone(&rounds), Instant::now());
    let server = server.on_request(move |frame: &RequestFrame<'_>| {
        let round = begin.elapsed().as_millis() / ROUND_TRIP.as_millis();
        let mut received = received.lock().unwrap();
        let opcodes: &mut BTreeSet<String> = received.entry(round).or_default();
        opcodes.insert(frame.request.opcode().to_string());
        None
    });
    let builder = Session::builder().contact_points([server.address().to_string()]);
    let session = client(builder.keyspace("test").fetch_schema(false)).connect().await.unwrap();
    let insert = session.prepare(INSERT).await.unwrap();
    session.execute(&insert, ("user_0", "password_0")).await.unwrap();
    let rounds = std::mem::take(&mut *rounds.lock().unwrap());
    let last = rounds.keys().next_back().copied().unwrap_or_default();
    let opcodes = |round| rounds.get(&round).into_iter().flatten().cloned();
    (1..=last).map(|round| Vec::from_iter(opcodes(round)).join(" ")).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_takes_six_round_trips() {
    let expected = ["OPTIONS", "STARTUP", "REGISTER STARTUP", "QUERY", "PREPARE", "EXECUTE"];
    for version in Version::ALL {
        for compression in [None, Some(Compression::Lz4)] {
            let client = |builder: SessionBuilder| {
                builder.protocol_version(version).compression(compression)
            };
            assert_eq!(rounds(|server| server, client).await, expected, "{version}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_takes_eight_round_trips_with_a_password() {
    let expected = [
        "OPTIONS",
        "STARTUP",
        "AUTH_RESPONSE",
        "REGISTER STARTUP",
        "AUTH_RESPONSE QUERY",
        "QUERY",
        "PREPARE",
        "EXECUTE",
    ];
    for version in Version::ALL {
        let server = |server: MockServer| server.credentials("ada", "secret");
        let client = |builder: SessionBuilder| {
            builder.protocol_version(version).credentials("ada", "secret")
        };
        assert_eq!(rounds(server, client).await, expected, "{version}");
    }
}

/// Cassandra 6.0 announces its shutdown to connections that have registered for the event.
#[tokio::test(start_paused = true)]
async fn the_registration_for_graceful_disconnects_takes_no_round_trip() {
    let expected =
        ["OPTIONS", "STARTUP", "REGISTER STARTUP", "QUERY REGISTER", "PREPARE", "EXECUTE"];
    assert_eq!(rounds(MockServer::graceful_disconnect, |builder| builder).await, expected);
}

/// Cassandra before 4.0 has no `system.peers_v2`.
#[tokio::test(start_paused = true)]
async fn a_server_without_the_latest_tables_takes_no_more_round_trips() {
    let expected = ["OPTIONS", "STARTUP", "REGISTER STARTUP", "QUERY", "PREPARE", "EXECUTE"];
    let server = |server: MockServer| {
        let missing = Reply::error(ErrorCode::Invalid, "unconfigured table peers_v2");
        server.version(Version::V4).on("SELECT * FROM system.peers_v2", missing)
    };
    assert_eq!(rounds(server, |builder| builder).await, expected);
}

/// A client that tries v5 first repeats OPTIONS in v4 once, and not for its second connection.
#[tokio::test(start_paused = true)]
async fn a_lower_version_takes_one_round_trip_more() {
    // The server refuses the first OPTIONS for its version, before it reads the opcode.
    let expected = ["", "OPTIONS", "STARTUP", "REGISTER STARTUP", "QUERY", "PREPARE", "EXECUTE"];
    let client = |builder: SessionBuilder| builder.protocol_version(Version::V5);
    assert_eq!(rounds(|server| server.version(Version::V4), client).await, expected);
}

/// A network in which requests take a [`ROUND_TRIP`], and responses take no time.
#[derive(Default)]
pub(crate) struct DelayedWorld {
    listeners: RefCell<BTreeMap<SocketAddr, mpsc::UnboundedSender<Socket>>>,
    random: Cell<u64>,
}

impl World for DelayedWorld {
    fn connect(&self, address: SocketAddr) -> Connecting {
        let listener = self.listeners.borrow().get(&address).cloned();
        Box::pin(async move {
            let listener = listener.ok_or(io::ErrorKind::ConnectionRefused)?;
            let [(client, requests), (responses, server)] = [(); 2].map(|()| duplex(1 << 20));
            let (from_client, to_client) = split(requests);
            let (from_server, to_server) = split(responses);
            tokio::spawn(forward(from_client, to_server, ROUND_TRIP));
            tokio::spawn(forward(from_server, to_client, Duration::ZERO));
            let of_client = Socket { stream: server, peer: ([127, 0, 0, 1], 10_000).into() };
            listener.send(of_client).map_err(|_| io::ErrorKind::ConnectionRefused)?;
            Ok(Box::new(Socket { stream: client, peer: address }) as Box<dyn SimulatedSocket>)
        })
    }

    fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn SimulatedListener>> {
        let (sender, sockets) = mpsc::unbounded_channel();
        self.listeners.borrow_mut().insert(address, sender);
        Ok(Box::new(Listener { address, sockets: Mutex::new(sockets) }))
    }

    fn random(&self) -> u64 {
        let random = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.replace(random)
    }

    fn capacity(&self, default: usize) -> usize {
        default
    }

    fn time_since_1970(&self) -> Duration {
        Duration::from_secs(1_800_000_000)
    }
}

/// Writes what it reads after a delay, until either end is closed.
async fn forward(
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    delay: Duration,
) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let read = async move {
        let mut bytes = [0; 4_096];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            let chunk = (Instant::now() + delay, bytes[..count].to_vec());
            if sender.send(chunk).is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((at, bytes)) = receiver.recv().await {
            sleep_until(at).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _closed = to.shutdown().await;
    };
    tokio::join!(read, write);
}

/// A listener in memory.
#[derive(Debug)]
struct Listener {
    address: SocketAddr,
    sockets: Mutex<mpsc::UnboundedReceiver<Socket>>,
}

impl SimulatedListener for Listener {
    fn local_addr(&self) -> SocketAddr {
        self.address
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Box<dyn SimulatedSocket>>> {
        let socket = ready!(self.sockets.lock().unwrap().poll_recv(cx));
        let socket = socket.ok_or(io::ErrorKind::BrokenPipe)?;
        Poll::Ready(Ok(Box::new(socket)))
    }
}

/// One end of a connection.
#[derive(Debug)]
struct Socket {
    stream: DuplexStream,
    peer: SocketAddr,
}

impl SimulatedSocket for Socket {
    fn peer_addr(&self) -> SocketAddr {
        self.peer
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
