//! Errors in the form of the client's protocol version.

use std::mem;

use crate::message::{ErrorCode, ErrorDetails, ServerError, WriteType};
use crate::wire::Version;

/// Replaces an error that `version` does not have by the error that Cassandra sends in that version. The
/// message stays the same.
pub(super) fn downgrade(error: &mut ServerError, version: Version) {
    let details = mem::replace(&mut error.details, ErrorDetails::None);
    error.details = match details {
        ErrorDetails::ReadFailure { consistency, received, block_for, data_present, .. }
            if version < Version::V4 =>
        {
            ErrorDetails::ReadTimeout { consistency, received, block_for, data_present }
        }
        ErrorDetails::WriteFailure { consistency, received, block_for, write_type, .. }
            if version < Version::V4 =>
        {
            let contentions = None;
            ErrorDetails::WriteTimeout { consistency, received, block_for, write_type, contentions }
        }
        ErrorDetails::CasWriteUnknown { consistency, received, block_for }
            if version < Version::V5 =>
        {
            let (write_type, contentions) = (WriteType::Cas, None);
            ErrorDetails::WriteTimeout { consistency, received, block_for, write_type, contentions }
        }
        ErrorDetails::FunctionFailure { .. } if version < Version::V4 => ErrorDetails::None,
        details => details,
    };
    error.code = match (error.code, &error.details) {
        (ErrorCode::FunctionFailure | ErrorCode::CdcWriteFailure, _) if version < Version::V4 => {
            ErrorCode::Invalid
        }
        (_, ErrorDetails::ReadTimeout { .. }) => ErrorCode::ReadTimeout,
        (_, ErrorDetails::WriteTimeout { .. }) => ErrorCode::WriteTimeout,
        (code, _) => code,
    };
}
