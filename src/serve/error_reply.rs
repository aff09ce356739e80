//! The errors that a command describes.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use serde_json::Value as Json;

use super::fields::{Fields, as_number, wrong_type};
use crate::message::{ErrorCode, ErrorDetails, FailureReason, Failures, ServerError, WriteType};
use crate::wire::Consistency;

/// The table in errors that name one, if the command names none.
const TABLE: (&str, &str) = ("test", "test");

/// Takes the fields of an error, or returns `None` if the command describes no error.
///
/// # Errors
/// Returns an error if a field is invalid.
pub(super) fn take_error(fields: &mut Fields) -> Result<Option<ServerError>, String> {
    let Some(code) = fields.take("error") else { return Ok(None) };
    let code = parse_code(&code)?;
    let message = fields.text("message")?.unwrap_or_else(|| default_message(code));
    let details = take_details(fields, code)?;
    Ok(Some(ServerError { code, message, details }))
}

/// Converts the name of a code, with `_` or spaces between the words, or its number.
fn parse_code(code: &Json) -> Result<ErrorCode, String> {
    match code {
        Json::String(name) => ErrorCode::from_name(&name.replace('_', " "))
            .or_else(|| ErrorCode::from_name(&format!("{} error", name.replace('_', " "))))
            .or_else(|| name.eq_ignore_ascii_case("invalid").then_some(ErrorCode::Invalid))
            .ok_or_else(|| format!("unknown error \"{name}\"; use one of {}", names())),
        Json::Number(_) => as_number("error", code).map(|code: u16| i32::from(code).into()),
        other => Err(wrong_type("error", "the name or the number of an error", other)),
    }
}

fn names() -> String {
    let names = ErrorCode::KNOWN.iter().filter_map(|code| code.name());
    names.map(|name| name.replace(' ', "_")).collect::<Vec<_>>().join(", ")
}

fn default_message(code: ErrorCode) -> String {
    match code {
        ErrorCode::Unprepared => "the server does not know this prepared statement".to_owned(),
        code => format!("{code} by a command of cqlwire serve"),
    }
}

/// Takes the further fields of an error. Missing fields get the values of
/// [`Reply::error`](crate::testing::Reply::error).
fn take_details(fields: &mut Fields, code: ErrorCode) -> Result<ErrorDetails, String> {
    let consistency = |fields: &mut Fields, default| {
        let given = fields.parsed("consistency", str::parse::<Consistency>)?;
        Ok::<_, String>(given.unwrap_or(default))
    };
    let count = |fields: &mut Fields, name, default: u16| {
        Ok::<_, String>(i32::from(fields.number(name)?.unwrap_or(default)))
    };
    let quorum = Consistency::LocalQuorum;
    Ok(match code {
        ErrorCode::Unavailable => ErrorDetails::Unavailable {
            consistency: consistency(fields, quorum)?,
            required: count(fields, "required", 2)?,
            alive: count(fields, "alive", 1)?,
        },
        ErrorCode::WriteTimeout => ErrorDetails::WriteTimeout {
            consistency: consistency(fields, quorum)?,
            received: count(fields, "received", 1)?,
            block_for: count(fields, "block_for", 2)?,
            write_type: write_type(fields)?,
            contentions: fields.number("contentions")?,
        },
        ErrorCode::ReadTimeout => ErrorDetails::ReadTimeout {
            consistency: consistency(fields, quorum)?,
            received: count(fields, "received", 1)?,
            block_for: count(fields, "block_for", 2)?,
            data_present: fields.flag("data_present")?,
        },
        ErrorCode::ReadFailure => ErrorDetails::ReadFailure {
            consistency: consistency(fields, quorum)?,
            received: count(fields, "received", 1)?,
            block_for: count(fields, "block_for", 2)?,
            failures: failures(fields)?,
            data_present: fields.flag("data_present")?,
        },
        ErrorCode::WriteFailure => ErrorDetails::WriteFailure {
            consistency: consistency(fields, quorum)?,
            received: count(fields, "received", 1)?,
            block_for: count(fields, "block_for", 2)?,
            failures: failures(fields)?,
            write_type: write_type(fields)?,
        },
        ErrorCode::CasWriteUnknown => ErrorDetails::CasWriteUnknown {
            consistency: consistency(fields, Consistency::Serial)?,
            received: count(fields, "received", 1)?,
            block_for: count(fields, "block_for", 2)?,
        },
        ErrorCode::FunctionFailure => ErrorDetails::FunctionFailure {
            keyspace: fields.text("keyspace")?.unwrap_or_else(|| TABLE.0.to_owned()),
            function: fields.text("function")?.unwrap_or_else(|| TABLE.1.to_owned()),
            arguments: arguments(fields)?,
        },
        ErrorCode::AlreadyExists => ErrorDetails::AlreadyExists {
            keyspace: fields.text("keyspace")?.unwrap_or_else(|| TABLE.0.to_owned()),
            table: fields.text("table")?.unwrap_or_else(|| TABLE.1.to_owned()),
        },
        // The server sets the id of the executed statement.
        ErrorCode::Unprepared => ErrorDetails::Unprepared { id: Bytes::new() },
        ErrorCode::Unknown(_) => ErrorDetails::Unknown(Bytes::new()),
        _ => ErrorDetails::None,
    })
}

fn write_type(fields: &mut Fields) -> Result<WriteType, String> {
    let parse = |name: &str| match WriteType::from(&*name.to_uppercase()) {
        WriteType::Unknown(name) => {
            let known: Vec<_> = WriteType::KNOWN.iter().map(WriteType::as_str).collect();
            Err(format!("unknown write type `{name}`; use one of {}", known.join(", ")))
        }
        known => Ok(known),
    };
    Ok(fields.parsed("write_type", parse)?.unwrap_or(WriteType::Simple))
}

/// Takes the number of replicas that failed. v5 also sends an address and a reason for each.
fn failures(fields: &mut Fields) -> Result<Failures, String> {
    let count: u8 = fields.number("failures")?.unwrap_or(1);
    let replica =
        |number| (IpAddr::V4(Ipv4Addr::new(127, 0, 0, number)), FailureReason::Unspecified);
    Ok(Failures::Reasons((1..=count).map(replica).collect()))
}

fn arguments(fields: &mut Fields) -> Result<Vec<String>, String> {
    let types = fields.array("arguments")?.unwrap_or_default();
    let text = |value: &Json| match value {
        Json::String(text) => Ok(text.clone()),
        other => Err(wrong_type("arguments", "an array of CQL types", other)),
    };
    types.iter().map(text).collect()
}
