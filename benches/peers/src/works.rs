//! What is measured: each work, its bar, and everybody who does it on the same bytes.

use std::fmt::Debug;
use std::hint::black_box;
use std::time::{Duration, Instant};

use cassandra_protocol::types::CBytesShort;

use crate::data::{
    EVENT, EVENTS, EVENTS_COLUMNS, Mixed, QUERY, STATEMENT_ID, USER, USERS, USERS_COLUMNS,
};
use crate::{cdrs, floor, ours, scylla};

/// Something that a codec has to do.
pub struct Work {
    pub name: &'static str,
    /// What is counted: a row, a request.
    pub unit: &'static str,
    /// How many of them one iteration does.
    pub units: u32,
    pub bar: Bar,
    /// Panics unless everybody comes to the same result.
    pub agree: fn(),
    /// Who does it, and how.
    pub runs: &'static [(Who, Run)],
}

/// What ours may take for one unit.
pub struct Bar {
    pub limit: Limit,
    pub allocations: f64,
}

#[derive(Clone, Copy)]
pub enum Limit {
    /// So many instructions.
    Instructions(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The least that has to be done, by hand.
    Floor,
    Ours,
    Scylla,
    Cdrs,
}

impl Who {
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

/// Does so many iterations, and says how long they took, without what comes before them.
pub type Run = fn(iterations: u64) -> Duration;

use Who::{Cdrs, Floor, Ours, Scylla};

pub const WORKS: &[Work] = &[
    Work {
        name: "rows, 2 text columns, borrowed",
        unit: "row",
        units: 5_000,
        bar: Bar { limit: Limit::Instructions(180.0), allocations: 0.0 },
        agree: || {
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
    Work {
        name: "rows, 2 text columns, Vec<(String, String)>",
        unit: "row",
        units: 5_000,
        bar: Bar { limit: Limit::Instructions(1_130.0), allocations: 2.0 },
        agree: || {
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
    Work {
        name: "rows, 8 mixed columns, borrowed",
        unit: "row",
        units: 1_000,
        bar: Bar { limit: Limit::Instructions(330.0), allocations: 0.0 },
        agree: || {
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
    Work {
        name: "rows, 8 mixed columns, dynamic values",
        unit: "row",
        units: 1_000,
        bar: Bar { limit: Limit::Instructions(1_500.0), allocations: 2.0 },
        agree: || {
            let mut seen = [const { Vec::new() }; 4];
            floor::events(&EVENTS, |row| seen[0].push(text_of(&row)));
            ours::values(&EVENTS, |row| seen[1].push(text_of(&ours::as_mixed(&row))));
            scylla::values(&EVENTS, |row| seen[2].push(text_of(&scylla::as_mixed(&row))));
            cdrs::values(&EVENTS, |row| seen[3].push(text_of(&row)));
            assert_same(&seen);
        },
        runs: &[
            (Ours, |n| repeat(n, || ours::values(black_box(&EVENTS), |row| consume(row)))),
            (Scylla, |n| repeat(n, || scylla::values(black_box(&EVENTS), |row| consume(row)))),
            (Cdrs, |n| repeat(n, || cdrs::values(black_box(&EVENTS), |row| consume(row)))),
        ],
    },
    Work {
        name: "encode QUERY, 2 text values",
        unit: "request",
        units: 1,
        bar: Bar { limit: Limit::Instructions(350.0), allocations: 0.0 },
        agree: || {
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
    Work {
        name: "encode EXECUTE, 8 values",
        unit: "request",
        units: 1,
        bar: Bar { limit: Limit::Instructions(500.0), allocations: 0.0 },
        agree: || {
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
];

fn repeat(iterations: u64, mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..iterations).for_each(|_| work());
    start.elapsed()
}

/// Takes a result as somebody would who needs all of it.
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
