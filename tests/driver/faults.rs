//! Faults that a test adds to the mock server while it runs.

use std::time::Duration;

use cqlwire::connection::Connection;
use cqlwire::message::{ErrorCode, ErrorDetails, WriteType};
use cqlwire::protocol::ConnectionOptions;
use cqlwire::session::{ErrorKind, Session, SessionBuilder, Statement};
use cqlwire::testing::{Fault, MockServer, Reply};
use cqlwire::wire::{Consistency, Opcode, Version};

use crate::wait::until;

const INSERT: &str = "INSERT INTO users (id) VALUES (?)";

async fn server() -> MockServer {
    MockServer::bind("127.0.0.1:0").await.unwrap().on_any(Reply::void())
}

fn builder(server: &MockServer) -> SessionBuilder {
    Session::builder().contact_points([server.address().to_string()])
}

/// Executes a statement once, without retries.
async fn kind(session: &Session, statement: &str) -> Option<ErrorKind> {
    session.execute(Statement::new(statement), ()).await.err().map(|error| error.kind())
}

#[tokio::test]
async fn a_fault_applies_to_the_statements_of_its_pattern_until_it_is_removed() {
    let server = server().await;
    let session = builder(&server).connect().await.unwrap();
    let fault = Fault::error(ErrorCode::Invalid, "no").statement("insert into users%");
    let id = server.add_fault(fault);
    let refused = Some(ErrorKind::Server(ErrorCode::Invalid));
    assert_eq!(kind(&session, "INSERT INTO users (id)  VALUES (1)").await, refused);
    assert_eq!(kind(&session, "INSERT INTO pets (id) VALUES (1)").await, None);
    assert_eq!(
        session.execute(INSERT, ("1",)).await.unwrap_err().kind(),
        ErrorKind::Server(ErrorCode::Invalid)
    );
    assert_eq!(server.fault_count(id), Some(2));
    assert_eq!(server.statements().len(), 3, "a fault does not hide a request");
    assert!(server.remove_fault(id));
    assert_eq!(kind(&session, "INSERT INTO users (id) VALUES (1)").await, None);
}

#[tokio::test]
async fn a_fault_takes_precedence_over_scripted_replies_and_handlers() {
    let server = server()
        .await
        .on("a", Reply::void())
        .on_request(|frame| (frame.request.opcode() == Opcode::Batch).then(Reply::void));
    let session = builder(&server).connect().await.unwrap();
    server.add_fault(Fault::error(ErrorCode::Invalid, "no"));
    let refused = ErrorKind::Server(ErrorCode::Invalid);
    assert_eq!(kind(&session, "a").await, Some(refused));
    let batch = cqlwire::session::Batch::logged().statement("a", ());
    assert_eq!(session.batch(&batch).await.unwrap_err().kind(), refused);
    server.clear_faults();
    assert_eq!(kind(&session, "a").await, None);
    session.batch(&batch).await.unwrap();
}

#[tokio::test]
async fn timeouts_have_their_write_type_and_unavailable_its_replicas() {
    let server = server().await;
    for write_type in WriteType::KNOWN {
        let session = builder(&server).protocol_version(Version::V5).connect().await.unwrap();
        let id = server.add_fault(Fault::reply(Reply::write_timeout(write_type.clone())));
        let error = session.execute("a", ()).await.unwrap_err();
        let details = &error.server_error().expect("a server error").details;
        let ErrorDetails::WriteTimeout { write_type: found, contentions, .. } = details else {
            panic!("{error}")
        };
        assert_eq!((found, contentions.is_some()), (write_type, *write_type == WriteType::Cas));
        server.remove_fault(id);
    }
    let session = builder(&server).connect().await.unwrap();
    let unavailable = Reply::unavailable(Consistency::Quorum, 3, 1);
    server.add_fault(Fault::reply(unavailable));
    let error = session.execute("a", ()).await.unwrap_err();
    let details = error.server_error().map(|error| error.details.clone());
    let (consistency, required, alive) = (Consistency::Quorum, 3, 1);
    assert_eq!(details, Some(ErrorDetails::Unavailable { consistency, required, alive }));
}

#[tokio::test]
async fn a_late_reply_does_not_delay_other_requests() {
    let server = server().await.on("slow", Reply::rows(["a"], [["late"]]));
    let session = builder(&server).connect().await.unwrap();
    let id = server.add_fault(Fault::delay(Duration::from_secs(3_600)).statement("slow"));
    let late = Statement::new("slow").timeout(Duration::from_millis(20));
    assert_eq!(session.execute(late, ()).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(kind(&session, "fast").await, None);
    server.remove_fault(id);
    server.add_fault(Fault::delay(Duration::from_millis(1)).statement("slow"));
    assert_eq!(session.execute("slow", ()).await.unwrap().rows::<(&str,)>().unwrap().count(), 1);
}

#[tokio::test]
async fn forgotten_statements_are_prepared_again() {
    let server = server().await;
    let session = builder(&server).connect().await.unwrap();
    let prepares = server.add_fault(Fault::delay(Duration::ZERO).opcode(Opcode::Prepare));
    session.execute(INSERT, ("1",)).await.unwrap();
    session.execute(INSERT, ("2",)).await.unwrap();
    assert_eq!(server.fault_count(prepares), Some(1));
    server.forget_prepared();
    session.execute(INSERT, ("3",)).await.unwrap();
    assert_eq!(server.fault_count(prepares), Some(2));
    assert!(server.forget_prepared_statement(&format!(" {INSERT};")));
    assert!(!server.forget_prepared_statement(INSERT));
    session.execute(INSERT, ("4",)).await.unwrap();
    assert_eq!(server.fault_count(prepares), Some(3));
    assert_eq!(server.received().len(), 4);
}

#[tokio::test]
async fn closed_connections_are_opened_again() {
    let server = server().await;
    let session = builder(&server).connect().await.unwrap();
    let numbers = server.connection_numbers();
    assert!(!numbers.is_empty());
    server.close_connections();
    let are_new = || server.connection_numbers().iter().any(|number| !numbers.contains(number));
    until("the session connects again", async || are_new()).await;
    until("a request succeeds", async || session.execute("a", ()).await.is_ok()).await;
    assert!(server.received().iter().all(|received| !numbers.contains(&received.connection)));
    assert!(!server.close_connection(numbers[0]), "the connection is closed already");
}

#[tokio::test]
async fn a_fault_of_one_connection_leaves_the_others_alone() {
    let server = server().await;
    let faulty = builder(&server).connect().await.unwrap();
    faulty.execute("a", ()).await.unwrap();
    for number in server.connection_numbers() {
        server.add_fault(Fault::error(ErrorCode::Invalid, "no").connection(number));
    }
    let healthy = builder(&server).connect().await.unwrap();
    assert_eq!(kind(&faulty, "a").await, Some(ErrorKind::Server(ErrorCode::Invalid)));
    assert_eq!(kind(&healthy, "a").await, None);
}

#[tokio::test]
async fn a_client_uses_a_lower_version_while_one_is_refused() {
    let server = server().await;
    server.add_fault(Fault::refuse_version(Version::V5));
    server.add_fault(Fault::refuse_version(Version::V4).times(1));
    let session = builder(&server).connect().await.unwrap();
    session.execute("a", ()).await.unwrap();
    let v3 = builder(&server).protocol_version(Version::V3).connect().await.unwrap();
    v3.execute("a", ()).await.unwrap();
    let v5 = ConnectionOptions { version: Version::V5, ..Default::default() };
    let version = async || {
        let connection = Connection::connect(server.address(), &v5).await.unwrap();
        connection.context().version
    };
    assert_eq!(version().await, Version::V4);
    server.clear_faults();
    assert_eq!(version().await, Version::V5);
}

#[tokio::test]
async fn a_fault_of_the_handshake_is_counted() {
    let server = server().await;
    let id = server.add_fault(
        Fault::error(ErrorCode::Bootstrapping, "not yet").opcode(Opcode::Startup).times(1),
    );
    assert!(builder(&server).connect().await.is_err());
    builder(&server).connect().await.unwrap();
    assert_eq!(server.fault_count(id), Some(1));
}

#[tokio::test]
async fn a_fault_after_execution_hides_that_the_statement_was_executed() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    for statement in [
        "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
        "CREATE TABLE k.t (id int PRIMARY KEY)",
    ] {
        session.execute(statement, ()).await.unwrap();
    }
    let refused = Some(ErrorKind::Server(ErrorCode::Server));
    let fault = || Fault::error(ErrorCode::Server, "lost").statement("INSERT %").times(1);
    server.add_fault(fault());
    assert_eq!(kind(&session, "INSERT INTO k.t (id) VALUES (1)").await, refused);
    server.add_fault(fault().after_execution());
    assert_eq!(kind(&session, "INSERT INTO k.t (id) VALUES (2)").await, refused);
    let rows = session.execute("SELECT id FROM k.t", ()).await.unwrap();
    assert_eq!(rows.one::<i32>().unwrap(), 2);
}
