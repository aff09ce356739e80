//! The settings of one simulation: its cluster, its session and its load.

use std::time::Duration;

use cqlwire::wire::{Compression, Version};
use cqlwire_model::Kind;
use rand::{RngExt, rngs::SmallRng, seq::IndexedRandom};
use serde::{Deserialize, Serialize};

use crate::text;

/// The cluster, the session and the load.
///
/// A setting that is added later needs `#[serde(default)]`, so that stored schedules remain readable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Number of nodes of each datacenter.
    pub(crate) datacenters: Vec<usize>,
    /// The index of the session's local datacenter. `None` if the session chooses it.
    pub(crate) local_datacenter: Option<usize>,
    #[serde(with = "text")]
    pub(crate) version: Version,
    #[serde(with = "text")]
    pub(crate) compression: Option<Compression>,
    pub(crate) has_login: bool,
    pub(crate) connections_per_node: usize,
    /// The keyspace of the session.
    pub(crate) keyspace: SessionKeyspace,
    /// The timeout of each request.
    #[serde(with = "text")]
    pub(crate) timeout: Option<Duration>,
    /// The delay of speculative executions.
    #[serde(with = "text")]
    pub(crate) speculation: Option<Duration>,
    /// Maximum number of concurrent requests of the session.
    pub(crate) throttle: Option<usize>,
    /// Maximum number of requests in flight on a connection.
    pub(crate) max_in_flight: usize,
    /// The capacity of the queue of each connection, if it is small.
    pub(crate) capacity: Option<usize>,
    /// Number of statements that the session keeps prepared.
    pub(crate) prepared_cache: usize,
    /// Rows of a page. `None` for the defaults of the load.
    pub(crate) page_size: Option<i32>,
    /// The kinds of requests that each worker sends in turn.
    #[serde(with = "text")]
    pub(crate) workers: Vec<Vec<Kind>>,
    /// Number of requests of each worker.
    pub(crate) requests: u32,
    /// Time between two requests of a worker.
    #[serde(with = "text")]
    pub(crate) pause: Duration,
    /// True if the session reads the schema, which takes half of the time of a simulation.
    pub(crate) reads_schema: bool,
    /// Number of tables that are created and dropped during the load.
    pub(crate) schema_changes: u32,
    /// True if log events and spans are checked for secrets, which takes time.
    pub(crate) has_log: bool,
    /// True if connections may be lied to. The contents of answers and tables are not checked then.
    pub(crate) has_lies: bool,
}

/// The keyspace of the session under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum SessionKeyspace {
    /// The session has none. The statements name it.
    InStatements,
    /// The session is built with it.
    InBuilder,
    /// The session executes `USE` before it prepares its statements.
    ByUse,
}

/// The numbers of nodes of the datacenters.
const DATACENTERS: &[&[usize]] = &[&[1], &[2], &[3], &[3], &[1, 1], &[2, 1], &[1, 2], &[2, 2]];

impl Settings {
    pub(crate) fn random(random: &mut SmallRng) -> Self {
        let version = one_of(random, &[Version::V3, Version::V4, Version::V5, Version::V5]);
        let workers = random.random_range(1..=5);
        let timeouts = [None, Some(300), Some(1_000), Some(3_000), Some(10_000)];
        let timeout = one_of(random, &timeouts).map(Duration::from_millis);
        let datacenters = one_of(random, DATACENTERS).to_vec();
        let is_chosen = datacenters.len() > 1 && random.random_bool(0.5);
        let local_datacenter = is_chosen.then(|| random.random_range(0..datacenters.len()));
        let keyspaces =
            [SessionKeyspace::InStatements, SessionKeyspace::InBuilder, SessionKeyspace::ByUse];
        Self {
            datacenters,
            local_datacenter,
            version,
            compression: random.random_bool(0.5).then_some(Compression::Lz4),
            has_login: random.random_bool(0.3),
            connections_per_node: one_of(random, &[1, 1, 1, 2]),
            keyspace: one_of(random, &keyspaces),
            timeout,
            speculation: random
                .random_bool(0.3)
                .then(|| Duration::from_millis(random.random_range(1..200))),
            throttle: random.random_bool(0.2).then(|| random.random_range(1..4)),
            max_in_flight: one_of(random, &[1, 2, 8, 1_024]),
            capacity: random.random_bool(0.3).then(|| random.random_range(1..4)),
            prepared_cache: one_of(random, &[1, 3, 128]),
            page_size: one_of(random, &[None, None, Some(2), Some(5_000)]),
            workers: (0..workers).map(|_| kinds(random)).collect(),
            requests: random.random_range(2..12),
            pause: Duration::from_millis(one_of(random, &[0, 5, 50, 300])),
            reads_schema: random.random_bool(0.1),
            schema_changes: one_of(random, &[0, 0, 1, 4]),
            has_log: random.random_bool(0.1),
            has_lies: timeout.is_some() && random.random_bool(0.1),
        }
    }

    /// Returns the number of nodes of the cluster.
    pub(crate) fn nodes(&self) -> usize {
        self.datacenters.iter().sum()
    }

    /// Returns the time that the load takes without faults, roughly.
    pub(crate) fn load_time(&self) -> Duration {
        Duration::from_millis(30) + (self.pause + Duration::from_millis(5)) * self.requests
    }
}

/// Returns the name of the datacenter with this index.
pub(crate) fn datacenter(index: usize) -> String {
    format!("datacenter{}", index + 1)
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
