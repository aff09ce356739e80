//! Responses that reach the client on the stream of another request, or of none.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cqlwire::connection::{Connection, RequestErrorKind};
use cqlwire::message::{
    ErrorCode, Query, Request, RequestFrame, Response, ResponseFrame, ResultMessage, Rows,
    RowsMetadata, ServerError,
};
use cqlwire::protocol::{CloseReason, ConnectionOptions};
use cqlwire::session::{ErrorKind, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{ColumnSpec, NativeType};
use cqlwire::wire::{Consistency, FrameEncoder, SegmentEncoder, Stream, Version};

use crate::mock_nodes::{connect, session_builder, start_nodes};
use crate::mock_server::start_server;

const SHORT: Duration = Duration::from_millis(50);

fn overloaded() -> ServerError {
    ServerError::new(ErrorCode::Overloaded, "Query timed out before it could start")
}

/// Encodes responses of an open connection without compression.
fn encode(version: Version, responses: impl IntoIterator<Item = (Stream, Response)>) -> Vec<u8> {
    let mut frames = Vec::new();
    for (stream, response) in responses {
        let frame = ResponseFrame::new(stream, response);
        frame.encode(&mut FrameEncoder::new(version), &mut frames).unwrap();
    }
    let mut bytes = Vec::new();
    match version {
        Version::V5 => SegmentEncoder::new(None).encode(&frames, &mut bytes),
        _ => bytes = frames,
    }
    bytes
}

/// Returns a row with one `int`.
fn number(number: i32) -> Response {
    let columns = vec![ColumnSpec::new("ks", "t", "number", NativeType::Int)];
    let content = [[0, 0, 0, 4], number.to_be_bytes()].concat().into();
    let rows = Rows { metadata: RowsMetadata::new(columns), count: 1, content };
    ResultMessage::Rows(rows).into()
}

/// Returns the number in the text of a query.
fn number_in(request: &Request<'_>) -> i32 {
    let Request::Query(query) = request else { panic!("{request:?} is not a QUERY") };
    query.text.parse().unwrap()
}

/// Sends a query with a number as its text, and checks that the response is the row with this number.
/// Returns the error if there is no response.
async fn request_number(
    connection: &Connection,
    number: i32,
    timeout: Duration,
) -> Result<(), cqlwire::connection::RequestError> {
    let query = Query { text: number.to_string().into(), parameters: Consistency::One.into() };
    let response = connection.request(&RequestFrame::new(Stream(0), query), Some(timeout)).await?;
    let Response::Result(ResultMessage::Rows(rows)) = response.response else {
        panic!("request {number} got {:?}", response.response)
    };
    let rows: Vec<_> = rows.rows::<i32>().unwrap().map(Result::unwrap).collect();
    assert_eq!(rows, [number], "a response reached another caller");
    Ok(())
}

/// One request in ten is answered with OVERLOADED on stream 0, and another one late. More responses are
/// lost than a connection may have orphaned requests.
#[tokio::test]
async fn overloaded_on_stream_0_and_late_responses_reach_no_other_caller() {
    for version in Version::ALL {
        let server = MockServer::bind("127.0.0.1:0").await.unwrap();
        let server = server.on_request(move |frame| {
            let Request::Query(_) = frame.request else { return None };
            let asked = number_in(&frame.request);
            Some(match asked % 10 {
                3 => Reply::bytes(encode(version, [(Stream(0), overloaded().into())])),
                5 => Reply::response(number(asked)).after(SHORT),
                _ => Reply::response(number(asked)),
            })
        });
        let options = ConnectionOptions { version, max_orphans: 50, ..Default::default() };
        let connection = Connection::connect(server.address(), &options).await.unwrap();
        let connection = Arc::new(connection);
        let callers = (0..20).map(|caller| {
            let connection = Arc::clone(&connection);
            tokio::spawn(async move {
                let mut lost = 0;
                for request in 0..30 {
                    let asked = request * 20 + caller;
                    let (timeout, may_time_out) = match asked % 10 {
                        3 | 5 => (SHORT, true),
                        _ => (Duration::from_secs(60), false),
                    };
                    if let Err(error) = request_number(&connection, asked, timeout).await {
                        assert!(may_time_out, "{error}");
                        assert_eq!(error.kind, RequestErrorKind::TimedOut);
                        lost += usize::from(asked % 10 == 3);
                    }
                }
                lost
            })
        });
        let mut lost = 0;
        for caller in callers.collect::<Vec<_>>() {
            lost += caller.await.unwrap();
        }
        assert_eq!(lost, 60);
        assert_eq!(connection.close_reason(), None);
    }
}

#[tokio::test]
async fn a_duplicated_response_ends_the_connection_and_reaches_no_other_caller() {
    for version in [Version::V4, Version::V5] {
        for concurrency in [1, 50] {
            let earlier = Mutex::new(None);
            let address = start_server(version, move |request, stream| {
                let asked = number_in(request);
                let mut responses = vec![(stream, number(asked))];
                let mut earlier = earlier.lock().unwrap();
                if asked == 100 {
                    *earlier = Some(responses[0].clone());
                } else if asked > 100 {
                    responses.splice(0..0, earlier.take());
                }
                Reply::bytes(encode(version, responses))
            });
            let options = ConnectionOptions { version, ..Default::default() };
            let connection = Arc::new(Connection::connect(address, &options).await.unwrap());
            let next = Arc::new(AtomicUsize::new(0));
            let callers = (0..concurrency).map(|_| {
                let (connection, next) = (Arc::clone(&connection), Arc::clone(&next));
                tokio::spawn(async move {
                    loop {
                        let asked = next.fetch_add(1, Ordering::SeqCst) as i32;
                        let timeout = Duration::from_secs(60);
                        if let Err(error) = request_number(&connection, asked, timeout).await {
                            return error;
                        }
                    }
                })
            });
            for caller in callers.collect::<Vec<_>>() {
                let RequestErrorKind::Closed(CloseReason::UnknownStream(_)) =
                    caller.await.unwrap().kind
                else {
                    panic!("the connection ended for another reason")
                };
            }
        }
    }
}

#[tokio::test]
async fn an_overloaded_on_stream_0_is_counted_and_reported_to_no_caller() {
    let servers = start_nodes(1, |_, frame| match &frame.request {
        Request::Query(query) if query.text == "INSERT lost" => {
            Reply::bytes(encode(Version::V4, [(Stream(0), overloaded().into())]))
        }
        Request::Query(query) if query.text == "INSERT slow" => Reply::void().after(SHORT),
        _ => Reply::void(),
    })
    .await;
    let session = connect(session_builder(&servers), 1).await;
    let lost = Statement::new("INSERT lost").timeout(SHORT);
    let (slow, lost) = tokio::join!(session.execute("INSERT slow", ()), session.execute(lost, ()));
    slow.unwrap();
    let error = lost.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.may_have_been_applied());
    session.execute("INSERT next", ()).await.unwrap();
    let metrics = session.metrics();
    assert_eq!(metrics.nodes[0].unattributed_errors, 1);
    assert_eq!(metrics.nodes[0].orphaned_streams, 0);
    assert_eq!(metrics.nodes[0].errors.others, 0, "the ERROR was taken for a response");
}

/// Events have negative streams. An ERROR on such a stream belongs to no request.
#[tokio::test]
async fn an_error_on_a_negative_stream_is_counted_and_ends_nothing() {
    let servers = start_nodes(1, |_, frame| {
        let error = ServerError::new(ErrorCode::Server, "java.lang.NullPointerException");
        let responses = [(Stream::EVENT, error.into()), (frame.stream, ResultMessage::Void.into())];
        Reply::bytes(encode(Version::V4, responses))
    })
    .await;
    let session = connect(session_builder(&servers), 1).await;
    session.execute("INSERT answered", ()).await.unwrap();
    session.execute("INSERT answered", ()).await.unwrap();
    let metrics = session.metrics();
    assert_eq!((metrics.nodes[0].unattributed_errors, metrics.nodes[0].disconnected), (2, 0));
}

#[tokio::test]
async fn another_error_on_stream_0_ends_the_connection_and_writes_may_have_been_applied() {
    for code in [ErrorCode::Protocol, ErrorCode::Server, ErrorCode::Invalid] {
        let servers = start_nodes(1, move |_, frame| match &frame.request {
            Request::Query(query) if query.text == "INSERT answered" => Reply::void(),
            Request::Query(query) if query.text == "INSERT silent" => Reply::silence(),
            _ => {
                let error = ServerError::new(code, "CRC mismatch");
                Reply::bytes(encode(Version::V4, [(Stream(0), error.into())]))
            }
        })
        .await;
        let session = connect(session_builder(&servers), 1).await;
        let (silent, broken) = tokio::join!(
            session.execute("INSERT silent", ()),
            session.execute("INSERT broken", ())
        );
        for error in [silent.unwrap_err(), broken.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
            assert!(error.may_have_been_applied(), "{error}");
            // Other messages may repeat parts of a statement.
            let is_shown = code == ErrorCode::Protocol;
            assert_eq!(error.to_string().contains("CRC mismatch"), is_shown, "{error}");
        }
        session.execute("INSERT answered", ()).await.unwrap();
        assert_eq!(session.metrics().nodes[0].unattributed_errors, 0);
    }
}
