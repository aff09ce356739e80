//! Failures of servers and runtimes: no answer, forgotten statements, refused logins, an ended runtime.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cqlwire::message::{ErrorCode, Request};
use cqlwire::session::{
    DefaultRetry, Error, ErrorKind, FailedAttempt, RetryDecision, RetryPolicy, Session,
    SpeculativeExecution, Statement,
};
use cqlwire::testing::{MockServer, Reply};
use tokio::net::TcpListener;

use crate::cluster::prepared;
use crate::mock_nodes::{connect, session_builder, start_nodes};
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

/// The ways to execute a SELECT.
#[derive(Debug, Clone, Copy)]
enum Read {
    Text,
    TextWithValues,
    Prepared,
    SecondPage,
    Speculative,
}

/// Executes the SELECT whose first two attempts fail.
async fn read(session: &Session, way: Read) -> Result<(), Error> {
    let select = "/* any */ select k FROM t WHERE k = ?";
    let speculative = SpeculativeExecution::after(Duration::from_millis(1));
    let text = Statement::new("SELECT k FROM t");
    match way {
        Read::Text => session.execute(text, ()).await.map(drop),
        Read::TextWithValues => session.execute(select, (1,)).await.map(drop),
        Read::Prepared => {
            let select = session.prepare(select).await?;
            session.execute(&select, (1,)).await.map(drop)
        }
        Read::SecondPage => {
            let page = text.paging_state(Bytes::from_static(b"second"));
            session.stream::<(i32,)>(page, ()).next_page().await.map(drop)
        }
        Read::Speculative => {
            session.execute(text.speculative_execution(speculative), ()).await.map(drop)
        }
    }
}

/// A coordinator reports READ_FAILURE, for example, for a replica that was paused.
#[tokio::test]
async fn a_read_is_retried_after_a_replica_has_failed_in_whatever_way_it_is_executed() {
    for way in
        [Read::Text, Read::TextWithValues, Read::Prepared, Read::SecondPage, Read::Speculative]
    {
        for (nodes, failures) in [(1, 1), (1, 2), (2, 2), (3, 2)] {
            let reads = Arc::new(Mutex::new(Vec::new()));
            let seen = Arc::clone(&reads);
            let servers = start_nodes(nodes, move |number, frame| {
                if let Request::Prepare(_) = frame.request {
                    return prepared().into();
                }
                let mut seen = seen.lock().unwrap();
                seen.push(number);
                match seen.len() > failures {
                    true => Reply::void(),
                    false => Reply::error(ErrorCode::ReadFailure, "dropped"),
                }
            })
            .await;
            let session = connect(session_builder(&servers), nodes).await;
            let outcome = read(&session, way).await;
            outcome.unwrap_or_else(|error| panic!("{way:?} on {nodes} nodes: {error:?}"));
            let mut reads = reads.lock().unwrap().clone();
            reads.truncate(nodes);
            reads.sort_unstable();
            reads.dedup();
            assert!(reads.len() >= nodes.min(failures + 1), "{way:?}: the attempts use all nodes");
        }
    }
}

/// The default policy, which takes as long as the timeout of the request to decide.
#[derive(Debug)]
struct LateDecision;

/// The timeout of the request.
const TIMEOUT: Duration = Duration::from_secs(2);

impl RetryPolicy for LateDecision {
    fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision {
        let decision = DefaultRetry.decide(failed);
        assert_eq!(decision, RetryDecision::NEXT_NODE);
        let begin = Instant::now();
        while begin.elapsed() <= TIMEOUT {
            std::thread::yield_now();
        }
        decision
    }
}

/// A coordinator that was paused for as long as the timeout reports READ_FAILURE too late for a retry.
#[tokio::test]
async fn a_read_that_fails_when_its_timeout_has_passed_is_not_retried() {
    let servers = start_nodes(3, |_, _| Reply::error(ErrorCode::ReadFailure, "dropped")).await;
    let session = connect(session_builder(&servers), 3).await;
    let select = Statement::new("SELECT k FROM t").timeout(TIMEOUT);
    let request = session.execute(select.retry_policy(LateDecision), ());
    let error = request.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::ReadFailure));
    assert_eq!(error.attempts(), 1);
}
