//! Sessions whose keyspace was dropped, or is not known to every node.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cqlwire::message::{
    ErrorCode, Request, ResultMessage, SchemaChange, SchemaChangeKind, SchemaTarget,
};
use cqlwire::session::{ErrorKind, Session};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::NativeType;

use crate::mock_nodes::wait_until_connected;
use crate::wait::until;

const USE: &str = "USE \"test\"";
const CREATE: &str = "CREATE KEYSPACE test ...";
const CLOSE: &str = "close the connection";

/// The number of `USE` requests that each node has received.
type Uses = Arc<Mutex<Vec<usize>>>;

/// Starts nodes of one cluster, and counts the `USE` requests. `knows` says whether the node with this number knows the keyspace
/// `test`, and `exists` whether the system tables contain it.
async fn start(
    count: usize,
    exists: &Arc<AtomicBool>,
    knows: impl Fn(usize) -> bool + Clone + Send + Sync + 'static,
) -> (Vec<MockServer>, Uses) {
    let uses = Arc::new(Mutex::new(vec![0; count]));
    let mut servers = Vec::new();
    for number in 0..count {
        let (exists, knows, uses) = (Arc::clone(exists), knows.clone(), Arc::clone(&uses));
        let server = MockServer::bind("127.0.0.1:0").await.unwrap().on_any(Reply::void());
        servers.push(server.on_request(move |frame| {
            let Request::Query(query) = &frame.request else { return None };
            if query.text == USE {
                uses.lock().unwrap()[number] += 1;
            }
            match &*query.text {
                USE if knows(number) => {
                    Some(Reply::response(ResultMessage::SetKeyspace("test".to_owned())))
                }
                USE => Some(Reply::error(ErrorCode::Invalid, "Keyspace 'test' does not exist")),
                CREATE => {
                    exists.store(true, Ordering::SeqCst);
                    let target = SchemaTarget::Keyspace { keyspace: "test".to_owned() };
                    let change = SchemaChange { kind: SchemaChangeKind::Created, target };
                    Some(Reply::response(ResultMessage::SchemaChange(change)))
                }
                CLOSE => Some(Reply::close()),
                text if text.contains("system_schema.keyspaces")
                    && !exists.load(Ordering::SeqCst) =>
                {
                    Some(Reply::rows([("keyspace_name", NativeType::Text)], [] as [(&str,); 0]))
                }
                _ => None,
            }
        }));
    }
    let addresses: Vec<_> = servers.iter().map(MockServer::address).collect();
    let servers = servers.into_iter().map(|server| server.peers(addresses.clone()));
    (servers.collect(), uses)
}

async fn connect(servers: &[MockServer]) -> Session {
    let builder = Session::builder().contact_points([servers[0].address().to_string()]);
    builder.keyspace("test").connect().await.unwrap()
}

/// Statements that name their keyspace work without the session's keyspace. When the keyspace exists
/// again, the open connection switches to it.
#[tokio::test]
async fn a_session_survives_the_loss_of_its_keyspace() {
    survive_the_loss_of_the_keyspace(|servers| servers).await;
}

#[tokio::test]
async fn a_session_survives_the_loss_of_its_keyspace_if_no_host_id_is_reported() {
    let without_local_row = |servers: Vec<MockServer>| {
        let servers = servers.into_iter().map(|server| {
            server.on_request(|frame| match &frame.request {
                Request::Query(query) if query.text.starts_with("SELECT * FROM system.local") => {
                    Some(Reply::rows([("key", NativeType::Text)], [] as [(&str,); 0]))
                }
                _ => None,
            })
        });
        servers.collect()
    };
    survive_the_loss_of_the_keyspace(without_local_row).await;
}

async fn survive_the_loss_of_the_keyspace(change: fn(Vec<MockServer>) -> Vec<MockServer>) {
    let exists = Arc::new(AtomicBool::new(true));
    let known = Arc::clone(&exists);
    let (servers, uses) = start(1, &exists, move |_| known.load(Ordering::SeqCst)).await;
    let servers = change(servers);
    let [server] = &servers[..] else { panic!() };
    let session = connect(&servers).await;
    // The session does not learn of the drop by an event.
    exists.store(false, Ordering::SeqCst);
    session.execute(CLOSE, ()).await.unwrap_err();
    session.execute("SELECT key FROM system.local", ()).await.unwrap();
    let (connections, before) = (server.connections(), uses.lock().unwrap()[0]);
    session.execute(CREATE, ()).await.unwrap();
    assert_eq!(uses.lock().unwrap()[0], before + 1, "the connection has not switched yet");
    session.execute("SELECT v FROM t", ()).await.unwrap();
    assert_eq!(server.connections(), connections, "a connection was replaced");
    assert_eq!(session.keyspace().as_deref(), Some("test"));
}

/// A node that has not learned of the keyspace yet gets no statements.
#[tokio::test]
async fn a_node_that_does_not_know_an_existing_keyspace_is_not_used() {
    let exists = Arc::new(AtomicBool::new(true));
    let learned = Arc::new(AtomicBool::new(false));
    let knows = Arc::clone(&learned);
    let (servers, uses) =
        start(2, &exists, move |node| node == 0 || knows.load(Ordering::SeqCst)).await;
    let session = connect(&servers).await;
    until("the node refuses USE again", async || uses.lock().unwrap()[1] > 1).await;
    for _ in 0..10 {
        let result = session.execute("SELECT v FROM t", ()).await.unwrap();
        assert_eq!(result.coordinator().address(), servers[0].address());
    }
    learned.store(true, Ordering::SeqCst);
    wait_until_connected(&session, 2).await;
}

/// If no node accepts an existing keyspace, the error names the failed `USE` and not the statement.
#[tokio::test]
async fn a_refused_keyspace_is_not_reported_as_a_failed_statement() {
    let exists = Arc::new(AtomicBool::new(true));
    let known = Arc::new(AtomicBool::new(true));
    let knows = Arc::clone(&known);
    let (servers, _) = start(1, &exists, move |_| knows.load(Ordering::SeqCst)).await;
    let session = connect(&servers).await;
    known.store(false, Ordering::SeqCst);
    session.execute(CLOSE, ()).await.unwrap_err();
    let error = session.execute("SELECT v FROM t", ()).await.unwrap_err();
    assert_eq!((error.kind(), error.server_error()), (ErrorKind::Unreachable, None), "{error}");
    assert!(error.to_string().contains(&format!("{USE}: ")), "{error}");
}

#[tokio::test]
async fn connecting_with_an_unknown_keyspace_is_an_error() {
    let (servers, _) = start(1, &Arc::new(AtomicBool::new(false)), |_| false).await;
    let builder = Session::builder().contact_points([servers[0].address().to_string()]);
    let error = builder.keyspace("test").connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Invalid), "{error}");
    assert!(error.to_string().starts_with(USE), "{error}");
}
