//! Inputs that have broken other codecs, one test each. Invalid input must give an error that names
//! the field, and valid input must decode.

use cqlwire::message::{
    ErrorCode, ErrorDetails, Failures, RequestFrame, Response, ResponseFrame, ResultMessage,
    WriteType,
};
use cqlwire::types::{MAX_TYPE_DEPTH, Value};
use cqlwire::wire::{
    Compression, Context, DecodeError, DecodeErrorKind, FrameDecoder, RawFrame, RawValue, Version,
};

/// Returns a frame with this body. `first` is the version byte.
fn frame(first: u8, flags: u8, opcode: u8, body: &[u8]) -> RawFrame {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let mut frames = FrameDecoder::new(Version::V4);
    frames.extend(&[&[first, flags, 0, 1, opcode], &length[..], body].concat());
    frames.next_frame().unwrap().unwrap()
}

fn v4() -> Context {
    Version::V4.into()
}

fn request(opcode: u8, body: &[u8]) -> DecodeError {
    RequestFrame::decode(&frame(0x04, 0, opcode, body), &v4()).unwrap_err()
}

fn response(flags: u8, opcode: u8, body: &[u8]) -> Result<ResponseFrame, DecodeError> {
    ResponseFrame::decode(&frame(0x84, flags, opcode, body), &v4())
}

/// Asserts the field and the offset in the body of a recoverable error.
fn assert_error(error: DecodeError, field: &str, offset: usize) {
    assert_eq!((error.field(), error.offset()), (field, offset), "{error}");
    assert!(error.is_recoverable(), "the error is inside a complete frame: {error}");
}

const QUERY: u8 = 0x07;
const RESULT: u8 = 0x08;
const ERROR: u8 = 0x00;
const MOST: [u8; 4] = [0x7f, 0xff, 0xff, 0xff];

#[test]
fn refuses_a_query_of_13_bytes_that_claims_2_gib() {
    assert_error(request(QUERY, &MOST), "query", 4);
}

#[test]
fn refuses_25_bytes_that_claim_500_million_rows() {
    let body = [&[0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 1][..], &500_000_000_u32.to_be_bytes()].concat();
    assert_error(response(0, RESULT, &body).unwrap_err(), "rows_count", 12);
}

#[test]
fn refuses_frames_of_2_gib_and_of_negative_length() {
    let length = |length: [u8; 4]| {
        let mut frames = FrameDecoder::new(v4());
        frames.extend(&[&[0x84, 0, 0, 1, RESULT][..], &length].concat());
        frames.next_frame().unwrap_err()
    };
    let negative = length([0xff; 4]);
    assert_eq!(negative.kind(), DecodeErrorKind::NegativeFrameLength(-1));
    assert!(!negative.is_recoverable());
    let limit = Context::DEFAULT_MAX_BODY;
    let long = length(MOST);
    assert_eq!(long.kind(), DecodeErrorKind::FrameTooLong { length: 0x7fff_ffff, limit });
    assert!(long.is_recoverable(), "a frame that is too long can be skipped");
}

#[test]
fn refuses_two_billion_columns() {
    for flags in [0, 1] {
        let body = [&[0, 0, 0, 2, 0, 0, 0, flags][..], &MOST, &[0; 40]].concat();
        assert_error(response(0, RESULT, &body).unwrap_err(), "columns_count", 12);
    }
    let body = [&[0, 0, 0, 2, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff][..], &[0; 4]].concat();
    assert_error(response(0, RESULT, &body).unwrap_err(), "columns_count", 8);
}

#[test]
fn refuses_two_billion_partition_key_columns() {
    let body = [&[0, 0, 0, 4, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0, 1][..], &MOST].concat();
    assert_error(response(0, RESULT, &body).unwrap_err(), "pk_count", 15);
}

#[test]
fn refuses_two_billion_rows_without_columns() {
    let body = [&[0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 0][..], &MOST].concat();
    assert!(response(0, RESULT, &body).is_err());
}

#[test]
fn refuses_compressed_bodies_with_a_wrong_length() {
    for &compression in Compression::ALL {
        let context = Context { compression: Some(compression), ..v4() };
        let mut body = Vec::new();
        compression.compress(&[7; 100], &mut body);
        let (huge, more): (&[u8], &[u8]) = match compression {
            Compression::Lz4 => (&[0xff; 4], &[0, 0, 0, 101]),
            _ => (&[0xff, 0xff, 0xff, 0xff, 0x0f], &[101]),
        };
        let claim_length = if compression == Compression::Lz4 { 4 } else { 1 };
        for claim in [huge, more] {
            let lie = [claim, &body[claim_length..]].concat();
            let error = ResponseFrame::decode(&frame(0x84, 1, RESULT, &lie), &context).unwrap_err();
            assert_eq!(error.field(), "body", "{compression} {error}");
        }
    }
}

#[test]
fn refuses_a_truncated_tracing_id_and_negative_counts() {
    assert_error(response(0x02, RESULT, &[1; 15]).unwrap_err(), "tracing_id", 0);
    // The argument types of a function, with a count larger than the body.
    let body = [&[0, 0, 0x14, 0, 0, 0, 0, 0, 0, 0, 0][..], &[0xff; 3]].concat();
    assert_eq!(response(0, ERROR, &body).unwrap_err().field(), "arg_types");
    let negative = [&[0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 1][..], &[0xff; 4]].concat();
    assert_error(response(0, RESULT, &negative).unwrap_err(), "rows_count", 12);
}

#[test]
fn refuses_types_nested_100_000_deep() {
    for option in [&[0, 0x20][..], &[0, 0x22], &[0, 0x21], &[0, 0x31, 0, 1]] {
        let column = [&[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1][..], &[0; 6], &option.repeat(100_000)];
        let error = response(0, RESULT, &column.concat()).unwrap_err();
        assert!(matches!(error.kind(), DecodeErrorKind::NestedTooDeep { .. }), "{error}");
        let limit = format!("deeper than the limit of {MAX_TYPE_DEPTH} levels");
        assert!(error.to_string().ends_with(&limit), "{error}");
    }
    let class = "ListType(".repeat(7_000);
    let length = u16::try_from(class.len()).unwrap().to_be_bytes();
    let column = [&[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1][..], &[0; 8], &length, class.as_bytes()];
    let rows = [column.concat(), vec![0; 4]].concat();
    // A class name that cannot be parsed is decoded as a custom type of that name.
    assert!(response(0, RESULT, &rows).is_ok());
}

#[test]
fn decodes_a_string_of_40_000_bytes() {
    let message = "x".repeat(40_000);
    let body = [&[0, 0, 0, 0][..], &40_000_u16.to_be_bytes(), message.as_bytes()].concat();
    let Response::Error(error) = response(0, ERROR, &body).unwrap().response else { panic!() };
    assert_eq!(error.message, message);
}

#[test]
fn decodes_a_custom_payload_with_a_null() {
    let payload = [0, 2, 0, 1, b'a', 0, 0, 0, 1, 9, 0, 1, b'b', 0xff, 0xff, 0xff, 0xff];
    let decoded = response(0x04, RESULT, &[&payload[..], &[0, 0, 0, 1]].concat()).unwrap();
    let values: Vec<_> = decoded.custom_payload.iter().map(|(_, value)| value.as_deref()).collect();
    assert_eq!(values, [Some(&[9][..]), None]);
    assert_eq!(decoded.response, ResultMessage::Void.into());
}

#[test]
fn distinguishes_unset_from_null() {
    let body = [
        &[0, 0, 0, 1, b'q', 0, 1, 0x01, 0, 2][..],
        &[0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff],
    ];
    let frame = frame(0x04, 0, QUERY, &body.concat());
    let decoded = RequestFrame::decode(&frame, &v4()).unwrap();
    let cqlwire::message::Request::Query(query) = decoded.request else { panic!() };
    let values: Vec<_> = query.parameters.values.iter().map(|named| named.value).collect();
    assert_eq!(values, [RawValue::Unset, RawValue::Null]);
}

#[test]
fn preserves_failure_reasons_write_types_and_codes_outside_the_specification() {
    let v5 = Context::from(Version::V5);
    let body = [
        &[0, 0, 0x13, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1][..],
        &[0, 0, 0, 1, 4, 127, 0, 0, 1, 0, 99, 1],
    ];
    let decoded = ResponseFrame::decode(&frame(0x85, 0, ERROR, &body.concat()), &v5).unwrap();
    let Response::Error(error) = decoded.response else { panic!() };
    let ErrorDetails::ReadFailure { failures: Failures::Reasons(reasons), .. } = error.details
    else {
        panic!()
    };
    assert_eq!(reasons.len(), 1);

    let cas = [&[0, 0, 0x11, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 3][..], b"CAS"].concat();
    let Response::Error(error) = response(0, ERROR, &cas).unwrap().response else { panic!() };
    let ErrorDetails::WriteTimeout { write_type: WriteType::Cas, .. } = error.details else {
        panic!()
    };

    let unknown = [0, 0, 0x17, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 1];
    let decoded = ResponseFrame::decode(&frame(0x85, 0, ERROR, &unknown), &v5).unwrap();
    let Response::Error(error) = decoded.response else { panic!() };
    assert_eq!(error.code, ErrorCode::CasWriteUnknown);
}

#[test]
fn refuses_cells_longer_than_the_page() {
    let column = [&[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1][..], &[0; 6], &[0, 9]];
    let body = [column.concat(), vec![0, 0, 0, 1], MOST.to_vec()].concat();
    let Response::Result(ResultMessage::Rows(rows)) = response(0, RESULT, &body).unwrap().response
    else {
        panic!()
    };
    assert!(rows.rows::<Vec<Value>>().unwrap().next().unwrap().is_err());
}
