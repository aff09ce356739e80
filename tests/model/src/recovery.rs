//! What must be true after the last fault: the session answers, and nothing stays in use.

use std::time::Duration;

use cqlwire::session::Session;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{tables::Tables, tally::Tally, violation::Violation};

/// Interval between checks of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A key that no worker writes.
const KEY: i64 = -2;

/// Waits until the session answers a read. Call this after the last fault. Returns the time that it
/// took, or `None` if it took longer than `bound`, which counts as [`Violation::NotRecovered`].
pub async fn recover(
    session: &Session,
    tables: &Tables,
    bound: Duration,
    tally: &mut Tally,
) -> Option<Duration> {
    let begin = Instant::now();
    let mut last = "no request ended".to_owned();
    while let Ok(result) = timeout_at(begin + bound, session.execute(&tables.read, (KEY,))).await {
        match result {
            Ok(_) => return Some(begin.elapsed()),
            Err(error) => {
                tally.check_error(&error);
                last = error.to_string();
            }
        }
        if begin.elapsed() >= bound {
            break;
        }
        sleep(POLL_INTERVAL).await;
    }
    tally.violation(Violation::NotRecovered, || format!("no answer within {bound:?}: {last}"));
    None
}

/// Waits until nothing of a session is in use: no request is in flight or waits for the throttle, and
/// each of the `counts` that the caller adds is zero. Call this when all requests have ended. Each value
/// that is not zero after `bound` counts as [`Violation::NotReturned`].
///
/// Stream ids of requests that were cancelled stay in use until the server answers them. A caller whose
/// servers answer all requests can add them to the `counts`: see `NodeMetrics::orphaned_streams`.
pub async fn settle(
    session: &Session,
    counts: &[(&str, &(dyn Fn() -> usize + Sync))],
    bound: Duration,
    tally: &mut Tally,
) {
    let begin = Instant::now();
    let in_use = || {
        let metrics = session.metrics();
        let own = [("in flight", metrics.in_flight), ("throttled", metrics.throttling_queue)];
        let values = own.into_iter().chain(counts.iter().map(|(name, count)| (*name, count())));
        values.filter(|(_, count)| *count > 0).collect::<Vec<_>>()
    };
    while !in_use().is_empty() && begin.elapsed() < bound {
        sleep(POLL_INTERVAL).await;
    }
    for (name, count) in in_use() {
        tally.violation(Violation::NotReturned, || format!("{name}: {count} after {bound:?}"));
    }
}
