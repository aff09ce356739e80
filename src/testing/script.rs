//! The configuration of a server: its settings, and a reply for each statement.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::pattern::{StatementPattern, normalize};
use super::reply::Reply;
use super::system_tables::SystemTables;
use crate::message::{RequestFrame, ResultMessage};
use crate::wire::{Context, Version};

/// The function passed to [`MockServer::on_request`](super::MockServer::on_request).
pub(super) type RequestHandler = Arc<dyn Fn(&RequestFrame<'_>) -> Option<Reply> + Send + Sync>;

/// The settings and replies that the methods of [`MockServer`](super::MockServer) collect.
#[derive(Clone)]
pub(super) struct Script {
    pub(super) version: Version,
    pub(super) max_frame_body: usize,
    /// The passwords of the users who may log in, by user name. If empty, no client has to log in.
    pub(super) passwords: HashMap<String, String>,
    /// Longest body of a response, in bytes.
    pub(super) max_response_body: usize,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<super::tls::ServerTls>,
    /// True if SUPPORTED lists the event GRACEFUL_DISCONNECT.
    pub(super) graceful_disconnect: bool,
    pub(super) request_handlers: Vec<RequestHandler>,
    default_reply: Option<Reply>,
    pub(super) system_tables: SystemTables,
    /// The replies of [`MockServer::on`](super::MockServer::on), by [normalized](normalize)
    /// statement text.
    replies: HashMap<String, Reply>,
    /// The replies of [`MockServer::on_pattern`](super::MockServer::on_pattern), in the order in which
    /// they were added.
    pattern_replies: Vec<(StatementPattern, Reply)>,
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
            passwords: HashMap::new(),
            max_response_body: Context::DEFAULT_MAX_BODY,
            #[cfg(feature = "tls")]
            tls: None,
            graceful_disconnect: false,
            request_handlers: Vec::new(),
            default_reply: None,
            system_tables,
            replies: HashMap::new(),
            pattern_replies: Vec::new(),
        }
    }

    /// Returns true if clients have to log in.
    pub(super) fn requires_login(&self) -> bool {
        !self.passwords.is_empty()
    }

    /// Returns true if the user exists and has this password.
    pub(super) fn accepts_login(&self, username: &[u8], password: &[u8]) -> bool {
        let known = std::str::from_utf8(username).ok().and_then(|name| self.passwords.get(name));
        known.is_some_and(|known| known.as_bytes() == password)
    }

    /// Sets the reply to the statement `text`, and replaces the previous one.
    pub(super) fn set_reply(&mut self, text: &str, reply: Reply) {
        self.set_scripted();
        self.replies.insert(normalize(text), reply);
    }

    /// Sets the reply to the statements that match `pattern`, and replaces the previous one.
    pub(super) fn set_pattern_reply(&mut self, pattern: &str, reply: Reply) {
        self.set_scripted();
        let pattern = StatementPattern::new(pattern);
        self.pattern_replies.retain(|(known, _)| *known != pattern);
        self.pattern_replies.push((pattern, reply));
    }

    /// Sets the reply to the statements that have no other reply, and replaces the previous one.
    pub(super) fn set_default_reply(&mut self, reply: Reply) {
        self.set_scripted();
        self.default_reply = Some(reply);
    }

    /// Adds a request handler.
    pub(super) fn add_request_handler(&mut self, handler: RequestHandler) {
        self.set_scripted();
        self.request_handlers.push(handler);
    }

    /// Returns the reply that the script sets for this statement alone.
    fn own_reply(&self, text: &str, normalized: &str) -> Option<Reply> {
        let matching = || self.pattern_replies.iter().find(|(pattern, _)| pattern.matches(text));
        let exact = self.replies.get(normalized);
        exact.or_else(|| matching().map(|(_, reply)| reply)).cloned()
    }

    /// Returns the reply to the statement `text`, or `None` if the store replies. Tries, in this order:
    /// the replies set with [`set_reply`](Self::set_reply), those set with
    /// [`set_pattern_reply`](Self::set_pattern_reply), and, unless the statement reads a system table,
    /// the default reply. A script with replies accepts every keyspace in `USE`.
    pub(super) fn find_reply(&self, text: &str) -> Option<Reply> {
        if !self.is_scripted() {
            return None;
        }
        let normalized = normalize(text);
        self.own_reply(text, &normalized).or_else(|| {
            let default = self.default_reply.as_ref();
            let default = default.filter(|_| !SystemTables::are_read_by(text)).cloned();
            default.or_else(|| use_keyspace_reply(&normalized))
        })
    }

    /// Returns true if there are replies or request handlers.
    fn is_scripted(&self) -> bool {
        self.system_tables.has_test_keyspace
    }

    /// Notes that there are replies or request handlers.
    fn set_scripted(&mut self) {
        self.system_tables.has_test_keyspace = true;
    }

    /// Returns true if `text` reads a system table and the script sets no reply to it. Drivers send such
    /// statements to read the cluster's topology and schema.
    pub(super) fn is_internal(&self, text: &str) -> bool {
        SystemTables::are_read_by(text) && self.own_reply(text, &normalize(text)).is_none()
    }
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
