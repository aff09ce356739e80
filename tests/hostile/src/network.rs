//! A network in memory. A tap sees, and may change, the bytes of each connection of the session under test.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use cqlwire::simulation::{Connecting, SimulatedListener, SimulatedSocket, World};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use tokio::{
    io::duplex,
    time::{Instant, sleep},
};

use crate::{lie::Lie, socket::Socket, tap::Tap};

/// Number of bytes that one direction of a socket buffers.
const BUFFER: usize = 16 << 10;

/// The port of all nodes.
const PORT: u16 = 9_042;

/// The time since 1970 at which each run begins.
const BEGIN: Duration = Duration::from_secs(1_800_000_000);

/// The network of one run. Clones share their state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    listeners: BTreeMap<SocketAddr, Backlog>,
    connections: u16,
    /// The peer's lie. `None` if new connections have no tap.
    lie: Option<Lie>,
}

/// The connections that a listener has not accepted yet.
#[derive(Debug, Default)]
struct Backlog {
    sockets: VecDeque<Socket>,
    waker: Option<Waker>,
}

impl Network {
    /// Taps the connections that are opened from now on, or ends this.
    pub(crate) fn tap(&self, lie: Option<Lie>) {
        self.state().lie = lie;
    }

    fn connect(&self, address: SocketAddr) -> io::Result<Socket> {
        let mut state = self.state();
        state.connections += 1;
        let number = state.connections;
        let tap = state.lie.as_ref().map(|lie| Tap::new(number, lie.clone()));
        let backlog = state.listeners.get_mut(&address).ok_or(io::ErrorKind::ConnectionRefused)?;
        let (client, server) = duplex(BUFFER);
        let client_address = SocketAddr::from(([127, 0, 0, 99], 10_000 + number));
        backlog.sockets.push_back(Socket::new(server, client_address, None));
        if let Some(waker) = backlog.waker.take() {
            waker.wake();
        }
        Ok(Socket::new(client, address, tap))
    }

    fn listen(&self, mut address: SocketAddr) -> io::Result<Box<dyn SimulatedListener>> {
        if address.port() == 0 {
            address.set_port(PORT);
        }
        let mut state = self.state();
        if state.listeners.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        state.listeners.insert(address, Backlog::default());
        drop(state);
        Ok(Box::new(Listener { network: self.clone(), address }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener of a node. Connections are refused when it is dropped.
#[derive(Debug)]
struct Listener {
    network: Network,
    address: SocketAddr,
}

impl SimulatedListener for Listener {
    fn local_addr(&self) -> SocketAddr {
        self.address
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Box<dyn SimulatedSocket>>> {
        let mut state = self.network.state();
        let backlog = state.listeners.entry(self.address).or_default();
        match backlog.sockets.pop_front() {
            Some(socket) => Poll::Ready(Ok(Box::new(socket))),
            None => {
                backlog.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The sockets that were not accepted are closed after the lock is released.
        let _backlog = self.network.state().listeners.remove(&self.address);
    }
}

/// The world of one run. All runs have the same random numbers.
pub(crate) struct HostileWorld {
    network: Network,
    random: RefCell<SmallRng>,
    begin: Instant,
}

impl HostileWorld {
    /// Creates a world. Call this on the runtime of the run.
    pub(crate) fn new(network: Network) -> Self {
        let random = RefCell::new(SmallRng::seed_from_u64(0));
        Self { network, random, begin: Instant::now() }
    }
}

impl World for HostileWorld {
    fn connect(&self, address: SocketAddr) -> Connecting {
        let network = self.network.clone();
        Box::pin(async move {
            // A round trip of TCP.
            sleep(Duration::from_millis(1)).await;
            let socket = network.connect(address)?;
            Ok(Box::new(socket) as Box<dyn SimulatedSocket>)
        })
    }

    fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn SimulatedListener>> {
        self.network.listen(address)
    }

    fn random(&self) -> u64 {
        self.random.borrow_mut().next_u64()
    }

    fn capacity(&self, default: usize) -> usize {
        default
    }

    fn time_since_1970(&self) -> Duration {
        BEGIN + self.begin.elapsed()
    }
}
