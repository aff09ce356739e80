//! Reports the metrics of a session to the recorder of the `metrics` facade.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{
    Counter, Gauge, Label, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge,
};
use tokio::time::{MissedTickBehavior, interval};

use super::metric_list::{node_metrics, session_metrics};
use super::metrics::{Metrics, NodeMetrics};
use crate::cluster::{Cluster, Node};

/// The handles of the metrics of a session and of its nodes.
#[derive(Debug)]
pub(super) struct Facade {
    session_name: Arc<str>,
    session: Handles<Metrics>,
    nodes: Mutex<Vec<(Arc<Node>, Handles<NodeMetrics>)>>,
}

/// The time between two updates of the counters and gauges.
const INTERVAL: Duration = Duration::from_secs(1);

impl Facade {
    /// Registers the metrics of a session with the recorder, and describes the metrics of sessions
    /// and of nodes to it.
    pub(super) fn new(session_name: &Arc<str>) -> Self {
        describe(SESSION_METRICS);
        describe(NODE_METRICS);
        let session = Handles::new(SESSION_METRICS, &[label("session", session_name)]);
        Self { session_name: Arc::clone(session_name), session, nodes: Mutex::default() }
    }

    /// Updates all counters and gauges.
    pub(super) fn publish(&self, metrics: &Metrics, cluster: &Cluster) {
        self.session.publish(metrics);
        let state = cluster.state();
        let streams = cluster.settings().connector.options.stream_limit();
        let members: HashSet<*const Node> = state.nodes().iter().map(Arc::as_ptr).collect();
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let known: HashSet<*const Node> = nodes.iter().map(|(node, _)| Arc::as_ptr(node)).collect();
        for node in state.nodes().iter().filter(|node| !known.contains(&Arc::as_ptr(node))) {
            nodes.push((Arc::clone(node), self.node_handles(node.address())));
        }
        // In the list, removed nodes precede new ones. A new node that has the address of a removed
        // node therefore overwrites the gauges of the removed one.
        for (node, handles) in &*nodes {
            handles.publish(&NodeMetrics::new(node, streams));
        }
        nodes.retain(|(node, _)| members.contains(&Arc::as_ptr(node)));
    }

    fn node_handles(&self, node: SocketAddr) -> Handles<NodeMetrics> {
        let labels = [label("session", &self.session_name), label("node", &node.to_string())];
        Handles::new(NODE_METRICS, &labels)
    }
}

/// Calls `publish` once a second, in a task, until `publish` returns `None`.
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

/// A function that reads the value of a metric from a snapshot `M`, which is a [`Metrics`] or a
/// [`NodeMetrics`].
type Reader<M, T> = fn(&M) -> T;

/// The handles of the counters and gauges whose values are read from a snapshot `M`.
#[derive(Debug)]
struct Handles<M> {
    counters: Vec<(Counter, Reader<M, u64>)>,
    gauges: Vec<(Gauge, Reader<M, usize>)>,
}

impl<M> Handles<M> {
    fn new(metrics: &[Metric<M>], labels: &[Label]) -> Self {
        let mut handles = Self { counters: Vec::new(), gauges: Vec::new() };
        for metric in metrics {
            let labels = labels.to_vec();
            match metric.kind {
                Kind::Counter(value) => {
                    handles.counters.push((counter!(metric.name, labels), value));
                }
                Kind::Gauge(value) => handles.gauges.push((gauge!(metric.name, labels), value)),
                Kind::Histogram => {}
            }
        }
        handles
    }

    fn publish(&self, metrics: &M) {
        self.counters.iter().for_each(|(counter, value)| counter.absolute(value(metrics)));
        self.gauges.iter().for_each(|(gauge, value)| gauge.set(value(metrics) as f64));
    }
}

/// A metric whose value is read from a snapshot `M`.
struct Metric<M> {
    name: &'static str,
    description: &'static str,
    kind: Kind<M>,
}

enum Kind<M> {
    Counter(Reader<M, u64>),
    Gauge(Reader<M, usize>),
    /// A histogram, which has no `Reader`: each request records into it directly, through a
    /// `Timer`.
    Histogram,
}

macro_rules! metrics {
    ($($kind:ident $name:literal $description:literal $(=> $value:expr)?;)+) => {
        &[$(Metric { name: $name, description: $description, kind: Kind::$kind$(($value))? },)+]
    };
}

const SESSION_METRICS: &[Metric<Metrics>] = session_metrics!(metrics);
const NODE_METRICS: &[Metric<NodeMetrics>] = node_metrics!(metrics);

/// Gives the recorder the descriptions of metrics. Prometheus shows them as HELP lines.
fn describe<M>(metrics: &[Metric<M>]) {
    for Metric { name, description, kind } in metrics {
        match kind {
            Kind::Counter(_) => describe_counter!(*name, *description),
            Kind::Gauge(_) => describe_gauge!(*name, *description),
            Kind::Histogram => describe_histogram!(*name, Unit::Seconds, *description),
        }
    }
}
