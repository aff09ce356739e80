//! Reads of the schema after changes: they read no more than what may have changed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cqlwire::cluster::schema::SchemaPart;
use cqlwire::message::{
    Event, Request, RequestFrame, SchemaChange, SchemaChangeKind, SchemaTarget,
};
use cqlwire::session::Session;
use cqlwire::testing::{Fault, MockServer, Reply};
use cqlwire::types::{CqlType, NativeType};

use crate::wait::until;

/// The statements that have read all tables or columns of the keyspace.
type FullReads = Arc<Mutex<Vec<String>>>;

/// Starts a server with the tables `k.a` and `k.b`, and a session that has read them.
async fn start() -> (MockServer, Session, FullReads) {
    let reads = FullReads::default();
    let (counted, parts) = (Arc::clone(&reads), [SchemaPart::Tables, SchemaPart::Columns]);
    let parts = parts.map(|part| part.select(Some("k")));
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let server = server.on_request(move |frame: &RequestFrame<'_>| {
        if let Request::Query(query) = &frame.request
            && parts.iter().any(|part| *part == query.text)
        {
            counted.lock().unwrap().push(query.text.to_string());
        }
        None
    });
    let session = connect(&server).await;
    let mut events = session.events();
    let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    let keyspace = format!("CREATE KEYSPACE k WITH replication = {replication}");
    session.execute(keyspace, ()).await.unwrap();
    for table in ["a", "b"] {
        let create = format!("CREATE TABLE k.{table} (k int PRIMARY KEY, v int)");
        session.execute(create, ()).await.unwrap();
    }
    // After the last event, another change performs all reads that are pending.
    until("the last table is announced", async || {
        let event = events.next().await;
        let Some(Event::Schema(SchemaChange { target, .. })) = event else { return false };
        matches!(target, SchemaTarget::Table { table, .. } if table == "b")
    })
    .await;
    session.execute("ALTER TABLE k.b ADD w int", ()).await.unwrap();
    (server, session, reads)
}

async fn connect(server: &MockServer) -> Session {
    let builder = Session::builder().contact_points([server.address().to_string()]);
    let session = builder.connect().await.unwrap();
    session.schema().await.unwrap();
    session
}

fn table_changed(name: &str) -> Event {
    let target = SchemaTarget::Table { keyspace: "k".to_owned(), table: name.to_owned() };
    Event::Schema(SchemaChange { kind: SchemaChangeKind::Updated, target })
}

#[tokio::test]
async fn a_change_of_a_table_reads_only_this_table() {
    let (server, session, full_reads) = start().await;
    let other = connect(&server).await;
    let before = session.schema().await.unwrap();
    full_reads.lock().unwrap().clear();
    session.execute("ALTER TABLE k.a ADD w text", ()).await.unwrap();
    session.execute("CREATE TABLE k.c (k int PRIMARY KEY)", ()).await.unwrap();
    session.execute("CREATE INDEX by_w ON k.a (w)", ()).await.unwrap();
    let after = session.schema().await.unwrap();
    let keyspace = &after.keyspaces["k"];
    assert_eq!(keyspace.tables.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    let column = keyspace.tables["a"].column("w").unwrap();
    assert_eq!(column.cql_type, NativeType::Text.into());
    assert!(keyspace.tables["a"].indexes.contains_key("by_w"));
    let unchanged = before.table("k", "b").unwrap();
    assert!(Arc::ptr_eq(unchanged, &keyspace.tables["b"]));
    session.execute("DROP TABLE k.a", ()).await.unwrap();
    let after = session.schema().await.unwrap();
    assert_eq!(after.keyspaces["k"].tables.keys().collect::<Vec<_>>(), ["b", "c"]);
    until("the other session learns of the changes", async || {
        let schema = other.schema().await.unwrap();
        schema.keyspaces["k"].tables.keys().eq(["b", "c"])
    })
    .await;
    assert_eq!(*full_reads.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn the_first_table_of_an_unknown_keyspace_reads_the_keyspace() {
    let (server, session, _) = start().await;
    session.execute("DROP KEYSPACE k", ()).await.unwrap();
    let other = connect(&server).await;
    assert!(!other.schema().await.unwrap().keyspaces.contains_key("k"));
    let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    let keyspace = format!("CREATE KEYSPACE k WITH replication = {replication}");
    session.execute(keyspace, ()).await.unwrap();
    session.execute("CREATE TABLE k.a (k int PRIMARY KEY)", ()).await.unwrap();
    until("the other session knows the table", async || {
        other.schema().await.unwrap().table("k", "a").is_some()
    })
    .await;
}

/// The event about the keyspace may have been missed.
#[tokio::test]
async fn a_table_of_an_unknown_keyspace_reads_the_replication() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let session = connect(&server).await;
    let map = CqlType::Map(Box::new((NativeType::Text.into(), NativeType::Text.into())));
    let columns = [("keyspace_name", NativeType::Text.into()), ("replication", map)];
    let replication = [("class", "SimpleStrategy"), ("replication_factor", "1")];
    let keyspace = Reply::rows(columns, [("k", BTreeMap::from(replication))]);
    server.add_reply("SELECT % FROM system_schema.keyspaces WHERE keyspace_name = 'k'", keyspace);
    assert_eq!(session.cluster().replication("k"), None);
    server.emit(table_changed("a"));
    until("the replication is known", async || session.cluster().replication("k").is_some()).await;
}

#[tokio::test]
async fn a_table_with_a_new_type_is_read_with_the_type() {
    let (_server, session, _) = start().await;
    session.execute("CREATE TYPE k.t (x int)", ()).await.unwrap();
    session.execute("CREATE TABLE k.c (k int PRIMARY KEY, v frozen<t>)", ()).await.unwrap();
    let schema = session.schema().await.unwrap();
    let table = schema.table("k", "c").unwrap();
    assert!(matches!(table.column("v").unwrap().cql_type, CqlType::Udt(_)));
    session.execute("ALTER TYPE k.t ADD y int", ()).await.unwrap();
    let schema = session.schema().await.unwrap();
    let CqlType::Udt(udt) = &schema.table("k", "c").unwrap().column("v").unwrap().cql_type else {
        panic!("the column has another type");
    };
    assert_eq!(udt.fields.len(), 2);
}

/// A change of a table also changes its views.
#[tokio::test]
async fn a_change_of_a_table_reads_only_the_keyspace_if_it_has_views() {
    let (server, session, full_reads) = start().await;
    let views = ["keyspace_name", "view_name", "base_table_name"];
    let views = Reply::rows(views, [["k", "v", "b"]]);
    server.add_reply(&SchemaPart::Views.select(Some("k")), views);
    server.emit(table_changed("a"));
    until("the session knows the view", async || {
        session.schema().await.unwrap().keyspaces["k"].views.contains_key("v")
    })
    .await;
    full_reads.lock().unwrap().clear();
    let of_table = Fault::delay(Duration::ZERO).statement("SELECT % AND table_name = 'a'");
    let of_table = server.add_fault(of_table);
    server.emit(table_changed("a"));
    until("the keyspace is read", async || full_reads.lock().unwrap().len() >= 2).await;
    assert_eq!(server.fault_count(of_table), Some(0));
}

/// A change of a type or of a view may have been missed.
#[tokio::test]
async fn a_change_of_a_table_reads_its_keyspace_if_types_or_views_differ() {
    let types = ["type_name", "field_names", "field_types"].map(|name| (name, NativeType::Text));
    let types = Reply::rows(
        [("keyspace_name", NativeType::Text)].into_iter().chain(types),
        [["k", "t", "x", "int"]],
    );
    let views = ["keyspace_name", "view_name", "base_table_name"];
    let views = Reply::rows(views, [["k", "v", "b"]]);
    for (part, reply) in [(SchemaPart::Types, types), (SchemaPart::Views, views)] {
        let (server, session, full_reads) = start().await;
        server.add_reply(&part.select(Some("k")), reply);
        full_reads.lock().unwrap().clear();
        server.emit(table_changed("a"));
        until("the keyspace is read", async || full_reads.lock().unwrap().len() >= 2).await;
        until("the session knows the type or the view", async || {
            let schema = session.schema().await.unwrap();
            let keyspace = &schema.keyspaces["k"];
            keyspace.types.contains_key("t") || keyspace.views.contains_key("v")
        })
        .await;
    }
}
