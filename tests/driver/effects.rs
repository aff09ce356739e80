//! The effect of a request after each kind of error. Each row of the table in the documentation of
//! `cqlwire::session::Error` has its tests here; `tests/offline/effects.rs` compares the names.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cqlwire::message::{
    ErrorCode, ErrorDetails, PreparedResult, Ready, Request, ResultMessage, RowsMetadata,
    ServerError, Supported, Variables, WriteType,
};
use cqlwire::session::{
    Batch, Error, ErrorKind, NoRetry, Session, SpeculativeExecution, Statement, Throttle,
};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{ColumnSpec, CqlType, NativeType};
use cqlwire::wire::Consistency;
use tokio::sync::Notify;

use crate::mock_nodes::{connect, session_builder, start_nodes};

const INSERT: &str = "INSERT INTO t (k) VALUES (1)";
const CONDITIONAL: &str = "INSERT INTO t (k) VALUES (1) IF NOT EXISTS";
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

fn unavailable_at(consistency: Consistency) -> Reply {
    Reply::response(ServerError {
        code: ErrorCode::Unavailable,
        message: String::new(),
        details: ErrorDetails::Unavailable { consistency, required: 2, alive: 1 },
    })
}

fn prepared(id: &'static [u8], cql_type: NativeType) -> ResultMessage {
    ResultMessage::Prepared(PreparedResult {
        id: bytes::Bytes::from_static(id),
        result_metadata_id: None,
        variables: Variables {
            columns: [ColumnSpec::new("ks", "t", "k", CqlType::from(cql_type))].into(),
            partition_key: vec![],
            other_flags: Default::default(),
        },
        result: RowsMetadata::none(),
    })
}

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
        while session.metrics().in_flight == 0 {
            tokio::task::yield_now().await;
        }
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
    for error in [values_missing, not_encoded, throttled, closed] {
        assert!(!error.may_have_been_applied(), "{error}");
    }
}

#[tokio::test]
async fn a_request_that_found_no_node_was_not_applied() {
    let (session, servers) = session_with(Reply::void()).await;
    drop(servers);
    while session.metrics().connected_nodes > 0 {
        tokio::task::yield_now().await;
    }
    let error = session.execute(INSERT, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(!error.may_have_been_applied(), "{error}");
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
            0 => prepared(b"first", NativeType::Int).into(),
            _ => prepared(b"second", NativeType::Int).into(),
        },
        _ => Reply::error(ErrorCode::Unprepared, "evicted"),
    })
    .await;
    let session = connect(session_builder(&servers), 1).await;
    let error = session.execute("INSERT INTO t (k) VALUES (?)", (1,)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StatementChanged);
    assert!(!error.may_have_been_applied(), "{error}");
}

/// The server refused the EXECUTE as unprepared. The error of the PREPARE that follows does not concern
/// the statement.
#[tokio::test]
async fn a_statement_that_could_not_be_prepared_again_was_not_applied() {
    let failures = [
        Reply::error(ErrorCode::Server, "no"),
        Reply::response(Ready),
        Reply::void(),
        Reply::close(),
    ];
    for failure in failures {
        let prepares = AtomicUsize::new(0);
        let servers = start_nodes(1, move |_, frame| match &frame.request {
            Request::Prepare(_) => match prepares.fetch_add(1, Ordering::SeqCst) {
                0 => prepared(b"id", NativeType::Int).into(),
                _ => failure.clone(),
            },
            _ => Reply::error(ErrorCode::Unprepared, "evicted"),
        })
        .await;
        let session = connect(session_builder(&servers).retry_policy(NoRetry), 1).await;
        let insert = Statement::new("INSERT INTO t (k) VALUES (?)").timeout(Duration::from_secs(5));
        let error = session.execute(insert, (1,)).await.unwrap_err();
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
}

#[tokio::test]
async fn an_invalid_request_was_not_applied() {
    for code in [
        ErrorCode::Protocol,
        ErrorCode::Authentication,
        ErrorCode::Syntax,
        ErrorCode::Unauthorized,
        ErrorCode::Invalid,
        ErrorCode::Config,
        ErrorCode::AlreadyExists,
        ErrorCode::Unprepared,
        ErrorCode::FunctionFailure,
        ErrorCode::Bootstrapping,
    ] {
        let error = error_of(INSERT, Reply::error(code, "no")).await;
        assert_eq!(error.kind(), ErrorKind::Server(code));
        assert!(!error.may_have_been_applied(), "{error}");
    }
}

#[tokio::test]
async fn a_request_refused_by_an_overloaded_server_was_not_applied() {
    for text in [
        "Server is shutting down",
        "Query timed out before it could start",
        "Request breached global limit of 1000 requests/second. Server is currently in an \
         overloaded state and cannot accept more requests.",
        "Request breached limit on bytes in flight. (Endpoint: 1/1 bytes, Global: 1/1 bytes.) \
         Server is currently in an overloaded state and cannot accept more requests.",
        "Request has spent over 0.8 time of the maximum timeout 12000ms in the queue",
        "Server is in overloaded state. Cannot accept more requests at this point",
    ] {
        for statement in [INSERT, CONDITIONAL, SEVERAL_PARTITIONS, "DROP ROLE ada"] {
            let error = error_of(statement, Reply::error(ErrorCode::Overloaded, text)).await;
            assert!(!error.may_have_been_applied(), "{error}");
        }
        let (session, _servers) = session_with(Reply::error(ErrorCode::Overloaded, text)).await;
        let batch = Batch::counter().statement("UPDATE t SET n = n + 1 WHERE k = 1", ());
        assert!(!session.batch(&batch).await.unwrap_err().may_have_been_applied());
    }
}

#[tokio::test]
async fn a_request_that_overloaded_the_server_may_have_been_applied() {
    for text in ["Too many in flight hints: 1024", "", "a text of a later version"] {
        let error = error_of(INSERT, Reply::error(ErrorCode::Overloaded, text)).await;
        assert!(error.may_have_been_applied(), "{error}");
    }
}

#[tokio::test]
async fn a_write_to_one_partition_without_replicas_was_not_applied() {
    let reply = unavailable_at(Consistency::Quorum);
    for text in [INSERT, "UPDATE t SET v = 1 WHERE k = 1", "TRUNCATE t"] {
        let error = error_of(text, reply.clone()).await;
        assert!(!error.may_have_been_applied(), "{error}");
    }
    let (session, _servers) = session_with(reply).await;
    let logged = Batch::logged().statement(INSERT, ()).statement(SEVERAL_PARTITIONS, ());
    let error = session.batch(&logged).await.unwrap_err();
    assert!(!error.may_have_been_applied(), "{error}");
}

#[tokio::test]
async fn a_write_in_steps_without_replicas_may_have_been_applied_in_part() {
    let reply = unavailable_at(Consistency::Quorum);
    for text in [SEVERAL_PARTITIONS, "DROP ROLE ada"] {
        let error = error_of(text, reply.clone()).await;
        assert!(error.may_have_been_applied(), "{error}");
    }
    let (session, _servers) = session_with(reply).await;
    for batch in [Batch::unlogged(), Batch::counter()] {
        let error = session.batch(&batch.statement(INSERT, ())).await.unwrap_err();
        assert!(error.may_have_been_applied(), "{error}");
    }
}

#[tokio::test]
async fn a_conditional_statement_may_have_been_applied_without_replicas_to_commit_it() {
    let to_commit = error_of(CONDITIONAL, unavailable_at(Consistency::Quorum)).await;
    assert!(to_commit.may_have_been_applied(), "{to_commit}");
    for consistency in [Consistency::Serial, Consistency::LocalSerial] {
        let to_agree = error_of(CONDITIONAL, unavailable_at(consistency)).await;
        assert!(!to_agree.may_have_been_applied(), "{to_agree}");
    }
    let (session, _servers) = session_with(unavailable_at(Consistency::Quorum)).await;
    let batch = Batch::logged().statement(CONDITIONAL, ());
    assert!(session.batch(&batch).await.unwrap_err().may_have_been_applied());
}

#[tokio::test]
async fn a_failed_read_comes_before_the_write() {
    for code in [ErrorCode::ReadTimeout, ErrorCode::ReadFailure] {
        for text in [INSERT, CONDITIONAL] {
            let error = error_of(text, Reply::error(code, "no")).await;
            assert!(!error.may_have_been_applied(), "{error}");
        }
        let error = error_of("DROP ROLE ada", Reply::error(code, "no")).await;
        assert!(error.may_have_been_applied(), "{error}");
    }
}

#[tokio::test]
async fn a_write_that_timed_out_or_failed_may_have_been_applied() {
    for write_type in [
        WriteType::Simple,
        WriteType::Batch,
        WriteType::UnloggedBatch,
        WriteType::Counter,
        // A replica may have stored the log although the coordinator did not hear of it.
        WriteType::BatchLog,
        WriteType::Cas,
        WriteType::View,
        WriteType::Cdc,
    ] {
        let reply = Reply::response(ServerError {
            code: ErrorCode::WriteTimeout,
            message: String::new(),
            details: ErrorDetails::WriteTimeout {
                consistency: Consistency::Quorum,
                received: 0,
                block_for: 2,
                write_type,
                contentions: None,
            },
        });
        let error = error_of(INSERT, reply).await;
        assert!(error.may_have_been_applied(), "{error}");
    }
    for code in [ErrorCode::WriteFailure, ErrorCode::CdcWriteFailure, ErrorCode::CasWriteUnknown] {
        let error = error_of(INSERT, Reply::error(code, "no")).await;
        assert!(error.may_have_been_applied(), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_fails_may_have_applied_the_request() {
    for (text, code) in [
        ("TRUNCATE t", ErrorCode::Truncate),
        (INSERT, ErrorCode::Server),
        (INSERT, ErrorCode::Unknown(0x7777)),
    ] {
        let error = error_of(text, Reply::error(code, "no")).await;
        assert_eq!(error.kind(), ErrorKind::Server(code));
        assert!(error.may_have_been_applied(), "{error}");
    }
}

#[tokio::test]
async fn a_select_and_a_prepare_change_nothing() {
    for code in [ErrorCode::Server, ErrorCode::ReadTimeout, ErrorCode::Overloaded] {
        let (session, _servers) = session_with(Reply::error(code, "no")).await;
        let error = session.execute("SELECT k FROM t", ()).await.unwrap_err();
        assert!(!error.may_have_been_applied(), "{error}");
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

/// The connection of the first execution closed, and a speculative one was refused later.
#[tokio::test]
async fn a_speculative_execution_may_have_been_applied() {
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let (seen, both_sent) = (Arc::clone(&attempts), Arc::new(Notify::new()));
    let second_sent = Arc::clone(&both_sent);
    let mut servers = start_nodes(2, move |number, _| {
        let mut seen = seen.lock().unwrap();
        seen.push(number);
        if seen.len() == 1 {
            return Reply::silence();
        }
        second_sent.notify_one();
        Reply::error(ErrorCode::Invalid, "no").after(Duration::from_millis(500))
    })
    .await;
    let session = connect(session_builder(&servers).retry_policy(NoRetry), 2).await;
    let after = SpeculativeExecution::after(Duration::from_millis(1));
    let insert = Statement::new(INSERT).idempotent(true).speculative_execution(after);
    let stop_first = async {
        both_sent.notified().await;
        let first = attempts.lock().unwrap()[0];
        drop(servers.remove(first));
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
