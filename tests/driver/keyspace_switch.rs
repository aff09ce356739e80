//! Connections that switch to another keyspace, or fail to, while requests are in flight.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cqlwire::message::{
    ErrorCode, Request, ResultMessage, SchemaChange, SchemaChangeKind, SchemaTarget,
};
use cqlwire::session::{ErrorKind, Session, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::NativeType;

use crate::mock_nodes::{connect, session_builder, start_nodes, wait_until_connected};
use crate::wait::{LIMIT, until};

/// The statement with which the driver switches a connection to the keyspace `test`.
const USE: &str = "USE \"test\"";
const CREATE: &str = "CREATE KEYSPACE test ...";
const CLOSE: &str = "close the connection";
/// A statement that is answered once the test releases it.
const HELD: &str = "UPDATE t SET n = n + 1 WHERE k = 1";

fn set_keyspace() -> Reply {
    Reply::response(ResultMessage::SetKeyspace("test".to_owned()))
}

/// Returns a reply that waits until the test sets `is_released`.
fn held(is_released: &Arc<AtomicBool>) -> Reply {
    let is_released = Arc::clone(is_released);
    Reply::void().when(move || is_released.load(Ordering::SeqCst))
}

/// The texts that the nodes have received, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    fn count(&self, text: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|received| *received == text).count()
    }
}

/// The connection that does not switch gets no new requests, and is replaced by one that does. The
/// request in flight is answered.
#[tokio::test]
async fn requests_in_flight_are_answered_when_a_connection_cannot_switch_keyspace() {
    for failed in [Reply::error(ErrorCode::Server, "busy"), Reply::silence()] {
        let (answer, log) = (failed.then(set_keyspace()), Log::default());
        let is_released = Arc::new(AtomicBool::new(false));
        let (received, held) = (log.clone(), held(&is_released));
        let servers = start_nodes(1, move |_, frame| {
            let Request::Query(query) = &frame.request else { return Reply::void() };
            received.add(&query.text);
            match &*query.text {
                USE => answer.clone(),
                "USE test" => set_keyspace(),
                HELD => held.clone(),
                _ => Reply::void(),
            }
        })
        .await;
        let builder = session_builder(&servers).connect_timeout(Duration::from_millis(500));
        let session = connect(builder, 1).await;
        let in_flight = spawn(&session, HELD);
        until("the request is in flight", async || log.count(HELD) == 1).await;
        session.execute("USE test", ()).await.unwrap();
        session.execute("SELECT v FROM t", ()).await.unwrap();
        assert_eq!(log.count(USE), 2, "the statement ran on a connection that has not switched");
        is_released.store(true, Ordering::SeqCst);
        in_flight.await.unwrap();
    }
}

/// The keyspace of the connection is unknown afterwards, so that it gets no new requests.
#[tokio::test]
async fn requests_in_flight_are_answered_when_a_use_statement_gets_no_response() {
    let (log, is_released) = (Log::default(), Arc::new(AtomicBool::new(false)));
    let (received, held) = (log.clone(), held(&is_released));
    let servers = start_nodes(1, move |_, frame| {
        let Request::Query(query) = &frame.request else { return Reply::void() };
        received.add(&query.text);
        match &*query.text {
            "USE test" => Reply::silence(),
            HELD => held.clone(),
            _ => Reply::void(),
        }
    })
    .await;
    let session = connect(session_builder(&servers), 1).await;
    let in_flight = spawn(&session, HELD);
    until("the request is in flight", async || log.count(HELD) == 1).await;
    let before = servers[0].connections();
    let switch = Statement::new("USE test").timeout(Duration::from_millis(200));
    assert_eq!(session.execute(switch, ()).await.unwrap_err().kind(), ErrorKind::Timeout);
    session.execute("SELECT v FROM t", ()).await.unwrap();
    assert_eq!(servers[0].connections(), before + 1, "the connection is in use");
    is_released.store(true, Ordering::SeqCst);
    in_flight.await.unwrap();
    until("the connection is closed", async || servers[0].connections() == before).await;
}

fn spawn(session: &Session, text: &'static str) -> tokio::task::JoinHandle<()> {
    let session = session.clone();
    tokio::spawn(async move {
        session.execute(text, ()).await.unwrap();
    })
}

/// Nodes whose keyspace `test` was dropped and is created again.
struct Dropped {
    servers: Vec<MockServer>,
    session: Session,
    /// `USE` requests received since the keyspace was created again, by node.
    uses: Counts,
    /// Requests with the text [`HELD`], by node.
    held: Counts,
    /// Releases the responses to [`HELD`].
    is_released: Arc<AtomicBool>,
}

/// A number of requests for each of two nodes.
type Counts = Arc<[AtomicUsize; 2]>;

fn all(counts: &Counts, is_reached: impl Fn(usize) -> bool) -> bool {
    counts.iter().all(|count| is_reached(count.load(Ordering::SeqCst)))
}

/// Starts two nodes and a session whose connections lack the session's keyspace. On each node,
/// the reply that `on_restore` returns answers `USE` once the keyspace exists again.
async fn start_dropped(on_restore: fn() -> Reply) -> Dropped {
    const EXISTS: usize = 0;
    const DROPPED: usize = 1;
    const RESTORED: usize = 2;
    let state = Arc::new(AtomicUsize::new(EXISTS));
    let [uses, refused, held]: [Counts; 3] = Default::default();
    let is_released = Arc::new(AtomicBool::new(false));
    let mut servers = Vec::new();
    for number in 0..2 {
        let (state, on_restore, on_held) =
            (Arc::clone(&state), on_restore(), self::held(&is_released));
        let [uses, refused, held] = [&uses, &refused, &held].map(Arc::clone);
        let server = MockServer::bind("127.0.0.1:0").await.unwrap().on_any(Reply::void());
        servers.push(server.on_request(move |frame| {
            let Request::Query(query) = &frame.request else { return None };
            let count = |counts: &Counts| counts[number].fetch_add(1, Ordering::SeqCst);
            let current = state.load(Ordering::SeqCst);
            match &*query.text {
                USE => Some(match current {
                    EXISTS => set_keyspace(),
                    DROPPED => {
                        count(&refused);
                        Reply::error(ErrorCode::Invalid, "Keyspace 'test' does not exist")
                    }
                    _ => {
                        count(&uses);
                        on_restore.clone()
                    }
                }),
                // Only the connection that has the keyspace is closed.
                CLOSE if refused[number].load(Ordering::SeqCst) == 0 => Some(Reply::close()),
                HELD => {
                    count(&held);
                    Some(on_held.clone())
                }
                "DROP KEYSPACE test" => {
                    state.store(DROPPED, Ordering::SeqCst);
                    None
                }
                CREATE => {
                    state.store(RESTORED, Ordering::SeqCst);
                    let target = SchemaTarget::Keyspace { keyspace: "test".to_owned() };
                    let change = SchemaChange { kind: SchemaChangeKind::Created, target };
                    Some(Reply::response(ResultMessage::SchemaChange(change)))
                }
                text if text.contains("system_schema.keyspaces") && current == DROPPED => {
                    Some(Reply::rows([("keyspace_name", NativeType::Text)], [] as [(&str,); 0]))
                }
                _ => None,
            }
        }));
    }
    let addresses: Vec<_> = servers.iter().map(MockServer::address).collect();
    let servers = servers.into_iter().map(|server| server.peers(addresses.clone()));
    let servers: Vec<_> = servers.collect();
    let builder = session_builder(&servers).keyspace("test").timeout(LIMIT);
    let session = connect(builder.connect_timeout(LIMIT), 2).await;
    session.execute("DROP KEYSPACE test", ()).await.unwrap();
    until("each node has refused USE", async || {
        let _outcome = session.execute(CLOSE, ()).await;
        all(&refused, |refused| refused > 0)
    })
    .await;
    // A node that has refused USE is connected once its new connection is in use.
    wait_until_connected(&session, 2).await;
    Dropped { servers, session, uses, held, is_released }
}

#[tokio::test]
async fn requests_in_flight_are_answered_when_a_restored_keyspace_is_refused() {
    let refused = || Reply::error(ErrorCode::Server, "busy").then(set_keyspace());
    let dropped = start_dropped(refused).await;
    let Dropped { servers: _servers, session, uses, held, is_released } = &dropped;
    let mut in_flight = Vec::new();
    while !all(held, |held| held > 0) {
        assert!(in_flight.len() < 100, "a node gets no requests");
        in_flight.push(spawn(session, HELD));
        until("the request is in flight", async || {
            let received: usize = held.iter().map(|held| held.load(Ordering::SeqCst)).sum();
            received == in_flight.len()
        })
        .await;
    }
    session.execute(CREATE, ()).await.unwrap();
    until("the connections are replaced", async || all(uses, |uses| uses > 1)).await;
    is_released.store(true, Ordering::SeqCst);
    for request in in_flight {
        request.await.unwrap();
    }
}

#[tokio::test]
async fn a_node_that_is_slow_to_switch_does_not_delay_the_other_nodes() {
    let Dropped { servers, session, uses, .. } = start_dropped(Reply::silence).await;
    let create = spawn(&session, CREATE);
    until("the connections switch", async || all(&uses, |uses| uses == 1)).await;
    create.abort();
    drop(servers);
}
