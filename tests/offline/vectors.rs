//! The golden vectors, decoded and encoded.
//!
//! `CQLWIRE_BLESS=1 cargo test --test offline --all-features vectors` writes the decoded text of a new
//! vector into its file. Review it before you commit it.

use std::collections::BTreeSet;
use std::fs;

use cqlwire::message::{RequestFrame, ResponseFrame};
use cqlwire::wire::{Context, FrameEncoder, Opcode, RawFrame, Version};

use crate::golden::{DECODES_TO, Vector, all};

/// Decodes a frame. Returns its `Debug` text and its reencoded bytes.
fn decode_and_reencode(frame: &RawFrame, context: &Context) -> (String, Vec<u8>) {
    let mut encoder = FrameEncoder::new(*context);
    let mut bytes = Vec::new();
    let shown = match frame.header.is_response {
        false => {
            let decoded = RequestFrame::decode(frame, context).unwrap();
            decoded.encode(&mut encoder, &mut bytes).unwrap();
            format!("{decoded:#?}\n")
        }
        true => {
            let decoded = ResponseFrame::decode(frame, context).unwrap();
            decoded.encode(&mut encoder, &mut bytes).unwrap();
            format!("{decoded:#?}\n")
        }
    };
    (shown, bytes)
}

#[test]
fn vectors_decode_to_the_stored_text_and_reencode_to_the_same_bytes() {
    for vector in all() {
        let (shown, encoded) = decode_and_reencode(&vector.frame(), &vector.context);
        let name = vector.path.display();
        if std::env::var_os("CQLWIRE_BLESS").is_some() {
            let file = fs::read_to_string(&vector.path).unwrap();
            let head = file.split(DECODES_TO).next().unwrap().trim_end();
            fs::write(&vector.path, format!("{head}\n\n{DECODES_TO}{shown}")).unwrap();
            continue;
        }
        let expected =
            vector.expected.unwrap_or_else(|| panic!("{name} has no section \"decodes to:\""));
        assert_eq!(shown, expected, "{name}");
        if vector.is_canonical {
            assert_eq!(encoded, vector.bytes, "{name}");
        }
    }
}

#[test]
fn every_message_of_v4_has_a_vector() {
    let seen: BTreeSet<(Opcode, bool)> = all()
        .iter()
        .map(Vector::frame)
        .filter(|frame| frame.header.version == Version::V4)
        .map(|frame| (frame.header.opcode, frame.header.is_response))
        .collect();
    for opcode in Opcode::KNOWN {
        let is_response = matches!(
            opcode,
            Opcode::Error
                | Opcode::Ready
                | Opcode::Authenticate
                | Opcode::Supported
                | Opcode::Result
                | Opcode::Event
                | Opcode::AuthChallenge
                | Opcode::AuthSuccess
        );
        assert!(seen.contains(&(*opcode, is_response)), "{opcode}");
    }
}
