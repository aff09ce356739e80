//! Large values, with and without compression, in v4 and v5.
//!
//! The feature `allocations` adds the bytes that the client allocates for each byte of a value, and the memory
//! that it keeps. Counting them takes time, so that the times are valid only without the feature.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use cqlwire::session::{PreparedStatement, Session};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::NativeType;
use cqlwire::wire::{Compression, Version};
use scylla::client::session_builder::SessionBuilder;
use scylla::frame::Compression as ScyllaCompression;
use scylla::statement::prepared::PreparedStatement as ScyllaStatement;
use tokio::runtime::Runtime;

use super::Servers;
use super::curves::{self, Point};
use super::report::{Bar, Table, figure};
use super::sample::{Sample, medians, run, runtime};
use super::server::Server;

const SELECT: &str = "SELECT v FROM bench.large WHERE k = ?";
const INSERT: &str = "INSERT INTO bench.large (k, v) VALUES (?, ?)";

const KB: usize = 1 << 10;
const MB: usize = 1 << 20;

/// Lengths of values in bytes, and numbers of requests of a turn.
const LENGTHS: [(usize, usize); 5] =
    [(16 * KB, 4_000), (128 * KB, 1_000), (MB, 128), (16 * MB, 12), (64 * MB, 4)];

/// The cost curves: their names, and their operation in v4 without compression.
const CURVES: [(&str, Operation); 2] =
    [("bytes-read", Operation::Read), ("bytes-written", Operation::Write)];

/// Maximum ratio of ours to scylla. A few percent are noise.
const BAR: f64 = 1.05;

/// Number of turns of each driver.
const TURNS: usize = 5;

/// Length of the value of small requests, in bytes.
const SMALL: usize = 100;

#[derive(Debug, Clone, Copy)]
struct Row {
    operation: Operation,
    length: usize,
    requests: usize,
    version: Version,
    compression: Option<Compression>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Read,
    /// Writes a slice of bytes.
    Write,
    /// Writes bytes that the request shares with the caller, where the driver can.
    WriteShared,
}

impl Row {
    fn all() -> impl Iterator<Item = Self> {
        let settings = [
            (Version::V4, None),
            (Version::V4, Some(Compression::Lz4)),
            (Version::V5, None),
            (Version::V5, Some(Compression::Lz4)),
        ];
        settings.into_iter().flat_map(|(version, compression)| {
            let operations = [Operation::Read, Operation::Write, Operation::WriteShared];
            operations.into_iter().flat_map(move |operation| {
                let row = move |(length, requests)| Self {
                    operation,
                    length,
                    requests,
                    version,
                    compression,
                };
                LENGTHS.into_iter().map(row)
            })
        })
    }

    fn name(&self) -> String {
        let operation = match self.operation {
            Operation::Read => "read",
            Operation::Write => "write",
            Operation::WriteShared => "write of `Bytes`",
        };
        let compression = if self.compression.is_some() { "LZ4" } else { "plain" };
        let length = match self.length {
            MB.. => format!("{} MB", self.length / MB),
            length => format!("{} kB", length / KB),
        };
        format!("{operation}, {length}, {}, {compression}", self.version)
    }

    /// Returns true if the row is a point of the cost curve of an operation.
    fn is_on_curve(&self, operation: Operation) -> bool {
        self.operation == operation && self.version == Version::V4 && self.compression.is_none()
    }
}

pub fn table(filter: &str, _: &Servers) -> Result<usize, String> {
    let title =
        format!("CPU time of the client for a byte of a large value: the median of {TURNS} turns.");
    let mut columns = vec!["value", "ours, ns/byte", "scylla, ns/byte", "ours to scylla"];
    if memory::IS_COUNTED {
        columns.extend([
            "ours, bytes/byte",
            "scylla, bytes/byte",
            "ours keeps, kB",
            "scylla keeps, kB",
        ]);
    }
    let names = Row::all().map(|row| row.name());
    let Some(mut table) = Table::new(&title, &columns, filter, names) else { return Ok(0) };
    let mut curves = CURVES.map(|(name, operation)| (name, operation, Vec::new()));
    for row in Row::all().filter(|row| row.name().contains(filter)) {
        let server = Server::start(match row.version {
            Version::V5 => "values",
            _ => "values-v4",
        })?;
        let ours = Ours::connect(server.address(), row);
        // The driver scylla has no v5.
        let scylla = (row.version == Version::V4).then(|| Scylla::connect(server.address(), row));
        let [ours_sample, scylla_sample] = medians(TURNS, || {
            let scylla = scylla.as_ref().map(|scylla| scylla.turn(row.length, row.requests));
            [ours.turn(row.length, row.requests), scylla.unwrap_or(Sample::ABSENT)]
        });
        let nanos = |sample: Sample| sample.micros * 1e3 / row.length as f64;
        let [time, scylla_time] = [nanos(ours_sample), nanos(scylla_sample)];
        let ratio = time / scylla_time;
        let mut cells = vec![figure(time, 3), figure(scylla_time, 3), figure(ratio, 2)];
        if memory::IS_COUNTED {
            let measure = |turn: &dyn Fn(usize, usize) -> Sample| {
                turn(SMALL, 100);
                let kept = memory::kept();
                let (_, allocated) = memory::allocated(|| turn(row.length, row.requests));
                turn(SMALL, 100);
                let kept = (memory::kept() as f64 - kept as f64) / 1e3;
                (allocated as f64 / (row.length * row.requests) as f64, kept)
            };
            let (allocated, kept) = measure(&|length, requests| ours.turn(length, requests));
            let scylla = scylla
                .as_ref()
                .map(|scylla| measure(&|length, requests| scylla.turn(length, requests)));
            let (scylla_allocated, scylla_kept) = scylla.unwrap_or((f64::NAN, f64::NAN));
            cells.extend([figure(allocated, 2), figure(scylla_allocated, 2)]);
            cells.extend([figure(kept, 0), figure(scylla_kept, 0)]);
        }
        let bar = scylla.is_some().then(|| Bar::ratio(ratio, BAR));
        table.row(&row.name(), &cells, bar.as_slice());
        for (_, operation, points) in &mut curves {
            if row.is_on_curve(*operation) {
                let micros = [ours_sample, scylla_sample].map(|sample| sample.micros);
                points.push(Point::new(row.length, micros));
            }
        }
    }
    for (name, _, points) in &curves {
        if points.len() == LENGTHS.len() && !memory::IS_COUNTED {
            curves::write(name, points)?;
        }
    }
    Ok(table.missed())
}

/// Starts the server of this section on the current runtime. It accepts versions up to `version`.
pub async fn server(version: Version) -> MockServer {
    let values: Arc<[Bytes]> =
        LENGTHS.iter().map(|(length, _)| *length).chain([SMALL]).map(value).collect();
    let select = Reply::computed(move |request| {
        let (length,) = request.values::<(i64,)>();
        let value = values.iter().find(|value| value.len() as i64 == length);
        Reply::rows([("v", NativeType::Blob)], value.map(|value| (value.clone(),)))
    });
    let server = MockServer::bind("127.0.0.1:0").await.unwrap().version(version);
    server
        .keep_received(0)
        .max_frame_body(256 * MB)
        .on(
            SELECT,
            select.variables([("k", NativeType::BigInt)]).columns([("v", NativeType::Blob)]),
        )
        .on(INSERT, Reply::void().variables([("k", NativeType::BigInt), ("v", NativeType::Blob)]))
}

/// Returns a value of which LZ4 compresses each second kilobyte.
fn value(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes = Vec::with_capacity(length + 2_048);
    while bytes.len() < length {
        let block: Vec<u8> = (0..128).flat_map(|_| random()).collect();
        bytes.extend_from_slice(&block);
        bytes.extend_from_slice(&block);
    }
    bytes.truncate(length);
    bytes.shrink_to_fit();
    bytes.into()
}

struct Ours {
    runtime: Runtime,
    session: Session,
    select: PreparedStatement,
    insert: PreparedStatement,
    operation: Operation,
    value: Bytes,
}

impl Ours {
    fn connect(address: SocketAddr, row: Row) -> Self {
        let runtime = runtime();
        let (session, [select, insert]) = runtime.block_on(async {
            let builder = Session::builder().contact_points([address.to_string()]);
            let builder = builder.connection(|options| options.version = row.version);
            let session = builder.compression(row.compression).connect().await.unwrap();
            let [select, insert] = [SELECT, INSERT].map(|text| session.prepare(text));
            let prepared = [select.await.unwrap(), insert.await.unwrap()];
            (session, prepared)
        });
        Self {
            runtime,
            session,
            select,
            insert,
            operation: row.operation,
            value: value(row.length),
        }
    }

    fn turn(&self, length: usize, requests: usize) -> Sample {
        let (session, operation) = (self.session.clone(), self.operation);
        let (select, insert) = (self.select.clone(), self.insert.clone());
        let value = self.value.slice(..length);
        self.runtime.block_on(run(1, requests, move |_| {
            let (session, value) = (session.clone(), value.clone());
            let (select, insert) = (select.clone(), insert.clone());
            async move {
                let key = length as i64;
                match operation {
                    Operation::Read => {
                        let result = session.execute(&select, (key,)).await.unwrap();
                        assert_eq!(result.one::<(&[u8],)>().unwrap().0.len(), length);
                    }
                    Operation::Write => {
                        session.execute(&insert, (key, &value[..])).await.unwrap();
                    }
                    Operation::WriteShared => {
                        session.execute(&insert, (key, value)).await.unwrap();
                    }
                }
            }
        }))
    }
}

struct Scylla {
    runtime: Runtime,
    session: Arc<scylla::client::session::Session>,
    select: Arc<ScyllaStatement>,
    insert: Arc<ScyllaStatement>,
    operation: Operation,
    value: Bytes,
}

impl Scylla {
    fn connect(address: SocketAddr, row: Row) -> Self {
        let runtime = runtime();
        let (session, [select, insert]) = runtime.block_on(async {
            let compression = row.compression.map(|_| ScyllaCompression::Lz4);
            let builder = SessionBuilder::new().known_node(address.to_string());
            let session = builder.compression(compression).build().await.unwrap();
            let [select, insert] = [SELECT, INSERT].map(|text| session.prepare(text));
            let prepared = [select.await.unwrap(), insert.await.unwrap()];
            (session, prepared.map(Arc::new))
        });
        let session = Arc::new(session);
        Self {
            runtime,
            session,
            select,
            insert,
            operation: row.operation,
            value: value(row.length),
        }
    }

    fn turn(&self, length: usize, requests: usize) -> Sample {
        let (session, operation) = (Arc::clone(&self.session), self.operation);
        let (select, insert) = (Arc::clone(&self.select), Arc::clone(&self.insert));
        let value = self.value.slice(..length);
        self.runtime.block_on(run(1, requests, move |_| {
            let (session, value) = (Arc::clone(&session), value.clone());
            let (select, insert) = (Arc::clone(&select), Arc::clone(&insert));
            async move {
                let key = length as i64;
                if operation == Operation::Read {
                    let result = session.execute_unpaged(&select, (key,)).await.unwrap();
                    let rows = result.into_rows_result().unwrap();
                    assert_eq!(rows.single_row::<(&[u8],)>().unwrap().0.len(), length);
                } else {
                    session.execute_unpaged(&insert, (key, &value[..])).await.unwrap();
                }
            }
        }))
    }
}

/// The memory of this process.
#[cfg(feature = "allocations")]
mod memory {
    use std::alloc::System;

    use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

    pub const IS_COUNTED: bool = true;

    #[global_allocator]
    static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

    /// Returns the number of bytes that `action` allocates.
    pub fn allocated<T>(action: impl FnOnce() -> T) -> (T, usize) {
        let region = Region::new(ALLOCATOR);
        let result = action();
        (result, region.change().bytes_allocated)
    }

    /// Returns the number of bytes that are allocated.
    pub fn kept() -> usize {
        let stats = ALLOCATOR.stats();
        stats.bytes_allocated.wrapping_sub(stats.bytes_deallocated)
    }
}

#[cfg(not(feature = "allocations"))]
mod memory {
    pub const IS_COUNTED: bool = false;

    pub fn allocated<T>(action: impl FnOnce() -> T) -> (T, usize) {
        (action(), 0)
    }

    pub fn kept() -> usize {
        0
    }
}
