//! DESCRIBE: the server executes it since Cassandra 4.0, and the shell prints the result like cqlsh. For
//! older servers, the shell describes the schema itself, in the words of cqlsh 5.
//!
//! | file | purpose |
//! |---|---|
//! | `request` | parses the command |
//! | `server` | formats the result of a server |
//! | `metadata` | describes the schema of a server that does not know DESCRIBE |
//! | `schema_rows` | reads the schema tables of such a server |
//! | `layout` | lays out names and ranges |

mod layout;
mod metadata;
mod request;
mod schema_rows;
mod server;

use std::io::Write;

use request::Request;

use crate::cli::Failure;
use crate::message::{ErrorCode, ServerError};
use crate::session::{Error, ErrorKind, Session, Statement};
use crate::wire::Consistency;

/// Executes a DESCRIBE command, and prints the descriptions to `out`. `keyspace` is the keyspace that USE
/// has set, if any.
///
/// # Errors
/// Returns an error, in cqlsh's words, if the command is malformed or names no existing object. Returns
/// an error if the server does not answer, or if the output cannot be written.
pub(super) async fn describe(
    session: &Session,
    command: &str,
    keyspace: Option<&str>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let request = Request::parse(command).map_err(Failure::Text)?;
    // The server needs the end of the line after a comment.
    let statement =
        Statement::new(format!("{command}\n")).consistency(Consistency::LocalOne).page_size(0);
    let description = match session.execute(statement, ()).await {
        Ok(result) => server::description(&request, keyspace.is_some(), &result)?,
        Err(error) if is_unknown_statement(&error) => {
            metadata::description(session, &request, keyspace).await?
        }
        Err(error) => return Err(failure(error)),
    };
    out.write_all(description.as_bytes()).map_err(Failure::Io)
}

/// Returns true if the node that answered does not know DESCRIBE: it then expects another word in its place. In a cluster
/// of several versions, other nodes may know it.
fn is_unknown_statement(error: &Error) -> bool {
    let expects_other_word = |refusal: &ServerError| {
        let message = refusal.message.to_ascii_lowercase();
        message.contains("no viable alternative at input 'desc")
    };
    error.kind() == ErrorKind::Server(ErrorCode::Syntax)
        && error.server_error().is_some_and(expects_other_word)
}

/// Returns the failure that cqlsh prints for an error of DESCRIBE: only the message of the server,
/// without quotation marks at its ends.
fn failure(error: Error) -> Failure {
    match error.server_error() {
        Some(refusal) => Failure::Text(refusal.message.trim_matches('"').to_owned()),
        None => error.into(),
    }
}
