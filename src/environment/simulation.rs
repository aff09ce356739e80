//! A simulated world, which replaces the environment of one thread.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

/// The network, the random numbers and the wall clock of a simulation.
///
/// The driver and `MockServer` use the world of the thread on which they are polled. A simulation
/// therefore runs on a tokio runtime with one thread. Timeouts follow tokio's clock, which can be
/// paused.
pub trait World {
    /// Connects to an address.
    fn connect(&self, address: SocketAddr) -> Connecting;

    /// Listens on an address. Port 0 selects a free port.
    ///
    /// # Errors
    /// Returns an error if the address is in use.
    fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn SimulatedListener>>;

    /// Returns a random number.
    fn random(&self) -> u64;

    /// Returns the capacity of a queue whose capacity is `default` outside of simulations.
    fn capacity(&self, default: usize) -> usize;

    /// Returns the time of the wall clock since 1970.
    fn time_since_1970(&self) -> Duration;
}

/// A future that opens a socket.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn SimulatedSocket>>> + Send>>;

/// A socket in memory.
pub trait SimulatedSocket: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin {
    /// Returns the address of the remote end.
    fn peer_addr(&self) -> SocketAddr;
}

/// A listener in memory.
pub trait SimulatedListener: Debug + Send + Sync {
    /// Returns the address of the listener.
    fn local_addr(&self) -> SocketAddr;

    /// Accepts the next connection.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Box<dyn SimulatedSocket>>>;
}

thread_local! {
    static WORLD: RefCell<Option<Rc<dyn World>>> = const { RefCell::new(None) };
}

/// Replaces the environment of this thread until the guard is dropped.
#[must_use = "the world ends when the guard is dropped"]
pub fn enter(world: Rc<dyn World>) -> Entered {
    Entered { previous: WORLD.replace(Some(world)) }
}

/// A guard that restores the environment of the thread when it is dropped.
pub struct Entered {
    previous: Option<Rc<dyn World>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        WORLD.set(self.previous.take());
    }
}

/// Calls a function with the world of this thread. Returns `None` if there is none.
pub(super) fn with_world<T>(f: impl FnOnce(&dyn World) -> T) -> Option<T> {
    let world = WORLD.with_borrow(Clone::clone)?;
    Some(f(&*world))
}

/// The random numbers of this thread.
#[cfg(feature = "driver")]
pub(crate) enum Random {
    System(rand::rngs::ThreadRng),
    World(Rc<dyn World>),
}

#[cfg(feature = "driver")]
impl Random {
    pub(super) fn current() -> Self {
        let world = WORLD.with_borrow(Clone::clone);
        world.map_or_else(|| Self::System(rand::rng()), Self::World)
    }
}

#[cfg(feature = "driver")]
impl rand::TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        // The upper half of the number.
        self.try_next_u64().map(|number| u32::try_from(number >> 32).unwrap_or_default())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        match self {
            Self::System(rng) => rng.try_next_u64(),
            Self::World(world) => Ok(world.random()),
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let number = self.try_next_u64()?.to_le_bytes();
            chunk.iter_mut().zip(number).for_each(|(byte, random)| *byte = random);
        }
        Ok(())
    }
}
