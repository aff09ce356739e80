//! The connections of one node.
//!
//! Each has a task that opens it, waits until it has ended, and opens it again. Requests only take
//! what is open.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::{debug, info};

use super::backoff::Backoff;
use super::counters::NodeCounters;
use super::open::use_keyspace;
use super::shared::Shared;
use super::{NodeError, NodeInfo};
use crate::connection::{Connection, ConnectionError};

/// The connections of one node. They are closed when the pool is dropped and their requests are
/// answered.
#[derive(Debug)]
pub(super) struct Pool {
    slots: Arc<Slots>,
    tasks: Vec<AbortHandle>,
}

/// A place for each connection.
#[derive(Debug)]
struct Slots {
    address: SocketAddr,
    host: Option<String>,
    counters: Arc<NodeCounters>,
    connections: Box<[RwLock<Option<Arc<Connection>>>]>,
    next: AtomicUsize,
    /// How many of them are open.
    open: AtomicUsize,
    /// Whether the pool has been closed. Held by who changes what is open.
    is_closed: Mutex<bool>,
    /// How many tries to connect have failed.
    failures: AtomicU64,
    last_failure: Mutex<Option<NodeError>>,
    /// Told when somebody has heard that the node is up.
    wake: Notify,
}

impl Pool {
    /// Begins to open `size` connections.
    pub(super) fn open(
        node: &NodeInfo,
        size: usize,
        counters: &Arc<NodeCounters>,
        shared: &Arc<Shared>,
    ) -> Self {
        let slots = Arc::new(Slots {
            address: node.address,
            host: node.host.clone(),
            counters: Arc::clone(counters),
            connections: (0..size).map(|_| RwLock::default()).collect(),
            next: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            is_closed: Mutex::default(),
            failures: AtomicU64::new(0),
            last_failure: Mutex::default(),
            wake: Notify::new(),
        });
        let task = |index| {
            let (slots, shared) = (Arc::clone(&slots), Arc::clone(shared));
            tokio::spawn(async move { slots.keep_connected(index, &shared).await }).abort_handle()
        };
        Self { tasks: (0..size).map(task).collect(), slots }
    }

    /// A connection that is open; of several, each in its turn.
    #[inline]
    pub(super) fn connection(&self) -> Option<Arc<Connection>> {
        let connections = &self.slots.connections;
        let first = match connections.len() {
            0 | 1 => 0,
            count => self.slots.next.fetch_add(1, Ordering::Relaxed) % count,
        };
        let (before, from) = connections.split_at_checked(first)?;
        from.iter().chain(before).find_map(open)
    }

    /// How many connections are open.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.slots.open.load(Ordering::Acquire)
    }

    /// Every connection that is open.
    pub(super) fn connections(&self) -> impl Iterator<Item = Arc<Connection>> {
        self.slots.connections.iter().filter_map(open)
    }

    /// How many tries to connect have failed.
    pub(super) fn failures(&self) -> u64 {
        self.slots.failures.load(Ordering::Acquire)
    }

    /// Why the last try failed; `None` since one has not.
    pub(super) fn last_failure(&self) -> Option<NodeError> {
        self.slots.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tries again now, where a pause would be made: the node is said to be up.
    pub(super) fn reconnect_now(&self) {
        self.slots.wake.notify_waiters();
    }
}

impl Pool {
    /// Opens no connections any more, and lets go of those that are open: they end when their
    /// requests are answered.
    pub(super) fn close(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        let mut is_closed = self.slots.is_closed.lock().unwrap_or_else(PoisonError::into_inner);
        *is_closed = true;
        for slot in &self.slots.connections {
            let connection = slot.write().unwrap_or_else(PoisonError::into_inner).take();
            connection
                .iter()
                .for_each(|open| self.slots.counters.record_closed_connection(open.traffic()));
        }
        self.slots.open.store(0, Ordering::Release);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
    }
}

fn open(slot: &RwLock<Option<Arc<Connection>>>) -> Option<Arc<Connection>> {
    let slot = slot.read().unwrap_or_else(PoisonError::into_inner);
    slot.as_ref().filter(|connection| connection.close_reason().is_none()).cloned()
}

impl Slots {
    async fn keep_connected(&self, index: usize, shared: &Shared) {
        let mut backoff = Backoff::new(shared.settings.reconnect);
        loop {
            let pause = tokio::time::sleep(backoff.pause());
            tokio::select! {
                () = pause => {}
                () = self.wake.notified() => {}
            }
            match self.open(index, shared).await {
                Ok(connection) => {
                    let begin = Instant::now();
                    shared.notify_changed();
                    let why = connection.wait_closed().await;
                    info!(address = %self.address, %why, "a connection has ended");
                    self.counters.record_closed_connection(connection.traffic());
                    self.set(index, None);
                    let ended = ConnectionError { address: self.address, reason: why };
                    self.set_failure(Some(NodeError::Connection(ended)));
                    backoff.lived(begin.elapsed());
                }
                Err(failure) => {
                    debug!(address = %self.address, %failure, "not connected");
                    match failure.is_authentication() {
                        true => self.counters.auth_errors.add(),
                        false => self.counters.init_errors.add(),
                    }
                    self.set_failure(Some(failure));
                    self.failures.fetch_add(1, Ordering::Release);
                }
            }
            shared.notify_changed();
        }
    }

    /// Opens a connection, and has it use the keyspace that the others use.
    async fn open(&self, index: usize, shared: &Shared) -> Result<Arc<Connection>, NodeError> {
        let connector = &shared.settings.connector;
        let connection = connector.connect(self.address, self.host.as_deref()).await;
        let connection = Arc::new(connection.map_err(NodeError::Connection)?);
        let mut used = None;
        loop {
            // The keyspace may be another one when the answer comes.
            let keyspace = {
                let keyspace = shared.keyspace();
                if *keyspace == used {
                    self.set_failure(None);
                    self.set(index, Some(&connection));
                    return Ok(connection);
                }
                keyspace.clone()
            };
            if let Some(keyspace) = &keyspace {
                use_keyspace(&connection, keyspace, connector.options.handshake_timeout).await?;
            }
            used = keyspace;
        }
    }

    fn set(&self, index: usize, connection: Option<&Arc<Connection>>) {
        let is_closed = self.is_closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = self.connections.get(index) {
            let connection = connection.filter(|_| !*is_closed).cloned();
            *slot.write().unwrap_or_else(PoisonError::into_inner) = connection;
        }
        let open = self.connections.iter().filter_map(open).count();
        self.open.store(open, Ordering::Release);
    }

    fn set_failure(&self, failure: Option<NodeError>) {
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}
