//! Opens connections that are ready for requests: the handshake, and `USE`.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tracing::{debug, info};

use super::ContactPoint;
use super::system_tables::MAX_BODY;
use crate::connection::{Connection, ConnectionError, Connector, RequestError, timeout_at};
use crate::message::{ErrorCode, Event, Query, RequestFrame, Response, ResponseFrame, ServerError};
use crate::protocol::CloseReason;
use crate::types::Quoted;
use crate::wire::{Consistency, Stream};

/// Why a node could not be used.
#[derive(Debug, Clone)]
pub(crate) enum NodeError {
    /// The connection could not be opened, or has ended.
    Connection(ConnectionError),
    /// The node said that it is shutting down.
    ShuttingDown,
    /// The node refused `USE`.
    UseKeyspace {
        /// The address of the node.
        address: SocketAddr,
        /// The statement, such as `USE "ks"`.
        statement: String,
        error: Box<ServerError>,
    },
    /// The node did not answer `USE`.
    Request(RequestError),
    /// The node answered `USE` with a message that is neither RESULT nor ERROR.
    UnexpectedResponse {
        /// The address of the node.
        address: SocketAddr,
        /// The statement, such as `USE "ks"`.
        statement: String,
    },
}

impl NodeError {
    /// Returns true if the node rejected the client's credentials.
    pub(crate) fn is_authentication(&self) -> bool {
        matches!(self, Self::Connection(error) if error.reason.is_authentication())
    }

    /// Returns true if the node refused the user name or the password.
    pub(crate) fn is_refused_login(&self) -> bool {
        matches!(self, Self::Connection(ConnectionError { reason: CloseReason::Refused(_), .. }))
            && self.is_fatal()
    }

    /// Returns true if the node refused `USE` because it does not know the keyspace.
    pub(super) fn is_unknown_keyspace(&self) -> bool {
        matches!(self, Self::UseKeyspace { error, .. } if error.code == ErrorCode::Invalid)
    }

    /// Returns true if trying again is pointless: the error is permanent, and most likely the same
    /// on every node.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            Self::Connection(error) => error.reason.is_authentication() && !self.is_starting(),
            Self::UseKeyspace { error, .. } => matches!(
                error.code,
                ErrorCode::Invalid
                    | ErrorCode::Syntax
                    | ErrorCode::Unauthorized
                    | ErrorCode::Config
            ),
            Self::ShuttingDown | Self::Request(_) | Self::UnexpectedResponse { .. } => false,
        }
    }

    /// Returns true if the reason may be that the node is still starting.
    pub(crate) fn is_starting(&self) -> bool {
        match self {
            Self::Connection(error) => error.reason.is_starting(),
            Self::UseKeyspace { .. } => !self.is_fatal(),
            Self::ShuttingDown | Self::Request(_) => true,
            Self::UnexpectedResponse { .. } => false,
        }
    }
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => error.reason.fmt(f),
            Self::ShuttingDown => f.write_str("the node is shutting down"),
            Self::UseKeyspace { statement, error, .. } => write!(f, "{statement}: {error}"),
            Self::Request(error) => write!(f, "USE: {}", error.kind),
            Self::UnexpectedResponse { statement, .. } => {
                write!(
                    f,
                    "the server violated the protocol: its response to {statement} is neither RESULT nor \
                     ERROR"
                )
            }
        }
    }
}

/// Why no node of a cluster can be used.
#[derive(Debug)]
pub(crate) enum ClusterError {
    /// An error of one node that every other node would return as well.
    Fatal(Box<NodeError>),
    /// The configuration does not fit the cluster. The text says why.
    Config(String),
    /// The session can no longer be used. The text says whether it was closed or its runtime has
    /// ended.
    Closed(&'static str),
    /// No node can be reached.
    Unreachable {
        /// One message per node: its address and error. At most 20 nodes; if there are more, the
        /// last message says how many.
        failures: Vec<String>,
        /// True if a node may still be starting.
        is_starting: bool,
    },
}

/// A node that cannot be used, and why.
pub(super) struct FailedNode {
    description: String,
    /// The error, if it is [fatal](NodeError::is_fatal).
    fatal: Option<NodeError>,
    /// True if the node may still be starting.
    is_starting: bool,
    /// True if the node responded, so it is not simply down.
    has_responded: bool,
}

impl FailedNode {
    /// Describes a node that failed with `error`.
    pub(super) fn new(node: impl fmt::Display, error: NodeError) -> Self {
        Self {
            description: format!("{node}: {error}"),
            is_starting: error.is_starting(),
            has_responded: !error.is_starting(),
            fatal: Some(error).filter(NodeError::is_fatal),
        }
    }

    /// Describes a node that is connected, but not eligible for the request.
    pub(super) const fn not_eligible(description: String) -> Self {
        Self { description, fatal: None, is_starting: false, has_responded: true }
    }

    /// Describes a node that accepted a connection, but could not answer a request of the driver. It may
    /// still be starting.
    pub(super) const fn busy(description: String) -> Self {
        Self { description, fatal: None, is_starting: true, has_responded: true }
    }

    /// Describes a node to which no attempt to connect has ended. The node may still be starting.
    pub(super) const fn untried(description: String) -> Self {
        Self { description, fatal: None, is_starting: true, has_responded: false }
    }
}

/// Largest number of nodes whose errors are shown.
pub(super) const MAX_SHOWN_FAILURES: usize = 20;

impl ClusterError {
    /// Combines the errors of all nodes. The result is [`Fatal`](Self::Fatal) if a node failed
    /// fatally and every other node is down or failed fatally as well. If another node responded
    /// differently, the fatal error may be the fault of its node rather than of the client, and the
    /// result is [`Unreachable`](Self::Unreachable).
    pub(super) fn from_nodes(mut nodes: Vec<FailedNode>) -> Self {
        if nodes.iter().all(|node| node.fatal.is_some() || !node.has_responded)
            && let Some(fatal) = nodes.iter_mut().find_map(|node| node.fatal.take())
        {
            return Self::Fatal(Box::new(fatal));
        }
        let is_starting = nodes.iter().any(|node| node.is_starting);
        let more = nodes.len().saturating_sub(MAX_SHOWN_FAILURES);
        let shown = nodes.into_iter().take(MAX_SHOWN_FAILURES).map(|node| node.description);
        let more = (more > 0).then(|| format!("and {more} more nodes"));
        let failures = shown.chain(more).collect();
        Self::Unreachable { failures, is_starting }
    }
}

/// A connection, and the host of the contact point that led to it.
type Opened = (Connection, String);

/// Delay after which the next attempt starts even if the previous attempts are still running.
const NEXT_ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to the first contact point that accepts a connection, at an address that is not in
/// `except`.
///
/// # Errors
/// Returns an error for each contact point that cannot be used, except those of `except`.
pub(super) async fn connect_any(
    points: &[ContactPoint],
    connector: &Connector,
    events: &mpsc::Sender<Event>,
    except: &[SocketAddr],
) -> Result<Opened, Vec<FailedNode>> {
    let connect = |point| connect_to_contact_point(point, connector, events, except).boxed();
    let opened = first_success(points.iter().map(connect).collect()).await;
    opened.map_err(|failed| failed.into_iter().flatten().collect())
}

/// Connects to the first address of a contact point that accepts a connection.
async fn connect_to_contact_point(
    point: &ContactPoint,
    connector: &Connector,
    events: &mpsc::Sender<Event>,
    except: &[SocketAddr],
) -> Result<Opened, Vec<FailedNode>> {
    let resolved = timeout(connector.options.handshake_timeout, point.resolve()).await;
    // Container platforms add the name of a server only when the server starts, so the server may
    // still be starting.
    let addresses = resolved
        .unwrap_or_else(|_| Err("name resolution timed out".to_owned()))
        .map_err(|problem| vec![FailedNode::untried(format!("{point}: {problem}"))])?;
    let connect = |address| connect_to_address(point, address, connector, events).boxed();
    let addresses = addresses.into_iter().filter(|address| !except.contains(address));
    first_success(addresses.map(connect).collect()).await
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
        let node = match name == address.to_string() {
            true => name,
            false => format!("{name} ({address})"),
        };
        FailedNode::new(node, NodeError::Connection(error))
    })?;
    info!(node = %address, version = %connection.context().version, "control connection opened");
    Ok((connection, point.host.clone()))
}

/// Runs `attempts` and returns the first success, or all errors if every attempt fails. The next
/// attempt starts when a running attempt fails, or at the latest after [`NEXT_ATTEMPT_DELAY`], so
/// that an attempt that hangs does not delay the others.
async fn first_success<T, E>(attempts: Vec<BoxFuture<'_, Result<T, E>>>) -> Result<T, Vec<E>> {
    let (mut waiting, mut running) = (attempts.into_iter(), FuturesUnordered::new());
    let mut errors = Vec::new();
    loop {
        let next_at = match waiting.next() {
            Some(next) => {
                running.push(next);
                Some(Instant::now() + NEXT_ATTEMPT_DELAY)
            }
            None if running.is_empty() => return Err(errors),
            None => None,
        };
        match timeout_at(next_at, running.next()).await {
            Ok(Some(Ok(opened))) => return Ok(opened),
            Ok(Some(Err(error))) => errors.push(error),
            Ok(None) | Err(_) => {}
        }
    }
}

/// Makes the connection use a keyspace. `keyspace` is spelled as in the schema, without quotes.
///
/// # Errors
/// Returns an error if the node refuses the keyspace or does not answer within `timeout`.
pub(super) async fn use_keyspace(
    connection: &Connection,
    keyspace: &str,
    timeout: Duration,
) -> Result<(), NodeError> {
    // Quoted, because the server would turn an unquoted name into lower case.
    let statement = format!("USE {}", Quoted(keyspace));
    let address = connection.address();
    debug!(node = %address, statement, "keyspace switch started");
    let parameters = Consistency::One.into();
    let query = Query { text: statement.as_str().into(), parameters };
    let frame = RequestFrame::new(Stream::default(), query);
    match connection.request_limited(&frame, timeout, MAX_BODY).await {
        Ok(ResponseFrame { response: Response::Result(_), .. }) => Ok(()),
        Ok(ResponseFrame { response: Response::Error(error), .. }) => {
            Err(NodeError::UseKeyspace { address, statement, error: Box::new(error) })
        }
        Ok(_) => Err(NodeError::UnexpectedResponse { address, statement }),
        Err(error) => Err(NodeError::Request(*error)),
    }
}
