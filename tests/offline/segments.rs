//! v5 segments, compared with the bits of `protocol-spec/tables/segments.md`.

use cqlwire::wire::{
    Compression, DecodeErrorKind, MAX_SEGMENT_PAYLOAD, SegmentDecoder, SegmentEncoder,
};

use crate::crc::{crc24, crc32};
use crate::spec::{Row, table};

const FORMS: [(&str, Option<Compression>); 2] = [("plain", None), ("lz4", Some(Compression::Lz4))];

/// The fields of a segment's header, from the table.
struct Layout(Vec<Row>);

impl Layout {
    fn of(form: &str) -> Self {
        let rows: Vec<Row> =
            table("segments").into_iter().filter(|row| row.text("form") == form).collect();
        let end = rows.iter().fold(0, |end, row| {
            assert_eq!(
                row.number("first bit"),
                end,
                "the table has a gap or an overlap at {row:?}"
            );
            end + row.number("bits")
        });
        assert_eq!(end % 8, 0);
        Self(rows)
    }

    fn length(&self) -> usize {
        self.0.iter().map(|row| row.number("bits") as usize).sum::<usize>() / 8
    }

    /// Returns the length of the checksummed part of the header, in bytes.
    fn checksummed_length(&self) -> usize {
        self.length() - 3
    }

    fn read(&self, segment: &[u8], field: &str) -> Option<u64> {
        let mut bytes = [0; 8];
        bytes[..self.length()].copy_from_slice(&segment[..self.length()]);
        let row = self.0.iter().find(|row| row.text("field") == field)?;
        let bits = u64::from_le_bytes(bytes) >> row.number("first bit");
        Some(bits & ((1 << row.number("bits")) - 1))
    }

    /// Returns a segment with these header fields and valid checksums.
    fn segment(&self, fields: &[(&str, u64)], payload: &[u8]) -> Vec<u8> {
        let mut word = 0;
        for &(field, value) in fields {
            if let Some(row) = self.0.iter().find(|row| row.text("field") == field) {
                word |= value << row.number("first bit");
            }
        }
        let mut segment = word.to_le_bytes()[..self.checksummed_length()].to_vec();
        segment.extend_from_slice(&crc24(&segment).to_le_bytes()[..3]);
        segment.extend_from_slice(payload);
        segment.extend_from_slice(&crc32(payload).to_le_bytes());
        segment
    }
}

/// Returns an OPTIONS frame, which LZ4 cannot shorten, and a longer frame, which it can.
fn frames() -> [Vec<u8>; 2] {
    let long = [&[5, 0, 0, 0, 0x7f, 0, 0, 0, 200][..], &[7; 200]].concat();
    [vec![5, 0, 0, 0, 5, 0, 0, 0, 0], long]
}

fn decode(form: Option<Compression>, bytes: &[u8]) -> Result<(bool, Vec<u8>), DecodeErrorKind> {
    let mut decoder = SegmentDecoder::new(form);
    decoder.extend(bytes);
    let segment = decoder.next_segment().map_err(|error| error.kind())?.expect("a whole segment");
    assert!(decoder.is_empty());
    Ok((segment.self_contained, segment.payload.to_vec()))
}

#[test]
fn segments_match_the_table() {
    for (name, form) in FORMS {
        let layout = Layout::of(name);
        for frame in frames() {
            let mut bytes = Vec::new();
            SegmentEncoder::new(form).encode(&frame, &mut bytes);
            let (head, rest) = bytes.split_at(layout.length());
            let (payload, trailer) = rest.split_at(rest.len() - 4);
            assert_eq!(layout.read(head, "length"), Some(payload.len() as u64));
            assert_eq!(layout.read(head, "self_contained"), Some(1));
            assert_eq!(layout.read(head, "padding"), Some(0));
            let checksum = u64::from(crc24(&head[..layout.checksummed_length()]));
            assert_eq!(layout.read(head, "checksum"), Some(checksum));
            assert_eq!(trailer, crc32(payload).to_le_bytes());
            let is_compressed = form.is_some() && frame.len() > 9;
            assert_eq!(payload != frame, is_compressed);
            let uncompressed = if is_compressed { frame.len() as u64 } else { 0 };
            assert_eq!(
                layout.read(head, "uncompressed_length"),
                form.is_some().then_some(uncompressed)
            );
            assert_eq!(decode(form, &bytes), Ok((true, frame)));
        }
    }
}

#[test]
fn padding_bits_are_ignored() {
    for (name, form) in FORMS {
        for flag in [0, 1] {
            let fields = [("length", 3), ("self_contained", flag), ("padding", 0b1_0101)];
            let bytes = Layout::of(name).segment(&fields, b"abc");
            assert_eq!(decode(form, &bytes), Ok((flag == 1, b"abc".to_vec())));
        }
    }
}

#[test]
fn refuses_a_payload_with_a_wrong_length() {
    let block = [0x30, b'a', b'b', b'c']; // three literals
    let layout = Layout::of("lz4");
    let lz4 = Some(Compression::Lz4);
    for (claim, expected) in [
        (3, Ok((true, b"abc".to_vec()))),
        (2, Err(DecodeErrorKind::InvalidSegment)),
        (4, Err(DecodeErrorKind::InvalidSegment)),
        (MAX_SEGMENT_PAYLOAD as u64, Err(DecodeErrorKind::InvalidSegment)),
        // A length of zero marks an uncompressed payload.
        (0, Ok((true, block.to_vec()))),
    ] {
        let fields = [("length", 4), ("uncompressed_length", claim), ("self_contained", 1)];
        assert_eq!(decode(lz4, &layout.segment(&fields, &block)), expected, "{claim}");
    }
}
