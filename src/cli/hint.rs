//! What the user of a program can do about an error.

use crate::message::ErrorCode;
use crate::session::{Error, ErrorKind};

/// What to do next, in the words of the programs' arguments.
pub(super) fn hint(error: &Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::Unreachable => Some(unreachable(&error.to_string())),
        ErrorKind::Authentication if error.to_string().contains("is not known to require") => {
            Some("--authenticator allows it")
        }
        ErrorKind::Config if error.to_string().contains("local datacenter") => {
            Some("see --local-dc")
        }
        ErrorKind::Authentication => Some("see --username and --password"),
        ErrorKind::Timeout => Some("--timeout gives it longer"),
        ErrorKind::Server(ErrorCode::Unavailable) => {
            Some("a lower --consistency needs fewer replicas")
        }
        ErrorKind::Server(ErrorCode::Invalid) if is_missing(error) => {
            Some("`cqlwire shell -f cql/users.cql` makes the keyspace and the table")
        }
        _ => None,
    }
}

/// What to do when no server can be reached, by what its error says.
fn unreachable(error: &str) -> &'static str {
    const BY_WORDS: [(&str, &str); 8] = [
        ("connection refused", "is Cassandra still starting? --wait 60 retries"),
        ("does it require TLS?", "--wait 60 retries, --tls turns TLS on"),
        ("speaks TLS on this port", "--tls turns TLS on"),
        ("does not speak TLS", "without --tls?"),
        ("not signed by a trusted CA", "--tls-ca names its file"),
        ("trusts no CA", "--tls-ca names their file"),
        ("connect by a name in the certificate", "see --host and --tls-server-name"),
        ("client certificate", "see --tls-cert and --tls-key"),
    ];
    let known = BY_WORDS.iter().find(|(words, _)| error.contains(words));
    known.map_or("see --host and --port", |(_, hint)| hint)
}

/// Whether a keyspace or table is not there; the servers' words for it differ.
fn is_missing(error: &Error) -> bool {
    let message = error.server_error().map_or("", |error| error.message.as_str());
    ["does not exist", "unconfigured table"].iter().any(|words| message.contains(words))
}
