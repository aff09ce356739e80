//! A network in memory, in which connections have faults and nodes can be frozen or unreachable.

use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cqlwire::simulation::{Connecting, SimulatedListener, SimulatedSocket};
use cqlwire_faults::{Applied, End, Plan, Switch, forward, links};
use tokio::{io::duplex, time::sleep};

use crate::{
    backlogs::Backlogs,
    history::History,
    node::NodeState,
    socket::{Reset, Socket},
};

/// Number of bytes that one direction of a socket buffers.
const BUFFER: usize = 16 << 10;

/// The network of one simulation. Clones share their state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    backlogs: Backlogs,
    nodes: BTreeMap<SocketAddr, NodeState>,
    /// The plans of the next connections.
    plans: VecDeque<Plan>,
    connections: u16,
    switch: Switch,
    applied: Applied,
    history: History,
}

impl Network {
    /// Sets the faults of the next connections, in the order in which they are opened. Later connections
    /// have none.
    pub(crate) fn plan(&self, plans: impl IntoIterator<Item = Plan>) {
        self.state().plans = plans.into_iter().collect();
    }

    /// Ends all faults of connections, and removes those of later connections.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        state.switch.stop();
        state.plans.clear();
        for node in state.nodes.values() {
            node.set_frozen(false);
            node.set_unreachable(false);
        }
    }

    /// Returns the state of the node with this address.
    pub(crate) fn node(&self, address: SocketAddr) -> NodeState {
        self.state().nodes.entry(address).or_default().clone()
    }

    /// Returns the record of the faults that were applied to connections.
    pub(crate) fn applied(&self) -> Applied {
        self.state().applied.clone()
    }

    /// Returns the record of all bytes that nodes have sent and received.
    pub(crate) fn history(&self) -> History {
        self.state().history.clone()
    }

    /// Opens a connection to an address.
    pub(crate) fn connect(&self, address: SocketAddr) -> Connecting {
        let network = self.clone();
        Box::pin(async move {
            // A round trip of TCP.
            sleep(Duration::from_millis(1)).await;
            if network.node(address).is_unreachable() {
                // The caller gives up when its timeout passes.
                pending::<()>().await;
            }
            let socket = network.state().connect(address)?;
            Ok(Box::new(socket) as Box<dyn SimulatedSocket>)
        })
    }

    /// Listens on an address.
    pub(crate) fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn SimulatedListener>> {
        self.state().backlogs.listen(address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Opens a connection, and returns the client's socket.
    fn connect(&mut self, address: SocketAddr) -> io::Result<Socket> {
        self.backlogs.check(address)?;
        self.connections += 1;
        let client_address = SocketAddr::from(([127, 0, 0, 99], 10_000 + self.connections));
        let node = self.nodes.entry(address).or_default().clone();
        let plan = self.plans.pop_front().unwrap_or_default();
        let links = links(plan, false, &self.switch, &self.applied);

        let (client, from_client) = duplex(BUFFER);
        let (from_server, server) = duplex(BUFFER);
        let reset = Reset::default();
        let client = Socket::of_client(client, address, &reset);
        let record = self.history.connection(self.connections);
        let server = Socket::of_server(server, client_address, &reset, node, record);
        tokio::spawn(async move {
            if let End::Reset | End::Failed(_) = forward(from_client, from_server, links).await {
                reset.reset();
            }
        });
        self.backlogs.offer(address, server)?;
        Ok(client)
    }
}
