//! The workloads on cassandra-protocol, the codec of cdrs-tokio.

use cassandra_protocol::compression::Compression;
use cassandra_protocol::consistency::Consistency;
use cassandra_protocol::frame::frame_decoder::{FrameDecoder, UncompressedFrameDecoder};
use cassandra_protocol::frame::message_response::ResponseBody;
use cassandra_protocol::frame::{Envelope, Flags, Opcode, Version};
use cassandra_protocol::query::{QueryParams, QueryValues};
use cassandra_protocol::types::blob::Blob;
use cassandra_protocol::types::prelude::Row;
use cassandra_protocol::types::{ByIndex, CBytesShort};

use crate::data::{Mixed, Page};

/// The codec copies each cell out of the page. The text is borrowed from the copies.
pub fn users(page: &Page, mut each: impl FnMut((&str, &str))) {
    let body = body(page);
    for row in &body.as_cols().unwrap().rows_content {
        let text = |index: usize| std::str::from_utf8(row[index].as_slice().unwrap()).unwrap();
        each((text(0), text(1)));
    }
}

pub fn owned_users(page: &Page) -> Vec<(String, String)> {
    let rows = body(page).into_rows().unwrap();
    let user = |row: &Row| (row.r_by_index(0).unwrap(), row.r_by_index(1).unwrap());
    rows.iter().map(user).collect()
}

/// The codec has no dynamic values. The closest equivalent is a row whose columns are read as owned
/// values of known types.
pub fn values(page: &Page, mut each: impl FnMut(Mixed<'_>)) {
    for row in body(page).into_rows().unwrap() {
        let (title, payload): (String, Blob) =
            (row.r_by_index(6).unwrap(), row.r_by_index(7).unwrap());
        let payload = payload.into_vec();
        each((
            row.r_by_index(0).unwrap(),
            row.r_by_index(1).unwrap(),
            row.r_by_index(2).unwrap(),
            row.r_by_index(3).unwrap(),
            row.r_by_index(4).unwrap(),
            row.r_by_index(5).unwrap(),
            &title,
            &payload,
        ));
    }
}

fn body(page: &Page) -> ResponseBody {
    ResponseBody::try_from(&page.body[..], Opcode::Result, Version::V4).unwrap()
}

/// The codec cannot decode a header without the frame.
pub fn header(bytes: &[u8]) -> Envelope {
    Envelope::from_buffer(bytes, Compression::None).unwrap().envelope
}

pub fn compress(body: &[u8]) -> Vec<u8> {
    Compression::Lz4.encode(body).unwrap()
}

/// The codec takes the body by value, which requires a copy.
pub fn decompress(body: &[u8]) -> Vec<u8> {
    Compression::Lz4.decode(body.to_vec()).unwrap()
}

pub fn segment(segment: &[u8], decoder: &mut UncompressedFrameDecoder) -> Vec<Envelope> {
    decoder.consume(&mut segment.to_vec(), Compression::None).unwrap()
}

pub fn query(query: &str, user: (&str, &str)) -> Vec<u8> {
    let values = QueryValues::SimpleValues(vec![user.0.into(), user.1.into()]);
    Envelope::new_req_query(
        query.to_owned(),
        Consistency::LocalQuorum,
        Some(values),
        false,
        None,
        None,
        None,
        None,
        None,
        None,
        Flags::empty(),
        Version::V4,
    )
    .encode_with(Compression::None)
    .unwrap()
}

pub fn execute(id: &CBytesShort, event: &Mixed<'_>) -> Vec<u8> {
    let (number, total, mean, done, at, uuid, title, payload) = *event;
    let values = vec![
        number.into(),
        total.into(),
        mean.into(),
        done.into(),
        at.into(),
        uuid.into(),
        title.into(),
        Blob::from(payload.to_vec()).into(),
    ];
    let parameters = QueryParams {
        consistency: Consistency::LocalQuorum,
        values: Some(QueryValues::SimpleValues(values)),
        ..Default::default()
    };
    Envelope::new_req_execute(id, None, &parameters, Flags::empty(), Version::V4)
        .encode_with(Compression::None)
        .unwrap()
}
