//! The mock server and the methods that configure it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{ToSocketAddrs, lookup_host};
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use super::connection::serve;
use super::fault::{Fault, FaultId};
use super::node_info::NodeInfo;
use super::received_request::ReceivedRequest;
use super::reply::Reply;
use super::script::Script;
use super::shared::SharedState;
use super::state::ServerState;
use super::system_tables::SystemTables;
use crate::environment::Listener;
use crate::message::{Event, RequestFrame};
use crate::wire::Version;

/// A server that executes statements on a database in memory, or replies as a test configures it.
///
/// See the [module](super) for an introduction. Dropping the server closes its connections.
#[derive(Debug)]
pub struct MockServer {
    state: Arc<ServerState>,
    /// The task that accepts connections, or `None` while the server is stopped.
    task: Mutex<Option<JoinHandle<()>>>,
}

impl MockServer {
    /// Starts a server on `address`, on the current tokio runtime. Port 0 selects a free port;
    /// [`address`](Self::address) returns it.
    ///
    /// The server accepts connections at once. It executes statements on an empty database in memory,
    /// unless you add a reply to them.
    ///
    /// # Errors
    /// Returns an error if the server cannot listen on the address.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = listen(address).await?;
        let info = NodeInfo::new(listener.local_addr()?);
        let shared = Arc::new(SharedState::new([&info]));
        Ok(Self::start(listener, info, Arc::new([]), shared))
    }

    /// Starts a server that accepts the connections of `listener`.
    pub(super) fn start(
        listener: Listener,
        info: NodeInfo,
        peers: Arc<[NodeInfo]>,
        shared: Arc<SharedState>,
    ) -> Self {
        let script = Script::new(SystemTables::new(info, peers, shared));
        let state = Arc::new(ServerState::new(script));
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { state, task: Mutex::new(Some(task)) }
    }

    /// Replies with `reply` to the statement `text`, whether the client sends it as text, prepares
    /// it, or puts it in a batch.
    ///
    /// A statement matches if its text equals `text`, apart from the amount of white space and a
    /// final `;`. A second call with the same text replaces the reply.
    #[must_use]
    pub fn on(self, text: &str, reply: Reply) -> Self {
        self.change(|script| script.set_reply(text, reply))
    }

    /// Replies with `reply` to all statements of a form. `%` matches any number of characters, as in
    /// LIKE. The pattern matches the whole statement, whatever its case and the amount of white space. A
    /// reply set with [`on`](Self::on) takes precedence, and of several patterns the one that was added
    /// first.
    ///
    /// ```
    /// use cqlwire::testing::{MockServer, Reply};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = MockServer::bind("127.0.0.1:0").await?.on_pattern("INSERT INTO users %", Reply::void());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_pattern(self, pattern: &str, reply: Reply) -> Self {
        self.change(|script| script.set_pattern_reply(pattern, reply))
    }

    /// Adds a reply to all statements of a form, as [`on_pattern`](Self::on_pattern) does, while the
    /// server runs. The pattern `%` alone sets the reply of [`on_any`](Self::on_any).
    pub fn add_reply(&self, pattern: &str, reply: Reply) {
        self.state.change_script(|script| match pattern {
            "%" => script.set_default_reply(reply),
            _ => script.set_pattern_reply(pattern, reply),
        });
    }

    /// Replies with `reply` to every statement that has no reply set with [`on`](Self::on) or
    /// [`on_pattern`](Self::on_pattern), except SELECTs from system tables. Default: the server executes
    /// the statements on its database.
    #[must_use]
    pub fn on_any(self, reply: Reply) -> Self {
        self.change(|script| script.set_default_reply(reply))
    }

    /// Calls `handler` for every request, including those of the handshake, before the server looks
    /// for another reply. If `handler` returns `None`, the server replies as if there were no handler.
    ///
    /// A server with a handler can prepare every statement, even one without a reply, because
    /// `handler` may reply when the statement is executed. Several handlers are called in the order in
    /// which they were added, until one returns a reply.
    ///
    /// ```
    /// use cqlwire::message::Request;
    /// use cqlwire::testing::{MockServer, Reply};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// // A server that does not respond to BATCH.
    /// let server = MockServer::bind("127.0.0.1:0").await?.on_request(|frame| {
    ///     matches!(frame.request, Request::Batch(_)).then(Reply::silence)
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_request(
        self,
        handler: impl Fn(&RequestFrame<'_>) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        self.change(|script| script.add_request_handler(Arc::new(handler)))
    }

    /// Sets the highest protocol version that the server accepts. Default: v5.
    ///
    /// The server refuses requests in other versions with a
    /// [`VersionRefusal`](crate::message::VersionRefusal).
    #[must_use]
    pub fn version(self, version: Version) -> Self {
        self.change(|script| {
            script.version = version;
            script.system_tables.version = version;
        })
    }

    /// Sets the longest frame body that the server accepts, in bytes as sent (after compression). The
    /// server refuses longer requests with an `INVALID` error. Default: 16 MiB, as in Cassandra 5.0.
    #[must_use]
    pub fn max_frame_body(self, bytes: usize) -> Self {
        self.change(|script| script.max_frame_body = bytes)
    }

    /// Sets the longest response that the server sends, in bytes as sent. In place of a longer one, the
    /// server sends a SERVER_ERROR that names this limit. Default and maximum: 256 MiB, the protocol's
    /// limit.
    #[must_use]
    pub fn max_response_body(self, bytes: usize) -> Self {
        self.change(|script| script.max_response_body = bytes)
    }

    /// Accepts only connections with TLS. Applies to the connections that follow. Default: no TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(self, tls: impl Into<super::tls::ServerTls>) -> Self {
        let tls = tls.into();
        self.change(|script| script.tls = Some(tls))
    }

    /// Requires clients to log in, and accepts this user name and password. Call it once for each user.
    /// Default: no authentication.
    #[must_use]
    pub fn credentials(self, username: &str, password: &str) -> Self {
        self.change(|script| {
            script.passwords.insert(username.to_owned(), password.to_owned());
        })
    }

    /// Offers the event GRACEFUL_DISCONNECT to clients, with which a server says that it is shutting
    /// down. Send it with [`emit`](Self::emit). Default: not offered.
    #[must_use]
    pub fn graceful_disconnect(self) -> Self {
        self.change(|script| script.graceful_disconnect = true)
    }

    /// Sets the nodes that the server reports in `system.peers_v2`. The server leaves out its own
    /// address, so you can pass the same list to all servers. Default: none, a cluster of one node.
    ///
    /// Several servers with each other's addresses form a cluster. To report other datacenters,
    /// racks or tokens, start a [`MockCluster`](super::MockCluster).
    #[must_use]
    pub fn peers(self, peers: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.change(|script| {
            script.system_tables.peers = peers.into_iter().map(NodeInfo::new).collect();
        })
    }

    /// Reports this version of the schema for the node, in its own tables and in those of the other nodes,
    /// instead of the version that all nodes of the cluster share. A node that has not learned of a change
    /// of the schema does this. `None` ends it.
    pub fn set_schema_version(&self, version: Option<Uuid>) {
        let tables = self.state.script().system_tables.clone();
        tables.shared.set_schema_version(tables.own.host_id, version);
    }

    /// Sets the nodes of the cluster, while the server runs.
    pub(super) fn set_peers(&self, peers: Arc<[NodeInfo]>) {
        self.state.change_script(|script| script.system_tables.peers = peers);
    }

    /// Sets the address on which the server listens when it starts again.
    pub(super) fn set_address(&self, address: SocketAddr) {
        self.state.change_script(|script| {
            Arc::make_mut(&mut script.system_tables.own).address = address;
        });
    }

    /// Returns the address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.state.script().system_tables.own.address
    }

    /// Returns all statements that clients have executed so far, in order, with their values. The
    /// statements of a batch are listed one by one.
    ///
    /// The list omits requests that a handler of [`on_request`](Self::on_request) replied to. It also
    /// omits SELECTs from system tables, unless you set a reply to them with [`on`](Self::on).
    ///
    /// ```
    /// use cqlwire::session::Session;
    /// use cqlwire::testing::{MockServer, Reply};
    /// use cqlwire::types::NativeType;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let insert = "INSERT INTO users (name, age) VALUES (?, ?)";
    /// let columns = [("name", NativeType::Text), ("age", NativeType::Int)];
    /// let server = MockServer::bind("127.0.0.1:0").await?.on(insert, Reply::void().variables(columns));
    ///
    /// let address = server.address().to_string();
    /// let session = Session::builder().contact_points([address]).connect().await?;
    /// session.execute(insert, ("ada", 36)).await?;
    ///
    /// assert_eq!(server.received()[0].values::<(&str, i32)>(), ("ada", 36));
    /// # Ok(())
    /// # }
    /// ```
    pub fn received(&self) -> Vec<ReceivedRequest> {
        self.state.journal().iter().cloned().collect()
    }

    /// Returns the texts of the [`received`](Self::received) statements.
    pub fn statements(&self) -> Vec<String> {
        self.state.journal().iter().map(|received| received.text.clone()).collect()
    }

    /// Calls `observe` for each statement that the server [receives](Self::received), before it
    /// replies.
    #[must_use]
    pub fn on_received(self, observe: impl Fn(&ReceivedRequest) + Send + Sync + 'static) -> Self {
        self.state.journal().add_observer(Arc::new(observe));
        self
    }

    /// Keeps this number of [received](Self::received) statements, the last ones, and fewer if their
    /// texts and values take more than 256 MiB. Default: all, which takes memory for each statement.
    #[must_use]
    pub fn keep_received(self, statements: usize) -> Self {
        self.state.journal().set_limits(statements, 256 << 20);
        self
    }

    /// Forgets the statements that the server has [received](Self::received) so far.
    pub fn clear_received(&self) {
        self.state.journal().clear();
    }

    /// Returns the number of open connections.
    pub fn connections(&self) -> usize {
        self.state.connections().len()
    }

    /// Returns the numbers of the open connections. The first connection that the server accepts has
    /// the number 1. A number is never reused.
    pub fn connection_numbers(&self) -> Vec<u64> {
        self.state.connections().numbers()
    }

    /// Closes the open connections. Requests in flight get no response. The server accepts new
    /// connections.
    pub fn close_connections(&self) {
        self.state.connections().close_all();
    }

    /// Closes the connection with this [number](Self::connection_numbers). Returns true if it was open.
    pub fn close_connection(&self, number: u64) -> bool {
        self.state.connections().close(number)
    }

    /// Stops the server: it closes its connections, forgets its prepared statements, and accepts no new
    /// connections. It keeps its replies and its faults. See [`restart`](Self::restart).
    pub async fn stop(&self) {
        let task = self.task().take();
        if let Some(task) = task {
            task.abort();
            // Waits until the socket is closed. The task was cancelled, so that its result is an error.
            let _cancelled = task.await;
        }
        self.state.prepared().clear();
    }

    /// Starts the server again on its address, after [`stop`](Self::stop). Returns false if the server
    /// runs.
    ///
    /// # Errors
    /// Returns an error if the server cannot listen on its address.
    pub async fn restart(&self) -> io::Result<bool> {
        if self.task().is_some() {
            return Ok(false);
        }
        let listener = Listener::bind(self.address()).await?;
        *self.task() = Some(tokio::spawn(accept(listener, Arc::clone(&self.state))));
        Ok(true)
    }

    fn task(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all prepared statements, as a server that restarts does. Clients that execute one of them
    /// get an UNPREPARED error.
    pub fn forget_prepared(&self) {
        self.state.prepared().clear();
    }

    /// Forgets the prepared statement with this text, apart from the amount of white space. Returns
    /// true if it was prepared.
    pub fn forget_prepared_statement(&self, text: &str) -> bool {
        self.state.prepared().remove(text)
    }

    /// Adds a fault to the requests that follow. A fault takes precedence over all replies. If several
    /// faults match a request, the one that was added first applies.
    pub fn add_fault(&self, fault: Fault) -> FaultId {
        self.state.faults().add(fault)
    }

    /// Removes a fault. Returns true if there was a fault with this id.
    pub fn remove_fault(&self, id: FaultId) -> bool {
        self.state.faults().remove(id)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.state.faults().clear();
    }

    /// Returns the number of requests that a fault was applied to, or `None` if there is no fault with
    /// this id.
    pub fn fault_count(&self, id: FaultId) -> Option<usize> {
        self.state.faults().applied(id)
    }

    /// Sends an event to every connection that has registered for its type.
    pub fn emit(&self, event: Event) {
        // `send` fails only if no connection is open, and then no client waits for the event.
        let _no_connection = self.state.events.send(event);
    }

    fn change(self, change: impl FnOnce(&mut Script)) -> Self {
        self.state.change_script(change);
        self
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        if let Some(task) = self.task().take() {
            task.abort();
        }
    }
}

/// Listens on the first of the addresses on which this is possible.
async fn listen(addresses: impl ToSocketAddrs) -> io::Result<Listener> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "there is no address to listen on");
    for address in lookup_host(addresses).await? {
        match Listener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Accepts clients and serves them. The connections close when this future is dropped.
async fn accept(listener: Listener, state: Arc<ServerState>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            // Frees the tasks of connections that have ended.
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept() => {
                if let Ok(socket) = accepted {
                    connections.spawn(serve(socket, Arc::clone(&state)));
                }
            }
        }
    }
}
