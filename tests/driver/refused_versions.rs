//! Protocol versions that the mock server refuses, asked with raw bytes.

use cqlwire::connection::Connection;
use cqlwire::message::VersionRefusal;
use cqlwire::protocol::ConnectionOptions;
use cqlwire::session::Session;
use cqlwire::testing::{MockServer, Reply};
use cqlwire::wire::{FrameDecoder, Opcode, Stream, UnsupportedHeader, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn server(version: Version) -> MockServer {
    MockServer::bind("127.0.0.1:0").await.unwrap().version(version).on("select", Reply::void())
}

/// Sends `requests`, and returns the bytes that the server answers until it has read them all.
async fn ask(server: &MockServer, requests: &[&[u8]]) -> Vec<u8> {
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(&requests.concat()).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut answers = Vec::new();
    socket.read_to_end(&mut answers).await.unwrap();
    answers
}

/// Returns an OPTIONS of v3 or later on stream 5.
fn options(version: u8) -> [u8; 9] {
    [version, 0, 0, 5, 5, 0, 0, 0, 0]
}

/// Returns the header of the first answer, its body as text, and the answers after it.
fn split(answers: &[u8]) -> (UnsupportedHeader, String, &[u8]) {
    let (header, length) = UnsupportedHeader::decode(answers).unwrap().expect("an answer");
    let (body, rest) = answers[header.length()..].split_at(length);
    (header, String::from_utf8_lossy(body).into_owned(), rest)
}

#[tokio::test]
async fn an_unknown_version_is_refused_in_the_highest_version_and_the_connection_continues() {
    for highest in Version::ALL {
        let server = server(highest).await;
        let names = ["3/v3", "3/v3, 4/v4", "3/v3, 4/v4, 5/v5"];
        let names = names[usize::from(highest.number() - 3)];
        // v6 without and with the flag for beta versions, an unknown version, versions of DSE, and 0.
        let requests: [&[u8]; 6] = [
            &options(6),
            &[6, 0x10, 0, 5, 5, 0, 0, 0, 0],
            &options(7),
            &options(0x41),
            &options(0x42),
            &options(0),
        ];
        for request in requests {
            let answers = ask(&server, &[request, &options(3)]).await;
            let (header, text, rest) = split(&answers);
            assert_eq!((header.version, header.stream), (highest.number(), Stream(0)));
            assert_eq!((header.opcode, header.is_response), (Opcode::Error, true));
            let expected = format!(
                "Invalid or unsupported protocol version ({}); supported versions are ({names})",
                request[0]
            );
            assert!(text.ends_with(&expected), "{text}");
            let (header, _, rest) = split(rest);
            assert_eq!((header.version, header.stream), (3, Stream(5)));
            assert_eq!((header.opcode, rest.len()), (Opcode::Supported, 0));
        }
    }
}

#[tokio::test]
async fn v1_and_v2_are_refused_in_headers_of_8_bytes() {
    let server = server(Version::V4).await;
    for version in [1, 2] {
        // OPTIONS on stream -1, and STARTUP with an empty map.
        let requests: [&[u8]; 3] = [
            &[version, 0, 0xff, 5, 0, 0, 0, 0],
            &[version, 0, 1, 1, 0, 0, 0, 2, 0, 0],
            &options(4),
        ];
        let answers = ask(&server, &requests).await;
        let mut rest = &answers[..];
        for _ in 0..2 {
            let text = format!(
                "Invalid or unsupported protocol version ({version}); supported versions are (3/v3, 4/v4)"
            );
            let length = u8::try_from(text.len()).unwrap();
            let mut expected = vec![0x80 | version, 0, 0, 0, 0, 0, 0, length + 6];
            expected.extend([0, 0, 0, 0x0a, 0, length]);
            expected.extend(text.bytes());
            rest =
                rest.strip_prefix(&expected[..]).expect("a refusal in the version of the client");
        }
        let (header, _, rest) = split(rest);
        assert_eq!((header.opcode, rest.len()), (Opcode::Supported, 0));
    }
}

#[tokio::test]
async fn a_known_version_above_the_highest_is_refused_on_stream_0() {
    for (highest, requested) in
        [(Version::V3, Version::V4), (Version::V3, Version::V5), (Version::V4, Version::V5)]
    {
        let server = server(highest).await;
        // OPTIONS, and STARTUP with an empty map.
        let startup = [requested.number(), 0, 0, 6, 1, 0, 0, 0, 2, 0, 0];
        let requests: [&[u8]; 3] =
            [&options(requested.number()), &startup, &options(highest.number())];
        let answers = ask(&server, &requests).await;
        let mut refusal = Vec::new();
        VersionRefusal::new(requested.number(), Version::V3..=highest)
            .encode(&mut refusal)
            .unwrap();
        assert_eq!(refusal[..5], [0x80 | highest.number(), 0, 0, 0, 0]);
        let rest = answers.strip_prefix(&[&refusal[..], &refusal].concat()[..]).expect("refusals");
        let (header, _, rest) = split(rest);
        assert_eq!((header.stream, header.opcode), (Stream(5), Opcode::Supported));
        assert!(rest.is_empty());
    }
}

#[tokio::test]
async fn the_version_of_the_connection_applies_to_refusals_after_startup() {
    let server = server(Version::V5).await;
    let startup = [4, 0, 0, 6, 1, 0, 0, 0, 2, 0, 0];
    let answers = ask(&server, &[&startup, &options(66), &options(4)]).await;
    let mut frames = FrameDecoder::new(Version::V4);
    frames.extend(&answers);
    let seen: Vec<_> = std::iter::from_fn(|| frames.next_frame().unwrap())
        .map(|frame| (frame.header.version, frame.header.stream.0, frame.header.opcode))
        .collect();
    let expected = [(6, Opcode::Ready), (0, Opcode::Error), (5, Opcode::Supported)];
    assert_eq!(seen, expected.map(|(stream, opcode)| (Version::V4, stream, opcode)));
}

/// The messages are those of Cassandra 5.0.6.
#[tokio::test]
async fn another_version_and_another_direction_are_refused_in_the_words_of_cassandra() {
    let server = server(Version::V5).await;
    let startup = [4, 0, 0, 6, 1, 0, 0, 0, 2, 0, 0];
    // OPTIONS in v3 after STARTUP in v4, OPTIONS as a response, and READY as a request.
    let ready = [4, 0, 0, 7, 2, 0, 0, 0, 0];
    let answers = ask(&server, &[&startup, &options(3), &options(0x84), &ready]).await;
    let (_, _, mut rest) = split(&answers);
    let expected = [
        (
            5,
            "Invalid message version. Got 3/v3 but previous messages on this connection had version 4/v4",
        ),
        (5, "Wrong protocol direction (expected REQUEST, got RESPONSE) for opcode 5 (OPTIONS)"),
        (7, "Wrong protocol direction (expected RESPONSE, got REQUEST) for opcode 2 (READY)"),
    ];
    for (stream, message) in expected {
        let (header, text, more) = split(rest);
        assert_eq!((header.version, header.stream), (4, Stream(stream)));
        assert!(text.ends_with(message), "{text}");
        rest = more;
    }
    assert!(rest.is_empty());
}

#[tokio::test]
async fn the_driver_falls_back_to_the_highest_version_of_the_server() {
    for highest in Version::ALL {
        let server = server(highest).await;
        let options = ConnectionOptions { version: Version::V5, ..Default::default() };
        let connection = Connection::connect(server.address(), &options).await.unwrap();
        assert_eq!(connection.context().version, highest);

        let address = server.address().to_string();
        let builder = Session::builder().contact_points([address]).protocol_version(Version::V5);
        builder.connect().await.unwrap().execute("select", ()).await.unwrap();
    }
}
