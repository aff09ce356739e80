//! A connection whose task, callers and server are tasks of shuttle.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shuttle::future::{AbortHandle, JoinHandle, block_on, spawn};
use shuttle::thread;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::Runtime as TokioRuntime;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::driver::Driver;
use super::super::exchange::{Exchange, Handle};
use super::super::{Connection, RequestError, Runtime};
use crate::message::{Query, RequestFrame, Response, ResultMessage};
use crate::protocol::{ClientConnection, ConnectionOptions};
use crate::sync::{poll_at_most, random_below};
use crate::wire::{Consistency, Stream};

/// An open connection, before a server that responds to each request with the number of the request.
pub(crate) struct Fixture {
    connection: Option<Arc<Connection>>,
    exchange: Arc<Exchange>,
    task: Mutex<Option<JoinHandle<()>>>,
    abort: AbortHandle,
    server: Mutex<Option<JoinHandle<()>>>,
    state: Arc<ServerState>,
    runtime: &'static TokioRuntime,
}

#[derive(Default)]
struct ServerState {
    /// The numbers of the requests that the server has received.
    received: Mutex<Vec<u8>>,
    /// True if the server does not respond any more.
    is_frozen: AtomicBool,
}

/// The opcodes of requests and responses.
const READY: u8 = 2;
const OPTIONS: u8 = 5;
const SUPPORTED: u8 = 6;
const QUERY: u8 = 7;
const RESULT: u8 = 8;

/// Runs `explore` inside a tokio runtime whose clock is paused. The runtime runs no tasks: shuttle does.
pub(crate) fn in_runtime(explore: impl FnOnce(&'static TokioRuntime)) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    // Leaked, because a failed exploration leaves timers behind that cannot be woken.
    let runtime = Box::leak(Box::new(runtime));
    let _guard = runtime.enter();
    explore(runtime);
}

impl Fixture {
    /// Starts the tasks of a connection and its server. The handshake has ended.
    pub(crate) fn open(runtime: &'static TokioRuntime) -> Self {
        let address: SocketAddr = ([127, 0, 0, 1], 9042).into();
        let machine = open_machine();
        let agreed = (*machine.context(), machine.capabilities());
        // A small capacity makes the task wait until the server reads.
        let (near, far) = duplex([32, 4_096][random_below(2)]);
        let handle = Handle::default();
        let exchange = handle.share();
        let (opened, _) = oneshot::channel();
        let driver = Driver::new(address, near, machine, opened, None, handle.share());
        let task = spawn(driver);
        let state = Arc::new(ServerState::default());
        let server = spawn(serve(far, Arc::clone(&state)));
        let connection = Connection::new(address, agreed, handle, Runtime::current().unwrap());
        Self {
            connection: Some(Arc::new(connection)),
            exchange,
            abort: task.abort_handle(),
            task: Mutex::new(Some(task)),
            server: Mutex::new(Some(server)),
            state,
            runtime,
        }
    }

    /// Returns the connection. Panics after [`release`](Self::release).
    pub(crate) fn connection(&self) -> &Arc<Connection> {
        self.connection.as_ref().expect("the connection was released")
    }

    /// Drops the fixture's reference to the connection.
    pub(crate) fn release(&mut self) {
        self.connection = None;
    }

    /// Sends a request in a thread, and drops it if it is pending after `polls` polls. The thread then
    /// sends another request, and returns `None`.
    pub(crate) fn start(
        &self,
        number: u8,
        polls: usize,
    ) -> thread::JoinHandle<Option<Result<(), Box<RequestError>>>> {
        let connection = Arc::clone(self.connection());
        thread::spawn(move || {
            let end = block_on(poll_at_most(polls, Self::request(&connection, number, None)));
            if end.is_none() {
                block_on(Self::request(&connection, 50 + number, None)).unwrap();
            }
            end
        })
    }

    /// Sends a request with a timeout in a thread.
    pub(crate) fn start_with_timeout(
        &self,
        number: u8,
        timeout: Duration,
    ) -> thread::JoinHandle<Result<(), Box<RequestError>>> {
        let connection = Arc::clone(self.connection());
        thread::spawn(move || block_on(Self::request(&connection, number, Some(timeout))))
    }

    /// Sends a request, and checks that the response is its own.
    pub(crate) async fn request(
        connection: &Connection,
        number: u8,
        timeout: Option<Duration>,
    ) -> Result<(), Box<RequestError>> {
        let request = RequestFrame::new(
            Stream(0),
            Query { text: number.to_string().into(), parameters: Consistency::One.into() },
        );
        let response = connection.request(&request, timeout).await.map_err(Box::new)?.response;
        let expected = ResultMessage::SetKeyspace(number.to_string());
        assert_eq!(response, Response::Result(expected), "the response to another request");
        Ok(())
    }

    /// Occupies the queue of requests, except for `count` places.
    pub(crate) fn leave_places(&self, count: usize) {
        let permits = &self.exchange.queue_permits;
        permits.forget_permits(permits.available_permits() - count);
    }

    /// Makes the server ignore all further requests.
    pub(crate) fn freeze(&self) {
        self.state.is_frozen.store(true, Ordering::SeqCst);
    }

    /// Announces that the server is shutting down, as its event does.
    pub(crate) fn announce_shutdown(&self) {
        self.exchange.draining.start();
    }

    /// Returns the number of bytes sent, and the number of bytes received.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        self.exchange.counters.traffic()
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        self.runtime.block_on(tokio::time::advance(time));
    }

    /// Lets time pass until the connection is unresponsive.
    pub(crate) fn pass_until_unresponsive(&self) {
        while self.connection().is_responsive() {
            self.pass(Duration::from_millis(250));
            thread::yield_now();
        }
    }

    /// Drops the task of the connection, as a runtime that ends does.
    pub(crate) fn abort(&self) {
        self.abort.abort();
    }

    /// Returns the numbers of the requests that the server has received.
    pub(crate) fn received(&self) -> Vec<u8> {
        self.state.received.lock().unwrap().clone()
    }

    /// Waits until the tasks of the connection and of the server have ended. Returns false if the task
    /// of the connection was aborted.
    pub(crate) fn wait_ended(&self) -> bool {
        let [task, server] = [&self.task, &self.server].map(|task| task.lock().unwrap().take());
        let ended = block_on(task.expect("the task was waited for already"));
        block_on(server.expect("the server was waited for already")).unwrap();
        ended.is_ok()
    }

    /// Checks that each slot is free.
    pub(crate) fn check_slots(&self) {
        let (slots, free) = self.exchange.slot_counts();
        assert_eq!(slots, free, "a slot was not freed");
    }

    /// Checks that the requests so far have left nothing behind, closes the connection, and waits for its
    /// end.
    pub(crate) fn finish(&self) {
        // Once the first request is answered, the task has handled all that was sent or dropped before;
        // once the second is answered, it has published the result.
        for number in [101, 102] {
            block_on(Self::request(self.connection(), number, None)).unwrap();
        }
        let received = self.received();
        let is_once = |number| received.iter().filter(|other| *other == number).count() == 1;
        assert!(received.iter().all(is_once), "a request was sent twice: {received:?}");
        self.check_slots();
        let (in_use, orphans) = self.connection().streams();
        assert!(in_use <= 1 && orphans == 0, "{in_use} streams in use, {orphans} orphaned");
        self.connection().close();
        assert!(self.wait_ended());
        assert_eq!(self.connection().streams(), (0, 0));
    }
}

/// Returns the state machine of a connection whose handshake has ended.
fn open_machine() -> ClientConnection {
    let now = Instant::now().into_std();
    let mut machine = ClientConnection::new(ConnectionOptions::default(), now);
    for (opcode, body) in [(SUPPORTED, &[0, 0][..]), (READY, &[])] {
        let request = machine.transmit();
        let (stream, length) = ([request[2], request[3]], request.len());
        machine.transmitted(length);
        machine.receive_buffer().extend_from_slice(&response(stream, opcode, body));
        machine.handle_input(now);
    }
    assert!(machine.is_open());
    machine
}

/// Encodes the frame of a response.
fn response(stream: [u8; 2], opcode: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[0x84, 0, stream[0], stream[1], opcode], &length[..], body].concat()
}

/// Responds to requests until the client closes the connection.
async fn serve(mut socket: DuplexStream, state: Arc<ServerState>) {
    let mut header = [0; 9];
    while socket.read_exact(&mut header).await.is_ok() {
        let [_, _, first, second, opcode, length @ ..] = header;
        let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        if socket.read_exact(&mut body).await.is_err() {
            return;
        }
        let response = match opcode {
            OPTIONS => response([first, second], SUPPORTED, &[0, 0]),
            QUERY => {
                let length = usize::from(body[3]);
                let text = std::str::from_utf8(&body[4..4 + length]).unwrap();
                state.received.lock().unwrap().push(text.parse().unwrap());
                let keyspace = [&[0, 0, 0, 3, 0, body[3]], text.as_bytes()].concat();
                response([first, second], RESULT, &keyspace)
            }
            other => panic!("the client sent opcode {other}"),
        };
        shuttle::future::yield_now().await;
        if !state.is_frozen.load(Ordering::SeqCst) && socket.write_all(&response).await.is_err() {
            return;
        }
    }
}
