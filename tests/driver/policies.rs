//! The policies of a session, against clusters of mock servers.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cqlwire::cluster::{
    ClusterState, DefaultBalancing, Distance, LatencyAwareness, LoadBalancing, Node, Routing,
};
use cqlwire::message::{ErrorCode, ErrorDetails, Parameters, Request, RequestFrame, ServerError};
use cqlwire::session::{
    AttemptError, DowngradingRetry, ErrorKind, ExecutionProfile, FailedAttempt, NoRetry,
    RetryDecision, RetryPolicy, ServerTimestamps, Session, SpeculativeExecution, Statement,
    Throttle,
};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{CqlType, NativeType};
use cqlwire::wire::Consistency;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::mock_nodes::{connect, session_builder, start_nodes};
use crate::wait::until;

/// The parameters of the received statements, in order, with the number of the node.
#[derive(Debug, Default)]
struct RequestLog(Mutex<Vec<(usize, Parameters<'static>)>>);

impl RequestLog {
    /// Records a request. Returns the number of requests before it.
    fn record(&self, node: usize, frame: &RequestFrame<'_>) -> usize {
        let Request::Query(query) = &frame.request else { panic!("{frame:?}") };
        let parameters = Parameters {
            page_size: query.parameters.page_size,
            timestamp: query.parameters.timestamp,
            serial_consistency: query.parameters.serial_consistency,
            ..Parameters::from(query.parameters.consistency)
        };
        let mut requests = self.0.lock().unwrap();
        requests.push((node, parameters));
        requests.len() - 1
    }

    fn nodes(&self) -> Vec<usize> {
        self.0.lock().unwrap().iter().map(|(node, _)| *node).collect()
    }

    fn map<T>(&self, of: impl Fn(&Parameters<'static>) -> T) -> Vec<T> {
        self.0.lock().unwrap().iter().map(|(_, parameters)| of(parameters)).collect()
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Starts mock nodes, and returns them with the log of the requests that they receive. `answer` gets
/// the number of requests before the current one.
async fn start_recording_nodes(
    count: usize,
    answer: impl Fn(usize) -> Reply + Send + Sync + 'static,
) -> (Vec<MockServer>, Arc<RequestLog>) {
    let requests = Arc::new(RequestLog::default());
    let recorder = Arc::clone(&requests);
    let servers = start_nodes(count, move |node, frame| answer(recorder.record(node, frame))).await;
    (servers, requests)
}

fn unavailable(alive: i32) -> Reply {
    let details =
        ErrorDetails::Unavailable { consistency: Consistency::Quorum, required: 2, alive };
    let message = "Cannot achieve consistency level".into();
    Reply::response(ServerError { code: ErrorCode::Unavailable, message, details })
}

/// A retry policy that retries on the next node up to this number of attempts, after any failure.
#[derive(Debug)]
pub(crate) struct RetryUpTo(pub(crate) usize);

impl RetryPolicy for RetryUpTo {
    fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision {
        match failed.attempts < self.0 {
            true => RetryDecision::NEXT_NODE,
            false => RetryDecision::Fail,
        }
    }
}

#[tokio::test]
async fn the_error_history_lists_every_attempt() {
    let codes = [ErrorCode::Overloaded, ErrorCode::Bootstrapping, ErrorCode::Server];
    let (servers, requests) = start_recording_nodes(3, move |n| {
        Reply::error(codes[n], "Query timed out before it could start")
    })
    .await;
    let session = connect(session_builder(&servers).retry_policy(RetryUpTo(3)), 3).await;
    let error = session.execute("INSERT ...", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Server));
    let order: Vec<_> = requests.nodes().iter().map(|node| servers[*node].address()).collect();
    let history: Vec<_> = error.history().iter().map(|attempt| attempt.node).collect();
    assert_eq!(history, order);
    let mut different = history;
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 3, "a node was tried twice before all nodes were tried");
    for (attempt, code) in error.history().iter().zip(codes) {
        assert!(attempt.failure.contains(&code.to_string()), "{attempt:?}");
    }
    let applied: Vec<_> = error.history().iter().map(|a| a.may_have_been_applied).collect();
    assert_eq!(applied, [false, false, true]);
}

#[tokio::test]
async fn the_throttle_rejects_requests_without_sending_them() {
    let (servers, requests) = start_recording_nodes(1, |_| Reply::silence()).await;
    let builder = session_builder(&servers).throttle(Throttle::concurrent(1).queue(1));
    let session = connect(builder, 1).await;
    let execute = |timeout| {
        let statement = Statement::new("SELECT ...").timeout(timeout);
        let session = session.clone();
        tokio::spawn(async move { session.execute(statement, ()).await.unwrap_err() })
    };
    let first = execute(Duration::from_secs(60));
    until("the server receives the first request", async || requests.count() > 0).await;
    // The second request waits in the queue until its timeout.
    let second = execute(Duration::from_millis(100));
    let is_queued = async || session.metrics().throttling_queue > 0;
    until("the second request waits in the queue", is_queued).await;
    let third = execute(Duration::from_secs(60)).await.unwrap();
    assert_eq!((third.kind(), third.attempts()), (ErrorKind::Throttled, 0));
    assert!(third.to_string().contains("its queue of 1 is full"), "{third}");
    assert!(!third.may_have_been_applied());
    let second = second.await.unwrap();
    assert_eq!(second.kind(), ErrorKind::Throttled);
    assert!(second.to_string().contains("timed out in the queue"), "{second}");
    let metrics = session.metrics();
    assert_eq!((metrics.throttling_errors, metrics.throttling_queue), (2, 0));
    assert_eq!(requests.count(), 1);
    first.abort();
}

#[tokio::test]
async fn speculative_execution_uses_the_next_node_when_the_first_is_silent() {
    let (servers, requests) =
        start_recording_nodes(2, |n| if n == 0 { Reply::silence() } else { Reply::void() }).await;
    let session = connect(session_builder(&servers), 2).await;
    let select = Statement::new("SELECT ...")
        .speculative_execution(SpeculativeExecution::after(Duration::from_millis(10)));
    let result = session.execute(select.idempotent(true), ()).await.unwrap();
    let [silent, quick] = requests.nodes()[..] else { panic!("{requests:?}") };
    assert_ne!(silent, quick);
    assert_eq!(result.coordinator().address(), servers[quick].address());
    let metrics = session.metrics();
    assert_eq!((metrics.speculative_executions, metrics.retries), (1, 0));
    let at = |number: usize| {
        let address = servers[number].address();
        metrics.nodes.iter().find(|node| node.address == address).unwrap().speculative_executions
    };
    assert_eq!((at(silent), at(quick)), (1, 0));
}

#[tokio::test]
async fn does_not_speculate_for_statements_that_are_not_idempotent() {
    let (servers, requests) = start_recording_nodes(2, |_| Reply::silence()).await;
    let session = connect(session_builder(&servers), 2).await;
    let insert = Statement::new("INSERT ...")
        .speculative_execution(SpeculativeExecution::after(Duration::ZERO))
        .timeout(Duration::from_millis(100));
    let error = session.execute(insert, ()).await.unwrap_err();
    assert_eq!((error.kind(), requests.count()), (ErrorKind::Timeout, 1));
    assert!(error.may_have_been_applied());
}

/// The delay is fixed until enough latencies are recorded, and then the percentile.
#[tokio::test]
async fn the_speculative_delay_follows_the_latency_percentile() {
    const FAST: usize = 1_000;
    let silent = [0, FAST + 2];
    let reply = move |n| if silent.contains(&n) { Reply::silence() } else { Reply::void() };
    let (servers, requests) = start_recording_nodes(2, reply).await;
    let session = connect(session_builder(&servers), 2).await;
    let select = Statement::new("SELECT ...").idempotent(true).timeout(Duration::from_secs(60));
    let after = |initial_delay| SpeculativeExecution::percentile(99.0).initial_delay(initial_delay);
    let soon = select.clone().speculative_execution(after(Duration::from_millis(1)));
    session.execute(soon, ()).await.unwrap();
    assert_eq!(requests.count(), 2);
    for _ in 0..FAST {
        session.execute(&select, ()).await.unwrap();
    }
    // The initial delay is longer than the request timeout, so it must not apply any more.
    let never = select.speculative_execution(after(Duration::from_secs(3_600)));
    session.execute(never, ()).await.unwrap();
    assert_eq!(session.metrics().speculative_executions, 2);
}

#[tokio::test]
async fn retries_on_the_next_node_after_unavailable_by_default() {
    let (servers, requests) =
        start_recording_nodes(2, |n| if n == 0 { unavailable(1) } else { Reply::void() }).await;
    let session = connect(session_builder(&servers), 2).await;
    session.execute("INSERT ...", ()).await.unwrap();
    let [first, second] = requests.nodes()[..] else { panic!("{requests:?}") };
    assert_ne!(first, second);
    assert_eq!(session.metrics().retries, 1);
}

#[tokio::test]
async fn no_retry_fails_on_the_first_error() {
    let (servers, requests) = start_recording_nodes(2, |_| unavailable(1)).await;
    let session = connect(session_builder(&servers).retry_policy(NoRetry), 2).await;
    let select = Statement::new("SELECT ...").idempotent(true);
    let error = session.execute(&select, ()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server(ErrorCode::Unavailable), 1));
    assert!(error.to_string().contains("1 of 2 required replicas"), "{error}");
    // The policy of a statement overrides that of the session.
    let error = session.execute(select.retry_policy(RetryUpTo(4)), ()).await.unwrap_err();
    assert_eq!((error.attempts(), requests.count()), (4, 5));
}

#[tokio::test]
async fn the_downgrading_policy_lowers_the_consistency_to_the_live_replicas() {
    let (servers, requests) =
        start_recording_nodes(2, |n| if n == 0 { unavailable(1) } else { Reply::void() }).await;
    let session = connect(session_builder(&servers).retry_policy(DowngradingRetry), 2).await;
    let select = Statement::new("SELECT ...").consistency(Consistency::Quorum).idempotent(true);
    session.execute(select, ()).await.unwrap();
    let consistencies = requests.map(|parameters| parameters.consistency);
    assert_eq!(consistencies, [Consistency::Quorum, Consistency::One]);
    let [first, second] = requests.nodes()[..] else { panic!("{requests:?}") };
    assert_eq!(first, second, "the retry goes to the same node");
}

/// A retry policy that records the failures it sees.
#[derive(Debug, Default)]
struct RecordingPolicy(Mutex<Vec<(usize, bool, Consistency, String)>>);

impl RetryPolicy for &'static RecordingPolicy {
    fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision {
        let FailedAttempt { attempts, idempotent, consistency, .. } = *failed;
        let reason = match failed.error {
            AttemptError::Server(error) => error.message.clone(),
            AttemptError::NoResponse(error) => error.to_string(),
            _ => String::new(),
        };
        self.0.lock().unwrap().push((attempts, idempotent, consistency, reason));
        match attempts {
            1 => RetryDecision::Retry {
                same_node: false,
                after: Duration::from_millis(1),
                consistency: Some(Consistency::Two),
            },
            2 => RetryDecision::SAME_NODE,
            _ => RetryDecision::Fail,
        }
    }
}

#[tokio::test]
async fn a_custom_retry_policy_sees_each_failure_and_decides() {
    let texts = ["one", "two", "three"];
    let (servers, requests) =
        start_recording_nodes(2, move |n| Reply::error(ErrorCode::Overloaded, texts[n])).await;
    let policy: &'static RecordingPolicy = Box::leak(Box::default());
    let session = connect(session_builder(&servers).retry_policy(policy), 2).await;
    let insert = Statement::new("INSERT ...").consistency(Consistency::All);
    session.execute(insert, ()).await.unwrap_err();
    let [one, two, three] = requests.nodes()[..] else { panic!("{requests:?}") };
    assert!(one != two && two == three, "{requests:?}");
    let expected = [
        (1, false, Consistency::All, "one".to_owned()),
        (2, false, Consistency::Two, "two".to_owned()),
        (3, false, Consistency::Two, "three".to_owned()),
    ];
    assert_eq!(*policy.0.lock().unwrap(), expected);
}

/// A load balancing policy that always picks the node at this address.
#[derive(Debug)]
struct FixedNode(SocketAddr);

impl LoadBalancing for FixedNode {
    fn pick(
        &self,
        request: &Routing<'_>,
        cluster: &ClusterState,
        tried: &[Arc<Node>],
    ) -> Option<Arc<Node>> {
        assert_eq!(request.consistency, Consistency::LocalOne);
        let mut nodes = cluster.nodes().iter();
        nodes.find(|node| node.address() == self.0).filter(|_| tried.is_empty()).cloned()
    }
}

#[tokio::test]
async fn a_custom_load_balancing_policy_chooses_the_node() {
    let (servers, requests) = start_recording_nodes(3, |_| Reply::void()).await;
    let builder = session_builder(&servers).load_balancing(FixedNode(servers[1].address()));
    let session = connect(builder, 3).await;
    for _ in 0..5 {
        session.execute("SELECT ...", ()).await.unwrap();
    }
    assert_eq!(requests.nodes(), [1; 5]);
    let other = Arc::new(FixedNode(servers[2].address()));
    session.execute(Statement::new("SELECT ...").load_balancing(other), ()).await.unwrap();
    let all = Arc::new(DefaultBalancing::new());
    for _ in 0..3 {
        let select = Statement::new("SELECT ...").load_balancing(all.clone());
        session.execute(select, ()).await.unwrap();
    }
    let mut turns = requests.nodes().split_off(5);
    assert_eq!(turns.remove(0), 2);
    turns.sort_unstable();
    assert_eq!(turns, [0, 1, 2], "each node gets one request");
}

/// Starts two recording nodes. The first reports the second as a peer in this datacenter and rack.
async fn start_nodes_with_second_in(
    datacenter: &str,
    rack: &str,
    answer: impl Fn(usize) -> Reply + Send + Sync + 'static,
) -> (Vec<MockServer>, Arc<RequestLog>) {
    let (mut servers, requests) = start_recording_nodes(2, answer).await;
    let tokens = CqlType::Set(Box::new(NativeType::Text.into()));
    let columns = [
        ("native_address", NativeType::Inet.into()),
        ("native_port", NativeType::Int.into()),
        ("host_id", NativeType::Uuid.into()),
        ("data_center", NativeType::Text.into()),
        ("rack", NativeType::Text.into()),
        ("tokens", tokens),
    ];
    let second = servers[1].address();
    let (ip, port) = (second.ip(), i32::from(second.port()));
    let row = (ip, port, Uuid::from_u128(2), datacenter, rack, ["7"]);
    let first = servers.remove(0).on("SELECT * FROM system.peers_v2", Reply::rows(columns, [row]));
    servers.insert(0, first);
    (servers, requests)
}

#[tokio::test]
async fn prefers_nodes_of_the_local_rack() {
    let (servers, requests) =
        start_nodes_with_second_in("datacenter1", "rack2", |_| Reply::void()).await;
    let balancing = DefaultBalancing::new().rack("rack2");
    let session = connect(session_builder(&servers).load_balancing(balancing), 2).await;
    for _ in 0..5 {
        session.execute("SELECT ...", ()).await.unwrap();
    }
    assert_eq!(requests.nodes(), [1; 5]);
    // With no node in rack3, the nodes of other racks are used.
    let select = Statement::new("SELECT ...");
    let away = Arc::new(DefaultBalancing::new().rack("rack3"));
    session.execute(select.load_balancing(away), ()).await.unwrap();
}

#[tokio::test]
async fn uses_remote_datacenters_only_if_allowed() {
    let answer = |n| match n {
        4 | 6 | 7 => Reply::error(ErrorCode::Overloaded, "not now"),
        _ => Reply::void(),
    };
    let (servers, requests) = start_nodes_with_second_in("datacenter2", "rack1", answer).await;
    let session = connect(session_builder(&servers), 1).await;
    for _ in 0..4 {
        session.execute("SELECT ...", ()).await.unwrap();
    }
    assert_eq!(requests.nodes(), [0; 4]);
    assert_eq!(session.cluster().nodes()[1].distance(), Distance::Ignored);
    assert_eq!(session.metrics().open_connections, 1);

    let balancing = DefaultBalancing::new().remote_datacenters(true);
    let builder = session_builder(&servers).load_balancing(balancing).retry_policy(RetryUpTo(2));
    let session = connect(builder, 2).await;
    let select = Statement::new("SELECT ...").consistency(Consistency::One);
    session.execute(&select, ()).await.unwrap();
    // A local consistency level never uses remote nodes, even if the request fails.
    let local = select.consistency(Consistency::LocalOne);
    session.execute(&local, ()).await.unwrap_err();
    assert_eq!(requests.nodes().split_off(4), [0, 1, 0, 0]);
}

#[tokio::test]
async fn latency_awareness_avoids_a_slow_node() {
    let requests = Arc::new(RequestLog::default());
    let recorder = Arc::clone(&requests);
    let servers = start_nodes(2, move |node, frame| {
        recorder.record(node, frame);
        Reply::void().after(Duration::from_millis(200 * node as u64))
    })
    .await;
    let slow = LatencyAwareness::default();
    let balancing = DefaultBalancing::new().latency_aware(slow);
    let session = connect(session_builder(&servers).load_balancing(balancing), 2).await;
    for _ in 0..40 {
        session.execute("SELECT ...", ()).await.unwrap();
    }
    let nodes = requests.nodes();
    // The slow node gets a request before its latency is known, and occasional ones after that.
    let count = nodes.iter().filter(|node| **node == 1).count();
    assert!((1..=3).contains(&count), "{nodes:?}");
}

#[tokio::test]
async fn statement_options_override_the_profile_and_the_profile_the_session() {
    let (servers, requests) = start_recording_nodes(1, |_| Reply::void()).await;
    let default = ExecutionProfile::new().serial_consistency(Consistency::LocalSerial);
    let builder = session_builder(&servers).default_profile(&default).page_size(100);
    let session = connect(builder, 1).await;
    let reports = ExecutionProfile::new().consistency(Consistency::Quorum).page_size(200);
    let plain = Statement::new("SELECT ...");
    let of_profile = plain.clone().profile(&reports);
    let own = of_profile.clone().page_size(300);
    let other = own.clone().serial_consistency(Consistency::Serial).consistency(Consistency::One);
    for statement in [plain, of_profile, own, other] {
        session.execute(statement, ()).await.unwrap();
    }
    let seen = requests.map(|p| (p.consistency, p.serial_consistency, p.page_size));
    let (local, serial) = (Some(Consistency::LocalSerial), Some(Consistency::Serial));
    let expected = [
        (Consistency::LocalOne, local, Some(100)),
        (Consistency::Quorum, local, Some(200)),
        (Consistency::Quorum, local, Some(300)),
        (Consistency::One, serial, Some(300)),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn the_default_profile_overrides_built_in_defaults() {
    let (servers, requests) =
        start_recording_nodes(1, |n| if n < 2 { Reply::void() } else { Reply::silence() }).await;
    let session = connect(session_builder(&servers), 1).await;
    session.execute("SELECT ...", ()).await.unwrap();
    let profile = ExecutionProfile::new().consistency(Consistency::LocalQuorum).page_size(7);
    let session = connect(session_builder(&servers).default_profile(&profile), 1).await;
    session.execute("SELECT ...", ()).await.unwrap();
    assert_eq!(
        requests.map(|p| (p.consistency, p.page_size)),
        [(Consistency::LocalOne, Some(5_000)), (Consistency::LocalQuorum, Some(7))]
    );
    let short = profile.timeout(Duration::from_millis(100));
    let session = connect(session_builder(&servers).default_profile(&short), 1).await;
    let error = session.execute("SELECT ...", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

/// Reads are idempotent by default, and never count as possibly applied.
#[tokio::test]
async fn retries_reads_but_not_writes_by_default() {
    let (servers, requests) =
        start_recording_nodes(2, |_| Reply::error(ErrorCode::Overloaded, "later")).await;
    let session = connect(session_builder(&servers), 2).await;
    let failed = |text: &str, expected: usize| {
        let statement = Statement::new(text);
        let (session, before, requests) =
            (session.clone(), requests.count(), Arc::clone(&requests));
        async move {
            let error = session.execute(statement, ()).await.unwrap_err();
            assert_eq!((error.attempts(), requests.count() - before), (expected, expected));
        }
    };
    failed("-- all\nselect ...", 5).await;
    failed("INSERT ...", 1).await;
    let never = Statement::new("SELECT ...").idempotent(false);
    assert_eq!(session.execute(never, ()).await.unwrap_err().attempts(), 1);
    let broken = start_nodes(1, |_, _| Reply::close()).await;
    let session = connect(session_builder(&broken).retry_policy(NoRetry), 1).await;
    for (text, applied) in [("SELECT ...", false), ("INSERT ...", true)] {
        let error = session.execute(text, ()).await.unwrap_err();
        let [attempt] = error.history() else { panic!("{error:?}") };
        assert_eq!(attempt.may_have_been_applied, applied);
        assert_eq!(attempt.failure.contains("may have been applied"), applied, "{attempt:?}");
        assert_eq!(error.may_have_been_applied(), applied);
    }
}

#[tokio::test]
async fn timestamps_increase_per_statement_and_stay_the_same_in_retries() {
    let failing = [1, 2];
    let reply = move |n| if failing.contains(&n) { unavailable(1) } else { Reply::void() };
    let (servers, requests) = start_recording_nodes(2, reply).await;
    let session = connect(session_builder(&servers).retry_policy(RetryUpTo(3)), 2).await;
    for _ in 0..3 {
        session.execute("INSERT ...", ()).await.unwrap();
    }
    let times: Vec<_> = requests.map(|p| p.timestamp).into_iter().map(Option::unwrap).collect();
    let [first, second, again, at_last, third] = times[..] else { panic!("{times:?}") };
    assert!(first < second && second < third, "{times:?}");
    assert_eq!([again, at_last], [second; 2], "retries keep the timestamp");
}

#[tokio::test]
async fn server_timestamps_send_no_client_timestamp() {
    let (servers, requests) = start_recording_nodes(1, |_| Reply::void()).await;
    let session = connect(session_builder(&servers).timestamps(ServerTimestamps), 1).await;
    session.execute("INSERT ...", ()).await.unwrap();
    session.execute(Statement::new("INSERT ...").timestamp(7), ()).await.unwrap();
    assert_eq!(requests.map(|p| p.timestamp), [None, Some(7)]);
}

#[tokio::test]
async fn connects_to_the_addresses_of_the_address_translator() {
    let (mut servers, requests) = start_recording_nodes(2, |_| Reply::void()).await;
    // The first node advertises the second at an address behind a NAT.
    let real = servers[1].address();
    let advertised = SocketAddr::new(IpAddr::from([192, 0, 2, 7]), real.port());
    let first = servers.remove(0).peers([advertised]);
    let translator = move |node| if node == advertised { real } else { node };
    let builder = Session::builder().contact_points([first.address().to_string()]);
    let session = connect(builder.address_translator(translator), 2).await;
    let mut addresses: Vec<_> =
        session.cluster().nodes().iter().map(|node| node.address()).collect();
    addresses.sort();
    let mut expected = [first.address(), real];
    expected.sort();
    assert_eq!(addresses, expected);
    for _ in 0..2 {
        session.execute("SELECT ...", ()).await.unwrap();
    }
    let mut nodes = requests.nodes();
    nodes.sort_unstable();
    assert_eq!(nodes, [0, 1]);
}

#[tokio::test]
async fn close_waits_for_requests_in_flight_and_refuses_new_ones() {
    let requests = Arc::new(Notify::new());
    let notifier = Arc::clone(&requests);
    let servers = start_nodes(1, move |_, _| {
        notifier.notify_one();
        Reply::void().after(Duration::from_millis(100))
    })
    .await;
    let session = connect(session_builder(&servers), 1).await;
    let slow = {
        let session = session.clone();
        tokio::spawn(async move { session.execute("SELECT ...", ()).await })
    };
    requests.notified().await;
    session.close(Duration::MAX).await;
    slow.await.unwrap().unwrap();
    let error = session.execute("SELECT ...", ()).await.unwrap_err();
    assert!(error.to_string().contains("the session was closed"), "{error}");
    assert_eq!(error.attempts(), 0);
}

#[tokio::test]
async fn close_abandons_requests_after_its_timeout() {
    let (servers, requests) = start_recording_nodes(1, |_| Reply::silence()).await;
    let session = connect(session_builder(&servers), 1).await;
    let silent = {
        let session = session.clone();
        tokio::spawn(async move { session.execute("INSERT ...", ()).await })
    };
    until("the server receives the request", async || requests.count() > 0).await;
    session.close(Duration::from_millis(10)).await;
    let error = silent.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.may_have_been_applied());
}

/// A load balancing policy that never picks a node.
#[derive(Debug)]
struct NoNode;

impl LoadBalancing for NoNode {
    fn pick(&self, _: &Routing<'_>, _: &ClusterState, _: &[Arc<Node>]) -> Option<Arc<Node>> {
        None
    }
}

#[tokio::test]
async fn fails_when_the_load_balancing_policy_returns_no_node() {
    let (servers, requests) = start_recording_nodes(1, |_| Reply::void()).await;
    let session = connect(session_builder(&servers), 1).await;
    let select = Statement::new("SELECT ...").load_balancing(NoNode);
    let error = session.execute(select, ()).await.unwrap_err();
    assert_eq!((error.kind(), requests.count()), (ErrorKind::Unreachable, 0));
    assert!(error.to_string().contains("the load balancing policy does not use it"), "{error}");
}

#[tokio::test]
async fn does_not_speculate_when_there_is_one_node() {
    let (servers, requests) = start_recording_nodes(1, |_| Reply::silence()).await;
    let session = connect(session_builder(&servers), 1).await;
    let select = Statement::new("SELECT ...")
        .idempotent(true)
        .speculative_execution(SpeculativeExecution::after(Duration::from_millis(1)))
        .timeout(Duration::from_millis(100));
    let error = session.execute(select, ()).await.unwrap_err();
    assert_eq!((error.kind(), requests.count()), (ErrorKind::Timeout, 1));
    assert_eq!(session.metrics().speculative_executions, 0);
}
