//! The session under test: one conversation that uses each kind of request and response.

use std::{fmt::Debug, time::Duration};

use cqlwire::{
    message::{Event, TopologyChange},
    session::{Batch, Error, QueryResult, Session, SessionBuilder, Statement},
    testing::{MockCluster, MockServer},
    types::Value,
};
use tokio::time::{sleep, timeout};

use crate::setup::Setup;

/// The longest body of a response, in bytes.
pub(crate) const MAX_BODY: usize = 4 << 20;

/// The user of the sessions.
pub(crate) const USER: &str = "ada";

/// The password of the user and a bound value, which no text may show.
pub(crate) const SECRETS: [&str; 2] = ["pa55-of-ada", "bound-5ecret"];

/// The timeout of each request.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Time after its timeout within which a request must end.
const SLACK: Duration = Duration::from_millis(200);

/// Time within which a request must end.
pub(crate) const REQUEST: Duration = TIMEOUT.saturating_add(SLACK);

/// Time within which `connect` must end. It tries both nodes with up to three versions, and a handshake
/// takes up to 5 seconds.
pub(crate) const CONNECT: Duration = Duration::from_secs(40);

/// Time that a change of the schema adds: waiting for agreement, and reading the schema.
const SCHEMA: Duration = Duration::from_secs(30);

/// Number of pages that are read at most.
const PAGES: usize = 20;

/// Time after which an idle connection has sent a heartbeat.
const IDLE: Duration = Duration::from_secs(32);

/// The keyspace and the tables that sessions without lies create.
pub(crate) const TABLES: &[&str] = &[
    "CREATE KEYSPACE hostile WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 2}",
    "CREATE TYPE hostile.pair (a int, b text)",
    "CREATE TABLE hostile.t (k int PRIMARY KEY, v text, l list<int>, m map<text, frozen<list<int>>>, \
     u frozen<pair>, n tuple<int, text>, f vector<float, 3>)",
    "CREATE TABLE hostile.p (k int, c int, v text, PRIMARY KEY (k, c))",
    "INSERT INTO hostile.t (k, v, l, m, u, n, f) VALUES (1, 'one', [1, 2], {'a': [3], 'b': []}, \
     {a: 4, b: 'five'}, (6, 'seven'), [8, 9, 10])",
    "INSERT INTO hostile.p (k, c, v) VALUES (1, 1, 'a')",
    "INSERT INTO hostile.p (k, c, v) VALUES (1, 2, 'b')",
    "INSERT INTO hostile.p (k, c, v) VALUES (1, 3, 'c')",
];

/// The text of a read that any session can make.
pub(crate) const READ: &str = "SELECT v FROM hostile.t WHERE k = 1";

/// The result of a conversation.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) broken: Vec<String>,
    /// Number of calls that failed.
    pub(crate) failed: u64,
}

impl Findings {
    /// Waits for a call, which must end within `limit`. Returns `None` if it fails.
    pub(crate) async fn call<T>(
        &mut self,
        name: &str,
        limit: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Option<T> {
        match timeout(limit, call).await {
            Ok(Ok(value)) => Some(value),
            Ok(Err(error)) => {
                self.failed += 1;
                self.check_text(name, &error);
                None
            }
            Err(_) => {
                self.broken.push(format!("{name} did not end within {limit:?}"));
                None
            }
        }
    }

    fn check_text(&mut self, name: &str, error: &Error) {
        let texts = [error.to_string(), format!("{error:?}")];
        if texts.iter().any(|text| SECRETS.iter().any(|secret| text.contains(secret))) {
            self.broken.push(format!("the error of {name} shows a secret: {error}"));
        }
    }

    fn check_debug(&mut self, name: &str, value: &impl Debug) {
        if format!("{value:?}").contains(SECRETS[0]) {
            self.broken.push(format!("the Debug text of {name} shows the password"));
        }
    }
}

/// Returns the builder of a session.
pub(crate) fn builder(setup: Setup, cluster: &MockCluster) -> SessionBuilder {
    Session::builder()
        .contact_points(cluster.contact_points())
        .protocol_version(setup.version)
        .compression(setup.compression)
        .credentials(USER, SECRETS[0])
        .timeout(TIMEOUT)
        .connection(|options| options.max_body = MAX_BODY)
}

/// Sends each kind of request, and reads each kind of response. All calls may fail.
pub(crate) async fn converse(session: &Session, cluster: &MockCluster, findings: &mut Findings) {
    let _schema = findings.call("schema", SCHEMA, session.schema()).await;
    findings.check_debug("the session", session);
    for text in [READ, "SELECT * FROM hostile.t", "SELECT JSON * FROM hostile.t WHERE k = 1"] {
        read(session, text.into(), findings).await;
    }
    read(session, "SELECT now(), count(*) AS n FROM hostile.t".into(), findings).await;
    read(session, "DESCRIBE TABLE hostile.t".into(), findings).await;

    let insert = "INSERT INTO hostile.t (k, v) VALUES (?, ?)";
    let inserts = session.execute(insert, (2, SECRETS[1]));
    let _inserted = findings.call("INSERT", REQUEST, inserts).await;
    let prepares = session.prepare("SELECT k, v, m FROM hostile.t WHERE k = ?");
    let prepared = findings.call("PREPARE", REQUEST, prepares).await;
    for _ in 0..2 {
        if let Some(prepared) = &prepared {
            let reads = session.execute(prepared, (1,));
            let result = findings.call("EXECUTE", REQUEST, reads).await;
            decode(result.as_ref());
        }
        // The next execution prepares the statement again.
        cluster.nodes().iter().for_each(MockServer::forget_prepared);
    }
    let batch = Batch::unlogged()
        .statement(insert, (3, "three"))
        .statement("INSERT INTO hostile.p (k, c, v) VALUES (1, 4, 'd')", ());
    let _applied = findings.call("BATCH", REQUEST, session.batch(batch)).await;
    let condition = "UPDATE hostile.t SET v = 'new' WHERE k = 1 IF v = 'another'";
    if let Some(result) = findings.call("UPDATE IF", REQUEST, session.execute(condition, ())).await
    {
        let _applied = result.applied();
    }
    let statement = Statement::new("SELECT c, v FROM hostile.p WHERE k = ?").page_size(2);
    let mut pages = session.stream::<Vec<Value>>(statement, (1,));
    for _ in 0..PAGES {
        match findings.call("a page", REQUEST, pages.next_page()).await {
            Some(Some(page)) => decode(Some(&page)),
            _ => break,
        }
    }
    drop(pages);
    let traced = session.execute(Statement::new(READ).tracing(true), ());
    if let Some(result) = findings.call("a traced SELECT", REQUEST, traced).await
        && let Some(id) = result.tracing_id()
    {
        let _trace = findings.call("a trace", SCHEMA, session.trace(id)).await;
    }
    let create = "CREATE TABLE hostile.created (k int PRIMARY KEY)";
    let created = session.execute(create, ());
    let _created = findings.call("CREATE TABLE", REQUEST + SCHEMA, created).await;

    let address = cluster.nodes()[1].address();
    cluster.emit(&Event::Topology { change: TopologyChange::NewNode, address });
    // The session reads the topology a second after the event, and sends heartbeats.
    sleep(IDLE).await;
    let _schema = findings.call("schema", SCHEMA, session.schema()).await;
    read(session, READ.into(), findings).await;
}

async fn read(session: &Session, statement: Statement, findings: &mut Findings) {
    let result = findings.call("SELECT", REQUEST, session.execute(statement, ())).await;
    decode(result.as_ref());
}

/// Decodes all values. The result may be no table.
fn decode(result: Option<&QueryResult>) {
    let Some(Ok(rows)) = result.map(QueryResult::rows::<Vec<Value>>) else { return };
    // A result may claim to have billions of rows without columns.
    for row in rows.take(1_000_000) {
        if row.is_err() {
            break;
        }
    }
}
