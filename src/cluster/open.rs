//! Opening a connection that can be used: its handshake, and `USE`.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{debug, info};

use super::ContactPoint;
use crate::connection::{Connection, ConnectionError, Connector, RequestError};
use crate::message::{ErrorCode, Event, Query, RequestFrame, Response, ResponseFrame, ServerError};
use crate::wire::{Consistency, Stream};

/// Why a node could not be used.
#[derive(Debug, Clone)]
pub(crate) enum NodeError {
    /// No connection was opened.
    Connection(ConnectionError),
    /// The node refused a keyspace.
    UseKeyspace {
        /// Who refused it.
        address: SocketAddr,
        /// `USE "..."`.
        statement: String,
        /// What it said.
        error: Box<ServerError>,
    },
    /// The node did not answer `USE`.
    Request(RequestError),
    /// The node answered `USE` with a message of another kind than RESULT or ERROR.
    UnexpectedResponse {
        /// The address of the node.
        address: SocketAddr,
        /// `USE "..."`.
        statement: String,
    },
}

impl NodeError {
    /// Whether the node does not know who the client is, or does not believe it.
    pub(crate) fn is_authentication(&self) -> bool {
        matches!(self, Self::Connection(error) if error.reason.is_authentication())
    }

    /// Whether it would be the same at any time, and mostly at every node.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            Self::Connection(error) => error.reason.is_authentication(),
            Self::UseKeyspace { error, .. } => {
                !matches!(error.code, ErrorCode::Overloaded | ErrorCode::Bootstrapping)
            }
            Self::Request(_) | Self::UnexpectedResponse { .. } => false,
        }
    }

    /// Whether the node may only be starting still.
    pub(crate) fn is_starting(&self) -> bool {
        match self {
            Self::Connection(error) => error.reason.is_starting(),
            Self::UseKeyspace { .. } => !self.is_fatal(),
            Self::Request(_) => true,
            Self::UnexpectedResponse { .. } => false,
        }
    }
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => error.reason.fmt(f),
            Self::UseKeyspace { statement, error, .. } => write!(f, "{statement}: {error}"),
            Self::Request(error) => error.fmt(f),
            Self::UnexpectedResponse { statement, .. } => {
                write!(f, "answered {statement} with neither RESULT nor ERROR")
            }
        }
    }
}

/// Why no node of a cluster could be used.
#[derive(Debug)]
pub(crate) enum ClusterError {
    /// It would be the same everywhere.
    Fatal(Box<NodeError>),
    /// What was asked for does not go with the cluster.
    Config(String),
    /// The session has ended, and how.
    Closed(&'static str),
    /// What each of them said, and whether one may only be starting still.
    Unreachable { failures: Vec<String>, is_starting: bool },
}

/// Why one node could not be used.
pub(super) struct FailedNode {
    what: String,
    /// What would be the same at any time.
    fatal: Option<NodeError>,
    /// Whether it may only be starting still.
    is_starting: bool,
    /// Whether it has said something that others need not say.
    has_answered: bool,
}

impl FailedNode {
    /// It failed so at `place`.
    pub(super) fn new(place: impl fmt::Display, failure: NodeError) -> Self {
        Self {
            what: format!("{place} {failure}"),
            is_starting: failure.is_starting(),
            has_answered: !failure.is_starting(),
            fatal: Some(failure).filter(NodeError::is_fatal),
        }
    }

    /// It is there, but may not be asked.
    pub(super) const fn unsuitable(what: String) -> Self {
        Self { what, fatal: None, is_starting: false, has_answered: true }
    }

    /// It has not been tried.
    pub(super) const fn untried(what: String, is_starting: bool) -> Self {
        Self { what, fatal: None, is_starting, has_answered: false }
    }
}

impl ClusterError {
    /// What all of them come to. A node that does not let us in speaks for those that say nothing,
    /// but not for one that says something else: it may only be in trouble itself.
    pub(super) fn of(mut failed: Vec<FailedNode>) -> Self {
        if failed.iter().all(|node| node.fatal.is_some() || !node.has_answered)
            && let Some(fatal) = failed.iter_mut().find_map(|node| node.fatal.take())
        {
            return Self::Fatal(Box::new(fatal));
        }
        let is_starting = failed.iter().any(|node| node.is_starting);
        Self::Unreachable {
            failures: failed.into_iter().map(|node| node.what).collect(),
            is_starting,
        }
    }
}

/// A connection, and what the contact point that led there calls the host.
type Opened = (Connection, String);

/// So long one has to answer before the next is tried beside it.
const NEXT_ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A connection to the first contact point that gives one.
pub(super) async fn connect_any(
    points: &[ContactPoint],
    connector: &Connector,
    events: &mpsc::Sender<Event>,
) -> Result<Opened, ClusterError> {
    let tries =
        points.iter().map(|point| connect_to_contact_point(point, connector, events).boxed());
    let failed = first_success(tries.collect()).await;
    failed.map_err(|failed| ClusterError::of(failed.into_iter().flatten().collect()))
}

/// A connection to the first address of a contact point that gives one.
async fn connect_to_contact_point(
    point: &ContactPoint,
    connector: &Connector,
    events: &mpsc::Sender<Event>,
) -> Result<Opened, Vec<FailedNode>> {
    let unresolved =
        |why, is_starting| vec![FailedNode::untried(format!("{point} {why}"), is_starting)];
    let time = connector.options.handshake_timeout;
    let addresses = match timeout(time, point.resolve()).await {
        Ok(Ok(addresses)) => addresses,
        // Where containers are named, a name comes with its server.
        Ok(Err(why)) => return Err(unresolved(why.as_str(), true)),
        Err(_) => return Err(unresolved("the name was not resolved in time", false)),
    };
    let open = |address| connect_to_address(point, address, connector, events).boxed();
    first_success(addresses.into_iter().map(open).collect()).await
}

async fn connect_to_address(
    point: &ContactPoint,
    address: SocketAddr,
    connector: &Connector,
    events: &mpsc::Sender<Event>,
) -> Result<Opened, FailedNode> {
    let host = Some(point.host.as_str());
    let opened = connector.connect_with_events(address, host, events.clone()).await;
    let connection = opened.map_err(|error| {
        let name = point.to_string();
        let place = match name == address.to_string() {
            true => name,
            false => format!("{name} ({address})"),
        };
        FailedNode::new(place, NodeError::Connection(error))
    })?;
    info!(%address, version = %connection.context().version, "connected");
    Ok((connection, point.host.clone()))
}

/// What the first of them gives that succeeds, or why none does. The next begins when one has
/// failed, or when the last to begin has had its head start: one that never answers holds up nobody.
async fn first_success<T, E>(tries: Vec<BoxFuture<'_, Result<T, E>>>) -> Result<T, Vec<E>> {
    let (mut waiting, mut begun) = (tries.into_iter(), FuturesUnordered::new());
    let mut failures = Vec::new();
    loop {
        let is_last = match waiting.next() {
            Some(next) => {
                begun.push(next);
                false
            }
            None if begun.is_empty() => return Err(failures),
            None => true,
        };
        let delay = async {
            match is_last {
                false => tokio::time::sleep(NEXT_ATTEMPT_DELAY).await,
                true => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(ended) = begun.next() => match ended {
                Ok(opened) => return Ok(opened),
                Err(failure) => failures.push(failure),
            },
            () = delay => {}
        }
    }
}

/// Has the connection use a keyspace, spelled as the schema spells it.
pub(super) async fn use_keyspace(
    connection: &Connection,
    keyspace: &str,
    time: Duration,
) -> Result<(), NodeError> {
    // Quoted, because the name is taken as it is given.
    let statement = format!("USE \"{}\"", keyspace.replace('"', "\"\""));
    let address = connection.address();
    debug!(%address, statement);
    let parameters = Consistency::One.into();
    let query = Query { text: statement.as_str().into(), parameters };
    let frame = RequestFrame::new(Stream::default(), query);
    match connection.request(&frame, Some(time)).await {
        Ok(ResponseFrame { response: Response::Result(_), .. }) => Ok(()),
        Ok(ResponseFrame { response: Response::Error(error), .. }) => {
            Err(NodeError::UseKeyspace { address, statement, error: Box::new(error) })
        }
        Ok(_) => Err(NodeError::UnexpectedResponse { address, statement }),
        Err(error) => Err(NodeError::Request(error)),
    }
}
