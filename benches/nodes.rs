//! The time and the memory of a session whose cluster has thousands of nodes, all but one of them
//! down. The times should grow no faster than the number of nodes.
//!
//! ```sh
//! cargo bench --bench nodes --features testing
//! ```

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use cqlwire::session::Session;
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{CqlType, NativeType};
use tokio::sync::oneshot;
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const SELECT: &str = "SELECT ...";

/// Number of requests that are measured.
const REQUESTS: u32 = 1_000;

/// Time that the session spends reconnecting before its use of the processor is measured.
const IDLE: Duration = Duration::from_secs(5);

fn main() -> Result<()> {
    println!(
        "   nodes | connect | per request | failed request | CPU while idle | file descriptors | resident"
    );
    let sizes: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![1_000, 10_000, 100_000] } else { sizes };
    for nodes in sizes {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(measure(nodes))?;
    }
    Ok(())
}

async fn measure(nodes: u32) -> Result<()> {
    let server = start_server(nodes)?;
    let begin = Instant::now();
    let builder = Session::builder().contact_points([server.address.to_string()]);
    let session = builder.fetch_schema(false).timeout(None).connect().await?;
    let connect = begin.elapsed();

    tokio::time::sleep(IDLE).await;
    let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let (begin, before) = (Instant::now(), processor_time());
    tokio::time::sleep(IDLE).await;
    let idle = (processor_time() - before).as_secs_f64() / begin.elapsed().as_secs_f64();

    let begin = Instant::now();
    for _ in 0..REQUESTS {
        session.execute(SELECT, ()).await?;
    }
    let request = begin.elapsed() / REQUESTS;

    drop(server);
    while session.execute(SELECT, ()).await.is_ok() || session.metrics().connected_nodes > 0 {}
    let begin = Instant::now();
    let failed = session.execute(SELECT, ()).await;
    let failure = begin.elapsed();
    assert!(failed.is_err(), "no node is up");
    println!(
        "{nodes:>8} | {connect:>7.1?} | {request:>11.1?} | {failure:>14.1?} | {:>13.0}% | \
         {descriptors:>16} | {:>5} MB",
        idle * 100.0,
        resident_megabytes()
    );
    Ok(())
}

/// A mock server on its own thread, which ends when this is dropped.
struct Server {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

/// Starts a server that reports `nodes` nodes in addition to itself. Their addresses refuse
/// connections.
fn start_server(nodes: u32) -> Result<Server> {
    let (sender, address) = mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    thread::spawn(move || -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async move {
            let server = MockServer::bind("127.0.0.1:0").await?;
            let server = server.on(SELECT, Reply::void());
            let server = server.on("SELECT * FROM system.peers_v2", peers(nodes));
            let _received = sender.send(server.address());
            let _stopped = stopped.await;
            Ok(())
        })
    });
    Ok(Server { address: address.recv()?, _stop: stop })
}

fn peers(nodes: u32) -> Reply {
    let columns = [
        ("native_address", CqlType::from(NativeType::Inet)),
        ("native_port", NativeType::Int.into()),
        ("host_id", NativeType::Uuid.into()),
        ("data_center", NativeType::Text.into()),
        ("rack", NativeType::Text.into()),
        ("tokens", CqlType::Set(Box::new(NativeType::Text.into()))),
    ];
    let first = u32::from(Ipv4Addr::new(127, 1, 0, 0));
    let rows = (0..nodes).map(|number| {
        let ip = std::net::IpAddr::from(Ipv4Addr::from(first + number));
        let host_id = Uuid::from_u128(u128::from(number) + 1);
        let tokens = (0..4_u64).map(|index| {
            let hash = (u64::from(number) * 4 + index).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            hash.cast_signed().to_string()
        });
        (ip, 1, host_id, "datacenter1", "rack1", tokens.collect::<Vec<_>>())
    });
    Reply::rows(columns, rows)
}

/// Returns the processor time that this process has used, or zero if the system does not tell.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Returns the resident memory of this process, or zero if the system does not tell.
fn resident_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1_024
}
