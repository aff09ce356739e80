//! Opening a connection that can be used: its handshake, and `USE`.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tracing::{debug, info};

use super::ContactPoint;
use crate::connection::{Connection, ConnectionError, Connector, RequestError};
use crate::message::{ErrorCode, Event, Query, RequestFrame, Response, ResponseFrame, ServerError};
use crate::wire::{Consistency, Stream};

/// Why a node could not be used.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// No connection was opened.
    Connection(ConnectionError),
    /// The node refused a keyspace.
    Keyspace {
        /// Who refused it.
        address: SocketAddr,
        /// `USE "..."`.
        statement: String,
        /// What it said.
        error: Box<ServerError>,
    },
    /// The node did not answer `USE`.
    NoAnswer(RequestError),
}

impl Failure {
    /// Whether the node does not know who the client is, or does not believe it.
    pub(crate) fn is_authentication(&self) -> bool {
        matches!(self, Self::Connection(error) if error.reason.is_authentication())
    }

    /// Whether it would be the same at every node and at any time.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Connection(error) => error.reason.is_authentication(),
            Self::Keyspace { error, .. } => {
                !matches!(error.code, ErrorCode::Overloaded | ErrorCode::Bootstrapping)
            }
            Self::NoAnswer(_) => false,
        }
    }

    /// Whether the node may only be starting still.
    pub(crate) fn is_starting(&self) -> bool {
        match self {
            Self::Connection(error) => error.reason.is_starting(),
            Self::Keyspace { .. } => !self.is_final(),
            Self::NoAnswer(_) => true,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => error.reason.fmt(f),
            Self::Keyspace { statement, error, .. } => write!(f, "{statement}: {error}"),
            Self::NoAnswer(error) => error.fmt(f),
        }
    }
}

/// Why no node of a cluster could be used.
#[derive(Debug)]
pub(crate) enum OpenFailure {
    /// It would be the same everywhere.
    Final(Box<Failure>),
    /// What was asked for does not go with the cluster.
    Config(String),
    /// The session was closed.
    Closed,
    /// What each of them said, and whether one may only be starting still.
    Unreachable { each: Vec<String>, is_starting: bool },
}

/// A connection to the first address of the first contact point that gives one, and what the point
/// calls the host; each gets its share of the time for the handshake.
pub(super) async fn open_any(
    points: &[ContactPoint],
    connector: &Connector,
    events: &mpsc::Sender<Event>,
) -> Result<(Connection, String), OpenFailure> {
    let mut connector = connector.clone();
    let deadline = Instant::now().checked_add(connector.options.handshake_timeout);
    let (mut each, mut any_is_starting) = (Vec::new(), false);
    for (point, points_left) in points.iter().zip((1..=points.len()).rev()) {
        let addresses = match timeout(share(deadline, points_left), point.resolve()).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(why)) => {
                // Where containers are named, a name comes with its server.
                any_is_starting = true;
                each.push(format!("{point} {why}"));
                continue;
            }
            Err(_) => {
                each.push(format!("{point} the name was not resolved in time"));
                continue;
            }
        };
        let count = addresses.len();
        for (address, addresses_left) in addresses.into_iter().zip((1..=count).rev()) {
            let time = share(deadline, points_left - 1 + addresses_left);
            connector.options.handshake_timeout = time;
            let host = Some(point.host.as_str());
            match connector.connect_listening(address, host, events.clone()).await {
                Ok(connection) => {
                    let version = connection.context().version;
                    info!(%address, %version, "connected");
                    return Ok((connection, point.host.clone()));
                }
                Err(error) => {
                    let why = Failure::Connection(error);
                    each.push(describe(point, address, &why));
                    any_is_starting |= why.is_starting();
                    if why.is_final() {
                        return Err(OpenFailure::Final(Box::new(why)));
                    }
                }
            }
        }
    }
    Err(OpenFailure::Unreachable { each, is_starting: any_is_starting })
}

/// Time until the deadline, divided fairly.
fn share(deadline: Option<Instant>, among: usize) -> Duration {
    let Some(deadline) = deadline else { return Duration::MAX };
    let among = u32::try_from(among.max(1)).unwrap_or(u32::MAX);
    deadline.saturating_duration_since(Instant::now()) / among
}

/// `127.0.0.1:9042 connection refused`, with the name that led there if there was one.
fn describe(point: &ContactPoint, address: SocketAddr, why: &Failure) -> String {
    let name = point.to_string();
    match name == address.to_string() {
        true => format!("{address} {why}"),
        false => format!("{name} ({address}) {why}"),
    }
}

/// Has the connection use a keyspace, spelled as the schema spells it.
pub(super) async fn use_keyspace(
    connection: &Connection,
    keyspace: &str,
    time: Duration,
) -> Result<(), Failure> {
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
            Err(Failure::Keyspace { address, statement, error: Box::new(error) })
        }
        Ok(_) => {
            let error = ServerError::new(ErrorCode::Protocol, "USE was answered with no RESULT");
            Err(Failure::Keyspace { address, statement, error: Box::new(error) })
        }
        Err(error) => Err(Failure::NoAnswer(error)),
    }
}
