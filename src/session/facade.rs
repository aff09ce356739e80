//! Keeps the counters and gauges of the `metrics` facade up to date.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, Label, counter, gauge};
use tokio::time::{MissedTickBehavior, interval};

use super::metrics::{Metrics, NodeMetrics};
use crate::cluster::{Cluster, Node};

/// The handles of a session and of its nodes, made once.
#[derive(Debug)]
pub(super) struct Facade {
    name: Arc<str>,
    session: Handles<Metrics>,
    nodes: Mutex<Vec<(Arc<Node>, Handles<NodeMetrics>)>>,
}

/// How often they are brought up to date.
const INTERVAL: Duration = Duration::from_secs(1);

impl Facade {
    pub(super) fn new(name: &Arc<str>) -> Self {
        let labels = vec![label("session", name)];
        let session = Handles::new(&SESSION_COUNTERS, &SESSION_GAUGES, &labels);
        Self { name: Arc::clone(name), session, nodes: Mutex::default() }
    }

    /// Brings all counters and gauges up to date.
    pub(super) fn publish(&self, metrics: &Metrics, cluster: &Cluster) {
        self.session.publish(metrics);
        let state = cluster.state();
        let streams = cluster.settings().connector.options.stream_limit();
        let is_there = |node: &Arc<Node>| state.nodes().iter().any(|n| Arc::ptr_eq(n, node));
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        for node in state.nodes() {
            if !nodes.iter().any(|(known, _)| Arc::ptr_eq(known, node)) {
                nodes.push((Arc::clone(node), self.handles_of(node.address())));
            }
        }
        // Those that have gone come first: another may have their address by now.
        for (node, handles) in &*nodes {
            handles.publish(&NodeMetrics::of(node, streams));
        }
        nodes.retain(|(node, _)| is_there(node));
    }

    fn handles_of(&self, node: SocketAddr) -> Handles<NodeMetrics> {
        let labels = vec![label("session", &self.name), label("node", &node.to_string())];
        Handles::new(&NODE_COUNTERS, &NODE_GAUGES, &labels)
    }
}

/// Calls `publish` periodically until it returns `None`.
pub(super) fn repeat(publish: impl Fn() -> Option<()> + Send + 'static) {
    tokio::spawn(async move {
        let mut interval = interval(INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            if publish().is_none() {
                return;
            }
        }
    });
}

fn label(name: &'static str, value: &str) -> Label {
    Label::new(name, value.to_owned())
}

/// The number that is shown of an `M`.
type Of<M, T> = fn(&M) -> T;

/// The counters and gauges that show an `M`, each with the number that it shows.
#[derive(Debug)]
struct Handles<M> {
    counters: Vec<(Counter, Of<M, u64>)>,
    gauges: Vec<(Gauge, Of<M, usize>)>,
}

impl<M> Handles<M> {
    fn new(
        counters: &[(&'static str, Of<M, u64>)],
        gauges: &[(&'static str, Of<M, usize>)],
        labels: &[Label],
    ) -> Self {
        Self {
            counters: counters
                .iter()
                .map(|(name, of)| (counter!(*name, labels.to_vec()), *of))
                .collect(),
            gauges: gauges.iter().map(|(name, of)| (gauge!(*name, labels.to_vec()), *of)).collect(),
        }
    }

    fn publish(&self, metrics: &M) {
        self.counters.iter().for_each(|(counter, of)| counter.absolute(of(metrics)));
        self.gauges.iter().for_each(|(gauge, of)| gauge.set(of(metrics) as f64));
    }
}

const SESSION_COUNTERS: [(&str, Of<Metrics, u64>); 4] = [
    ("cassandra.session.bytes-sent", |session| session.bytes_sent),
    ("cassandra.session.bytes-received", |session| session.bytes_received),
    ("cassandra.session.cql-client-timeouts", |session| session.client_timeouts),
    ("cassandra.session.throttling.errors", |session| session.throttling_errors),
];

const SESSION_GAUGES: [(&str, Of<Metrics, usize>); 3] = [
    ("cassandra.session.connected-nodes", |session| session.connected_nodes),
    ("cassandra.session.cql-prepared-cache-size", |session| session.prepared_statements),
    ("cassandra.session.throttling.queue-size", |session| session.throttling_queue),
];

const NODE_COUNTERS: [(&str, Of<NodeMetrics, u64>); 17] = [
    ("cassandra.nodes.bytes-sent", |node| node.bytes_sent),
    ("cassandra.nodes.bytes-received", |node| node.bytes_received),
    ("cassandra.nodes.errors.request.unsent", |node| node.errors.unsent),
    ("cassandra.nodes.errors.request.aborted", |node| node.errors.aborted),
    ("cassandra.nodes.errors.request.write-timeouts", |node| node.errors.write_timeouts),
    ("cassandra.nodes.errors.request.read-timeouts", |node| node.errors.read_timeouts),
    ("cassandra.nodes.errors.request.unavailables", |node| node.errors.unavailables),
    ("cassandra.nodes.errors.request.others", |node| node.errors.others),
    ("cassandra.nodes.retries.total", |node| node.retries.total()),
    ("cassandra.nodes.retries.aborted", |node| node.retries.aborted + node.retries.unsent),
    ("cassandra.nodes.retries.read-timeout", |node| node.retries.read_timeouts),
    ("cassandra.nodes.retries.write-timeout", |node| node.retries.write_timeouts),
    ("cassandra.nodes.retries.unavailable", |node| node.retries.unavailables),
    ("cassandra.nodes.retries.other", |node| node.retries.others),
    ("cassandra.nodes.speculative-executions", |node| node.speculative_executions),
    ("cassandra.nodes.errors.connection.init", |node| node.connection_errors),
    ("cassandra.nodes.errors.connection.auth", |node| node.authentication_errors),
];

const NODE_GAUGES: [(&str, Of<NodeMetrics, usize>); 4] = [
    ("cassandra.nodes.pool.open-connections", |node| node.open_connections),
    ("cassandra.nodes.pool.available-streams", |node| node.available_streams),
    ("cassandra.nodes.pool.in-flight", |node| node.in_flight),
    ("cassandra.nodes.pool.orphaned-streams", |node| node.orphaned_streams),
];
