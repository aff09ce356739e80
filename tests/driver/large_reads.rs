//! Servers whose system tables are larger than the driver reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cqlwire::message::{Request, RequestFrame, ResultMessage, Rows, RowsMetadata};
use cqlwire::session::{ErrorKind, Session};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{ColumnSpec, NativeType};
use cqlwire::wire::Version;

/// Returns a row with a text of `length` bytes, and says that another page follows.
fn endless_page(length: usize) -> Reply {
    let column = ColumnSpec::new("system", "t", "keyspace_name", NativeType::Text);
    let mut metadata = RowsMetadata::new(vec![column]);
    metadata.paging_state = Some(Bytes::from_static(b"next"));
    let content = [&u32::try_from(length).unwrap().to_be_bytes()[..], &vec![b'x'; length]].concat();
    Reply::response(ResultMessage::Rows(Rows { metadata, count: 1, content: content.into() }))
}

/// Starts a server that replies with `page` to every read of a table, and returns it with the number of
/// these reads.
async fn start(table: &'static str, page: Reply) -> (MockServer, Arc<AtomicUsize>) {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let select = format!(" FROM {table}");
    let server = MockServer::bind("127.0.0.1:0").await.unwrap().version(Version::V4);
    let server = server.on_request(move |frame: &RequestFrame<'_>| match &frame.request {
        Request::Query(query) if query.text.contains(&select) => {
            counted.fetch_add(1, Ordering::SeqCst);
            Some(page.clone())
        }
        _ => None,
    });
    (server, reads)
}

fn builder(server: &MockServer) -> cqlwire::session::SessionBuilder {
    let builder = Session::builder().contact_points([server.address()]);
    // Also the timeout of each read.
    builder.connection(|options| options.handshake_timeout = Duration::from_secs(60))
}

#[tokio::test]
async fn refuses_a_topology_that_takes_too_much_memory() {
    let (server, reads) = start("system.peers_v2", endless_page(8 << 20)).await;
    let error = builder(&server).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.to_string().contains("more than the limit of 256 MiB of memory"), "{error}");
    assert_eq!(reads.load(Ordering::SeqCst), 256 / 8, "pages read until the limit was reached");
}

#[tokio::test]
async fn works_without_a_schema_that_takes_too_much_memory() {
    let (server, reads) = start("system_schema.columns", endless_page(8 << 20)).await;
    let server = server.on("SELECT 1", Reply::void());
    let session = builder(&server).timeout(Duration::from_secs(60)).connect().await.unwrap();
    let error = session.schema().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("more than the limit of 256 MiB of memory"), "{error}");
    session.execute("SELECT 1", ()).await.unwrap();
    assert_eq!(reads.load(Ordering::SeqCst), 256 / 8, "the schema was read again");
}

#[tokio::test]
async fn a_keyspace_does_not_pass_for_a_schema_that_takes_too_much_memory() {
    let (server, reads) = start("system_schema.columns", endless_page(8 << 20)).await;
    let session = builder(&server).timeout(Duration::from_secs(60)).connect().await.unwrap();
    session.schema().await.unwrap_err();
    let first_reads = reads.load(Ordering::SeqCst);
    let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    let create = format!("CREATE KEYSPACE k WITH replication = {replication}");
    // Each statement waits until the session has read the changes.
    session.execute(create, ()).await.unwrap();
    session.execute("CREATE TABLE k.t (k int PRIMARY KEY)", ()).await.unwrap();
    assert!(session.cluster().replication("k").is_some());
    let error = session.schema().await.unwrap_err();
    assert!(error.to_string().contains("more than the limit of 256 MiB of memory"), "{error}");
    assert_eq!(reads.load(Ordering::SeqCst), first_reads, "parts of the schema were read");
}

#[tokio::test]
async fn refuses_a_page_of_a_system_table_that_is_too_long() {
    let (server, reads) = start("system.peers_v2", endless_page(17 << 20)).await;
    let error = builder(&server).connect().await.unwrap_err();
    assert!(error.to_string().contains("exceeds the limit of 16777216"), "{error}");
    assert_eq!(reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn gives_up_a_table_whose_pages_have_few_rows_and_do_not_end() {
    let (server, reads) = start("system.peers_v2", endless_page(1)).await;
    let error = builder(&server).connect().await.unwrap_err();
    assert!(error.to_string().contains("reading the system tables timed out"), "{error}");
    assert_eq!(reads.load(Ordering::SeqCst), 45);
}
