//! Errors of the shell, in the words of cqlsh.

use std::io;
use std::net::SocketAddr;

use super::python::repr;
use crate::cql::{Token, may_set_password, tokens};
use crate::message::{ErrorCode, ErrorDetails, Failures, ServerError};
use crate::session::{Error, ErrorKind, Session};
use crate::wire::Consistency;

/// The reason why a unit of a script failed.
#[derive(Debug)]
pub(super) enum UnitError {
    /// The unit failed, for each of these reasons. The next unit can be run.
    Failed(Vec<String>),
    /// The unit failed for each of these reasons, and the units that follow must not be run.
    Fatal(Vec<String>),
    /// The output cannot be written.
    Output(io::Error),
}

impl UnitError {
    /// Returns the failure of a unit for one reason.
    pub(super) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(vec![reason.into()])
    }

    /// Returns the failure of a unit after which the script ends.
    pub(super) fn fatal(reason: impl Into<String>) -> Self {
        Self::Fatal(vec![reason.into()])
    }

    /// Returns the failure of a line with a character that is not part of CQL: see
    /// `UnitKind::Invalid`. Withholds a text that may contain a password.
    ///
    /// The script ends if the text may have been meant to change the user or to end the script.
    pub(super) fn invalid_line(text: &str, line: usize, column: usize, start: usize) -> Self {
        let mut reasons = vec![format!("Invalid syntax at line {line}, char {column}")];
        let is_first = |words: &[&str]| {
            let mut previous = ";";
            tokens(text).filter(Token::is_significant).any(|token| {
                let is_first = previous == ";" && token.is_one_of(words);
                previous = token.text;
                is_first
            })
        };
        if may_set_password(text) || is_first(&["LOGIN"]) {
            reasons.push("  (the line is not shown, because it may contain a password)".to_owned());
        } else {
            reasons.push(format!("  {}", text.get(start..).unwrap_or_default()));
            reasons.push(format!(" {}^", " ".repeat(column)));
        }
        match is_first(&["LOGIN", "EXIT", "QUIT"]) {
            true => Self::Fatal(reasons),
            false => Self::Failed(reasons),
        }
    }

    /// Returns the failure of the statement `text`.
    pub(super) fn of_statement(text: &str, error: &Error, session: &Session) -> Self {
        let text = error_text(text, error, session);
        match error.kind() {
            // The statements that follow would fail for the same reason, each after the same wait.
            ErrorKind::Unreachable | ErrorKind::Authentication | ErrorKind::Connection => {
                Self::fatal(text)
            }
            _ => Self::failed(text),
        }
    }
}

impl From<io::Error> for UnitError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Returns the text of the error of a statement, as cqlsh prints it.
fn error_text(statement: &str, error: &Error, session: &Session) -> String {
    match error.server_error() {
        // The server can repeat a password in its message, which the text of `error` withholds.
        Some(server) if may_set_password(statement) => format!("{}: {error}", class(server)),
        Some(server) if error.is_unsupported_by_accord() => {
            let hint = "set one of these, such as QUORUM, with CONSISTENCY or --consistency";
            format!("{} ({hint})", server_error_text(server, || host(error, session)))
        }
        Some(server) => server_error_text(server, || host(error, session)),
        None => match error.kind() {
            ErrorKind::Timeout => format!("OperationTimedOut: {error}"),
            ErrorKind::Unreachable | ErrorKind::Connection => format!("NoHostAvailable: {error}"),
            _ => error.to_string(),
        },
    }
}

/// Returns the host that sent an error, as the Python driver describes it.
fn host(error: &Error, session: &Session) -> String {
    let address = error.history().last().map(|attempt| attempt.node);
    let cluster = session.cluster();
    let node = address.and_then(|address| cluster.node_at(address));
    let datacenter = node.map_or("datacenter1", |node| node.datacenter());
    let address = address.map(|address: SocketAddr| address.to_string()).unwrap_or_default();
    format!("<Host: {address} {datacenter}>")
}

/// Returns the name of the Python driver's class for an error.
fn class(error: &ServerError) -> &'static str {
    match error.code {
        ErrorCode::Server => "ServerError",
        ErrorCode::Protocol => "ProtocolException",
        ErrorCode::Authentication => "BadCredentials",
        ErrorCode::Unavailable => "Unavailable",
        ErrorCode::Overloaded => "OverloadedErrorMessage",
        ErrorCode::Bootstrapping => "IsBootstrappingErrorMessage",
        ErrorCode::Truncate => "TruncateError",
        ErrorCode::WriteTimeout => "WriteTimeout",
        ErrorCode::ReadTimeout => "ReadTimeout",
        ErrorCode::ReadFailure => "ReadFailure",
        ErrorCode::FunctionFailure => "FunctionFailure",
        ErrorCode::WriteFailure => "WriteFailure",
        ErrorCode::CdcWriteFailure => "CDCWriteException",
        ErrorCode::Syntax => "SyntaxException",
        ErrorCode::Unauthorized => "Unauthorized",
        ErrorCode::Invalid => "InvalidRequest",
        ErrorCode::Config => "ConfigurationException",
        ErrorCode::AlreadyExists => "AlreadyExists",
        ErrorCode::Unprepared => "PreparedQueryNotFound",
        _ => "ErrorMessage",
    }
}

/// Returns the summary of an error's code in the Python driver.
fn summary(error: &ServerError) -> &'static str {
    match error.code {
        ErrorCode::Server => "Server error",
        ErrorCode::Authentication => "Bad credentials",
        ErrorCode::Unavailable => "Unavailable exception",
        ErrorCode::Overloaded => "Coordinator node overloaded",
        ErrorCode::Bootstrapping => "Coordinator node is bootstrapping",
        ErrorCode::Truncate => "Error during truncate",
        ErrorCode::WriteTimeout | ErrorCode::ReadTimeout => {
            "Coordinator node timed out waiting for replica nodes' responses"
        }
        ErrorCode::ReadFailure => "Replica(s) failed to execute read",
        ErrorCode::FunctionFailure => "User Defined Function failure",
        ErrorCode::WriteFailure => "Replica(s) failed to execute write",
        ErrorCode::Unauthorized => "Unauthorized",
        ErrorCode::Invalid => "Invalid query",
        _ => "Unknown",
    }
}

/// Returns the text of a server error, with its code and its summary.
pub(super) fn server_summary(error: &ServerError) -> String {
    let ServerError { code, message, .. } = error;
    format!(
        "Error from server: code={:04x} [{}] message=\"{message}\"",
        code.code(),
        summary(error)
    )
}

fn server_error_text(error: &ServerError, host: impl Fn() -> String) -> String {
    let class = class(error);
    let no_host = |error: String| {
        let host = host();
        format!(
            "NoHostAvailable: ('Unable to complete the operation against any hosts', {{{host}: {error}}})"
        )
    };
    match (error.code, info(&error.details)) {
        (ErrorCode::Unavailable, info) => {
            let text = server_summary(error) + &info.unwrap_or_default();
            no_host(format!("Unavailable({})", repr(&text)))
        }
        (
            ErrorCode::Server
            | ErrorCode::Overloaded
            | ErrorCode::Bootstrapping
            | ErrorCode::Truncate,
            _,
        ) => no_host(format!("<{}>", server_summary(error))),
        (ErrorCode::AlreadyExists, _) => format!("{class}: {}", already_exists(error)),
        (_, Some(info)) => format!("{class}: {}{info}", server_summary(error)),
        (ErrorCode::Invalid | ErrorCode::Unauthorized | ErrorCode::FunctionFailure, None) => {
            format!("{class}: {}", server_summary(error))
        }
        _ => format!("{class}: {}", error.message),
    }
}

fn already_exists(error: &ServerError) -> String {
    match &error.details {
        ErrorDetails::AlreadyExists { keyspace, table } if table.is_empty() => {
            format!("Keyspace '{keyspace}' already exists")
        }
        ErrorDetails::AlreadyExists { keyspace, table } => {
            format!("Table '{keyspace}.{table}' already exists")
        }
        _ => error.message.clone(),
    }
}

/// Returns the additional fields of an error as the Python driver prints them.
fn info(details: &ErrorDetails) -> Option<String> {
    let responses = |level: &Consistency, required: i32, received: i32| {
        format!(
            "'consistency': '{level}', 'required_responses': {required}, 'received_responses': \
             {received}"
        )
    };
    let failures = |failures: &Failures| match failures {
        Failures::Count(count) => format!(", 'failures': {count}"),
        Failures::Reasons(reasons) => {
            let reason = |(address, reason): &(std::net::IpAddr, crate::message::FailureReason)| {
                format!("'{address}': '0x{:04x}'", reason.code())
            };
            let count = reasons.len();
            let reasons = reasons.iter().map(reason).collect::<Vec<_>>().join(", ");
            format!(", 'failures': {count}, 'error_code_map': {{{reasons}}}")
        }
    };
    let fields = match details {
        ErrorDetails::Unavailable { consistency, required, alive } => format!(
            "'consistency': '{consistency}', 'required_replicas': {required}, 'alive_replicas': {alive}"
        ),
        ErrorDetails::ReadTimeout { consistency, received, block_for, .. } => {
            responses(consistency, *block_for, *received)
        }
        ErrorDetails::WriteTimeout { consistency, received, block_for, write_type, .. } => {
            let responses = responses(consistency, *block_for, *received);
            format!("{responses}, 'write_type': '{write_type}'")
        }
        ErrorDetails::ReadFailure { consistency, received, block_for, failures: of, .. }
        | ErrorDetails::WriteFailure { consistency, received, block_for, failures: of, .. } => {
            responses(consistency, *block_for, *received) + &failures(of)
        }
        _ => return None,
    };
    Some(format!(" info={{{fields}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_line_ends_the_script_if_it_changes_the_user_or_ends_the_script() {
        let is_fatal = |text| matches!(UnitError::invalid_line(text, 1, 1, 0), UnitError::Fatal(_));
        for text in ["LOGIN bob \u{201c}x\u{201d}", "login bob 'x' # c", "QUIT # c", "a; EXIT #"] {
            assert!(is_fatal(text), "{text}");
        }
        for text in ["# LOGIN", "SELECT login #", "CREATE ROLE r WITH\nLOGIN = true #"] {
            assert!(!is_fatal(text), "{text}");
        }
    }

    #[test]
    fn an_invalid_line_is_not_shown_if_it_may_contain_a_password() {
        for text in [
            "CREATE ROLE r WITH PASSWORD = \u{2018}s3cret\u{2019};",
            "CREATE ROLE r WITH PASSWORD\n = \u{2018}s3cret\u{2019};",
            "LOGIN bob \u{201c}s3cret\u{201d}",
        ] {
            let start = text.find('\n').map_or(0, |at| at + 1);
            let error = format!("{:?}", UnitError::invalid_line(text, 1, 1, start));
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn errors_have_the_words_of_cqlsh() {
        let host = || "<Host: 127.0.0.1:9042 dc1>".to_owned();
        let unavailable =
            ErrorDetails::Unavailable { consistency: Consistency::Three, required: 3, alive: 1 };
        let exists = ErrorDetails::AlreadyExists { keyspace: "ks".into(), table: "t".into() };
        let timeout = ErrorDetails::ReadTimeout {
            consistency: Consistency::One,
            received: 0,
            block_for: 1,
            data_present: false,
        };
        for (code, details, text) in [
            (
                ErrorCode::Invalid,
                ErrorDetails::None,
                "InvalidRequest: Error from server: code=2200 [Invalid query] message=\"why\"",
            ),
            (ErrorCode::Syntax, ErrorDetails::None, "SyntaxException: why"),
            (ErrorCode::AlreadyExists, exists, "AlreadyExists: Table 'ks.t' already exists"),
            (
                ErrorCode::Server,
                ErrorDetails::None,
                "NoHostAvailable: ('Unable to complete the operation against any hosts', {<Host: \
                 127.0.0.1:9042 dc1>: <Error from server: code=0000 [Server error] message=\"why\">})",
            ),
            (
                ErrorCode::Unavailable,
                unavailable,
                "NoHostAvailable: ('Unable to complete the operation against any hosts', {<Host: \
                 127.0.0.1:9042 dc1>: Unavailable('Error from server: code=1000 [Unavailable \
                 exception] message=\"why\" info={\\'consistency\\': \\'THREE\\', \
                 \\'required_replicas\\': 3, \\'alive_replicas\\': 1}')})",
            ),
            (
                ErrorCode::ReadTimeout,
                timeout,
                "ReadTimeout: Error from server: code=1200 [Coordinator node timed out waiting for \
                 replica nodes' responses] message=\"why\" info={'consistency': 'ONE', \
                 'required_responses': 1, 'received_responses': 0}",
            ),
        ] {
            let error = ServerError { code, message: "why".into(), details };
            assert_eq!(server_error_text(&error, host), text);
        }
    }
}
