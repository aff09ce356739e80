//! The parts of the schema that the driver reads from DESCRIBE, if servers fail to answer it.

use std::collections::HashSet;
use std::time::Duration;

use cqlwire::message::{ErrorCode, Event, SchemaChange, SchemaChangeKind, SchemaTarget};
use cqlwire::session::Session;
use cqlwire::testing::{Fault, FaultId, MockServer, Reply};
use cqlwire::types::NativeType;
use uuid::Uuid;

use crate::wait::until;

/// The statement that creates the table, as the server prints it.
const CREATE: &str = "CREATE TABLE k.t (k int PRIMARY KEY, v int CHECK v > 0)";

/// Number of rows before that of the table, in a result of two pages.
const ROWS_BEFORE: usize = 1_500;

/// Starts a server that says that it is Cassandra 6.0. It answers DESCRIBE SCHEMA with two pages, the
/// second of which has the table `k.t`.
async fn start() -> MockServer {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let address = server.address();
    let columns = [
        ("host_id", NativeType::Uuid),
        ("data_center", NativeType::Text),
        ("rack", NativeType::Text),
        ("release_version", NativeType::Text),
        ("rpc_address", NativeType::Inet),
        ("rpc_port", NativeType::Int),
    ];
    let port = i32::from(address.port());
    let local = (Uuid::from_u128(7), "datacenter1", "rack1", "6.0.0", address.ip(), port);
    let before = (0..ROWS_BEFORE).map(|_| ["other", "keyspace", "other", ""]);
    let described = before.chain([["k", "table", "t", CREATE]]);
    let columns_of_describe = ["keyspace_name", "type", "name", "create_statement"];
    let server = server
        .on("SELECT * FROM system.local WHERE key = 'local'", Reply::rows(columns, [local]))
        .on("DESCRIBE SCHEMA", Reply::rows(columns_of_describe, described));
    let session = connect(&server).await;
    let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    let keyspace = format!("CREATE KEYSPACE k WITH replication = {replication}");
    session.execute(keyspace, ()).await.unwrap();
    session.execute("CREATE TABLE k.t (k int PRIMARY KEY, v int)", ()).await.unwrap();
    session.close(Duration::from_secs(60)).await;
    until("the first session has no connection", async || server.connections() == 0).await;
    server
}

async fn connect(server: &MockServer) -> Session {
    let builder = Session::builder().contact_points([server.address().to_string()]);
    builder.connect().await.unwrap()
}

/// Returns the constraint of the table's column.
async fn check(session: &Session) -> Option<String> {
    session.schema().await.unwrap().table("k", "t").unwrap().column("v").unwrap().check.clone()
}

fn add_failure(server: &MockServer, fault: Fault) -> FaultId {
    server.add_fault(fault.statement("DESCRIBE%"))
}

fn schema_changed() -> Fault {
    let message = "The schema has changed since the previous page of the DESCRIBE statement result. \
                   Please retry the DESCRIBE statement.";
    Fault::error(ErrorCode::Invalid, message)
}

#[tokio::test]
async fn describes_the_schema_from_the_start_if_it_changes_between_pages() {
    let server = start().await;
    let changed = add_failure(&server, schema_changed().skip(1).times(1));
    let session = connect(&server).await;
    assert_eq!(check(&session).await.as_deref(), Some("v > 0"));
    assert_eq!(server.fault_count(changed), Some(1));
}

#[tokio::test]
async fn describes_the_schema_again_if_the_server_failed_to() {
    let server = start().await;
    let failure = add_failure(&server, Fault::error(ErrorCode::Server, "cannot describe").times(1));
    let session = connect(&server).await;
    until("the constraint is read", async || check(&session).await.as_deref() == Some("v > 0"))
        .await;
    assert_eq!(server.fault_count(failure), Some(1));
}

/// The driver waits for the answer as long as for a handshake.
#[tokio::test]
async fn describes_the_schema_again_if_the_server_did_not_answer() {
    let server = start().await;
    let failure = add_failure(&server, Fault::reply(Reply::silence()).times(1));
    server.clear_received();
    let session = connect(&server).await;
    until("the constraint is read", async || check(&session).await.as_deref() == Some("v > 0"))
        .await;
    assert_eq!(server.fault_count(failure), Some(1));
    assert_eq!(connections_of_describe(&server), 1, "the driver reconnected");
}

#[tokio::test]
async fn describes_no_further_table_if_the_server_failed_to_describe_one() {
    let server = start().await;
    let first = connect(&server).await;
    first.execute("CREATE TABLE k.u (k int PRIMARY KEY)", ()).await.unwrap();
    first.close(Duration::from_secs(60)).await;
    until("the first session has no connection", async || server.connections() == 0).await;
    let session = connect(&server).await;
    session.schema().await.unwrap();
    // The first session may have described the keyspace.
    server.clear_received();
    let failure = Fault::error(ErrorCode::Server, "cannot describe");
    let failure = server.add_fault(failure.statement("DESCRIBE TABLE%"));
    for table in ["t", "u"] {
        let target = SchemaTarget::Table { keyspace: "k".to_owned(), table: table.to_owned() };
        server.emit(Event::Schema(SchemaChange { kind: SchemaChangeKind::Updated, target }));
    }
    until("the keyspace is described", async || {
        server.received().iter().any(|request| request.text == "DESCRIBE KEYSPACE k")
    })
    .await;
    assert_eq!(server.fault_count(failure), Some(1));
}

/// Returns the number of connections that received DESCRIBE.
fn connections_of_describe(server: &MockServer) -> usize {
    let received = server.received();
    let described = received.iter().filter(|request| request.text == "DESCRIBE SCHEMA");
    described.map(|request| request.connection).collect::<HashSet<_>>().len()
}

#[tokio::test]
async fn reads_the_tables_of_the_schema_if_the_server_fails_to_describe_it() {
    let server = start().await;
    let failure = add_failure(&server, Fault::error(ErrorCode::Server, "cannot describe"));
    server.clear_received();
    let session = connect(&server).await;
    assert_eq!(check(&session).await, None);
    until("the driver tries again", async || server.fault_count(failure) > Some(1)).await;
    assert_eq!(check(&session).await, None);
    assert_eq!(connections_of_describe(&server), 1, "the driver reconnected");
}
