//! The locks, atomics and notifications that the tasks and handles of the driver share.
//!
//! These are the types of the standard library and of tokio. Only in the unit tests of this crate, they
//! are the types of `explored`, at which shuttle, a checker of interleavings, can switch to another task.

#[cfg(not(test))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, RwLock};

#[cfg(not(test))]
pub(crate) use tokio::sync::{Notify, Semaphore, SemaphorePermit};

/// The atomic integers and flags.
#[cfg(not(test))]
pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
}

#[cfg(test)]
mod explored;
#[cfg(test)]
mod schedules;

#[cfg(test)]
pub(crate) use explored::{
    Condvar, Mutex, MutexGuard, Notify, OnceLock, RwLock, Semaphore, SemaphorePermit, atomic,
};
#[cfg(test)]
pub(crate) use schedules::{explore, explore_all, poll_at_most, random_below};
