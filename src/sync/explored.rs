//! Locks, atomics and notifications whose operations are scheduling points of shuttle.
//!
//! Outside of an exploration they behave as the types that they stand for, so that the same build of
//! the crate serves all unit tests. A lock has a second lock of shuttle, because shuttle has to know
//! which tasks wait for it. All other operations are those of the standard library and of tokio, each
//! one step of an exploration with a scheduling point before it.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError};
use std::time::Duration;

use tokio::sync::futures::Notified;
use tokio::sync::{AcquireError, TryAcquireError};

/// Returns true if shuttle runs the calling task.
fn is_exploring() -> bool {
    shuttle::current::try_get_current_task().is_some()
}

/// Lets shuttle switch to another task. Does nothing outside of an exploration.
fn scheduling_point() {
    if is_exploring() && !std::thread::panicking() {
        shuttle::sync::atomic::AtomicBool::new(false).load(std::sync::atomic::Ordering::SeqCst);
    }
}

fn ignore_poison<T>(result: LockResult<T>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

/// A mutual exclusion lock. It is never poisoned.
#[derive(Default)]
pub(crate) struct Mutex<T> {
    explored: shuttle::sync::Mutex<()>,
    inner: std::sync::Mutex<T>,
}

pub(crate) struct MutexGuard<'a, T> {
    lock: &'a Mutex<T>,
    // Dropped first, so that the task that shuttle runs next finds the lock free.
    inner: Option<std::sync::MutexGuard<'a, T>>,
    explored: Option<shuttle::sync::MutexGuard<'a, ()>>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { explored: shuttle::sync::Mutex::new(()), inner: std::sync::Mutex::new(value) }
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let explored = is_exploring().then(|| ignore_poison(self.explored.lock()));
        Ok(self.guard(explored))
    }

    fn guard<'a>(
        &'a self,
        explored: Option<shuttle::sync::MutexGuard<'a, ()>>,
    ) -> MutexGuard<'a, T> {
        MutexGuard { lock: self, inner: Some(ignore_poison(self.inner.lock())), explored }
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_ref().expect("a guard holds the lock until it is dropped")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("a guard holds the lock until it is dropped")
    }
}

/// A condition variable. In an exploration, a wait with a timeout ends only when it is notified, so that
/// a notification that is missing is found.
#[derive(Debug, Default)]
pub(crate) struct Condvar {
    explored: shuttle::sync::Condvar,
    inner: std::sync::Condvar,
}

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self { explored: shuttle::sync::Condvar::new(), inner: std::sync::Condvar::new() }
    }

    pub(crate) fn notify_one(&self) {
        match is_exploring() {
            true => self.explored.notify_one(),
            false => self.inner.notify_one(),
        }
    }

    pub(crate) fn wait<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
    ) -> LockResult<MutexGuard<'a, T>> {
        let (lock, inner) = (guard.lock, guard.inner.take());
        match guard.explored.take() {
            Some(explored) => {
                drop(inner);
                Ok(lock.guard(Some(ignore_poison(self.explored.wait(explored)))))
            }
            None => {
                let inner = inner.map(|inner| ignore_poison(self.inner.wait(inner)));
                Ok(MutexGuard { lock, inner, explored: None })
            }
        }
    }

    pub(crate) fn wait_timeout<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        let (lock, inner) = (guard.lock, guard.inner.take());
        match guard.explored.take() {
            Some(explored) => {
                drop(inner);
                Ok((lock.guard(Some(ignore_poison(self.explored.wait(explored)))), ()))
            }
            None => {
                let wait = |inner| ignore_poison(self.inner.wait_timeout(inner, timeout)).0;
                Ok((MutexGuard { lock, inner: inner.map(wait), explored: None }, ()))
            }
        }
    }
}

/// A lock for one writer or many readers. It is never poisoned.
#[derive(Default)]
pub(crate) struct RwLock<T> {
    explored: shuttle::sync::RwLock<()>,
    inner: std::sync::RwLock<T>,
}

pub(crate) struct ReadGuard<'a, T> {
    // Dropped first, as in `MutexGuard`.
    inner: std::sync::RwLockReadGuard<'a, T>,
    _explored: Option<shuttle::sync::RwLockReadGuard<'a, ()>>,
}

pub(crate) struct WriteGuard<'a, T> {
    // Dropped first, as in `MutexGuard`.
    inner: std::sync::RwLockWriteGuard<'a, T>,
    _explored: Option<shuttle::sync::RwLockWriteGuard<'a, ()>>,
}

impl<T> RwLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { explored: shuttle::sync::RwLock::new(()), inner: std::sync::RwLock::new(value) }
    }

    pub(crate) fn read(&self) -> LockResult<ReadGuard<'_, T>> {
        let explored = is_exploring().then(|| ignore_poison(self.explored.read()));
        Ok(ReadGuard { inner: ignore_poison(self.inner.read()), _explored: explored })
    }

    pub(crate) fn write(&self) -> LockResult<WriteGuard<'_, T>> {
        let explored = is_exploring().then(|| ignore_poison(self.explored.write()));
        Ok(WriteGuard { inner: ignore_poison(self.inner.write()), _explored: explored })
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

/// A value that is set at most once.
#[derive(Debug)]
pub(crate) struct OnceLock<T>(std::sync::OnceLock<T>);

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> OnceLock<T> {
    pub(crate) const fn new() -> Self {
        Self(std::sync::OnceLock::new())
    }

    pub(crate) fn get(&self) -> Option<&T> {
        scheduling_point();
        self.0.get()
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        scheduling_point();
        self.0.set(value)
    }

    /// Returns the value. Sets it first if there is none. `init` must not contain scheduling points.
    pub(crate) fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        scheduling_point();
        self.0.get_or_init(init)
    }
}

/// A notification of waiting tasks.
#[derive(Debug, Default)]
pub(crate) struct Notify(tokio::sync::Notify);

impl Notify {
    pub(crate) const fn new() -> Self {
        Self(tokio::sync::Notify::const_new())
    }

    pub(crate) fn notified(&self) -> Notified<'_> {
        scheduling_point();
        self.0.notified()
    }

    pub(crate) fn notify_one(&self) {
        scheduling_point();
        self.0.notify_one();
    }

    pub(crate) fn notify_waiters(&self) {
        scheduling_point();
        self.0.notify_waiters();
    }
}

/// A semaphore for tasks.
#[derive(Debug)]
pub(crate) struct Semaphore(tokio::sync::Semaphore);

/// A permit of a [`Semaphore`], which is returned when this is dropped.
#[derive(Debug)]
pub(crate) struct SemaphorePermit<'a>(Option<tokio::sync::SemaphorePermit<'a>>);

impl Semaphore {
    pub(crate) const MAX_PERMITS: usize = tokio::sync::Semaphore::MAX_PERMITS;

    pub(crate) fn new(permits: usize) -> Self {
        Self(tokio::sync::Semaphore::new(permits))
    }

    pub(crate) fn available_permits(&self) -> usize {
        scheduling_point();
        self.0.available_permits()
    }

    pub(crate) fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        scheduling_point();
        self.0.try_acquire().map(|permit| SemaphorePermit(Some(permit)))
    }

    pub(crate) async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        scheduling_point();
        self.0.acquire().await.map(|permit| SemaphorePermit(Some(permit)))
    }

    pub(crate) fn add_permits(&self, count: usize) {
        scheduling_point();
        self.0.add_permits(count);
    }

    pub(crate) fn forget_permits(&self, count: usize) -> usize {
        scheduling_point();
        self.0.forget_permits(count)
    }

    pub(crate) fn close(&self) {
        scheduling_point();
        self.0.close();
    }
}

impl SemaphorePermit<'_> {
    pub(crate) fn forget(mut self) {
        if let Some(permit) = self.0.take() {
            permit.forget();
        }
    }
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        if self.0.is_some() {
            scheduling_point();
        }
    }
}

/// Atomic integers and flags. As shuttle does, an exploration executes all operations in one order,
/// whatever their orderings.
pub(crate) mod atomic {
    use super::scheduling_point;

    pub(crate) use std::sync::atomic::Ordering;

    macro_rules! atomic {
        ($name:ident, $value:ty, { $($method:ident($($argument:ident: $type:ty),*) -> $result:ty;)* }) => {
            #[derive(Debug, Default)]
            pub(crate) struct $name(std::sync::atomic::$name);

            #[allow(dead_code, reason = "no type needs all operations")]
            impl $name {
                pub(crate) const fn new(value: $value) -> Self {
                    Self(std::sync::atomic::$name::new(value))
                }

                pub(crate) fn load(&self, ordering: Ordering) -> $value {
                    scheduling_point();
                    self.0.load(ordering)
                }

                pub(crate) fn store(&self, value: $value, ordering: Ordering) {
                    scheduling_point();
                    self.0.store(value, ordering);
                }

                pub(crate) fn swap(&self, value: $value, ordering: Ordering) -> $value {
                    scheduling_point();
                    self.0.swap(value, ordering)
                }

                $(pub(crate) fn $method(&self, $($argument: $type),*) -> $result {
                    scheduling_point();
                    self.0.$method($($argument),*)
                })*
            }
        };
    }

    macro_rules! integer {
        ($name:ident, $value:ty) => {
            atomic!($name, $value, {
                fetch_add(value: $value, ordering: Ordering) -> $value;
                fetch_sub(value: $value, ordering: Ordering) -> $value;
                fetch_or(value: $value, ordering: Ordering) -> $value;
                fetch_max(value: $value, ordering: Ordering) -> $value;
                fetch_min(value: $value, ordering: Ordering) -> $value;
                fetch_update(
                    success: Ordering,
                    failure: Ordering,
                    update: impl FnMut($value) -> Option<$value>
                ) -> Result<$value, $value>;
                compare_exchange(
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering
                ) -> Result<$value, $value>;
            });
        };
    }

    integer!(AtomicI64, i64);
    integer!(AtomicU64, u64);
    integer!(AtomicUsize, usize);
    atomic!(AtomicBool, bool, {
        fetch_or(value: bool, ordering: Ordering) -> bool;
    });
}
