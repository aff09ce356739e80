//! A load of requests whose answers and effects can be checked.
//!
//! Each task of the load writes to rows of its own and waits for each answer before it sends the next
//! request. It therefore knows which answers are right, and what the tables must contain at the end.

mod appends;
mod counter;
mod register;
mod rows;
mod tables;

pub(crate) use appends::Appends;
pub(crate) use counter::Counter;
pub(crate) use register::Register;
pub(crate) use rows::{Rows, payload};
pub(crate) use tables::Tables;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cqlwire::session::Session;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{Result, outcome::Kind, tally::Tally};

/// The requests of a load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mix {
    /// The kinds of requests. The tasks are divided evenly among the lists; each task sends the kinds
    /// of its list in turn.
    pub(crate) kinds: &'static [&'static [Kind]],
    /// Number of tasks that send requests concurrently.
    pub(crate) tasks: u32,
    /// Requests per second of all tasks together, or `None` for as many as possible.
    pub(crate) rate: Option<u32>,
    /// Number of requests, or `None` for a load that runs until it is stopped.
    pub(crate) requests: Option<u64>,
}

/// A running load.
pub(crate) struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<Worker>,
}

/// The state that the tasks of a load share.
struct Shared {
    session: Session,
    tables: Tables,
    /// Number of requests that are still to be sent.
    left: AtomicU64,
}

/// One task of a load, with its expectations of the tables.
pub(crate) struct Worker {
    pub(crate) rows: Rows,
    pub(crate) counter: Counter,
    pub(crate) register: Register,
    pub(crate) appends: Appends,
    pub(crate) tally: Tally,
}

impl Load {
    /// Starts a load on new tables.
    pub(crate) async fn start(session: &Session, tables: &Tables, mix: Mix) -> Result<Self> {
        if mix.kinds.iter().any(|kinds| kinds.contains(&Kind::Swap)) {
            tables.create_registers(session, mix.tasks).await?;
        }
        Ok(Self::resume(session, tables, mix, (0..mix.tasks).map(Worker::new).collect()))
    }

    /// Starts a load that continues from the expectations of an earlier one.
    pub(crate) fn resume(
        session: &Session,
        tables: &Tables,
        mix: Mix,
        workers: Vec<Worker>,
    ) -> Self {
        let left = AtomicU64::new(mix.requests.unwrap_or(u64::MAX));
        let shared = Arc::new(Shared { session: session.clone(), tables: tables.clone(), left });
        let mut tasks = JoinSet::new();
        for (mut worker, &kinds) in workers.into_iter().zip(mix.kinds.iter().cycle()) {
            let shared = Arc::clone(&shared);
            tasks.spawn(async move {
                worker.run(&shared, kinds, mix).await;
                worker
            });
        }
        Self { shared, tasks }
    }

    /// Waits until all requests are sent and answered, and returns the tasks.
    pub(crate) async fn wait(self) -> Vec<Worker> {
        self.tasks.join_all().await
    }

    /// Stops sending, and waits until all requests are answered.
    pub(crate) async fn stop(self) -> Vec<Worker> {
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
    fn new(number: u32) -> Self {
        Self {
            rows: Rows::new(number),
            counter: Counter::new(number),
            register: Register::new(number),
            appends: Appends::new(number),
            tally: Tally::default(),
        }
    }

    async fn run(&mut self, shared: &Shared, kinds: &[Kind], mix: Mix) {
        let period = mix.rate.map(|rate| Duration::from_secs(1) * mix.tasks / rate.max(1));
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
            self.request(kind, shared).await;
        }
    }

    async fn request(&mut self, kind: Kind, shared: &Shared) {
        let Shared { session, tables, .. } = shared;
        let Self { rows, counter, register, appends, tally } = self;
        match kind {
            Kind::Insert | Kind::UnmarkedInsert => rows.insert(kind, session, tables, tally).await,
            Kind::Read => rows.read(session, tables, tally).await,
            Kind::Increment => counter.increment(session, tables, tally).await,
            Kind::Swap => register.swap(session, tables, tally).await,
            Kind::Append => appends.append(session, tables, tally).await,
        }
    }
}
