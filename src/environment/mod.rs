//! The sockets, the random numbers and the wall clock of the driver and of `MockServer`: those of the
//! system, unless a simulator replaces them.

#[cfg(feature = "simulation")]
pub mod simulation;
mod socket;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(feature = "testing")]
pub(crate) use socket::Listener;
pub(crate) use socket::Socket;

/// Returns the generator of random numbers of this thread.
#[cfg(all(feature = "driver", not(feature = "simulation")))]
pub(crate) fn random() -> rand::rngs::ThreadRng {
    rand::rng()
}

/// Returns the generator of random numbers of this thread.
#[cfg(all(feature = "driver", feature = "simulation"))]
pub(crate) fn random() -> simulation::Random {
    simulation::Random::current()
}

/// Returns the capacity of a queue: `default`, unless a simulation makes it smaller, so that the queue is
/// full at times.
#[cfg(feature = "driver")]
pub(crate) fn capacity(default: usize) -> usize {
    #[cfg(feature = "simulation")]
    if let Some(capacity) = simulation::with_world(|world| world.capacity(default)) {
        return capacity;
    }
    default
}

/// Returns a number that differs in each process and at each call.
#[cfg(feature = "testing")]
pub(crate) fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};

    #[cfg(feature = "simulation")]
    if let Some(number) = simulation::with_world(|world| world.random()) {
        return number;
    }
    RandomState::new().hash_one(time_since_1970())
}

/// Returns the time since 1970 of the wall clock. A clock before 1970 reads as 1970.
pub(crate) fn time_since_1970() -> Duration {
    #[cfg(feature = "simulation")]
    if let Some(time) = simulation::with_world(|world| world.time_since_1970()) {
        return time;
    }
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
