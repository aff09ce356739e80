//! Errors of connecting, in the words of cqlsh.

use std::time::Duration;

use super::python::repr;
use crate::cli::Failure;
use crate::message::ErrorCode;
use crate::session::ErrorKind;

/// Returns the reason why no connection to `address` was opened. cqlsh prints it after `Connection error: `.
pub(super) fn connect_failure_text(failure: &Failure, address: &str, timeout: Duration) -> String {
    let Failure::Session { error, .. } = failure else { return failure.to_string() };
    let reason = error.to_string();
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    let unable = |class: &str, text: String| {
        let address = repr(address);
        format!("('Unable to connect to any servers', {{{address}: {class}({text})}})")
    };
    match error.kind() {
        ErrorKind::Authentication => {
            let message = reason.split_once("is wrong (").map(|(_, message)| message);
            match message.and_then(|message| message.strip_suffix(')')) {
                Some(message) => {
                    let text = format!(
                        "Failed to authenticate to {address}: Error from server: code=0100 [Bad \
                         credentials] message=\"{message}\""
                    );
                    unable("AuthenticationFailed", repr(&text))
                }
                None => failure.to_string(),
            }
        }
        ErrorKind::Unreachable if reason.contains("connection refused") => {
            let text = format!(
                "Tried connecting to [({}, {port})]. Last error: Connection refused",
                repr(host)
            );
            unable("ConnectionRefusedError", format!("111, {}", repr(&text)))
        }
        ErrorKind::Unreachable if reason.contains("complete the handshake in time") => {
            let seconds = timeout.as_secs_f64();
            let text =
                format!("errors=Timed out creating connection ({seconds} seconds), last_host=None");
            unable("OperationTimedOut", repr(&text))
        }
        ErrorKind::Server(ErrorCode::Invalid) => match reason.split('"').nth(1) {
            Some(keyspace) => {
                let text = format!("Unable to connect to any servers using keyspace '{keyspace}'");
                format!("({}, [{}])", repr(&text), repr(host))
            }
            None => failure.to_string(),
        },
        _ => failure.to_string(),
    }
}
