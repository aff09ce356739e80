//! The model on nodes of `cqlwire::testing`.

use std::time::Duration;

use cqlwire::{session::Session, testing::MockCluster};
use cqlwire_model::{
    Counts, Kind, Load, Mix, Tables, Violation, Worker, limit_polls, verify, verify_workers,
};

/// Time within which the tests wait for a read.
const WAIT: Duration = Duration::from_secs(30);

async fn connect(cluster: &MockCluster) -> Session {
    Session::builder().contact_points(cluster.contact_points()).connect().await.unwrap()
}

#[tokio::test]
async fn a_load_of_all_kinds_keeps_all_promises() {
    let cluster = MockCluster::start(3).await.unwrap();
    let session = connect(&cluster).await;
    let tables = Tables::create(&session, "model", 3).await.unwrap();
    let kinds = Kind::ALL.to_vec();
    let mix = Mix { kinds: vec![kinds], workers: 4, rate: None, requests: Some(1_100) };
    let workers = Load::start(&session, &tables, &mix).await.unwrap().wait().await;
    let tally = verify(&session, &tables, workers, WAIT).await.unwrap();
    assert!(tally.violations.is_empty(), "{:?}", tally.violations);
    for kind in Kind::ALL {
        let counts = tally.requests[&kind];
        assert!(counts.acknowledged >= 99, "{kind:?}: {counts:?}");
        assert_eq!(counts.begun, counts.acknowledged, "{kind:?}");
    }
}

#[tokio::test]
async fn loads_that_share_tables_are_verified_separately() {
    let cluster = MockCluster::start(1).await.unwrap();
    let session = connect(&cluster).await;
    let tables = Tables::create(&session, "model", 1).await.unwrap();
    tables.create_registers(&session, 2, WAIT).await.unwrap();
    let mut workers: Vec<_> = (0..2).map(Worker::new).collect();
    for worker in &mut workers {
        for _ in 0..3 {
            for kind in Kind::ALL {
                worker.request(kind, &session, &tables).await;
            }
        }
    }
    session.execute("DELETE FROM model.rows WHERE k = 4294967296", ()).await.unwrap();
    let lost = workers.pop().unwrap();
    let tally = verify_workers(&session, &tables, workers, WAIT).await.unwrap();
    assert!(tally.violations.is_empty(), "{:?}", tally.violations);
    let tally = verify_workers(&session, &tables, vec![lost], WAIT).await.unwrap();
    let violations: Vec<_> = tally.violations.keys().copied().collect();
    assert_eq!(violations, [Violation::Lost]);
}

#[tokio::test]
async fn a_request_can_be_cancelled_at_any_await_point() {
    let cluster = MockCluster::start(1).await.unwrap();
    let session = connect(&cluster).await;
    let tables = Tables::create(&session, "model", 1).await.unwrap();
    tables.create_registers(&session, 1, WAIT).await.unwrap();
    let mut worker = Worker::new(0);
    for polls in 0..12 {
        for kind in Kind::ALL {
            limit_polls(worker.request(kind, &session, &tables), polls).await;
            worker.request(kind, &session, &tables).await;
        }
    }
    let cancelled = worker.tally().requests.values().map(Counts::cancelled).sum::<u64>();
    assert!(cancelled > 0);
    let tally = verify(&session, &tables, vec![worker], WAIT).await.unwrap();
    assert!(tally.violations.is_empty(), "{:?}", tally.violations);
}
