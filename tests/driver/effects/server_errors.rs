//! The effect of a request after each error of a server.

use bytes::Bytes;
use cqlwire::message::{ErrorCode, ErrorDetails, Request, ServerError, WriteType};
use cqlwire::session::{Batch, Error, ErrorKind, NoRetry};
use cqlwire::testing::Reply;
use cqlwire::wire::Consistency;

use super::{
    CONDITIONAL, INSERT, SEVERAL_PARTITIONS, TRANSACTION, error_of, prepared_in, session_with,
};
use crate::mock_nodes::{connect, session_builder, start_nodes};

const UPDATE_BY_KEY: &str = "UPDATE ks.t SET v = 1 WHERE k = ?";
const UPDATE_OTHER_TABLE: &str = "UPDATE ks.other SET v = 1 WHERE k = ?";
const UPDATE_OTHER_KEYSPACE: &str = "UPDATE other.t SET v = 1 WHERE k = ?";
const DELETE_KEYS: &str = "DELETE FROM ks.t WHERE k IN (?)";

/// Adds two statements that write the same partition.
fn one_partition(batch: Batch<'_>) -> Batch<'_> {
    batch.statement(UPDATE_BY_KEY, (1,)).statement(UPDATE_OTHER_TABLE, (1,))
}

/// Returns the error of a batch that a server answers with `reply`, without retries.
async fn batch_error(batch: &Batch<'_>, reply: Reply) -> Error {
    let servers = start_nodes(1, move |_, frame| match &frame.request {
        Request::Prepare(prepare) => {
            let keyspace = if prepare.text.contains("other.") { "other" } else { "ks" };
            prepared_in(keyspace, Bytes::copy_from_slice(prepare.text.as_bytes())).into()
        }
        _ => reply.clone(),
    })
    .await;
    let session = connect(session_builder(&servers).retry_policy(NoRetry), 1).await;
    session.batch(batch).await.unwrap_err()
}

fn unavailable_at(consistency: Consistency) -> Reply {
    Reply::response(ServerError {
        code: ErrorCode::Unavailable,
        message: String::new(),
        details: ErrorDetails::Unavailable { consistency, required: 2, alive: 1 },
    })
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
        for statement in [INSERT, CONDITIONAL, SEVERAL_PARTITIONS, TRANSACTION, "DROP ROLE ada"] {
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
    let logged = Batch::logged().statement(INSERT, ()).statement(SEVERAL_PARTITIONS, ());
    let batches = [logged, one_partition(Batch::unlogged()), one_partition(Batch::counter())];
    for batch in batches.into_iter().chain([Batch::unlogged().statement(INSERT, ())]) {
        let error = batch_error(&batch, reply.clone()).await;
        assert!(!error.may_have_been_applied(), "{batch:?}: {error}");
    }
}

#[tokio::test]
async fn a_write_in_steps_without_replicas_may_have_been_applied_in_part() {
    let reply = unavailable_at(Consistency::Quorum);
    for text in [SEVERAL_PARTITIONS, TRANSACTION, "DROP ROLE ada"] {
        let error = error_of(text, reply.clone()).await;
        assert!(error.may_have_been_applied(), "{error}");
    }
    for batch in [Batch::unlogged, Batch::counter] {
        for batch in [
            batch().statement(SEVERAL_PARTITIONS, ()),
            batch().statement(INSERT, ()).statement(INSERT, ()),
            // The driver does not know the partition of a statement that is not prepared.
            one_partition(batch()).statement(INSERT, ()),
            one_partition(batch()).statement(UPDATE_BY_KEY, (2,)),
            one_partition(batch()).statement(UPDATE_OTHER_KEYSPACE, (1,)),
            one_partition(batch()).statement(DELETE_KEYS, (1,)),
        ] {
            let error = batch_error(&batch, reply.clone()).await;
            assert!(error.may_have_been_applied(), "{batch:?}: {error}");
        }
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
    let logged = || Batch::logged().statement(INSERT, ()).statement(SEVERAL_PARTITIONS, ());
    for code in [ErrorCode::ReadTimeout, ErrorCode::ReadFailure] {
        for text in [INSERT, "UPDATE t SET v = 1 WHERE k = 1", CONDITIONAL, "TRUNCATE t"] {
            let error = error_of(text, Reply::error(code, "no")).await;
            assert_eq!(error.kind(), ErrorKind::Server(code));
            assert!(!error.may_have_been_applied(), "{error}");
        }
        for batch in [
            logged(),
            logged().statement(CONDITIONAL, ()),
            Batch::unlogged().statement(INSERT, ()).statement(CONDITIONAL, ()),
            Batch::counter().statement(INSERT, ()).statement(CONDITIONAL, ()),
            one_partition(Batch::unlogged()),
        ] {
            let error = batch_error(&batch, Reply::error(code, "no")).await;
            assert!(!error.may_have_been_applied(), "{error}");
        }
    }
}

#[tokio::test]
async fn a_failed_read_may_come_after_the_first_of_several_writes() {
    for code in [ErrorCode::ReadTimeout, ErrorCode::ReadFailure] {
        for text in [SEVERAL_PARTITIONS, TRANSACTION, "DROP ROLE ada"] {
            let error = error_of(text, Reply::error(code, "no")).await;
            assert!(error.may_have_been_applied(), "{error}");
        }
        for batch in [Batch::unlogged(), Batch::counter()] {
            let batch = batch.statement(INSERT, ()).statement(INSERT, ());
            let error = batch_error(&batch, Reply::error(code, "no")).await;
            assert!(error.may_have_been_applied(), "{error}");
        }
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
