//! The fields of errors that a reply does not set.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;

use super::table::{KEYSPACE, TABLE};
use crate::message::{ErrorCode, ErrorDetails, FailureReason, Failures, WriteType};
use crate::wire::Consistency;

/// Returns the values of the fields of an error of this code, as
/// [`Reply::error`](super::Reply::error) lists them.
pub(super) fn default_details(code: ErrorCode) -> ErrorDetails {
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
