//! Replies that are errors.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;

use super::reply::Reply;
use super::table::{KEYSPACE, TABLE};
use crate::message::{ErrorCode, ErrorDetails, FailureReason, Failures, ServerError, WriteType};
use crate::wire::Consistency;

impl Reply {
    /// Replies with an ERROR of this code and message.
    ///
    /// Error codes with further fields get these values:
    ///
    /// | field | value |
    /// |---|---|
    /// | consistency | `LOCAL_QUORUM`; `SERIAL` for `CAS_WRITE_UNKNOWN` |
    /// | replicas required | 2 |
    /// | replicas alive, or responses received | 1 |
    /// | data present | false |
    /// | replicas failed | 1 |
    /// | write type | `SIMPLE` |
    /// | table, function | `test.test` |
    /// | statement id of `UNPREPARED` | the id of the executed statement |
    ///
    /// An error that the client's protocol version does not have is replaced as in Cassandra:
    ///
    /// | error | version | replaced by |
    /// |---|---|---|
    /// | `READ_FAILURE` | v3 | `READ_TIMEOUT` |
    /// | `WRITE_FAILURE` | v3 | `WRITE_TIMEOUT` |
    /// | `FUNCTION_FAILURE`, `CDC_WRITE_FAILURE` | v3 | `INVALID` |
    /// | `CAS_WRITE_UNKNOWN` | v3, v4 | `WRITE_TIMEOUT` with the write type `CAS` |
    ///
    /// For other values, pass a [`ServerError`] to [`response`](Self::response).
    #[must_use]
    pub fn error(code: ErrorCode, message: &str) -> Self {
        let (message, details) = (message.to_owned(), default_details(code));
        Self::response(ServerError { code, message, details })
    }

    /// Replies with UNAVAILABLE: `alive` replicas are alive, of `required` that `consistency` requires.
    #[must_use]
    pub fn unavailable(consistency: Consistency, required: i32, alive: i32) -> Self {
        Self::response(ServerError {
            code: ErrorCode::Unavailable,
            message: format!("Cannot achieve consistency level {consistency}"),
            details: ErrorDetails::Unavailable { consistency, required, alive },
        })
    }

    /// Replies with WRITE_TIMEOUT for a write of this type. The other fields are those of
    /// [`error`](Self::error); a CAS write met one contention.
    #[must_use]
    pub fn write_timeout(write_type: WriteType) -> Self {
        let contentions = (write_type == WriteType::Cas).then_some(1);
        Self::response(ServerError {
            code: ErrorCode::WriteTimeout,
            message: "Operation timed out - received only 1 responses.".to_owned(),
            details: ErrorDetails::WriteTimeout {
                consistency: Consistency::LocalQuorum,
                received: 1,
                block_for: 2,
                write_type,
                contentions,
            },
        })
    }

    /// Replies with READ_TIMEOUT. The fields are those of [`error`](Self::error).
    #[must_use]
    pub fn read_timeout() -> Self {
        Self::error(ErrorCode::ReadTimeout, "Operation timed out - received only 1 responses.")
    }

    /// Replies with OVERLOADED.
    #[must_use]
    pub fn overloaded() -> Self {
        Self::error(
            ErrorCode::Overloaded,
            "Server is in overloaded state. Cannot accept more requests at this point",
        )
    }
}

/// Returns the values of the fields of an error of this code, as
/// [`Reply::error`] lists them.
fn default_details(code: ErrorCode) -> ErrorDetails {
    let consistency = Consistency::LocalQuorum;
    let (received, block_for, data_present) = (1, 2, false);
    // v3 and v4 encode only the number of reasons.
    let failures = Failures::Reasons(vec![(LOCALHOST, FailureReason::Unspecified)]);
    let (keyspace, name, write_type) = (KEYSPACE.to_owned(), TABLE.to_owned(), WriteType::Simple);
    match code {
        ErrorCode::Unavailable => {
            ErrorDetails::Unavailable { consistency, required: block_for, alive: received }
        }
        ErrorCode::WriteTimeout => ErrorDetails::WriteTimeout {
            consistency,
            received,
            block_for,
            write_type,
            contentions: None,
        },
        ErrorCode::ReadTimeout => {
            ErrorDetails::ReadTimeout { consistency, received, block_for, data_present }
        }
        ErrorCode::ReadFailure => {
            ErrorDetails::ReadFailure { consistency, received, block_for, failures, data_present }
        }
        ErrorCode::FunctionFailure => {
            ErrorDetails::FunctionFailure { keyspace, function: name, arguments: Vec::new() }
        }
        ErrorCode::WriteFailure => {
            ErrorDetails::WriteFailure { consistency, received, block_for, failures, write_type }
        }
        ErrorCode::CasWriteUnknown => {
            ErrorDetails::CasWriteUnknown { consistency: Consistency::Serial, received, block_for }
        }
        ErrorCode::AlreadyExists => ErrorDetails::AlreadyExists { keyspace, table: name },
        ErrorCode::Unprepared => ErrorDetails::Unprepared { id: Bytes::new() },
        ErrorCode::Unknown(_) => ErrorDetails::Unknown(Bytes::new()),
        _ => ErrorDetails::None,
    }
}

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
