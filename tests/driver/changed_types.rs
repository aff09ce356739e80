//! Statements whose bind variables change after they were prepared, because the schema was altered.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use cqlwire::message::{
    BatchText, ErrorCode, ErrorDetails, Event, PreparedResult, Request, ResultMessage, Rows,
    RowsMetadata, SchemaChange, SchemaChangeKind, SchemaTarget, ServerError, Variables,
};
use cqlwire::session::{Batch, ErrorKind, PreparedStatement, Session, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{ColumnSpec, CqlType, NativeType, Time, ToValues, UdtType, Value, Values};

use crate::mock_nodes::{connect, session_builder, start_nodes};
use crate::wait::until;

/// The id of the statement, before and after the change.
const ID: Bytes = Bytes::from_static(b"the same");

fn statement_of(cql_type: impl Into<CqlType>) -> ResultMessage {
    ResultMessage::Prepared(PreparedResult {
        id: ID,
        result_metadata_id: None,
        variables: Variables {
            columns: [ColumnSpec::new("ks", "t", "v", cql_type)].into(),
            partition_key: vec![],
            other_flags: Default::default(),
        },
        result: RowsMetadata::none(),
    })
}

fn table_change() -> SchemaChange {
    let (keyspace, table) = ("ks".to_owned(), "t".to_owned());
    let target = SchemaTarget::Table { keyspace, table };
    SchemaChange { kind: SchemaChangeKind::Updated, target }
}

/// Returns the type `ks.grown` with these fields of type `int`.
fn udt(names: &[&str]) -> CqlType {
    let fields = names.iter().map(|name| ((*name).to_owned(), NativeType::Int.into()));
    let (keyspace, name) = ("ks".to_owned(), "grown".to_owned());
    CqlType::Udt(Arc::new(UdtType { keyspace, name, fields: fields.collect() }))
}

/// Returns page `number` of four, with the number as its only cell. The paging state of the next page is
/// its number.
fn page_of_one_row(number: u8) -> Rows {
    let mut metadata = RowsMetadata::new(vec![ColumnSpec::new("ks", "t", "n", NativeType::Int)]);
    metadata.paging_state = (number < 3).then(|| Bytes::from(vec![number + 1]));
    let content = Bytes::from(vec![0, 0, 0, 4, 0, 0, 0, number]);
    Rows { metadata, count: 1, content }
}

fn udt_value(cql_type: &CqlType, literal: &str) -> Value {
    Value::parse(cql_type, literal).unwrap()
}

/// A node on which the type of the statement's variable changes once.
struct Altered {
    servers: Vec<MockServer>,
    is_altered: Arc<AtomicBool>,
    prepares: Arc<AtomicUsize>,
    /// The values of the requests that the node has executed.
    values: Arc<Mutex<Vec<Option<Vec<u8>>>>>,
}

impl Altered {
    /// If `evicts`, the node evicts the statement when the type changes, as Cassandra does after
    /// ALTER TABLE. Otherwise, the server does not report the change.
    async fn new(before: impl Into<CqlType>, after: impl Into<CqlType>, evicts: bool) -> Self {
        let is_altered = Arc::new(AtomicBool::new(false));
        let prepares = Arc::new(AtomicUsize::new(0));
        let is_known = AtomicBool::new(false);
        let (before, after) = (before.into(), after.into());
        let (altered, counted) = (Arc::clone(&is_altered), Arc::clone(&prepares));
        let values = Arc::new(Mutex::new(Vec::new()));
        let executed = Arc::clone(&values);
        let servers = start_nodes(1, move |_, frame| {
            let is_altered = altered.load(Ordering::SeqCst);
            match &frame.request {
                Request::Prepare(_) => {
                    counted.fetch_add(1, Ordering::SeqCst);
                    is_known.store(is_altered, Ordering::SeqCst);
                    statement_of(if is_altered { after.clone() } else { before.clone() }).into()
                }
                Request::Execute(_) | Request::Batch(_)
                    if evicts && is_altered && !is_known.load(Ordering::SeqCst) =>
                {
                    Reply::response(ServerError {
                        code: ErrorCode::Unprepared,
                        message: "unknown statement".to_owned(),
                        details: ErrorDetails::Unprepared { id: ID },
                    })
                }
                Request::Execute(execute) => {
                    executed.lock().unwrap().extend(bytes_of(&execute.parameters.values));
                    Reply::void()
                }
                Request::Batch(batch) => {
                    let first = batch.statements.iter().next().unwrap();
                    executed.lock().unwrap().extend(bytes_of(&first.values));
                    Reply::void()
                }
                Request::Query(query) if query.text.starts_with("ALTER") => {
                    Reply::response(ResultMessage::SchemaChange(table_change()))
                }
                _ => Reply::void(),
            }
        })
        .await;
        Self { servers, is_altered, prepares, values }
    }

    async fn connect(&self) -> Session {
        connect(session_builder(&self.servers), 1).await
    }

    fn alter(&self) {
        self.is_altered.store(true, Ordering::SeqCst);
    }

    fn last_value(&self) -> Option<Vec<u8>> {
        self.values.lock().unwrap().last().cloned().flatten()
    }

    fn prepares(&self) -> usize {
        self.prepares.load(Ordering::SeqCst)
    }
}

fn bytes_of(values: &Values<'_>) -> Vec<Option<Vec<u8>>> {
    values.iter().map(|value| value.value.bytes().map(<[u8]>::to_vec)).collect()
}

/// The ways to execute a statement.
#[derive(Debug, Clone, Copy)]
enum Way {
    Text,
    Handle,
    BatchOfText,
    BatchOfHandle,
    StreamOfText,
    StreamOfHandle,
}

const WAYS: [Way; 6] = [
    Way::Text,
    Way::Handle,
    Way::BatchOfText,
    Way::BatchOfHandle,
    Way::StreamOfText,
    Way::StreamOfHandle,
];

async fn execute(
    session: &Session,
    way: Way,
    handle: &PreparedStatement,
    values: impl ToValues + Send + Sync,
) -> Result<(), cqlwire::session::Error> {
    let statement = match way {
        Way::Text | Way::BatchOfText | Way::StreamOfText => Statement::new(handle.text()),
        Way::Handle | Way::BatchOfHandle | Way::StreamOfHandle => handle.into(),
    };
    match way {
        Way::Text | Way::Handle => session.execute(statement, values).await.map(drop),
        Way::BatchOfText | Way::BatchOfHandle => {
            session.batch(Batch::unlogged().statement(statement, values)).await.map(drop)
        }
        Way::StreamOfText | Way::StreamOfHandle => {
            session.stream::<(i32,)>(statement, values).next_page().await.map(drop)
        }
    }
}

#[tokio::test]
async fn a_statement_takes_values_of_the_new_type_after_its_type_was_altered() {
    let (small, large) = (udt(&["a"]), udt(&["a", "b"]));
    let changes = [
        (small.clone(), large.clone(), "{a: 1}", "{a: 1, b: 2}"),
        (NativeType::Int.into(), NativeType::Text.into(), "1", "'one'"),
    ];
    for (before, after, old, new) in changes {
        for (way, evicts) in WAYS.into_iter().flat_map(|way| [(way, false), (way, true)]) {
            let altered = Altered::new(before.clone(), after.clone(), evicts).await;
            let session = altered.connect().await;
            let insert = session.prepare("INSERT ...").await.unwrap();
            execute(&session, way, &insert, (udt_value(&before, old),)).await.unwrap();
            altered.alter();
            for _ in 0..2 {
                let result = execute(&session, way, &insert, (udt_value(&after, new),)).await;
                result.unwrap_or_else(|error| panic!("{way:?}, evicts: {evicts}: {error}"));
            }
            assert_eq!(altered.prepares(), 2, "{way:?}, evicts: {evicts}");
        }
    }
}

/// The values of a request are encoded before the server reports that it has evicted the statement.
#[tokio::test]
async fn values_are_encoded_again_when_the_type_changes_while_the_request_runs() {
    for way in WAYS {
        let altered = Altered::new(NativeType::Ascii, NativeType::Text, true).await;
        let session = altered.connect().await;
        let insert = session.prepare("INSERT ...").await.unwrap();
        execute(&session, way, &insert, ("old",)).await.unwrap();
        altered.alter();
        execute(&session, way, &insert, ("new",)).await.unwrap();
        assert_eq!(altered.last_value().as_deref(), Some(&b"new"[..]));
        assert_eq!(altered.prepares(), 2, "{way:?}");
    }
}

/// The values of a batch are encoded when they are added. A user-defined type whose fields change their
/// order does not accept them.
#[tokio::test]
async fn a_batch_can_be_executed_again_after_a_type_was_altered() {
    let (before, after) = (udt(&["a", "b"]), udt(&["b", "a", "c"]));
    let starts_with = |value: Option<Vec<u8>>, fields: [i32; 2]| {
        let fields = fields.into_iter().flat_map(|field| [[0, 0, 0, 4], field.to_be_bytes()]);
        value.unwrap().starts_with(&fields.flatten().collect::<Vec<_>>())
    };
    for evicts in [false, true] {
        let altered = Altered::new(before.clone(), after.clone(), evicts).await;
        let session = altered.connect().await;
        let insert = session.prepare("INSERT ...").await.unwrap();
        let batch = Batch::unlogged().statement(&insert, (udt_value(&before, "{a: 1, b: 2}"),));
        session.batch(&batch).await.unwrap();
        assert!(starts_with(altered.last_value(), [1, 2]));
        altered.alter();
        if !evicts {
            // The session learns of the new type from values that do not fit the old one.
            let value = udt_value(&after, "{b: 2, a: 1, c: 3}");
            session.execute(&insert, (value,)).await.unwrap();
        }
        for _ in 0..2 {
            session.batch(&batch).await.unwrap();
            assert!(starts_with(altered.last_value(), [2, 1]), "evicts: {evicts}");
        }
        assert_eq!(altered.prepares(), 2);
    }
}

/// A server evicts both statements of a batch, one after the other, after the type of both has changed.
#[tokio::test]
async fn a_batch_follows_the_changes_of_several_statements() {
    let types = [udt(&["a", "b"]), udt(&["b", "a"])];
    let (is_altered, executed) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
    let (altered, seen) = (Arc::clone(&is_altered), Arc::clone(&executed));
    let known = Mutex::new(Vec::new());
    let servers = start_nodes(1, move |_, frame| match &frame.request {
        Request::Prepare(prepare) => {
            let is_altered = altered.load(Ordering::SeqCst);
            if is_altered {
                known.lock().unwrap().push(prepare.text.to_string());
            }
            let id = Bytes::copy_from_slice(prepare.text.as_bytes());
            match statement_of(types[usize::from(is_altered)].clone()) {
                ResultMessage::Prepared(prepared) => {
                    ResultMessage::Prepared(PreparedResult { id, ..prepared }).into()
                }
                other => other.into(),
            }
        }
        Request::Batch(batch) => {
            let is_known = |id: &[u8]| {
                !altered.load(Ordering::SeqCst)
                    || known.lock().unwrap().iter().any(|known| known.as_bytes() == id)
            };
            let unknown = batch.statements.iter().find_map(|statement| match statement.text {
                BatchText::Prepared(id) if !is_known(&id) => Some(id.into_owned()),
                _ => None,
            });
            match unknown {
                Some(id) => Reply::response(ServerError {
                    code: ErrorCode::Unprepared,
                    message: "unknown statement".to_owned(),
                    details: ErrorDetails::Unprepared { id: id.into() },
                }),
                None => {
                    let values = batch.statements.iter().flat_map(|each| bytes_of(&each.values));
                    *seen.lock().unwrap() = Some(values.collect::<Vec<_>>());
                    Reply::void()
                }
            }
        }
        _ => Reply::void(),
    })
    .await;
    let session = connect(session_builder(&servers), 1).await;
    let [first, second] = ["INSERT 1", "INSERT 2"].map(|text| session.prepare(text));
    let value = || (udt_value(&udt(&["a", "b"]), "{a: 1, b: 2}"),);
    let batch = Batch::unlogged()
        .statement(first.await.unwrap(), value())
        .statement(second.await.unwrap(), value());
    is_altered.store(true, Ordering::SeqCst);
    session.batch(&batch).await.unwrap();
    let fields = [2_i32, 1].map(|field| [[0, 0, 0, 4], field.to_be_bytes()]);
    let expected = Some(fields.concat().concat());
    assert_eq!(*executed.lock().unwrap(), Some(vec![expected.clone(), expected]));
}

/// The statement is evicted twice while a stream reads its four pages, each time with another type of
/// its variable.
#[tokio::test]
async fn a_stream_encodes_its_values_again_when_the_type_changes_between_pages() {
    let types = [NativeType::Ascii, NativeType::Text, NativeType::Ascii];
    let (prepares, executed) = (AtomicUsize::new(0), Arc::new(Mutex::new(Vec::new())));
    let (seen, known) = (Arc::clone(&executed), AtomicUsize::new(0));
    let servers = start_nodes(1, move |_, frame| match &frame.request {
        Request::Prepare(_) => {
            let number = prepares.fetch_add(1, Ordering::SeqCst);
            known.store(number, Ordering::SeqCst);
            statement_of(types[number]).into()
        }
        Request::Execute(execute) => {
            let page = execute.parameters.paging_state.as_ref().map_or(0, |state| state[0]);
            if page.min(2) > known.load(Ordering::SeqCst) as u8 {
                return Reply::error(ErrorCode::Unprepared, "evicted");
            }
            seen.lock().unwrap().push(page);
            Reply::response(ResultMessage::Rows(page_of_one_row(page)))
        }
        _ => Reply::void(),
    })
    .await;
    let session = connect(session_builder(&servers), 1).await;
    let mut numbers = session.stream::<i32>("SELECT n FROM t WHERE v = ?", ("v",));
    for page in 0..4 {
        assert_eq!(numbers.try_next().await.unwrap(), Some(page));
    }
    assert_eq!(numbers.try_next().await.unwrap(), None);
    assert_eq!(*executed.lock().unwrap(), [0, 1, 2, 3]);
}

/// A table that was dropped and created again can have the same statement id with other types. Values
/// encoded for the old types must not be sent.
#[tokio::test]
async fn values_that_do_not_fit_the_new_type_fail_once_and_are_not_sent() {
    for way in WAYS {
        let altered = Altered::new(NativeType::Int, NativeType::Float, true).await;
        let session = altered.connect().await;
        let insert = session.prepare("INSERT ...").await.unwrap();
        altered.alter();
        let error = execute(&session, way, &insert, (1,)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StatementChanged, "{way:?}: {error}");
        assert!(error.to_string().contains("use `f32` for `float`"), "{error}");
        assert!(!error.may_have_been_applied());
        execute(&session, way, &insert, (1.5_f32,)).await.unwrap();
        assert_eq!(insert.variables()[0].cql_type, NativeType::Float.into());
        assert_eq!(altered.prepares(), 2);
        let executed = altered.values.lock().unwrap();
        assert_eq!(*executed, [Some(1.5_f32.to_be_bytes().to_vec())]);
    }
}

#[tokio::test]
async fn an_invalid_value_does_not_prepare_the_statement_again() {
    let prepares = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&prepares);
    let servers = start_nodes(1, move |_, frame| match &frame.request {
        Request::Prepare(_) => {
            counted.fetch_add(1, Ordering::SeqCst);
            statement_of(NativeType::Time).into()
        }
        _ => Reply::void(),
    })
    .await;
    let session = connect(session_builder(&servers), 1).await;
    for _ in 0..3 {
        let error = session.execute("INSERT ...", (Time(-1),)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Bind);
    }
    session.execute("INSERT ...", (Time(1),)).await.unwrap();
    assert_eq!(prepares.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn accepts_old_values_after_a_user_defined_type_gained_a_field() {
    let (before, after) = (udt(&["a"]), udt(&["a", "b"]));
    let was_forgotten = AtomicUsize::new(0);
    let servers = start_nodes(1, move |_, frame| match &frame.request {
        Request::Prepare(_) => {
            let is_first = was_forgotten.load(Ordering::SeqCst) == 0;
            statement_of(if is_first { before.clone() } else { after.clone() }).into()
        }
        Request::Execute(_) if was_forgotten.fetch_add(1, Ordering::SeqCst) == 0 => {
            Reply::error(ErrorCode::Unprepared, "never heard of it")
        }
        _ => Reply::void(),
    })
    .await;
    let session = connect(session_builder(&servers), 1).await;
    let insert = session.prepare("INSERT ...").await.unwrap();
    let value = Value::parse(&insert.variables()[0].cql_type, "{a: 1}").unwrap();
    session.execute(&insert, (value,)).await.unwrap();
}

#[tokio::test]
async fn values_that_never_fit_prepare_the_statement_again_at_most_every_5_seconds() {
    for way in WAYS {
        let altered = Altered::new(NativeType::Int, NativeType::Text, false).await;
        let session = altered.connect().await;
        let insert = session.prepare("INSERT ...").await.unwrap();
        let begin = Instant::now();
        for _ in 0..10 {
            let error = execute(&session, way, &insert, ("one",)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Bind, "{way:?}: {error}");
            let error = execute(&session, way, &insert, (1, 2)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Bind, "{way:?}: {error}");
        }
        // On a slow machine, 20 requests may take longer than 5 s.
        let expired = begin.elapsed().as_secs() as usize / 5;
        let prepares = altered.prepares();
        assert!((2..=2 + expired).contains(&prepares), "{way:?}: {prepares}, {expired}");
        execute(&session, way, &insert, (1,)).await.unwrap();
        // The session has altered the type itself, so that it asks for the description at once.
        altered.alter();
        session.execute("ALTER TABLE t ...", ()).await.unwrap();
        execute(&session, way, &insert, ("one",)).await.unwrap();
        assert_eq!(altered.prepares(), prepares + 1, "{way:?}");
    }
}

#[tokio::test]
async fn an_event_about_the_schema_ends_the_confirmation_of_the_types() {
    for way in WAYS {
        let altered = Altered::new(NativeType::Int, NativeType::Text, false).await;
        let session = altered.connect().await;
        let insert = session.prepare("INSERT ...").await.unwrap();
        execute(&session, way, &insert, ("one",)).await.unwrap_err();
        let mut events = session.events();
        altered.alter();
        altered.servers[0].emit(Event::Schema(table_change()));
        events.next().await.unwrap();
        execute(&session, way, &insert, ("one",)).await.unwrap();
        assert_eq!(altered.prepares(), 3, "{way:?}");
    }
}

/// The server describes the old type, and its response arrives after the type was altered. Requests that
/// begin before the response arrives must not take the old type for the current one.
#[tokio::test]
async fn a_prepare_that_was_sent_before_the_type_was_altered_does_not_refuse_the_new_type() {
    for way in WAYS {
        let is_altered = Arc::new(AtomicBool::new(false));
        let is_released = Arc::new(AtomicBool::new(false));
        let prepares = Arc::new(AtomicUsize::new(0));
        let (altered, released, counted) =
            (Arc::clone(&is_altered), Arc::clone(&is_released), Arc::clone(&prepares));
        let servers = start_nodes(1, move |_, frame| {
            let is_altered = altered.load(Ordering::SeqCst);
            match &frame.request {
                Request::Prepare(_) => {
                    let cql_type = if is_altered { NativeType::Text } else { NativeType::Int };
                    let described = Reply::from(statement_of(cql_type));
                    let released = Arc::clone(&released);
                    match counted.fetch_add(1, Ordering::SeqCst) {
                        1 => described.when(move || released.load(Ordering::SeqCst)),
                        _ => described,
                    }
                }
                Request::Query(query) if query.text.starts_with("ALTER") => {
                    altered.store(true, Ordering::SeqCst);
                    ResultMessage::SchemaChange(table_change()).into()
                }
                _ => Reply::void(),
            }
        })
        .await;
        let session = connect(session_builder(&servers), 1).await;
        let insert = session.prepare("INSERT ...").await.unwrap();
        let before = async { execute(&session, way, &insert, (1, 2)).await.unwrap_err() };
        let after = async {
            let sent = async || prepares.load(Ordering::SeqCst) == 2;
            until("the statement is being prepared again", sent).await;
            session.execute("ALTER TABLE t ...", ()).await.unwrap();
            let release = async {
                // The other request waits for the response too.
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                is_released.store(true, Ordering::SeqCst);
            };
            let (outcome, ()) = tokio::join!(execute(&session, way, &insert, ("one",)), release);
            outcome.unwrap_or_else(|error| panic!("{way:?}: {error}"));
        };
        let (error, ()) = tokio::join!(before, after);
        assert_eq!(error.kind(), ErrorKind::Bind, "{way:?}: {error}");
        // The confirmation of the old type does not hold for the new one.
        execute(&session, way, &insert, ("one",)).await.unwrap();
    }
}
