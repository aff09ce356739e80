//! The metrics of a session, and their export through the `metrics` facade.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cqlwire::message::{ErrorCode, ErrorDetails, RequestFrame, ServerError, WriteType};
use cqlwire::session::{ErrorKind, FailureCounts, Session, Statement, Throttle};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::NativeType;
use cqlwire::wire::Consistency;
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

use crate::mock_nodes::{connect, session_builder, start_nodes};
use crate::wait::until;

/// A recorder that stores the values of all metrics, by name and labels, and their descriptions.
#[derive(Debug, Clone, Default)]
struct MetricsRecorder(
    Arc<Mutex<BTreeMap<String, Vec<f64>>>>,
    Arc<Mutex<BTreeMap<String, String>>>,
);

/// A metric of the recorder, by its key in the map.
struct Metric(MetricsRecorder, String);

impl Metric {
    fn change(&self, change: impl FnOnce(&mut Vec<f64>)) {
        change(self.0.0.lock().unwrap().get_mut(&self.1).unwrap());
    }
}

impl CounterFn for Metric {
    fn increment(&self, value: u64) {
        self.change(|values| *values = vec![values[0] + value as f64]);
    }

    fn absolute(&self, value: u64) {
        self.change(|values| *values = vec![values[0].max(value as f64)]);
    }
}

impl GaugeFn for Metric {
    fn increment(&self, value: f64) {
        self.change(|values| *values = vec![values[0] + value]);
    }

    fn decrement(&self, value: f64) {
        GaugeFn::increment(self, -value);
    }

    fn set(&self, value: f64) {
        self.change(|values| *values = vec![value]);
    }
}

impl HistogramFn for Metric {
    fn record(&self, value: f64) {
        self.change(|values| values.push(value));
    }
}

impl MetricsRecorder {
    fn metric(&self, key: &Key, first: &[f64]) -> Arc<Metric> {
        let labels: Vec<_> = key.labels().map(|l| format!("{}={}", l.key(), l.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        self.0.lock().unwrap().entry(name.clone()).or_insert_with(|| first.to_vec());
        Arc::new(Metric(self.clone(), name))
    }

    fn describe(&self, name: &KeyName, description: &str) {
        let (name, text) = (name.as_str().to_owned(), description.to_owned());
        assert_eq!(self.1.lock().unwrap().insert(name, text), None, "a metric is described twice");
    }

    fn descriptions(&self) -> BTreeMap<String, String> {
        self.1.lock().unwrap().clone()
    }

    fn names(&self) -> BTreeSet<String> {
        let recorder = self.0.lock().unwrap();
        recorder.keys().map(|name| name.split('{').next().unwrap().to_owned()).collect()
    }

    fn values(&self, name: &str, labels: &str) -> Vec<f64> {
        let name = format!("{name}{{{labels}}}");
        self.0.lock().unwrap().get(&name).unwrap_or_else(|| panic!("no {name}")).clone()
    }
}

impl Recorder for MetricsRecorder {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, description: SharedString) {
        self.describe(&name, &description);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, description: SharedString) {
        self.describe(&name, &description);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, description: SharedString) {
        assert_eq!(unit, Some(Unit::Seconds));
        self.describe(&name, &description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.metric(key, &[0.0]))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.metric(key, &[0.0]))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.metric(key, &[]))
    }
}

#[tokio::test]
async fn describes_and_reports_every_metric_of_the_list() {
    let recorder = MetricsRecorder::default();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let details = ErrorDetails::WriteTimeout {
        consistency: Consistency::One,
        received: 0,
        block_for: 1,
        write_type: WriteType::Simple,
        contentions: None,
    };
    let timeout = Reply::response(ServerError {
        code: ErrorCode::WriteTimeout,
        message: "late".into(),
        details,
    });
    let before = AtomicUsize::new(0);
    let answer = move |_: usize, _: &RequestFrame<'_>| match before.fetch_add(1, Ordering::SeqCst) {
        0 => timeout.clone(),
        1 => Reply::void(),
        2 => Reply::error(ErrorCode::Invalid, "no"),
        _ => Reply::silence(),
    };
    let servers = start_nodes(1, answer).await;
    let builder = session_builder(&servers).name("mine").throttle(Throttle::concurrent(1).queue(0));
    let session = connect(builder, 1).await;
    assert_eq!(session.name(), "mine");
    let node = format!("session=mine,node={}", servers[0].address());
    let gauge = |name: &str| recorder.values(&format!("cassandra.nodes.pool.{name}"), &node)[0];
    let descriptions = recorder.descriptions();
    assert_eq!(recorder.names(), descriptions.keys().cloned().collect());
    assert_eq!(descriptions["cassandra.session.connected-nodes"], "Nodes with an open connection");
    assert_eq!(recorder.values("cassandra.session.connected-nodes", "session=mine"), [1.0]);
    assert_eq!((gauge("open-connections"), gauge("available-streams")), (1.0, 1_024.0));

    session.execute(Statement::new("INSERT ...").idempotent(true), ()).await.unwrap();
    session.execute("INSERT ...", ()).await.unwrap_err();
    let silent = Statement::new("INSERT ...").timeout(Duration::from_millis(200));
    let (late, throttled) =
        tokio::join!(session.execute(silent, ()), session.execute("INSERT ...", ()));
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(throttled.unwrap_err().kind(), ErrorKind::Throttled);
    session.close(Duration::ZERO).await;

    let of_session =
        |name: &str| recorder.values(&format!("cassandra.session.{name}"), "session=mine");
    let of_node = |name: &str| recorder.values(&format!("cassandra.nodes.{name}"), &node);
    assert_eq!(of_session("cql-requests").len(), 3);
    assert!(of_session("cql-requests").iter().all(|seconds| *seconds < 60.0));
    assert_eq!(of_session("throttling.delay").len(), 3);
    assert_eq!(of_session("throttling.errors"), [1.0]);
    assert_eq!(of_session("cql-client-timeouts"), [1.0]);
    assert_eq!(of_session("connected-nodes"), [0.0]);
    assert_eq!(of_node("cql-messages").len(), 3);
    assert_eq!(of_node("errors.request.write-timeouts"), [1.0]);
    assert_eq!(of_node("errors.request.others"), [1.0]);
    assert_eq!(of_node("errors.request.aborted"), [1.0]);
    assert_eq!(of_node("errors.request.unsent"), [0.0]);
    assert_eq!(
        (of_node("retries.total"), of_node("retries.write-timeout")),
        (vec![1.0], vec![1.0])
    );
    assert_eq!(gauge("open-connections"), 0.0);
    let metrics = session.metrics();
    assert_eq!(of_session("bytes-sent"), [metrics.bytes_sent as f64]);
    assert_eq!(of_session("bytes-received"), [metrics.bytes_received as f64]);
    // The control connection's bytes count for the session, but for no node.
    let bytes = of_node("bytes-sent")[0];
    assert!(bytes > 0.0 && bytes < metrics.bytes_sent as f64, "{bytes}");
}

#[tokio::test]
async fn counts_errors_retries_and_bytes_per_node() {
    let before = AtomicUsize::new(0);
    let answer = move |_: usize, _: &RequestFrame<'_>| match before.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::error(ErrorCode::Overloaded, "not now"),
        1 => Reply::void(),
        _ => Reply::silence(),
    };
    let servers = start_nodes(2, answer).await;
    let session = connect(session_builder(&servers), 2).await;
    let select = Statement::new("SELECT ...").idempotent(true);
    session.execute(&select, ()).await.unwrap();
    // One request has timed out and is orphaned, and one is in flight.
    let gone = select.timeout(Duration::from_millis(500));
    assert_eq!(session.execute(gone, ()).await.unwrap_err().kind(), ErrorKind::Timeout);
    let waiting = {
        let session = session.clone();
        tokio::spawn(async move { session.execute("SELECT ...", ()).await })
    };
    let mut metrics = session.metrics();
    until("one request is in flight, and two streams are in use", async || {
        metrics = session.metrics();
        let taken: usize = metrics.nodes.iter().map(|node| 1_024 - node.available_streams).sum();
        metrics.in_flight == 1 && taken == 2
    })
    .await;
    assert_eq!((metrics.requests, metrics.errors, metrics.client_timeouts), (2, 1, 1));
    let sum = |of: &dyn Fn(&cqlwire::session::NodeMetrics) -> u64| {
        metrics.nodes.iter().map(of).sum::<u64>()
    };
    assert_eq!(sum(&|node| node.messages), 2);
    assert_eq!((sum(&|node| node.errors.others), sum(&|node| node.errors.total())), (1, 2));
    assert_eq!((sum(&|node| node.retries.others), sum(&|node| node.retries.total())), (1, 1));
    assert_eq!(sum(&|node| node.orphaned_streams as u64), 1);
    assert_eq!(sum(&|node| node.errors.aborted), 1);
    assert!(metrics.nodes.iter().all(|node| node.bytes_sent > 0 && node.bytes_received > 0));
    assert!(metrics.bytes_sent > sum(&|node| node.bytes_sent));
    let addresses: BTreeSet<_> = metrics.nodes.iter().map(|node| node.address).collect();
    assert_eq!(addresses, servers.iter().map(MockServer::address).collect());
    assert!(metrics.latency_min <= metrics.latency_p50);
    assert!(metrics.latency_p99 <= metrics.latency_max);
    waiting.abort();
}

#[tokio::test]
async fn counts_prepared_statements_and_keeps_traffic_counters_after_close() {
    let insert = "INSERT INTO users (username) VALUES (?)";
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let server = server.on(insert, Reply::void().variables([("username", NativeType::Text)]));
    let builder = Session::builder().contact_points([server.address().to_string()]);
    let session = builder.connect().await.unwrap();
    assert_eq!(session.metrics().prepared_statements, 0);
    session.execute(insert, ("ada",)).await.unwrap();
    let before = session.metrics();
    assert_eq!(before.prepared_statements, 1);
    let none: FailureCounts = before.nodes[0].errors;
    assert_eq!(none.total(), 0);
    session.close(Duration::ZERO).await;
    let after = session.metrics();
    assert!(after.nodes.is_empty());
    assert!(after.bytes_sent >= before.bytes_sent);
    assert!(after.bytes_received >= before.bytes_received);
}
