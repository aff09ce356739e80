//! The answers of Cassandra to requests in versions that it does not support, as recorded in
//! `protocol-spec/refusals/`.

use std::fs;
use std::path::Path;
use std::time::Instant;

use cqlwire::message::{Response, ResponseFrame, VersionRefusal};
use cqlwire::protocol::{ClientConnection, CloseReason, ConnectionEvent, ConnectionOptions};
use cqlwire::wire::{
    Context, DecodeErrorKind, FrameDecoder, FrameFlags, Opcode, Stream, UnsupportedHeader, Version,
};
use proptest::prelude::*;

use crate::recorded::{Recorded, all};

/// The parts of an answer that `VersionRefusal` does not have, because it does not know v6 and has no
/// beta versions.
const OTHER_VERSIONS: [(&str, &str); 2] = [(", 6/v6-beta", ""), ("5/v5-beta", "5/v5")];

/// Returns true if the server speaks the version of the request as a beta version.
fn is_beta(recorded: &Recorded) -> bool {
    answer(&recorded.response).1.starts_with("Beta version of the protocol used")
}

/// Returns the header and the message of an ERROR in any version.
fn answer(bytes: &[u8]) -> (UnsupportedHeader, String) {
    let (header, length) = UnsupportedHeader::decode(bytes).unwrap().unwrap();
    let body = &bytes[header.length()..];
    assert_eq!(body.len(), length);
    assert_eq!((header.opcode, header.is_response), (Opcode::Error, true));
    let (start, message) = body.split_at(6);
    assert_eq!(start, [0, 0, 0, 0x0a, 0, u8::try_from(message.len()).unwrap()]);
    (header, String::from_utf8(message.to_vec()).unwrap())
}

#[test]
fn refusals_have_the_words_and_the_form_of_cassandra() {
    for recorded in all().iter().filter(|recorded| !is_beta(recorded)) {
        let (header, message) = answer(&recorded.response);
        let requested = recorded.request[0];
        let mut ours = Vec::new();
        VersionRefusal::new(requested, Version::V3..=Version::V5).encode(&mut ours).unwrap();
        let expected = OTHER_VERSIONS
            .iter()
            .fold(message, |message, (theirs, ours)| message.replace(theirs, ours));
        let flags = header.flags.without(FrameFlags::USE_BETA);
        let expected = (UnsupportedHeader { flags, ..header }, expected);
        assert_eq!(answer(&ours), expected, "{}", recorded.path.display());
        assert_eq!(header.stream, VersionRefusal::STREAM);
    }
}

/// Every prefix of a request is incomplete until its header is whole. The rest of it is skipped.
#[test]
fn every_prefix_of_a_refused_request_is_decoded() {
    for recorded in all() {
        if Version::from_number(recorded.request[0]).is_some() {
            continue;
        }
        for end in 1..=recorded.request.len() {
            let mut frames = FrameDecoder::new(Version::V4);
            frames.extend(&recorded.request[..end]);
            let error = frames.next_frame().unwrap_err();
            assert_eq!(error.kind(), DecodeErrorKind::UnsupportedVersion(recorded.request[0]));
            let length = if recorded.request[0] < 3 { 8 } else { 9 };
            let skipped = frames.skip_unsupported().unwrap();
            assert_eq!(skipped.is_some(), end >= length, "{}", recorded.path.display());
            let Some(header) = skipped else { continue };
            assert_eq!((header.version, header.length()), (recorded.request[0], length));
            let streams: &[i16] = &[5, 300];
            assert!(streams.contains(&header.stream.0));
            assert_eq!(frames.next_frame(), Ok(None));
            assert_eq!(frames.is_empty(), end == recorded.request.len());
        }
    }
}

#[test]
fn a_changed_byte_of_a_refused_request_does_not_panic() {
    for recorded in all() {
        for position in 0..recorded.request.len() {
            for byte in [0, 1, 2, 6, 0x42, 0x7f, 0x80, 0xff] {
                let mut request = recorded.request.clone();
                request[position] = byte;
                let mut frames = FrameDecoder::new(Version::V4);
                frames.extend(&request);
                let _may_fail = frames.next_frame();
                let _may_fail = frames.skip_unsupported();
                let _may_fail = frames.next_frame();
            }
        }
    }
}

/// The client asks in v5, and reads only answers in v3 to v5.
#[test]
fn a_client_tries_a_lower_version_after_a_recorded_refusal() {
    let mut read = 0;
    for recorded in all() {
        let (header, message) = answer(&recorded.response);
        let Some(version) = Version::from_number(header.version) else { continue };
        let now = Instant::now();
        let options = ConnectionOptions { version: Version::V5, ..Default::default() };
        let mut connection = ClientConnection::new(options, now);
        let written = connection.transmit().len();
        connection.transmitted(written);
        connection.receive_buffer().extend_from_slice(&recorded.response);
        connection.handle_input(now);
        let Some(ConnectionEvent::Closed(reason)) = connection.poll_event() else {
            panic!("{} does not close the connection", recorded.path.display())
        };
        assert_eq!(reason.lower_version(), Some(Version::V4), "{}", recorded.path.display());
        let CloseReason::UnsupportedVersion { message: shown, .. } = reason else { panic!() };
        assert_eq!(shown, message);

        let mut frames = FrameDecoder::new(version);
        frames.extend(&recorded.response);
        let frame = frames.next_frame().unwrap().unwrap();
        assert_eq!(frame.header.stream, Stream(0));
        let decoded = ResponseFrame::decode(&frame, &Context::from(version)).unwrap();
        assert!(matches!(decoded.response, Response::Error(_)));
        read += 1;
    }
    assert!(read >= 5, "the client reads only {read} of the answers");
}

/// Each seed is the size of the pieces, the recorded bytes, and an OPTIONS in v4.
#[test]
fn the_recorded_refusals_are_in_the_fuzz_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/frames");
    for recorded in all() {
        let options = [4, 0, 0, 1, 5, 0, 0, 0, 0];
        let seed = [&[3][..], &recorded.request, &recorded.response, &options].concat();
        let name = recorded.path.file_stem().unwrap().to_str().unwrap();
        let file = corpus.join(format!("refused_{name}"));
        if std::env::var_os("CQLWIRE_BLESS").is_some() {
            fs::write(&file, &seed).unwrap();
        }
        assert!(fs::read(&file).is_ok_and(|there| there == seed), "{}", file.display());
    }
}

/// Returns the version and the stream of each frame of a stream that arrives in pieces.
fn decode_in_pieces(stream: &[u8], piece: usize) -> Vec<(u8, i16)> {
    let mut frames = FrameDecoder::new(Version::V4);
    let mut seen = Vec::new();
    for piece in stream.chunks(piece) {
        frames.extend(piece);
        loop {
            match frames.next_frame() {
                Ok(Some(frame)) => {
                    seen.push((frame.header.version.number(), frame.header.stream.0));
                }
                Ok(None) => break,
                Err(_) => match frames.skip_unsupported().unwrap() {
                    Some(header) => seen.push((header.version, header.stream.0)),
                    None => break,
                },
            }
        }
    }
    assert!(frames.is_empty());
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Frames of any version are found in a stream, however it arrives.
    #[test]
    fn frames_of_any_version_are_found_in_a_stream(
        frames in prop::collection::vec((any::<[u8; 3]>(), any::<i8>(), 0..40u8), 1..6),
        piece in 1..60usize,
    ) {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for ([first, flags, opcode], id, length) in frames {
            let version = first & 0x7f;
            stream.extend([first, flags]);
            match version {
                1 | 2 => stream.extend(id.to_be_bytes()),
                _ => stream.extend(i16::from(id).to_be_bytes()),
            }
            stream.extend([opcode, 0, 0, 0, length]);
            stream.extend(vec![0xee; length.into()]);
            expected.push((version, i16::from(id)));
        }
        prop_assert_eq!(decode_in_pieces(&stream, piece), expected);
    }

    /// The refusal of any version is one whole frame.
    #[test]
    fn a_refusal_is_one_frame(requested in 0..=0x7fu8, low in 0..3usize, high in 0..3usize) {
        let mut bytes = Vec::new();
        let supported = Version::ALL[low]..=Version::ALL[high];
        VersionRefusal::new(requested, supported).encode(&mut bytes).unwrap();
        prop_assert_eq!(decode_in_pieces(&bytes, 7).len(), 1);
        let (header, message) = answer(&bytes);
        prop_assert_eq!(header.stream, VersionRefusal::STREAM);
        let expected = format!("Invalid or unsupported protocol version ({requested})");
        prop_assert!(message.starts_with(&expected));
    }
}
