//! DESCRIBE and the schema tables of `MockServer` beside those of a real node, after the same
//! statements.

use cqlwire::message::Query;
use cqlwire::testing::MockServer;
use cqlwire::wire::Consistency;
use libtest_mimic::Failed;

use crate::fleet::{Node, runtime};
use crate::system_tables::{connect, request, summary};

/// Statements that define the same schema on both servers.
const DEFINITIONS: &[&str] = &[
    "DROP KEYSPACE IF EXISTS described",
    "DROP KEYSPACE IF EXISTS \"Quoted\"",
    "CREATE KEYSPACE described WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE KEYSPACE \"Quoted\" WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1} \
     AND durable_writes = false",
    "CREATE TYPE described.b (x frozen<map<text, int>>, \"Y\" list<text>)",
    "CREATE TYPE described.a (nested frozen<b>, n int)",
    "CREATE TABLE described.users (username text PRIMARY KEY, password text)",
    "CREATE TABLE described.all_kinds (p int, \"P\" text, c int, d timeuuid, s text static, r set<int>, \
     u frozen<a>, t tuple<int, text>, v vector<float, 3>, PRIMARY KEY ((p, \"P\"), c, d)) WITH \
     CLUSTERING ORDER BY (c DESC, d ASC) AND comment = 'it''s' AND gc_grace_seconds = 60 AND \
     default_time_to_live = 5 AND compaction = {'class': 'LeveledCompactionStrategy'} AND \
     speculative_retry = 'NONE' AND caching = {'keys': 'NONE', 'rows_per_partition': '10'}",
    "CREATE TABLE described.visits (page text PRIMARY KEY, total counter)",
    "CREATE TABLE described.plain (k int PRIMARY KEY, v int) WITH compression = {'enabled': false} AND \
     memtable = 'default' AND cdc = false",
    "CREATE TABLE described.unified (k int PRIMARY KEY) WITH compaction = {'class': \
     'UnifiedCompactionStrategy', 'scaling_parameters': 'T4'}",
    "CREATE TABLE described.windows (k int PRIMARY KEY, l list<int>, f frozen<list<int>>, a int) WITH \
     compaction = {'class': 'TimeWindowCompactionStrategy', 'compaction_window_size': 1}",
    "CREATE INDEX by_password ON described.users (password)",
    "CREATE INDEX ON described.all_kinds (values(r))",
    "CREATE TABLE \"Quoted\".\"T\" (\"select\" int PRIMARY KEY, a int)",
    "ALTER TABLE \"Quoted\".\"T\" ADD b text",
    "ALTER TABLE \"Quoted\".\"T\" DROP a",
    "ALTER TYPE described.a ADD m bigint",
];

/// Statements whose results are equal.
const STATEMENTS: &[&str] = &[
    "DESCRIBE KEYSPACE described",
    "DESCRIBE KEYSPACE \"Quoted\"",
    "DESC ONLY KEYSPACE described",
    "DESCRIBE described",
    "DESCRIBE TABLE described.users",
    "DESCRIBE described.users",
    "DESCRIBE TABLE described.all_kinds",
    "DESCRIBE TABLE described.visits",
    "DESCRIBE TABLE described.plain",
    "DESCRIBE TABLE \"Quoted\".\"T\"",
    "DESCRIBE TYPE described.a",
    "DESCRIBE INDEX described.by_password",
    "DESCRIBE described.by_password",
    "DESCRIBE TABLE described.nothing",
    "DESCRIBE TYPE described.nothing",
    "DESCRIBE INDEX described.nothing",
    "DESCRIBE FUNCTION described.nothing",
    "DESCRIBE AGGREGATE described.nothing",
    "DESCRIBE MATERIALIZED VIEW described.nothing",
    "DESCRIBE described.nothing",
    "DESCRIBE KEYSPACE nothing",
    "DESCRIBE nothing",
    "DESCRIBE TABLE nothing.users",
    "DESCRIBE TABLE users",
    "DESCRIBE KEYSPACE",
    "SELECT * FROM system_schema.keyspaces WHERE keyspace_name IN ('described', 'Quoted')",
    "SELECT * FROM system_schema.types WHERE keyspace_name = 'described'",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'described'",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'Quoted'",
    "SELECT * FROM system_schema.indexes WHERE keyspace_name = 'described'",
    "SELECT table_name, column_name, kind, type FROM system_schema.dropped_columns WHERE \
     keyspace_name = 'Quoted'",
    "SELECT table_name, additional_write_policy, allow_auto_snapshot, bloom_filter_fp_chance, caching, \
     cdc, comment, compaction, compression, crc_check_chance, dclocal_read_repair_chance, \
     default_time_to_live, extensions, flags, gc_grace_seconds, incremental_backups, \
     max_index_interval, memtable, memtable_flush_period_in_ms, min_index_interval, read_repair, \
     read_repair_chance, speculative_retry FROM system_schema.tables WHERE keyspace_name = 'described'",
];

/// `MockServer` describes a schema as Cassandra 5.0 does.
pub(crate) fn mock_server_describes_the_same_schema(node: &Node) -> Result<(), Failed> {
    runtime()?.block_on(async {
        let server = MockServer::bind("127.0.0.1:0").await?;
        let (real, mock) = (connect(node.address).await?, connect(server.address()).await?);
        let query = |text: &'static str| {
            let parameters = Consistency::One.into();
            Query { text: text.into(), parameters }
        };
        let mut differences = Vec::new();
        for definition in DEFINITIONS {
            let expected = request(&real, query(definition)).await?;
            let found = request(&mock, query(definition)).await?;
            if found != expected {
                differences.push(format!("{definition}\n  {expected:?}\n  {found:?}"));
            }
        }
        for statement in STATEMENTS {
            let expected = summary(request(&real, query(statement)).await?)?;
            let found = summary(request(&mock, query(statement)).await?)?;
            if found != expected {
                differences.push(format!("{statement}\n  {expected:?}\n  {found:?}"));
            }
        }
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        Ok(())
    })
}
