//! The schedule of one simulation: everything that the seed decides before it begins.

use std::{fmt, str::FromStr, time::Duration};

use cqlwire_faults::{Direction, Fault, FaultKind, Plan, PlannedFault, Profile};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use ron::{
    error::SpannedError,
    ser::{PrettyConfig, to_string_pretty},
};
use serde::{Deserialize, Serialize};

use crate::{
    node_event::NodeEvent,
    server_fault::ServerFault,
    settings::{Settings, one_of},
    text,
};

/// The schedule of one simulation.
///
/// `Display` writes a schedule in the notation of Rust (RON), which `FromStr` reads again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schedule {
    /// The seed, which decides the random numbers of the driver, too.
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    /// The faults. A schedule without some of them is a schedule, too.
    pub(crate) faults: Vec<ScheduledFault>,
}

/// A fault of a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ScheduledFault {
    /// A fault of the connection with this number, counted from 0 since the faults began.
    Connection {
        number: usize,
        #[serde(with = "text")]
        fault: PlannedFault,
    },
    /// An event of a node, at this time since the faults began.
    Node {
        #[serde(with = "text")]
        at: Duration,
        node: usize,
        event: NodeEvent,
    },
    /// A node answers requests wrongly from this time on.
    Server {
        #[serde(with = "text")]
        at: Duration,
        node: usize,
        fault: ServerFault,
    },
    /// The caller drops a request of a worker when it has polled it this number of times.
    Cancel { worker: usize, request: u32, polls: u32 },
    /// The wall clock jumps by this number of microseconds.
    Clock {
        #[serde(with = "text")]
        at: Duration,
        micros: i64,
    },
}

/// Time after which a node that was stopped runs again, at the latest.
const LONGEST_OUTAGE: Duration = Duration::from_secs(4);

/// Time after the last fault within which the session must answer and be connected to all nodes.
const RECOVERY: Duration = Duration::from_secs(10);

/// The same if a node joins again or has another address. If its event is lost, the session finds the node
/// when it next reads the topology, which it does each minute.
const FOUND_AGAIN: Duration = Duration::from_secs(70);

/// The same if the length of a request was wrong. A server then skips the requests that follow, and the
/// driver closes the connection after a silence of 35 seconds.
const RECOVERY_AFTER_SILENCE: Duration = Duration::from_secs(45);

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
            let node = random.random_range(0..settings.nodes());
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

    /// Returns the time after the last fault within which the session must answer and be connected to all
    /// nodes.
    pub(crate) fn recovery(&self) -> Duration {
        let of_fault = |fault: &ScheduledFault| match fault {
            ScheduledFault::Node {
                event: NodeEvent::Remove | NodeEvent::ChangeAddress, ..
            } => FOUND_AGAIN,
            ScheduledFault::Connection {
                fault: PlannedFault { direction: Direction::Requests, fault: Fault::Length(_), .. },
                ..
            } => RECOVERY_AFTER_SILENCE,
            _ => RECOVERY,
        };
        self.faults.iter().map(of_fault).max().unwrap_or(RECOVERY)
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

fn time(random: &mut SmallRng, end: Duration) -> Duration {
    let end = u64::try_from(end.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random.random_range(0..end))
}

fn connection_faults(random: &mut SmallRng, settings: &Settings, faults: &mut Vec<ScheduledFault>) {
    let lies = settings.has_lies;
    let mut profile = Profile::new(settings.version).lies_to_client(lies).lies_to_server(lies);
    profile.time = settings.load_time();
    if settings.timeout.is_none() {
        // A request without a timeout waits for ever if its answer is lost: also in a longer frame, and
        // on a stream on which servers send errors that name no request.
        for kind in [FaultKind::Drop, FaultKind::MisdirectFree, FaultKind::TooLong] {
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
    let node = random.random_range(0..settings.nodes());
    let at = time(random, settings.load_time());
    let event = one_of(random, NodeEvent::ALL);
    let is_possible = match event {
        NodeEvent::Remove => settings.nodes() > 1,
        // The session finds the cluster by the contact points that it was given: one of them must remain.
        NodeEvent::ChangeAddress => node > 0,
        _ => true,
    };
    if !is_possible {
        return;
    }
    faults.push(ScheduledFault::Node { at, node, event });
    let may_remain = event == NodeEvent::ChangeAddress;
    if let Some(event) = event.end()
        && !(may_remain && random.random_bool(0.5))
    {
        let at = at + time(random, LONGEST_OUTAGE);
        faults.push(ScheduledFault::Node { at, node, event });
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line for each setting and each fault.
        let config = PrettyConfig::new().depth_limit(2).struct_names(false);
        f.write_str(&to_string_pretty(self, config).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Schedule {
    type Err = SpannedError;

    fn from_str(text: &str) -> Result<Self, SpannedError> {
        ron::from_str(text)
    }
}
