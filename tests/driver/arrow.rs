//! Arrow record batches of results and scans.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use cqlwire::arrow::{RecordBatchBuilder, RecordBatchError, record_batch};
use cqlwire::session::{Error, ExecutionProfile, Session};
use cqlwire::table::ScanPage;
use cqlwire::testing::MockCluster;

use crate::mock_cluster::connect;

const ROWS: i32 = 300;

async fn start() -> (MockCluster, Session) {
    let cluster = MockCluster::start(2).await.unwrap();
    let session = connect(&cluster, 2).await;
    for statement in [
        "CREATE KEYSPACE ks WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
        "CREATE TABLE ks.t (k int PRIMARY KEY, v text, tags set<text>)",
    ] {
        session.execute(statement, ()).await.unwrap();
    }
    let insert = "INSERT INTO ks.t (k, v, tags) VALUES (?, ?, ?)";
    for k in 0..ROWS {
        let v = (k % 3 > 0).then(|| format!("row {k}"));
        session.execute(insert, (k, v, vec![format!("tag {k}")])).await.unwrap();
    }
    (cluster, session)
}

/// Checks that the batches have all rows, each once.
fn assert_all(batches: &[RecordBatch]) {
    let mut keys = Vec::new();
    for batch in batches {
        let (k, v) = (batch["k"].as_primitive::<Int32Type>(), batch["v"].as_string::<i32>());
        let tags = batch["tags"].as_list::<i32>();
        for (index, (key, value)) in k.iter().zip(v).enumerate() {
            let key = key.unwrap();
            assert_eq!(value, (key % 3 > 0).then(|| format!("row {key}")).as_deref());
            assert_eq!(tags.value(index).as_string::<i32>().value(0), format!("tag {key}"));
            keys.push(key);
        }
    }
    keys.sort_unstable();
    assert!(keys.into_iter().eq(0..ROWS));
}

#[tokio::test]
async fn a_scan_is_read_as_record_batches() {
    let (_cluster, session) = start().await;
    let small_pages = ExecutionProfile::new().page_size(7);
    let mut pages = session.scan("ks.t").profile(&small_pages).rows::<()>();
    let first = pages.next_page().await.unwrap().unwrap();
    let mut builder = RecordBatchBuilder::new(first.columns()).unwrap();
    builder.append(&first).unwrap();
    let mut batches = Vec::new();
    let append = |page: ScanPage| {
        builder.append(&page).unwrap();
        if builder.len() >= 50 {
            batches.push(builder.finish().unwrap());
        }
        std::future::ready(Ok::<_, Error>(()))
    };
    pages.for_each_page(append).await.unwrap();
    batches.push(builder.finish().unwrap());
    assert!(batches.len() > 4);
    assert_all(&batches);
}

#[tokio::test]
async fn a_result_is_a_record_batch() {
    let (_cluster, session) = start().await;
    let result = session.execute("SELECT k, v, tags FROM ks.t", ()).await.unwrap();
    assert_all(&[record_batch(&result).unwrap()]);
    let result = session.execute("INSERT INTO ks.t (k) VALUES (0)", ()).await.unwrap();
    assert!(matches!(record_batch(&result), Err(RecordBatchError::NoRows)));
}
