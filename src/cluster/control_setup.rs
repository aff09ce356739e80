//! Opens a connection and sets it up as the control connection: subscribes to the server's events,
//! and reads the topology.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{debug, info};
use uuid::Uuid;

use super::early_connection::EarlyConnection;
use super::open::{FailedNode, connect_any};
use super::shared::Shared;
use super::state_reader::{StateReader, TopologyRead};
use super::system_tables::{MAX_BODY, ReadError, is_permanent};
use super::{ClusterError, ContactPoint};
use crate::connection::Connection;
use crate::message::{
    ErrorCode, Event, EventType, Register, RequestFrame, Response, ResponseFrame,
};
use crate::wire::Stream;

/// A connection that is set up as the control connection.
pub(super) struct OpenedControl {
    pub(super) connection: Arc<Connection>,
    /// The host of the contact point or node that the connection was opened to.
    pub(super) host: String,
    /// The host id of the node. Nil if the node does not report it.
    pub(super) host_id: Uuid,
    /// True if the topology should be read again soon: the server refused to read a table, or rows
    /// contradicted each other.
    pub(super) is_incomplete: bool,
    pub(super) events: mpsc::Receiver<Event>,
}

/// Number of events that can be queued for the task.
pub(super) const EVENT_QUEUE_SIZE: usize = 256;

/// Opens the control connection to the first contact point that accepts the connection and answers
/// its setup. While it sets up the first control connection, it opens the first connection for requests to
/// the same server, which is usually a node of the session.
///
/// # Errors
/// Returns the errors of all contact points if none of them does.
pub(super) async fn open_control(
    shared: &Shared,
    points: &[ContactPoint],
) -> Result<OpenedControl, ClusterError> {
    let (mut tried, mut failed) = (Vec::new(), Vec::new());
    loop {
        let (sender, events) = mpsc::channel(EVENT_QUEUE_SIZE);
        let opened = connect_any(points, &shared.settings.connector, &sender, &tried).await;
        let (connection, host) = opened.map_err(|unreachable| {
            ClusterError::from_nodes(failed.drain(..).chain(unreachable).collect())
        })?;
        let address = connection.address();
        if shared.control().is_none() {
            shared.pools.offer(open_early(shared, &connection, &host));
        }
        let set_up = set_up(shared, &connection, &host).await;
        // If the session uses the node, its pool has taken the connection.
        shared.pools.withdraw_offer();
        match set_up {
            Ok(TopologyRead { host_id, has_tables, is_ambiguous }) => {
                let (connection, is_incomplete) = (connection.into(), !has_tables || is_ambiguous);
                return Ok(OpenedControl { connection, host, host_id, is_incomplete, events });
            }
            Err(error) => {
                debug!(node = %address, error, "control connection could not be set up");
                tried.push(address);
                failed.push(FailedNode::busy(format!("{address}: {error}")));
            }
        }
    }
}

/// Starts to open a connection for requests to the server of the control connection.
fn open_early(shared: &Shared, control: &Connection, host: &str) -> EarlyConnection {
    let (connector, keyspace) = (&shared.settings.connector, shared.pools.keyspace.name().clone());
    EarlyConnection::start(connector.clone(), control.server(), host.to_owned(), keyspace)
}

/// Subscribes to the server's events, then reads the topology. A server executes the requests of one connection
/// concurrently. The read therefore starts once REGISTER is answered, so that no change after the read is missed.
///
/// # Errors
/// Returns an error if the connection fails, or if the server cannot answer.
async fn set_up(
    shared: &Shared,
    connection: &Connection,
    host: &str,
) -> Result<TopologyRead, String> {
    let reader = StateReader { shared, connection, host, host_id: Uuid::nil() };
    let both = async {
        register(shared, connection).await.map_err(|error| format!("REGISTER: {error}"))?;
        reader.read_topology().await.map_err(|error| error.to_string())
    };
    let time = shared.settings.connector.options.handshake_timeout.saturating_mul(2);
    timeout(time, both).await.map_err(|_| ReadError::Timeout.to_string())?
}

/// Subscribes to the server's events. A refusal that the server would repeat is accepted: without events,
/// the task still reads the topology every minute.
///
/// # Errors
/// Returns an error if the connection fails, or if the server may accept another attempt.
async fn register(shared: &Shared, connection: &Connection) -> Result<(), ReadError> {
    let types = [EventType::TopologyChange, EventType::StatusChange, EventType::SchemaChange];
    let register = RequestFrame::new(Stream::default(), Register::new(&types));
    let time = shared.settings.connector.options.handshake_timeout;
    let node = connection.address();
    match connection.request_limited(&register, time, MAX_BODY).await {
        Ok(ResponseFrame { response: Response::Error(error), .. }) => {
            if !is_permanent(error.code) && error.code != ErrorCode::Protocol {
                return Err(ReadError::Server(Box::new(error)));
            }
            info!(%node, %error, "events refused");
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(error) => Err(ReadError::Request(error)),
    }
}
