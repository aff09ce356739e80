//! Transactions: `BEGIN TRANSACTION ... COMMIT TRANSACTION` of Cassandra 6.0.

use std::sync::{Arc, Mutex};

use cqlwire::message::{ErrorCode, Request};
use cqlwire::session::{Session, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::wire::Consistency;

use crate::cluster::prepared;
use crate::mock_nodes::{connect, session_builder, start_nodes};

const WRITES: &str = "BEGIN TRANSACTION LET a = (SELECT v FROM t WHERE k = 1); SELECT a.v; \
                      UPDATE t SET v = 2 WHERE k = 1; COMMIT TRANSACTION";
const WRITES_VALUES: &str = "BEGIN TRANSACTION UPDATE t SET v = 2 WHERE k = ?; COMMIT TRANSACTION";
const READS: &str = "BEGIN TRANSACTION SELECT v FROM t WHERE k = 1; COMMIT TRANSACTION";

/// The requests that the nodes have received, in short.
type Requests = Arc<Mutex<Vec<String>>>;

/// Starts nodes that answer every statement with `reply`, and connects a session to them.
async fn session(reply: Reply) -> (Session, Requests, Vec<MockServer>) {
    let requests = Requests::default();
    let received = Arc::clone(&requests);
    let servers = start_nodes(2, move |_, frame| {
        let (request, reply) = match &frame.request {
            Request::Prepare(prepare) => {
                (format!("PREPARE {}", prepare.text), Reply::from(prepared()))
            }
            Request::Query(query) => {
                (format!("{} {}", query.parameters.consistency, query.text), reply.clone())
            }
            Request::Execute(execute) => {
                (format!("{} EXECUTE", execute.parameters.consistency), reply.clone())
            }
            other => panic!("{other:?}"),
        };
        received.lock().unwrap().push(request);
        reply
    })
    .await;
    let session = connect(session_builder(&servers), 2).await;
    (session, requests, servers)
}

#[tokio::test]
async fn a_transaction_is_sent_whole_at_a_consistency_that_the_server_accepts() {
    let (session, requests, _servers) = session(Reply::void()).await;
    let take = || std::mem::take(&mut *requests.lock().unwrap());
    session.execute(WRITES, ()).await.unwrap();
    assert_eq!(take(), [format!("QUORUM {WRITES}")]);
    session.execute(WRITES_VALUES, (1,)).await.unwrap();
    assert_eq!(take(), [format!("PREPARE {WRITES_VALUES}"), "QUORUM EXECUTE".to_owned()]);
    // A consistency that the caller sets is sent, whatever the server accepts.
    let local = Statement::new(WRITES).consistency(Consistency::LocalOne);
    session.execute(local, ()).await.unwrap();
    assert_eq!(take(), [format!("LOCAL_ONE {WRITES}")]);
}

#[tokio::test]
async fn a_transaction_that_may_have_been_applied_is_not_retried() {
    let reply = Reply::error(ErrorCode::WriteTimeout, "Operation timed out");
    let (session, requests, _servers) = session(reply).await;
    for (text, may_have_been_applied) in [(WRITES, true), (READS, false)] {
        let error = session.execute(text, ()).await.unwrap_err();
        assert_eq!(error.may_have_been_applied(), may_have_been_applied, "{error}");
        let sent = std::mem::take(&mut *requests.lock().unwrap()).len();
        assert_eq!(sent == 1, may_have_been_applied, "{text} was sent {sent} times");
    }
}

#[tokio::test]
async fn the_error_of_an_unsupported_consistency_says_what_to_set() {
    let message = "ConsistencyLevel LOCAL_ONE is unsupported with Accord for write/commit, supported \
                   are [ANY, ONE, QUORUM, ALL, SERIAL]";
    let (session, _requests, _servers) = session(Reply::error(ErrorCode::Invalid, message)).await;
    let error = session.execute("DELETE FROM t WHERE k = 1", ()).await.unwrap_err();
    let text = error.to_string();
    let advice =
        "; set one of these, such as QUORUM, as the consistency of the statement or of the session";
    assert!(text.ends_with(&format!("{message}{advice}")), "{text}");
    assert!(!error.may_have_been_applied());
}
