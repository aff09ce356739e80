//! The system tables of the mock server, read as drivers of Cassandra read them.

use std::net::IpAddr;

use cqlwire::cluster::schema::ColumnKind;
use cqlwire::connection::Connection;
use cqlwire::message::{ErrorCode, Prepare, PreparedResult, RequestFrame, Response, ResultMessage};
use cqlwire::protocol::ConnectionOptions;
use cqlwire::session::{ErrorKind, Session, Statement};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::wire::{Stream, Version};

async fn server() -> MockServer {
    MockServer::bind("127.0.0.1:0").await.unwrap()
}

async fn session(server: &MockServer) -> Session {
    Session::builder().contact_points([server.address().to_string()]).connect().await.unwrap()
}

/// Sends a PREPARE and returns the response.
async fn prepare(server: &MockServer, version: Version, statement: &str) -> Response {
    let options = ConnectionOptions { version, ..Default::default() };
    let connection = Connection::connect(server.address(), &options).await.unwrap();
    let prepare = Prepare::new(statement);
    connection.request(&RequestFrame::new(Stream(0), prepare), None).await.unwrap().response
}

#[tokio::test]
async fn system_tables_are_found_whatever_the_case_and_white_space() {
    let server = server().await;
    let session = session(&server).await;
    for statement in [
        "SELECT * FROM system.local",
        "select *\nfrom System.LOCAL;",
        "select * from \"system\" . \"local\" -- the node\n",
        "SELECT key, rpc_address FROM system.local WHERE key='local' LIMIT 1",
        "/* c */ SELECT key FROM system.local WHERE key IN ('other', 'local')",
    ] {
        let result = session.execute(statement, ()).await.unwrap();
        assert_eq!(result.columns()[0].name.as_ref(), "key", "{statement}");
        assert_eq!(result.row_count(), 1, "{statement}");
    }
    assert_eq!(server.statements(), [""; 0], "reads of system tables are not recorded");
}

#[tokio::test]
async fn the_local_node_has_every_address_column() {
    let server = server().await;
    let session = session(&server).await;
    let address = server.address();
    let statement = "SELECT broadcast_address, listen_address, rpc_address FROM system.local";
    let result = session.execute(statement, ()).await.unwrap();
    assert_eq!(result.one::<(IpAddr, IpAddr, IpAddr)>().unwrap(), [address.ip(); 3].into());
    let statement =
        "SELECT rpc_port, cql_version, native_protocol_version, bootstrapped FROM system.local";
    let result = session.execute(statement, ()).await.unwrap();
    let expected = (i32::from(address.port()), "3.4.7", "5", "COMPLETED");
    assert_eq!(result.one::<(i32, &str, &str, &str)>().unwrap(), expected);
}

#[tokio::test]
async fn prepared_reads_have_columns_variables_and_partition_key() {
    let server = server().await;
    for version in Version::ALL {
        let statement = "SELECT toJson(replication) AS replication FROM system_schema.keyspaces \
                         WHERE keyspace_name = ?";
        let prepared = match prepare(&server, version, statement).await {
            Response::Result(ResultMessage::Prepared(prepared)) => prepared,
            other => panic!("{other:?}"),
        };
        let PreparedResult { variables, result, .. } = &prepared;
        let names = |columns: &[cqlwire::types::ColumnSpec]| -> Vec<String> {
            columns.iter().map(|of| format!("{} {} {}", of.table, of.name, of.cql_type)).collect()
        };
        let table = "system_schema.keyspaces";
        assert_eq!(names(&variables.columns), [format!("{table} keyspace_name text")]);
        assert_eq!(
            names(result.columns.as_deref().unwrap()),
            [format!("{table} replication text")]
        );
        // v3 has no partition key in PREPARED.
        let expected: &[u16] = if version == Version::V3 { &[] } else { &[0] };
        assert_eq!(variables.partition_key, expected, "{version}");
    }
    let session = session(&server).await;
    let statement =
        "SELECT toJson(replication) FROM system_schema.keyspaces WHERE keyspace_name = ?";
    let select = session.prepare(statement).await.unwrap();
    for (keyspace, json) in [
        ("system", Some(r#"{"class": "org.apache.cassandra.locator.LocalStrategy"}"#)),
        (
            "system_traces",
            Some(
                r#"{"class": "org.apache.cassandra.locator.SimpleStrategy", "replication_factor": "2"}"#,
            ),
        ),
        ("other", None),
    ] {
        let result = session.execute(&select, (keyspace,)).await.unwrap();
        let found = result.rows::<(&str,)>().unwrap().next().map(|row| row.unwrap().0);
        assert_eq!(found, json, "{keyspace}");
    }
}

#[tokio::test]
async fn system_tables_are_read_page_by_page() {
    let server = server().await;
    let session = session(&server).await;
    let all = session.execute("SELECT column_name FROM system_schema.columns", ()).await.unwrap();
    let paged = Statement::new("SELECT column_name FROM system_schema.columns").page_size(100);
    let mut rows = session.stream::<(String,)>(paged, ());
    let mut count = 0;
    while rows.try_next().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, all.row_count());
    assert!(count > 200, "several pages");
}

#[tokio::test]
async fn invalid_reads_get_the_errors_of_cassandra_also_when_prepared() {
    let server = server().await;
    let session = session(&server).await;
    for (statement, code, message) in [
        ("SELECT * FROM system.nope", ErrorCode::Invalid, "table nope does not exist"),
        (
            "SELECT * FROM system_views.clients",
            ErrorCode::Invalid,
            "keyspace system_views does not exist",
        ),
        (
            "SELECT x FROM system.local",
            ErrorCode::Invalid,
            "Undefined column name x in table system.local",
        ),
        (
            "SELECT writetime(key) FROM system.local",
            ErrorCode::Invalid,
            "Cannot use selection function writetime on PRIMARY KEY part key",
        ),
        (
            "SELECT * FROM system.local WHERE rack = 'r'",
            ErrorCode::Invalid,
            "Cannot execute this query as it might involve data filtering",
        ),
        (
            "SELECT key, FROM system.local",
            ErrorCode::Syntax,
            "line 1:12 no viable alternative at input 'FROM'",
        ),
        (
            "SELECT key FROM system.local WHERE",
            ErrorCode::Syntax,
            "line 1:34 no viable alternative",
        ),
    ] {
        let error = session.execute(statement, ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server(code), "{statement}");
        assert!(error.to_string().contains(message), "{error}");
        match prepare(&server, Version::V5, statement).await {
            Response::Error(error) => {
                assert_eq!(error.code, code, "{statement}");
                assert!(error.message.starts_with(message), "{}", error.message);
            }
            other => panic!("{statement}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_schema_describes_the_system_tables() {
    // Scripted replies belong to the keyspace `test`.
    let server = server().await.on("a", Reply::void());
    let session = session(&server).await;
    let schema = session.schema().await.unwrap();
    assert_eq!(schema.warnings().collect::<Vec<_>>(), [""; 0]);
    let keyspaces: Vec<_> =
        schema.keyspaces.values().map(|of| (&*of.name, of.is_virtual)).collect();
    let expected = [
        ("system", false),
        ("system_auth", false),
        ("system_distributed", false),
        ("system_schema", false),
        ("system_traces", false),
        ("system_virtual_schema", true),
        ("test", false),
    ];
    assert_eq!(keyspaces, expected);
    let test = &schema.keyspaces["test"];
    assert!(test.durable_writes);
    assert_eq!(test.replication["class"], "org.apache.cassandra.locator.SimpleStrategy");
    for table in schema.keyspaces.values().flat_map(|keyspace| keyspace.tables.values()) {
        let names: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let statement = format!("SELECT * FROM {}.\"{}\"", table.keyspace, table.name);
        let result = session.execute(statement.as_str(), ()).await.unwrap();
        let found: Vec<_> = result.columns().iter().map(|column| &*column.name).collect();
        assert_eq!(found, names, "{statement}");
    }
    let columns = schema.table("system_schema", "columns").unwrap();
    let key = columns.columns.iter().filter(|of| of.kind != ColumnKind::Regular);
    let key: Vec<_> = key.map(|column| column.name.as_str()).collect();
    assert_eq!(key, ["keyspace_name", "table_name", "column_name"]);
}

#[tokio::test]
async fn scripted_replies_win_over_system_tables() {
    let statement = "SELECT * FROM system.peers";
    let server = server()
        .await
        .on(statement, Reply::rows(["peer"], [["scripted"]]))
        .on_any(Reply::rows(["any"], [["any"]]));
    let session = session(&server).await;
    let result = session.execute(statement, ()).await.unwrap();
    assert_eq!(result.one::<(String,)>().unwrap().0, "scripted");
    let result = session.execute("select * from system.peers", ()).await.unwrap();
    assert_eq!(result.row_count(), 0, "this text is not the scripted one");
    for other in [
        "SELECT * FROM users",
        "SELECT * FROM systems.t",
        "SELECT nonsense FROM FROM",
        "SELECT now",
    ] {
        let result = session.execute(other, ()).await.unwrap();
        assert_eq!(result.one::<(String,)>().unwrap().0, "any", "{other}");
    }
    assert_eq!(server.statements().len(), 5);
}
