//! The replies of the mock server: warnings, payloads, columns and large answers.

use std::collections::BTreeMap;

use bytes::Bytes;
use cqlwire::connection::Connection;
use cqlwire::message::{
    ErrorCode, Execute, Parameters, Prepare, PreparedResult, Query, RequestFrame, Response,
    ResponseFrame, ResultMessage, Rows,
};
use cqlwire::protocol::ConnectionOptions;
use cqlwire::session::{ErrorKind, Session, SessionBuilder, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{NativeType, Value};
use cqlwire::wire::{Compression, Consistency, Stream, Version};

async fn bind() -> MockServer {
    MockServer::bind("127.0.0.1:0").await.unwrap()
}

fn builder(server: &MockServer) -> SessionBuilder {
    Session::builder().contact_points([server.address().to_string()])
}

async fn connect(server: &MockServer, version: Version) -> Connection {
    let options = ConnectionOptions { version, ..Default::default() };
    Connection::connect(server.address(), &options).await.unwrap()
}

async fn ask(connection: &Connection, request: RequestFrame<'_>) -> ResponseFrame {
    connection.request(&request, None).await.unwrap()
}

async fn prepare(connection: &Connection, text: &str) -> PreparedResult {
    let prepare = Prepare { text: text.into(), keyspace: None, other_flags: 0 };
    let answer = ask(connection, RequestFrame::new(Stream(0), prepare)).await.response;
    let Response::Result(ResultMessage::Prepared(prepared)) = answer else { panic!("{answer:?}") };
    prepared
}

async fn execute(connection: &Connection, prepared: &PreparedResult, id: &Option<Bytes>) -> Rows {
    let parameters = Parameters { skip_metadata: true, ..Consistency::One.into() };
    let execute = Execute {
        id: prepared.id.as_ref().into(),
        result_metadata_id: id.as_deref().map(Into::into),
        parameters,
    };
    let answer = ask(connection, RequestFrame::new(Stream(0), execute)).await.response;
    let Response::Result(ResultMessage::Rows(rows)) = answer else { panic!("{answer:?}") };
    rows
}

#[tokio::test]
async fn a_reply_carries_warnings_a_payload_and_a_tracing_id() {
    let id = uuid::Uuid::from_u128(7);
    let reply = Reply::rows(["a"], [["x"]])
        .warning("slow")
        .warning("very slow")
        .custom_payload("node", "one")
        .tracing_id(id);
    let server = bind()
        .await
        .on("select", reply.clone())
        .on("error", Reply::error(ErrorCode::Invalid, "no").warning("really"));
    let server = server.on("computed", Reply::computed(move |_| reply.clone()).warning("third"));
    for version in Version::ALL {
        let connection = connect(&server, version).await;
        for (text, expected) in [
            ("select", &["slow", "very slow"][..]),
            ("computed", &["slow", "very slow", "third"]),
            ("error", &["really"]),
        ] {
            let parameters = Consistency::One.into();
            let query = Query { text: text.into(), parameters };
            let answer = ask(&connection, RequestFrame::new(Stream(0), query)).await;
            if version == Version::V3 {
                assert!(answer.warnings.is_empty() && answer.custom_payload.is_empty());
            } else {
                assert_eq!(answer.warnings, expected, "{text} in {version}");
            }
            if text == "error" {
                continue;
            }
            assert_eq!(answer.tracing_id, Some(id));
            if version > Version::V3 {
                let payload = BTreeMap::from_iter(answer.custom_payload);
                assert_eq!(payload["node"].as_deref(), Some(&b"one"[..]));
            }
        }
    }
}

#[tokio::test]
async fn computed_replies_say_their_columns_at_prepare() {
    let columns = [("name", NativeType::Text), ("age", NativeType::Int)];
    let reply = Reply::computed(move |_| Reply::rows(columns, [("ada", 36)])).columns(columns);
    let server = bind().await.on("select", reply);
    for version in Version::ALL {
        let connection = connect(&server, version).await;
        let prepared = prepare(&connection, "select").await;
        let described = prepared.result.columns.clone().expect("columns");
        assert_eq!(
            described.iter().map(|column| &*column.name).collect::<Vec<_>>(),
            ["name", "age"]
        );
        let rows = execute(&connection, &prepared, &prepared.result_metadata_id).await;
        assert_eq!((rows.metadata.columns, rows.metadata.columns_count), (None, 2), "{version}");
    }
}

#[tokio::test]
async fn changed_columns_have_a_new_metadata_id() {
    let one = Reply::rows(["a"], [["x"]]);
    let two = Reply::rows([("a", NativeType::Int)], [(7,)]);
    for version in Version::ALL {
        let server = bind().await.on("select", one.clone().then(two.clone()));
        let connection = connect(&server, version).await;
        let prepared = prepare(&connection, "select").await;
        let first = execute(&connection, &prepared, &prepared.result_metadata_id).await;
        assert_eq!((first.metadata.columns, first.metadata.new_metadata_id), (None, None));
        let second = execute(&connection, &prepared, &prepared.result_metadata_id).await;
        let columns = second.metadata.columns.clone().expect("the changed columns");
        assert_eq!(columns[0].cql_type, NativeType::Int.into());
        assert_eq!(second.metadata.new_metadata_id.is_some(), version == Version::V5);
        if version == Version::V5 {
            let third = execute(&connection, &prepared, &second.metadata.new_metadata_id).await;
            assert_eq!((third.metadata.columns, third.metadata.new_metadata_id), (None, None));
        }
    }
}

#[tokio::test]
async fn large_answers_arrive_in_every_version_and_compression() {
    let blob = Value::Blob(Bytes::from(vec![7; 20 << 20]));
    let server = bind().await.on("select", Reply::rows([("a", NativeType::Blob)], [[blob]]));
    for version in Version::ALL {
        for compression in [None, Some(Compression::Lz4)] {
            let session = builder(&server).protocol_version(version).compression(compression);
            let session = session.connect().await.unwrap();
            let result = session.execute("select", ()).await.unwrap();
            let (blob,) = result.one::<(&[u8],)>().unwrap();
            assert_eq!(blob.len(), 20 << 20);
        }
    }
}

#[tokio::test]
async fn a_response_beyond_the_limit_is_an_error_that_names_it() {
    let rows = (0..100).map(|_| ["x".repeat(100)]);
    let server = bind().await.on("select", Reply::rows(["a"], rows)).max_response_body(5_000);
    for version in Version::ALL {
        let session =
            builder(&server).protocol_version(version).compression(None).fetch_schema(false);
        let session = session.connect().await.unwrap();
        let error = session.execute("select", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Server));
        assert!(error.to_string().contains("MockServer::max_response_body"), "{error}");
        let page = Statement::new("select").page_size(10);
        assert!(session.execute(page, ()).await.is_ok());
    }
}

#[tokio::test]
async fn a_traced_request_has_an_id_and_its_trace_can_be_read() {
    let server = bind().await.on("select", Reply::rows(["a"], [["x"]])).on("insert", Reply::void());
    let session = builder(&server).connect().await.unwrap();
    let mut ids = Vec::new();
    for statement in ["select", "insert"] {
        let traced = Statement::new(statement).tracing(true);
        let result = session.execute(traced, ()).await.unwrap();
        let id = result.tracing_id().expect("a tracing id");
        assert!(!ids.contains(&id));
        ids.push(id);
        let trace = session.trace(id).await.unwrap();
        assert_eq!(trace.request.as_deref(), Some("Execute CQL3 query"));
        assert!(trace.parameters.contains(&("query".to_owned(), statement.to_owned())));
        assert_eq!(trace.events.len(), 2);
        let plain = session.execute(statement, ()).await.unwrap();
        assert_eq!(plain.tracing_id(), None);
    }
}
