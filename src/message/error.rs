//! ERROR (v4 §4.2.1, §9).

use std::fmt;

use bytes::Bytes;

use super::{Failures, Message};
use crate::wire::{
    Consistency, Context, DecodeError, EncodeError, EncodeErrorKind, Opcode, Reader, Version,
    Writer, wire_codes, wire_names,
};

wire_codes! {
    /// The code of a server error.
    pub enum ErrorCode(i32) {
        /// An unexpected error inside the server.
        Server = 0x0000 "server error",
        /// The client violated the protocol.
        Protocol = 0x000A "protocol error",
        /// The client's credentials are missing or wrong.
        Authentication = 0x0100 "authentication error",
        /// Fewer replicas are alive than the consistency level requires.
        Unavailable = 0x1000 "unavailable",
        /// The coordinator is overloaded.
        Overloaded = 0x1001 "overloaded",
        /// The coordinator is still joining the cluster.
        Bootstrapping = 0x1002 "bootstrapping",
        /// A table could not be truncated.
        Truncate = 0x1003 "truncate error",
        /// Too few replicas acknowledged a write in time. The write may have been applied.
        WriteTimeout = 0x1100 "write timeout",
        /// Too few replicas answered a read in time.
        ReadTimeout = 0x1200 "read timeout",
        /// A read failed on a replica (v4 and later).
        ReadFailure = 0x1300 "read failure",
        /// A user-defined function failed (v4 and later).
        FunctionFailure = 0x1400 "function failure",
        /// A write failed on a replica (v4 and later). The write may have been applied.
        WriteFailure = 0x1500 "write failure",
        /// A write was rejected because change data capture has no space left (v4 and later).
        CdcWriteFailure = 0x1600 "CDC write failure",
        /// The outcome of a conditional write is unknown (v5).
        CasWriteUnknown = 0x1700 "CAS write unknown",
        /// The statement has a syntax error.
        Syntax = 0x2000 "syntax error",
        /// The client lacks a permission that the request requires.
        Unauthorized = 0x2100 "unauthorized",
        /// The statement is syntactically correct but invalid.
        Invalid = 0x2200 "invalid request",
        /// The server's configuration does not allow the request.
        Config = 0x2300 "configuration error",
        /// The keyspace or table already exists.
        AlreadyExists = 0x2400 "already exists",
        /// The server does not know the id of the prepared statement.
        Unprepared = 0x2500 "unprepared",
    }
}

wire_names! {
    /// The type of a failed write.
    pub enum WriteType {
        /// A write to one partition, outside a batch.
        Simple = "SIMPLE",
        /// A logged batch.
        Batch = "BATCH",
        /// An unlogged batch.
        UnloggedBatch = "UNLOGGED_BATCH",
        /// A counter update.
        Counter = "COUNTER",
        /// The write to the log of a logged batch, before the batch itself.
        BatchLog = "BATCH_LOG",
        /// A conditional write.
        Cas = "CAS",
        /// An update of a materialized view (v4 and later).
        View = "VIEW",
        /// A write to a table with change data capture (v4 and later).
        Cdc = "CDC",
    }
}

/// An ERROR response: the server could not execute the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// The error code.
    pub code: ErrorCode,
    /// The human-readable message from the server.
    pub message: String,
    /// The additional fields of this error code.
    pub details: ErrorDetails,
}

/// The additional fields of a [`ServerError`], which depend on its code.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields have the names of the protocol specification")]
pub enum ErrorDetails {
    /// No additional fields.
    None,
    /// The fields of [`ErrorCode::Unavailable`].
    Unavailable { consistency: Consistency, required: i32, alive: i32 },
    /// The fields of [`ErrorCode::WriteTimeout`]. `contentions` exists only for a CAS write in v5.
    WriteTimeout {
        consistency: Consistency,
        received: i32,
        block_for: i32,
        write_type: WriteType,
        contentions: Option<u16>,
    },
    /// The fields of [`ErrorCode::ReadTimeout`].
    ReadTimeout { consistency: Consistency, received: i32, block_for: i32, data_present: bool },
    /// The fields of [`ErrorCode::ReadFailure`].
    ReadFailure {
        consistency: Consistency,
        received: i32,
        block_for: i32,
        failures: Failures,
        data_present: bool,
    },
    /// The fields of [`ErrorCode::FunctionFailure`].
    FunctionFailure { keyspace: String, function: String, arguments: Vec<String> },
    /// The fields of [`ErrorCode::WriteFailure`].
    WriteFailure {
        consistency: Consistency,
        received: i32,
        block_for: i32,
        failures: Failures,
        write_type: WriteType,
    },
    /// The fields of [`ErrorCode::CasWriteUnknown`].
    CasWriteUnknown { consistency: Consistency, received: i32, block_for: i32 },
    /// The fields of [`ErrorCode::AlreadyExists`]. `table` is empty if the error is about a keyspace.
    AlreadyExists { keyspace: String, table: String },
    /// The fields of [`ErrorCode::Unprepared`]: the unknown statement id.
    Unprepared { id: Bytes },
    /// The fields of the rate limit error, whose code the server announces with the extension
    /// `SCYLLA_RATE_LIMIT_ERROR`.
    RateLimit { operation: u8, rejected_by_coordinator: bool },
    /// The undecoded bytes that follow `message` in an error with an unknown code.
    Unknown(Bytes),
}

impl ServerError {
    /// Creates an error without additional fields.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: ErrorDetails::None }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ServerError {}

impl Message<'_> for ServerError {
    const OPCODE: Opcode = Opcode::Error;

    fn decode(reader: &mut Reader<'_>, context: &Context) -> Result<Self, DecodeError> {
        let code = ErrorCode::from(reader.int("code")?);
        let message = reader.string("message")?.to_owned();
        Ok(Self { code, message, details: ErrorDetails::decode(code, reader, context)? })
    }

    fn encode(&self, writer: &mut Writer<'_>, context: &Context) -> Result<(), EncodeError> {
        if !self.details.match_code(self.code, context) {
            return Err(EncodeError::new(EncodeErrorKind::Contradiction, "code"));
        }
        writer.int(self.code.code());
        writer.string(&self.message, "message")?;
        self.details.encode(writer, context)
    }
}

impl ErrorDetails {
    fn decode(
        code: ErrorCode,
        reader: &mut Reader<'_>,
        context: &Context,
    ) -> Result<Self, DecodeError> {
        Ok(match code {
            ErrorCode::Unavailable => Self::Unavailable {
                consistency: reader.consistency("consistency")?,
                required: reader.int("required")?,
                alive: reader.int("alive")?,
            },
            ErrorCode::WriteTimeout => {
                let (consistency, received, block_for) = decode_replica_counts(reader)?;
                let write_type = reader.string("write_type")?.into();
                let has_contentions =
                    context.version >= Version::V5 && write_type == WriteType::Cas;
                let contentions = match has_contentions {
                    true => Some(reader.short("contentions")?),
                    false => None,
                };
                Self::WriteTimeout { consistency, received, block_for, write_type, contentions }
            }
            ErrorCode::ReadTimeout => {
                let (consistency, received, block_for) = decode_replica_counts(reader)?;
                let data_present = reader.byte("data_present")? != 0;
                Self::ReadTimeout { consistency, received, block_for, data_present }
            }
            ErrorCode::ReadFailure => {
                let (consistency, received, block_for) = decode_replica_counts(reader)?;
                let failures = Failures::decode(reader, context)?;
                let data_present = reader.byte("data_present")? != 0;
                Self::ReadFailure { consistency, received, block_for, failures, data_present }
            }
            ErrorCode::FunctionFailure => Self::FunctionFailure {
                keyspace: reader.string("keyspace")?.to_owned(),
                function: reader.string("function")?.to_owned(),
                arguments: reader.string_list("arg_types")?,
            },
            ErrorCode::WriteFailure => {
                let (consistency, received, block_for) = decode_replica_counts(reader)?;
                let failures = Failures::decode(reader, context)?;
                let write_type = reader.string("write_type")?.into();
                Self::WriteFailure { consistency, received, block_for, failures, write_type }
            }
            ErrorCode::CasWriteUnknown => {
                let (consistency, received, block_for) = decode_replica_counts(reader)?;
                Self::CasWriteUnknown { consistency, received, block_for }
            }
            ErrorCode::AlreadyExists => Self::AlreadyExists {
                keyspace: reader.string("keyspace")?.to_owned(),
                table: reader.string("table")?.to_owned(),
            },
            ErrorCode::Unprepared => {
                let id = reader.short_bytes("id")?;
                Self::Unprepared { id: reader.share(id) }
            }
            ErrorCode::Unknown(code) if context.extensions.rate_limit_error == Some(code) => {
                Self::RateLimit {
                    operation: reader.byte("op_type")?,
                    rejected_by_coordinator: reader.byte("rejected_by_coordinator")? != 0,
                }
            }
            ErrorCode::Unknown(_) => {
                let rest = reader.take_rest();
                Self::Unknown(reader.share(rest))
            }
            _ => Self::None,
        })
    }

    fn encode(&self, writer: &mut Writer<'_>, context: &Context) -> Result<(), EncodeError> {
        match self {
            Self::None => {}
            Self::Unavailable { consistency, required, alive } => {
                encode_replica_counts(writer, *consistency, *required, *alive);
            }
            Self::WriteTimeout { consistency, received, block_for, write_type, contentions } => {
                encode_replica_counts(writer, *consistency, *received, *block_for);
                writer.string(write_type.as_str(), "write_type")?;
                if context.version >= Version::V5 && *write_type == WriteType::Cas {
                    writer.short(contentions.unwrap_or_default());
                }
            }
            Self::ReadTimeout { consistency, received, block_for, data_present } => {
                encode_replica_counts(writer, *consistency, *received, *block_for);
                writer.byte((*data_present).into());
            }
            Self::ReadFailure { consistency, received, block_for, failures, data_present } => {
                encode_replica_counts(writer, *consistency, *received, *block_for);
                failures.encode(writer, context)?;
                writer.byte((*data_present).into());
            }
            Self::FunctionFailure { keyspace, function, arguments } => {
                writer.string(keyspace, "keyspace")?;
                writer.string(function, "function")?;
                writer.string_list(arguments, "arg_types")?;
            }
            Self::WriteFailure { consistency, received, block_for, failures, write_type } => {
                encode_replica_counts(writer, *consistency, *received, *block_for);
                failures.encode(writer, context)?;
                writer.string(write_type.as_str(), "write_type")?;
            }
            Self::CasWriteUnknown { consistency, received, block_for } => {
                encode_replica_counts(writer, *consistency, *received, *block_for);
            }
            Self::AlreadyExists { keyspace, table } => {
                writer.string(keyspace, "keyspace")?;
                writer.string(table, "table")?;
            }
            Self::Unprepared { id } => writer.short_bytes(id, "id")?,
            Self::RateLimit { operation, rejected_by_coordinator } => {
                writer.byte(*operation);
                writer.byte((*rejected_by_coordinator).into());
            }
            Self::Unknown(rest) => writer.raw(rest),
        }
        Ok(())
    }

    /// Returns true if errors with `code` have these fields.
    fn match_code(&self, code: ErrorCode, context: &Context) -> bool {
        let expected = match self {
            Self::Unavailable { .. } => ErrorCode::Unavailable,
            Self::WriteTimeout { .. } => ErrorCode::WriteTimeout,
            Self::ReadTimeout { .. } => ErrorCode::ReadTimeout,
            Self::ReadFailure { .. } => ErrorCode::ReadFailure,
            Self::FunctionFailure { .. } => ErrorCode::FunctionFailure,
            Self::WriteFailure { .. } => ErrorCode::WriteFailure,
            Self::CasWriteUnknown { .. } => ErrorCode::CasWriteUnknown,
            Self::AlreadyExists { .. } => ErrorCode::AlreadyExists,
            Self::Unprepared { .. } => ErrorCode::Unprepared,
            Self::RateLimit { .. } => {
                return context.extensions.rate_limit_error == Some(code.code());
            }
            Self::Unknown(_) => return matches!(code, ErrorCode::Unknown(_)),
            Self::None => {
                return !matches!(
                    code,
                    ErrorCode::Unavailable
                        | ErrorCode::WriteTimeout
                        | ErrorCode::ReadTimeout
                        | ErrorCode::ReadFailure
                        | ErrorCode::FunctionFailure
                        | ErrorCode::WriteFailure
                        | ErrorCode::CasWriteUnknown
                        | ErrorCode::AlreadyExists
                        | ErrorCode::Unprepared
                        | ErrorCode::Unknown(_)
                );
            }
        };
        code == expected
    }
}

/// Decodes the consistency level, the number of received responses, and the number of required
/// responses.
fn decode_replica_counts(reader: &mut Reader<'_>) -> Result<(Consistency, i32, i32), DecodeError> {
    let consistency = reader.consistency("consistency")?;
    Ok((consistency, reader.int("received")?, reader.int("blockfor")?))
}

fn encode_replica_counts(
    writer: &mut Writer<'_>,
    consistency: Consistency,
    first: i32,
    second: i32,
) {
    writer.consistency(consistency);
    writer.int(first);
    writer.int(second);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_to_encode_the_fields_of_another_code() {
        let error = ServerError::new(ErrorCode::Unavailable, "no");
        let mut out = Vec::new();
        let refused = error.encode(&mut Writer::new(&mut out), &Version::V4.into()).unwrap_err();
        assert_eq!(refused.kind(), EncodeErrorKind::Contradiction);
    }

    #[test]
    fn contentions_are_encoded_only_for_a_cas_write_in_v5() {
        let mut error = ServerError {
            code: ErrorCode::WriteTimeout,
            message: String::new(),
            details: ErrorDetails::WriteTimeout {
                consistency: Consistency::Serial,
                received: 1,
                block_for: 2,
                write_type: WriteType::Cas,
                contentions: Some(7),
            },
        };
        let length = |error: &ServerError, version: Version| {
            let mut out = Vec::new();
            error.encode(&mut Writer::new(&mut out), &version.into()).unwrap();
            out.len()
        };
        assert_eq!(length(&error, Version::V5), length(&error, Version::V4) + 2);
        let ErrorDetails::WriteTimeout { write_type, .. } = &mut error.details else { panic!() };
        *write_type = WriteType::Simple;
        assert_eq!(length(&error, Version::V5), length(&error, Version::V4));
    }

    #[test]
    fn decodes_the_fields_of_an_announced_rate_limit_error() {
        let bytes = [0, 0, 0xf0, 0, 0, 0, 1, 0];
        let mut context = Context::from(Version::V4);
        let unknown = ServerError::decode(&mut Reader::new(&bytes), &context).unwrap();
        assert_eq!(unknown.details, ErrorDetails::Unknown(Bytes::from_static(&[1, 0])));
        context.extensions.rate_limit_error = Some(0xf000);
        let announced = ServerError::decode(&mut Reader::new(&bytes), &context).unwrap();
        let details = ErrorDetails::RateLimit { operation: 1, rejected_by_coordinator: false };
        assert_eq!(announced.details, details);
    }
}
