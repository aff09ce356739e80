//! A server that answers as it is told, to test programs without a Cassandra.
//!
//! It speaks v3, v4 and v5 over real sockets, compressed and in segments where the client asks for
//! that, prepares statements, pages through its rows, and keeps what it was asked. Replies
//! may be computed from the values that were bound ([`Reply::computed`]), and come one after the other
//! ([`Reply::then`]).
//!
//! ```
//! use cqlwire::message::ErrorCode;
//! use cqlwire::testing::{Reply, MockServer};
//! use cqlwire::session::Session;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = MockServer::bind("127.0.0.1:0")
//!     .await?
//!     .on("SELECT username FROM users", Reply::rows(["username"], [["ada"], ["bob"]]))
//!     .on_any(Reply::error(ErrorCode::Overloaded, "come back later"));
//!
//! let address = server.address().to_string();
//! let session = Session::builder().contact_points([address]).connect().await?;
//! let users = session.execute("SELECT username FROM users", ()).await?;
//! assert_eq!(users.rows::<(&str,)>()?.count(), 2);
//! assert!(session.execute("DROP TABLE users", ()).await.is_err());
//! assert_eq!(server.statements(), ["SELECT username FROM users", "DROP TABLE users"]);
//! # Ok(())
//! # }
//! ```

mod answer;
mod asked;
mod connection;
mod reply;
mod system;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::broadcast;
use tokio::task::{JoinHandle, JoinSet};

use crate::message::{Event, RequestFrame};
use crate::protocol::Credentials;
use crate::wire::Version;

pub use asked::Asked;
pub use reply::{Reply, ReplyColumn};
use system::Cluster;

/// A server that answers as it is told. It ends, with its connections, when it is dropped.
#[derive(Debug)]
pub struct MockServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What the server and its connections share.
#[derive(Debug)]
struct Shared {
    script: RwLock<Script>,
    /// The texts of the statements that were prepared, by their ids.
    prepared: Mutex<HashMap<Vec<u8>, String>>,
    asked: Mutex<Vec<Asked>>,
    connections: AtomicUsize,
    events: broadcast::Sender<Event>,
}

type Answer = Arc<dyn Fn(&RequestFrame<'_>) -> Option<Reply> + Send + Sync>;

/// What to answer.
#[derive(Clone)]
struct Script {
    version: Version,
    credentials: Option<Credentials>,
    answers: Vec<Answer>,
    by_text: HashMap<String, Reply>,
    otherwise: Option<Reply>,
    cluster: Cluster,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script")
            .field("version", &self.version)
            .field("by_text", &self.by_text)
            .finish_non_exhaustive()
    }
}

/// So many events wait for a connection that does not read.
const EVENTS: usize = 1_024;

impl MockServer {
    /// Listens on `address`; port 0 is any that is free. A server that was told nothing opens
    /// connections, and answers statements with an error, also when they are only prepared.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: RwLock::new(Script {
                version: Version::V5,
                credentials: None,
                answers: Vec::new(),
                by_text: HashMap::new(),
                otherwise: None,
                cluster: Cluster { address, peers: Vec::new() },
            }),
            prepared: Mutex::default(),
            asked: Mutex::default(),
            connections: AtomicUsize::new(0),
            events: broadcast::Sender::new(EVENTS),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// Answers the statement `text` with `reply`, whether it is sent as it is, prepared, or in a
    /// batch. White space and a `;` at the end do not matter.
    #[must_use]
    pub fn on(self, text: &str, reply: Reply) -> Self {
        self.change(|script| {
            script.by_text.insert(normal(text), reply);
        })
    }

    /// Answers every other statement with `reply`.
    #[must_use]
    pub fn on_any(self, reply: Reply) -> Self {
        self.change(|script| script.otherwise = Some(reply))
    }

    /// Asks `answer` first, about every request. What it has no reply to is answered as the other
    /// methods say. Every statement can be prepared then, as `answer` may have a reply to it when it
    /// is run.
    #[must_use]
    pub fn on_request(
        self,
        answer: impl Fn(&RequestFrame<'_>) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        self.change(|script| script.answers.push(Arc::new(answer)))
    }

    /// Speaks no higher version than this. Default: v5.
    #[must_use]
    pub fn version(self, version: Version) -> Self {
        self.change(|script| script.version = version)
    }

    /// Lets in only who has these credentials. Default: everybody.
    #[must_use]
    pub fn credentials(self, username: &str, password: &str) -> Self {
        self.change(|script| script.credentials = Some(Credentials::new(username, password)))
    }

    /// The other nodes of the cluster that it says it is a node of. Default: none. What it says of
    /// itself and of them is in its `system.local` and `system.peers_v2`, for whose SELECTs it may
    /// be given other replies.
    #[must_use]
    pub fn peers(self, peers: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.change(|script| script.cluster.peers = peers.into_iter().collect())
    }

    /// Where the server listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// All statements so far that were to be run, with their values, in their order; those of a
    /// batch one by one. What clients ask of the cluster itself is not among them, nor is what was
    /// answered as [`on_request`](Self::on_request) says.
    ///
    /// ```
    /// use cqlwire::testing::{Reply, MockServer};
    /// use cqlwire::session::Session;
    /// use cqlwire::types::NativeType;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let insert = "INSERT INTO users (name, age) VALUES (?, ?)";
    /// let users = [("name", NativeType::Text), ("age", NativeType::Int)];
    /// let server = MockServer::bind("127.0.0.1:0").await?.on(insert, Reply::void().variables(users));
    /// let address = server.address().to_string();
    /// let session = Session::builder().contact_points([address]).connect().await?;
    /// session.execute(insert, ("ada", 36)).await?;
    /// assert_eq!(server.asked()[0].values::<(&str, i32)>(), ("ada", 36));
    /// # Ok(())
    /// # }
    /// ```
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked().clone()
    }

    /// The texts of what was [`asked`](Self::asked).
    pub fn statements(&self) -> Vec<String> {
        self.shared.asked().iter().map(|asked| asked.text.clone()).collect()
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Acquire)
    }

    /// Sends an event to every connection that has registered for its type.
    pub fn emit(&self, event: Event) {
        // There may be no connection.
        let _nobody = self.shared.events.send(event);
    }

    fn change(self, change: impl FnOnce(&mut Script)) -> Self {
        change(&mut self.shared.script.write().unwrap_or_else(PoisonError::into_inner));
        self
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn script(&self) -> Script {
        self.script.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn asked(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prepared(&self) -> MutexGuard<'_, HashMap<Vec<u8>, String>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A statement as it is looked up.
fn normal(text: &str) -> String {
    let text = text.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Serves whoever connects; its connections end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((socket, _)) = accepted {
                    connections.spawn(connection::serve(socket, Arc::clone(&shared)));
                }
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}
