//! The floor of the workloads: hand-written code for these bytes alone, which validates only UTF-8.

use uuid::Uuid;

use crate::data::{Mixed, Page};

pub fn users(page: &Page, mut each: impl FnMut((&str, &str))) {
    let mut rest = &page.body[page.cells..];
    for _ in 0..page.rows {
        each((text(&mut rest), text(&mut rest)));
    }
}

pub fn owned_users(page: &Page) -> Vec<(String, String)> {
    let mut users = Vec::with_capacity(page.rows);
    self::users(page, |(name, password)| users.push((name.to_owned(), password.to_owned())));
    users
}

pub fn events(page: &Page, mut each: impl FnMut(Mixed<'_>)) {
    let mut rest = &page.body[page.cells..];
    for _ in 0..page.rows {
        each((
            i32::from_be_bytes(array(&mut rest)),
            i64::from_be_bytes(array(&mut rest)),
            f64::from_be_bytes(array(&mut rest)),
            array::<1>(&mut rest) != [0],
            i64::from_be_bytes(array(&mut rest)),
            Uuid::from_bytes(array(&mut rest)),
            text(&mut rest),
            cell(&mut rest),
        ));
    }
}

/// Copies the bytes and reverses those of each element.
pub fn embedding(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_be_bytes(*bytes)).collect()
}

pub fn query(out: &mut Vec<u8>, query: &str, user: (&str, &str)) {
    request(out, 0x07, |out| {
        put(out, query.as_bytes());
        out.extend([0, 6, 1, 0, 2]); // LOCAL_QUORUM; flag for values; 2 values
        put(out, user.0.as_bytes());
        put(out, user.1.as_bytes());
    });
}

pub fn execute(out: &mut Vec<u8>, id: &[u8], event: &Mixed<'_>) {
    request(out, 0x0A, |out| {
        out.extend((id.len() as u16).to_be_bytes());
        out.extend(id);
        out.extend([0, 6, 1, 0, 8]);
        put(out, &event.0.to_be_bytes());
        put(out, &event.1.to_be_bytes());
        put(out, &event.2.to_be_bytes());
        put(out, &[event.3.into()]);
        put(out, &event.4.to_be_bytes());
        put(out, event.5.as_bytes());
        put(out, event.6.as_bytes());
        put(out, event.7);
    });
}

/// Version, flags, stream, opcode and body length.
pub type Header = (u8, u8, i16, u8, usize);

pub fn header(bytes: &[u8]) -> Header {
    let [version, flags, s1, s2, opcode, l1, l2, l3, l4] = *bytes.first_chunk().unwrap();
    let length = i32::from_be_bytes([l1, l2, l3, l4]);
    (version, flags, i16::from_be_bytes([s1, s2]), opcode, usize::try_from(length).unwrap())
}

pub fn compress(body: &[u8], out: &mut Vec<u8>) {
    out.resize(4 + lz4_flex::block::get_maximum_output_size(body.len()), 0);
    out[..4].copy_from_slice(&(body.len() as u32).to_be_bytes());
    let length = lz4_flex::block::compress_into(body, &mut out[4..]).unwrap();
    out.truncate(4 + length);
}

pub fn decompress(body: &[u8], out: &mut Vec<u8>) {
    let (length, block) = body.split_first_chunk().unwrap();
    out.resize(u32::from_be_bytes(*length) as usize, 0);
    lz4_flex::block::decompress_into(block, out).unwrap();
}

/// Returns the CRC-32 of a v5 segment's payload. Its initial state is the CRC of four fixed bytes.
pub fn checksum(payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(crc32fast::hash(b"\xfa\x2d\x55\xca"));
    hasher.update(payload);
    hasher.finalize()
}

/// The copy replaces the read from a socket into the buffer.
pub fn segment<'a>(segment: &[u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
    buffer.clear();
    buffer.extend_from_slice(segment);
    let (payload, trailer) = buffer[6..].split_last_chunk().unwrap();
    assert_eq!(checksum(payload), u32::from_le_bytes(*trailer));
    payload
}

fn request(out: &mut Vec<u8>, opcode: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.clear();
    out.extend([4, 0, 0, 0, opcode, 0, 0, 0, 0]);
    body(out);
    let length = (out.len() - 9) as u32;
    out[5..9].copy_from_slice(&length.to_be_bytes());
}

fn put(out: &mut Vec<u8>, value: &[u8]) {
    out.extend((value.len() as i32).to_be_bytes());
    out.extend(value);
}

fn cell<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (length, after) = rest.split_first_chunk().unwrap();
    let (cell, after) = after.split_at(i32::from_be_bytes(*length) as usize);
    *rest = after;
    cell
}

fn text<'a>(rest: &mut &'a [u8]) -> &'a str {
    std::str::from_utf8(cell(rest)).unwrap()
}

fn array<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    cell(rest).try_into().unwrap()
}
