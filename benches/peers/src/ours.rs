//! The workloads on cqlwire.

use arrow_array::ArrayRef;
use bytes::BytesMut;
use cqlwire::message::{Execute, Parameters, Query, RequestFrame, Response, ResultMessage, Rows};
use cqlwire::types::{
    Cell, ColumnSpec, CqlType, FromCql, FromRow, NativeType, Timestamp, Value, ValuesBuffer,
};
use cqlwire::wire::{
    Compression, Consistency, Context, FrameEncoder, Header, Opcode, Reader, SegmentDecoder,
    Stream, Version,
};
use uuid::Uuid;

use crate::arrow::{Builders, Event};
use crate::data::{self, Mixed, Page};

pub fn users(page: &Page, mut each: impl FnMut((&str, &str))) {
    for row in rows(page).rows::<(&str, &str)>().unwrap() {
        each(row.unwrap());
    }
}

#[derive(FromRow)]
struct User<'r> {
    username: &'r str,
    password: &'r str,
}

pub fn derived_users(page: &Page, mut each: impl FnMut((&str, &str))) {
    for row in rows(page).rows::<User<'_>>().unwrap() {
        let User { username, password } = row.unwrap();
        each((username, password));
    }
}

/// A row whose fields are in another order than the columns.
#[derive(FromRow)]
struct ReorderedUser<'r> {
    password: &'r str,
    username: &'r str,
}

pub fn reordered_users(page: &Page, mut each: impl FnMut((&str, &str))) {
    for row in rows(page).rows::<ReorderedUser<'_>>().unwrap() {
        let ReorderedUser { username, password } = row.unwrap();
        each((username, password));
    }
}

pub fn owned_users(page: &Page) -> Vec<(String, String)> {
    rows(page).rows().unwrap().collect::<Result<_, _>>().unwrap()
}

pub fn events(page: &Page, mut each: impl FnMut(Mixed<'_>)) {
    type Row<'r> = (i32, i64, f64, bool, Timestamp, Uuid, &'r str, &'r [u8]);
    for row in rows(page).rows::<Row<'_>>().unwrap() {
        let (number, total, mean, done, Timestamp(at), id, title, payload) = row.unwrap();
        each((number, total, mean, done, at, id, title, payload));
    }
}

pub fn values(page: &Page, mut each: impl FnMut(Vec<Value>)) {
    for row in rows(page).rows::<Vec<Value>>().unwrap() {
        each(row.unwrap());
    }
}

pub fn record_batch(page: &Page) -> Vec<ArrayRef> {
    cqlwire::arrow::record_batch(&rows(page)).unwrap().columns().to_vec()
}

pub fn arrow_builders(page: &Page) -> Vec<ArrayRef> {
    let mut builders = Builders::new(page.rows);
    for row in rows(page).rows::<Event<'_>>().unwrap() {
        builders.push(row.unwrap());
    }
    builders.finish()
}

pub fn embedding(bytes: &[u8], cql_type: &CqlType) -> Vec<f32> {
    Vec::from_cell(Cell::new(bytes), cql_type).unwrap()
}

pub fn embedding_type() -> CqlType {
    CqlType::vector(NativeType::Float.into(), data::DIMENSIONS)
}

/// Converts a row of [`values`] to its known types.
pub fn as_mixed(row: &[Value]) -> Mixed<'_> {
    use Value::{BigInt, Blob, Boolean, Double, Int, Text};
    match row {
        [
            Int(number),
            BigInt(total),
            Double(mean),
            Boolean(done),
            Value::Timestamp(Timestamp(at)),
            Value::Uuid(id),
            Text(title),
            Blob(payload),
        ] => (*number, *total, *mean, *done, *at, *id, title, payload),
        other => panic!("{other:?}"),
    }
}

fn rows(page: &Page) -> Rows {
    let mut reader = Reader::from_shared(&page.body);
    match Response::decode(Opcode::Result, &mut reader, &Version::V4.into()).unwrap() {
        Response::Result(ResultMessage::Rows(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

pub fn header(bytes: &[u8]) -> (Header, usize) {
    Header::decode(bytes).unwrap().unwrap()
}

/// Reuses the buffer, as a connection's encoder does.
pub fn compress<'b>(body: &[u8], buffer: &'b mut Vec<u8>) -> &'b [u8] {
    Compression::Lz4.compress_into(body, buffer)
}

/// Reuses the buffer, as the floor does.
pub fn decompress(body: &[u8], out: &mut Vec<u8>) {
    Compression::Lz4.decompress_into(body, Context::DEFAULT_MAX_BODY, out).unwrap();
}

pub fn segment(segment: &[u8], decoder: &mut SegmentDecoder) -> BytesMut {
    decoder.extend(segment);
    decoder.next_segment().unwrap().unwrap().payload
}

/// The state that a client keeps to encode requests.
pub struct Client {
    values: ValuesBuffer,
    encoder: FrameEncoder,
    columns: Vec<ColumnSpec>,
}

impl Client {
    pub fn new(columns: &[(&str, u16)]) -> Self {
        let spec = |(name, id): &(&str, u16)| {
            ColumnSpec::new("app", "table", name, CqlType::from(NativeType::from(*id)))
        };
        Self {
            values: ValuesBuffer::new(),
            encoder: FrameEncoder::new(Context::from(Version::V4)),
            columns: columns.iter().map(spec).collect(),
        }
    }

    pub fn query(&mut self, out: &mut Vec<u8>, query: &str, user: (&str, &str)) {
        out.clear();
        let values = self.values.bind(&user, &self.columns).unwrap();
        let parameters = Parameters { values, ..Consistency::LocalQuorum.into() };
        let query = Query { text: query.into(), parameters };
        RequestFrame::encode_bare(Stream(0), &query, &mut self.encoder, out).unwrap();
    }

    pub fn execute(&mut self, out: &mut Vec<u8>, id: &[u8], event: &data::Mixed<'_>) {
        out.clear();
        let (number, total, mean, done, at, uuid, title, payload) = *event;
        let event = (number, total, mean, done, Timestamp(at), uuid, title, payload);
        let values = self.values.bind(&event, &self.columns).unwrap();
        let parameters = Parameters { values, ..Consistency::LocalQuorum.into() };
        let execute = Execute { id: id.into(), result_metadata_id: None, parameters };
        RequestFrame::encode_bare(Stream(0), &execute, &mut self.encoder, out).unwrap();
    }
}
