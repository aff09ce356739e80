//! Messages that take the place of another one.

use bytes::Bytes;
use cqlwire::{message::ErrorCode, wire::Opcode};

/// A message that takes the place of another one.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) opcode: u8,
    /// The flags that describe the beginning of the body.
    pub(crate) flags: u8,
    pub(crate) body: Bytes,
    /// True if it also takes the place of all later messages of the same kind, in a run of its own.
    pub(crate) may_repeat: bool,
}

/// Number of elements of the messages whose decoding is expensive.
const MANY: usize = 60_000;

fn message(name: impl Into<String>, opcode: Opcode, body: impl Into<Vec<u8>>) -> Message {
    let body = Bytes::from(body.into());
    Message { name: name.into(), opcode: opcode.code(), flags: 0, body, may_repeat: false }
}

fn repeatable(name: impl Into<String>, opcode: Opcode, body: impl Into<Vec<u8>>) -> Message {
    Message { may_repeat: true, ..message(name, opcode, body) }
}

fn short(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], &bytes[..length.into()]].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&int(bytes.len())[..], bytes].concat()
}

fn int(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

fn many() -> [u8; 2] {
    (MANY as u16).to_be_bytes()
}

/// A RESULT of kind Rows without a paging state.
fn rows(flags: u8, columns: usize, specs: &[u8], rows: usize, cells: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 2, 0, 0, 0, flags][..], &int(columns), specs, &int(rows), cells].concat()
}

/// The rows of one column, `k.t.c`, of this type.
fn of_type(option: &[u8]) -> Vec<u8> {
    let spec = [short(b"k"), short(b"t"), short(b"c"), option.to_vec()].concat();
    rows(1, 1, &spec, 0, &[])
}

/// Returns the responses that may take the place of another response.
pub(crate) fn responses() -> Vec<Message> {
    let mut messages = Vec::new();
    let codes = ErrorCode::KNOWN.iter().copied().chain([ErrorCode::Unknown(0x7777)]);
    for code in codes {
        let start = [&code.code().to_be_bytes()[..], &short(b"a lie")].concat();
        messages.push(message(
            format!("ERROR {code} without its fields"),
            Opcode::Error,
            start.clone(),
        ));
        // Zeros are valid fields of every error.
        let body = [&start[..], &[0; 40]].concat();
        messages.push(repeatable(format!("ERROR {code}"), Opcode::Error, body));
    }
    let class = |name: &str| short(format!("org.apache.cassandra.auth.{name}").as_bytes());
    let event = |kind: &[u8], change: &[u8], address: &[u8]| {
        [short(kind), short(change), address.to_vec()].concat()
    };
    let node = [4, 127, 0, 0, 1, 0, 0, 0x23, 0x52];
    let paged = {
        let state = long(b"a state that never changes");
        let spec = [short(b"k"), short(b"t"), short(b"c"), vec![0, 9]].concat();
        [&[0, 0, 0, 2, 0, 0, 0, 3][..], &int(1), &state, &spec, &int(0)].concat()
    };
    let kinds = [(1, "Void"), (3, "SetKeyspace"), (5, "SchemaChange"), (9, "of an unknown kind")];
    for (kind, name) in kinds {
        let change = [short(b"CREATED"), short(b"KEYSPACE"), short(b"k")].concat();
        let rest = match kind {
            3 => short(b"elsewhere"),
            5 => change,
            _ => Vec::new(),
        };
        let body = [&int(kind)[..], &rest].concat();
        messages.push(repeatable(format!("RESULT {name}"), Opcode::Result, body));
    }
    let variables = [&[0, 0, 0, 4][..], &short(b"no id"), &[0; 40]].concat();
    messages.extend([
        repeatable("RESULT Prepared", Opcode::Result, variables),
        repeatable("RESULT Rows without rows", Opcode::Result, rows(1, 0, &[0; 4], 0, &[])),
        repeatable("RESULT Rows with endless pages", Opcode::Result, paged),
        message("RESULT Rows of no columns", Opcode::Result, rows(1, 0, &[0; 4], MANY, &[])),
        message("RESULT Rows of a billion rows", Opcode::Result, rows(1, 0, &[0; 4], 1 << 30, &[])),
        repeatable("READY", Opcode::Ready, []),
        repeatable("AUTHENTICATE", Opcode::Authenticate, class("PasswordAuthenticator")),
        repeatable("AUTHENTICATE of an unknown class", Opcode::Authenticate, class("Other")),
        repeatable(
            "AUTHENTICATE by certificate",
            Opcode::Authenticate,
            class("MutualTlsAuthenticator"),
        ),
        repeatable("AUTH_CHALLENGE", Opcode::AuthChallenge, long(b"a challenge")),
        repeatable("AUTH_CHALLENGE without a token", Opcode::AuthChallenge, [0xff; 4]),
        repeatable("AUTH_SUCCESS", Opcode::AuthSuccess, [0xff; 4]),
        repeatable("SUPPORTED without options", Opcode::Supported, [0, 0]),
        message("EVENT of a node", Opcode::Event, event(b"STATUS_CHANGE", b"DOWN", &node)),
        message("EVENT of an unknown type", Opcode::Event, event(b"OTHER", b"CHANGE", &node)),
        message("GRACEFUL_DISCONNECT", Opcode::Event, short(b"GRACEFUL_DISCONNECT")),
        repeatable("OPTIONS, a request", Opcode::Options, []),
        message("QUERY, a request", Opcode::Query, [long(b"SELECT"), vec![0; 3]].concat()),
        message("an unknown opcode", Opcode::Unknown(0x77), [1, 2, 3]),
    ]);
    messages.extend(expensive());
    messages
}

/// Returns the responses that take the most memory and time to decode for their length.
fn expensive() -> Vec<Message> {
    let flagged =
        |name, flags, body: Vec<u8>| Message { flags, ..message(name, Opcode::Result, body) };
    let tuple = |option: &[u8]| [&[0, 0x31][..], &many(), &option.repeat(MANY)].concat();
    let nested = |depth: usize, end: &[u8]| [&[0, 0x20].repeat(depth)[..], end].concat();
    let class = |name: &str| [&[0, 0][..], &short(name.as_bytes())].concat();
    let frozen = format!("{}BytesType{}", "FrozenType(".repeat(2_000), ")".repeat(2_000));
    let vectors = format!("VectorType(org.apache.cassandra.db.marshal.FloatType, {})", i32::MAX);
    let one_blob = [short(b"k"), short(b"t"), short(b"c"), vec![0, 3]].concat();
    let nulls = 200_000;
    let void = [0, 0, 0, 1];
    vec![
        message(
            "SUPPORTED of many options",
            Opcode::Supported,
            [&many()[..], &[0; 4].repeat(MANY)].concat(),
        ),
        message(
            "RESULT of many columns",
            Opcode::Result,
            rows(1, MANY, &[&[0; 4][..], &[0, 0, 0, 9].repeat(MANY)].concat(), 0, &[]),
        ),
        message(
            "RESULT of columns of a table each",
            Opcode::Result,
            rows(0, MANY, &[0, 0, 0, 0, 0, 0, 0, 9].repeat(MANY), 0, &[]),
        ),
        message(
            "RESULT of a tuple of many tuples",
            Opcode::Result,
            of_type(&tuple(&[0, 0x31, 0, 0])),
        ),
        message(
            "RESULT of a tuple of many lists",
            Opcode::Result,
            of_type(&tuple(&[0, 0x20, 0, 9])),
        ),
        message("RESULT of a list in 120 lists", Opcode::Result, of_type(&nested(120, &[0, 9]))),
        message(
            "RESULT of a list in 30,000 lists",
            Opcode::Result,
            of_type(&nested(30_000, &[0, 9])),
        ),
        message("RESULT of a class in 2,000 classes", Opcode::Result, of_type(&class(&frozen))),
        message("RESULT of a vector of 2^31 - 1", Opcode::Result, of_type(&class(&vectors))),
        message(
            "RESULT of many nulls",
            Opcode::Result,
            rows(1, 1, &one_blob, nulls, &[0xff; 4].repeat(nulls)),
        ),
        flagged(
            "RESULT with many warnings",
            8,
            [&many()[..], &[0, 0].repeat(MANY), &void].concat(),
        ),
        flagged(
            "RESULT with a large payload",
            4,
            [&many()[..], &[0, 0, 0xff, 0xff, 0xff, 0xff].repeat(MANY), &void].concat(),
        ),
        message(
            "ERROR with a long message",
            Opcode::Error,
            [&[0, 0, 0, 0][..], &short(&"€".repeat(21_845).into_bytes())].concat(),
        ),
    ]
}

/// Returns the requests that may take the place of another request.
pub(crate) fn requests() -> Vec<Message> {
    let map = |pairs: &[(&str, &str)]| {
        let count = u16::try_from(pairs.len()).unwrap_or(0).to_be_bytes();
        let pairs = pairs
            .iter()
            .flat_map(|(name, value)| [short(name.as_bytes()), short(value.as_bytes())].concat());
        count.into_iter().chain(pairs).collect::<Vec<_>>()
    };
    let query =
        |text: &str, parameters: &[u8]| [long(text.as_bytes()), parameters.to_vec()].concat();
    let nested = format!("SELECT {}1{} FROM hostile.t", "(".repeat(20_000), ")".repeat(20_000));
    let lists =
        format!("INSERT INTO hostile.t (k) VALUES ({}{})", "[".repeat(9_000), "]".repeat(9_000));
    let types = format!(
        "CREATE TABLE hostile.d (k {}int{} PRIMARY KEY)",
        "frozen<list<".repeat(4_000),
        ">>".repeat(4_000)
    );
    let plain = [0, 1, 0, 0, 0, 0];
    let one_value = [0, 1, 0, 0, 0, 1, 0, 1];
    let batch = |kind: u8, count: usize| {
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        let statement = [&[kind][..], &long(b"")].concat();
        [&[0][..], &count.to_be_bytes(), &statement.repeat(count.into()), &plain].concat()
    };
    let version = ("CQL_VERSION", "3.0.0");
    vec![
        repeatable("OPTIONS", Opcode::Options, []),
        repeatable("STARTUP", Opcode::Startup, map(&[version])),
        message("STARTUP with LZ4", Opcode::Startup, map(&[version, ("COMPRESSION", "lz4")])),
        message("STARTUP with Snappy", Opcode::Startup, map(&[version, ("COMPRESSION", "snappy")])),
        message(
            "STARTUP with another compression",
            Opcode::Startup,
            map(&[version, ("COMPRESSION", "x")]),
        ),
        message("STARTUP without options", Opcode::Startup, [0, 0]),
        message(
            "STARTUP with many options",
            Opcode::Startup,
            [&many()[..], &[0; 4].repeat(MANY)].concat(),
        ),
        repeatable("AUTH_RESPONSE without a token", Opcode::AuthResponse, [0xff; 4]),
        repeatable("AUTH_RESPONSE", Opcode::AuthResponse, long(b"\0eve\0no password")),
        message("AUTH_RESPONSE of a long token", Opcode::AuthResponse, long(&[0; 1 << 20])),
        repeatable("REGISTER for nothing", Opcode::Register, [0, 0]),
        message(
            "REGISTER for an unknown event",
            Opcode::Register,
            [&[0, 1][..], &short(b"OTHER")].concat(),
        ),
        message(
            "REGISTER many times",
            Opcode::Register,
            [&many()[..], &short(b"").repeat(MANY)].concat(),
        ),
        repeatable("QUERY", Opcode::Query, query("SELECT k FROM hostile.t", &plain)),
        message("QUERY of no text", Opcode::Query, query("", &plain)),
        message("QUERY of deep parentheses", Opcode::Query, query(&nested, &plain)),
        message("QUERY of deep lists", Opcode::Query, query(&lists, &plain)),
        message("QUERY of a deep type", Opcode::Query, query(&types, &plain)),
        message("QUERY of a long text", Opcode::Query, query(&"x ".repeat(1 << 19), &plain)),
        message(
            "QUERY of an open string",
            Opcode::Query,
            query("SELECT 'a FROM hostile.t", &plain),
        ),
        message("QUERY of many values", Opcode::Query, {
            let values = [&many()[..], &[0xff; 4].repeat(MANY)].concat();
            query("SELECT k FROM hostile.t", &[&one_value[..6], &values].concat())
        }),
        repeatable(
            "PREPARE",
            Opcode::Prepare,
            query("SELECT k FROM hostile.t WHERE k = ?", &[0; 4]),
        ),
        message("PREPARE of no text", Opcode::Prepare, query("", &[0; 4])),
        message("PREPARE of many bind markers", Opcode::Prepare, {
            query(&format!("SELECT k FROM hostile.t WHERE k IN ({}?)", "?,".repeat(MANY)), &[0; 4])
        }),
        repeatable(
            "EXECUTE of no statement",
            Opcode::Execute,
            [short(b""), short(b""), plain.to_vec()].concat(),
        ),
        repeatable(
            "EXECUTE of an unknown id",
            Opcode::Execute,
            [short(&[7; 16]), plain.to_vec()].concat(),
        ),
        repeatable("BATCH of no statements", Opcode::Batch, batch(0, 0)),
        message("BATCH of many empty statements", Opcode::Batch, batch(0, MANY)),
        message("BATCH of statements of an unknown kind", Opcode::Batch, batch(7, 3)),
        repeatable("READY, a response", Opcode::Ready, []),
        message("RESULT, a response", Opcode::Result, int(1)),
        message("an unknown opcode", Opcode::Unknown(0x77), [1, 2, 3]),
    ]
}
