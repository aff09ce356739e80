//! Streams of wide rows, read page by page.

use std::net::SocketAddr;
use std::sync::Arc;

use cqlwire::session::{PreparedStatement, Session};
use futures_util::TryStreamExt;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::prepared::PreparedStatement as ScyllaStatement;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::Servers;
use super::report::{Bar, Table, figure};
use super::sample::{Sample, TURNS, medians, run, runtime};
use super::server::Server;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS bench.wide (p int, c int, number bigint, score double, flag boolean, \
                      id uuid, a text, b text, d text, e text, f text, g text, h text, i text, j text, k text, \
                      PRIMARY KEY (p, c))";
const INSERT: &str = "INSERT INTO bench.wide (p, c, number, score, flag, id, a, b, d, e, f, g, h, i, j, k) \
                      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const SELECT: &str = "SELECT p, c, number, score, flag, id, a, b, d, e, f, g, h, i, j, k FROM bench.wide \
                      WHERE p = 0";

/// A row of about a kilobyte, with texts of the type `T`.
type Wide<T> = (i32, i32, i64, f64, bool, Uuid, T, T, T, T, T, T, T, T, T, T);

/// Number of rows of the partition.
const PARTITION: i32 = 5_000;

/// Length of a text, in bytes.
const TEXT: usize = 100;

/// Rows of a page.
const PAGES: [i32; 3] = [100, 1_000, 5_000];

/// Number of reads of a turn.
const READS: usize = 3;

/// Maximum ratio of ours to scylla.
const BAR: f64 = 1.0;

pub fn table(filter: &str, servers: &Servers) -> Result<usize, String> {
    let name = |page: i32| format!("stream, pages of {page} rows");
    let title = format!(
        "CPU time for a row of 16 columns and a kilobyte, read from a stream of {PARTITION} rows: the median of \
         {TURNS} turns."
    );
    let columns = ["stream", "ours, µs", "scylla, µs", "ours to scylla"];
    let Some(mut table) = Table::new(&title, &columns, filter, PAGES.into_iter().map(name)) else {
        return Ok(0);
    };
    let server = match servers.real_node {
        Some(address) => Server::at(address),
        None => Server::start("mock")?,
    };
    fill(server.address());
    for page in PAGES.into_iter().filter(|page| name(*page).contains(filter)) {
        let ours = Ours::connect(server.address(), page);
        let scylla = Scylla::connect(server.address(), page);
        let samples = medians(TURNS, || [ours.turn(), scylla.turn()]);
        let [ours, scylla] = samples.map(|sample| sample.micros / f64::from(PARTITION));
        let ratio = ours / scylla;
        let cells = [figure(ours, 3), figure(scylla, 3), figure(ratio, 2)];
        table.row(&name(page), &cells, &[Bar::ratio(ratio, BAR)]);
    }
    Ok(table.missed())
}

/// Creates the table, and writes the rows of the partition.
fn fill(address: SocketAddr) {
    runtime().block_on(async {
        let session = Session::builder().contact_points([address]).connect().await.unwrap();
        let keyspace = "CREATE KEYSPACE IF NOT EXISTS bench WITH replication = \
                        {'class': 'SimpleStrategy', 'replication_factor': 1}";
        for text in [keyspace, CREATE] {
            session.execute(text, ()).await.unwrap();
        }
        let insert = session.prepare(INSERT).await.unwrap();
        let text = "x".repeat(TEXT);
        let t = text.as_str();
        for c in 0..PARTITION {
            let (number, score, id) = (i64::from(c), f64::from(c), Uuid::from_u128(c as u128));
            let row = (0, c, number, score, true, id, t, t, t, t, t, t, t, t, t, t);
            session.execute(&insert, row).await.unwrap();
        }
    });
}

/// Checks a row of the stream, and returns the length of its texts.
fn check((_, _, _, _, flag, _, a, b, d, e, f, g, h, i, j, k): Wide<String>) -> usize {
    assert!(flag);
    [a, b, d, e, f, g, h, i, j, k].iter().map(String::len).sum()
}

/// Checks the length of the texts of all rows.
fn check_total(length: usize) {
    assert_eq!(length, PARTITION as usize * 10 * TEXT);
}

struct Ours {
    runtime: Runtime,
    session: Session,
    select: PreparedStatement,
}

impl Ours {
    fn connect(address: SocketAddr, page: i32) -> Self {
        let runtime = runtime();
        let (session, select) = runtime.block_on(async {
            let session = Session::builder().contact_points([address]).connect().await.unwrap();
            let select = session.prepare(SELECT).await.unwrap().page_size(page);
            (session, select)
        });
        Self { runtime, session, select }
    }

    fn turn(&self) -> Sample {
        let (session, select) = (self.session.clone(), self.select.clone());
        self.runtime.block_on(run(1, READS, move |_| {
            let mut rows = session.stream::<Wide<String>>(&select, ());
            async move {
                let mut length = 0;
                while let Some(row) = rows.try_next().await.unwrap() {
                    length += check(row);
                }
                check_total(length);
            }
        }))
    }
}

struct Scylla {
    runtime: Runtime,
    session: Arc<scylla::client::session::Session>,
    select: ScyllaStatement,
}

impl Scylla {
    fn connect(address: SocketAddr, page: i32) -> Self {
        let runtime = runtime();
        let (session, select) = runtime.block_on(async {
            let session = SessionBuilder::new().known_node(address.to_string()).build().await;
            let session = session.unwrap();
            let mut select = session.prepare(SELECT).await.unwrap();
            select.set_page_size(page);
            (session, select)
        });
        Self { runtime, session: Arc::new(session), select }
    }

    fn turn(&self) -> Sample {
        let (session, select) = (Arc::clone(&self.session), self.select.clone());
        self.runtime.block_on(run(1, READS, move |_| {
            let (session, select) = (Arc::clone(&session), select.clone());
            async move {
                let pager = session.execute_iter(select, ()).await.unwrap();
                let mut rows = pager.rows_stream::<Wide<String>>().unwrap();
                let mut length = 0;
                while let Some(row) = rows.try_next().await.unwrap() {
                    length += check(row);
                }
                check_total(length);
            }
        }))
    }
}
