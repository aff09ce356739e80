//! Faults that a test adds to a server while it runs.

use std::fmt;
use std::time::Duration;

use super::pattern::StatementPattern;
use super::reply::Reply;
use crate::message::ErrorCode;
use crate::wire::{Opcode, Version};

/// A fault of a [`MockServer`](super::MockServer), which a test adds and removes while the server
/// runs.
///
/// A fault replaces or delays the reply to the requests that it matches. By default, it matches every
/// statement that is executed, by QUERY, EXECUTE or BATCH, except SELECTs from system tables, so that
/// drivers stay connected.
///
/// | fault | use |
/// |---|---|
/// | an error of any code | [`Fault::error`] |
/// | an error with chosen fields | [`Fault::reply`] with [`Reply::unavailable`], [`Reply::write_timeout`], or [`Reply::response`] |
/// | no answer | [`Fault::reply`] with [`Reply::silence`] |
/// | an error or no answer, although the statement was executed | the same with [`Fault::after_execution`] |
/// | a late answer | [`Fault::delay`] |
/// | a connection that breaks | [`Fault::reply`] with [`Reply::close`] |
/// | a statement that is no longer prepared | [`MockServer::forget_prepared`](super::MockServer::forget_prepared) |
/// | a version that is not supported | [`Fault::refuse_version`] |
///
/// ```
/// use cqlwire::message::ErrorCode;
/// use cqlwire::session::Session;
/// use cqlwire::testing::{Fault, MockServer, Reply};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = MockServer::bind("127.0.0.1:0").await?.on_any(Reply::void());
/// let session = Session::builder().contact_points([server.address().to_string()]).connect().await?;
///
/// let overloaded = Fault::error(ErrorCode::Overloaded, "busy").statement("INSERT INTO users %");
/// let fault = server.add_fault(overloaded);
/// assert!(session.execute("INSERT INTO users (id) VALUES (1)", ()).await.is_err());
/// server.remove_fault(fault);
/// session.execute("INSERT INTO users (id) VALUES (1)", ()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Fault {
    effect: FaultEffect,
    statement: Option<StatementPattern>,
    opcode: Option<Opcode>,
    connection: Option<u64>,
    skipped: usize,
    times: usize,
}

/// The effect of a fault on one request.
#[derive(Debug, Clone)]
pub(super) enum FaultEffect {
    Reply(Box<Reply>),
    /// Executes the request, and replaces the reply.
    ReplyAfterExecution(Box<Reply>),
    Delay(Duration),
    RefuseVersion(Version),
}

/// The id of a [`Fault`] that was added to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(u64);

impl FaultId {
    /// Returns the number of the fault. The first fault of a server has the number 1.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for FaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Fault {
    /// Replies with `reply` instead of the usual reply. The statement is not executed.
    pub fn reply(reply: Reply) -> Self {
        Self::new(FaultEffect::Reply(Box::new(reply)))
    }

    /// Replies with an ERROR, as [`Reply::error`] does. The statement is not executed.
    pub fn error(code: ErrorCode, message: &str) -> Self {
        Self::reply(Reply::error(code, message))
    }

    /// Executes the statement, and delays the usual reply. The server replies to other requests of the
    /// connection in the meantime.
    pub const fn delay(delay: Duration) -> Self {
        Self::new(FaultEffect::Delay(delay))
    }

    /// Refuses all requests in this protocol version, of connections that exist and of new ones. The
    /// refusal names the lower versions as supported; a refusal of v3 names the higher ones. For a server
    /// that never accepts a version, see [`MockServer::version`](super::MockServer::version).
    pub const fn refuse_version(version: Version) -> Self {
        Self::new(FaultEffect::RefuseVersion(version))
    }

    const fn new(effect: FaultEffect) -> Self {
        let (statement, opcode, connection) = (None, None, None);
        Self { effect, statement, opcode, connection, skipped: 0, times: usize::MAX }
    }

    /// Executes the request before the server sends the reply of the fault, as a node does whose answer is
    /// lost, or that reports a timeout although all replicas have written. No effect on a fault of another
    /// kind than [`reply`](Self::reply) and [`error`](Self::error).
    ///
    /// ```
    /// use cqlwire::testing::{Fault, Reply};
    ///
    /// // The next INSERT is done, but the client gets no answer.
    /// Fault::reply(Reply::silence()).statement("INSERT %").after_execution().times(1);
    /// ```
    pub fn after_execution(mut self) -> Self {
        if let FaultEffect::Reply(reply) = self.effect {
            self.effect = FaultEffect::ReplyAfterExecution(reply);
        }
        self
    }

    /// Matches only statements of this form. `%` matches any number of characters, as in LIKE. The
    /// pattern matches the whole statement, whatever its case and the amount of white space. A batch
    /// matches if one of its statements does. Unlike other faults, a fault with a pattern also applies
    /// to SELECTs from system tables.
    pub fn statement(mut self, pattern: &str) -> Self {
        self.statement = Some(StatementPattern::new(pattern));
        self
    }

    /// Matches only requests with this opcode, for example PREPARE, STARTUP or OPTIONS.
    pub const fn opcode(mut self, opcode: Opcode) -> Self {
        self.opcode = Some(opcode);
        self
    }

    /// Matches only requests of the connection with this number. See
    /// [`ReceivedRequest::connection`](super::ReceivedRequest::connection) and
    /// [`MockServer::connection_numbers`](super::MockServer::connection_numbers).
    pub const fn connection(mut self, number: u64) -> Self {
        self.connection = Some(number);
        self
    }

    /// Applies the fault to this number of requests. Default: no limit.
    pub const fn times(mut self, requests: usize) -> Self {
        self.times = requests;
        self
    }

    /// Does not apply the fault to the first requests that match. Default: 0.
    pub const fn skip(mut self, requests: usize) -> Self {
        self.skipped = requests;
        self
    }

    fn matches(&self, request: &FaultTarget<'_>) -> bool {
        if self.connection.is_some_and(|number| number != request.connection) {
            return false;
        }
        if let FaultEffect::RefuseVersion(version) = self.effect
            && request.version != version
        {
            return false;
        }
        let is_any = matches!(self.effect, FaultEffect::RefuseVersion(_));
        let has_opcode = match self.opcode {
            Some(opcode) => opcode == request.opcode,
            None => {
                is_any || matches!(request.opcode, Opcode::Query | Opcode::Execute | Opcode::Batch)
            }
        };
        has_opcode
            && match &self.statement {
                Some(pattern) => request.statements.iter().any(|text| pattern.matches(text)),
                None => is_any || !request.is_internal,
            }
    }
}

/// The properties of a request that faults match.
pub(super) struct FaultTarget<'r> {
    pub(super) connection: u64,
    pub(super) version: Version,
    pub(super) opcode: Opcode,
    /// The statements that the request prepares or executes.
    pub(super) statements: Vec<&'r str>,
    /// True if the request only reads system tables.
    pub(super) is_internal: bool,
}

/// The faults of a server, in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct FaultList {
    faults: Vec<AddedFault>,
    last_number: u64,
}

#[derive(Debug)]
struct AddedFault {
    id: FaultId,
    fault: Fault,
    /// Number of requests that matched, including the skipped ones.
    matched: usize,
    /// Number of requests that the fault was applied to.
    applied: usize,
}

impl FaultList {
    pub(super) fn add(&mut self, fault: Fault) -> FaultId {
        self.last_number = self.last_number.saturating_add(1);
        let id = FaultId(self.last_number);
        self.faults.push(AddedFault { id, fault, matched: 0, applied: 0 });
        id
    }

    /// Removes a fault, and returns true if there was one with this id.
    pub(super) fn remove(&mut self, id: FaultId) -> bool {
        let before = self.faults.len();
        self.faults.retain(|added| added.id != id);
        self.faults.len() < before
    }

    pub(super) fn clear(&mut self) {
        self.faults.clear();
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Returns the number of requests that a fault was applied to, or `None` if there is no such fault.
    pub(super) fn applied(&self, id: FaultId) -> Option<usize> {
        self.faults.iter().find(|added| added.id == id).map(|added| added.applied)
    }

    /// Returns the effect of the first fault that applies to a request, and counts the request.
    pub(super) fn apply(&mut self, request: &FaultTarget<'_>) -> Option<FaultEffect> {
        self.faults.iter_mut().find_map(|added| {
            let fault = &added.fault;
            if added.applied >= fault.times || !fault.matches(request) {
                return None;
            }
            added.matched = added.matched.saturating_add(1);
            if added.matched <= fault.skipped {
                return None;
            }
            added.applied = added.applied.saturating_add(1);
            Some(fault.effect.clone())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(statement: &str) -> FaultTarget<'_> {
        FaultTarget {
            connection: 1,
            version: Version::V4,
            opcode: Opcode::Query,
            statements: vec![statement],
            is_internal: statement.contains("system"),
        }
    }

    #[test]
    fn skips_and_counts_requests() {
        let mut faults = FaultList::default();
        let id = faults.add(Fault::delay(Duration::ZERO).skip(1).times(2));
        let applied: Vec<_> = (0..5).map(|_| faults.apply(&query("a")).is_some()).collect();
        assert_eq!(applied, [false, true, true, false, false]);
        assert_eq!(faults.applied(id), Some(2));
        assert!(faults.remove(id) && !faults.remove(id));
        assert_eq!(faults.applied(id), None);
    }

    #[test]
    fn leaves_system_tables_and_the_handshake_alone_unless_they_are_named() {
        let applies = |fault: Fault, request: &FaultTarget<'_>| {
            let mut faults = FaultList::default();
            faults.add(fault);
            faults.apply(request).is_some()
        };
        let fault = || Fault::error(ErrorCode::Server, "");
        assert!(applies(fault(), &query("a")));
        assert!(!applies(fault(), &query("SELECT * FROM system.local")));
        assert!(applies(fault().statement("%local"), &query("SELECT * FROM system.local")));
        let startup = FaultTarget { opcode: Opcode::Startup, statements: Vec::new(), ..query("") };
        assert!(!applies(fault(), &startup));
        assert!(applies(fault().opcode(Opcode::Startup), &startup));
        assert!(applies(Fault::refuse_version(Version::V4), &startup));
        assert!(!applies(Fault::refuse_version(Version::V5), &startup));
        assert!(applies(fault().connection(1), &query("a")));
        assert!(!applies(fault().connection(2), &query("a")));
    }

    #[test]
    fn the_first_fault_that_applies_wins() {
        let mut faults = FaultList::default();
        let first = faults.add(Fault::delay(Duration::ZERO).times(1));
        let second = faults.add(Fault::refuse_version(Version::V4));
        assert!(matches!(faults.apply(&query("a")), Some(FaultEffect::Delay(_))));
        assert!(matches!(faults.apply(&query("a")), Some(FaultEffect::RefuseVersion(_))));
        assert_eq!((faults.applied(first), faults.applied(second)), (Some(1), Some(1)));
    }
}
