//! Literals and passwords in the text of statements: none of them appears in errors, `Debug` texts, spans,
//! events or retry policies.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cqlwire::message::{ErrorCode, Request, ResponseFrame, ResultMessage, Rows, RowsMetadata};
use cqlwire::session::{
    Batch, Error, FailedAttempt, RetryDecision, RetryPolicy, Session, Statement,
};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{ColumnSpec, NativeType};
use cqlwire::wire::{Context, FrameEncoder, Stream, Version};

use crate::cluster::prepared;
use crate::mock_nodes::{connect, session_builder, start_nodes};
use crate::spans::RecordingSubscriber;

/// A part of every literal below. It must appear in no text.
const CANARY: &str = "c4nary";

/// Texts that may set a password. Messages of the server about them are withheld.
const PASSWORDS: &[&str] = &[
    "CREATE ROLE ada WITH PASSWORD = 'c4nary' AND LOGIN = true",
    "alter user ada with hashed\npassword='c4nary'",
    "/* c4nary */ CREATE ROLE IF NOT EXISTS ada WITH PASSWORD = 'c4nary'",
    "-- who\nALTER/**/ROLE ada WITH PASSWORD = $$c4nary$$",
    "CREATE ROEL ada WITH PASSWORD = 'c4nary'",
    "CRAETE ROLE ada WITH PASSWORD = 'c4nary'",
    "CREATE ROLE ada WITH PASWORD = 'c4nary'",
    "CREATE ROLE ada WITH PASSWORD = c4nary",
    "CREATE ROLE ada WITH PASSWORD = \"c4nary\"",
    "CREATE ROLE ada WITH PASSWORD = 'it's c4nary'",
    "CREATE USER ada WITH PASSWORD 'c4nary",
    "BEGIN BATCH INSERT INTO t (a) VALUES (1); CREATE ROLE ada WITH PASSWORD = 'c4nary'; APPLY BATCH",
    "BEGIN BATCH ALTER ROEL ada WITH PASSWORD = 'c4nary'; APPLY BATCH",
    "ALTER ROLE ada WITH OPTIONS = {'password': 'c4nary'}",
];

/// Other texts, with literals that may be secrets.
const LITERALS: &[&str] = &[
    "INSERT INTO users (username, password) VALUES ('ada', 'c4nary')",
    "UPDATE users SET password = $$c4nary$$ WHERE username = 'ada' -- c4nary",
    "INSERT INTO t (m) VALUES ({'c4nary': ['c4nary']})",
    "INSERT INTO t JSON '{\"a\": \"c4nary\"}'",
    "INSERT INTO t (a) VALUES ('it's c4nary')",
    "SELECT * FROM t WHERE a = 'c4nary",
    "SELCT 'c4nary'",
];

/// A retry policy that retries once, and records what it sees.
#[derive(Debug, Clone, Default)]
struct RecordingPolicy(Arc<Mutex<Vec<String>>>);

impl RetryPolicy for RecordingPolicy {
    fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision {
        self.0.lock().unwrap().push(format!("{failed:?} {failed:#?}"));
        if failed.attempts == 1 { RetryDecision::SAME_NODE } else { RetryDecision::Fail }
    }
}

/// The replies of the server to all statements.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// The server repeats the whole statement in its error.
    Echo(ErrorCode),
    Error(ErrorCode),
    Success,
    /// A row and two warnings that repeat a literal.
    Row,
}

async fn start_server(answer: Answer) -> Vec<MockServer> {
    start_nodes(1, move |_, frame| {
        let text = match &frame.request {
            Request::Query(query) => query.text.to_string(),
            Request::Prepare(prepare) => prepare.text.to_string(),
            request => format!("{request:?}"),
        };
        match answer {
            Answer::Echo(code) => {
                Reply::error(code, &format!("line 1:7 no viable alternative at input '{text}'"))
            }
            Answer::Error(code) => Reply::error(code, "it failed"),
            Answer::Success if matches!(frame.request, Request::Prepare(_)) => prepared().into(),
            Answer::Success => Reply::void(),
            Answer::Row => Reply::bytes(row_with_warnings(frame.stream)),
        }
    })
    .await
}

/// Returns a frame with a row and two warnings, all of which contain the canary.
fn row_with_warnings(stream: Stream) -> Vec<u8> {
    let mut metadata = RowsMetadata::new(vec![ColumnSpec::new("ks", "t", "a", NativeType::Text)]);
    metadata.paging_state = Some(Bytes::from_static(CANARY.as_bytes()));
    let content = [&[0, 0, 0, 6], CANARY.as_bytes()].concat().into();
    let rows = ResultMessage::Rows(Rows { metadata, count: 1, content });
    let warning =
        "Read 0 live rows and 1001 tombstone cells for query SELECT * FROM t WHERE k = c4nary";
    let frame =
        ResponseFrame { warnings: vec![warning.to_owned(); 2], ..ResponseFrame::new(stream, rows) };
    let mut out = Vec::new();
    frame.encode(&mut FrameEncoder::new(Context::from(Version::V4)), &mut out).unwrap();
    out
}

/// The texts that a program may print or log.
#[derive(Default)]
struct Outlets(Vec<(&'static str, String)>);

impl Outlets {
    fn debug(&mut self, outlet: &'static str, value: &impl std::fmt::Debug) {
        self.0.push((outlet, format!("{value:?}")));
        self.0.push((outlet, format!("{value:#?}")));
    }

    fn error(&mut self, outlet: &'static str, error: &Error) {
        self.0.push((outlet, error.to_string()));
        self.debug(outlet, error);
        self.debug(outlet, &error.history());
    }

    /// Executes `text` in every way, and collects what it prints.
    async fn execute(&mut self, session: &Session, text: &str) {
        self.debug("Statement", &Statement::new(text).idempotent(true));
        let idempotent = || Statement::new(text).idempotent(true);
        let with_marker = format!("{text} ?");
        match session.execute(idempotent(), ()).await {
            Ok(result) => self.debug("QueryResult", &result),
            Err(error) => self.error("Session::execute", &error),
        }
        if let Err(error) = session.execute(with_marker.as_str(), (1,)).await {
            self.error("Session::execute with values", &error);
        }
        if let Err(error) = session.stream::<i32>(text, ()).try_next().await {
            self.error("Session::stream", &error);
        }
        let mut batch = Batch::unlogged().statement(text, ());
        match session.prepare(with_marker.as_str()).await {
            Ok(prepared) => {
                self.debug("PreparedStatement", &prepared);
                if let Err(error) = session.execute(&prepared, ()).await {
                    self.error("Session::execute, prepared", &error);
                }
                batch = batch.statement(&prepared, (1,));
            }
            Err(error) => self.error("Session::prepare", &error),
        }
        self.debug("Batch", &batch);
        if let Err(error) = session.batch(&batch).await {
            self.error("Session::batch", &error);
        }
    }
}

/// Executes each text in every way on a server with each answer, and checks every outlet.
async fn require_no_canary(texts: &[&str], answers: &[Answer]) {
    for answer in answers {
        let servers = start_server(*answer).await;
        for text in texts {
            let (subscriber, _guard) = RecordingSubscriber::install();
            let policy = RecordingPolicy::default();
            let builder = session_builder(&servers).retry_policy(policy.clone());
            let session = connect(builder, 1).await;
            let mut outlets = Outlets::default();
            outlets.execute(&session, text).await;
            outlets.debug("Session", &session);
            outlets.0.push(("spans and events", format!("{subscriber:?}")));
            outlets.0.push(("RetryPolicy", policy.0.lock().unwrap().join("\n")));
            for (outlet, shown) in &outlets.0 {
                assert!(!shown.contains(CANARY), "{outlet}, {answer:?}: {shown}");
            }
            assert!(outlets.0.len() > 15, "{}", outlets.0.len());
            let is_prepared = outlets.0.iter().any(|(outlet, _)| *outlet == "PreparedStatement");
            assert_eq!(is_prepared, matches!(answer, Answer::Success));
        }
    }
}

#[tokio::test]
async fn no_outlet_shows_a_password_or_a_message_about_it() {
    let answers = [
        Answer::Echo(ErrorCode::Syntax),
        Answer::Echo(ErrorCode::Invalid),
        Answer::Echo(ErrorCode::Overloaded),
        Answer::Success,
    ];
    require_no_canary(PASSWORDS, &answers).await;
}

#[tokio::test]
async fn no_outlet_shows_a_literal() {
    let answers =
        [Answer::Error(ErrorCode::Syntax), Answer::Error(ErrorCode::Overloaded), Answer::Success];
    require_no_canary(LITERALS, &answers).await;
}

#[tokio::test]
async fn rows_and_warnings_are_counted_and_not_shown() {
    require_no_canary(&["SELECT a FROM t", "SELECT a FROM t WHERE k = 'c4nary'"], &[Answer::Row])
        .await;
    let (subscriber, _guard) = RecordingSubscriber::install();
    let servers = start_server(Answer::Row).await;
    let session = connect(session_builder(&servers), 1).await;
    let result = session.execute("SELECT a FROM t WHERE k = 'x'", ()).await.unwrap();
    assert_eq!(result.warnings().len(), 2);
    let expected = format!(
        "QueryResult {{ rows: 1, has_more_pages: true, warnings: 2, coordinator: {}, .. }}",
        servers[0].address()
    );
    assert_eq!(format!("{result:?}"), expected);
    let warning = subscriber.event("server sent warnings");
    assert_eq!((&*warning["count"], &*warning["statement"]), ("2", "SELECT a FROM t WHERE k = ?"));
}

#[tokio::test]
async fn a_message_about_a_role_is_available_only_in_the_server_error() {
    let servers = start_server(Answer::Echo(ErrorCode::Syntax)).await;
    let session = connect(session_builder(&servers), 1).await;
    let error = session.execute("CREATE ROEL ada WITH PASSWORD = 'x'", ()).await.unwrap_err();
    let address = servers[0].address();
    let expected = format!(
        "CREATE ROEL ... failed at LOCAL_ONE on {address}: syntax error: message withheld, because the \
         statement may set a password"
    );
    assert_eq!(error.to_string(), expected);
    assert!(error.server_error().unwrap().message.contains("PASSWORD = 'x'"));
    let error = session.execute("SELECT * FORM t", ()).await.unwrap_err();
    assert!(error.to_string().contains("no viable alternative"), "{error}");
}
