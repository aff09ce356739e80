//! The effect of a request after each kind of error. Each row of the table in the documentation of
//! `cqlwire::session::Error` has its tests in this directory; `tests/offline/effects.rs` compares the
//! names.

mod server_errors;
mod unsent;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cqlwire::message::{
    ErrorCode, PreparedResult, Ready, Request, ResultMessage, RowsMetadata, Supported, Variables,
};
use cqlwire::session::{
    Batch, Error, ErrorKind, NoRetry, Session, SpeculativeExecution, Statement,
};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{ColumnSpec, NativeType};
use tokio::runtime::Builder;
use tokio::sync::Notify;

use crate::mock_nodes::{connect, session_builder, start_nodes};
use crate::wait::until;

const INSERT: &str = "INSERT INTO t (k) VALUES (1)";
const CONDITIONAL: &str = "INSERT INTO t (k) VALUES (1) IF NOT EXISTS";
const TRANSACTION: &str = "BEGIN TRANSACTION UPDATE t SET v = 1 WHERE k = 1; COMMIT TRANSACTION";
const SEVERAL_PARTITIONS: &str = "DELETE FROM t WHERE k IN (1, 2)";

/// Returns the error of a statement that a server answers with `reply`, without retries.
async fn error_of(text: &str, reply: Reply) -> Error {
    let (session, _servers) = session_with(reply).await;
    session.execute(text, ()).await.unwrap_err()
}

async fn session_with(reply: Reply) -> (Session, Vec<MockServer>) {
    let servers = start_nodes(1, move |_, _| reply.clone()).await;
    let session = connect(session_builder(&servers).retry_policy(NoRetry), 1).await;
    (session, servers)
}

fn prepared(id: &'static [u8]) -> ResultMessage {
    prepared_in("ks", Bytes::from_static(id))
}

/// Returns a prepared statement whose only variable is of type `cql_type`.
fn prepared_as(cql_type: NativeType) -> ResultMessage {
    prepared_with(ColumnSpec::new("ks", "t", "k", cql_type), Bytes::from_static(b"id"))
}

/// Returns a prepared statement whose only variable is the partition key of a table in `keyspace`.
fn prepared_in(keyspace: &str, id: Bytes) -> ResultMessage {
    prepared_with(ColumnSpec::new(keyspace, "t", "k", NativeType::Int), id)
}

fn prepared_with(variable: ColumnSpec, id: Bytes) -> ResultMessage {
    ResultMessage::Prepared(PreparedResult {
        id,
        result_metadata_id: None,
        variables: Variables {
            columns: [variable].into(),
            partition_key: vec![0],
            other_flags: Default::default(),
        },
        result: RowsMetadata::none(),
    })
}

/// Tasks of the session's runtime request `USE` and the pages of a stream. The connections of all
/// requests end with it.
#[tokio::test]
async fn a_request_whose_runtime_ended_may_have_been_applied() {
    let cases = [
        ("stream", ErrorKind::Closed),
        ("USE", ErrorKind::Closed),
        (INSERT, ErrorKind::Connection),
    ];
    for (way, kind) in cases {
        let received = Arc::new(Notify::new());
        let notified = Arc::clone(&received);
        let servers = start_nodes(1, move |_, _| {
            notified.notify_one();
            Reply::silence()
        });
        let servers = servers.await;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let session = runtime.spawn(session_builder(&servers).connect()).await.unwrap().unwrap();
        let request = async {
            match way {
                "stream" => session.stream::<(i32,)>(INSERT, ()).next_page().await.map(drop),
                "USE" => session.execute("USE test", ()).await.map(drop),
                _ => session.execute(INSERT, ()).await.map(drop),
            }
        };
        let end = async {
            received.notified().await;
            runtime.shutdown_background();
        };
        let (outcome, ()) = tokio::join!(request, end);
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.may_have_been_applied(), "{error}");
    }
}

#[tokio::test]
async fn a_request_that_timed_out_may_have_been_applied() {
    let (session, _servers) = session_with(Reply::silence()).await;
    let insert = Statement::new(INSERT).timeout(Duration::from_millis(100));
    let error = session.execute(insert, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.may_have_been_applied(), "{error}");
}

#[tokio::test]
async fn a_request_whose_connection_closed_may_have_been_applied() {
    let error = error_of(INSERT, Reply::close()).await;
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.may_have_been_applied(), "{error}");
}

#[tokio::test]
async fn a_response_that_cannot_be_decoded_may_follow_the_execution() {
    let servers = start_nodes(1, |_, frame| {
        let [high, low] = frame.stream.0.to_be_bytes();
        // A RESULT without a kind.
        Reply::bytes(vec![0x84, 0, high, low, 8, 0, 0, 0, 0])
    });
    let servers = servers.await;
    let session = connect(session_builder(&servers).retry_policy(NoRetry), 1).await;
    let error = session.execute(INSERT, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.may_have_been_applied(), "{error}");
}

#[tokio::test]
async fn a_response_that_is_too_long_may_follow_the_execution() {
    let page = Reply::rows(["[applied]"], [["x".repeat(100_000)]]);
    let servers = start_nodes(1, move |_, _| page.clone()).await;
    let builder = session_builder(&servers).retry_policy(NoRetry);
    let session = connect(builder.connection(|options| options.max_body = 50_000), 1).await;
    let error = session.execute(CONDITIONAL, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.may_have_been_applied(), "{error}");
    let error = session.execute("SELECT k FROM t", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(!error.may_have_been_applied(), "{error}");
}

#[tokio::test]
async fn a_response_that_is_not_a_result_may_follow_the_execution() {
    for reply in [Reply::response(Ready), Reply::response(Supported::default())] {
        let error = error_of(INSERT, reply.clone()).await;
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.may_have_been_applied(), "{error}");
        assert!(!error_of("SELECT k FROM t", reply).await.may_have_been_applied());
    }
}

#[tokio::test]
async fn a_statement_that_changed_was_not_applied() {
    let prepares = AtomicUsize::new(0);
    let servers = start_nodes(1, move |_, frame| match &frame.request {
        Request::Prepare(_) => match prepares.fetch_add(1, Ordering::SeqCst) {
            0 => prepared(b"first").into(),
            _ => prepared(b"second").into(),
        },
        _ => Reply::error(ErrorCode::Unprepared, "evicted"),
    })
    .await;
    let session = connect(session_builder(&servers), 1).await;
    let error = session.execute("INSERT INTO t (k) VALUES (?)", (1,)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StatementChanged);
    assert!(!error.may_have_been_applied(), "{error}");
    // The id stays the same, and the values do not fit the new type of the variable.
    let prepares = AtomicUsize::new(0);
    let types = [NativeType::Int, NativeType::Float];
    let servers = start_nodes(1, move |_, frame| match &frame.request {
        Request::Prepare(_) => prepared_as(types[prepares.fetch_add(1, Ordering::SeqCst)]).into(),
        _ => Reply::error(ErrorCode::Unprepared, "evicted"),
    })
    .await;
    let session = connect(session_builder(&servers), 1).await;
    let error = session.execute("INSERT INTO t (k) VALUES (?)", (1,)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StatementChanged);
    assert!(error.to_string().contains("types of its bind variables have changed"), "{error}");
    assert!(!error.may_have_been_applied(), "{error}");
}

/// The server refused the EXECUTE as unprepared. The error of the PREPARE that follows does not concern
/// the statement.
#[tokio::test]
async fn a_statement_that_could_not_be_prepared_again_was_not_applied() {
    let failures = [
        (Reply::error(ErrorCode::Invalid, "no"), ErrorKind::Server(ErrorCode::Invalid)),
        (Reply::error(ErrorCode::Server, "no"), ErrorKind::Server(ErrorCode::Server)),
        (Reply::response(Ready), ErrorKind::Protocol),
        (Reply::void(), ErrorKind::Protocol),
        (Reply::close(), ErrorKind::Connection),
        (Reply::silence(), ErrorKind::Timeout),
    ];
    for (failure, kind) in failures {
        let prepares = AtomicUsize::new(0);
        let servers = start_nodes(1, move |_, frame| match &frame.request {
            Request::Prepare(_) => match prepares.fetch_add(1, Ordering::SeqCst) {
                0 => prepared(b"id").into(),
                _ => failure.clone(),
            },
            _ => Reply::error(ErrorCode::Unprepared, "evicted"),
        })
        .await;
        let session = connect(session_builder(&servers).retry_policy(NoRetry), 1).await;
        let insert = Statement::new("INSERT INTO t (k) VALUES (?)").timeout(Duration::from_secs(2));
        let error = session.execute(insert, (1,)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!error.may_have_been_applied(), "{error}");
    }
}

#[tokio::test]
async fn a_result_that_does_not_fit_belongs_to_an_executed_request() {
    let (session, _servers) = session_with(Reply::void()).await;
    let result = session.execute(INSERT, ()).await.unwrap();
    let error = result.rows::<(i32,)>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResultKind);
    assert!(error.may_have_been_applied(), "{error}");
    let result = session.execute("SELECT k FROM t", ()).await.unwrap();
    assert!(!result.rows::<(i32,)>().unwrap_err().may_have_been_applied());
    // A conditional write returns a row.
    let columns = [("[applied]", NativeType::Boolean)];
    let (session, _servers) = session_with(Reply::rows(columns, [(true,), (true,)])).await;
    let result = session.execute(CONDITIONAL, ()).await.unwrap();
    for (error, kind) in [
        (result.rows::<(i32,)>().unwrap_err(), ErrorKind::Read),
        (result.one::<(bool,)>().unwrap_err(), ErrorKind::RowCount),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.may_have_been_applied(), "{error}");
    }
}

#[tokio::test]
async fn a_select_and_a_prepare_change_nothing() {
    for code in [ErrorCode::Server, ErrorCode::ReadTimeout, ErrorCode::Overloaded] {
        let (session, _servers) = session_with(Reply::error(code, "no")).await;
        let reads = "BEGIN TRANSACTION SELECT k FROM t WHERE k = 1; COMMIT TRANSACTION";
        for text in ["SELECT k FROM t", reads] {
            let error = session.execute(text, ()).await.unwrap_err();
            assert!(!error.may_have_been_applied(), "{error}");
        }
        let error = session.prepare("INSERT INTO t (k) VALUES (?)").await.unwrap_err();
        assert!(!error.may_have_been_applied(), "{error}");
    }
    assert!(!error_of("SELECT k FROM t", Reply::close()).await.may_have_been_applied());
}

/// The first attempt may have been applied, the second was refused: the request may have been applied.
#[tokio::test]
async fn an_earlier_attempt_may_have_been_applied() {
    let attempts = AtomicUsize::new(0);
    let servers = start_nodes(2, move |_, _| match attempts.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::close(),
        _ => Reply::error(ErrorCode::Invalid, "no"),
    })
    .await;
    let session = connect(session_builder(&servers), 2).await;
    let insert = Statement::new(INSERT).idempotent(true);
    let error = session.execute(insert, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Invalid));
    assert!(error.may_have_been_applied(), "{error}");
    let applied: Vec<_> = error.history().iter().map(|a| a.may_have_been_applied).collect();
    assert_eq!(applied, [true, false]);
}

/// The connection of the first attempt closes. The second attempt finds the statement evicted, and the
/// type of its variable changed. The stream could encode text for both types, but an integer for the
/// first type only.
#[tokio::test]
async fn an_earlier_attempt_of_a_stream_may_have_been_applied() {
    for types in [[NativeType::Ascii, NativeType::Text], [NativeType::Int, NativeType::Float]] {
        let (prepares, executions) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let servers = start_nodes(2, move |_, frame| match &frame.request {
            Request::Prepare(_) => {
                prepared_as(types[prepares.fetch_add(1, Ordering::SeqCst)]).into()
            }
            _ => match executions.fetch_add(1, Ordering::SeqCst) {
                0 => Reply::close(),
                1 => Reply::error(ErrorCode::Unprepared, "evicted"),
                _ => Reply::error(ErrorCode::Invalid, "no"),
            },
        })
        .await;
        let session = connect(session_builder(&servers), 2).await;
        let insert = Statement::new("INSERT INTO t (k) VALUES (?)").idempotent(true);
        let outcome = match types[0] {
            NativeType::Int => session.stream::<(i32,)>(insert, (1,)).next_page().await,
            _ => session.stream::<(i32,)>(insert, ("one",)).next_page().await,
        };
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StatementChanged, "{error}");
        assert!(error.may_have_been_applied(), "{error}");
    }
}

/// The connection of the first execution closed, and a speculative one was refused later.
#[tokio::test]
async fn a_speculative_execution_may_have_been_applied() {
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let (seen, both_sent) = (Arc::clone(&attempts), Arc::new(Notify::new()));
    let second_sent = Arc::clone(&both_sent);
    let has_first_failed = Arc::new(AtomicBool::new(false));
    let failed = Arc::clone(&has_first_failed);
    let mut servers = start_nodes(2, move |number, _| {
        let mut seen = seen.lock().unwrap();
        seen.push(number);
        if seen.len() == 1 {
            return Reply::silence();
        }
        second_sent.notify_one();
        let failed = Arc::clone(&failed);
        Reply::error(ErrorCode::Invalid, "no").when(move || failed.load(Ordering::SeqCst))
    })
    .await;
    let session = connect(session_builder(&servers).retry_policy(NoRetry), 2).await;
    let after = SpeculativeExecution::after(Duration::from_millis(1));
    let insert = Statement::new(INSERT).idempotent(true).speculative_execution(after);
    let stop_first = async {
        both_sent.notified().await;
        let first = attempts.lock().unwrap()[0];
        drop(servers.remove(first));
        until("the first attempt has failed", async || {
            session.metrics().nodes.iter().any(|node| node.errors.aborted > 0)
        })
        .await;
        has_first_failed.store(true, Ordering::SeqCst);
    };
    let (outcome, ()) = tokio::join!(session.execute(insert, ()), stop_first);
    let error = outcome.unwrap_err();
    assert_eq!(error.history().len(), 2, "{error:?}");
    assert!(error.may_have_been_applied(), "{error}");
}

/// Refused writes are retried even if they are not idempotent. Each is executed once.
#[tokio::test]
async fn a_refused_write_is_sent_to_the_next_node() {
    let executed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&executed);
    let servers = start_nodes(2, move |number, _| match number {
        0 => Reply::error(ErrorCode::Overloaded, "Server is shutting down"),
        _ => {
            counted.fetch_add(1, Ordering::SeqCst);
            Reply::void()
        }
    })
    .await;
    let session = connect(session_builder(&servers), 2).await;
    for text in [INSERT, CONDITIONAL, "UPDATE t SET n = n + 1 WHERE k = 1", SEVERAL_PARTITIONS] {
        session.execute(text, ()).await.unwrap();
    }
    let batch = Batch::counter().statement("UPDATE t SET n = n + 1 WHERE k = 1", ());
    session.batch(&batch).await.unwrap();
    assert_eq!(executed.load(Ordering::SeqCst), 5);
}
