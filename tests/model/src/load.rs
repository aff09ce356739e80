//! Workers that run concurrently, each in a task of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cqlwire::session::{Error, Session};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    outcome::{Kind, Outcome},
    tables::Tables,
    worker::Worker,
};

/// Time within which each register must be created.
const REGISTER_WAIT: Duration = Duration::from_secs(60);

/// The requests of a load.
#[derive(Clone, Debug)]
pub struct Mix {
    /// The kinds of requests. The workers are divided evenly among the lists. Each worker sends the
    /// kinds of its list in turn.
    pub kinds: Vec<Vec<Kind>>,
    /// Number of workers, which send requests concurrently.
    pub workers: u32,
    /// Requests per second of all workers together, or `None` for as many as possible.
    pub rate: Option<u32>,
    /// Number of requests, or `None` for a load that runs until it is stopped.
    pub requests: Option<u64>,
}

/// A receiver of the results of a load's requests, such as a recorder of latencies.
pub trait Observer: Send + Sync + 'static {
    /// A request has ended after `latency`.
    fn request_ended(&self, kind: Kind, outcome: Outcome, latency: Duration);
}

impl Observer for () {
    fn request_ended(&self, _: Kind, _: Outcome, _: Duration) {}
}

/// A running load.
pub struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<Worker>,
}

/// The state that the workers of a load share.
struct Shared {
    session: Session,
    tables: Tables,
    /// Number of requests that are still to be sent.
    left: AtomicU64,
    observer: Arc<dyn Observer>,
}

impl Load {
    /// Starts a load on new tables.
    ///
    /// # Errors
    /// Returns an error if the registers for conditional writes cannot be created.
    pub async fn start(session: &Session, tables: &Tables, mix: &Mix) -> Result<Self, Error> {
        if mix.kinds.iter().any(|kinds| kinds.contains(&Kind::Swap)) {
            tables.create_registers(session, mix.workers, REGISTER_WAIT).await?;
        }
        Ok(Self::resume(session, tables, mix, (0..mix.workers).map(Worker::new).collect()))
    }

    /// Starts a load that continues from the expectations of an earlier one.
    pub fn resume(session: &Session, tables: &Tables, mix: &Mix, workers: Vec<Worker>) -> Self {
        Self::observed(session, tables, mix, workers, Arc::new(()))
    }

    /// Starts a load, as [`Self::resume`] does, whose results `observer` receives.
    pub fn observed(
        session: &Session,
        tables: &Tables,
        mix: &Mix,
        workers: Vec<Worker>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let period = mix.rate.map(|rate| Duration::from_secs(1) * mix.workers / rate.max(1));
        let left = AtomicU64::new(mix.requests.unwrap_or(u64::MAX));
        let (session, tables) = (session.clone(), tables.clone());
        let shared = Arc::new(Shared { session, tables, left, observer });
        let mut tasks = JoinSet::new();
        for (mut worker, kinds) in workers.into_iter().zip(mix.kinds.iter().cycle()) {
            let kinds = kinds.clone();
            let shared = Arc::clone(&shared);
            tasks.spawn(async move {
                worker.run(&shared, &kinds, period).await;
                worker
            });
        }
        Self { shared, tasks }
    }

    /// Waits until all requests are sent and answered, and returns the workers.
    pub async fn wait(self) -> Vec<Worker> {
        self.tasks.join_all().await
    }

    /// Stops sending, and waits until all requests are answered.
    pub async fn stop(self) -> Vec<Worker> {
        self.shared.left.store(0, Ordering::Relaxed);
        self.wait().await
    }
}

impl Shared {
    /// Returns true if another request is to be sent.
    fn take_request(&self) -> bool {
        let take = |left: u64| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

impl Worker {
    async fn run(&mut self, shared: &Shared, kinds: &[Kind], period: Option<Duration>) {
        let mut ticks = period.map(interval);
        if let Some(ticks) = &mut ticks {
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        for &kind in kinds.iter().cycle() {
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            if !shared.take_request() {
                return;
            }
            let begin = Instant::now();
            let outcome = self.request(kind, &shared.session, &shared.tables).await;
            if let Some(outcome) = outcome {
                shared.observer.request_ended(kind, outcome, begin.elapsed());
            }
        }
    }
}
