//! The one connection of a session, opened again when it has ended.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, info};

use super::contact::ContactPoint;
use super::{Error, ErrorKind};
use crate::connection::{Connection, ConnectionError};
use crate::message::{ErrorCode, Query, RequestFrame, Response, ResponseFrame};
use crate::protocol::ConnectionOptions;
use crate::wire::{Consistency, Stream};

/// What is known of the way to Cassandra, and the connection there is.
#[derive(Debug)]
pub(super) struct Node {
    points: Vec<ContactPoint>,
    /// What `USE` said last, for the connections to come.
    keyspace: Mutex<Option<String>>,
    options: ConnectionOptions,
    current: RwLock<Arc<Connection>>,
    /// Held while a connection is opened, so that only one is.
    opening: tokio::sync::Mutex<()>,
    /// What the connections before this one have sent and received.
    sent_before: AtomicU64,
    received_before: AtomicU64,
}

impl Node {
    /// Opens the first connection.
    pub(super) async fn connect(
        points: Vec<ContactPoint>,
        keyspace: Option<String>,
        options: ConnectionOptions,
    ) -> Result<Self, ConnectFailure> {
        let connection = open_any(&points, keyspace.as_deref(), &options).await?;
        Ok(Self {
            points,
            keyspace: Mutex::new(keyspace),
            options,
            current: RwLock::new(Arc::new(connection)),
            opening: tokio::sync::Mutex::default(),
            sent_before: AtomicU64::new(0),
            received_before: AtomicU64::new(0),
        })
    }

    /// A connection that has not ended, as far as is known; opened before `deadline` if there is
    /// none.
    pub(super) async fn connection(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Arc<Connection>, Error> {
        let current = self.current();
        if current.closed().is_none() {
            return Ok(current);
        }
        // Seldom, and large: in a box, it does not make every request's future larger.
        let reopen = Box::pin(self.reopen());
        match deadline {
            None => reopen.await,
            Some(deadline) => Box::pin(timeout_at(deadline, reopen)).await.unwrap_or_else(|_| {
                let why = current.closed().map(ToString::to_string).unwrap_or_default();
                let address = current.address();
                let text = format!("{address}: {why}, and no other connection opened in time");
                Err(Error::new(ErrorKind::Timeout, text))
            }),
        }
    }

    async fn reopen(&self) -> Result<Arc<Connection>, Error> {
        let _one_at_a_time = self.opening.lock().await;
        let current = self.current();
        if current.closed().is_none() {
            return Ok(current);
        }
        debug!(address = %current.address(), "the connection has ended; opening another");
        let keyspace = self.keyspace.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let opened = open_any(&self.points, keyspace.as_deref(), &self.options).await?;
        let opened = Arc::new(opened);
        let (sent, received) = current.traffic();
        self.sent_before.fetch_add(sent, Ordering::Relaxed);
        self.received_before.fetch_add(received, Ordering::Relaxed);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&opened);
        Ok(opened)
    }

    /// Remembers the keyspace that a `USE` has chosen.
    pub(super) fn set_keyspace(&self, keyspace: String) {
        *self.keyspace.lock().unwrap_or_else(PoisonError::into_inner) = Some(keyspace);
    }

    /// How many bytes have been sent and received.
    pub(super) fn traffic(&self) -> (u64, u64) {
        let (sent, received) = self.current().traffic();
        let before = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (before(&self.sent_before) + sent, before(&self.received_before) + received)
    }

    fn current(&self) -> Arc<Connection> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Why no connection could be opened, and whether it may be possible later.
#[derive(Debug)]
pub(super) struct ConnectFailure {
    pub(super) error: Error,
    pub(super) is_starting: bool,
}

impl From<ConnectFailure> for Error {
    fn from(failure: ConnectFailure) -> Self {
        failure.error
    }
}

/// A connection to the first address of the first contact point that gives one; each gets its
/// share of the time for the handshake.
async fn open_any(
    points: &[ContactPoint],
    keyspace: Option<&str>,
    options: &ConnectionOptions,
) -> Result<Connection, ConnectFailure> {
    let deadline = Instant::now().checked_add(options.handshake_timeout);
    let mut failures = Vec::new();
    let mut is_starting = false;
    for (point, points_left) in points.iter().zip((1..=points.len()).rev()) {
        let addresses = match timeout(share(deadline, points_left), point.resolve()).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(why)) => {
                // Where containers are named, a name comes with its server.
                is_starting = true;
                failures.push(format!("{point} {why}"));
                continue;
            }
            Err(_) => {
                failures.push(format!("{point} the name was not resolved in time"));
                continue;
            }
        };
        let count = addresses.len();
        for (address, addresses_left) in addresses.into_iter().zip((1..=count).rev()) {
            let time = share(deadline, points_left - 1 + addresses_left);
            let options = ConnectionOptions { handshake_timeout: time, ..options.clone() };
            match open(address, keyspace, &options).await {
                Ok(connection) => return Ok(connection),
                Err(Refusal::Final(error)) => {
                    return Err(ConnectFailure { error, is_starting: false });
                }
                Err(Refusal::ForNow { why, may_pass }) => {
                    is_starting |= may_pass;
                    failures.push(describe(point, address, &why));
                }
            }
        }
    }
    let error = Error::unreachable(points.len(), &failures);
    Err(ConnectFailure { error, is_starting })
}

/// Time until the deadline, divided fairly.
fn share(deadline: Option<Instant>, among: usize) -> Duration {
    let Some(deadline) = deadline else { return Duration::MAX };
    let among = u32::try_from(among.max(1)).unwrap_or(u32::MAX);
    deadline.saturating_duration_since(Instant::now()) / among
}

/// Why one server did not let us in.
enum Refusal {
    /// Another would not, either.
    Final(Error),
    /// Another may, or this one later.
    ForNow { why: String, may_pass: bool },
}

async fn open(
    address: SocketAddr,
    keyspace: Option<&str>,
    options: &ConnectionOptions,
) -> Result<Connection, Refusal> {
    let connection = match Connection::connect(address, options).await {
        Ok(connection) => connection,
        Err(error) if error.reason.is_authentication() => {
            return Err(Refusal::Final(Error::authentication(&error)));
        }
        Err(ConnectionError { reason, .. }) => {
            let may_pass = reason.is_starting();
            return Err(Refusal::ForNow { why: reason.to_string(), may_pass });
        }
    };
    let version = connection.context().version;
    info!(%address, %version, "connected");
    if let Some(keyspace) = keyspace {
        use_keyspace(&connection, keyspace, options.handshake_timeout).await?;
    }
    Ok(connection)
}

/// `127.0.0.1:9042 connection refused`, with the name that led there if there was one.
fn describe(point: &ContactPoint, address: SocketAddr, why: &str) -> String {
    let name = point.to_string();
    match name == address.to_string() {
        true => format!("{address} {why}"),
        false => format!("{name} ({address}) {why}"),
    }
}

async fn use_keyspace(
    connection: &Connection,
    keyspace: &str,
    time: Duration,
) -> Result<(), Refusal> {
    // Quoted, because the name is taken as it is given.
    let text = format!("USE \"{}\"", keyspace.replace('"', "\"\""));
    let parameters = Consistency::One.into();
    let query = Query { text: text.as_str().into(), parameters };
    let frame = RequestFrame::new(Stream::default(), query);
    let refused = match connection.request(&frame, Some(time)).await {
        Ok(ResponseFrame { response: Response::Result(_), .. }) => return Ok(()),
        Ok(ResponseFrame { response: Response::Error(error), .. }) => error,
        Ok(_) => {
            let why = "USE was answered with no RESULT".to_owned();
            return Err(Refusal::ForNow { why, may_pass: false });
        }
        Err(error) => {
            return Err(Refusal::ForNow { why: format!("{text}: {error}"), may_pass: true });
        }
    };
    match refused.code {
        ErrorCode::Overloaded | ErrorCode::Bootstrapping => {
            Err(Refusal::ForNow { why: format!("{text}: {refused}"), may_pass: true })
        }
        _ => {
            let error = Error::server(refused, connection.address());
            Err(Refusal::Final(error.with_statement(&text.into())))
        }
    }
}
