//! Explorations: tests that run many times, each time with other switches between their tasks.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::{env, thread};

use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// Number of schedules of one kind, if the environment variable [`SCHEDULES`] is not set.
const DEFAULT_SCHEDULES: usize = 500;

/// The environment variable with the number of schedules of one kind.
const SCHEDULES: &str = "CQLWIRE_SCHEDULES";

/// Number of preemptions in a schedule of the second kind, at places chosen at random.
const PREEMPTIONS: usize = 3;

/// The seed of the schedules. It is fixed, so that a failure comes from the change under test.
const SEED: u64 = 1;

/// Stack of a task. The futures of an unoptimized build are large.
const STACK_SIZE: usize = 512 << 10;

/// Runs `test` under [`DEFAULT_SCHEDULES`] schedules that choose the next task at random at each
/// scheduling point, and under as many that run the task with the highest of random priorities, except for a
/// few changes of priority. The first find faults that need many switches; the second, faults that
/// need few switches at the right places.
pub(crate) fn explore(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let schedules = env::var(SCHEDULES).map_or(DEFAULT_SCHEDULES, |number| {
        number.parse().unwrap_or_else(|_| panic!("{SCHEDULES} is not a number: {number}"))
    });
    let again = Arc::clone(&test);
    run("random", RandomScheduler::new_from_seed(SEED, schedules), move || again());
    run("priority", PctScheduler::new_from_seed(SEED, PREEMPTIONS, schedules), move || test());
}

/// Runs `test` under all schedules. For tests of two tasks with few scheduling points.
pub(crate) fn explore_all(test: impl Fn() + Send + Sync + 'static) {
    run("exhaustive", DfsScheduler::new(None, false), test);
}

/// Returns a random number below `bound`, which a schedule repeats when it is replayed.
pub(crate) fn random_below(bound: usize) -> usize {
    shuttle::rand::Rng::gen_range(&mut shuttle::rand::thread_rng(), 0..bound)
}

/// Polls `future` until it is ready, or `polls` times, at times that shuttle chooses. Returns `None`,
/// and drops the future, if it is still pending then.
pub(crate) async fn poll_at_most<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let (mut future, mut polled) = (Box::pin(future), 0);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        // Only the wakes of the future poll it again.
        Poll::Pending if polls == usize::MAX => Poll::Pending,
        Poll::Pending => {
            polled += 1;
            cx.waker().wake_by_ref();
            if polled > polls { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

/// Counts the schedules, and prints their number if an exploration fails.
struct Count(&'static str, Arc<AtomicUsize>);

impl Drop for Count {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("failed in {} schedule {}", self.0, self.1.load(Ordering::Relaxed));
        }
    }
}

fn run(
    kind: &'static str,
    scheduler: impl Scheduler + 'static,
    test: impl Fn() + Send + Sync + 'static,
) {
    let mut config = Config::new();
    config.silence_warnings = true;
    config.stack_size = STACK_SIZE;
    let count = Count(kind, Arc::default());
    let counted = Arc::clone(&count.1);
    let schedules = Runner::new(scheduler, config).run(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        test();
    });
    if env::var_os(SCHEDULES).is_some() {
        println!("{schedules} schedules of kind {kind}");
    }
}
