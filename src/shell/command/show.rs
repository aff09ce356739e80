//! SHOW.

use uuid::Uuid;

use super::Words;

/// The arguments of SHOW.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::shell) enum Show {
    /// The versions of the shell, the server, CQL and the protocol.
    Version,
    /// The name of the cluster and the address of the server.
    Host,
    /// The trace with this id.
    Session(Uuid),
    /// The replicas of a token, in this keyspace or in the current one.
    Replicas(i64, Option<String>),
}

/// Parses the arguments of SHOW.
pub(super) fn parse(words: &mut Words<'_>) -> Option<Show> {
    let show = match words.word()?.to_ascii_uppercase().as_str() {
        "VERSION" => Show::Version,
        "HOST" => Show::Host,
        "SESSION" => Show::Session(words.next()?.text.parse().ok()?),
        "REPLICAS" => {
            let is_negative = words.peek().is_some_and(|token| token.text == "-");
            if is_negative {
                words.next();
            }
            let digits = words.next()?.text;
            let sign = if is_negative { "-" } else { "" };
            let token = format!("{sign}{digits}").parse().ok()?;
            let keyspace = match words.peek() {
                Some(_) => Some(words.name()?),
                None => None,
            };
            Show::Replicas(token, keyspace)
        }
        _ => return None,
    };
    words.end().map(|()| show)
}
