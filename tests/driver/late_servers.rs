//! Connecting while servers are still starting.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cassandra_harness::Certificates;
use cqlwire::connection::Tls;
use cqlwire::message::{ErrorCode, Ready, Request, RequestFrame};
use cqlwire::session::{Error, ErrorKind, Session, SessionBuilder};
use cqlwire::testing::{MockServer, Reply};

use crate::tcp_server::start_tcp_server;
use crate::wait::until;

/// Longer than a test may take.
const RETRY_FOR: Duration = Duration::from_secs(600);

fn builder(server: &MockServer) -> SessionBuilder {
    Session::builder().contact_points([server.address().to_string()]).connect_retry_for(RETRY_FOR)
}

/// Starts a server that answers the first two matching requests with `late`, and later ones as usual.
async fn start_late(
    is_matching: impl Fn(&Request<'_>) -> bool + Send + Sync + 'static,
    late: Reply,
) -> MockServer {
    let asked = AtomicUsize::new(0);
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    server.on_request(move |frame: &RequestFrame<'_>| {
        let is_late = is_matching(&frame.request) && asked.fetch_add(1, Ordering::SeqCst) < 2;
        is_late.then(|| late.clone())
    })
}

const fn is_options(request: &Request<'_>) -> bool {
    matches!(request, Request::Options(_))
}

const fn is_startup(request: &Request<'_>) -> bool {
    matches!(request, Request::Startup(_))
}

#[tokio::test]
async fn retries_while_a_server_does_not_answer_or_is_not_ready() {
    let errors = [
        (ErrorCode::Server, "java.lang.NullPointerException"),
        (ErrorCode::Overloaded, "too many connections"),
        (ErrorCode::Bootstrapping, "not yet"),
        (ErrorCode::Unavailable, "Cannot achieve consistency level QUORUM"),
        (ErrorCode::Authentication, "Unable to perform authentication: no replica"),
        (ErrorCode::Authentication, "Provided username cassandra and/or password are incorrect"),
    ];
    let replies = errors.map(|(code, text)| Reply::error(code, text));
    for late in replies.into_iter().chain([Reply::close(), Reply::silence()]) {
        for is_matching in [is_options, is_startup] {
            let server = start_late(is_matching, late.clone()).await;
            let builder = builder(&server).connect_timeout(Duration::from_millis(500));
            builder.connect().await.unwrap();
        }
    }
}

/// Each step takes less than the timeout of connecting, and all of them together take longer.
#[tokio::test]
async fn retries_while_the_first_connection_for_requests_is_not_open() {
    let is_use = |request: &Request<'_>| matches!(request, Request::Query(query) if query.text.starts_with("USE"));
    let server = start_late(is_use, Reply::silence()).await;
    // The first connection is the control connection.
    let asked = AtomicUsize::new(0);
    let server = server.on_request(move |frame| {
        let is_slow = is_startup(&frame.request) && asked.fetch_add(1, Ordering::SeqCst) % 2 == 1;
        is_slow.then(|| Reply::response(Ready).after(Duration::from_millis(700)))
    });
    let builder = builder(&server).keyspace("test").connect_timeout(Duration::from_secs(1));
    builder.connect().await.unwrap();
}

#[tokio::test]
async fn retries_while_the_keyspace_cannot_be_used_yet() {
    let is_use = |request: &Request<'_>| matches!(request, Request::Query(query) if query.text.starts_with("USE"));
    for late in [Reply::error(ErrorCode::Server, "not yet"), Reply::close()] {
        let server = start_late(is_use, late).await;
        builder(&server).keyspace("test").connect().await.unwrap();
    }
}

/// A proxy may close connections in the TLS handshake while the server behind it is starting.
#[tokio::test]
async fn retries_while_tls_handshakes_are_cut_off() {
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    let address = start_tcp_server(move |socket: TcpStream| {
        // Waits for the client's first message.
        let _read = socket.peek(&mut [0]);
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let builder = Session::builder().contact_points([address.to_string()]);
    let authority = Certificates::new().unwrap().ca();
    let tls = Tls::new().root_certificates_pem(authority).unwrap();
    let connect = builder.tls(tls).connect_retry_for(RETRY_FOR).connect();
    let attempts = until("three attempts", async || accepted.load(Ordering::SeqCst) >= 3);
    tokio::select! {
        outcome = connect => panic!("connecting ended: {:?}", outcome.err()),
        () = attempts => {}
    }
}

async fn connect_error(
    server: MockServer,
    configure: impl FnOnce(SessionBuilder) -> SessionBuilder,
) -> Error {
    configure(builder(&server)).connect().await.unwrap_err()
}

#[tokio::test]
async fn does_not_retry_errors_that_waiting_cannot_cure() {
    let server = || MockServer::bind("127.0.0.1:0");
    let secured = server().await.unwrap().credentials("ada", "secret");
    let error = connect_error(secured, |builder| builder).await;
    assert_eq!(error.kind(), ErrorKind::Authentication);

    let secured = server().await.unwrap().credentials("ada", "secret");
    let error = connect_error(secured, |builder| builder.credentials("ada", "wrong")).await;
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.to_string().contains("the user name or the password is wrong"), "{error}");

    let missing = Reply::error(ErrorCode::Invalid, "Keyspace 'nowhere' does not exist");
    let without = server().await.unwrap().on("USE \"nowhere\"", missing);
    let error = connect_error(without, |builder| builder.keyspace("nowhere")).await;
    assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Invalid));

    let web = server().await.unwrap().on_request(|_| Some(Reply::bytes("HTTP/1.1 400\r\n\r\n")));
    let error = connect_error(web, |builder| builder).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);

    let error = connect_error(server().await.unwrap(), |b| b.local_datacenter("nowhere")).await;
    assert_eq!(error.kind(), ErrorKind::Config);
}
