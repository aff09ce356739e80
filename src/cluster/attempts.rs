//! When each pool last failed to connect, and how many attempts may run at once.
//!
//! A task that waits for a connection has to know when waiting has become useless. With thousands of
//! nodes it cannot examine them all whenever an attempt fails, so the pools record their attempts
//! here, in the order in which they failed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, Notify, Semaphore, SemaphorePermit};

/// Maximum number of concurrent attempts by connections that have not failed since they were last
/// open.
const MAX_FIRST_ATTEMPTS: usize = 512;

/// Maximum number of concurrent attempts by connections whose previous attempt failed. They have
/// their own limit, so that nodes that do not answer never delay a node that is up.
const MAX_REPEATED_ATTEMPTS: usize = 128;

/// Maximum number of concurrent attempts that use the allowance of nodes that a server has just
/// reported up, so that nodes that do not answer do not delay them, unless as many of those were reported up.
const MAX_REPORTED_ATTEMPTS: usize = 128;

/// Number of failed attempts after which a wait is useless, even if not every pool has failed during
/// the wait. It matters only if this many nodes are down.
const MANY_FAILURES: u64 = 1_000;

/// The attempts to connect of all pools of a cluster.
#[derive(Debug)]
pub(super) struct Attempts {
    record: Mutex<Record>,
    /// Number of times that a pool has opened its first connection or lost its last one.
    changes: Arc<AtomicU64>,
    first: Semaphore,
    repeated: Semaphore,
    reported: Semaphore,
}

/// The kind of an attempt to connect. It selects the limit that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptKind {
    /// The connection has not failed since it was last open.
    First,
    /// The previous attempt failed.
    Repeated,
    /// A server has reported the node up since the previous attempt.
    ReportedUp,
}

/// Identifies a pool in [`Attempts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PoolId(u64);

#[derive(Debug, Default)]
struct Record {
    /// Number of failed attempts of all pools. It serves as the time at which an attempt failed.
    failures: u64,
    pools: HashMap<PoolId, PoolRecord>,
    /// Number of pools that were ever added.
    added: u64,
    /// The pools without an open connection, each with the time of its last failed attempt. The
    /// time is 0 if no attempt has failed.
    unconnected: BTreeSet<(u64, PoolId)>,
    /// The times at which the current waits began, each with the number of these waits.
    waits: BTreeMap<u64, usize>,
}

#[derive(Debug, Default, Clone, Copy)]
struct PoolRecord {
    last_failure: u64,
    is_connected: bool,
}

/// The result of recording a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordedFailure {
    /// Number of pools without an open connection.
    pub(super) unconnected: usize,
    /// True if a [`Wait`] has become useless.
    pub(super) ends_wait: bool,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            record: Mutex::default(),
            changes: Arc::default(),
            first: Semaphore::new(MAX_FIRST_ATTEMPTS),
            repeated: Semaphore::new(MAX_REPEATED_ATTEMPTS),
            reported: Semaphore::new(MAX_REPORTED_ATTEMPTS),
        }
    }
}

impl Attempts {
    /// Adds a pool that has no connection yet.
    pub(super) fn add_pool(&self) -> PoolId {
        let mut record = self.record();
        let id = PoolId(record.added);
        record.added += 1;
        record.pools.insert(id, PoolRecord::default());
        record.unconnected.insert((0, id));
        id
    }

    /// Removes a pool. Later records of this pool have no effect.
    pub(super) fn remove_pool(&self, id: PoolId) {
        let mut record = self.record();
        if let Some(pool) = record.pools.remove(&id) {
            record.unconnected.remove(&(pool.last_failure, id));
            self.changes.fetch_add(u64::from(pool.is_connected), Ordering::Release);
        }
    }

    /// Returns the number of times that a pool has opened its first connection or lost its last one.
    pub(super) const fn changes(&self) -> &Arc<AtomicU64> {
        &self.changes
    }

    /// Records whether the pool has an open connection.
    pub(super) fn set_connected(&self, id: PoolId, is_connected: bool) {
        let mut record = self.record();
        let Some(pool) = record.pools.get_mut(&id) else { return };
        let before = std::mem::replace(&mut pool.is_connected, is_connected);
        self.changes.fetch_add(u64::from(before != is_connected), Ordering::Release);
        let entry = (pool.last_failure, id);
        match is_connected {
            true => record.unconnected.remove(&entry),
            false => record.unconnected.insert(entry),
        };
    }

    /// Records that an attempt of the pool has failed.
    pub(super) fn record_failure(&self, id: PoolId) -> RecordedFailure {
        let mut record = self.record();
        let now = record.failures + 1;
        if let Some(pool) = record.pools.get_mut(&id) {
            let before = std::mem::replace(&mut pool.last_failure, now);
            if !pool.is_connected {
                record.unconnected.remove(&(before, id));
                record.unconnected.insert((now, id));
            }
            record.failures = now;
        }
        let longest_wait = record.waits.first_key_value();
        let ends_wait = longest_wait.is_some_and(|(since, _)| record.is_useless(*since));
        RecordedFailure { unconnected: record.unconnected.len(), ends_wait }
    }

    /// Begins to wait for a connection.
    pub(super) fn begin_wait(&self) -> Wait<'_> {
        let mut record = self.record();
        let since = record.failures;
        *record.waits.entry(since).or_insert(0) += 1;
        Wait { attempts: self, since }
    }

    /// Waits until an attempt may begin. If `reported_up` is notified meanwhile, the attempt becomes one
    /// to a node that was reported up. The attempt ends when the permit is dropped.
    pub(super) async fn permit(
        &self,
        kind: AttemptKind,
        reported_up: &Notify,
    ) -> Option<SemaphorePermit<'_>> {
        let allowance = match kind {
            AttemptKind::First | AttemptKind::ReportedUp => &self.first,
            AttemptKind::Repeated => &self.repeated,
        };
        let reported = async {
            if kind != AttemptKind::ReportedUp {
                reported_up.notified().await;
            }
            self.reported.acquire().await
        };
        // The semaphores are never closed, so there is always a permit.
        tokio::select! {
            biased;
            permit = allowance.acquire() => permit.ok(),
            permit = reported => permit.ok(),
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    /// Returns true if a wait since `since` is useless: each pool is connected or has failed since
    /// then, or each has failed before and [`MANY_FAILURES`] attempts have failed since then.
    fn is_useless(&self, since: u64) -> bool {
        let Some((oldest, _)) = self.unconnected.first() else { return true };
        *oldest > since || (*oldest > 0 && self.failures - since >= MANY_FAILURES)
    }
}

/// A wait for a connection. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Wait<'a> {
    attempts: &'a Attempts,
    since: u64,
}

impl Wait<'_> {
    /// Returns true if waiting longer is useless: every pool is connected, or has failed to connect
    /// since the wait began. If very many pools are not connected, a part of them is enough.
    pub(super) fn is_useless(&self) -> bool {
        self.attempts.record().is_useless(self.since)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut record = self.attempts.record();
        if let Some(waits) = record.waits.get_mut(&self.since) {
            *waits -= 1;
            if *waits == 0 {
                record.waits.remove(&self.since);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_wait_is_useless_when_each_pool_is_connected_or_has_failed_since() {
        let attempts = Attempts::default();
        let [one, two, three] = [(); 3].map(|()| attempts.add_pool());
        attempts.record_failure(one);
        let wait = attempts.begin_wait();
        attempts.set_connected(two, true);
        let failed = attempts.record_failure(three);
        assert_eq!(failed, RecordedFailure { unconnected: 2, ends_wait: false });
        assert!(!wait.is_useless());
        assert!(attempts.record_failure(one).ends_wait);
        assert!(wait.is_useless());
        // A connection that was lost since the wait began is worth waiting for.
        attempts.set_connected(two, false);
        assert!(!wait.is_useless());
        attempts.remove_pool(two);
        attempts.set_connected(two, false);
        assert!(wait.is_useless());
        drop(wait);
        assert!(!attempts.record_failure(three).ends_wait);
    }

    #[test]
    fn many_failures_make_a_wait_useless_if_no_pool_is_untried() {
        let attempts = Attempts::default();
        let pools: Vec<_> = (0..MANY_FAILURES + 1).map(|_| attempts.add_pool()).collect();
        let (last, others) = pools.split_last().unwrap();
        let fail = |pools: &[PoolId]| {
            pools.iter().fold(false, |_, pool| attempts.record_failure(*pool).ends_wait)
        };
        let wait = attempts.begin_wait();
        let removed = attempts.add_pool();
        attempts.remove_pool(removed);
        for _ in 0..MANY_FAILURES {
            attempts.record_failure(removed);
        }
        assert!(!fail(others) && !wait.is_useless());
        assert!(fail(&[*last]) && wait.is_useless());
        drop(wait);
        let wait = attempts.begin_wait();
        assert!(!fail(&others[1..]) && !wait.is_useless());
        assert!(fail(&others[1..2]) && wait.is_useless());
    }

    #[test]
    fn the_number_of_concurrent_attempts_is_limited() {
        let (attempts, silent) = (Attempts::default(), Notify::new());
        let begin = |kind| attempts.permit(kind, &silent).now_or_never().flatten();
        for (kind, count) in [
            (AttemptKind::First, MAX_FIRST_ATTEMPTS),
            (AttemptKind::Repeated, MAX_REPEATED_ATTEMPTS),
            (AttemptKind::ReportedUp, MAX_REPORTED_ATTEMPTS),
        ] {
            // Until the end, so that each kind has only its own allowance.
            let mut begun: Vec<_> = (0..count).map(|_| begin(kind).unwrap()).collect();
            assert!(begin(kind).is_none());
            begun.pop();
            begun.push(begin(kind).unwrap());
            begun.into_iter().for_each(SemaphorePermit::forget);
        }
    }

    #[test]
    fn nodes_that_are_reported_up_do_not_wait_for_nodes_that_do_not_answer() {
        let attempts = Attempts::default();
        let silent = Notify::new();
        let mut unanswered = Vec::new();
        for (kind, count) in [
            (AttemptKind::First, MAX_FIRST_ATTEMPTS),
            (AttemptKind::Repeated, MAX_REPEATED_ATTEMPTS),
        ] {
            for _ in 0..count {
                unanswered.push(attempts.permit(kind, &silent).now_or_never().flatten().unwrap());
            }
            let reported_up = Notify::new();
            let mut waiting = pin!(attempts.permit(kind, &reported_up));
            assert!(waiting.as_mut().now_or_never().is_none());
            reported_up.notify_waiters();
            assert!(waiting.now_or_never().flatten().is_some());
        }
        let reported = attempts.permit(AttemptKind::ReportedUp, &silent);
        assert!(reported.now_or_never().flatten().is_some());
    }
}
