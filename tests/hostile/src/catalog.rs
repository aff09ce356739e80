//! All changes of one frame.

use std::sync::LazyLock;

use bytes::Bytes;
use cqlwire::{
    message::{Event, ResponseFrame, StatusChange},
    wire::{Compression, FrameEncoder, Header, Stream, Version},
};
use rand::{RngExt, SeedableRng, rngs::SmallRng, seq::IndexedRandom};

use crate::{
    change::Change,
    field::{Field, FieldKind},
    lie::{Direction, SeenFrame},
    messages::{self, Message},
    segments::Segments,
    session::MAX_BODY,
    walk::fields,
};

/// A change of a frame, with its name.
#[derive(Clone, Debug)]
pub(crate) struct Mutation {
    pub(crate) name: String,
    pub(crate) change: Change,
    /// True if all later frames of the same kind are changed as well.
    pub(crate) is_repeated: bool,
}

/// The length of the longest content of a field.
const LONG: usize = (64 << 10) - 1;

/// Number of EVENTs that are sent in a row.
const EVENTS: usize = 2_000;

/// Number of nested lists that take the place of a type.
const DEEP: usize = 1_000;

/// The largest ratio of output to input of the compressions.
const MAX_RATIO: usize = 255;

/// The messages that take the place of others, encoded once.
static RESPONSES: LazyLock<Vec<Message>> = LazyLock::new(messages::responses);
static REQUESTS: LazyLock<Vec<Message>> = LazyLock::new(messages::requests);

/// A short body that decompresses to many rows.
struct Bomb {
    compression: Compression,
    /// The length of the decompressed body.
    length: usize,
    body: Bytes,
}

/// The bombs with the longest allowed body and with one byte more, compressed once.
static BOMBS: LazyLock<Vec<Bomb>> = LazyLock::new(|| {
    let kinds = [Compression::Lz4, Compression::Snappy];
    kinds
        .into_iter()
        .flat_map(|kind| [MAX_BODY, MAX_BODY + 1].map(|length| bomb(kind, length)))
        .collect()
});

/// Compresses the rows of a column of nulls.
fn bomb(compression: Compression, length: usize) -> Bomb {
    let start = [&[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1][..], &[0; 6], &[0, 3]].concat();
    let count = u32::try_from((length - start.len() - 4) / 4).unwrap_or(u32::MAX);
    let mut plain = [&start[..], &count.to_be_bytes()].concat();
    plain.resize(length, 0xff);
    let mut body = Vec::new();
    compression.compress(&plain, &mut body);
    Bomb { compression, length, body: body.into() }
}

/// Returns the changes of a frame: all of the header and of the whole message, and of the fields
/// `of_fields` that are chosen at random.
pub(crate) fn mutations(frame: &SeenFrame, of_fields: usize, seed: u64) -> Vec<Mutation> {
    let mut list = List(Vec::new());
    list.header(frame);
    list.messages(frame);
    list.body(frame);
    list.compression(frame);
    list.segments(frame);
    let mut random = SmallRng::seed_from_u64(seed);
    let fields = fields(frame);
    for _ in 0..of_fields {
        let Some(field) = fields.choose(&mut random) else { break };
        let mut of_field = List(Vec::new());
        of_field.field(field, frame);
        let index = random.random_range(0..of_field.0.len());
        list.0.push(of_field.0.swap_remove(index));
    }
    for _ in 0..of_fields / 8 {
        let bits = random.random_range(1..4);
        let bits =
            (0..bits).map(|_| (random.random_range(0..1 << 16), random.random_range(1..=255)));
        let bits: Vec<(usize, u8)> = bits.collect();
        list.push(format!("random bits {bits:?}"), Change::Corrupt(bits));
    }
    list.0
}

struct List(Vec<Mutation>);

impl List {
    fn push(&mut self, name: impl Into<String>, change: Change) {
        self.0.push(Mutation { name: name.into(), change, is_repeated: false });
    }

    fn set_header(&mut self, name: String, at: usize, bytes: &[u8]) {
        self.push(name, Change::Header { at, bytes: Bytes::copy_from_slice(bytes) });
    }

    fn splice(&mut self, name: String, at: usize, removed: usize, inserted: impl Into<Vec<u8>>) {
        self.push(name, Change::Splice { at, removed, inserted: inserted.into().into() });
    }

    fn header(&mut self, frame: &SeenFrame) {
        let header = frame.header;
        let direction = u8::from(header.is_response) << 7;
        for version in [0, 1, 3, 4, 5, 6, 0x42, 0x7f] {
            if version != header.version.number() {
                self.set_header(format!("version {version}"), 0, &[version | direction]);
            }
        }
        let opposite = header.version.number() | (direction ^ 0x80);
        self.set_header("opposite direction".to_owned(), 0, &[opposite]);
        for bit in 0..8 {
            self.set_header(format!("flag {bit} inverted"), 1, &[header.flags.bits() ^ 1 << bit]);
        }
        for stream in [0, -1, -2, i16::MIN, i16::MAX, header.stream.0.wrapping_add(1)] {
            if stream != header.stream.0 {
                self.set_header(format!("stream {stream}"), 2, &stream.to_be_bytes());
            }
        }
        for opcode in (0..=0x11).chain([0x77, 0xff]) {
            if opcode != header.opcode.code() {
                self.set_header(format!("opcode {opcode:#x}"), 4, &[opcode]);
            }
        }
        let length = i32::try_from(frame.body.len()).unwrap_or(i32::MAX);
        let too_long = i32::try_from(MAX_BODY).unwrap_or(i32::MAX) + 1;
        let lengths = [0, length - 1, length + 1, -1, -2, i32::MIN, i32::MAX, too_long, 1 << 20];
        for claimed in lengths {
            if claimed != length {
                self.set_header(format!("length {claimed}"), 5, &claimed.to_be_bytes());
            }
        }
    }

    fn messages(&mut self, frame: &SeenFrame) {
        let messages = match frame.direction {
            Direction::Response => &*RESPONSES,
            Direction::Request => &*REQUESTS,
        };
        for message in messages {
            let name = format!("replaced by {}", message.name);
            let (opcode, flags, body) = (message.opcode, message.flags, message.body.clone());
            let change = Change::Replace { opcode, flags, body };
            self.push(name.clone(), change.clone());
            if message.may_repeat {
                self.0.push(Mutation {
                    name: format!("{name}, always"),
                    change,
                    is_repeated: true,
                });
            }
        }
    }

    fn body(&mut self, frame: &SeenFrame) {
        let length = frame.body.len();
        if length > 0 {
            self.splice("no body".to_owned(), 0, length, []);
            self.splice("body without its last byte".to_owned(), length - 1, 1, []);
        }
        self.splice("body with a byte more".to_owned(), length, 0, [0]);
        self.splice("body with 64 KiB more".to_owned(), length, 0, [0; LONG]);
        if frame.direction == Direction::Response {
            self.push(
                format!("{EVENTS} events follow"),
                Change::Follow(events(frame.header.version)),
            );
        }
    }

    fn compression(&mut self, frame: &SeenFrame) {
        let compression = frame.context.compression;
        let Some(compression) = compression.filter(|_| frame.header.version < Version::V5) else {
            return;
        };
        let mut push = |name: &str, body: Vec<u8>, claimed: usize| {
            let largest = body.len().saturating_mul(MAX_RATIO);
            let plain = if claimed > MAX_BODY { 0 } else { claimed.min(largest) };
            let change = Change::Compressed { body: body.into(), plain };
            self.push(format!("compressed body: {name}"), change);
        };
        let mut compressed = Vec::new();
        compression.compress(&frame.body, &mut compressed);
        push("none", Vec::new(), 0);
        push("noise", vec![0xa5; 100], MAX_BODY);
        if compression == Compression::Lz4 {
            for claimed in [0, 1, MAX_BODY, MAX_BODY + 1, 0x7fff_ffff, 0xffff_ffff] {
                let length = u32::try_from(claimed).unwrap_or(u32::MAX).to_be_bytes();
                let body = [&length[..], compressed.get(4..).unwrap_or_default()];
                push(&format!("claims {claimed} bytes"), body.concat(), claimed);
            }
        }
        for bomb in BOMBS.iter().filter(|bomb| bomb.compression == compression) {
            let (length, body) = (bomb.length, bomb.body.clone());
            let name = format!("{length} bytes in {}", body.len());
            self.push(
                format!("compressed body: {name}"),
                Change::Compressed { body, plain: length },
            );
        }
    }

    fn segments(&mut self, frame: &SeenFrame) {
        if frame.header.version >= Version::V5 && frame.is_in_segment {
            for segments in Segments::ALL {
                self.push(format!("segments: {segments:?}"), Change::Segments(*segments));
            }
        }
    }

    /// Adds the changes of one field.
    fn field(&mut self, field: &Field, frame: &SeenFrame) {
        let (at, width) = (field.at, field.kind.width());
        let content = field.kind.content();
        let current = &frame.body[at..at + width];
        let number = current.iter().fold(0, |number, byte| number << 8 | i128::from(*byte));
        let named = |change: &str| format!("{:?} at {at}: {change}", field.kind);
        self.splice(named("truncated before it"), at, frame.body.len() - at, []);
        let max = (1_i128 << (8 * width)) - 1;
        let mut numbers: Vec<i128> = match field.kind {
            FieldKind::Short(_) | FieldKind::Long(_) | FieldKind::Count(_) => {
                vec![0, number - 1, number + 1, max, max - 1, max >> 1, (max >> 1) + 1, 1 << 20]
            }
            FieldKind::Flags(_) => (0..8 * width).map(|bit| number ^ 1 << bit).collect(),
            FieldKind::Code(_) => vec![0, 1, 2, 3, 4, 5, 6, 0x7777, number + 1, max, max >> 1],
            FieldKind::Type => vec![0, 9, 0x0d, 0x16, 0x20, 0x21, 0x22, 0x30, 0x31, 0x7777, max],
            FieldKind::Fixed(_) => vec![0, number + 1, max, max >> 1, (max >> 1) + 1],
        };
        numbers.retain(|other| *other != number && (0..=max).contains(other));
        numbers.dedup();
        for other in numbers {
            let bytes = &other.to_be_bytes()[16 - width..];
            self.splice(named(&format!("{other:#x}")), at, width, bytes);
        }
        if field.kind == FieldKind::Type {
            for depth in [127, 129, DEEP] {
                let lists = [0, 0x20].repeat(depth);
                self.splice(named(&format!("in {depth} lists")), at, 0, lists);
            }
            let tuple = [&[0, 0x31, 0xff, 0xff][..], &[0, 9].repeat(0xffff)].concat();
            self.splice(named("a tuple of 65,535"), at, width, tuple);
        }
        if matches!(field.kind, FieldKind::Short(_) | FieldKind::Long(_)) {
            let contents: [(&str, Vec<u8>); 5] = [
                ("empty", Vec::new()),
                ("one zero", vec![0]),
                ("64 KiB", vec![b'x'; LONG]),
                ("no UTF-8", vec![0xc3; content.max(1)]),
                ("quotes", b"\"'; DROP KEYSPACE k; --".to_vec()),
            ];
            for (name, inserted) in contents {
                let length = &(inserted.len() as u32).to_be_bytes()[4 - width..];
                let inserted = [length, &inserted].concat();
                self.splice(named(name), at, width + content, inserted);
            }
        }
    }
}

/// Returns the frames of many events.
fn events(version: Version) -> Bytes {
    let mut bytes = Vec::new();
    let mut encoder = FrameEncoder::new(version);
    for number in 0..EVENTS {
        let address = ([10, 0, (number >> 8) as u8, number as u8], 9_042).into();
        let change = if number % 2 == 0 { StatusChange::Up } else { StatusChange::Down };
        let event = ResponseFrame::new(Stream::EVENT, Event::Status { change, address });
        event.encode(&mut encoder, &mut bytes).expect("an event has an encoding");
    }
    debug_assert!(bytes.len() > Header::LENGTH);
    bytes.into()
}
