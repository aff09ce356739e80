//! The effect of a request that failed before any of its bytes was written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cqlwire::message::Request;
use cqlwire::session::{ErrorKind, NoRetry, Session, Statement, Throttle};
use cqlwire::testing::{MockServer, Reply};
use tokio::runtime::Builder;

use super::{INSERT, session_with};
use crate::mock_nodes::{connect, session_builder, start_nodes, wait_until_connected};
use crate::wait::until;

#[tokio::test]
async fn a_request_that_was_not_sent_was_not_applied() {
    let servers = start_nodes(1, |_, _| Reply::silence()).await;
    let throttle = Throttle::concurrent(1).queue(0);
    let session = connect(session_builder(&servers).throttle(throttle), 1).await;
    let values_missing = session.execute("INSERT INTO t (k) VALUES (?)", ()).await.unwrap_err();
    assert_eq!(values_missing.kind(), ErrorKind::Bind);
    // v4 cannot encode the keyspace of a statement.
    let not_encoded = session.execute(Statement::new(INSERT).keyspace("ks"), ()).await.unwrap_err();
    assert_eq!(not_encoded.kind(), ErrorKind::Encode);
    let waiting = session.execute(INSERT, ());
    let throttled = async {
        until("a request is in flight", async || session.metrics().in_flight > 0).await;
        session.execute(INSERT, ()).await.unwrap_err()
    };
    let throttled = tokio::select! {
        answered = waiting => panic!("{answered:?}"),
        throttled = throttled => throttled,
    };
    assert_eq!(throttled.kind(), ErrorKind::Throttled);
    session.close(Duration::ZERO).await;
    let closed = session.execute(INSERT, ()).await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed);
    let invalid_option = Session::builder().throttle(Throttle::concurrent(0)).connect();
    let invalid_option = invalid_option.await.unwrap_err();
    assert_eq!(invalid_option.kind(), ErrorKind::Config);
    let server = MockServer::bind("127.0.0.1:0").await.unwrap().credentials("ada", "secret");
    let no_credentials = session_builder(&[server]).connect().await.unwrap_err();
    assert_eq!(no_credentials.kind(), ErrorKind::Authentication);
    let errors = [values_missing, not_encoded, throttled, closed, invalid_option, no_credentials];
    for error in errors {
        assert!(!error.may_have_been_applied(), "{error}");
    }
}

#[tokio::test]
async fn a_request_that_found_no_node_was_not_applied() {
    let (session, servers) = session_with(Reply::void()).await;
    drop(servers);
    wait_until_connected(&session, 0).await;
    let error = session.execute(INSERT, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(!error.may_have_been_applied(), "{error}");
}

/// The node accepts connections again after its first ones closed, but does not answer on them.
#[tokio::test]
async fn a_request_that_timed_out_while_it_waited_for_a_connection_was_not_applied() {
    let is_mute = Arc::new(AtomicBool::new(false));
    let mute = Arc::clone(&is_mute);
    let server =
        MockServer::bind("127.0.0.1:0").await.unwrap().on_request(move |frame| {
            match &frame.request {
                Request::Options(_) if mute.load(Ordering::SeqCst) => Some(Reply::silence()),
                Request::Query(query) if query.text == INSERT => {
                    mute.store(true, Ordering::SeqCst);
                    Some(Reply::close())
                }
                _ => None,
            }
        });
    let servers = [server];
    let session = connect(session_builder(&servers).retry_policy(NoRetry), 1).await;
    session.execute(INSERT, ()).await.unwrap_err();
    assert!(is_mute.load(Ordering::SeqCst));
    let insert = Statement::new(INSERT).timeout(Duration::from_millis(100));
    let error = session.execute(insert, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(!error.may_have_been_applied(), "{error}");
}

/// The session's runtime runs only in `block_on`.
#[tokio::test]
async fn a_request_that_timed_out_while_the_sessions_runtime_was_idle_was_not_applied() {
    let servers = start_nodes(1, |_, _| Reply::void()).await;
    let builder = session_builder(&servers);
    let idle = || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let session = runtime.block_on(connect(builder, 1));
        (runtime, session)
    };
    let (runtime, session) = tokio::task::spawn_blocking(idle).await.unwrap();
    let insert = Statement::new(INSERT).timeout(Duration::from_millis(100));
    let error = session.execute(insert, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(!error.may_have_been_applied(), "{error}");
    runtime.shutdown_background();
}

#[tokio::test]
async fn a_request_that_timed_out_while_its_statement_was_prepared_was_not_applied() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let server = server
        .on_request(|frame| matches!(frame.request, Request::Prepare(_)).then(Reply::silence));
    let servers = [server];
    let session = connect(session_builder(&servers), 1).await;
    let insert = Statement::new("INSERT INTO t (k) VALUES (?)");
    let insert = insert.timeout(Duration::from_millis(100));
    let error = session.execute(insert, (1,)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(!error.may_have_been_applied(), "{error}");
}

/// Returns a session whose connections have one stream, with a server that does not answer.
async fn session_with_one_stream() -> (Session, Vec<MockServer>, Arc<AtomicUsize>) {
    let received = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&received);
    let servers = start_nodes(1, move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Reply::silence()
    });
    let servers = servers.await;
    let builder = session_builder(&servers).retry_policy(NoRetry);
    let session = connect(builder.connection(|options| options.max_in_flight = 1), 1).await;
    (session, servers, received)
}

#[tokio::test]
async fn a_request_that_timed_out_while_it_waited_for_a_stream_was_not_applied() {
    let (session, _servers, received) = session_with_one_stream().await;
    let waiting = async {
        until("the server has a request", async || received.load(Ordering::SeqCst) > 0).await;
        session.execute(Statement::new(INSERT).timeout(Duration::from_millis(100)), ()).await
    };
    let waiting = tokio::select! {
        answered = session.execute(INSERT, ()) => panic!("{answered:?}"),
        waiting = waiting => waiting.unwrap_err(),
    };
    assert_eq!(waiting.kind(), ErrorKind::Timeout);
    assert!(!waiting.may_have_been_applied(), "{waiting}");
    assert_eq!(received.load(Ordering::SeqCst), 1);
}

/// The first request is in flight, and the second one waits for its stream.
#[tokio::test]
async fn a_request_of_which_no_byte_was_written_when_its_connection_closed_was_not_applied() {
    let (session, servers, received) = session_with_one_stream().await;
    let stop = async {
        until("the server has a request", async || received.load(Ordering::SeqCst) > 0).await;
        until("another one waits", async || session.metrics().in_flight == 2).await;
        drop(servers);
    };
    let (first, second) = (session.execute(INSERT, ()), session.execute(INSERT, ()));
    let (first, second, ()) = tokio::join!(first, second, stop);
    let (first, second) = (first.unwrap_err(), second.unwrap_err());
    assert_eq!((first.kind(), second.kind()), (ErrorKind::Connection, ErrorKind::Connection));
    assert!(first.may_have_been_applied(), "{first}");
    assert!(!second.may_have_been_applied(), "{second}");
}
