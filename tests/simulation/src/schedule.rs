//! The schedule of one simulation: everything that the seed decides before it begins.

use std::{fmt, time::Duration};

use cqlwire::wire::{Compression, Version};
use cqlwire_faults::{FaultKind, Plan, PlannedFault, Profile};
use cqlwire_model::Kind;
use rand::{RngExt, SeedableRng, rngs::SmallRng, seq::IndexedRandom};

use crate::{node_event::NodeEvent, server_fault::ServerFault};

/// The schedule of one simulation.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    /// The faults. A schedule without some of them is a schedule, too.
    pub(crate) faults: Vec<ScheduledFault>,
}

/// The cluster, the session and the load.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) nodes: usize,
    pub(crate) version: Version,
    pub(crate) compression: Option<Compression>,
    pub(crate) has_login: bool,
    pub(crate) connections_per_node: usize,
    /// The timeout of each request.
    pub(crate) timeout: Option<Duration>,
    /// The delay of speculative executions.
    pub(crate) speculation: Option<Duration>,
    /// Maximum number of concurrent requests of the session.
    pub(crate) throttle: Option<usize>,
    /// Maximum number of requests in flight on a connection.
    pub(crate) max_in_flight: usize,
    /// The capacity of the queue of each connection, if it is small.
    pub(crate) capacity: Option<usize>,
    /// Number of statements that the session keeps prepared.
    pub(crate) prepared_cache: usize,
    /// The kinds of requests that each worker sends in turn.
    pub(crate) workers: Vec<Vec<Kind>>,
    /// Number of requests of each worker.
    pub(crate) requests: u32,
    /// Time between two requests of a worker.
    pub(crate) pause: Duration,
    /// True if the session reads the schema, which takes half of the time of a simulation.
    pub(crate) reads_schema: bool,
    /// Number of tables that are created and dropped during the load.
    pub(crate) schema_changes: u32,
    /// True if log events and spans are checked for secrets, which takes time.
    pub(crate) has_log: bool,
    /// True if connections may be lied to. Only liveness is checked then.
    pub(crate) has_lies: bool,
}

/// A fault of a schedule.
#[derive(Clone, Debug)]
pub(crate) enum ScheduledFault {
    /// A fault of the connection with this number, counted from 0 since the faults began.
    Connection { number: usize, fault: PlannedFault },
    /// An event of a node, at this time since the faults began.
    Node { at: Duration, node: usize, event: NodeEvent },
    /// A node answers requests wrongly from this time on.
    Server { at: Duration, node: usize, fault: ServerFault },
    /// The caller drops a request of a worker when it has polled it this number of times.
    Cancel { worker: usize, request: u32, polls: u32 },
    /// The wall clock jumps by this number of microseconds.
    Clock { at: Duration, micros: i64 },
}

/// Time after which a node that was stopped runs again, at the latest.
const LONGEST_OUTAGE: Duration = Duration::from_secs(4);

/// Time after the last fault within which the session must be connected to all nodes.
const RECOVERY: Duration = Duration::from_secs(10);

/// The same if a node joins again. If its event is lost, the session finds the node when it next reads the
/// topology, which it does each minute.
const FOUND_AGAIN: Duration = Duration::from_secs(70);

/// Number of connections that have faults, at most: later connections have none.
const MAX_CONNECTIONS: usize = 24;

impl Schedule {
    /// Returns the schedule of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let random = &mut SmallRng::seed_from_u64(seed);
        let settings = Settings::random(random);
        let mut faults = Vec::new();
        if random.random_bool(0.7) {
            connection_faults(random, &settings, &mut faults);
        }
        for _ in 0..one_of(random, &[0, 0, 1, 1, 2, 3]) {
            node_fault(random, &settings, &mut faults);
        }
        for _ in 0..one_of(random, &[0, 0, 1, 2, 4]) {
            let node = random.random_range(0..settings.nodes);
            let fault = ServerFault::random(random);
            if fault.loses_answers() && settings.timeout.is_none() {
                continue;
            }
            let at = time(random, settings.load_time());
            faults.push(ScheduledFault::Server { at, node, fault });
        }
        for _ in 0..one_of(random, &[0, 0, 1, 4, 10]) {
            let worker = random.random_range(0..settings.workers.len());
            let request = random.random_range(0..settings.requests);
            let polls = random.random_range(0..6);
            faults.push(ScheduledFault::Cancel { worker, request, polls });
        }
        if random.random_bool(0.1) {
            let seconds = one_of(random, &[1, 60, 86_400]);
            let micros = random.random_range(-seconds * 1_000_000..=seconds * 1_000_000);
            faults.push(ScheduledFault::Clock { at: time(random, settings.load_time()), micros });
        }
        Self { seed, settings, faults }
    }

    /// Returns the time after the last fault within which the session must be connected to all nodes.
    pub(crate) fn recovery(&self) -> Duration {
        let is_removal = |fault: &ScheduledFault| {
            matches!(fault, ScheduledFault::Node { event: NodeEvent::Remove, .. })
        };
        match self.faults.iter().any(is_removal) {
            true => FOUND_AGAIN,
            false => RECOVERY,
        }
    }

    /// Removes all faults but those with these numbers.
    pub(crate) fn keep(&mut self, faults: &[usize]) {
        let mut number = 0;
        self.faults.retain(|_| {
            number += 1;
            faults.contains(&(number - 1))
        });
    }

    /// Returns the plans of the connections, in the order in which they are opened.
    pub(crate) fn plans(&self) -> Vec<Plan> {
        let mut plans = Vec::new();
        for fault in &self.faults {
            if let ScheduledFault::Connection { number, fault } = fault {
                if plans.len() <= *number {
                    plans.resize(*number + 1, Plan::default());
                }
                plans[*number].faults.push(fault.clone());
            }
        }
        plans
    }
}

impl ScheduledFault {
    /// Returns the time at which the fault begins. `None` if it does not begin at a time.
    pub(crate) const fn time(&self) -> Option<Duration> {
        match *self {
            Self::Node { at, .. } | Self::Server { at, .. } | Self::Clock { at, .. } => Some(at),
            Self::Connection { .. } | Self::Cancel { .. } => None,
        }
    }
}

impl Settings {
    fn random(random: &mut SmallRng) -> Self {
        let version = one_of(random, &[Version::V3, Version::V4, Version::V5, Version::V5]);
        let workers = random.random_range(1..=5);
        let timeouts = [None, Some(300), Some(1_000), Some(3_000), Some(10_000)];
        let timeout = one_of(random, &timeouts).map(Duration::from_millis);
        Self {
            nodes: one_of(random, &[1, 2, 3, 3]),
            version,
            compression: random.random_bool(0.5).then_some(Compression::Lz4),
            has_login: random.random_bool(0.3),
            connections_per_node: one_of(random, &[1, 1, 1, 2]),
            timeout,
            speculation: random
                .random_bool(0.3)
                .then(|| Duration::from_millis(random.random_range(1..200))),
            throttle: random.random_bool(0.2).then(|| random.random_range(1..4)),
            max_in_flight: one_of(random, &[1, 2, 8, 1_024]),
            capacity: random.random_bool(0.3).then(|| random.random_range(1..4)),
            prepared_cache: one_of(random, &[1, 3, 128]),
            workers: (0..workers).map(|_| kinds(random)).collect(),
            requests: random.random_range(2..12),
            pause: Duration::from_millis(one_of(random, &[0, 5, 50, 300])),
            reads_schema: random.random_bool(0.1),
            schema_changes: one_of(random, &[0, 0, 1, 4]),
            has_log: random.random_bool(0.1),
            has_lies: timeout.is_some() && random.random_bool(0.1),
        }
    }

    /// Returns the time that the load takes without faults, roughly.
    fn load_time(&self) -> Duration {
        Duration::from_millis(30) + (self.pause + Duration::from_millis(5)) * self.requests
    }
}

/// Returns the kinds of requests of one worker.
fn kinds(random: &mut SmallRng) -> Vec<Kind> {
    let count = random.random_range(1..=4);
    (0..count).map(|_| one_of(random, &Kind::ALL)).collect()
}

/// Returns a random one of the values.
pub(crate) fn one_of<T: Copy>(random: &mut SmallRng, values: &[T]) -> T {
    *values.choose(random).expect("there are values to choose from")
}

fn time(random: &mut SmallRng, end: Duration) -> Duration {
    let end = u64::try_from(end.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random.random_range(0..end))
}

fn connection_faults(random: &mut SmallRng, settings: &Settings, faults: &mut Vec<ScheduledFault>) {
    let lies = settings.has_lies;
    let mut profile = Profile::new(settings.version).lies_to_client(lies).lies_to_server(lies);
    profile.time = settings.load_time();
    if settings.timeout.is_none() {
        // A request without a timeout waits for ever if its answer is lost: also in a longer frame, on a
        // stream on which servers send errors that name no request, and behind a request whose length
        // makes the server skip all that follow.
        use FaultKind::{AbsurdLength, Drop, MisdirectFree, TooLong};
        for kind in [Drop, MisdirectFree, TooLong, AbsurdLength] {
            profile = profile.weight(kind, 0);
        }
    }
    for number in 0..MAX_CONNECTIONS {
        let plan = Plan::random(random, &profile);
        let of_connection = |fault| ScheduledFault::Connection { number, fault };
        faults.extend(plan.faults.into_iter().map(of_connection));
    }
}

/// Adds an event of a node, and the event that ends it.
fn node_fault(random: &mut SmallRng, settings: &Settings, faults: &mut Vec<ScheduledFault>) {
    let node = random.random_range(0..settings.nodes);
    let at = time(random, settings.load_time());
    let event = one_of(random, NodeEvent::ALL);
    if event == NodeEvent::Remove && settings.nodes == 1 {
        return;
    }
    faults.push(ScheduledFault::Node { at, node, event });
    if let Some(event) = event.end() {
        let at = at + time(random, LONGEST_OUTAGE);
        faults.push(ScheduledFault::Node { at, node, event });
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {:?}", self.seed, self.settings)?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "  {fault:?}"))
    }
}
