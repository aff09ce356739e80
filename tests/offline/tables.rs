//! Compares the code with the tables of `protocol-spec/tables/`.
//!
//! A list in the code and its table are compared as sets. For fields, the test truncates a body before
//! each field and compares the field that the decode error names. This checks names, notations and
//! order.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use cqlwire::message::{
    BatchKind, ErrorCode, Event, EventType, FailureReason, MetadataFlags, QueryFlags, Request,
    RequestFrame, Response, ResponseFrame, ResultKind, SchemaChangeKind, SchemaTarget,
    StatusChange, TopologyChange, WriteType,
};
use cqlwire::types::{CqlType, NativeType, UdtType};
use cqlwire::wire::{
    Compression, Consistency, Context, DecodeError, DecodeErrorKind, FrameEncoder, FrameFlags,
    Header, Opcode, RawFrame, Reader, Stream, Version, Writer,
};

use crate::spec::{Row, table};

/// Asserts that the table has exactly these codes and names.
fn assert_codes<'a>(name: &str, known: impl Iterator<Item = (u32, &'a str)>) {
    let rows = table(name);
    let code = if name.ends_with("flags") { "bit" } else { "code" };
    let listed: BTreeSet<_> = rows.iter().map(|row| (row.number(code), row.text("name"))).collect();
    assert_eq!(listed, known.collect(), "{name}");
    assert_eq!(listed.len(), rows.len(), "table {name} has a duplicate row");
}

/// Asserts that the table has exactly these names.
fn assert_names<'a>(name: &str, known: impl Iterator<Item = &'a str>) {
    let rows = table(name);
    let listed: BTreeSet<_> = rows.iter().map(|row| row.text("name")).collect();
    assert_eq!(listed, known.collect(), "{name}");
}

#[test]
fn codes_match_the_tables() {
    assert_codes("opcodes", Opcode::KNOWN.iter().map(|it| (it.code().into(), it.name().unwrap())));
    assert_codes(
        "consistencies",
        Consistency::KNOWN.iter().map(|it| (it.code().into(), it.name().unwrap())),
    );
    assert_codes(
        "errors",
        ErrorCode::KNOWN.iter().map(|it| (it.code().cast_unsigned(), it.name().unwrap())),
    );
    assert_codes(
        "result_kinds",
        ResultKind::KNOWN.iter().map(|it| (it.code().cast_unsigned(), it.name().unwrap())),
    );
    assert_codes(
        "batch_kinds",
        BatchKind::KNOWN.iter().map(|it| (it.code().into(), it.name().unwrap())),
    );
    assert_codes(
        "failure_reasons",
        FailureReason::KNOWN.iter().map(|it| (it.code().into(), it.name().unwrap())),
    );
    assert_codes(
        "frame_flags",
        FrameFlags::KNOWN.iter().map(|&(it, name)| (it.bits().into(), name)),
    );
    assert_codes("query_flags", QueryFlags::KNOWN.iter().map(|&(it, name)| (it.bits(), name)));
    assert_codes(
        "metadata_flags",
        MetadataFlags::KNOWN.iter().map(|&(it, name)| (it.bits(), name)),
    );
    assert_names("write_types", WriteType::KNOWN.iter().map(WriteType::as_str));
}

#[test]
fn events_match_the_table() {
    let of = |event: &EventType| -> Vec<(String, String)> {
        let changes: Vec<&str> = match event {
            EventType::TopologyChange => {
                TopologyChange::KNOWN.iter().map(TopologyChange::as_str).collect()
            }
            EventType::StatusChange => {
                StatusChange::KNOWN.iter().map(StatusChange::as_str).collect()
            }
            EventType::SchemaChange => {
                SchemaChangeKind::KNOWN.iter().map(SchemaChangeKind::as_str).collect()
            }
            // The event names no change.
            EventType::GracefulDisconnect => Vec::new(),
            _ => panic!("event type {event} is not in this test"),
        };
        changes.iter().map(|&change| (event.to_string(), change.to_owned())).collect()
    };
    let known: BTreeSet<_> = EventType::KNOWN.iter().flat_map(of).collect();
    let rows = table("events");
    let listed = rows.iter().map(|row| (row.text("type").into(), row.text("change").into()));
    assert_eq!(listed.collect::<BTreeSet<_>>(), known);

    for (row, version) in in_every_version(&rows) {
        let mut start = Vec::new();
        let mut writer = Writer::new(&mut start);
        writer.string(row.text("type"), "").unwrap();
        writer.string(row.text("change"), "").unwrap();
        assert_fields(&start, &row.fields("fields"), &|reader| {
            let event = Response::decode(Opcode::Event, reader, &version.into())?;
            assert!(!matches!(event, Response::Event(Event::Unknown { .. })), "{event:?}");
            Ok(response_bytes(&event, version))
        });
    }
}

#[test]
fn opcode_directions_match_the_table() {
    for (row, version) in in_every_version(&table("opcodes")) {
        assert!(row.is_in(version));
        let opcode = Opcode::from(u8::try_from(row.number("code")).unwrap());
        let is_wrong_direction =
            |error: DecodeError| error.kind() == DecodeErrorKind::WrongDirection;
        let (mut request, mut response) = (Reader::new(&[]), Reader::new(&[]));
        let request = Request::decode(opcode, &mut request, &version.into());
        let response = Response::decode(opcode, &mut response, &version.into());
        let direction = row.text("direction");
        assert_eq!(request.is_err_and(is_wrong_direction), direction == "response", "{row:?}");
        assert_eq!(response.is_err_and(is_wrong_direction), direction == "request", "{row:?}");
    }
}

#[test]
fn header_flags_match_the_table() {
    let rows = table("frame_flags");
    for (bit, version, row) in every_bit(&rows, 8) {
        for (is_response, column) in [(false, "request"), (true, "response")] {
            let opcode = if is_response { Opcode::Ready } else { Opcode::Options };
            let flags = FrameFlags::from_bits(u8::try_from(bit).unwrap());
            let header = Header { version, is_response, flags, stream: Stream(0), opcode };
            let bytes = reencode_frame(&RawFrame { header, body: Bytes::new() }, &version.into());
            let elsewhere = rows.iter().find(|row| row.number("bit") == bit);
            let elsewhere = elsewhere.map_or("kept", |row| row.text("other versions"));
            if row.is_none() && elsewhere == "refused" {
                assert_eq!(bytes.unwrap_err().field(), "flags", "{bit:#x} {version}");
                continue;
            }
            match row.and_then(|row| row.field(column)) {
                Some(field) => assert_eq!(bytes.unwrap_err().field(), field, "{bit:#x} {version}"),
                None => assert_eq!(bytes.unwrap()[1], flags.bits(), "{bit:#x} {version}"),
            }
        }
    }
}

#[test]
fn statement_flags_match_the_table() {
    let rows = table("query_flags");
    let statement = [0, 0, 0, 0, 0, 1]; // no text, consistency ONE
    let batch = [0, 0, 0, 0, 1]; // LOGGED, no statements, consistency ONE
    for (opcode, column, start) in
        [(Opcode::Query, "statement", &statement[..]), (Opcode::Batch, "batch", &batch)]
    {
        for (bit, version, row) in every_bit(&rows, 32) {
            let mut body = start.to_vec();
            match (version, u8::try_from(bit)) {
                (Version::V5, _) => body.extend(bit.to_be_bytes()),
                (_, Ok(byte)) => body.push(byte),
                (_, Err(_)) => continue,
            }
            assert_next_field(row.and_then(|row| row.field(column)), &body, &|reader| {
                let request = Request::decode(opcode, reader, &version.into())?;
                Ok(request_bytes(&request, version))
            });
        }
    }
    for (bit, version, row) in every_bit(&table("prepare_flags"), 32) {
        let body = [[0; 4], bit.to_be_bytes()].concat();
        let body = if version == Version::V5 { &body[..] } else { &body[..4] };
        assert_next_field(row.and_then(|row| row.field("adds")), body, &|reader| {
            let request = Request::decode(Opcode::Prepare, reader, &version.into())?;
            Ok(request_bytes(&request, version))
        });
    }
}

#[test]
fn metadata_flags_match_the_table() {
    let rows = table("metadata_flags");
    for (bit, version, row) in every_bit(&rows, 32) {
        let body = [2_u32.to_be_bytes(), bit.to_be_bytes(), [0; 4], [0; 4]].concat();
        // If no field is added and there are no columns, rows_count follows.
        let field = row.and_then(|row| row.field("adds"));
        let end = if field.is_some() { 12 } else { 16 };
        assert_next_field(field, &body[..end], &|reader| {
            let response = Response::decode(Opcode::Result, reader, &version.into())?;
            Ok(response_bytes(&response, version))
        });
    }
}

#[test]
fn error_fields_match_the_table_in_every_version() {
    for (row, version) in in_every_version(&table("errors")) {
        let code = row.number("code");
        let start = [&code.to_be_bytes()[..], &[0, 2], b"no"].concat();
        let column = if version == Version::V5 { "fields in v5" } else { "fields in v3 and v4" };
        assert_fields(&start, &row.fields(column), &|reader| {
            let response = Response::decode(Opcode::Error, reader, &version.into())?;
            Ok(response_bytes(&response, version))
        });
    }
}

#[test]
fn result_fields_match_the_table_in_every_version() {
    let rows = table("result_kinds");
    for row in &rows {
        for version in Version::ALL {
            let start = row.number("code").to_be_bytes();
            assert_fields(&start, &row.fields(&format!("fields in {version}")), &|reader| {
                let response = Response::decode(Opcode::Result, reader, &version.into())?;
                Ok(response_bytes(&response, version))
            });
        }
    }
}

/// The names of the variants of [`SchemaTarget`]. The code has no list of them.
const TARGETS: [&str; 5] = ["KEYSPACE", "TABLE", "TYPE", "FUNCTION", "AGGREGATE"];

#[test]
fn schema_change_targets_and_fields_match_the_table() {
    assert_names("schema_targets", TARGETS.into_iter());
    for (row, version) in in_every_version(&table("schema_targets")) {
        let mut start = Vec::new();
        let mut writer = Writer::new(&mut start);
        for text in ["SCHEMA_CHANGE", "CREATED", row.text("name")] {
            writer.string(text, "").unwrap();
        }
        assert_fields(&start, &row.fields("fields"), &|reader| {
            let event = Response::decode(Opcode::Event, reader, &version.into())?;
            let Response::Event(Event::Schema(change)) = &event else { panic!("{event:?}") };
            let [keyspace, table, name, function, aggregate] = TARGETS;
            let known = match &change.target {
                SchemaTarget::Keyspace { .. } => keyspace,
                SchemaTarget::Table { .. } => table,
                SchemaTarget::Type { .. } => name,
                SchemaTarget::Function { .. } => function,
                SchemaTarget::Aggregate { .. } => aggregate,
                other => panic!("schema target {other:?} is not in the table"),
            };
            assert_eq!(known, row.text("name"));
            Ok(response_bytes(&event, version))
        });
    }
}

#[test]
fn batch_statement_kinds_match_the_table() {
    let rows = table("batch_statements");
    for kind in 0..=u8::MAX {
        let body = [&[0, 0, 1, kind][..], &[0xff; 5]].concat();
        let batch = Request::decode(Opcode::Batch, &mut Reader::new(&body), &Version::V4.into());
        let row = rows.iter().find(|row| row.number("code") == u32::from(kind));
        assert_eq!(batch.unwrap_err().field(), row.map_or("kind", |row| row.text("field")));
    }
}

#[test]
fn type_ids_match_the_table() {
    let int = || CqlType::from(NativeType::Int);
    let udt = UdtType { keyspace: String::new(), name: String::new(), fields: vec![] };
    let known = NativeType::KNOWN.iter().map(|native| (native.to_string(), (*native).into()));
    let known = known.chain([
        ("custom".to_owned(), CqlType::Custom("".into())),
        ("list".to_owned(), CqlType::List(Box::new(int()))),
        ("map".to_owned(), CqlType::Map(Box::new((int(), int())))),
        ("set".to_owned(), CqlType::Set(Box::new(int()))),
        ("tuple".to_owned(), CqlType::Tuple(vec![])),
        ("udt".to_owned(), CqlType::Udt(Arc::new(udt))),
    ]);
    let rows = table("types");
    assert_eq!(known.clone().count(), rows.len());
    for (name, cql_type) in known {
        let row = rows
            .iter()
            .find(|row| row.text("name") == name)
            .expect("the table should have a row of that name");
        let id = u16::try_from(row.number("id")).unwrap().to_be_bytes();
        for version in Version::ALL {
            let encode = |cql_type: &CqlType| {
                let mut bytes = Vec::new();
                cql_type.encode(&mut Writer::new(&mut bytes), &version.into()).unwrap();
                bytes
            };
            let sent = if row.is_in(version) { id } else { [0, 0] };
            assert_eq!(encode(&cql_type)[..2], sent, "{name} in {version}");
        }
        assert_fields(&id, &row.fields("fields"), &|reader| {
            let decoded = CqlType::decode(reader)?;
            let mut bytes = Vec::new();
            decoded.encode(&mut Writer::new(&mut bytes), &Version::V5.into()).unwrap();
            Ok(bytes)
        });
    }
}

#[test]
fn compressions_match_the_table() {
    let rows = table("compressions");
    let known: BTreeSet<_> = Compression::ALL.iter().map(|known| known.name()).collect();
    let built = |name: &str| name != "snappy" || cfg!(feature = "snappy");
    let listed = rows.iter().map(|row| row.text("name")).filter(|name| built(name));
    assert_eq!(listed.collect::<BTreeSet<_>>(), known);
    for (row, version) in in_every_version(&rows) {
        if let Ok(compression) = row.text("name").parse::<Compression>() {
            assert_eq!(compression.is_supported_in(version), row.is_in(version));
        }
    }
}

fn in_every_version(rows: &[Row]) -> impl Iterator<Item = (&Row, Version)> {
    rows.iter().flat_map(|row| Version::ALL.map(|version| (row, version)))
}

/// Returns each of `count` bits in every version, with its row if the version defines the bit.
fn every_bit(rows: &[Row], count: u32) -> impl Iterator<Item = (u32, Version, Option<&Row>)> {
    (0..count).map(|shift| 1 << shift).flat_map(move |bit| {
        Version::ALL.map(|version| {
            let row = rows.iter().find(|row| row.number("bit") == bit && row.is_in(version));
            (bit, version, row)
        })
    })
}

/// Decodes a body and encodes it again.
type Reencode<'a> = &'a dyn Fn(&mut Reader<'_>) -> Result<Vec<u8>, DecodeError>;

/// Asserts that decoding `body` fails because `field` is missing. If `field` is `None`, asserts that
/// `body` is complete and reencodes to the same bytes.
fn assert_next_field(field: Option<&str>, body: &[u8], reencode: Reencode<'_>) {
    match (reencode(&mut Reader::new(body)), field) {
        (Ok(bytes), None) => assert_eq!(bytes, body),
        (Err(error), Some(field)) => assert_eq!(error.field(), field, "{body:02x?}"),
        (found, field) => panic!("{body:02x?} gave {found:?}, but the table has {field:?}"),
    }
}

/// Asserts that exactly these fields follow `start`.
fn assert_fields(start: &[u8], fields: &[(&str, &str)], reencode: Reencode<'_>) {
    let mut body = start.to_vec();
    for &(name, notation) in fields {
        assert_next_field(Some(name), &body, reencode);
        body.extend_from_slice(match (name, notation) {
            ("write_type", "string") => b"\0\x03CAS",
            ("target", "string") => b"\0\x08KEYSPACE",
            (_, "byte") => &[0],
            (_, "short" | "string" | "bytes" | "list") => &[0, 0],
            (_, "consistency") => &[0, 1],
            (_, "type") => &[0, 9],
            (_, "int") => &[0; 4],
            (_, "inet") => &[4, 127, 0, 0, 1, 0, 0, 0x23, 0x52],
            other => panic!("this test does not know the notation {other:?}"),
        });
    }
    assert_next_field(None, &body, reencode);
}

fn request_bytes(request: &Request<'_>, version: Version) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(&mut Writer::new(&mut bytes), &version.into()).unwrap();
    bytes
}

fn response_bytes(response: &Response, version: Version) -> Vec<u8> {
    let mut bytes = Vec::new();
    response.encode(&mut Writer::new(&mut bytes), &version.into()).unwrap();
    bytes
}

/// Decodes a frame and encodes it again.
fn reencode_frame(frame: &RawFrame, context: &Context) -> Result<Vec<u8>, DecodeError> {
    let mut encoder = FrameEncoder::new(*context);
    let mut bytes = Vec::new();
    match frame.header.is_response {
        true => ResponseFrame::decode(frame, context)?.encode(&mut encoder, &mut bytes),
        false => RequestFrame::decode(frame, context)?.encode(&mut encoder, &mut bytes),
    }
    .unwrap();
    Ok(bytes)
}
