//! The store of the mock server: statements without a scripted reply.

use std::collections::HashMap;

use cqlwire::message::{ErrorCode, Event, SchemaChangeKind, SchemaTarget};
use cqlwire::session::{Batch, ErrorKind, Session, SessionBuilder, Statement};
use cqlwire::testing::{Fault, MockCluster, MockServer, Reply};
use cqlwire::types::Value;
use cqlwire::wire::Version;

use crate::wait::{until, within_limit};

const KEYSPACE: &str = "CREATE KEYSPACE k WITH replication = \
                        {'class': 'SimpleStrategy', 'replication_factor': 1}";

async fn bind() -> MockServer {
    MockServer::bind("127.0.0.1:0").await.unwrap()
}

fn builder(server: &MockServer) -> SessionBuilder {
    Session::builder().contact_points([server.address().to_string()])
}

/// Connects to a server, and creates the keyspace `k` and the table `k.users`.
async fn with_table(server: &MockServer, version: Version) -> Session {
    let session = builder(server).protocol_version(version).connect().await.unwrap();
    session.execute(KEYSPACE, ()).await.unwrap();
    let create = "CREATE TABLE k.users (id int PRIMARY KEY, name text)";
    session.execute(create, ()).await.unwrap();
    session
}

#[tokio::test]
async fn reads_return_what_was_written_in_every_version() {
    for version in Version::ALL {
        let server = bind().await;
        let session = with_table(&server, version).await;
        let insert = "INSERT INTO k.users (id, name) VALUES (?, ?)";
        for id in 0..10 {
            session.execute(insert, (id, format!("user {id}"))).await.unwrap();
        }
        session.execute("DELETE FROM k.users WHERE id = 3", ()).await.unwrap();
        let select = Statement::new("SELECT id, name FROM k.users").page_size(4);
        let mut rows = session.stream::<(i32, String)>(select, ());
        let mut names = HashMap::new();
        while let Some((id, name)) = rows.try_next().await.unwrap() {
            assert_eq!(names.insert(id, name), None);
        }
        assert_eq!(names.len(), 9, "{version}");
        assert_eq!(names[&7], "user 7");
        let one = session.execute("SELECT name FROM k.users WHERE id = ?", (7,)).await.unwrap();
        assert_eq!(one.one::<(&str,)>().unwrap(), ("user 7",));
        assert_eq!(server.statements().len(), 17);
    }
}

#[tokio::test]
async fn batches_and_conditional_statements_are_executed() {
    let server = bind().await;
    let session = with_table(&server, Version::V5).await;
    let insert = "INSERT INTO k.users (id, name) VALUES (?, ?)";
    let batch = Batch::logged()
        .statement(insert, (1, "ada"))
        .statement("INSERT INTO k.users (id, name) VALUES (2, 'bob')", ());
    session.batch(&batch).await.unwrap();
    let count = session.execute("SELECT count(*) FROM k.users", ()).await.unwrap();
    assert_eq!(count.one::<(i64,)>().unwrap(), (2,));
    let conditional = "INSERT INTO k.users (id, name) VALUES (?, ?) IF NOT EXISTS";
    for (id, is_applied) in [(1, false), (3, true), (3, false)] {
        let result = session.execute(conditional, (id, "eve")).await.unwrap();
        assert_eq!(result.applied().unwrap(), is_applied);
    }
}

#[tokio::test]
async fn the_keyspace_of_a_connection_applies_to_its_statements() {
    let server = bind().await;
    with_table(&server, Version::V5).await;
    for version in Version::ALL {
        let builder = builder(&server).protocol_version(version).keyspace("k");
        let session = builder.connect().await.unwrap();
        session.execute("INSERT INTO users (id) VALUES (?)", (1,)).await.unwrap();
        session.execute("SELECT * FROM users", ()).await.unwrap();
        let error = session.execute("USE nowhere", ()).await.unwrap_err();
        assert!(error.to_string().contains("Keyspace 'nowhere' does not exist"), "{error}");
    }
    assert!(builder(&server).keyspace("nowhere").connect().await.is_err());
}

#[tokio::test]
async fn errors_have_the_codes_of_cassandra() {
    let server = bind().await;
    let session = with_table(&server, Version::V5).await;
    for (statement, code) in [
        ("SELEC", ErrorCode::Syntax),
        ("SELECT * FROM k.pets", ErrorCode::Invalid),
        ("SELECT nothing FROM k.users", ErrorCode::Invalid),
        (KEYSPACE, ErrorCode::AlreadyExists),
        ("CREATE TABLE k.users (id int PRIMARY KEY)", ErrorCode::AlreadyExists),
        ("CREATE ROLE ada", ErrorCode::Invalid),
    ] {
        let error = session.execute(statement, ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server(code), "{statement}: {error}");
        let prepared = session.prepare(statement).await;
        assert_eq!(prepared.is_err(), code == ErrorCode::Syntax || statement.starts_with("SELECT"));
    }
}

#[tokio::test]
async fn scripted_replies_and_faults_take_precedence() {
    let select = "SELECT name FROM k.users";
    let server = bind().await.on(select, Reply::rows(["name"], [["scripted"]]));
    let session = with_table(&server, Version::V5).await;
    let scripted = session.execute(select, ()).await.unwrap();
    assert_eq!(scripted.one::<(&str,)>().unwrap(), ("scripted",));
    let other = session.execute("SELECT id FROM k.users", ()).await.unwrap();
    assert_eq!(other.rows::<(i32,)>().unwrap().count(), 0);
    server.add_fault(Fault::error(ErrorCode::Overloaded, "busy").statement("INSERT %").times(1));
    let insert = Statement::new("INSERT INTO k.users (id) VALUES (1)");
    assert!(session.execute(insert.clone(), ()).await.is_err());
    let count = Statement::new("SELECT count(*) FROM k.users");
    assert_eq!(session.execute(count.clone(), ()).await.unwrap().one::<(i64,)>().unwrap(), (0,));
    session.execute(insert, ()).await.unwrap();
    assert_eq!(session.execute(count, ()).await.unwrap().one::<(i64,)>().unwrap(), (1,));
}

#[tokio::test]
async fn the_session_reads_the_schema_that_it_created() {
    let server = bind().await;
    let session = with_table(&server, Version::V5).await;
    for statement in [
        "CREATE TYPE k.address (street text, numbers list<int>)",
        "CREATE TABLE k.visits (user int, day date, at time, place frozen<address>, total int static, \
         PRIMARY KEY ((user, day), at)) WITH CLUSTERING ORDER BY (at DESC) AND comment = 'x'",
        "CREATE INDEX by_name ON k.users (name)",
        "ALTER TABLE k.users ADD age int",
    ] {
        session.execute(statement, ()).await.unwrap();
    }
    let schema = session.schema().await.unwrap();
    let keyspace = &schema.keyspaces["k"];
    assert_eq!(keyspace.replication["class"], "org.apache.cassandra.locator.SimpleStrategy");
    assert_eq!(keyspace.types["address"].field_texts, ["text", "list<int>"]);
    let visits = &keyspace.tables["visits"];
    assert_eq!(visits.partition_key, ["user", "day"]);
    assert_eq!(visits.options["comment"], Value::Text("x".to_owned()));
    assert_eq!(keyspace.tables["users"].indexes["by_name"].target, "name");
    assert!(keyspace.tables["users"].column("age").is_some());
    assert_eq!(schema.warnings().count(), 0);
}

/// The text that Cassandra 5.0.6 prints for a table of these columns.
const DESCRIBED: &str = "CREATE TABLE k.users (
    id int PRIMARY KEY,
    name text
) WITH additional_write_policy = '99p'
    AND allow_auto_snapshot = true
    AND bloom_filter_fp_chance = 0.01
    AND caching = {'keys': 'ALL', 'rows_per_partition': 'NONE'}
    AND cdc = false
    AND comment = ''
    AND compaction = {'class': 'org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy', \
                         'max_threshold': '32', 'min_threshold': '4'}
    AND compression = {'chunk_length_in_kb': '16', 'class': \
                         'org.apache.cassandra.io.compress.LZ4Compressor'}
    AND memtable = 'default'
    AND crc_check_chance = 1.0
    AND default_time_to_live = 0
    AND extensions = {}
    AND gc_grace_seconds = 864000
    AND incremental_backups = true
    AND max_index_interval = 2048
    AND memtable_flush_period_in_ms = 0
    AND min_index_interval = 128
    AND read_repair = 'BLOCKING'
    AND speculative_retry = '99p';";

#[tokio::test]
async fn describe_prints_statements_that_create_the_elements() {
    let server = bind().await;
    let session = with_table(&server, Version::V5).await;
    session.execute("CREATE TYPE k.address (street text)", ()).await.unwrap();
    let describe = async |statement: &str| {
        let result = session.execute(statement, ()).await.unwrap();
        let rows = result.rows::<(String, String, String, String)>().unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>()
    };
    let table = describe("DESCRIBE TABLE k.users").await;
    assert_eq!(table.len(), 1);
    let row = (&*table[0].0, &*table[0].1, &*table[0].2);
    assert_eq!((row, &*table[0].3), (("k", "table", "users"), DESCRIBED));
    let keyspace = describe("DESC KEYSPACE k").await;
    let kinds: Vec<_> = keyspace.iter().map(|row| &*row.1).collect();
    assert_eq!(kinds, ["keyspace", "type", "table"]);
    assert_eq!(
        keyspace[0].3,
        "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': \
         '1'}  AND durable_writes = true;"
    );
    assert_eq!(keyspace[1].3, "CREATE TYPE k.address (\n    street text\n);");
    let copy = bind().await;
    let copied = builder(&copy).connect().await.unwrap();
    for (_, _, _, statement) in &keyspace {
        copied.execute(statement.trim_end_matches(';'), ()).await.unwrap();
    }
    let cluster = session.execute("DESCRIBE CLUSTER", ()).await.unwrap();
    let (_, partitioner, snitch) = cluster.one::<(&str, &str, &str)>().unwrap();
    assert_eq!((partitioner, snitch), ("Murmur3Partitioner", "DynamicEndpointSnitch"));
    let keyspaces = session.execute("DESCRIBE KEYSPACES", ()).await.unwrap();
    let names = keyspaces.rows::<(&str, &str, &str)>().unwrap().map(|row| row.unwrap().2);
    assert!(names.collect::<Vec<_>>().contains(&"k"));
    for (statement, expected) in [
        ("DESCRIBE TABLE k.pets", "Table 'pets' not found in keyspace 'k'"),
        ("DESCRIBE KEYSPACE nowhere", "'nowhere' not found in keyspaces"),
        ("DESCRIBE TABLE users", "No keyspace specified and no current keyspace"),
    ] {
        let error = session.execute(statement, ()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn the_nodes_of_a_cluster_share_the_store_and_announce_schema_changes() {
    let cluster = MockCluster::start(3).await.unwrap();
    let connect = async |node: usize| {
        let session = Session::builder().contact_points([cluster.contact_points()[node].clone()]);
        let session = session.connect().await.unwrap();
        let is_connected = async || session.metrics().connected_nodes == 3;
        until("the session is connected to all nodes", is_connected).await;
        session
    };
    let (writer, reader) = (connect(0).await, connect(2).await);
    let mut events = reader.events();
    writer.execute(KEYSPACE, ()).await.unwrap();
    let event = within_limit("the schema event", events.next()).await;
    let Some(Event::Schema(change)) = event else { panic!("{event:?}") };
    assert_eq!(change.kind, SchemaChangeKind::Created);
    assert_eq!(change.target, SchemaTarget::Keyspace { keyspace: "k".to_owned() });
    writer.execute("CREATE TABLE k.t (id int PRIMARY KEY)", ()).await.unwrap();
    for id in 0..20 {
        writer.execute("INSERT INTO k.t (id) VALUES (?)", (id,)).await.unwrap();
    }
    for _ in 0..3 {
        let count = reader.execute("SELECT count(*) FROM k.t", ()).await.unwrap();
        assert_eq!(count.one::<(i64,)>().unwrap(), (20,));
    }
    let versions = "SELECT schema_version FROM system.peers_v2";
    let peers = reader.execute(versions, ()).await.unwrap();
    let local = reader.execute("SELECT schema_version FROM system.local", ()).await.unwrap();
    let (local,) = local.one::<(uuid::Uuid,)>().unwrap();
    let mut peers = peers.rows::<(uuid::Uuid,)>().unwrap();
    assert!(peers.all(|row| row.unwrap() == (local,)));
}

#[tokio::test]
async fn the_time_of_a_request_is_no_write_time() {
    let server = bind().await;
    let session = with_table(&server, Version::V5).await;
    let insert =
        "INSERT INTO k.users (id, name) VALUES (1, 'ada') USING TIMESTAMP 1000000000000000";
    session.execute(insert, ()).await.unwrap();
    for (name, next, seconds) in [("ada", "bob", 1), ("eve", "dan", 2_000_000_000)] {
        let update = format!("UPDATE k.users SET name = '{next}' WHERE id = 1 IF name = '{name}'");
        let update = Statement::new(update).now_in_seconds(seconds);
        assert!(session.execute(update, ()).await.unwrap().applied().unwrap());
        let select =
            Statement::new("SELECT name, toUnixTimestamp(now()) FROM k.users WHERE id = 1");
        let row = session.execute(select.now_in_seconds(seconds), ()).await.unwrap();
        let (found, now) = row.one::<(String, i64)>().unwrap();
        assert_eq!(found, next);
        let present = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
        assert!(now.abs_diff(present.try_into().unwrap()) < 3_600_000, "{now} at {present}");
        // A plain write is later than the conditional one.
        session.execute("UPDATE k.users SET name = 'eve' WHERE id = 1", ()).await.unwrap();
        let row = session.execute("SELECT name FROM k.users WHERE id = 1", ()).await.unwrap();
        assert_eq!(row.one::<(&str,)>().unwrap(), ("eve",));
    }
}

#[tokio::test]
async fn system_tables_are_not_writable() {
    let server = bind().await;
    let session = builder(&server).connect().await.unwrap();
    for statement in ["TRUNCATE system.local", "DELETE FROM system.local WHERE key = 'local'"] {
        let error = session.execute(statement, ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server(ErrorCode::Invalid), "{statement}: {error}");
        let expected = "MockServer does not support writes to the system table system.local";
        assert!(error.to_string().contains(expected), "{statement}: {error}");
    }
    let rows = session.execute("SELECT key FROM system.local", ()).await.unwrap();
    assert_eq!(rows.one::<(&str,)>().unwrap(), ("local",));
}
