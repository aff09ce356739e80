//! The control connection, if servers refuse its requests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cqlwire::cluster::Reconnect;
use cqlwire::message::{ErrorCode, Event, Request, StatusChange};
use cqlwire::session::{ClusterEvents, ErrorKind, Session};
use cqlwire::testing::{Fault, MockServer, Reply};
use cqlwire::wire::Opcode;

use crate::wait::until;

const EVENT: Event = Event::Status {
    change: StatusChange::Down,
    address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1),
};

fn refused_register(code: ErrorCode) -> Fault {
    Fault::error(code, "no events").opcode(Opcode::Register)
}

async fn start() -> MockServer {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    server.on("whoami", Reply::rows(["name"], [["server"]]))
}

/// Waits until the session receives an event that the server sends.
async fn wait_for_events(server: &MockServer, events: &mut ClusterEvents) {
    until("the session receives events", async || {
        server.emit(EVENT);
        let received = events.next();
        tokio::time::timeout(Duration::from_millis(10), received).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn reconnects_until_the_server_accepts_the_subscription_to_its_events() {
    for code in [ErrorCode::Overloaded, ErrorCode::Server, ErrorCode::Bootstrapping] {
        let server = start().await;
        let session =
            Session::builder().contact_points([server.address().to_string()]).connect().await;
        let session = session.unwrap();
        let mut events = session.events();
        let refused = server.add_fault(refused_register(code).times(3));
        server.close_connections();
        wait_for_events(&server, &mut events).await;
        assert_eq!(server.fault_count(refused), Some(3));
    }
}

#[tokio::test]
async fn opens_the_control_connection_to_a_contact_point_that_answers_its_setup() {
    let faults = [
        refused_register(ErrorCode::Overloaded),
        Fault::error(ErrorCode::Overloaded, "busy").statement("SELECT * FROM system.local%"),
        Fault::error(ErrorCode::Server, "busy").statement("SELECT % FROM system_schema.keyspaces"),
        Fault::reply(Reply::close()).opcode(Opcode::Register),
    ];
    for fault in faults {
        let (busy, ready) = (start().await, start().await);
        busy.add_fault(fault);
        let points = [busy.address().to_string(), ready.address().to_string()];
        let session = Session::builder().contact_points(points).connect().await.unwrap();
        wait_for_events(&ready, &mut session.events()).await;
    }
}

/// A change between the read and the subscription would be missed.
#[tokio::test]
async fn reads_the_topology_once_the_subscription_to_events_is_answered() {
    let server = start().await;
    let delay = Duration::from_millis(300);
    let register = server.add_fault(Fault::delay(delay).opcode(Opcode::Register));
    let read = Fault::delay(Duration::ZERO).statement("SELECT % FROM system%");
    let reads = server.add_fault(read);
    let connecting = Session::builder().contact_points([server.address()]).connect();
    let connecting = tokio::spawn(connecting);
    until("the server receives REGISTER", async || server.fault_count(register) == Some(1)).await;
    tokio::time::sleep(delay / 3).await;
    assert_eq!(server.fault_count(reads), Some(0));
    connecting.await.unwrap().unwrap();
    assert_ne!(server.fault_count(reads), Some(0));
}

#[tokio::test]
async fn the_error_of_a_contact_point_that_refuses_the_subscription_says_so() {
    let server = start().await;
    server.add_fault(refused_register(ErrorCode::Overloaded));
    let address = server.address();
    let session = Session::builder().contact_points([address.to_string()]).connect().await;
    let error = session.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let reason = format!("{address}: REGISTER: overloaded: no events");
    assert!(error.to_string().contains(&reason), "{error}");
    until("all connections are closed", async || server.connections() == 0).await;
}

#[tokio::test]
async fn a_server_that_has_no_events_is_used_without_them() {
    for code in [ErrorCode::Protocol, ErrorCode::Unauthorized] {
        let server = start().await;
        let refused = server.add_fault(refused_register(code));
        let session =
            Session::builder().contact_points([server.address().to_string()]).connect().await;
        session.unwrap().execute("whoami", ()).await.unwrap();
        assert_eq!(server.fault_count(refused), Some(1));
    }
}

/// The server closes each control connection as soon as the schema was read. Other sessions connect
/// meanwhile, and each takes as long as a new control connection.
#[tokio::test]
async fn backs_off_from_a_server_that_closes_each_control_connection_soon() {
    const OTHERS: usize = 20;
    let hour = Duration::from_secs(3_600);
    let (opened, read) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = (Arc::clone(&opened), Arc::clone(&read));
    let server = start().await.on_request(move |frame| {
        match &frame.request {
            Request::Register(_) => counters.0.fetch_add(1, Ordering::SeqCst),
            // The last part of the schema.
            Request::Query(query) if query.text.contains("system_virtual_schema.columns") => {
                counters.1.fetch_add(1, Ordering::SeqCst)
            }
            _ => 0,
        };
        None
    });
    let builder = Session::builder().contact_points([server.address().to_string()]);
    let session = builder.clone().reconnect(Reconnect { base: hour, cap: hour }).connect().await;
    let session = session.unwrap();
    session.schema().await.unwrap();
    for connection in 1..=2 {
        assert_eq!(opened.load(Ordering::SeqCst), connection);
        until("the schema is read", async || read.load(Ordering::SeqCst) == connection).await;
        server.close_connections();
        // Only the first reconnection has no pause.
        if connection == 1 {
            until("the driver reconnects", async || opened.load(Ordering::SeqCst) == 2).await;
        }
    }
    for other in 1..=OTHERS {
        let session = builder.clone().fetch_schema(false).connect().await.unwrap();
        session.close(Duration::ZERO).await;
        assert_eq!(opened.load(Ordering::SeqCst), 2 + other, "the driver reconnected");
    }
}
