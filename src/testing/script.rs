//! The configuration of a server: its settings, and a reply for each statement.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::reply::Reply;
use super::system_tables::SystemTables;
use crate::message::{ErrorCode, RequestFrame, ResultMessage};
use crate::protocol::Credentials;
use crate::wire::Version;

/// The function passed to [`MockServer::on_request`](super::MockServer::on_request).
pub(super) type RequestHandler = Arc<dyn Fn(&RequestFrame<'_>) -> Option<Reply> + Send + Sync>;

/// The settings and replies that the methods of [`MockServer`](super::MockServer) collect.
#[derive(Clone)]
pub(super) struct Script {
    pub(super) version: Version,
    pub(super) max_frame_body: usize,
    pub(super) credentials: Option<Credentials>,
    /// True if SUPPORTED lists the event GRACEFUL_DISCONNECT.
    pub(super) graceful_disconnect: bool,
    pub(super) request_handlers: Vec<RequestHandler>,
    pub(super) default_reply: Option<Reply>,
    pub(super) system_tables: SystemTables,
    /// The replies of [`MockServer::on`](super::MockServer::on), by [normalized](normalize)
    /// statement text.
    replies: HashMap<String, Reply>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("version", &self.version)
            .field("replies", &self.replies)
            .finish_non_exhaustive()
    }
}

impl Script {
    /// Creates a script with default settings and without replies.
    pub(super) fn new(system_tables: SystemTables) -> Self {
        Self {
            version: Version::V5,
            max_frame_body: 16 << 20,
            credentials: None,
            graceful_disconnect: false,
            request_handlers: Vec::new(),
            default_reply: None,
            system_tables,
            replies: HashMap::new(),
        }
    }

    /// Sets the reply to the statement `text`, and replaces the previous one.
    pub(super) fn set_reply(&mut self, text: &str, reply: Reply) {
        self.replies.insert(normalize(text), reply);
    }

    /// Returns the reply to the statement `text`, or `None` if there is no reply. Tries, in this
    /// order: the replies set with [`set_reply`](Self::set_reply), the system tables, the default
    /// reply, and the built-in reply to `USE`.
    pub(super) fn find_reply(&self, text: &str) -> Option<Reply> {
        let normalized = normalize(text);
        self.replies
            .get(&normalized)
            .cloned()
            .or_else(|| self.system_tables.reply(text))
            .or_else(|| self.default_reply.clone())
            .or_else(|| use_keyspace_reply(&normalized))
    }

    /// Returns the reply that [`find_reply`](Self::find_reply) finds, or else an error reply.
    pub(super) fn reply_or_error(&self, text: &str) -> Reply {
        self.find_reply(text).unwrap_or_else(|| no_reply_error(text))
    }

    /// Returns true if `text` reads a system table and [`set_reply`](Self::set_reply) set no reply to
    /// it. Drivers send such statements to read the cluster's topology and schema.
    pub(super) fn is_internal(&self, text: &str) -> bool {
        !self.replies.contains_key(&normalize(text)) && SystemTables::are_read_by(text)
    }
}

/// Returns the error reply to a statement for which the script has no reply.
pub(super) fn no_reply_error(text: &str) -> Reply {
    let message =
        format!("MockServer has no reply for `{}`; add one with MockServer::on", normalize(text));
    Reply::error(ErrorCode::Invalid, &message)
}

/// Returns the reply to a USE statement, which succeeds for every keyspace. Returns `None` if `text`
/// is another statement.
fn use_keyspace_reply(text: &str) -> Option<Reply> {
    let (keyword, keyspace) = text.split_once(' ')?;
    let keyspace = match keyspace.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => keyspace.to_lowercase(),
    };
    let is_use = keyword.eq_ignore_ascii_case("USE");
    is_use.then(|| Reply::response(ResultMessage::SetKeyspace(keyspace)))
}

/// Returns `text` without trailing semicolons, and with each run of white space replaced by one
/// space.
fn normalize(text: &str) -> String {
    let text = text.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
