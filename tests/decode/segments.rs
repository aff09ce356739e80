//! Segments of protocol v5.

use cqlwire::wire::{Compression, SegmentEncoder};

use crate::{golden, hex_line, json, object, vector};

const FORMS: [(&str, Option<Compression>); 2] =
    [("plain", None), (Compression::Lz4.name(), Some(Compression::Lz4))];

/// Encodes frames into segments.
pub(crate) fn segments(compression: Option<Compression>, frames: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    SegmentEncoder::new(compression).encode(frames, &mut out);
    out
}

/// Returns a v5 QUERY frame with a text of this length.
fn long_query(text: u32) -> Vec<u8> {
    let mut frame = vec![5, 0, 0, 1, 7];
    frame.extend((text + 10).to_be_bytes());
    frame.extend(text.to_be_bytes());
    frame.extend((0..text).map(|index| b'a' + u8::try_from(index % 26).unwrap()));
    frame.extend([0, 1, 0, 0, 0, 0]);
    frame
}

/// A v5 OPTIONS frame in an uncompressed segment: nine bytes, self-contained (v5 §2.1).
#[test]
fn decodes_a_segment_built_by_hand() {
    let segment = segments(None, &[5, 0, 0, 1, 5, 0, 0, 0, 0]);
    assert_eq!(segment[..3], [9, 0, 2]);
    let object = object(&["--segments", "plain"], hex_line(&segment));
    let found = r#"[{"self_contained":true,"payload_length":9,"uncompressed_length":null}]"#;
    assert_eq!(object["segments"].to_string(), found);
    assert_eq!(object["envelopes"][0]["opcode"], "OPTIONS");
}

#[test]
fn vectors_in_segments_reencode_to_the_same_bytes() {
    for (form, compression) in FORMS {
        let vectors = golden::all();
        let vectors =
            vectors.iter().filter(|vector| vector.path.to_string_lossy().contains("/v5_"));
        let lines: Vec<String> =
            vectors.map(|vector| hex_line(&segments(compression, &vector.bytes))).collect();
        assert!(!lines.is_empty());
        let (objects, code) = json(&["--segments", form, "--reencode"], lines.concat());
        assert_eq!((objects.len(), code), (lines.len(), 0));
        for (object, line) in objects.iter().zip(lines) {
            let keys: Vec<&String> = object.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["ok", "segments", "envelopes", "reencoded"]);
            assert_eq!(object["envelopes"][0]["ok"], true);
            assert_eq!(object["reencoded"], line.trim_end());
        }
    }
}

#[test]
fn decodes_several_segments_per_line_and_frames_across_segments() {
    let (small, large) = (vector("v5_query_all"), long_query(300_000));
    for (form, compression) in FORMS {
        let several = [
            segments(compression, &[small.clone(), small.clone()].concat()),
            segments(compression, &large),
            segments(compression, &small),
        ];
        let bytes = several.concat();
        let object = object(&["--segments", form, "--reencode"], hex_line(&bytes));
        let self_contained: Vec<bool> = object["segments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|segment| segment["self_contained"].as_bool().unwrap())
            .collect();
        assert_eq!(self_contained, [true, false, false, false, true]);
        let envelopes = object["envelopes"].as_array().unwrap();
        assert_eq!(envelopes.len(), 4);
        assert_eq!(envelopes[2]["body_length"], 300_010);
        assert_eq!(object["reencoded"], hex_line(&bytes).trim_end());
        assert_eq!(object["segments"][1]["uncompressed_length"].is_null(), compression.is_none());

        // With --raw, each segment is an object with the frames that end in it.
        let (objects, code) = json(&["--segments", form, "--raw"], bytes);
        let ending: Vec<usize> =
            objects.iter().map(|object| object["envelopes"].as_array().unwrap().len()).collect();
        assert_eq!((ending, code), (vec![2, 0, 0, 1, 1], 0));
    }
}

#[test]
fn an_invalid_segment_ends_the_line() {
    let frame = vector("v5_prepare_keyspace");
    let whole = segments(None, &frame);
    let last = whole.len() - 1;
    let mut wrong_header = whole.clone();
    wrong_header[3] ^= 1;
    let mut wrong_payload = whole.clone();
    wrong_payload[last] ^= 1;
    let cut_in_two = segments(None, &frame[..frame.len() - 1]);
    let bad_version = segments(None, &[6, 0, 0, 1, 5, 0, 0, 0, 0]);
    for (bytes, offset, field, error) in [
        (wrong_header, whole.len(), "segment_header", "the checksum is wrong"),
        (wrong_payload, whole.len() + 6, "payload", "the checksum is wrong"),
        (whole[..last].to_vec(), whole.len(), "segment", "bytes needed"),
        (cut_in_two, whole.len(), "self_contained", "contradicts"),
        (bad_version, 0, "version", "envelope 1: version at byte 0"),
    ] {
        // The valid segment before it is still decoded.
        let object = object(&["--segments", "plain"], hex_line(&[&whole[..], &bytes].concat()));
        assert_eq!(object["ok"], false);
        assert_eq!(object["envelopes"][0]["opcode"], "PREPARE", "{object}");
        let place = (object["offset"].as_u64(), object["field"].as_str());
        assert_eq!(place, (Some(offset as u64), Some(field)), "{object}");
        assert!(object["error"].as_str().unwrap().contains(error), "{object}");
        assert_eq!(object["recoverable"], false);
    }
}

#[test]
fn an_invalid_body_fails_only_its_own_envelope() {
    let bad = [5, 0, 0, 2, 7, 0, 0, 0, 0];
    let frames = [&vector("v5_query_all")[..], &bad, &vector("v5_prepare_keyspace")].concat();
    let object = object(&["--segments", "plain", "--reencode"], hex_line(&segments(None, &frames)));
    let ok: Vec<bool> = object["envelopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|envelope| envelope["ok"].as_bool().unwrap())
        .collect();
    assert_eq!(ok, [true, false, true]);
    assert_eq!(object["recoverable"], true);
    let error = "envelope 1: query at byte 9: 4 bytes needed, 0 left";
    assert_eq!(object["error"], error);
    assert_eq!(object.get("reencoded"), None);
}
