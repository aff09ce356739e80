//! The input of all workloads: bytes written by hand after the protocol's specification, the same on
//! every run.

use std::sync::LazyLock;

use bytes::Bytes;
use uuid::Uuid;

/// The body of a v4 RESULT of kind Rows.
pub struct Page {
    pub body: Bytes,
    /// Number of rows.
    pub rows: usize,
    /// Offset of the first cell.
    pub cells: usize,
}

/// A row of 8 columns: int, bigint, double, boolean, timestamp, uuid, text, blob.
pub type Mixed<'a> = (i32, i64, f64, bool, i64, Uuid, &'a str, &'a [u8]);

/// The columns of [`USERS`] and of [`EVENTS`]: names, and option ids of the types.
pub const USERS_COLUMNS: [(&str, u16); 2] = [("username", 0x0D), ("password", 0x0D)];
pub const EVENTS_COLUMNS: [(&str, u16); 8] = [
    ("number", 0x09),
    ("total", 0x02),
    ("mean", 0x07),
    ("done", 0x04),
    ("at", 0x0B),
    ("id", 0x0C),
    ("title", 0x0D),
    ("payload", 0x03),
];

/// 5,000 rows with a name of 6 to 14 characters and a password of 12 to 24.
pub static USERS: LazyLock<Page> = LazyLock::new(|| {
    let mut random = Random(1);
    page("users", &USERS_COLUMNS, 5_000, |cells| {
        put(cells, random.text(6, 14).as_bytes());
        put(cells, random.text(12, 24).as_bytes());
    })
});

/// 1,000 rows of [`Mixed`], with a text of 8 to 32 characters and a blob of 16 to 64 bytes.
pub static EVENTS: LazyLock<Page> = LazyLock::new(|| {
    let mut random = Random(2);
    page("events", &EVENTS_COLUMNS, 1_000, |cells| {
        put(cells, &(random.next() as i32).to_be_bytes());
        put(cells, &(random.next() as i64).to_be_bytes());
        put(cells, &((random.next() >> 11) as f64 / 7.0).to_be_bytes());
        put(cells, &[(random.next() & 1) as u8]);
        put(cells, &(1_700_000_000_000 + (random.next() % 1_000_000) as i64).to_be_bytes());
        let id = u128::from(random.next()) << 64 | u128::from(random.next());
        put(cells, uuid::Builder::from_random_bytes(id.to_be_bytes()).as_uuid().as_bytes());
        put(cells, random.text(8, 32).as_bytes());
        let payload: Vec<u8> = (0..random.between(16, 64)).map(|_| random.next() as u8).collect();
        put(cells, &payload);
    })
});

/// 5,000 rows of the columns of [`EVENTS`]. Of each column that is not part of the key, one value in ten is null.
pub static SPARSE_EVENTS: LazyLock<Page> = LazyLock::new(|| {
    let mut random = Random(5);
    page("events", &EVENTS_COLUMNS, 5_000, |cells| {
        put(cells, &(random.next() as i32).to_be_bytes());
        put_sparse(cells, &mut random, |random| (random.next() as i64).to_be_bytes().to_vec());
        put_sparse(cells, &mut random, |random| {
            ((random.next() >> 11) as f64 / 7.0).to_be_bytes().to_vec()
        });
        put_sparse(cells, &mut random, |random| vec![(random.next() & 1) as u8]);
        put_sparse(cells, &mut random, |random| {
            (1_700_000_000_000 + random.next() % 1_000_000).to_be_bytes().to_vec()
        });
        let id = u128::from(random.next()) << 64 | u128::from(random.next());
        put(cells, uuid::Builder::from_random_bytes(id.to_be_bytes()).as_uuid().as_bytes());
        put_sparse(cells, &mut random, |random| random.text(8, 32).into_bytes());
        put_sparse(cells, &mut random, |random| {
            (0..random.between(16, 64)).map(|_| random.next() as u8).collect()
        });
    })
});

/// A `vector<float, 1536>`, a common size of embeddings.
pub const DIMENSIONS: usize = 1_536;
pub static EMBEDDING: LazyLock<Bytes> = LazyLock::new(|| {
    let mut random = Random(4);
    (0..DIMENSIONS)
        .flat_map(|_| ((random.next() >> 40) as f32 / 7.0).to_be_bytes())
        .collect::<Vec<_>>()
        .into()
});

/// 64 KiB of a page of log lines, which LZ4 compresses to a third.
pub static LINES: LazyLock<Bytes> = LazyLock::new(|| {
    const WORDS: [&str; 16] = [
        "error",
        "info",
        "request",
        "user",
        "login",
        "failed",
        "timeout",
        "connection",
        "keyspace",
        "table",
        "latency",
        "ms",
        "GET",
        "/api/v1/users",
        "/api/v1/orders",
        "200",
    ];
    let mut random = Random(3);
    let lines = page("logs", &[("at", 0x02), ("line", 0x0D)], 1_000, |cells| {
        put(cells, &(random.next() as i64).to_be_bytes());
        let line: Vec<_> =
            (0..random.between(8, 23)).map(|_| WORDS[random.between(0, 15)]).collect();
        put(cells, line.join(" ").as_bytes());
    });
    lines.body.slice(..65_536)
});

/// [`LINES`] as a body compressed with LZ4: the uncompressed length and one block.
pub static COMPRESSED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let block = lz4_flex::block::compress(&LINES);
    [&(LINES.len() as u32).to_be_bytes(), &block[..]].concat()
});

/// A READY.
pub const READY: [u8; 9] = [0x84, 0, 0, 77, 0x02, 0, 0, 0, 0];

/// [`LINES`] as the body of a v5 RESULT.
pub static FRAME: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let header = [0x85, 0, 0, 1, 0x08];
    [&header[..], &(LINES.len() as u32).to_be_bytes(), &LINES].concat()
});
/// [`FRAME`] in one uncompressed segment.
pub static SEGMENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let header = (FRAME.len() as u32 | 1 << 17).to_le_bytes();
    // CRC-24 bit by bit, as the specification defines it.
    let checksum = header[..3].iter().fold(0x87_5060_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 16, |crc, _| {
            if crc & 0x80_0000 == 0 { crc << 1 } else { crc << 1 ^ 0x197_4f0b }
        })
    });
    let payload = crate::floor::checksum(&FRAME).to_le_bytes();
    [&header[..3], &checksum.to_le_bytes()[..3], &FRAME, &payload].concat()
});

/// The request that inserts a user.
pub const QUERY: &str = "INSERT INTO app.users (username, password) VALUES (?, ?)";
pub const USER: (&str, &str) = ("john_doe", "correct horse battery");

/// The request that inserts an event.
pub const STATEMENT_ID: [u8; 16] = [7; 16];
pub const EVENT: Mixed<'static> = (
    1,
    2,
    3.5,
    true,
    1_700_000_000_000,
    Uuid::from_u128(0x1234_5678_9abc_4def_8012_3456_789a_bcde),
    "the quick brown fox",
    &[9; 40],
);

fn page(
    table: &str,
    columns: &[(&str, u16)],
    rows: usize,
    mut row: impl FnMut(&mut Vec<u8>),
) -> Page {
    let string = |body: &mut Vec<u8>, text: &str| {
        body.extend((text.len() as u16).to_be_bytes());
        body.extend(text.as_bytes());
    };
    let mut body = Vec::new();
    // Kind Rows; the flag for a global table; the number of columns.
    for number in [2, 1, columns.len() as i32] {
        body.extend(number.to_be_bytes());
    }
    string(&mut body, "app");
    string(&mut body, table);
    for (name, id) in columns {
        string(&mut body, name);
        body.extend(id.to_be_bytes());
    }
    body.extend((rows as i32).to_be_bytes());
    let cells = body.len();
    (0..rows).for_each(|_| row(&mut body));
    Page { body: body.into(), rows, cells }
}

fn put(cells: &mut Vec<u8>, value: &[u8]) {
    cells.extend((value.len() as i32).to_be_bytes());
    cells.extend(value);
}

/// Appends a value, or null one time in ten.
fn put_sparse(
    cells: &mut Vec<u8>,
    random: &mut Random,
    value: impl FnOnce(&mut Random) -> Vec<u8>,
) {
    match random.between(0, 9) {
        0 => cells.extend((-1_i32).to_be_bytes()),
        _ => put(cells, &value(random)),
    }
}

/// The random number generator SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn between(&mut self, min: usize, max: usize) -> usize {
        min + self.next() as usize % (max - min + 1)
    }

    fn text(&mut self, min: usize, max: usize) -> String {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789_.";
        let length = self.between(min, max);
        (0..length).map(|_| char::from(LETTERS[self.next() as usize % LETTERS.len()])).collect()
    }
}
