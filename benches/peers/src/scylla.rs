//! The workloads on scylla-cql, called as its driver does.

use std::borrow::Cow;
use std::task::{Context, Poll, Waker};

use arrow_array::ArrayRef;
use bytes::Bytes;
use cqlwire::types::Timestamp;
use scylla_cql::Consistency;
use scylla_cql::deserialize::FrameSlice;
use scylla_cql::deserialize::value::DeserializeValue;
use scylla_cql::frame::protocol_features::ProtocolFeatures;
use scylla_cql::frame::request::SerializableRequest;
use scylla_cql::frame::request::execute::ExecuteV2;
use scylla_cql::frame::request::query::{PagingState, Query, QueryParameters};
use scylla_cql::frame::response::result::{
    ColumnSpec, ColumnType, DeserializedMetadataAndRawRows, NativeType, Result as QueryResult,
    TableSpec,
};
use scylla_cql::frame::response::{Response, ResponseOpcode};
use scylla_cql::frame::{
    Compression, FrameParams, SerializedRequest, compress_append, read_response_frame,
};
use scylla_cql::serialize::row::{RowSerializationContext, SerializeRow, SerializedValues};
use scylla_cql::value::{CqlTimestamp, CqlValue, Row};
use uuid::Uuid;

use crate::arrow::{Builders, Event};
use crate::data::{self, Mixed, Page};

pub fn users(page: &Page, mut each: impl FnMut((&str, &str))) {
    for row in rows(page).rows_iter::<(&str, &str)>().unwrap() {
        each(row.unwrap());
    }
}

pub fn owned_users(page: &Page) -> Vec<(String, String)> {
    rows(page).rows_iter().unwrap().collect::<Result<_, _>>().unwrap()
}

pub fn events(page: &Page, mut each: impl FnMut(Mixed<'_>)) {
    type Row<'r> = (i32, i64, f64, bool, CqlTimestamp, Uuid, &'r str, &'r [u8]);
    for row in rows(page).rows_iter::<Row<'_>>().unwrap() {
        let (number, total, mean, done, CqlTimestamp(at), id, title, payload) = row.unwrap();
        each((number, total, mean, done, at, id, title, payload));
    }
}

pub fn values(page: &Page, mut each: impl FnMut(Row)) {
    for row in rows(page).rows_iter::<Row>().unwrap() {
        each(row.unwrap());
    }
}

pub fn arrow_builders(page: &Page) -> Vec<ArrayRef> {
    type Row<'r> = (
        i32,
        Option<i64>,
        Option<f64>,
        Option<bool>,
        Option<CqlTimestamp>,
        Uuid,
        Option<&'r str>,
        Option<&'r [u8]>,
    );
    let mut builders = Builders::new(page.rows);
    for row in rows(page).rows_iter::<Row<'_>>().unwrap() {
        let (number, total, mean, done, at, id, title, payload) = row.unwrap();
        let at = at.map(|CqlTimestamp(at)| Timestamp(at));
        builders.push(Event { number, total, mean, done, at, id, title, payload });
    }
    builders.finish()
}

pub fn embedding(bytes: &Bytes, cql_type: &ColumnType<'_>) -> Vec<f32> {
    Vec::deserialize(cql_type, Some(FrameSlice::new(bytes))).unwrap()
}

pub fn embedding_type() -> ColumnType<'static> {
    let dimensions = data::DIMENSIONS.try_into().unwrap();
    ColumnType::Vector { typ: Box::new(ColumnType::Native(NativeType::Float)), dimensions }
}

/// Converts a row of [`values`] to its known types.
pub fn as_mixed(row: &Row) -> Mixed<'_> {
    use CqlValue::{BigInt, Blob, Boolean, Double, Int, Text};
    match &row.columns[..] {
        [
            Some(Int(number)),
            Some(BigInt(total)),
            Some(Double(mean)),
            Some(Boolean(done)),
            Some(CqlValue::Timestamp(CqlTimestamp(at))),
            Some(CqlValue::Uuid(id)),
            Some(Text(title)),
            Some(Blob(payload)),
        ] => (*number, *total, *mean, *done, *at, *id, title, payload),
        other => panic!("{other:?}"),
    }
}

fn rows(page: &Page) -> DeserializedMetadataAndRawRows {
    let features = ProtocolFeatures::default();
    let body = page.body.clone();
    match Response::deserialize(&features, ResponseOpcode::Result, body, None).unwrap() {
        Response::Result(QueryResult::Rows((rows, _))) => rows.deserialize_metadata().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The codec cannot decode a header without the frame, nor a frame without a future. The future is
/// ready at the first poll.
pub fn header(mut bytes: &[u8]) -> (FrameParams, ResponseOpcode, Bytes) {
    let frame = std::pin::pin!(read_response_frame(&mut bytes));
    match frame.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(frame) => frame.unwrap(),
        Poll::Pending => panic!("the frame is complete, but the future is pending"),
    }
}

pub fn compress(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    compress_append(body, Compression::Lz4, &mut out).unwrap();
    out
}

pub fn decompress(body: &[u8]) -> Vec<u8> {
    scylla_cql::frame::decompress(body, Compression::Lz4).unwrap()
}

pub fn columns(columns: &[(&'static str, u16)]) -> Vec<ColumnSpec<'static>> {
    let native = |id| match id {
        0x02 => NativeType::BigInt,
        0x03 => NativeType::Blob,
        0x04 => NativeType::Boolean,
        0x07 => NativeType::Double,
        0x09 => NativeType::Int,
        0x0B => NativeType::Timestamp,
        0x0C => NativeType::Uuid,
        0x0D => NativeType::Text,
        other => panic!("{other}"),
    };
    let table = TableSpec::borrowed("app", "table");
    let spec = |&(name, id): &(&'static str, u16)| {
        ColumnSpec::borrowed(name, ColumnType::Native(native(id)), table.clone())
    };
    columns.iter().map(spec).collect()
}

pub fn query(
    columns: &[ColumnSpec<'static>],
    query: &str,
    user: (&str, &str),
) -> SerializedRequest {
    let parameters = parameters(columns, &user);
    request(&Query { contents: Cow::Borrowed(query), parameters })
}

pub fn execute(columns: &[ColumnSpec<'static>], id: &[u8], event: &Mixed<'_>) -> SerializedRequest {
    let (number, total, mean, done, at, uuid, title, payload) = *event;
    let event = (number, total, mean, done, CqlTimestamp(at), uuid, title, payload);
    request(&ExecuteV2 {
        id: id.into(),
        result_metadata_id: None,
        parameters: parameters(columns, &event),
        tablet_version_block: None,
    })
}

fn parameters(
    columns: &[ColumnSpec<'static>],
    values: &impl SerializeRow,
) -> QueryParameters<'static> {
    let context = RowSerializationContext::from_specs(columns);
    QueryParameters {
        consistency: Consistency::LocalQuorum,
        serial_consistency: None,
        timestamp: None,
        page_size: None,
        paging_state: PagingState::start(),
        skip_metadata: false,
        values: Cow::Owned(SerializedValues::from_serializable(&context, values).unwrap()),
    }
}

fn request(request: &impl SerializableRequest) -> SerializedRequest {
    SerializedRequest::make(request, None, false).unwrap()
}
