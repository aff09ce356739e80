//! The mock server, used by cqlwire's own client in every protocol version.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cqlwire::connection::Connection;
use cqlwire::message::{
    ErrorCode, Event, Options, Parameters, Query, Request, RequestFrame, Response, StatusChange,
};
use cqlwire::protocol::{CloseReason, ConnectionOptions};
use cqlwire::session::{Batch, ErrorKind, Session, SessionBuilder, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{NativeType, Value, ValuesBuffer};
use cqlwire::wire::{Compression, Consistency, RawValue, Stream, Version};

use crate::wait::until;

async fn server() -> MockServer {
    let users = [("name", NativeType::Text), ("age", NativeType::Int)];
    MockServer::bind("127.0.0.1:0")
        .await
        .unwrap()
        .on(
            "SELECT name, age FROM users",
            Reply::rows(users, [("ada", 36), ("bob", 7), ("eve", 1)]),
        )
        .on("INSERT INTO users (name, age) VALUES (?, ?)", Reply::void().variables(users))
        .on("DROP TABLE users", Reply::error(ErrorCode::Unauthorized, "not you"))
        .on("slow", Reply::rows(["answer"], [["late"]]).after(Duration::from_millis(50)))
}

fn client(server: &MockServer) -> SessionBuilder {
    Session::builder().contact_points([server.address().to_string()])
}

#[tokio::test]
async fn serves_sessions_in_every_version_and_compression() {
    let server = server().await;
    for version in Version::ALL {
        for compression in [None].into_iter().chain(Compression::ALL.iter().copied().map(Some)) {
            let builder = client(&server).protocol_version(version).compression(compression);
            let session = builder.keyspace("test").connect().await.unwrap();
            let insert = "INSERT INTO users (name, age) VALUES (?, ?)";
            session.execute(insert, ("ada", 36)).await.unwrap();
            assert!(session.execute(insert, (36, "ada")).await.is_err());
            let select = Statement::new("select").page_size(2);
            assert!(session.execute(select, ()).await.is_err(), "the statement has no reply");
            let select = Statement::new(" SELECT name,  age FROM users ; ".replace(",  ", ", "));
            let mut users = session.stream::<(String, i32)>(select.page_size(2), ());
            let mut seen = Vec::new();
            while let Some(user) = users.try_next().await.unwrap() {
                seen.push(user);
            }
            assert_eq!(seen, [("ada".into(), 36), ("bob".into(), 7), ("eve".into(), 1)]);
            let batch = Batch::logged().statement(insert, ("ada", 36)).statement("slow", ());
            session.batch(&batch).await.unwrap();
            let refused = batch.statement("DROP TABLE users", ());
            let error = session.batch(&refused).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Unauthorized));
        }
    }
}

#[tokio::test]
async fn refuses_to_prepare_statements_that_neither_the_script_nor_the_store_knows() {
    let insert = "INSERT INTO pets (name, age) VALUES (?, ?)";
    let insert_literals = "INSERT INTO pets (name, age) VALUES ('rex', 3)";
    let refused = |error: cqlwire::session::Error| {
        assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Invalid));
        assert!(error.to_string().contains("No keyspace has been specified"), "{error}");
    };
    let without_replies = server().await;
    let session = client(&without_replies).connect().await.unwrap();
    refused(session.prepare(insert).await.unwrap_err());
    refused(session.execute(insert, ("rex", 3)).await.unwrap_err());
    refused(session.execute(insert_literals, ()).await.unwrap_err());
    for known in ["USE pets", "SELECT * FROM system.local", "DROP TABLE users"] {
        session.prepare(known).await.unwrap();
    }

    let any = server().await.on_any(Reply::void());
    let session = client(&any).connect().await.unwrap();
    session.execute(insert, ("rex", "3")).await.unwrap();

    let by_request = server()
        .await
        .on_request(|frame| matches!(frame.request, Request::Execute(_)).then(Reply::void));
    let session = client(&by_request).connect().await.unwrap();
    session.execute(insert, ("rex", "3")).await.unwrap();
}

#[tokio::test]
async fn records_the_received_statements() {
    let server = server().await;
    let session = client(&server).connect().await.unwrap();
    session.execute("INSERT INTO users (name, age) VALUES (?, ?)", ("ada", 36)).await.unwrap();
    session.execute("SELECT name, age FROM users", ()).await.unwrap();
    let asked = ["INSERT INTO users (name, age) VALUES (?, ?)", "SELECT name, age FROM users"];
    assert_eq!(server.statements(), asked);
}

#[tokio::test]
async fn replies_with_every_error_code_in_every_version() {
    let codes: Vec<_> = ErrorCode::KNOWN.iter().copied().chain([ErrorCode::Unknown(7)]).collect();
    let mut server = server().await;
    for code in &codes {
        server = server.on(&code.to_string(), Reply::error(*code, "boom"));
    }
    for version in Version::ALL {
        let options = ConnectionOptions { version, ..Default::default() };
        let connection = Connection::connect(server.address(), &options).await.unwrap();
        for code in &codes {
            let parameters = Consistency::One.into();
            let query = Query { text: code.to_string().into(), parameters };
            let asked = RequestFrame::new(Stream(0), query);
            let answer = connection.request(&asked, None).await.unwrap();
            let Response::Error(error) = answer.response else { panic!("no error") };
            let expected = (in_version(*code, version), "boom");
            assert_eq!((error.code, &*error.message), expected, "in {version}");
        }
    }
}

/// Returns the code that Cassandra sends in place of a code that `version` does not have.
fn in_version(code: ErrorCode, version: Version) -> ErrorCode {
    match code {
        ErrorCode::ReadFailure if version < Version::V4 => ErrorCode::ReadTimeout,
        ErrorCode::WriteFailure if version < Version::V4 => ErrorCode::WriteTimeout,
        ErrorCode::FunctionFailure | ErrorCode::CdcWriteFailure if version < Version::V4 => {
            ErrorCode::Invalid
        }
        ErrorCode::CasWriteUnknown if version < Version::V5 => ErrorCode::WriteTimeout,
        code => code,
    }
}

/// Starts a server that stores ages by name.
async fn ages() -> MockServer {
    let ages = Arc::new(Mutex::new(BTreeMap::new()));
    let (inserted, selected) = (Arc::clone(&ages), ages);
    let variables = [("name", NativeType::Text), ("age", NativeType::Int)];
    let insert = Reply::computed(move |request| {
        let (name, age) = request.values::<(String, Option<i32>)>();
        match inserted.lock().unwrap().insert(name, age) {
            None => Reply::void(),
            Some(_) => Reply::error(ErrorCode::Invalid, "twice"),
        }
    });
    let select = Reply::computed(move |request| {
        let ages = selected.lock().unwrap();
        let (name,) = request.values::<(&str,)>();
        Reply::rows([("age", NativeType::Int)], ages.get(name).map(|age| (*age,)))
    });
    server().await.on(INSERT, insert.variables(variables)).on(SELECT, select)
}

const INSERT: &str = "INSERT INTO ages (name, age) VALUES (?, ?)";
const SELECT: &str = "SELECT age FROM ages WHERE name = ?";

#[tokio::test]
async fn computes_replies_from_prepared_batched_and_named_values() {
    for version in Version::ALL {
        let server = ages().await;
        let session = client(&server).protocol_version(version).connect().await.unwrap();
        session.execute(INSERT, ("ada", 36)).await.unwrap();
        let insert = session.prepare(INSERT).await.unwrap();
        let batch = Batch::logged().statement(&insert, ("bob", 7)).statement(&insert, ("eve", 1));
        session.batch(&batch.consistency(Consistency::All)).await.unwrap();
        let error = session.batch(&Batch::logged().statement(INSERT, ("eve", 2))).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Server(ErrorCode::Invalid));

        // A statement that is not prepared, with named values.
        let mut named = ValuesBuffer::new();
        named.push(Some("age"), RawValue::Null).unwrap();
        named.push(Some("name"), RawValue::Bytes(b"zoe")).unwrap();
        let parameters = Parameters { values: named.values(), ..Consistency::One.into() };
        let query = Query { text: INSERT.into(), parameters };
        let options = ConnectionOptions { version, ..Default::default() };
        let connection = Connection::connect(server.address(), &options).await.unwrap();
        let answer = connection.request(&RequestFrame::new(Stream(0), query), None).await.unwrap();
        assert!(matches!(answer.response, Response::Result(_)));

        for (name, expected) in [("bob", Some(Some(7))), ("zoe", Some(None)), ("max", None)] {
            let select = Statement::new(SELECT).page_size(9);
            let result = session.execute(select, (name,)).await.unwrap();
            let age = result.first::<(Option<i32>,)>().unwrap();
            assert_eq!(age.map(|(age,)| age), expected);
        }
        let received = server.received();
        let inserted = received.iter().filter(|received| received.text == INSERT);
        let seen: Vec<_> =
            inserted.map(|received| received.values::<(&str, Option<i32>)>()).collect();
        let ages = [("ada", Some(36)), ("bob", Some(7)), ("eve", Some(1)), ("eve", Some(2))];
        assert_eq!(seen, [&ages[..], &[("zoe", None)]].concat());
        assert_eq!(received[1].consistency, Consistency::All);
        let selected = &received[5];
        assert_eq!((selected.page_size, &selected.paging_state), (Some(9), &None));
        assert_eq!(selected.values::<Vec<Value>>()[0].to_string(), "'bob'");
    }
}

#[tokio::test]
#[should_panic(expected = "cannot decode the values of `SELECT age FROM ages WHERE name = ?`: ")]
async fn reading_received_values_as_a_wrong_type_panics() {
    let server = ages().await;
    let session = client(&server).connect().await.unwrap();
    session.execute(SELECT, ("ada",)).await.unwrap();
    server.received()[0].values::<(i32,)>();
}

#[tokio::test]
async fn gives_replies_in_sequence() {
    let age = |age: i32| Reply::rows([("age", NativeType::Int)], [(age,)]);
    for version in Version::ALL {
        let forgets = Reply::error(ErrorCode::Unprepared, "forgotten").then(age(1));
        let refused = Reply::error(ErrorCode::Invalid, "no").then(Reply::computed(move |_| age(3)));
        let reply = forgets.then(age(2)).then(refused).variables([("name", NativeType::Text)]);
        let other = "SELECT name FROM ages WHERE name = ?";
        let (first, reply) = (reply.clone(), reply.then(age(4)));
        let server = server().await.on(other, first).on(SELECT, reply);
        let session = client(&server).protocol_version(version).connect().await.unwrap();
        session.execute(other, ("ada",)).await.unwrap();
        let mut seen = Vec::new();
        for _ in 0..6 {
            let result = session.execute(SELECT, ("ada",)).await;
            seen.push(result.map(|result| result.one::<(i32,)>().unwrap().0).ok());
        }
        assert_eq!(seen, [1, 2, 0, 3, 4, 4].map(|age| (age > 0).then_some(age)), "in {version}");
        assert_eq!(server.statements().len(), 2 + 7, "each statement is prepared again once");
    }
}

#[tokio::test]
async fn requires_the_right_credentials() {
    let server = server().await.credentials("ada", "secret");
    let builder = || client(&server);
    builder().credentials("ada", "secret").connect().await.unwrap();
    for refused in [builder().credentials("ada", "wrong"), builder()] {
        let error = refused.connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication);
    }
}

#[tokio::test]
async fn a_delayed_reply_does_not_block_others() {
    let server = server().await;
    let session = client(&server).connect().await.unwrap();
    let slow = session.execute("slow", ());
    let fast = session.execute("SELECT name, age FROM users", ());
    let mut order = Vec::new();
    let (mut slow, mut fast) = (std::pin::pin!(slow), std::pin::pin!(fast));
    for _ in 0..2 {
        tokio::select! {
            biased;
            answer = &mut slow, if !order.contains(&"slow") => {
                answer.unwrap();
                order.push("slow");
            }
            answer = &mut fast, if !order.contains(&"fast") => {
                answer.unwrap();
                order.push("fast");
            }
        }
    }
    assert_eq!(order, ["fast", "slow"]);
}

/// The client ignores AUTHENTICATE and sends a PREPARE.
#[tokio::test]
async fn refuses_requests_before_authentication() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = server().await.credentials("ada", "secret");
    let mut socket = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    // STARTUP without options, and a PREPARE.
    let requests: [&[u8]; 2] = [
        &[4, 0, 0, 1, 1, 0, 0, 0, 2, 0, 0],
        &[4, 0, 0, 2, 9, 0, 0, 0, 8, 0, 0, 0, 4, b's', b'l', b'o', b'w'],
    ];
    socket.write_all(&requests.concat()).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut answers = Vec::new();
    socket.read_to_end(&mut answers).await.unwrap();
    let mut frames = cqlwire::wire::FrameDecoder::new(Version::V4);
    frames.extend(&answers);
    let seen: Vec<_> = std::iter::from_fn(|| frames.next_frame().unwrap())
        .map(|frame| frame.header.opcode.to_string())
        .collect();
    assert_eq!(seen, ["AUTHENTICATE", "ERROR"]);
}

/// A request that is too long, an invalid body and an unknown version get an ERROR, and the connection
/// continues.
#[tokio::test]
async fn refuses_invalid_requests() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = server().await;
    let mut socket = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    // A QUERY above the length limit, a QUERY whose text length exceeds its body, an OPTIONS, and
    // another protocol.
    let long = vec![0; (16 << 20) + 1];
    let requests: [&[u8]; 5] = [
        &[4, 0, 0, 6, 7, 1, 0, 0, 1],
        &long,
        &[4, 0, 0, 7, 7, 0, 0, 0, 4, 0, 0, 0, 9],
        &[4, 0, 0, 8, 5, 0, 0, 0, 0],
        b"GET / HTTP/1.1",
    ];
    socket.write_all(&requests.concat()).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut answers = Vec::new();
    socket.read_to_end(&mut answers).await.unwrap();
    let mut frames = cqlwire::wire::FrameDecoder::new(Version::V4);
    frames.extend(&answers);
    let seen: Vec<_> = std::iter::from_fn(|| frames.next_frame().unwrap())
        .map(|frame| (frame.header.stream, frame.header.opcode.to_string()))
        .collect();
    let expected = [(6, "ERROR"), (7, "ERROR"), (8, "SUPPORTED"), (0, "ERROR")];
    assert_eq!(seen, expected.map(|(stream, opcode)| (Stream(stream), opcode.to_owned())));
}

#[tokio::test]
async fn refuses_an_invalid_startup_on_its_stream() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = server().await;
    let mut socket = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    // The STARTUP has one option, but its body ends before the name of the option.
    socket.write_all(&[4, 0, 0, 9, 1, 0, 0, 0, 2, 0, 1]).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let mut frames = cqlwire::wire::FrameDecoder::new(Version::V4);
    frames.extend(&answer);
    let header = frames.next_frame().unwrap().unwrap().header;
    assert_eq!((header.stream, header.opcode.to_string()), (Stream(9), "ERROR".to_owned()));
}

/// Only requests are limited: the reply below is longer than the limit.
#[tokio::test]
async fn refuses_requests_longer_than_its_limit() {
    for version in Version::ALL {
        let server = server().await.max_frame_body(200);
        let server = server.on("SELECT long", Reply::rows(["text"], [["x".repeat(300)]]));
        let session = client(&server).protocol_version(version).connect().await.unwrap();
        let long = format!("INSERT INTO users (name) VALUES ('{}')", "x".repeat(200));
        let error = session.execute(long, ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Invalid));
        let expected = "exceeds the limit of this MockServer, 200 bytes; \
                        change it with MockServer::max_frame_body";
        assert!(error.to_string().contains(expected), "{error}");
        let result = session.execute("SELECT long", ()).await.unwrap();
        assert_eq!(result.one::<(String,)>().unwrap().0.len(), 300);
    }
}

#[tokio::test]
async fn dropping_the_server_closes_its_connections() {
    let server = server().await;
    let options = ConnectionOptions::default();
    let connection = Connection::connect(server.address(), &options).await.unwrap();
    server.emit(Event::Status {
        change: StatusChange::Down,
        address: "127.0.0.1:9042".parse().unwrap(),
    });
    let asked = RequestFrame::new(Stream(0), Options);
    let answer = connection.request(&asked, None).await.unwrap();
    assert!(matches!(answer.response, Response::Supported(_)), "an event that was not registered");
    drop(server);
    let error = connection.request(&asked, None).await.unwrap_err();
    assert!(matches!(
        error.kind,
        cqlwire::connection::RequestErrorKind::Closed(
            CloseReason::EndOfInput { .. } | CloseReason::Io(..)
        )
    ));
}

#[tokio::test]
async fn a_condition_that_stays_false_ends_with_its_connection() {
    let token = Arc::new(());
    let held = Arc::clone(&token);
    let reply = Reply::computed(move |_| {
        let held = Arc::clone(&held);
        Reply::void().when(move || Arc::strong_count(&held) == 0)
    });
    let server = server().await.on("never", reply);
    let options = ConnectionOptions::default();
    let connection = Connection::connect(server.address(), &options).await.unwrap();
    let parameters = Parameters::from(Consistency::One);
    let query = Query { text: "never".into(), parameters };
    let frame = RequestFrame::new(Stream(0), query);
    tokio::select! {
        answer = connection.request(&frame, None) => panic!("{answer:?}"),
        () = until("the server holds the request", async || Arc::strong_count(&token) == 3) => {}
    }
    connection.close();
    until("the condition is dropped", async || Arc::strong_count(&token) == 2).await;
}
