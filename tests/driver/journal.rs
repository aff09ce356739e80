//! The statements that `MockServer` has received.

use std::sync::{Arc, Mutex};

use cqlwire::session::Session;
use cqlwire::testing::{MockCluster, MockServer, Reply};

async fn connect(address: String) -> Session {
    Session::builder().contact_points([address]).connect().await.unwrap()
}

#[tokio::test]
async fn keeps_the_last_statements_and_forgets_them_on_request() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let server = server.on_any(Reply::void()).keep_received(2);
    let session = connect(server.address().to_string()).await;
    for statement in ["INSERT 1", "INSERT 2", "INSERT 3"] {
        session.execute(statement, ()).await.unwrap();
    }
    assert_eq!(server.statements(), ["INSERT 2", "INSERT 3"]);
    assert!(server.received()[1].matches("insert %"));
    assert!(!server.received()[1].matches("insert"));
    server.clear_received();
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn calls_observers_before_it_replies() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observer = Arc::clone(&seen);
    let server = MockServer::bind("127.0.0.1:0").await.unwrap().on_any(Reply::void());
    let server =
        server.on_received(move |received| observer.lock().unwrap().push(received.clone()));
    let session = connect(server.address().to_string()).await;
    session.execute("INSERT 1", ()).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), server.received());
}

#[tokio::test]
async fn replies_can_be_added_while_the_servers_run() {
    let cluster = MockCluster::start(1).await.unwrap();
    let session = connect(cluster.contact_points().remove(0)).await;
    assert!(session.execute("INSERT 1", ()).await.is_err());
    let cluster = cluster.configure(|node| node.on("INSERT 1", Reply::void()));
    session.execute("INSERT 1", ()).await.unwrap();
    assert!(session.execute("UPDATE 1", ()).await.is_err());
    cluster.nodes()[0].add_reply("UPDATE %", Reply::void());
    session.execute("UPDATE 1", ()).await.unwrap();
    assert!(session.execute("DELETE 1", ()).await.is_err());
    cluster.nodes()[0].add_reply("%", Reply::void());
    session.execute("DELETE 1", ()).await.unwrap();
}

#[tokio::test]
async fn the_first_reply_of_a_running_server_can_be_for_all_statements() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let session = connect(server.address().to_string()).await;
    assert!(session.execute("INSERT 1", ()).await.is_err());
    server.add_reply("%", Reply::void());
    session.execute("INSERT 1", ()).await.unwrap();
}
