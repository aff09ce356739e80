//! Scans of whole tables.

use std::cell::{Cell, RefCell};

use cqlwire::message::ErrorCode;
use cqlwire::session::{Error, ErrorKind, ExecutionProfile, NoRetry, Session};
use cqlwire::table::{PlannedSplit, Scan, ScanPage, ScanPlan, ScanRows};
use cqlwire::testing::{Fault, MockCluster, MockServer, Reply};
use futures_util::FutureExt;
use serde_json::Value as Json;

use crate::mock_cluster::connect;
use crate::wait::until;

const CREATE: [&str; 2] = [
    "CREATE KEYSPACE \"Ks\" WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
    "CREATE TABLE \"Ks\".\"T\" (\"A\" int, b text, c int, v int, PRIMARY KEY ((\"A\", b), c))",
];

/// Number of partitions, each with two rows.
const PARTITIONS: i32 = 150;

/// Starts three nodes with a table.
async fn start() -> (MockCluster, Session) {
    let cluster = MockCluster::start(3).await.unwrap();
    let session = connect(&cluster, 3).await;
    for statement in CREATE {
        session.execute(statement, ()).await.unwrap();
    }
    let insert = "INSERT INTO \"Ks\".\"T\" (\"A\", b, c, v) VALUES (?, 'b', ?, ?)";
    for row in 0..2 * PARTITIONS {
        session.execute(insert, (row / 2, row % 2, row)).await.unwrap();
    }
    (cluster, session)
}

/// Checks that these are the values of all rows, each once.
fn assert_all(mut values: Vec<i32>) {
    values.sort_unstable();
    assert!(values.into_iter().eq(0..2 * PARTITIONS));
}

#[tokio::test]
async fn a_scan_reads_every_row_once_from_all_nodes() {
    let (cluster, session) = start().await;
    let small_pages = ExecutionProfile::new().page_size(3);
    for (splits, per_node, profile) in [
        (None, None, ExecutionProfile::new()),
        (Some(0), Some(1), small_pages.clone()),
        (Some(40), Some(0), small_pages.clone()),
        (Some(1_000), Some(3), small_pages),
    ] {
        let mut scan = session.scan(r#""Ks"."T""#).columns(["v"]).profile(&profile);
        if let Some(splits) = splits {
            scan = scan.splits(splits);
        }
        if let Some(per_node) = per_node {
            scan = scan.in_flight_per_node(per_node);
        }
        let mut rows = scan.rows::<i32>();
        assert_eq!(rows.progress().splits, 0);
        let mut values = Vec::new();
        while let Some(value) = rows.try_next().await.unwrap() {
            values.push(value);
        }
        assert_all(values);
        let progress = rows.progress();
        assert_eq!(progress.rows, 2 * PARTITIONS as u64);
        assert_eq!(progress.completed, progress.splits);
        let ranges = session.cluster().token_ranges("Ks").unwrap();
        assert_eq!(progress.splits, ranges.splits(splits.unwrap_or(96)).count());
        assert_eq!(rows.try_next().await.unwrap(), None, "the scan has ended");
    }
    assert!(reads(&cluster, "token(").into_iter().all(|reads| reads > 0));
}

#[tokio::test]
async fn pages_have_the_columns_of_the_scan() {
    let (_cluster, session) = start().await;
    let mut pages = session.scan(r#""Ks"."T""#).rows::<(i32, &str, i32, i32)>();
    let mut values = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        assert!(page.row_count() > 0);
        for row in page.rows::<(i32, &str, i32, i32)>().unwrap() {
            let (a, b, c, v) = row.unwrap();
            assert_eq!((2 * a + c, b), (v, "b"));
            values.push(v);
        }
    }
    assert_all(values);
}

/// Returns the number of statements that read this table on each node, those of the driver included.
fn reads(cluster: &MockCluster, table: &str) -> Vec<usize> {
    let is_read = |text: &String| text.contains(table);
    let reads = |node: &MockServer| node.statements().iter().filter(|text| is_read(text)).count();
    cluster.nodes().iter().map(reads).collect()
}

/// Each node has rows of its own in the keyspaces `system` and `system_schema`.
#[tokio::test]
async fn pages_of_a_table_that_is_not_distributed_come_from_one_node() {
    let (_cluster, session) = start().await;
    let small_pages = ExecutionProfile::new().page_size(10);
    let scan = session.scan("system_schema.columns").columns(["column_name"]);
    let mut pages = scan.profile(&small_pages).splits(100).rows::<String>();
    let mut coordinators = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        coordinators.push(page.coordinator().address());
    }
    assert!(coordinators.len() > 1);
    assert!(coordinators.iter().all(|other| *other == coordinators[0]), "{coordinators:?}");
    assert_eq!((pages.progress().splits, pages.progress().completed), (1, 1));
}

#[tokio::test]
async fn the_partition_key_is_read_from_all_pages() {
    let (cluster, _session) = start().await;
    let session = Session::builder().contact_points(cluster.contact_points()).fetch_schema(false);
    let tiny_pages = ExecutionProfile::new().page_size(1);
    let session = session.default_profile(&tiny_pages).keyspace("Ks").connect().await.unwrap();
    // The scan begins before the session is connected to all nodes.
    let mut rows = session.scan("\"T\"").columns(["v"]).rows::<i32>();
    let mut values = Vec::new();
    while let Some(value) = rows.try_next().await.unwrap() {
        values.push(value);
    }
    assert_all(values);
    assert!(rows.progress().splits > 40, "{:?}", rows.progress());
}

#[tokio::test]
async fn each_node_has_its_own_number_of_requests_in_flight() {
    let (cluster, session) = start().await;
    for node in cluster.nodes() {
        node.add_fault(Fault::reply(Reply::silence()).statement("SELECT v FROM%"));
    }
    let scan = session.scan(r#""Ks"."T""#).columns(["v"]).in_flight_per_node(2);
    let mut rows = scan.rows::<i32>();
    let mut row = std::pin::pin!(rows.try_next());
    until("all nodes have requests", async || {
        assert!(row.as_mut().now_or_never().is_none());
        reads(&cluster, "token(") == [2, 2, 2]
    })
    .await;
}

#[tokio::test]
async fn reports_why_a_scan_is_invalid() {
    let (_cluster, session) = start().await;
    for (table, kind, text) in [
        ("a b", ErrorKind::Config, "`a b` is not the name of a table"),
        ("users", ErrorKind::Config, "the keyspace of `users` is unknown: write `keyspace.users`"),
        ("\"Ks\".none", ErrorKind::Server(ErrorCode::Invalid), "table none does not exist"),
        ("none.t", ErrorKind::Server(ErrorCode::Invalid), "keyspace none does not exist"),
    ] {
        let mut rows = session.scan(table).rows::<(i32,)>();
        let error = rows.try_next().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(rows.try_next().await.unwrap(), None, "the scan has ended");
    }
    let mut rows = session.scan("\"Ks\".\"T\"").columns(["b"]).rows::<i32>();
    let error = rows.try_next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Read);
    assert!(error.to_string().contains("SELECT b FROM"), "{error}");
    assert_eq!(rows.try_next().await.unwrap(), None, "the scan has ended");
}

/// A scan of small pages, without retries of its requests.
fn scan(session: &Session) -> Scan {
    let profile = ExecutionProfile::new().page_size(3).retry_policy(NoRetry);
    session.scan(r#""Ks"."T""#).columns(["\"A\"", "v"]).profile(&profile)
}

fn overloaded() -> Fault {
    Fault::error(ErrorCode::Overloaded, "no").statement("SELECT \"A\"%")
}

#[tokio::test]
async fn retries_a_failed_page_without_losing_or_repeating_rows() {
    let (cluster, session) = start().await;
    for skipped in [0, 7] {
        let add = |node: &MockServer| node.add_fault(overloaded().skip(skipped).times(4));
        let faults: Vec<_> = cluster.nodes().iter().map(add).collect();
        let mut rows = scan(&session).in_flight_per_node(2).rows::<(i32, i32)>();
        let mut values = Vec::new();
        while let Some((key, value)) = rows.try_next().await.unwrap() {
            assert_eq!(key, value / 2);
            values.push(value);
        }
        assert_all(values);
        for (node, fault) in cluster.nodes().iter().zip(faults) {
            assert_eq!(node.fault_count(fault), Some(4));
            node.remove_fault(fault);
        }
    }
}

/// Takes as long as the scan retries a page, 8.5 s.
#[tokio::test]
async fn a_node_that_fails_forever_ends_the_scan() {
    let (cluster, session) = start().await;
    let node = &cluster.nodes()[1];
    let fault = node.add_fault(overloaded().skip(3));
    let mut rows = scan(&session).in_flight_per_node(1).rows::<(i32, i32)>();
    let error = loop {
        match rows.try_next().await {
            Ok(row) => assert!(row.is_some(), "the scan ended without an error"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Overloaded));
    assert_eq!(node.fault_count(fault), Some(5));
    assert_eq!(rows.try_next().await.unwrap(), None, "the scan has ended");
}

/// Each call of `try_next` is dropped once before it returns a row.
#[tokio::test]
async fn dropped_futures_lose_no_rows() {
    let (_cluster, session) = start().await;
    let profile = ExecutionProfile::new().page_size(2);
    let mut rows = session.scan(r#""Ks"."T""#).columns(["v"]).profile(&profile).rows::<i32>();
    let mut values = Vec::new();
    loop {
        let row = match rows.try_next().now_or_never() {
            Some(row) => row,
            None => rows.try_next().await,
        };
        let Some(value) = row.unwrap() else { break };
        values.push(value);
        if value % 7 == 0
            && let Some(page) = rows.next_page().await.unwrap()
        {
            values.extend(page.rows::<i32>().unwrap().map(Result::unwrap));
        }
        // No row is in neither of both. The pages that `try_next` has not finished are in both.
        let checkpoint = rows.checkpoint().unwrap();
        let read: u64 = checkpoint.splits().iter().map(PlannedSplit::rows).sum();
        assert!(read <= values.len() as u64);
    }
    assert_all(values);
    assert!(rows.checkpoint().unwrap().is_complete());
}

/// Reads the pages of a scan until `pages` of them have been returned, or to the end, and returns their values.
async fn read_pages(rows: &mut ScanRows<i32>, pages: usize) -> Vec<i32> {
    let mut values = Vec::new();
    for _ in 0..pages {
        let Some(page) = rows.next_page().await.unwrap() else { break };
        values.extend(page.rows::<i32>().unwrap().map(Result::unwrap));
    }
    values
}

/// Stores a plan and loads it again, as another process would.
fn store(plan: &ScanPlan) -> ScanPlan {
    let json = serde_json::to_string(plan).unwrap();
    let loaded = serde_json::from_str(&json).unwrap();
    assert_eq!(plan, &loaded);
    loaded
}

#[tokio::test]
async fn a_scan_resumes_at_its_checkpoint_in_another_process() {
    let (cluster, session) = start().await;
    let small_pages = ExecutionProfile::new().page_size(3);
    let scan = |plan| session.scan(plan).profile(&small_pages).in_flight_per_node(2);
    let plan = session.scan(r#""Ks"."T""#).columns(["v"]).splits(10).plan().await.unwrap();
    assert!(!plan.is_complete());
    assert!(!plan.is_ring_changed(&session.cluster()));
    let mut values = Vec::new();
    let mut plan = store(&plan);
    let mut processes = 0;
    while !plan.is_complete() {
        let mut rows = scan(plan).rows::<i32>();
        values.extend(read_pages(&mut rows, 7).await);
        plan = store(&rows.checkpoint().unwrap());
        assert_eq!(plan.splits().iter().map(PlannedSplit::rows).sum::<u64>(), values.len() as u64);
        processes += 1;
    }
    assert!(processes > 10, "{processes}");
    assert_all(values);
    let mut rows = scan(plan).rows::<i32>();
    assert_eq!(rows.try_next().await.unwrap(), None, "nothing is left");
    assert_eq!(rows.progress().completed, rows.progress().splits);
    drop(cluster);
}

/// `try_next` has not returned all rows of the page it reads.
#[tokio::test]
async fn a_checkpoint_repeats_a_page_whose_rows_were_not_all_returned() {
    let (_cluster, session) = start().await;
    let scan = session.scan(r#""Ks"."T""#).columns(["v"]).splits(1).in_flight_per_node(1);
    let mut rows = scan.rows::<i32>();
    assert_eq!(rows.checkpoint(), None, "the scan has not started");
    let mut values = Vec::new();
    let mut since_checkpoint = Vec::new();
    let mut checkpoint = None;
    for _ in 0..PARTITIONS {
        since_checkpoint.push(rows.try_next().await.unwrap().unwrap());
        let plan = rows.checkpoint();
        if plan != checkpoint {
            checkpoint = plan;
            values.append(&mut since_checkpoint);
        }
    }
    assert!(!values.is_empty() && !since_checkpoint.is_empty());
    drop(rows);
    let mut rest = session.scan(checkpoint.unwrap()).rows::<i32>();
    values.extend(read_pages(&mut rest, usize::MAX).await);
    let total = values.len();
    values.sort_unstable();
    values.dedup();
    // The first row returned also has the first checkpoint, of which the resumed scan repeats the page.
    assert!(total - values.len() <= 1, "{total}");
    assert_all(values);
}

#[tokio::test]
async fn shards_contain_every_row_once() {
    let (_cluster, session) = start().await;
    let plan = session.scan(r#""Ks"."T""#).columns(["v"]).plan().await.unwrap();
    let small_pages = ExecutionProfile::new().page_size(3);
    // Some splits have been read in part when the plan is cut.
    let mut begun = session.scan(plan.clone()).profile(&small_pages).rows::<i32>();
    let first = read_pages(&mut begun, 40).await;
    for (plan, first) in [(plan, Vec::new()), (begun.checkpoint().unwrap(), first)] {
        for shards in [1, 2, 7] {
            let mut values = first.clone();
            for index in 0..shards {
                let mine = store(&plan.shard(index, shards).unwrap());
                let mut rows = session.scan(mine).rows::<i32>();
                values.extend(read_pages(&mut rows, usize::MAX).await);
            }
            assert_all(values);
        }
        assert!(plan.shard(7, 7).is_none() && plan.shard(0, 0).is_none());
    }
    let virtual_table = session.scan("system.local").columns(["key"]).plan().await.unwrap();
    let rows_of = async |index| {
        let mut rows = session.scan(virtual_table.shard(index, 2).unwrap()).rows::<String>();
        let mut count = 0;
        while rows.try_next().await.unwrap().is_some() {
            count += 1;
        }
        count
    };
    assert_eq!((rows_of(0).await, rows_of(1).await), (1, 0));
}

#[tokio::test]
async fn refuses_plans_that_would_lose_or_repeat_rows() {
    let (_cluster, session) = start().await;
    let plan = session.scan(r#""Ks"."T""#).columns(["v"]).splits(0).plan().await.unwrap();
    let json = serde_json::to_value(&plan).unwrap();
    let statement = r#"SELECT v FROM "Ks"."T" WHERE token("A", "b") > ? AND token("A", "b") <= ?"#;
    assert_eq!(json["statement"], statement);
    for (change, error) in [
        (("/version", 2.into()), "the plan has version 2, this program reads version 1"),
        (("/partitioner", "X".into()), "the partitioner `X` is not supported"),
        (("/partitioner", Json::Null), "a plan without a partitioner has a split with tokens"),
        (("/partition_key", Json::Array(Vec::new())), "the plan has no partition key"),
        (("/splits/0/end", "x".into()), "`x` is not a token"),
        (("/splits/0/end", i64::MIN.to_string().into()), "contains no tokens"),
        (("/splits/0/end", i64::MAX.to_string().into()), "two splits contain the tokens"),
        (("/splits/0/start", Json::Null), "a split has no start or no end"),
        (
            ("/splits/0/state", "reading".into()),
            "only a split that is `reading` has a paging state",
        ),
        (("/splits/0/state", "done".into()), "unknown variant `done`"),
    ] {
        let mut json = json.clone();
        *json.pointer_mut(change.0).unwrap() = change.1;
        let refused = serde_json::from_value::<ScanPlan>(json).unwrap_err().to_string();
        assert!(refused.contains(error), "{refused}");
    }
    let error = session.scan(plan).columns(["b"]).rows::<()>().next_page().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let error = session.scan(r#""Ks".none"#).plan().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Invalid));
}

#[tokio::test]
async fn runs_a_future_for_each_page() {
    let (_cluster, session) = start().await;
    let small_pages = ExecutionProfile::new().page_size(3);
    let scan = session.scan(r#""Ks"."T""#).columns(["v"]).profile(&small_pages);
    let values = RefCell::new(Vec::new());
    let running = Cell::new(0);
    let most = Cell::new(0);
    let mut rows = scan.clone().in_flight_per_node(2).rows::<()>();
    let process = async |page: ScanPage| {
        running.set(running.get() + 1);
        most.set(most.get().max(running.get()));
        tokio::task::yield_now().await;
        values.borrow_mut().extend(page.rows::<i32>()?.map(Result::unwrap));
        running.set(running.get() - 1);
        Ok::<_, Error>(())
    };
    rows.for_each_page(process).await.unwrap();
    assert_all(values.take());
    assert!((2..=6).contains(&most.get()), "{}", most.get());
    assert!(rows.checkpoint().unwrap().is_complete());

    // An error ends the scan. The pages that were processed are not read again.
    let mut rows = scan.rows::<i32>();
    let left = Cell::new(20);
    let process = async |page: ScanPage| {
        if left.replace(left.get() - 1) == 0 {
            return Err(page.rows::<String>().unwrap_err());
        }
        values.borrow_mut().extend(page.rows::<i32>()?.map(Result::unwrap));
        Ok::<_, Error>(())
    };
    assert_eq!(rows.for_each_page(process).await.unwrap_err().kind(), ErrorKind::Read);
    assert_eq!(rows.try_next().await.unwrap(), None, "the scan has ended");
    let mut rest = session.scan(rows.checkpoint().unwrap()).rows::<i32>();
    let mut values = values.into_inner();
    assert!(!values.is_empty() && values.len() < 2 * PARTITIONS as usize);
    values.extend(read_pages(&mut rest, usize::MAX).await);
    assert_all(values);
}

/// A node that is too slow for a wide range of tokens, or for a large page.
#[tokio::test]
async fn a_split_that_times_out_is_halved() {
    let (cluster, session) = start().await;
    let read_timeout = Fault::error(ErrorCode::ReadTimeout, "slow").statement("SELECT v FROM%");
    let faults: Vec<_> =
        cluster.nodes().iter().map(|node| node.add_fault(read_timeout.clone().times(3))).collect();
    let profile = ExecutionProfile::new().retry_policy(NoRetry);
    let scan = session.scan(r#""Ks"."T""#).columns(["v"]).splits(0).profile(&profile);
    let planned = scan.plan().await.unwrap().splits().len();
    let mut rows = scan.rows::<i32>();
    assert_all(read_pages(&mut rows, usize::MAX).await);
    assert!(rows.progress().splits > planned, "{:?}", rows.progress());
    assert_eq!(rows.progress().completed, rows.progress().splits);
    assert!((rows.progress().fraction() - 1.0).abs() < 1e-9);
    let plan = store(&rows.checkpoint().unwrap());
    assert_eq!(plan.splits().len(), rows.progress().splits);
    for (node, fault) in cluster.nodes().iter().zip(faults) {
        assert_eq!(node.fault_count(fault), Some(3));
    }
}

#[tokio::test]
async fn a_filter_selects_rows() {
    let (_cluster, session) = start().await;
    let scan = session.scan(r#""Ks"."T""#).columns(["v"]).filter("v < 10");
    let mut rows = scan.rows::<i32>();
    let mut values = read_pages(&mut rows, usize::MAX).await;
    values.sort_unstable();
    assert!(values.into_iter().eq(0..10));
}

#[tokio::test]
async fn a_plan_stays_complete_while_nodes_leave_and_join() {
    let (cluster, session) = start().await;
    let small_pages = ExecutionProfile::new().page_size(3);
    let scan = session.scan(r#""Ks"."T""#).columns(["v"]).profile(&small_pages).splits(30);
    let plan = store(&scan.plan().await.unwrap());
    let has_nodes = async |count| session.cluster().nodes().len() == count;

    // The ring changes after the plan has been made.
    cluster.remove_node(2).await;
    until("the node has left", async || has_nodes(2).await).await;
    assert!(plan.is_ring_changed(&session.cluster()));
    let mut rows = session.scan(plan.clone()).profile(&small_pages).rows::<i32>();
    let mut values = read_pages(&mut rows, 20).await;

    // It changes again while the plan is read, and while it is stored.
    cluster.add_node(2).await.unwrap();
    until("the node has joined", async || has_nodes(3).await).await;
    values.extend(read_pages(&mut rows, 20).await);
    let plan = store(&rows.checkpoint().unwrap());
    let mut rows = session.scan(plan).profile(&small_pages).rows::<i32>();
    values.extend(read_pages(&mut rows, usize::MAX).await);
    assert_all(values);
}

#[tokio::test]
async fn a_scan_continues_on_other_replicas_when_a_node_stops() {
    let (cluster, session) = start().await;
    let scan = session.scan(r#""Ks"."T""#).columns(["v"]);
    let mut rows = scan.profile(&ExecutionProfile::new().page_size(3)).rows::<i32>();
    let mut values = read_pages(&mut rows, 20).await;
    cluster.stop_node(1).await;
    values.extend(read_pages(&mut rows, usize::MAX).await);
    assert_all(values);
}

/// The first page of the split succeeds, so that it cannot be halved.
#[tokio::test]
async fn a_page_that_times_out_is_requested_with_fewer_rows() {
    let (cluster, session) = start().await;
    let profile = ExecutionProfile::new().retry_policy(NoRetry);
    let scan = session.scan(r#""Ks"."T""#).columns(["v"]).splits(0).profile(&profile);
    let planned = scan.plan().await.unwrap().splits().len();
    let mut rows = scan.rows::<i32>();
    let mut values = Vec::new();
    while rows.progress().completed == 0 {
        values.extend(read_pages(&mut rows, 1).await);
    }
    let timeout = Fault::error(ErrorCode::ReadTimeout, "slow").statement("SELECT v FROM%");
    let faults: Vec<_> =
        cluster.nodes().iter().map(|node| node.add_fault(timeout.clone().times(2))).collect();
    values.extend(read_pages(&mut rows, usize::MAX).await);
    assert_all(values);
    let failures = cluster.nodes().iter().zip(faults).filter_map(|(node, id)| node.fault_count(id));
    assert!(failures.sum::<usize>() > 0 && rows.progress().splits >= planned);
}
