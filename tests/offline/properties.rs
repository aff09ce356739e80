//! Properties of all messages, types and values.

use std::sync::Arc;

use cqlwire::message::{RequestFrame, ResponseFrame};
use cqlwire::types::{CqlType, NativeType, UdtType, Value};
use cqlwire::wire::{
    Compression, Context, EncodeError, FrameDecoder, FrameEncoder, RawFrame, Reader, Version,
    Writer,
};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use crate::strategies::{context, cql_type, request_frame, response_frame, value};

fn config(cases: u32) -> ProptestConfig {
    let failures = FileFailurePersistence::Direct("tests/offline/regressions.txt");
    ProptestConfig { cases, failure_persistence: Some(Box::new(failures)), ..Default::default() }
}

/// Encodes one frame and decodes it from pieces of `piece` bytes. Returns the bytes and the frame.
fn encode_and_decode(
    context: Context,
    piece: usize,
    encode: impl FnOnce(&mut FrameEncoder, &mut Vec<u8>) -> Result<(), EncodeError>,
) -> (Vec<u8>, RawFrame) {
    let mut bytes = Vec::new();
    encode(&mut FrameEncoder::new(context), &mut bytes).unwrap();
    let mut decoder = FrameDecoder::new(context);
    let mut frames = Vec::new();
    for piece in bytes.chunks(piece) {
        decoder.extend(piece);
        while let Some(frame) = decoder.next_frame().unwrap() {
            frames.push(frame);
        }
    }
    assert!(decoder.is_empty());
    assert_eq!(frames.len(), 1);
    (bytes, frames.remove(0))
}

/// Returns all user-defined types inside a type.
fn user_types(cql_type: &CqlType) -> Vec<Arc<UdtType>> {
    match cql_type {
        CqlType::List(element) | CqlType::Set(element) => user_types(element),
        CqlType::Map(pair) => [user_types(&pair.0), user_types(&pair.1)].concat(),
        CqlType::Tuple(elements) => elements.iter().flat_map(user_types).collect(),
        CqlType::Vector(vector) => user_types(&vector.element),
        CqlType::Udt(udt) => {
            let within = udt.fields.iter().flat_map(|(_, field)| user_types(field));
            within.chain([Arc::clone(udt)]).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the context without and with LZ4.
fn with_and_without_lz4(context: Context) -> [Context; 2] {
    [context, Context { compression: Some(Compression::Lz4), ..context }]
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn requests_round_trip(
        (context, frame) in context().prop_flat_map(|context| (Just(context), request_frame(context))),
        piece in 1_usize..40,
    ) {
        for context in with_and_without_lz4(context) {
            let (bytes, raw) = encode_and_decode(context, piece, |e, out| frame.encode(e, out));
            let decompressed = RequestFrame::decode(&raw, &context).unwrap();
            prop_assert_eq!(&decompressed, &frame);
            let plain = raw.decompress(&context).unwrap();
            let decoded = RequestFrame::decode(&plain, &context).unwrap();
            prop_assert_eq!(&decoded, &frame);
            let (again, _) = encode_and_decode(context, piece, |e, out| decoded.encode(e, out));
            prop_assert_eq!(again, bytes);
            // A request must not decode as a response.
            prop_assert!(ResponseFrame::decode(&plain, &context).is_err());
        }
    }

    #[test]
    fn responses_round_trip(
        (context, frame) in context().prop_flat_map(|context| (Just(context), response_frame(context))),
        piece in 1_usize..40,
    ) {
        for context in with_and_without_lz4(context) {
            let (bytes, raw) = encode_and_decode(context, piece, |e, out| frame.encode(e, out));
            let decoded = ResponseFrame::decode(&raw, &context).unwrap();
            prop_assert_eq!(&decoded, &frame);
            let (again, _) = encode_and_decode(context, piece, |e, out| decoded.encode(e, out));
            prop_assert_eq!(again, bytes);
            prop_assert!(RequestFrame::decode(&raw, &context).is_err());
        }
    }

    #[test]
    fn types_round_trip(cql_type in cql_type()) {
        for version in Version::ALL {
            let mut bytes = Vec::new();
            cql_type.encode(&mut Writer::new(&mut bytes), &version.into()).unwrap();
            let mut reader = Reader::new(&bytes);
            let decoded = CqlType::decode(&mut reader).unwrap();
            prop_assert_eq!(&decoded, &cql_type);
            prop_assert!(reader.is_empty());
        }
    }

    #[test]
    fn values_round_trip(
        (cql_type, value) in cql_type().prop_flat_map(|cql_type| {
            let values = value(&cql_type);
            (Just(cql_type), values)
        }),
    ) {
        let mut bytes = Vec::new();
        value.encode(&cql_type, &mut Writer::new(&mut bytes)).unwrap();
        let (length, content) = bytes.split_first_chunk().unwrap();
        prop_assert_eq!(u32::from_be_bytes(*length) as usize, content.len());
        let decoded = Value::decode(&cql_type, content).unwrap();
        prop_assert_eq!(&decoded, &value);
        let mut again = Vec::new();
        decoded.encode(&cql_type, &mut Writer::new(&mut again)).unwrap();
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn types_round_trip_as_text(cql_type in cql_type()) {
        let known = user_types(&cql_type);
        let find = |keyspace: Option<&str>, name: &str| {
            known.iter().find(|udt| Some(&*udt.keyspace) == keyspace && udt.name == name).cloned()
        };
        let parsed = CqlType::parse_with(&cql_type.to_string(), find);
        // The generator may create two different types of one name; CQL cannot tell them apart.
        if known.iter().all(|udt| find(Some(&udt.keyspace), &udt.name).as_ref() == Some(udt)) {
            prop_assert_eq!(parsed.as_ref(), Ok(&cql_type));
        }
        let by_class = CqlType::parse_class(&cql_type.class_name());
        prop_assert_eq!(by_class, Ok(cql_type));
    }

    #[test]
    fn values_round_trip_as_text(
        (cql_type, value) in cql_type().prop_flat_map(|cql_type| {
            let values = value(&cql_type);
            (Just(cql_type), values)
        }),
    ) {
        let literal = value.to_string();
        let parsed = Value::parse(&cql_type, &literal);
        prop_assert_eq!(parsed.as_ref(), Ok(&value), "{}: {}", cql_type, literal);
        prop_assert_eq!(parsed.unwrap().to_string(), literal);
    }

    #[test]
    fn parsing_any_text_does_not_panic(
        of in "(list|set|map|vector|tuple|int|text|date|duration|timestamp|[<>, 3]){1,8}",
        literal in "([0-9]{1,4}|[-+:.'{}\\[\\]()]|[a-zA-Z]{1,2}| |null|\\PC){0,16}",
    ) {
        cqlwire::fuzzing::cql_type(of.as_bytes());
        for name in NativeType::KNOWN.iter().map(ToString::to_string).chain([of]) {
            cqlwire::fuzzing::literal(format!("{name}\n{literal}").as_bytes());
        }
    }

    #[test]
    fn decoding_any_bytes_does_not_panic(data in prop::collection::vec(any::<u8>(), 0..200)) {
        for (_, target) in cqlwire::fuzzing::TARGETS {
            target(&data);
        }
    }

    #[test]
    fn decoding_any_body_does_not_panic(
        opcode in 0_u8..0x14,
        version in 3_u8..6,
        flags in 0_u8..0x20,
        body in prop::collection::vec(prop_oneof![2 => Just(0_u8), 1 => any::<u8>()], 0..120),
    ) {
        for direction in [0, 0x80] {
            let length = u32::try_from(body.len()).unwrap().to_be_bytes();
            let header = [version | direction, flags, 0, 1, opcode];
            cqlwire::fuzzing::frames(&[&[255][..], &header, &length, &body].concat());
        }
    }
}
