//! The timeouts of requests and attempts, and the end of a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cqlwire::message::{ErrorCode, Ready, Request};
use cqlwire::session::{ErrorKind, ExecutionProfile, Session, Statement};
use cqlwire::testing::{MockServer, Reply};

use crate::cluster::prepared;
use crate::mock_nodes::{connect, session_builder, start_nodes};
use crate::wait::{until, within_limit};

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn the_request_timeout_includes_preparing() {
    let servers = start_nodes(1, |_, frame| match frame.request {
        Request::Prepare(_) => Reply::from(prepared()).after(SHORT),
        _ => Reply::void().after(SHORT),
    })
    .await;
    let session = connect(session_builder(&servers), 1).await;
    // Long enough for PREPARE or EXECUTE alone, but not for both.
    let insert = Statement::new("INSERT ...").timeout(SHORT + SHORT / 2);
    let error = session.execute(&insert, (1,)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_statement_can_disable_the_timeout_of_the_profile() {
    let servers = start_nodes(1, |_, _| Reply::void().after(SHORT)).await;
    let profile = ExecutionProfile::new().timeout(SHORT / 3);
    let session = connect(session_builder(&servers).default_profile(&profile), 1).await;
    let error = session.execute("SELECT ...", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    session.execute(Statement::new("SELECT ...").timeout(None), ()).await.unwrap();
}

#[tokio::test]
async fn the_request_timeout_does_not_limit_connecting() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let server = server.on_request(|frame| match frame.request {
        Request::Register(_) => Some(Reply::response(Ready).after(SHORT)),
        _ => None,
    });
    let builder = || Session::builder().contact_points([server.address()]);
    builder().timeout(SHORT / 3).connect().await.unwrap();
    let error = builder().connect_timeout(SHORT / 3).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
}

#[tokio::test]
async fn timeouts_of_zero_are_refused_when_the_session_connects() {
    let builder = || Session::builder().contact_points(["127.0.0.1"]);
    for (builder, setter) in [
        (builder().timeout(Duration::ZERO), "`timeout`"),
        (builder().connect_timeout(Duration::ZERO), "`connect_timeout`"),
    ] {
        let error = builder.connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(setter), "{error}");
    }
}

/// If a node has forgotten the statement and does not answer PREPARE, the next node is tried after the
/// attempt timeout.
#[tokio::test]
async fn the_attempt_timeout_includes_preparing_again() {
    let has_prepared = AtomicBool::new(false);
    let has_forgotten = Arc::new(AtomicBool::new(false));
    let forgets = Arc::clone(&has_forgotten);
    let servers = start_nodes(2, move |node, frame| match &frame.request {
        Request::Prepare(_) if !has_prepared.swap(true, Ordering::SeqCst) => prepared().into(),
        Request::Prepare(_) => Reply::silence(),
        Request::Execute(_) if node == 0 => {
            forgets.store(true, Ordering::SeqCst);
            Reply::error(ErrorCode::Unprepared, "never heard of it")
        }
        _ => Reply::void(),
    })
    .await;
    let session = connect(session_builder(&servers), 2).await;
    let select = session.prepare("SELECT ...").await.unwrap().attempt_timeout(SHORT);
    // Until a key belongs to the node that forgets the statement.
    let mut keys = 0..;
    until("a request reaches the node that forgets", async || {
        let result = session.execute(&select, (keys.next(),)).await.unwrap();
        assert_eq!(result.coordinator().address(), servers[1].address());
        has_forgotten.load(Ordering::SeqCst)
    })
    .await;
}

#[tokio::test]
async fn waiting_for_a_connection_ends_at_the_request_timeout() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let address = server.address();
    let session = Session::builder().contact_points([address.to_string()]).connect().await.unwrap();
    drop(server);
    // A listener that never answers takes the server's place.
    let mut silent = None;
    until("all connections of the server have ended", async || {
        silent = tokio::net::TcpListener::bind(address).await.ok();
        silent.is_some()
    })
    .await;
    let silent = silent.unwrap();
    let accepted = within_limit("the session connects", silent.accept()).await;
    let (_connection, _) = accepted.unwrap();
    let select = Statement::new("SELECT ...").timeout(SHORT);
    let error = session.execute(select, ()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 0), "{error}");
    assert!(error.to_string().contains("cannot reach the cluster"), "{error}");
}

#[tokio::test]
async fn event_streams_end_when_the_session_is_closed() {
    let servers = start_nodes(1, |_, _| Reply::void()).await;
    let session = connect(session_builder(&servers), 1).await;
    let mut events = session.events();
    session.close(SHORT).await;
    assert_eq!(events.next().await, None);
    assert_eq!(session.events().next().await, None);
    let error = session.execute("SELECT ...", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}
