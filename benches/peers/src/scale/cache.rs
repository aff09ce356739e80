//! The cache of prepared statements.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cqlwire::session::Session;
use scylla::client::caching_session::CachingSession;
use scylla::client::session_builder::SessionBuilder;
use tokio::runtime::Runtime;

use super::Servers;
use super::curves::{self, Point};
use super::report::{Bar, Table, figure};
use super::sample::{Sample, TURNS, medians, run, runtime};

/// Numbers of statements that the caches hold at most.
const LIMITS: [usize; 4] = [10, 100, 1_000, 10_000];

/// Numbers of look-ups of a turn.
const HITS: usize = 50_000;
const MISSES: usize = 2_000;

/// Maximum ratio of ours to scylla. A few percent are noise.
const BAR: f64 = 1.1;

pub fn table(filter: &str, servers: &Servers) -> Result<usize, String> {
    let name = |limit: usize| format!("prepared cache of {limit}");
    let title = format!(
        "CPU time for preparing a text, with a full cache: the median of {TURNS} turns. A miss sends a \
         PREPARE request, and evicts a statement."
    );
    let columns = [
        "cache",
        "hit: ours, µs",
        "scylla, µs",
        "ours to scylla",
        "miss: ours, µs",
        "scylla, µs",
        "ours to scylla",
    ];
    let Some(mut table) = Table::new(&title, &columns, filter, LIMITS.into_iter().map(name)) else {
        return Ok(0);
    };
    let mut curve = Vec::new();
    let server = servers.node()?;
    for limit in LIMITS.into_iter().filter(|limit| name(*limit).contains(filter)) {
        let ours = Ours::connect(server.address(), limit);
        let scylla = Scylla::connect(server.address(), limit);
        let texts: Arc<[String]> = (0..limit + (1 + TURNS) * MISSES).map(text).collect();
        // Fills the caches.
        ours.prepare(limit, &texts, 0, limit);
        scylla.prepare(limit, &texts, 0, limit);
        let hits = medians(TURNS, || {
            [ours.prepare(HITS, &texts, 0, limit), scylla.prepare(HITS, &texts, 0, limit)]
        });
        let turn = AtomicUsize::new(0);
        let misses = medians(TURNS, || {
            let first = limit + turn.fetch_add(1, Ordering::Relaxed) * MISSES;
            [
                ours.prepare(MISSES, &texts, first, MISSES),
                scylla.prepare(MISSES, &texts, first, MISSES),
            ]
        });
        let times = [hits, misses].map(|samples| samples.map(|sample| sample.micros));
        let [hit, miss] = times.map(|[ours, scylla]| ours / scylla);
        let cells = times.map(|[ours, scylla]| {
            [figure(ours, 2), figure(scylla, 2), figure(ours / scylla, 2)].join(" | ")
        });
        table.row(&name(limit), &cells, &[Bar::new("hit", hit, BAR), Bar::new("miss", miss, BAR)]);
        // As many misses as the cache has statements.
        curve.push(Point::new(limit, times[1].map(|micros| micros * limit as f64)));
    }
    if filter.is_empty() {
        curves::write("statements", &curve)?;
    }
    Ok(table.missed())
}

/// A statement without values, which every server accepts.
fn text(number: usize) -> String {
    format!("INSERT INTO bench.kv (k, v) VALUES ({number}, 'abcdefghijklmnopqrstuvwx')")
}

struct Ours {
    runtime: Runtime,
    session: Session,
}

impl Ours {
    fn connect(address: SocketAddr, limit: usize) -> Self {
        let runtime = runtime();
        let builder = Session::builder().contact_points([address.to_string()]);
        let connect = builder.prepared_cache_size(limit).connect();
        let session = runtime.block_on(connect).unwrap();
        Self { runtime, session }
    }

    /// Prepares `count` times one of the `texts` from `first` to `first + distinct`, in turn.
    fn prepare(
        &self,
        count: usize,
        texts: &Arc<[String]>,
        first: usize,
        distinct: usize,
    ) -> Sample {
        let (session, texts) = (self.session.clone(), Arc::clone(texts));
        self.runtime.block_on(run(1, count, move |number| {
            let (session, texts) = (session.clone(), Arc::clone(&texts));
            async move {
                session.prepare(&*texts[first + number % distinct]).await.unwrap();
            }
        }))
    }
}

struct Scylla {
    runtime: Runtime,
    session: Arc<CachingSession>,
}

impl Scylla {
    fn connect(address: SocketAddr, limit: usize) -> Self {
        let runtime = runtime();
        let builder = SessionBuilder::new().known_node(address.to_string());
        let session = runtime.block_on(builder.build()).unwrap();
        let session = Arc::new(CachingSession::from(session, limit));
        Self { runtime, session }
    }

    fn prepare(
        &self,
        count: usize,
        texts: &Arc<[String]>,
        first: usize,
        distinct: usize,
    ) -> Sample {
        let (session, texts) = (Arc::clone(&self.session), Arc::clone(texts));
        self.runtime.block_on(run(1, count, move |number| {
            let (session, texts) = (Arc::clone(&session), Arc::clone(&texts));
            async move {
                let text = &*texts[first + number % distinct];
                session.add_prepared_statement(&text.into()).await.unwrap();
            }
        }))
    }
}
