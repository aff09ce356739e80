//! The world of one simulation: its network, its random numbers and its wall clock.

use std::{
    cell::RefCell,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use cqlwire::simulation::{Connecting, SimulatedListener, World};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use tokio::time::Instant;

use crate::{network::Network, schedule::Schedule};

/// The time since 1970 at which each simulation begins.
const BEGIN: Duration = Duration::from_secs(1_800_000_000);

/// The world of one simulation.
pub(crate) struct SimulatedWorld {
    network: Network,
    random: RefCell<SmallRng>,
    clock: WallClock,
    /// The capacity of each queue, if it is small.
    capacity: Option<usize>,
}

/// The wall clock, which can jump. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct WallClock {
    begin: Instant,
    /// Difference to tokio's clock, in microseconds.
    offset: Arc<AtomicI64>,
}

impl SimulatedWorld {
    /// Creates the world of a schedule.
    pub(crate) fn new(network: Network, clock: WallClock, schedule: &Schedule) -> Self {
        let random = RefCell::new(SmallRng::seed_from_u64(schedule.seed));
        Self { network, random, clock, capacity: schedule.settings.capacity }
    }
}

impl WallClock {
    /// Creates a clock. Call this on the runtime of the simulation.
    pub(crate) fn new() -> Self {
        Self { begin: Instant::now(), offset: Arc::default() }
    }

    /// Moves the clock by this number of microseconds, forwards or backwards.
    pub(crate) fn jump(&self, micros: i64) {
        self.offset.fetch_add(micros, Ordering::Relaxed);
    }

    fn time_since_1970(&self) -> Duration {
        let now = BEGIN + self.begin.elapsed();
        let offset = self.offset.load(Ordering::Relaxed);
        let size = Duration::from_micros(offset.unsigned_abs());
        if offset < 0 { now.saturating_sub(size) } else { now + size }
    }
}

impl World for SimulatedWorld {
    fn connect(&self, address: SocketAddr) -> Connecting {
        self.network.connect(address)
    }

    fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn SimulatedListener>> {
        self.network.listen(address)
    }

    fn random(&self) -> u64 {
        self.random.borrow_mut().next_u64()
    }

    fn capacity(&self, default: usize) -> usize {
        self.capacity.unwrap_or(default)
    }

    fn time_since_1970(&self) -> Duration {
        self.clock.time_since_1970()
    }
}
