//! Failures of servers and runtimes: no answer, forgotten statements, refused logins, an ended runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cqlwire::message::Request;
use cqlwire::session::{ErrorKind, Session, Statement};
use cqlwire::testing::{MockServer, Reply};
use tokio::net::TcpListener;

use crate::mock_nodes::{connect, session_builder};
use crate::wait::until;

#[tokio::test]
async fn connects_to_a_later_contact_point_when_earlier_ones_do_not_answer() {
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let session = Session::builder()
        .contact_points(silent.iter().map(|silent| silent.local_addr().unwrap()))
        .contact_points([server.address()])
        // None of them can be waited for.
        .connect_timeout(Duration::from_secs(3_600))
        .connect()
        .await
        .unwrap();
    assert_eq!(session.cluster().nodes()[0].address(), server.address());
}

#[tokio::test]
async fn tries_the_next_contact_point_after_an_authentication_failure() {
    let strict = MockServer::bind("127.0.0.1:0").await.unwrap().credentials("ada", "other");
    let open = MockServer::bind("127.0.0.1:0").await.unwrap().credentials("ada", "secret");
    let builder = || Session::builder().credentials("ada", "secret");
    let points = [strict.address(), open.address()];
    let session = builder().contact_points(points).connect().await.unwrap();
    assert_eq!(session.cluster().nodes()[0].address(), open.address());
    // An unreachable contact point does not hide the authentication error.
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    for points in [vec![strict.address()], vec![closed, strict.address()]] {
        let error = builder().contact_points(points).connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    }
}

/// Without the response to USE, the keyspace of the connection is unknown. This must hold for each
/// spelling of USE.
#[tokio::test]
async fn closes_the_connection_when_a_use_statement_times_out() {
    for text in ["USE other", "/* which */ use other"] {
        let opened = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&opened);
        let server = MockServer::bind("127.0.0.1:0").await.unwrap().on_request(move |frame| {
            match &frame.request {
                Request::Startup(_) => {
                    counted.fetch_add(1, Ordering::SeqCst);
                    None
                }
                Request::Query(query) if query.text.contains("other") => Some(Reply::silence()),
                _ => None,
            }
        });
        let servers = [server.on_any(Reply::void())];
        let session = connect(session_builder(&servers), 1).await;
        let before = opened.load(Ordering::SeqCst);
        let switch = Statement::new(text).timeout(Duration::from_millis(500));
        let error = session.execute(switch, ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let is_reopened = async || opened.load(Ordering::SeqCst) > before;
        until("another connection is opened", is_reopened).await;
        session.execute("SELECT ...", ()).await.unwrap();
    }
}

#[test]
fn requests_fail_at_once_after_the_sessions_runtime_has_ended() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address =
        crate::mock_server::start_server(cqlwire::wire::Version::V4, |_, _| Reply::void());
    let first = runtime();
    let session = first.block_on(Session::builder().contact_points([address]).connect()).unwrap();
    drop(first);
    // Without a timeout, the test would hang if the error did not come at once.
    let select = Statement::new("SELECT ...").timeout(None);
    let error = runtime().block_on(session.execute(select, ())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.to_string().contains("the runtime on which the session was created"), "{error}");
}
