//! Sessions and connections against a mock server.

use std::collections::HashSet;
use std::future::ready;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use cqlwire::connection::{Connection, RequestErrorKind};
use cqlwire::message::{
    BatchText, ErrorCode, ErrorDetails, PreparedResult, Query, Request, RequestFrame,
    ResultMessage, Rows, RowsMetadata, ServerError, Variables,
};
use cqlwire::protocol::{CloseReason, ConnectionOptions};
use cqlwire::session::{Batch, ErrorKind, QueryResult, Session, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{BindError, ColumnSpec, CqlType, NativeType, Value};
use cqlwire::wire::{Compression, Consistency, Stream, Version};
use futures_util::TryStreamExt;

use crate::mock_server::{start_frame_server, start_server};
use crate::wait::until;

async fn connect(address: std::net::SocketAddr) -> Session {
    Session::builder().contact_points([address.to_string()]).connect().await.unwrap()
}

fn column(name: &str, native: NativeType) -> ColumnSpec {
    ColumnSpec::new("ks", "users", name, native)
}

/// Returns a page with one `int` column.
fn numbers(numbers: &[i32], paging_state: Option<&'static [u8]>) -> ResultMessage {
    let cell = |number: &i32| [[0, 0, 0, 4], number.to_be_bytes()].concat();
    let content: Vec<u8> = numbers.iter().flat_map(cell).collect();
    let metadata = RowsMetadata {
        paging_state: paging_state.map(Bytes::from_static),
        ..RowsMetadata::new(vec![column("number", NativeType::Int)])
    };
    ResultMessage::Rows(Rows { metadata, count: numbers.len(), content: content.into() })
}

fn prepared(id: &'static [u8], variables: &[&str]) -> ResultMessage {
    let columns: Vec<_> = variables.iter().map(|name| column(name, NativeType::Text)).collect();
    ResultMessage::Prepared(PreparedResult {
        id: Bytes::from_static(id),
        result_metadata_id: None,
        variables: Variables {
            columns: columns.into(),
            partition_key: vec![],
            other_flags: Default::default(),
        },
        result: RowsMetadata::none(),
    })
}

fn query(text: &str) -> RequestFrame<'_> {
    RequestFrame::new(Stream(0), Query { text: text.into(), parameters: Consistency::One.into() })
}

/// Returns a session with a server that counts PREPARE requests, and the count. Its statements have
/// one bind variable, which must be bound to "ada".
async fn counting_prepares() -> (Session, Arc<AtomicUsize>) {
    let prepares = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&prepares);
    let address = start_server(Version::V4, move |request, _| match request {
        Request::Prepare(_) => {
            counted.fetch_add(1, Ordering::SeqCst);
            prepared(b"id", &["username"]).into()
        }
        Request::Execute(execute) => {
            assert_eq!(*execute.id, *b"id");
            let bound = execute.parameters.values.iter().next().unwrap().value;
            assert_eq!(bound.bytes(), Some(&b"ada"[..]));
            ResultMessage::Void.into()
        }
        _ => Reply::close(),
    });
    (connect(address).await, prepares)
}

#[tokio::test]
async fn prepares_a_text_with_values_once() {
    let (session, prepares) = counting_prepares().await;
    for _ in 0..3 {
        session.execute("INSERT ...", ("ada",)).await.unwrap();
    }
    assert_eq!(prepares.load(Ordering::SeqCst), 1);
    let error = session.execute("INSERT ...", (36,)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Bind);
    assert_eq!(error.attempts(), 0);
}

#[tokio::test]
async fn refuses_bind_markers_without_values_before_sending() {
    let address = start_server(Version::V4, |_, _| panic!("the driver has sent a request"));
    let session = connect(address).await;
    let select = "SELECT * FROM t WHERE k = ? AND c > :start";
    let expected =
        format!("{select} failed: the statement has bind markers, but no values were given");
    let error = session.execute(select, ()).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Bind, expected.clone()));
    let error = session.stream::<i32>(select, ()).try_next().await.unwrap_err();
    assert_eq!(error.to_string(), expected);
    let error = session.batch(Batch::logged().statement(select, ())).await.unwrap_err();
    assert_eq!(error.to_string(), expected);
}

/// Its query handler may speak another language than CQL.
#[tokio::test]
async fn sends_any_text_with_a_custom_payload() {
    let address = start_server(Version::V4, |request, _| match request {
        Request::Query(_) => ResultMessage::Void.into(),
        _ => Reply::close(),
    });
    let script = Statement::new("g.V().map { it ? 1 : x }")
        .custom_payload(vec![("graph-language".to_owned(), None)]);
    connect(address).await.execute(script, ()).await.unwrap();
}

/// A table or type may be altered while a statement on it is in the cache.
#[tokio::test]
async fn prepares_again_when_values_do_not_fit_the_cached_statement() {
    let prepares = AtomicUsize::new(0);
    let address = start_server(Version::V4, move |request, _| match request {
        Request::Prepare(_) => match prepares.fetch_add(1, Ordering::SeqCst) {
            0 => prepared(b"0", &["username"]).into(),
            _ => prepared(b"1", &["username", "password"]).into(),
        },
        Request::Execute(execute) => {
            assert_eq!(*execute.id, *b"1");
            ResultMessage::Void.into()
        }
        _ => Reply::close(),
    });
    let session = connect(address).await;
    session.execute("INSERT ...", ("ada", "secret")).await.unwrap();
    let batch = Batch::logged().statement("INSERT ...", ("ada",));
    let error = session.batch(batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Bind);
    assert!(error.cause().unwrap().is::<BindError>());
}

#[tokio::test]
async fn prepares_a_forgotten_statement_again_with_a_limit() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let address = start_server(Version::V4, move |request, _| {
        let mut seen = seen.lock().unwrap();
        seen.push(request.opcode().to_string());
        match request {
            Request::Prepare(_) => prepared(b"id", &["username"]).into(),
            Request::Execute(_) if seen.len() == 4 => ResultMessage::Void.into(),
            _ => unprepared(Bytes::from_static(b"id")),
        }
    });
    let session = connect(address).await;
    let insert = session.prepare("INSERT ...").await.unwrap();
    session.execute(&insert, ("ada",)).await.unwrap();
    assert_eq!(*requests.lock().unwrap(), ["PREPARE", "EXECUTE", "PREPARE", "EXECUTE"]);
    let error = session.execute(&insert, ("ada",)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Unprepared));
    assert_eq!(error.attempts(), 4);
}

#[tokio::test]
async fn concurrent_requests_prepare_a_forgotten_statement_once() {
    let prepares = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&prepares);
    let address = start_server(Version::V4, move |request, _| match request {
        Request::Prepare(_) => {
            seen.fetch_add(1, Ordering::SeqCst);
            prepared(b"id", &["username"]).into()
        }
        _ if seen.load(Ordering::SeqCst) < 2 => unprepared(Bytes::from_static(b"id")),
        _ => ResultMessage::Void.into(),
    });
    let session = connect(address).await;
    let insert = session.prepare("INSERT ...").await.unwrap();
    let requests = (0..100).map(|_| session.execute(&insert, ("ada",)));
    futures_util::future::try_join_all(requests).await.unwrap();
    assert_eq!(prepares.load(Ordering::SeqCst), 2);
}

fn unprepared(id: Bytes) -> Reply {
    let details = ErrorDetails::Unprepared { id };
    let error = ServerError { code: ErrorCode::Unprepared, message: "who?".into(), details };
    Reply::response(error)
}

/// The server has forgotten all statements, and reports one unknown id per attempt.
#[tokio::test]
async fn prepares_every_forgotten_statement_of_a_batch_again() {
    let ids: [&'static [u8]; 5] = [b"0", b"1", b"2", b"3", b"4"];
    let known = Mutex::new(HashSet::new());
    let forgets = AtomicUsize::new(0);
    let address = start_server(Version::V4, move |request, _| {
        let mut known = known.lock().unwrap();
        match request {
            Request::Prepare(prepare) => {
                let id = ids[prepare.text.parse::<usize>().unwrap()];
                known.insert(id);
                prepared(id, &["username"]).into()
            }
            Request::Batch(batch) => {
                if forgets.fetch_add(1, Ordering::SeqCst) == 0 {
                    known.clear();
                }
                let unknown = batch.statements.iter().find_map(|statement| match &statement.text {
                    BatchText::Prepared(id) if !known.contains(&id[..]) => Some(id.to_vec()),
                    _ => None,
                });
                match unknown {
                    Some(id) => unprepared(id.into()),
                    None => ResultMessage::Void.into(),
                }
            }
            _ => Reply::close(),
        }
    });
    let session = connect(address).await;
    let batch = (0..5).fold(Batch::logged(), |batch, number| {
        batch.statement(number.to_string().as_str(), ("ada",))
    });
    session.batch(&batch).await.unwrap();
}

#[tokio::test]
async fn does_not_run_a_statement_whose_id_changed() {
    let prepares = AtomicUsize::new(0);
    let address = start_server(Version::V4, move |request, _| match request {
        Request::Prepare(_) => {
            let ids: [&'static [u8]; 3] = [b"old", b"new", b"new"];
            prepared(ids[prepares.fetch_add(1, Ordering::SeqCst)], &["username"]).into()
        }
        Request::Execute(execute) if *execute.id == *b"old" => {
            unprepared(execute.id.to_vec().into())
        }
        _ => ResultMessage::Void.into(),
    });
    let session = connect(address).await;
    let error = session.execute("INSERT ...", ("ada",)).await.unwrap_err();
    assert!(error.to_string().contains("prepare it again"), "{error}");
    session.execute("INSERT ...", ("ada",)).await.unwrap();
}

#[tokio::test]
async fn prepares_the_same_text_again_after_use() {
    let keyspace = Mutex::new("one");
    let address = start_server(Version::V4, move |request, _| match request {
        Request::Query(_) => {
            *keyspace.lock().unwrap() = "two";
            ResultMessage::SetKeyspace("two".into()).into()
        }
        Request::Prepare(_) if *keyspace.lock().unwrap() == "one" => prepared(b"1", &["a"]).into(),
        Request::Prepare(_) => prepared(b"2", &["a"]).into(),
        Request::Execute(execute) => {
            let id = execute.id[0] - b'0';
            numbers(&[id.into()], None).into()
        }
        _ => Reply::close(),
    });
    let session = connect(address).await;
    let mut seen = Vec::new();
    for statement in ["SELECT ...", "SELECT ...", "USE two", "SELECT ..."] {
        match statement {
            "USE two" => drop(session.execute(statement, ()).await.unwrap()),
            select => {
                let result = session.execute(select, ("ada",)).await.unwrap();
                seen.push(result.one::<i32>().unwrap());
            }
        }
    }
    assert_eq!(seen, [1, 1, 2]);
}

#[tokio::test]
async fn concurrent_requests_prepare_a_text_once() {
    let (session, prepares) = counting_prepares().await;
    let asked = (0..50).map(|_| {
        let session = session.clone();
        tokio::spawn(async move { session.execute("INSERT ...", ("ada",)).await })
    });
    for asked in asked.collect::<Vec<_>>() {
        asked.await.unwrap().unwrap();
    }
    assert_eq!(prepares.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_earlier_attempt_may_have_been_applied() {
    let attempts = AtomicUsize::new(0);
    let address =
        start_server(Version::V4, move |_, _| match attempts.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::close(),
            _ => Reply::response(ServerError::new(ErrorCode::Invalid, "no such table")),
        });
    let session = connect(address).await;
    let insert = Statement::new("INSERT ...").idempotent(true);
    let error = session.execute(insert, ()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server(ErrorCode::Invalid), 2));
    assert!(error.may_have_been_applied());
}

/// The server delays each page, and the caller drops the future of `try_next` in the meantime.
#[tokio::test]
async fn dropping_the_future_of_try_next_loses_no_rows() {
    let (answer, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let address = start_server(Version::V4, move |request, _| {
        let Request::Query(query) = request else { return Reply::close() };
        wait.lock().unwrap().recv().unwrap();
        match query.parameters.paging_state {
            None => numbers(&[1], Some(b"next")).into(),
            Some(_) => numbers(&[2], None).into(),
        }
    });
    let session = connect(address).await;
    let mut rows = session.stream::<i32>("SELECT ...", ());
    let mut seen = Vec::new();
    loop {
        assert!(poll_once(std::pin::pin!(rows.try_next())).await.is_none_or(|row| {
            seen.extend(row.unwrap());
            true
        }));
        if seen.len() == 2 {
            break;
        }
        answer.send(()).unwrap();
        seen.extend(rows.try_next().await.unwrap());
    }
    assert_eq!(seen, [1, 2]);
    assert_eq!(rows.try_next().await.unwrap(), None);
}

#[tokio::test]
async fn a_stream_ends_after_a_row_that_cannot_be_read() {
    let address = start_server(Version::V4, |request, _| {
        let Request::Query(query) = request else { return Reply::close() };
        assert!(query.parameters.paging_state.is_none() || query.parameters.page_size.is_some());
        let mut page = numbers(&[1, 2], Some(b"next"));
        if let ResultMessage::Rows(rows) = &mut page {
            let mut content = rows.content.to_vec();
            content.extend([0xff; 4]); // null
            content.extend([0, 0, 0, 4, 0, 0, 0, 3]);
            rows.content = content.into();
            rows.count = 4;
        }
        page.into()
    });
    let session = connect(address).await;
    let mut rows = session.stream::<i32>("SELECT ...", ());
    assert_eq!(rows.try_next().await.unwrap(), Some(1));
    assert_eq!(rows.try_next().await.unwrap(), Some(2));
    assert_eq!(rows.try_next().await.unwrap_err().kind(), ErrorKind::Read);
    assert_eq!(rows.try_next().await.unwrap(), None);
}

/// The server does not read, so that requests queue up before the socket.
#[tokio::test]
async fn requests_time_out_when_the_server_does_not_read() {
    let address = start_server(Version::V4, |_, _| {
        loop {
            std::thread::park();
        }
    });
    let connection = Connection::connect(address, &ConnectionOptions::default()).await.unwrap();
    let connection = Arc::new(connection);
    let text = "x".repeat(1 << 20);
    let second = Some(Duration::from_secs(1));
    let requests = (0..32).map(|_| {
        let (connection, text) = (Arc::clone(&connection), text.clone());
        tokio::spawn(async move { connection.request(&query(&text), second).await })
    });
    let mut unwritten = 0;
    for request in requests.collect::<Vec<_>>() {
        let error = request.await.unwrap().unwrap_err();
        // The requests time out before a heartbeat closes the connection, after half a minute.
        assert_eq!(error.kind, RequestErrorKind::TimedOut);
        unwritten += usize::from(!error.may_have_been_applied());
    }
    assert!(unwritten > 0, "all requests were written to the socket");
}

#[tokio::test]
async fn dropped_requests_are_counted_as_orphans() {
    let received = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&received);
    let address = start_server(Version::V4, move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Reply::silence()
    });
    let options = ConnectionOptions { max_orphans: 3, ..ConnectionOptions::default() };
    let connection = Connection::connect(address, &options).await.unwrap();
    for number in 1..=4 {
        let request = query("SELECT ...");
        let mut request = Box::pin(connection.request(&request, None));
        assert!(poll_once(request.as_mut()).await.is_none());
        let is_received = async || received.load(Ordering::SeqCst) >= number;
        until("the server receives the request", is_received).await;
    }
    let why = connection.request(&query("SELECT ..."), None).await.unwrap_err();
    assert_eq!(why.kind, RequestErrorKind::Closed(CloseReason::TooManyOrphans(4)));
}

#[tokio::test]
async fn a_stream_fetches_all_pages() {
    let address = start_server(Version::V4, |request, _| {
        let Request::Query(query) = request else { return Reply::close() };
        assert_eq!(query.parameters.page_size, Some(2));
        match query.parameters.paging_state.as_deref() {
            None => numbers(&[1, 2], Some(b"second")).into(),
            Some(b"second") => numbers(&[3, 4], Some(b"third")).into(),
            Some(b"third") => numbers(&[5], None).into(),
            Some(_) => Reply::close(),
        }
    });
    let session = connect(address).await;
    let select = Statement::new("SELECT number FROM users").page_size(2);
    let mut rows = session.stream::<i32>(&select, ());
    let mut seen = Vec::new();
    while let Some(number) = rows.try_next().await.unwrap() {
        seen.push(number);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    assert_eq!(rows.try_next().await.unwrap(), None);
    // The same rows through the `Stream` implementation.
    let odd = session.stream::<i32>(&select, ()).try_filter(|number| ready(number % 2 == 1));
    assert_eq!(odd.try_collect::<Vec<_>>().await.unwrap(), [1, 3, 5]);
    let page = session.execute(&select, ()).await.unwrap();
    assert_eq!(page.paging_state().map(|state| &state[..]), Some(&b"second"[..]));
    assert_eq!(page.first::<i32>().unwrap(), Some(1));
}

/// Executes a statement whose first page has these rows.
async fn first_page(rows: &'static [i32], state: Option<&'static [u8]>) -> QueryResult {
    let address = start_server(Version::V4, move |_, _| numbers(rows, state).into());
    connect(address).await.execute("SELECT number FROM users", ()).await.unwrap()
}

#[tokio::test]
async fn one_requires_exactly_one_row() {
    assert_eq!(first_page(&[7], None).await.one::<i32>().unwrap(), 7);
    for (rows, state, reason) in [
        (&[][..], None, "there are no rows"),
        (&[1, 2], None, "there are 2 rows"),
        (&[], Some(&b"more"[..]), "this page has no rows and more pages follow"),
        (&[1], Some(b"more"), "this page has 1 row and more pages follow"),
    ] {
        let error = first_page(rows, state).await.one::<i32>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RowCount);
        let expected = format!(
            "cannot read the result of SELECT number FROM users: exactly one row is required, but \
             {reason}"
        );
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}

#[tokio::test]
async fn first_refuses_an_empty_page_that_is_not_the_last() {
    assert_eq!(first_page(&[1, 2], Some(b"more")).await.first::<i32>().unwrap(), Some(1));
    assert_eq!(first_page(&[], None).await.first::<i32>().unwrap(), None);
    let error = first_page(&[], Some(b"more")).await.first::<i32>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RowCount);
    assert_eq!(
        error.to_string(),
        "cannot read the result of SELECT number FROM users: this page has no rows and more pages \
         follow; read them with `Session::stream`"
    );
}

#[tokio::test]
async fn errors_of_cells_name_the_statement() {
    let select = "SELECT name FROM users";
    let reply = Reply::rows(["name"], [(None::<&str>,)]);
    let server = MockServer::bind("127.0.0.1:0").await.unwrap().on(select, reply);
    let session = Session::builder().contact_points([server.address()]).connect().await.unwrap();
    let expected = "SELECT name FROM users: cannot read row 0, column 0 \"name\" of type `text`: \
                    the value is null, but the Rust type is not an `Option`";
    let result = session.execute(select, ()).await.unwrap();
    assert_eq!(result.one::<(String,)>().unwrap_err().to_string(), expected);
    assert_eq!(result.first::<(String,)>().unwrap_err().to_string(), expected);
    let error = session.stream::<(String,)>(select, ()).try_next().await.unwrap_err();
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Read, expected.into()));
}

#[tokio::test]
async fn errors_of_columns_name_the_statement() {
    let expected = "cannot read the result of SELECT number FROM users: \
                    the result has 1 column, but the row type reads 2";
    let error = first_page(&[1], None).await.rows::<(i32, i32)>().unwrap_err();
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Read, expected.into()));
    let address = start_server(Version::V4, |_, _| numbers(&[1], None).into());
    let session = connect(address).await;
    let mut rows = session.stream::<(i32, i32)>("SELECT number FROM users", ());
    assert_eq!(rows.try_next().await.unwrap_err().to_string(), expected);
    let batch = Batch::logged().statement("UPDATE t SET v = 1 WHERE k = 1 IF v = 2", ());
    let error = session.batch(&batch).await.unwrap().rows::<(i32, i32)>().unwrap_err();
    assert!(error.to_string().contains("a batch of 1 statement"), "{error}");
}

/// A stream that is polled once and then left alone must not block other requests.
#[tokio::test]
async fn an_idle_stream_does_not_block_other_requests() {
    let (prepare, prepares) = std::sync::mpsc::channel();
    let prepares = Mutex::new(prepares);
    let address = start_server(Version::V4, move |request, _| match request {
        Request::Prepare(_) => {
            prepares.lock().unwrap().recv().unwrap();
            prepared(b"id", &["username"]).into()
        }
        Request::Execute(_) => numbers(&[1], None).into(),
        _ => Reply::close(),
    });
    let session = connect(address).await;
    let mut rows = session.stream::<i32>("SELECT ...", ("ada",));
    assert!(poll_once(std::pin::pin!(rows.try_next())).await.is_none());
    prepare.send(()).unwrap();
    session.execute("SELECT ...", ("ada",)).await.unwrap();
    assert_eq!(rows.try_next().await.unwrap(), Some(1));
}

/// A second stream can resume at the paging state of a failed one.
#[tokio::test]
async fn a_stream_gives_the_paging_state_to_resume_after_an_error() {
    let has_failed = AtomicBool::new(false);
    let address = start_server(Version::V4, move |request, _| {
        let Request::Query(query) = request else { return Reply::close() };
        match query.parameters.paging_state.as_deref() {
            None => numbers(&[1, 2], Some(b"second")).into(),
            Some(b"second") if !has_failed.swap(true, Ordering::SeqCst) => {
                Reply::error(ErrorCode::Invalid, "not now")
            }
            Some(_) => numbers(&[3], None).into(),
        }
    });
    let session = connect(address).await;
    let mut rows = session.stream::<i32>("SELECT ...", ());
    assert_eq!(rows.paging_state(), None);
    let mut seen = vec![rows.try_next().await.unwrap().unwrap()];
    assert_eq!(rows.paging_state(), None, "a row of the page has not been returned yet");
    let error = loop {
        match rows.try_next().await {
            Ok(number) => seen.push(number.unwrap()),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Invalid));
    let rest = Statement::new("SELECT ...").paging_state(rows.paging_state().cloned());
    let mut rest = session.stream::<i32>(rest, ());
    seen.extend(rest.try_next().await.unwrap());
    assert_eq!((seen, rest.try_next().await.unwrap()), (vec![1, 2, 3], None));
    assert_eq!(rest.paging_state(), None);
}

#[tokio::test]
async fn a_batch_binds_the_values_of_its_statements() {
    let address = start_server(Version::V4, |request, _| match request {
        Request::Prepare(_) => prepared(b"id", &["username"]).into(),
        Request::Batch(batch) => {
            let statements: Vec<_> = batch.statements.iter().collect();
            let [text, with_values] = &statements[..] else { return Reply::close() };
            assert_eq!(text.text, BatchText::Text("DELETE ...".into()));
            assert_eq!(with_values.text, BatchText::Prepared(b"id".into()));
            assert_eq!(with_values.values.len(), 1);
            assert_eq!(batch.consistency, Consistency::Quorum);
            ResultMessage::Void.into()
        }
        _ => Reply::close(),
    });
    let batch = Batch::logged()
        .statement("DELETE ...", ())
        .statement("INSERT ...", ("ada",))
        .consistency(Consistency::Quorum);
    connect(address).await.batch(&batch).await.unwrap();
}

#[tokio::test]
async fn a_batch_keeps_the_order_of_its_statements() {
    let ids: [&'static [u8]; 4] = [b"0", b"1", b"2", b"3"];
    let (sent, received) = mpsc::channel();
    let address = start_server(Version::V4, move |request, _| match request {
        Request::Prepare(prepare) => {
            prepared(ids[prepare.text.parse::<usize>().unwrap()], &["username"]).into()
        }
        Request::Batch(batch) => {
            for statement in batch.statements.iter() {
                let text = match statement.text {
                    BatchText::Text(text) => text.into_owned(),
                    BatchText::Prepared(id) => String::from_utf8(id.into_owned()).unwrap(),
                };
                let value = statement.values.iter().next();
                let value = value.and_then(|value| value.value.bytes()).unwrap_or_default();
                sent.send(text + &String::from_utf8_lossy(value)).unwrap();
            }
            ResultMessage::Void.into()
        }
        _ => Reply::close(),
    });
    let session = connect(address).await;
    let [first, second] = ["0", "1"].map(|text| session.prepare(text));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    let batch = Batch::logged()
        .statement("2", ("a",))
        .statement(&first, ("b",))
        .statement(&second, ("c",))
        .statement("DELETE", ())
        .statement(&first, ("d",))
        .statement("3", ("e",))
        .statement(&second, ("f",));
    assert_eq!(
        format!("{batch:?}"),
        r#"Batch { kind: Logged, statements: ["?", "?", "?", "DELETE", "?", "?", "?"], .. }"#
    );
    session.batch(&batch).await.unwrap();
    let expected = ["2a", "0b", "1c", "DELETE", "0d", "3e", "1f"];
    assert_eq!(received.try_iter().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn retries_only_idempotent_statements_on_a_new_connection() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let address = start_server(Version::V4, move |request, _| match request {
        Request::Query(query) if query.text == "break" => Reply::close(),
        Request::Query(query) if query.text == "break once" => {
            match counted.fetch_add(1, Ordering::SeqCst) {
                0 => Reply::close(),
                _ => ResultMessage::Void.into(),
            }
        }
        _ => ResultMessage::Void.into(),
    });
    let session = connect(address).await;
    let error = session.execute("break", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.may_have_been_applied());
    assert_eq!(error.attempts(), 1);
    assert!(error.to_string().ends_with("; it may have been applied"), "{error}");
    session.execute("the session goes on", ()).await.unwrap();
    let idempotent = Statement::new("break once").idempotent(true);
    session.execute(&idempotent, ()).await.unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 2);
    assert_eq!(session.metrics().retries, 1);
}

#[tokio::test]
async fn waits_for_a_server_that_is_still_starting() {
    let starting = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&starting);
    let address = start_frame_server(Version::V4, move |frame| match frame.request {
        // The server refuses the first two connections.
        Request::Options(_) if asked.fetch_add(1, Ordering::SeqCst) < 2 => Some(Reply::close()),
        _ => None,
    });
    let builder = || Session::builder().contact_points([address.to_string()]);
    let error = builder().connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    builder().connect_retry_for(Duration::from_secs(60)).connect().await.unwrap();
    // The connection for requests sends no OPTIONS to the server of the control connection.
    assert_eq!(starting.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn requests_beyond_the_stream_limit_wait() {
    let silenced = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&silenced);
    let address = start_server(Version::V4, move |request, _| match request {
        Request::Query(query) if query.text == "silence" => {
            count.fetch_add(1, Ordering::SeqCst);
            Reply::silence()
        }
        _ => ResultMessage::Void.into(),
    });
    let options = ConnectionOptions { max_in_flight: 4, ..Default::default() };
    let connection = Arc::new(Connection::connect(address, &options).await.unwrap());
    let tasks = (0..5_000).map(|_| {
        let connection = Arc::clone(&connection);
        tokio::spawn(async move { connection.request(&query("SELECT"), None).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    let silent = (0..4).map(|_| {
        let connection = Arc::clone(&connection);
        tokio::spawn(async move { connection.request(&query("silence"), None).await })
    });
    let silent: Vec<_> = silent.collect();
    let are_received = async || silenced.load(Ordering::SeqCst) >= 4;
    until("the server receives four requests", are_received).await;
    let timeout = Some(Duration::from_millis(50));
    let error = connection.request(&query("SELECT"), timeout).await.unwrap_err();
    assert!(!error.may_have_been_applied(), "the request was sent although four are in flight");
    silent.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn an_abandoned_request_keeps_its_stream_until_the_response() {
    let address = start_server(Version::V4, |request, stream| match request {
        Request::Query(query) if query.text == "silence" => Reply::silence(),
        _ => numbers(&[stream.0.into()], None).into(),
    });
    let options = ConnectionOptions { max_in_flight: 2, ..Default::default() };
    let connection = Connection::connect(address, &options).await.unwrap();
    // One request is orphaned, and one is in flight.
    let silent = query("silence");
    drop(send(&connection, &silent).await);
    let _in_flight = send(&connection, &silent).await;
    // Both streams stay in use: the next request waits for a stream and is never sent.
    let ten_ms = Some(Duration::from_millis(10));
    let error = connection.request(&query("SELECT"), ten_ms).await;
    match error {
        Err(error) => {
            assert_eq!(error.kind, RequestErrorKind::TimedOut);
            assert!(!error.may_have_been_applied());
        }
        Ok(answer) => panic!("a stream was used twice: {answer:?}"),
    }
}

/// Sends a request and returns its pending future.
async fn send<'a>(
    connection: &'a Connection,
    request: &'a RequestFrame<'_>,
) -> impl Future<Output: Sized> + use<'a> {
    let before = connection.streams().0;
    let mut pending = Box::pin(async move { connection.request(request, None).await });
    assert!(poll_once(pending.as_mut()).await.is_none());
    until("the request has a stream", async || connection.streams().0 > before).await;
    pending
}

/// Polls a future once, and then yields to the task that owns the socket.
async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    let polled = std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match future.as_mut().poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    });
    let output = polled.await;
    tokio::task::yield_now().await;
    output
}

#[tokio::test]
async fn too_many_orphans_close_the_connection() {
    let address = start_server(Version::V4, |_, _| Reply::silence());
    let options = ConnectionOptions { max_orphans: 3, ..Default::default() };
    let connection = Connection::connect(address, &options).await.unwrap();
    let silent = query("silence");
    for _ in 0..3 {
        drop(send(&connection, &silent).await);
    }
    let last = send(&connection, &silent).await;
    assert_eq!(connection.close_reason(), None);
    drop(last);
    connection.wait_closed().await;
    let error = connection.request(&silent, None).await.unwrap_err();
    let why = CloseReason::TooManyOrphans(4);
    assert_eq!(error.kind, RequestErrorKind::Closed(why.clone()));
    assert!(!error.may_have_been_applied());
    assert_eq!(connection.close_reason(), Some(&why));
}

#[tokio::test]
async fn compresses_long_requests_and_responses() {
    let address = start_server(Version::V4, |_, _| numbers(&[7; 10_000], None).into());
    let options = ConnectionOptions { compression: Some(Compression::Lz4), ..Default::default() };
    let connection = Connection::connect(address, &options).await.unwrap();
    let text = format!("SELECT number FROM users -- {}", "x".repeat(50_000));
    connection.request(&query(&text), None).await.unwrap();
    let (sent, received) = connection.traffic();
    assert!(sent < 5_000 && received < 5_000, "{sent} {received}");
}

#[tokio::test]
async fn reads_types_nested_60_deep_and_names_the_limit_beyond_128() {
    let nested = |depth: usize| {
        let int = CqlType::from(NativeType::Int);
        (1..depth).fold(int, |inner, _| CqlType::List(Box::new(inner)))
    };
    let reply = |depth| Reply::rows([("v", nested(depth))], [(None::<Value>,)]);
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let server = server.on("SELECT 60", reply(60)).on("SELECT 129", reply(129));
    let address = server.address().to_string();
    let session = Session::builder().contact_points([address]).connect().await.unwrap();
    let result = session.execute("SELECT 60", ()).await.unwrap();
    assert_eq!(result.one::<(Option<Value>,)>().unwrap(), (None,));
    let error = session.execute("SELECT 129", ()).await.unwrap_err();
    assert!(error.to_string().contains("deeper than the limit of 128 levels"), "{error}");
}
