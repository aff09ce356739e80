//! What the user of a program can do about an error.

use crate::message::ErrorCode;
use crate::session::{Error, ErrorKind};

/// What to do next, in the words of the programs' arguments.
pub(super) fn hint(error: &Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::Unreachable if error.to_string().contains("connection refused") => {
            Some("is Cassandra still starting? --wait 60 retries")
        }
        ErrorKind::Unreachable => Some("see --host and --port"),
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

/// Whether a keyspace or table is not there; the servers' words for it differ.
fn is_missing(error: &Error) -> bool {
    let message = error.server_error().map_or("", |error| error.message.as_str());
    ["does not exist", "unconfigured table"].iter().any(|words| message.contains(words))
}
