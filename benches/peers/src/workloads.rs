//! The workloads of `check` and `time`: for each one its bar, and its implementation by each
//! contender.

use std::fmt::Debug;
use std::hint::black_box;
use std::time::{Duration, Instant};

use cassandra_protocol::frame::frame_decoder::UncompressedFrameDecoder;
use cassandra_protocol::types::CBytesShort;
use cqlwire::wire::SegmentDecoder;

use crate::data::{
    COMPRESSED, EMBEDDING, EVENT, EVENTS, EVENTS_COLUMNS, FRAME, LINES, Mixed, QUERY, READY,
    SEGMENT, SPARSE_EVENTS, STATEMENT_ID, USER, USERS, USERS_COLUMNS,
};
use crate::{cdrs, floor, ours, scylla};

/// A task of a codec.
pub struct Workload {
    pub name: &'static str,
    /// Name of the unit that is counted, such as `row` or `request`.
    pub unit: &'static str,
    /// Number of units in one iteration.
    pub units: u32,
    pub bar: Bar,
    /// Panics unless all contenders compute the same result.
    pub assert_same_results: fn(),
    /// The contenders and their implementations.
    pub runs: &'static [(Contender, Run)],
}

/// The maximum cost of one unit that is allowed for ours.
pub struct Bar {
    pub limit: Limit,
    pub allocations: f64,
}

#[derive(Clone, Copy)]
pub enum Limit {
    /// A number of instructions.
    Instructions(f64),
    /// A multiple of the floor's instructions.
    TimesFloor(f64),
}

/// An implementation of the workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// Hand-written code that does the least work possible.
    Floor,
    /// cqlwire.
    Ours,
    /// The driver `scylla`, with its codec `scylla-cql`.
    Scylla,
    /// The driver `cdrs-tokio`, with its codec `cassandra-protocol`.
    Cdrs,
}

impl Contender {
    pub const ALL: [Self; 4] = [Self::Floor, Self::Ours, Self::Scylla, Self::Cdrs];

    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Ours => "ours",
            Self::Scylla => "scylla",
            Self::Cdrs => "cdrs",
        }
    }
}

/// Runs a number of iterations and returns their duration, without that of the setup.
pub type Run = fn(iterations: u64) -> Duration;

use Contender::{Cdrs, Floor, Ours, Scylla};

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "rows, 2 text columns, borrowed",
        unit: "row",
        units: 5_000,
        bar: Bar { limit: Limit::Instructions(180.0), allocations: 0.0 },
        assert_same_results: || {
            let own = |(name, password): (&str, &str)| (name.to_owned(), password.to_owned());
            let mut seen = [const { Vec::new() }; 4];
            floor::users(&USERS, |row| seen[0].push(own(row)));
            ours::users(&USERS, |row| seen[1].push(own(row)));
            scylla::users(&USERS, |row| seen[2].push(own(row)));
            cdrs::users(&USERS, |row| seen[3].push(own(row)));
            assert_same(&seen);
        },
        runs: &[
            (Floor, |n| repeat(n, || floor::users(black_box(&USERS), |row| consume(row)))),
            (Ours, |n| repeat(n, || ours::users(black_box(&USERS), |row| consume(row)))),
            (Scylla, |n| repeat(n, || scylla::users(black_box(&USERS), |row| consume(row)))),
            (Cdrs, |n| repeat(n, || cdrs::users(black_box(&USERS), |row| consume(row)))),
        ],
    },
    Workload {
        name: "rows, 2 text columns, derived struct",
        unit: "row",
        units: 5_000,
        bar: Bar { limit: Limit::Instructions(190.0), allocations: 0.0 },
        assert_same_results: || {
            let own = |(name, password): (&str, &str)| (name.to_owned(), password.to_owned());
            let mut seen = [const { Vec::new() }; 2];
            floor::users(&USERS, |row| seen[0].push(own(row)));
            ours::derived_users(&USERS, |row| seen[1].push(own(row)));
            assert_same(&seen);
        },
        runs: &[
            (Floor, |n| repeat(n, || floor::users(black_box(&USERS), |row| consume(row)))),
            (Ours, |n| repeat(n, || ours::derived_users(black_box(&USERS), |row| consume(row)))),
        ],
    },
    Workload {
        name: "rows, 2 text columns, derived struct, other order",
        unit: "row",
        units: 5_000,
        bar: Bar { limit: Limit::Instructions(320.0), allocations: 0.0 },
        assert_same_results: || {
            let own = |(name, password): (&str, &str)| (name.to_owned(), password.to_owned());
            let mut seen = [const { Vec::new() }; 2];
            floor::users(&USERS, |row| seen[0].push(own(row)));
            ours::reordered_users(&USERS, |row| seen[1].push(own(row)));
            assert_same(&seen);
        },
        runs: &[
            (Floor, |n| repeat(n, || floor::users(black_box(&USERS), |row| consume(row)))),
            (Ours, |n| repeat(n, || ours::reordered_users(black_box(&USERS), |row| consume(row)))),
        ],
    },
    Workload {
        name: "rows, 2 text columns, Vec<(String, String)>",
        unit: "row",
        units: 5_000,
        bar: Bar { limit: Limit::Instructions(1_130.0), allocations: 2.0 },
        assert_same_results: || {
            assert_same(&[
                floor::owned_users(&USERS),
                ours::owned_users(&USERS),
                scylla::owned_users(&USERS),
                cdrs::owned_users(&USERS),
            ]);
        },
        runs: &[
            (Floor, |n| repeat(n, || consume(floor::owned_users(black_box(&USERS))))),
            (Ours, |n| repeat(n, || consume(ours::owned_users(black_box(&USERS))))),
            (Scylla, |n| repeat(n, || consume(scylla::owned_users(black_box(&USERS))))),
            (Cdrs, |n| repeat(n, || consume(cdrs::owned_users(black_box(&USERS))))),
        ],
    },
    Workload {
        name: "rows, 8 mixed columns, borrowed",
        unit: "row",
        units: 1_000,
        bar: Bar { limit: Limit::Instructions(330.0), allocations: 0.0 },
        assert_same_results: || {
            let mut seen = [const { Vec::new() }; 3];
            floor::events(&EVENTS, |row| seen[0].push(text_of(&row)));
            ours::events(&EVENTS, |row| seen[1].push(text_of(&row)));
            scylla::events(&EVENTS, |row| seen[2].push(text_of(&row)));
            assert_same(&seen);
        },
        runs: &[
            (Floor, |n| repeat(n, || floor::events(black_box(&EVENTS), |row| consume(row)))),
            (Ours, |n| repeat(n, || ours::events(black_box(&EVENTS), |row| consume(row)))),
            (Scylla, |n| repeat(n, || scylla::events(black_box(&EVENTS), |row| consume(row)))),
        ],
    },
    Workload {
        name: "rows, 8 mixed columns, dynamic values",
        unit: "row",
        units: 1_000,
        bar: Bar { limit: Limit::Instructions(1_500.0), allocations: 2.0 },
        assert_same_results: || {
            let mut seen = [const { Vec::new() }; 4];
            floor::events(&EVENTS, |row| seen[0].push(text_of(&row)));
            ours::values(&EVENTS, |row| seen[1].push(text_of(&ours::as_mixed(&row))));
            scylla::values(&EVENTS, |row| seen[2].push(text_of(&scylla::as_mixed(&row))));
            cdrs::values(&EVENTS, |row| seen[3].push(text_of(&row)));
            assert_same(&seen);
        },
        runs: &[
            (Ours, |n| repeat(n, || ours::values(black_box(&EVENTS), consume))),
            (Scylla, |n| repeat(n, || scylla::values(black_box(&EVENTS), consume))),
            (Cdrs, |n| repeat(n, || cdrs::values(black_box(&EVENTS), |row| consume(row)))),
        ],
    },
    Workload {
        name: "Arrow record batch, 8 mixed columns",
        unit: "row",
        units: 5_000,
        bar: Bar { limit: Limit::Instructions(540.0), allocations: 0.02 },
        assert_same_results: || {
            assert_same(&[
                ours::record_batch(&SPARSE_EVENTS),
                scylla::arrow_builders(&SPARSE_EVENTS),
            ]);
        },
        runs: &[
            (Ours, |n| repeat(n, || consume(ours::record_batch(black_box(&SPARSE_EVENTS))))),
            (Scylla, |n| repeat(n, || consume(scylla::arrow_builders(black_box(&SPARSE_EVENTS))))),
        ],
    },
    Workload {
        name: "typed rows pushed into Arrow builders, 8 mixed columns",
        unit: "row",
        units: 5_000,
        bar: Bar { limit: Limit::Instructions(750.0), allocations: 0.0 },
        assert_same_results: || {
            let ours = ours::arrow_builders(&SPARSE_EVENTS);
            assert_same(&[ours, scylla::arrow_builders(&SPARSE_EVENTS)]);
        },
        runs: &[
            (Ours, |n| repeat(n, || consume(ours::arrow_builders(black_box(&SPARSE_EVENTS))))),
            (Scylla, |n| repeat(n, || consume(scylla::arrow_builders(black_box(&SPARSE_EVENTS))))),
        ],
    },
    Workload {
        name: "vector<float, 1536>",
        unit: "vector",
        units: 1,
        bar: Bar { limit: Limit::TimesFloor(1.5), allocations: 1.0 },
        assert_same_results: || {
            let scylla = scylla::embedding(&EMBEDDING, &scylla::embedding_type());
            let ours = ours::embedding(&EMBEDDING, &ours::embedding_type());
            assert_same(&[floor::embedding(&EMBEDDING), ours, scylla]);
        },
        runs: &[
            (Floor, |n| repeat(n, || consume(floor::embedding(black_box(&EMBEDDING))))),
            (Ours, |n| {
                let cql_type = ours::embedding_type();
                repeat(n, || consume(ours::embedding(black_box(&EMBEDDING), black_box(&cql_type))))
            }),
            (Scylla, |n| {
                let cql_type = scylla::embedding_type();
                repeat(n, || {
                    consume(scylla::embedding(black_box(&EMBEDDING), black_box(&cql_type)));
                })
            }),
        ],
    },
    Workload {
        name: "encode QUERY, 2 text values",
        unit: "request",
        units: 1,
        bar: Bar { limit: Limit::Instructions(350.0), allocations: 0.0 },
        assert_same_results: || {
            let (mut floor, mut ours) = (Vec::new(), Vec::new());
            floor::query(&mut floor, QUERY, USER);
            ours::Client::new(&USERS_COLUMNS).query(&mut ours, QUERY, USER);
            let scylla = scylla::query(&scylla::columns(&USERS_COLUMNS), QUERY, USER);
            assert_same(&[floor, ours, scylla.get_data().to_vec(), cdrs::query(QUERY, USER)]);
        },
        runs: &[
            (Floor, |n| {
                let mut out = Vec::new();
                repeat(n, || {
                    floor::query(&mut out, black_box(QUERY), black_box(USER));
                    black_box(&out);
                })
            }),
            (Ours, |n| {
                let (mut out, mut client) = (Vec::new(), ours::Client::new(&USERS_COLUMNS));
                repeat(n, || {
                    client.query(&mut out, black_box(QUERY), black_box(USER));
                    black_box(&out);
                })
            }),
            (Scylla, |n| {
                let columns = scylla::columns(&USERS_COLUMNS);
                repeat(n, || consume(scylla::query(&columns, black_box(QUERY), black_box(USER))))
            }),
            (Cdrs, |n| repeat(n, || consume(cdrs::query(black_box(QUERY), black_box(USER))))),
        ],
    },
    Workload {
        name: "encode EXECUTE, 8 values",
        unit: "request",
        units: 1,
        bar: Bar { limit: Limit::Instructions(500.0), allocations: 0.0 },
        assert_same_results: || {
            let (mut floor, mut ours) = (Vec::new(), Vec::new());
            floor::execute(&mut floor, &STATEMENT_ID, &EVENT);
            ours::Client::new(&EVENTS_COLUMNS).execute(&mut ours, &STATEMENT_ID, &EVENT);
            let scylla = scylla::columns(&EVENTS_COLUMNS);
            let scylla = scylla::execute(&scylla, &STATEMENT_ID, &EVENT);
            let cdrs = cdrs::execute(&CBytesShort::new(STATEMENT_ID.to_vec()), &EVENT);
            assert_same(&[floor, ours, scylla.get_data().to_vec(), cdrs]);
        },
        runs: &[
            (Floor, |n| {
                let mut out = Vec::new();
                repeat(n, || {
                    floor::execute(&mut out, black_box(&STATEMENT_ID), black_box(&EVENT));
                    black_box(&out);
                })
            }),
            (Ours, |n| {
                let (mut out, mut client) = (Vec::new(), ours::Client::new(&EVENTS_COLUMNS));
                repeat(n, || {
                    client.execute(&mut out, black_box(&STATEMENT_ID), black_box(&EVENT));
                    black_box(&out);
                })
            }),
            (Scylla, |n| {
                let columns = scylla::columns(&EVENTS_COLUMNS);
                repeat(n, || {
                    consume(scylla::execute(&columns, black_box(&STATEMENT_ID), black_box(&EVENT)));
                })
            }),
            (Cdrs, |n| {
                let id = CBytesShort::new(STATEMENT_ID.to_vec());
                repeat(n, || consume(cdrs::execute(black_box(&id), black_box(&EVENT))))
            }),
        ],
    },
    Workload {
        name: "read a header",
        unit: "header",
        units: 1,
        bar: Bar { limit: Limit::Instructions(60.0), allocations: 0.0 },
        assert_same_results: || {
            let (header, length) = ours::header(&READY);
            let first = header.version.number() | if header.is_response { 0x80 } else { 0 };
            let flags = header.flags.bits();
            let ours = (first, flags, header.stream.0, header.opcode.code(), length);
            let (frame, opcode, body) = scylla::header(&READY);
            let scylla = (frame.version, frame.flags, frame.stream, opcode as u8, body.len());
            let frame = cdrs::header(&READY);
            let first = 0x80 | u8::from(frame.version);
            let (flags, stream) = (frame.flags.bits(), frame.stream_id);
            let cdrs = (first, flags, stream, frame.opcode.into(), frame.body.len());
            assert_same(&[floor::header(&READY), ours, scylla, cdrs]);
        },
        runs: &[
            (Floor, |n| repeat(n, || consume(floor::header(black_box(&READY))))),
            (Ours, |n| repeat(n, || consume(ours::header(black_box(&READY))))),
            (Scylla, |n| repeat(n, || consume(scylla::header(black_box(&READY))))),
            (Cdrs, |n| repeat(n, || consume(cdrs::header(black_box(&READY))))),
        ],
    },
    Workload {
        name: "LZ4, compress 64 KiB",
        unit: "body",
        units: 1,
        bar: Bar { limit: Limit::TimesFloor(1.02), allocations: 1.0 },
        assert_same_results: || {
            let mut floor = Vec::new();
            floor::compress(&LINES, &mut floor);
            let ours = ours::compress(&LINES, &mut Vec::new()).to_vec();
            let all = [floor, ours, scylla::compress(&LINES), cdrs::compress(&LINES)];
            assert_same(&all.map(|compressed| cdrs::decompress(&compressed)));
        },
        runs: &[
            (Floor, |n| {
                let mut out = Vec::new();
                repeat(n, || {
                    floor::compress(black_box(&LINES), &mut out);
                    black_box(&out);
                })
            }),
            (Ours, |n| {
                let mut buffer = Vec::new();
                repeat(n, || {
                    black_box(ours::compress(black_box(&LINES), &mut buffer));
                })
            }),
            (Scylla, |n| repeat(n, || consume(scylla::compress(black_box(&LINES))))),
            (Cdrs, |n| repeat(n, || consume(cdrs::compress(black_box(&LINES))))),
        ],
    },
    Workload {
        name: "LZ4, decompress 64 KiB",
        unit: "body",
        units: 1,
        bar: Bar { limit: Limit::TimesFloor(1.02), allocations: 1.0 },
        assert_same_results: || {
            let (mut floor, mut ours) = (Vec::new(), Vec::new());
            floor::decompress(&COMPRESSED, &mut floor);
            ours::decompress(&COMPRESSED, &mut ours);
            let (scylla, cdrs) = (scylla::decompress(&COMPRESSED), cdrs::decompress(&COMPRESSED));
            assert_same(&[LINES.to_vec(), floor, ours, scylla, cdrs]);
        },
        runs: &[
            (Floor, |n| {
                let mut out = Vec::new();
                repeat(n, || {
                    floor::decompress(black_box(&COMPRESSED), &mut out);
                    black_box(&out);
                })
            }),
            (Ours, |n| {
                let mut out = Vec::new();
                repeat(n, || {
                    ours::decompress(black_box(&COMPRESSED), &mut out);
                    black_box(&out);
                })
            }),
            (Scylla, |n| repeat(n, || consume(scylla::decompress(black_box(&COMPRESSED))))),
            (Cdrs, |n| repeat(n, || consume(cdrs::decompress(black_box(&COMPRESSED))))),
        ],
    },
    Workload {
        name: "v5, a plain segment of 64 KiB",
        unit: "segment",
        units: 1,
        bar: Bar { limit: Limit::TimesFloor(1.02), allocations: 1.0 },
        assert_same_results: || {
            let floor = floor::segment(&SEGMENT, &mut Vec::new()).to_vec();
            let ours = ours::segment(&SEGMENT, &mut SegmentDecoder::new(None)).to_vec();
            let cdrs = cdrs::segment(&SEGMENT, &mut Default::default());
            let [cdrs] = &cdrs[..] else { panic!("expected one frame, got {}", cdrs.len()) };
            assert_same(&[FRAME.to_vec(), floor, ours]);
            assert_same(&[&LINES[..], &cdrs.body]);
        },
        runs: &[
            (Floor, |n| {
                let mut buffer = Vec::new();
                repeat(n, || {
                    black_box(floor::segment(black_box(&SEGMENT), &mut buffer));
                })
            }),
            (Ours, |n| {
                let mut decoder = SegmentDecoder::new(None);
                repeat(n, || consume(ours::segment(black_box(&SEGMENT), &mut decoder)))
            }),
            (Cdrs, |n| {
                let mut decoder = UncompressedFrameDecoder::default();
                repeat(n, || consume(cdrs::segment(black_box(&SEGMENT), &mut decoder)))
            }),
        ],
    },
];

fn repeat(iterations: u64, mut iteration: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..iterations).for_each(|_| iteration());
    start.elapsed()
}

/// Uses a result, so that the compiler does not remove its computation.
#[inline]
fn consume<T>(result: T) {
    black_box(result);
}

fn assert_same<T: PartialEq + Debug>(results: &[T]) {
    for result in results {
        assert_eq!(result, &results[0]);
    }
}

fn text_of(row: &Mixed<'_>) -> String {
    format!("{row:?}")
}
