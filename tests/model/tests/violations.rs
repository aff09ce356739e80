//! Each violation is found if the server lies, or if a table is changed behind the worker's back.

use std::time::Duration;

use cqlwire::{
    message::ErrorCode,
    session::Session,
    testing::{Fault, MockServer, Reply},
    types::{CqlType, NativeType},
};
use cqlwire_model::{Kind, SECRET, Tables, Tally, Violation, Worker, recover, settle, verify};

/// A server with the tables of the model, and a worker.
struct Setup {
    server: MockServer,
    session: Session,
    tables: Tables,
    worker: Worker,
}

impl Setup {
    async fn new() -> Self {
        Self::after("SELECT key FROM system.local").await
    }

    /// Executes a statement in an existing keyspace, and creates the tables after it.
    async fn after(statement: &str) -> Self {
        let server = MockServer::bind("127.0.0.1:0").await.unwrap();
        let contact_point = [server.address().to_string()];
        let session = Session::builder().contact_points(contact_point).connect().await.unwrap();
        let keyspace = "CREATE KEYSPACE model WITH replication = \
                        {'class': 'SimpleStrategy', 'replication_factor': 1}";
        session.execute(keyspace, ()).await.unwrap();
        session.execute(statement, ()).await.unwrap();
        let tables = Tables::create(&session, "model", 1).await.unwrap();
        tables.create_registers(&session, 1, Duration::from_secs(10)).await.unwrap();
        Self { server, session, tables, worker: Worker::new(0) }
    }

    async fn request(&mut self, kind: Kind) {
        self.worker.request(kind, &self.session, &self.tables).await;
    }

    /// Sends a request, to which the server replies with `reply` instead of executing the statement.
    async fn request_with(&mut self, kind: Kind, reply: Reply) {
        let fault = self.server.add_fault(Fault::reply(reply).statement("% model.%"));
        self.request(kind).await;
        self.server.remove_fault(fault);
    }

    /// Changes a table behind the worker's back.
    async fn change(&self, statement: &str) {
        self.session.execute(statement, ()).await.unwrap();
    }

    async fn verify(self) -> Tally {
        let Self { session, tables, worker, .. } = self;
        verify(&session, &tables, vec![worker], Duration::ZERO).await.unwrap()
    }
}

/// An error that says that the write was not applied.
fn refusal() -> Reply {
    Reply::error(ErrorCode::Invalid, "refused")
}

/// Rows of the table `wide`.
fn wide(rows: &[(i64, i32, String)]) -> Reply {
    let [p, c] = [("p", NativeType::BigInt), ("c", NativeType::Int)];
    Reply::rows([p, c, ("payload", NativeType::Text)], rows.to_vec())
}

#[track_caller]
fn assert_found(tally: &Tally, expected: Violation) {
    assert!(tally.violations.contains_key(&expected), "{expected:?}: {:?}", tally.violations);
}

#[tokio::test]
async fn finds_acknowledged_writes_that_are_lost() {
    for kind in [
        Kind::Insert,
        Kind::UnmarkedInsert,
        Kind::Increment,
        Kind::Append,
        Kind::LoggedBatch,
        Kind::UnloggedBatch,
        Kind::Overwrite,
    ] {
        let mut setup = Setup::new().await;
        setup.request_with(kind, Reply::void()).await;
        assert_eq!(setup.worker.tally().requests[&kind].acknowledged, 1, "{kind:?}");
        assert_found(&setup.verify().await, Violation::Lost);
    }
}

#[tokio::test]
async fn finds_lost_writes_while_it_reads() {
    for (write, read) in [
        (Kind::Insert, Kind::Read),
        (Kind::LoggedBatch, Kind::ReadPartition),
        (Kind::UnloggedBatch, Kind::ReadPartition),
        (Kind::Overwrite, Kind::ReadTable),
    ] {
        let mut setup = Setup::new().await;
        setup.request(write).await;
        setup.request(read).await;
        assert!(setup.worker.tally().violations.is_empty(), "{read:?}");
        setup.request_with(write, Reply::void()).await;
        for _ in 0..16 {
            setup.request(read).await;
        }
        assert_found(setup.worker.tally(), Violation::Lost);
    }
}

#[tokio::test]
async fn finds_lost_conditional_writes() {
    let mut setup = Setup::new().await;
    let applied = Reply::rows([("[applied]", NativeType::Boolean)], [(true,)]);
    setup.request_with(Kind::Swap, applied).await;
    assert_found(&setup.verify().await, Violation::Lost);
}

#[tokio::test]
async fn finds_writes_that_were_applied_although_the_error_denies_it() {
    for (kind, change) in [
        (Kind::Insert, "INSERT INTO model.rows (k, payload) VALUES (0, 'x')"),
        (Kind::Append, "UPDATE model.lists SET tokens = [0] WHERE k = 0"),
        (Kind::Swap, "UPDATE model.registers SET v = 1 WHERE k = 0"),
        (Kind::UnloggedBatch, "INSERT INTO model.wide (p, c, payload) VALUES (0, 0, 'x')"),
        (Kind::Overwrite, "INSERT INTO model.versions (k, v, payload) VALUES (0, 0, 'x')"),
    ] {
        let mut setup = Setup::new().await;
        setup.request_with(kind, refusal()).await;
        assert_eq!(setup.worker.tally().requests[&kind].not_applied, 1, "{kind:?}");
        setup.change(change).await;
        assert_found(&setup.verify().await, Violation::UntrueNotApplied);
    }
}

#[tokio::test]
async fn finds_writes_that_were_done_twice() {
    for (kind, change) in [
        (Kind::Increment, "UPDATE model.counters SET n = n + 1 WHERE k = 0"),
        (Kind::Append, "UPDATE model.lists SET tokens = [0, 0] WHERE k = 0"),
    ] {
        let mut setup = Setup::new().await;
        setup.request(kind).await;
        setup.change(change).await;
        assert_found(&setup.verify().await, Violation::DoneTwice);
    }
}

#[tokio::test]
async fn finds_rows_of_other_requests() {
    for (kind, read, change) in [
        (Kind::Insert, Kind::Read, "INSERT INTO model.rows (k, payload) VALUES (0, 'x')"),
        (
            Kind::UnloggedBatch,
            Kind::ReadPartition,
            "INSERT INTO model.wide (p, c, payload) VALUES (0, 0, 'x')",
        ),
        (
            Kind::Overwrite,
            Kind::ReadTable,
            "INSERT INTO model.versions (k, v, payload) VALUES (0, 0, 'x')",
        ),
    ] {
        let mut setup = Setup::new().await;
        setup.request(kind).await;
        setup.change(change).await;
        setup.request(read).await;
        assert_found(setup.worker.tally(), Violation::ForeignAnswer);
        assert_found(&setup.verify().await, Violation::ForeignAnswer);
    }
}

#[tokio::test]
async fn finds_rows_that_were_never_written() {
    for change in [
        "INSERT INTO model.rows (k, payload) VALUES (7, 'x')",
        "INSERT INTO model.wide (p, c, payload) VALUES (7, 7, 'x')",
        "INSERT INTO model.versions (k, v, payload) VALUES (7, 7, 'x')",
    ] {
        let setup = Setup::new().await;
        setup.change(change).await;
        let tally = setup.verify().await;
        assert_eq!(tally.violations[&Violation::ForeignAnswer].0, 2, "the text and the row");
    }
}

#[tokio::test]
async fn finds_answers_of_another_kind() {
    let rows = || Reply::rows([("n", CqlType::from(NativeType::Int))], [(1,)]);
    for kind in Kind::ALL {
        let mut setup = Setup::new().await;
        setup.request(Kind::Insert).await;
        setup.request(Kind::UnloggedBatch).await;
        setup.request_with(kind, rows()).await;
        assert_found(setup.worker.tally(), Violation::MalformedAnswer);
    }
}

#[tokio::test]
async fn finds_rows_that_are_repeated_or_out_of_order() {
    let mut setup = Setup::new().await;
    setup.request(Kind::UnloggedBatch).await;
    let mut rows: Vec<(i64, i32, String)> = Vec::new();
    let select = "SELECT p, c, payload FROM model.wide";
    for row in setup.session.execute(select, ()).await.unwrap().rows().unwrap() {
        rows.push(row.unwrap());
    }
    rows.push(rows[4].clone());
    setup.request_with(Kind::ReadPartition, wide(&rows)).await;
    assert_found(setup.worker.tally(), Violation::RepeatedRow);
    assert!(!setup.worker.tally().violations.contains_key(&Violation::OutOfOrder));
    rows.reverse();
    setup.request_with(Kind::ReadPartition, wide(&rows)).await;
    assert_found(setup.worker.tally(), Violation::OutOfOrder);
}

#[tokio::test]
async fn finds_a_table_with_another_order() {
    let ascending = "CREATE TABLE model.wide (p bigint, c int, payload text, PRIMARY KEY (p, c))";
    let mut setup = Setup::after(ascending).await;
    setup.request(Kind::UnloggedBatch).await;
    setup.request(Kind::ReadPartition).await;
    assert_found(setup.worker.tally(), Violation::OutOfOrder);
}

#[tokio::test]
async fn finds_uncertain_batches_that_were_applied_in_part() {
    for (kind, batches, is_atomic) in [
        (Kind::LoggedBatch, 1, true),
        (Kind::LoggedBatch, 2, true),
        (Kind::UnloggedBatch, 1, true),
        (Kind::UnloggedBatch, 2, false),
    ] {
        let mut setup = Setup::new().await;
        for _ in 1..batches {
            setup.request(kind).await;
        }
        setup.tables = setup.tables.timeout(Duration::from_millis(50));
        setup.request_with(kind, Reply::silence()).await;
        setup.tables = setup.tables.timeout(Duration::from_secs(10));
        assert_eq!(setup.worker.tally().requests[&kind].uncertain, 1);
        let before = setup.session.execute("SELECT p, c FROM model.wide", ()).await.unwrap();
        let before = before.rows::<(i64, i32)>().unwrap().count();
        assert_eq!(before, 5 * (batches - 1));
        // The server applies one row of the batch.
        let mut other = Worker::new(0);
        for _ in 0..batches {
            other.request(kind, &setup.session, &setup.tables).await;
        }
        let select = "SELECT p, c FROM model.wide";
        let rows = setup.session.execute(select, ()).await.unwrap();
        let mut rows: Vec<(i64, i32)> = rows.rows().unwrap().map(Result::unwrap).collect();
        rows.sort_unstable();
        let (p, c) = if batches == 1 { rows[2] } else { rows[rows.len() - 1] };
        setup.change(&format!("DELETE FROM model.wide WHERE p = {p} AND c = {c}")).await;
        let tally = setup.verify().await;
        assert_eq!(tally.violations.contains_key(&Violation::TornBatch), is_atomic, "{kind:?}");
        assert_eq!(tally.violations.len(), usize::from(is_atomic), "{:?}", tally.violations);
    }
}

#[tokio::test]
async fn finds_requests_that_do_not_end() {
    let mut setup = Setup::new().await;
    setup.server.add_fault(Fault::reply(Reply::silence()));
    let limit = Duration::from_millis(20);
    let Setup { session, tables, worker, .. } = &mut setup;
    worker.request_within(limit, Kind::Insert, session, tables).await;
    assert_found(worker.tally(), Violation::Unended);
    assert_eq!(worker.tally().requests[&Kind::Insert].cancelled(), 1);
}

#[tokio::test]
async fn finds_sessions_that_do_not_recover() {
    let Setup { server, session, tables, .. } = Setup::new().await;
    let mut tally = Tally::default();
    let bound = Duration::from_secs(10);
    assert!(recover(&session, &tables, bound, &mut tally).await.is_some());
    assert!(tally.violations.is_empty());
    for reply in [Reply::silence(), refusal()] {
        let fault = server.add_fault(Fault::reply(reply));
        let mut tally = Tally::default();
        assert_eq!(recover(&session, &tables, Duration::from_millis(50), &mut tally).await, None);
        assert_found(&tally, Violation::NotRecovered);
        server.remove_fault(fault);
    }
}

#[tokio::test]
async fn finds_requests_and_tasks_that_are_not_returned() {
    let mut setup = Setup::new().await;
    let bound = Duration::from_millis(50);
    let mut tally = Tally::default();
    settle(&setup.session, &[("tasks", &|| 0)], bound, &mut tally).await;
    assert!(tally.violations.is_empty());
    settle(&setup.session, &[("tasks", &|| 1)], bound, &mut tally).await;
    assert_eq!(tally.violations[&Violation::NotReturned].1, ["tasks: 1 after 50ms"]);
    setup.server.add_fault(Fault::reply(Reply::silence()));
    let (session, mut tally) = (setup.session.clone(), Tally::default());
    let request = tokio::spawn(async move { setup.request(Kind::Insert).await });
    while session.metrics().in_flight == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    settle(&session, &[], bound, &mut tally).await;
    assert_eq!(tally.violations[&Violation::NotReturned].1, ["in flight: 1 after 50ms"]);
    request.abort();
}

#[tokio::test]
async fn finds_secrets_in_errors() {
    let mut setup = Setup::new().await;
    setup.request_with(Kind::Insert, refusal()).await;
    setup.request_with(Kind::Overwrite, refusal()).await;
    assert!(setup.worker.tally().violations.is_empty());
    let echo = Reply::error(ErrorCode::Invalid, &format!("invalid value {SECRET}"));
    setup.request_with(Kind::Insert, echo).await;
    assert_found(setup.worker.tally(), Violation::SecretShown);
}

#[tokio::test]
async fn finds_secrets_in_the_errors_of_reads_that_verify_repeats() {
    let Setup { server, session, tables, worker } = Setup::new().await;
    let echo = Fault::error(ErrorCode::Invalid, &format!("invalid value {SECRET}"));
    let fault = server.add_fault(echo.statement("SELECT % FROM model.rows").times(1));
    let tally = verify(&session, &tables, vec![worker], Duration::from_secs(60)).await.unwrap();
    assert_eq!(server.fault_count(fault), Some(1));
    assert_found(&tally, Violation::SecretShown);
}

#[tokio::test]
async fn finds_failed_idempotent_requests_and_refusals_by_shutdown() {
    let mut setup = Setup::new().await;
    setup.request_with(Kind::UnmarkedInsert, refusal()).await;
    let shutdown = Reply::error(ErrorCode::Invalid, "node is shutting down");
    setup.request_with(Kind::Insert, shutdown).await;
    let mut tally = setup.verify().await;
    assert_found(&tally, Violation::RefusedByShutdown);
    tally.require_idempotent_success();
    assert_eq!(tally.violations[&Violation::IdempotentFailed].0, 1);
}
