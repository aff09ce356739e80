//! The tracing spans of requests, which must not contain passwords or values.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cqlwire::message::ErrorCode;
use cqlwire::session::{Batch, NoRetry, Session, SpeculativeExecution, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::NativeType;
use cqlwire::wire::Consistency;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

use crate::mock_nodes::{connect, session_builder, start_nodes};
use crate::policies::RetryUpTo;

type Fields = BTreeMap<String, String>;

/// A subscriber that records all spans and events.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordingSubscriber(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    spans: Vec<(&'static Metadata<'static>, Fields)>,
    /// Events, with the id of the current span.
    events: Vec<(Option<u64>, Fields)>,
    entered: Vec<u64>,
}

struct FieldVisitor<'f>(&'f mut Fields);

impl Visit for FieldVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Subscriber for RecordingSubscriber {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut recorded = self.0.lock().unwrap();
        let mut fields = Fields::new();
        span.record(&mut FieldVisitor(&mut fields));
        recorded.spans.push((span.metadata(), fields));
        Id::from_u64(recorded.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut recorded = self.0.lock().unwrap();
        let index = span.into_u64() as usize - 1;
        values.record(&mut FieldVisitor(&mut recorded.spans[index].1));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut recorded = self.0.lock().unwrap();
        let mut fields = Fields::new();
        event.record(&mut FieldVisitor(&mut fields));
        let span = recorded.entered.last().copied();
        recorded.events.push((span, fields));
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        let mut recorded = self.0.lock().unwrap();
        assert_eq!(recorded.entered.pop(), Some(span.into_u64()));
    }
}

impl RecordingSubscriber {
    /// Makes a new subscriber the default of this thread, until the guard is dropped.
    pub(crate) fn install() -> (Self, DefaultGuard) {
        // As long as there is only one subscriber, `tracing` asks no other thread's subscriber whether
        // a span or event is enabled. A test without a subscriber would then disable it for all.
        static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));
        LazyLock::force(&SECOND);
        let subscriber = Self::default();
        (subscriber.clone(), tracing::subscriber::set_default(subscriber))
    }

    /// Returns the fields of the request spans.
    fn requests(&self) -> Vec<Fields> {
        let recorded = self.0.lock().unwrap();
        let requests = recorded.spans.iter().filter(|(metadata, _)| metadata.name() == "cassandra");
        requests.map(|(_, fields)| fields.clone()).collect()
    }

    /// Returns the fields of the first event with this message.
    pub(crate) fn event(&self, message: &str) -> Fields {
        let recorded = self.0.lock().unwrap();
        let mut events = recorded.events.iter().map(|(_, fields)| fields);
        events.find(|fields| field(fields, "message") == message).expect("an event").clone()
    }
}

fn field<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.get(name).map_or("", String::as_str)
}

#[tokio::test]
async fn a_request_has_a_span_with_opentelemetry_fields() {
    let (subscriber, _guard) = RecordingSubscriber::install();
    let servers = start_nodes(1, |_, _| Reply::void()).await;
    let session = connect(session_builder(&servers).keyspace("ks"), 1).await;
    let select = Statement::new("SELECT username FROM users")
        .consistency(Consistency::LocalQuorum)
        .page_size(7)
        .idempotent(true);
    session.execute(select, ()).await.unwrap();
    let [span] = &subscriber.requests()[..] else { panic!("expected one span") };
    let (node, port) = (&session.cluster().nodes()[0].clone(), servers[0].address().port());
    let (id, port) = (node.info().host_id.to_string(), port.to_string());
    let expected = [
        ("otel.kind", "client"),
        ("otel.name", "SELECT"),
        ("db.system.name", "cassandra"),
        ("db.operation.name", "SELECT"),
        ("db.namespace", "ks"),
        ("db.query.text", "SELECT username FROM users"),
        ("cassandra.consistency.level", "local_quorum"),
        ("cassandra.page.size", "7"),
        ("cassandra.query.idempotent", "true"),
        ("cassandra.speculative_execution.count", "0"),
        ("cassandra.coordinator.id", &id),
        ("cassandra.coordinator.dc", "datacenter1"),
        ("server.address", "127.0.0.1"),
        ("server.port", &port),
        ("network.peer.address", "127.0.0.1"),
        ("network.peer.port", &port),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(*span, Fields::from(expected));
    let recorded = subscriber.0.lock().unwrap();
    let (metadata, _) = recorded.spans.last().unwrap();
    assert_eq!(*metadata.level(), Level::DEBUG);
}

#[tokio::test]
async fn a_failed_request_records_its_error_and_an_event_per_attempt() {
    let (subscriber, _guard) = RecordingSubscriber::install();
    let servers = start_nodes(2, |_, _| Reply::error(ErrorCode::Overloaded, "not now")).await;
    let session = connect(session_builder(&servers).retry_policy(RetryUpTo(2)), 2).await;
    session.execute("INSERT INTO t (a) VALUES ('s3cret')", ()).await.unwrap_err();
    let [span] = &subscriber.requests()[..] else { panic!("expected one span") };
    assert_eq!(field(span, "db.response.status_code"), "0x1001");
    assert_eq!(field(span, "error.type"), "0x1001");
    assert_eq!(field(span, "otel.status_code"), "ERROR");
    assert_eq!(field(span, "db.query.text"), "INSERT INTO t (a) VALUES (?)");
    let recorded = subscriber.0.lock().unwrap();
    let number =
        recorded.spans.iter().position(|(m, _)| m.name() == "cassandra").unwrap() as u64 + 1;
    let of_span = recorded.events.iter().filter(|(span, _)| *span == Some(number));
    let failed: Vec<_> = of_span
        .filter(|(_, fields)| field(fields, "message") == "attempt failed")
        .map(|(_, fields)| field(fields, "node").to_owned())
        .collect();
    assert_eq!(failed.len(), 2);
    assert_ne!(failed[0], failed[1]);
    assert!(failed.contains(&format!(
        "{}:{}",
        field(span, "server.address"),
        field(span, "server.port")
    )));
}

#[tokio::test]
async fn spans_of_batches_and_prepares_name_their_operation() {
    let (subscriber, _guard) = RecordingSubscriber::install();
    let insert = "INSERT INTO users (username, password) VALUES (?, ?)";
    let users = [("username", NativeType::Text), ("password", NativeType::Text)];
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let servers = [server.on(insert, Reply::void().variables(users)).on_any(Reply::void())];
    let session = connect(session_builder(&servers), 1).await;
    let batch = Batch::logged()
        .statement(insert, ("ada", "s3cret"))
        .statement(insert, ("bob", "s3cret"))
        .statement("DELETE FROM users WHERE username = 's3cret'", ());
    session.batch(&batch).await.unwrap();
    let [prepare, batch] = &subscriber.requests()[..] else {
        panic!("expected two spans, got {:?}", subscriber.requests())
    };
    assert_eq!(field(prepare, "db.operation.name"), "PREPARE");
    assert_eq!(field(prepare, "db.query.text"), insert);
    assert_eq!(field(batch, "db.operation.name"), "BATCH");
    assert_eq!(field(batch, "db.operation.batch.size"), "3");
    assert_eq!(field(batch, "db.namespace"), "test", "the keyspace of the prepared table");
    let texts = format!("{insert}; DELETE FROM users WHERE username = ?");
    assert_eq!(field(batch, "db.query.text"), texts);
}

#[tokio::test]
async fn the_span_counts_speculative_executions() {
    let (subscriber, _guard) = RecordingSubscriber::install();
    let before = AtomicUsize::new(0);
    let servers = start_nodes(2, move |_, _| match before.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::silence(),
        _ => Reply::void(),
    })
    .await;
    let session = connect(session_builder(&servers), 2).await;
    let select = Statement::new("SELECT ...")
        .speculative_execution(SpeculativeExecution::after(Duration::from_millis(5)));
    session.execute(select.idempotent(true), ()).await.unwrap();
    let [span] = &subscriber.requests()[..] else { panic!("expected one span") };
    assert_eq!(field(span, "cassandra.speculative_execution.count"), "1");
}

/// Searches errors, `Debug` output, spans and events of a session for the secret.
#[tokio::test]
async fn passwords_and_values_appear_in_no_output() {
    const SECRET: &str = "s3cret";
    let (subscriber, _guard) = RecordingSubscriber::install();
    let insert = "INSERT INTO users (username, password) VALUES (?, ?)";
    let users = [("username", NativeType::Text), ("password", NativeType::Text)];
    let server = MockServer::bind("127.0.0.1:0").await.unwrap().credentials("ada", SECRET);
    let refused = Reply::error(ErrorCode::Invalid, "no such table").variables(users);
    let server = server.on(insert, refused).on("SELECT ?", Reply::silence().variables([users[0]]));
    let builder = Session::builder()
        .contact_points([server.address().to_string()])
        .credentials("ada", SECRET)
        .retry_policy(NoRetry);
    let mut shown = vec![format!("{builder:?}"), format!("{:#?}", builder.clone())];
    let wrong = builder.clone().credentials("ada", format!("not {SECRET}"));
    let error = wrong.connect().await.unwrap_err();
    shown.extend([error.to_string(), format!("{error:?}")]);
    let session = builder.connect().await.unwrap();

    let values = ("ada", SECRET);
    let late = Statement::new("SELECT ?").timeout(Duration::from_millis(20));
    let late =
        late.routing_key(SECRET.as_bytes()).paging_state(Bytes::from_static(SECRET.as_bytes()));
    let batch = Batch::logged().statement(insert, values);
    let errors = [
        session.execute(insert, values).await.unwrap_err(),
        session.execute(insert, (SECRET, 7)).await.unwrap_err(),
        session.execute(insert, (SECRET,)).await.unwrap_err(),
        session.execute(&late, (SECRET,)).await.unwrap_err(),
        session.batch(&batch).await.unwrap_err(),
    ];
    for error in &errors {
        shown.extend([error.to_string(), format!("{error:?}")]);
        shown.extend(error.history().iter().map(|attempt| format!("{attempt:?}")));
    }
    let prepared = session.prepare(insert).await.unwrap();
    let rows = session.stream::<String>(insert, values);
    shown.extend([
        format!("{session:?}"),
        format!("{late:?}"),
        format!("{batch:?}"),
        format!("{prepared:?}"),
        format!("{rows:?}"),
        format!("{:?}", session.metrics()),
        format!("{:?}", session.cluster()),
    ]);
    session.close(Duration::ZERO).await;

    let recorded = subscriber.0.lock().unwrap();
    let counts = (recorded.spans.len(), recorded.events.len());
    assert!(counts.0 >= 5 && counts.1 >= 5, "{counts:?}");
    shown.push(format!("{recorded:?}"));
    let as_bytes = format!("{:?}", SECRET.as_bytes());
    let as_bytes = as_bytes.trim_matches(['[', ']']);
    for text in &shown {
        assert!(!text.contains(SECRET) && !text.contains(as_bytes), "{text}");
    }
}
