//! The system tables of the mock server.

use cqlwire::session::Session;
use cqlwire::testing::MockServer;

async fn session(server: &MockServer) -> Session {
    Session::builder().contact_points([server.address().to_string()]).connect().await.unwrap()
}

#[tokio::test]
async fn system_tables_are_found_whatever_the_case_and_white_space() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let session = session(&server).await;
    for statement in [
        "SELECT * FROM system.local",
        "select *\nfrom System.LOCAL;",
        "select * from \"system\" . \"local\" -- the node",
    ] {
        let result = session.execute(statement, ()).await.unwrap();
        assert_eq!(result.columns()[0].name.as_ref(), "key", "{statement}");
    }
}
