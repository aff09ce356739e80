//! Values of several megabytes, beside small requests on the same connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cassandra_harness::Certificates;
use cqlwire::connection::Tls;
use cqlwire::session::{Batch, Session, SessionBuilder};
use cqlwire::testing::{MockServer, ServerTls};
use cqlwire::wire::{Compression, Version};

/// Lengths of values: whole requests are small, take one segment, or take several.
const LENGTHS: [usize; 7] = [10, 40_000, 70_000, 131_060, 300_000, 1 << 20, 2_000_001];

/// Request timeout. Without optimization and under load, megabytes take longer than the default of 10 seconds.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Returns bytes that only differ by `seed`, and that LZ4 compresses in part.
fn value(length: usize, seed: usize) -> Bytes {
    let byte = |index: usize| (index.wrapping_mul(index / 512 + seed) % 251) as u8;
    (0..length).map(byte).collect()
}

/// Writes values of all lengths, and small ones between them, and reads them again.
async fn write_and_read(builder: SessionBuilder) {
    let session = Arc::new(builder.timeout(TIMEOUT).connect().await.unwrap());
    let table = "CREATE TABLE ks.large (k int PRIMARY KEY, a blob, b text, c blob)";
    let keyspace = "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";
    for statement in [keyspace, table] {
        session.execute(statement, ()).await.unwrap();
    }
    let tasks = LENGTHS.into_iter().enumerate().map(|(seed, length)| {
        let session = Arc::clone(&session);
        tokio::spawn(async move {
            let bytes = value(length, seed);
            let text = String::from_utf8(bytes.iter().map(|byte| byte & 0x7f).collect()).unwrap();
            let insert = "INSERT INTO ks.large (k, a, b, c) VALUES (?, ?, ?, ?)";
            let key = i32::try_from(2 * seed).unwrap();
            session.execute(insert, (key, &bytes, &text, bytes.to_vec())).await.unwrap();
            session.execute(insert, (key + 1, &bytes[..3], "small", None::<Bytes>)).await.unwrap();
            for (key, length) in [(key, length), (key + 1, 3)] {
                let select = "SELECT a, b, c FROM ks.large WHERE k = ?";
                let result = session.execute(select, (key,)).await.unwrap();
                let (a, b, c) = result.one::<(Bytes, &str, Option<&[u8]>)>().unwrap();
                assert!(a == bytes[..length], "blob of {length} bytes");
                let expected = if length == 3 { "small" } else { &text };
                assert!(b == expected, "text beside {length} bytes");
                assert!(c == (length > 3).then_some(&bytes[..]), "copied blob of {length} bytes");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let update = session.prepare("UPDATE ks.large SET a = ? WHERE k = ?").await.unwrap();
    let batch = (0..4).fold(Batch::unlogged(), |batch, key| {
        batch.statement(&update, (value(100_000 << key, 9), key))
    });
    session.batch(&batch).await.unwrap();
    let select = "SELECT a FROM ks.large WHERE k = ?";
    for key in 0..4 {
        let result = session.execute(select, (key,)).await.unwrap();
        assert!(result.one::<(&[u8],)>().unwrap().0 == value(100_000 << key, 9), "{key}");
    }
}

#[tokio::test]
async fn large_values_are_read_as_they_were_written() {
    for version in Version::ALL {
        for compression in [None, Some(Compression::Lz4)] {
            let server = MockServer::bind("127.0.0.1:0").await.unwrap().version(version);
            let builder = Session::builder().contact_points([server.address().to_string()]);
            let builder = builder.connection(|options| options.version = version);
            write_and_read(builder.compression(compression)).await;
        }
    }
}

#[tokio::test]
async fn large_values_are_read_as_they_were_written_over_tls() {
    let certificates = Certificates::new().unwrap();
    let identity = certificates.issue(&["127.0.0.1"]).unwrap();
    let tls = ServerTls::pem(&identity.certificate, &identity.key).unwrap();
    for version in [Version::V4, Version::V5] {
        let server = MockServer::bind("127.0.0.1:0").await.unwrap().version(version);
        let server = server.tls(tls.clone());
        let builder = Session::builder().contact_points([server.address().to_string()]);
        let tls = Tls::new().root_certificates_pem(certificates.ca()).unwrap();
        let builder = builder.connection(|options| options.version = version);
        write_and_read(builder.tls(tls)).await;
    }
}

/// The caller drops each second request, while its value waits in the queue or is being sent.
#[tokio::test]
async fn abandoned_large_writes_do_not_disturb_others() {
    for version in [Version::V4, Version::V5] {
        let server = MockServer::bind("127.0.0.1:0").await.unwrap().version(version);
        let builder = Session::builder().contact_points([server.address().to_string()]);
        let builder = builder.connection(|options| options.version = version);
        let session = builder.timeout(TIMEOUT).connect().await.unwrap();
        let keyspace = "CREATE KEYSPACE ks WITH replication = \
                        {'class': 'SimpleStrategy', 'replication_factor': 1}";
        session.execute(keyspace, ()).await.unwrap();
        session.execute("CREATE TABLE ks.t (k int PRIMARY KEY, v blob)", ()).await.unwrap();
        let insert = session.prepare("INSERT INTO ks.t (k, v) VALUES (?, ?)").await.unwrap();
        let requests = (0..20).map(|key| {
            let (session, insert) = (session.clone(), insert.clone());
            tokio::spawn(async move {
                session.execute(&insert, (key, value(2_000_000, 1))).await.unwrap();
            })
        });
        let requests: Vec<_> = requests.collect();
        tokio::task::yield_now().await;
        for request in requests.iter().step_by(2) {
            request.abort();
        }
        for (number, request) in requests.into_iter().enumerate() {
            let finished = request.await;
            assert!(number % 2 == 0 || finished.is_ok(), "{number}: {finished:?}");
        }
        for key in (1..20).step_by(2) {
            let result = session.execute("SELECT v FROM ks.t WHERE k = ?", (key,)).await.unwrap();
            assert!(result.one::<(&[u8],)>().unwrap().0 == value(2_000_000, 1), "{key}");
        }
    }
}
