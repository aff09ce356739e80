//! Hints that tell the user which argument of the program to check or change after an error.

use std::time::Duration;

use crate::message::ErrorCode;
use crate::session::{Error, ErrorKind};

/// Returns the hint for an error of a session, or `None` if there is no hint for it.
pub(super) fn for_error(error: &Error) -> Option<&'static str> {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::Unreachable => Some(unreachable_hint(&text)),
        ErrorKind::Authentication if text.contains("is not known to require") => {
            Some("--authenticator allows it")
        }
        ErrorKind::Authentication => Some("check --username and --password"),
        ErrorKind::Config if text.contains("local datacenter") => Some("check --local-dc"),
        ErrorKind::Config if text.contains("contact point") => Some("check --host"),
        ErrorKind::Timeout => Some("raise --timeout to wait longer"),
        ErrorKind::Server(_) if error.is_unsupported_by_accord() => {
            Some("set --consistency quorum")
        }
        ErrorKind::Server(ErrorCode::Unavailable) => {
            Some("a lower --consistency needs fewer replicas")
        }
        _ => None,
    }
}

/// Returns the hint for an error of connecting, or `None` if there is no hint for it. `wait` is the
/// value of `--wait`.
pub(super) fn for_connect_error(error: &Error, wait: Duration) -> Option<String> {
    if !wait.is_zero() && error.kind() == ErrorKind::Unreachable {
        let text = error.to_string();
        let waited = wait.as_secs_f64();
        if text.contains(REFUSED) {
            return Some(format!(
                "gave up after --wait {waited}; check that Cassandra runs and listens at --host and \
                 --port, or wait longer"
            ));
        }
        if text.contains(PERHAPS_TLS) {
            return Some(format!("raise --wait from {waited}, or turn on TLS with --tls"));
        }
    }
    for_error(error).map(str::to_owned)
}

const REFUSED: &str = "connection refused";
const PERHAPS_TLS: &str = "does it require TLS?";

/// Chooses the hint for an unreachable cluster by the text of the error.
fn unreachable_hint(error: &str) -> &'static str {
    const HINTS: [(&str, &str); 11] = [
        (REFUSED, "is Cassandra still starting? --wait 60 keeps trying for 60 s"),
        (PERHAPS_TLS, "--wait 60 keeps trying for 60 s, --tls turns on TLS"),
        ("complete the handshake in time", "check --host and --port, or raise --timeout"),
        ("name not found", "check --host"),
        ("speaks TLS on this port", "--tls turns on TLS"),
        ("does not speak TLS", "try without --tls"),
        ("not signed by a trusted CA", "--tls-ca sets the file of its CA"),
        ("trusts no CA", "--tls-ca sets the file of the cluster's CA"),
        ("connect by a name in the certificate", "check --host and --tls-server-name"),
        ("client certificate", "check --tls-cert and --tls-key"),
        ("the server's certificate", "replace the server's certificate, or check --tls-ca"),
    ];
    let found = HINTS.iter().find(|(words, _)| error.contains(words));
    found.map_or("check --host and --port", |(_, hint)| hint)
}

/// Returns true if the server reports that a keyspace or a table does not exist. The text differs
/// between versions of Cassandra.
pub(super) fn is_missing(error: &Error) -> bool {
    let message = error.server_error().map_or("", |error| error.message.as_str());
    error.kind() == ErrorKind::Server(ErrorCode::Invalid)
        && ["does not exist", "unconfigured table"].iter().any(|words| message.contains(words))
}
