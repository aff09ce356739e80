//! A network in memory. A tap sees, and may change, the bytes of each connection of the session under test.

use std::{
    cell::RefCell,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cqlwire::simulation::{Connecting, SimulatedListener, SimulatedSocket, World};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use tokio::{
    io::duplex,
    time::{Instant, sleep},
};

use crate::{backlogs::Backlogs, lie::Lie, socket::Socket, tap::Tap};

/// Number of bytes that one direction of a socket buffers.
const BUFFER: usize = 16 << 10;

/// The time since 1970 at which each run begins.
const BEGIN: Duration = Duration::from_secs(1_800_000_000);

/// The network of one run. Clones share their state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    backlogs: Backlogs,
    connections: u16,
    /// The peer's lie. `None` if new connections have no tap.
    lie: Option<Lie>,
}

impl Network {
    /// Taps the connections that are opened from now on, or ends this.
    pub(crate) fn tap(&self, lie: Option<Lie>) {
        self.state().lie = lie;
    }

    fn connect(&self, address: SocketAddr) -> io::Result<Socket> {
        let mut state = self.state();
        state.backlogs.check(address)?;
        state.connections += 1;
        let number = state.connections;
        let tap = state.lie.as_ref().map(|lie| Tap::new(number, lie.clone()));
        let (client, server) = duplex(BUFFER);
        let client_address = SocketAddr::from(([127, 0, 0, 99], 10_000 + number));
        state.backlogs.offer(address, Socket::new(server, client_address, None))?;
        Ok(Socket::new(client, address, tap))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.network.state().backlogs.listen(address)
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
