//! The system tables of `MockServer` beside those of a real node.

use std::net::SocketAddr;

use cqlwire::connection::Connection;
use cqlwire::message::{
    ErrorCode, Prepare, Query, Request, RequestFrame, Response, ResultMessage, Rows, RowsMetadata,
};
use cqlwire::protocol::ConnectionOptions;
use cqlwire::testing::MockServer;
use cqlwire::types::{RowIter, Value};
use cqlwire::wire::{Consistency, Stream, Version};
use libtest_mimic::Failed;

use crate::fleet::{Node, runtime};

/// Statements whose results are equal, whatever the node is.
const RESULTS: &[&str] = &[
    "SELECT * FROM system_schema.keyspaces WHERE keyspace_name = 'system'",
    "SELECT * FROM system_schema.keyspaces WHERE keyspace_name = 'system_auth'",
    "SELECT * FROM system_schema.keyspaces WHERE keyspace_name = 'system_schema'",
    "SELECT * FROM system_schema.tables WHERE keyspace_name = 'system'",
    "SELECT * FROM system_schema.tables WHERE keyspace_name = 'system_auth'",
    "SELECT * FROM system_schema.tables WHERE keyspace_name = 'system_distributed'",
    "SELECT * FROM system_schema.tables WHERE keyspace_name = 'system_schema'",
    "SELECT * FROM system_schema.tables WHERE keyspace_name = 'system_traces'",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system'",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system_auth'",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system_distributed'",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system_schema'",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system_traces'",
    "SELECT * FROM system_schema.indexes WHERE keyspace_name = 'system'",
    "SELECT * FROM system_virtual_schema.keyspaces WHERE keyspace_name = 'system_virtual_schema'",
    "SELECT * FROM system_virtual_schema.tables WHERE keyspace_name = 'system_virtual_schema'",
    "SELECT * FROM system_virtual_schema.columns WHERE keyspace_name = 'system_virtual_schema'",
    "SELECT * FROM system_virtual_schema.columns WHERE table_name = 'tables'",
    "SELECT * FROM system_virtual_schema.tables WHERE comment = 'virtual table definitions'",
    "SELECT * FROM system.peers",
    "SELECT * FROM system.peers_v2",
    "select\tKEY /* c */, Bootstrapped from System.Local -- the node\n",
    "SELECT COUNT(*), count(1) AS n, count(key) FROM system.local;",
    "SELECT toJson(key), to_json(bootstrapped) AS b, toJson(count(*)) FROM system.local",
    "SELECT JSON key, bootstrapped AS \"B\" FROM system.local",
    "SELECT toJson(replication) FROM system_schema.keyspaces WHERE keyspace_name = 'system_traces'",
    "SELECT ttl(rack), key AS \"K\" FROM system.local",
    "SELECT DISTINCT keyspace_name FROM system_schema.tables WHERE keyspace_name IN ('system')",
    "SELECT key FROM system.local WHERE key IN ('local', 'local', 'x')",
    "SELECT key FROM system.local WHERE key IN ()",
    "SELECT key FROM system.local WHERE key > 'a' ALLOW FILTERING",
    "SELECT key FROM system.local WHERE key = (text) 'local' PER PARTITION LIMIT 1",
    "SELECT column_name FROM system_schema.columns WHERE keyspace_name = 'system' AND \
     table_name >= 'local' AND table_name < 'paxos' LIMIT 5",
    "SELECT column_name FROM system_schema.columns WHERE keyspace_name = 'system' ORDER BY \
     table_name DESC, column_name DESC LIMIT 7",
    "SELECT column_name FROM system_schema.columns WHERE keyspace_name = 'system' ORDER BY table_name",
    "SELECT table_name FROM system_schema.columns WHERE keyspace_name = 'system' AND \
     table_name = 'local' AND column_name IN ('key', 'rack')",
    // Functions, and parts of values.
    "SELECT token(key), token('local'), bigint_as_blob(token(key)), textAsBlob(key) FROM system.local",
    "SELECT cast(gc_grace_seconds AS text), cast(gc_grace_seconds AS bigint) AS b, \
     cast(gc_grace_seconds AS int), toJson(cast(gc_grace_seconds AS double)) FROM \
     system_schema.tables WHERE keyspace_name = 'system_auth'",
    "SELECT (int)5, (text)'a', (list<int>)[1, 2], totimestamp('2020-01-02'), \
     to_unix_timestamp((timestamp)5), (int)null FROM system.local",
    "SELECT minTimeuuid('2013-02-02 10:00+0000'), max_timeuuid(0), \
     to_date(50554d6e-29bb-11e5-b345-feff819cdc9f) FROM system.local",
    "SELECT replication['class'], replication['x'], map_keys(replication)['class'] FROM \
     system_schema.keyspaces WHERE keyspace_name = 'system_traces'",
    "SELECT collection_count(replication), map_keys(replication), map_values(replication) FROM \
     system_schema.keyspaces WHERE keyspace_name = 'system_traces'",
    "SELECT flags['compound'], flags['a'..'d'], flags['d'..], flags[..'d'] FROM system_schema.tables \
     WHERE keyspace_name = 'system' AND table_name = 'local'",
    "SELECT abs(gc_grace_seconds), exp(crc_check_chance), log10(gc_grace_seconds) FROM \
     system_schema.tables WHERE keyspace_name = 'system_auth'",
    // Aggregates and groups.
    "SELECT min(position), max(position), sum(position), avg(position), count(position) FROM \
     system_schema.columns WHERE keyspace_name = 'system'",
    "SELECT table_name, count(*), max(column_name) FROM system_schema.columns WHERE keyspace_name = \
     'system' GROUP BY table_name LIMIT 9",
    "SELECT keyspace_name, table_name, count(*) FROM system_schema.columns WHERE keyspace_name IN \
     ('system', 'system_auth') GROUP BY keyspace_name, table_name PER PARTITION LIMIT 3",
    "SELECT min(position), avg(position), count(*), position FROM system_schema.columns WHERE \
     keyspace_name = 'system' AND table_name = 'x'",
    "SELECT toJson(max(position)), max(toJson(position)) FROM system_schema.columns WHERE \
     keyspace_name = 'system'",
    "SELECT avg(crc_check_chance), sum(crc_check_chance), min(crc_check_chance) FROM \
     system_schema.tables WHERE keyspace_name = 'system'",
    // Conditions.
    "SELECT column_name FROM system_schema.columns WHERE keyspace_name = 'system' AND \
     (table_name, column_name) > ('local', 'key') LIMIT 4",
    "SELECT column_name FROM system_schema.columns WHERE keyspace_name = 'system' AND \
     (table_name, column_name) >= ('local', 'key') AND (table_name) < ('peers') LIMIT 60",
    "SELECT column_name FROM system_schema.columns WHERE keyspace_name = 'system' AND \
     (table_name, column_name) IN (('peers', 'peer'), ('local', 'key'))",
    "SELECT table_name, column_name FROM system_schema.columns WHERE keyspace_name IN \
     ('system_auth', 'system') AND table_name IN ('roles', 'local') AND column_name >= 'r'",
    "SELECT table_name FROM system_schema.columns WHERE keyspace_name = 'system' AND table_name IN \
     ('peers', 'local') ORDER BY table_name DESC PER PARTITION LIMIT 2",
    "SELECT key FROM system.local WHERE token(key) = token('local')",
    "SELECT key FROM system.local WHERE token(key) > token('local')",
    "SELECT key FROM system.local WHERE token(key) >= token('local') AND token(key) < 9223372036854775807",
    "SELECT key FROM system.local WHERE token(key) <= -9223372036854775808",
    "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'system' AND flags CONTAINS \
     'compound' AND gc_grace_seconds < 10 ALLOW FILTERING",
    "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'system' AND \
     compaction CONTAINS KEY 'class' ALLOW FILTERING",
    "SELECT DISTINCT keyspace_name FROM system_schema.columns WHERE keyspace_name IN \
     ('system_auth', 'system', 'system')",
];

/// Statements whose errors have the same code and the same message.
const ERRORS: &[&str] = &[
    "SELECT x FROM system.local",
    "SELECT \"KEY\" FROM system.local",
    "SELECT tojson(x) FROM system.local",
    "SELECT writetime(x) FROM system.local",
    "SELECT writetime(key) FROM system.local",
    "SELECT TTL(key) FROM system.local",
    "SELECT maxwritetime(key) FROM system.local",
    "SELECT foo(key) FROM system.local",
    "SELECT system.foo(key) FROM system.local",
    "SELECT tojson(key, key) FROM system.local",
    "SELECT 'a' FROM system.local",
    "SELECT -5 FROM system.local",
    "SELECT * FROM system.nope",
    "SELECT * FROM system.\"Local\"",
    "SELECT * FROM system_nope.local",
    "SELECT key FROM system.local WHERE x = 1",
    "SELECT key FROM system.local WHERE rack = 'r'",
    "SELECT key FROM system.local WHERE key > 'a'",
    "SELECT key FROM system.local WHERE key = 5",
    "SELECT key FROM system.local WHERE key = ''",
    "SELECT key FROM system.local WHERE key = null",
    "SELECT key FROM system.local WHERE key = {'a'}",
    "SELECT key FROM system.local WHERE key != 'a'",
    "SELECT key FROM system.local WHERE key = 'local' AND key = 'local'",
    "SELECT key FROM system.local WHERE key CONTAINS 'a'",
    "SELECT key FROM system.local WHERE key LIKE 'a'",
    "SELECT key FROM system.local WHERE key IS NOT NULL",
    "SELECT key FROM system.local WHERE rpc_port = 'x' ALLOW FILTERING",
    "SELECT key FROM system.local WHERE rpc_port = 1.5 ALLOW FILTERING",
    "SELECT key FROM system.local WHERE rpc_port = 99999999999 ALLOW FILTERING",
    "SELECT key FROM system.local WHERE rpc_address = 'x' ALLOW FILTERING",
    "SELECT key FROM system.local WHERE host_id = 'x' ALLOW FILTERING",
    "SELECT key FROM system.local WHERE tokens = {'a'} ALLOW FILTERING",
    "SELECT key FROM system.local WHERE key = ?",
    "SELECT key FROM system.local ORDER BY key",
    "SELECT key FROM system.local WHERE key = 'local' ORDER BY key",
    "SELECT key FROM system.local WHERE key = 'local' ORDER BY x",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system' ORDER BY column_name",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system' ORDER BY table_name ASC, \
     column_name DESC",
    "SELECT key FROM system.local LIMIT 0",
    "SELECT key FROM system.local LIMIT 99999999999",
    "SELECT key FROM system.local PER PARTITION LIMIT 0",
    "SELECT DISTINCT table_name FROM system_schema.tables",
    "SELECT DISTINCT keyspace_name, comment FROM system_schema.tables",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system' AND column_name = 'x'",
    "SELECT * FROM system_schema.columns WHERE column_name = 'x'",
    "SELECT * FROM system_schema.columns WHERE table_name = 'x'",
    "SELECT * FROM system_schema.columns WHERE table_name = 'x' AND kind = 'y'",
    "SELECT * FROM system_schema.columns WHERE column_name = 'x' AND kind = 'y'",
    "SELECT * FROM system_virtual_schema.columns WHERE column_name = 'comment'",
    "SELECT * FROM system_virtual_schema.columns WHERE column_name = 'comment' AND \
     keyspace_name = 'system_virtual_schema'",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system' AND table_name > 'm' AND \
     column_name = 'x'",
    "SELECT now(1) FROM system.local",
    "SELECT intasblob(key) FROM system.local",
    "SELECT blobasint(textasblob(key)) FROM system.local",
    "SELECT token(key, key) FROM system.local",
    "SELECT cast(key AS counter) FROM system.local",
    "SELECT cast(5 AS text) FROM system.local",
    "SELECT min(key, key) FROM system.local",
    "SELECT count(key, key) FROM system.local",
    "SELECT max(min(key)) FROM system.local",
    "SELECT tokens['a']['b'] FROM system.local",
    "SELECT key[1] FROM system.local",
    "SELECT key[1..2] FROM system.local",
    "SELECT tokens[1] FROM system.local",
    "SELECT key.x FROM system.local",
    "SELECT fromjson('1') FROM system.local",
    "SELECT tojson(null) FROM system.local",
    "SELECT dateof(now()) FROM system.local",
    "SELECT key FROM system.local GROUP BY rack",
    "SELECT keyspace_name FROM system_schema.columns GROUP BY keyspace_name, column_name",
    "SELECT DISTINCT keyspace_name FROM system_schema.columns GROUP BY keyspace_name, table_name",
    "SELECT count(*) FROM system.local PER PARTITION LIMIT 1",
    "SELECT key FROM system.local WHERE key = now()",
    "SELECT key FROM system.local WHERE key = max('a')",
    "SELECT key FROM system.local WHERE key = foo('a')",
    "SELECT key FROM system.local WHERE key = (int)5",
    "SELECT key FROM system.local WHERE key = (int)'a'",
    "SELECT key FROM system.local WHERE (key) = ('a')",
    "SELECT key FROM system.local WHERE key[1] = 'a'",
    "SELECT key FROM system.local WHERE token(rack) = 1",
    "SELECT key FROM system.local WHERE token(key) = 'a'",
    "SELECT key FROM system.local WHERE token(key) > null",
    "SELECT key FROM system.local WHERE token(key) > 1 AND token(key) > 2",
    "SELECT key FROM system.local WHERE token(key) = 1 AND token(key) > 2",
    "SELECT key FROM system.local WHERE tokens CONTAINS 'a'",
    "SELECT key FROM system.local WHERE tokens CONTAINS KEY 'a'",
    "SELECT key FROM system.local WHERE tokens CONTAINS 1 ALLOW FILTERING",
    "SELECT key FROM system.local WHERE tokens CONTAINS null ALLOW FILTERING",
    "SELECT key FROM system.local WHERE rack = null ALLOW FILTERING",
    "SELECT key FROM system.local WHERE rpc_port > 1 AND rpc_port >= 2 ALLOW FILTERING",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system' AND (column_name) > ('a')",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system' AND \
     (column_name, table_name) > ('a', 'b')",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system' AND \
     (table_name, column_name) > ('a', 'b', 'c')",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system' AND \
     (table_name, column_name) > ('a', 5)",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system' AND \
     (table_name, column_name) > ('a', null)",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system' AND \
     (table_name, column_name) > ('a', 'b') AND table_name = 'a'",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'system' AND table_name > 'a' AND \
     table_name > 'b'",
    "SELECT DISTINCT keyspace_name FROM system_schema.columns WHERE table_name = 'a' ALLOW FILTERING",
];

/// Statements with syntax errors, which have the same position.
const SYNTAX_ERRORS: &[&str] = &[
    "SELECT key, FROM system.local",
    "SELECT * FROM system.local foo",
    "SELECT key k FROM system.local",
    "SELECT key FROM system.local WHERE x.y = 5",
    "SELECT key FROM system.local WHERE key = 'a' AND AND",
    "SELECT key FROM system.local LIMIT 'a'",
    "SELECT *\nFROM system.local\n WHERE WHERE",
    "SELECT * FROM system.local; SELECT",
    "SELECT * FROM system.local -- c",
];

/// Statements that are prepared.
const PREPARED: &[&str] = &[
    "SELECT key, rpc_port FROM system.local WHERE key = ?",
    "SELECT toJson(replication) AS r FROM system_schema.keyspaces WHERE keyspace_name = :name",
    "SELECT * FROM system_schema.columns WHERE table_name IN ? AND keyspace_name = ? LIMIT ?",
    "SELECT JSON key FROM system.local WHERE key IN (?, 'a', :b) PER PARTITION LIMIT ? LIMIT :l",
    "SELECT key FROM system.local WHERE key > ? ALLOW FILTERING",
    "SELECT key FROM system.local WHERE key > ? AND key < ? ALLOW FILTERING",
    "SELECT key FROM system.local WHERE key IN ?",
    "SELECT peer FROM system.peers_v2 WHERE peer_port > ? AND peer = :p",
    "SELECT count(*) FROM system.peers_v2 WHERE peer_port = 7000 ALLOW FILTERING",
    "SELECT key FROM system.local WHERE token(key) > ? AND token(key) <= token(?)",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = ? AND (table_name, column_name) > (?, :c)",
    "SELECT kind FROM system_schema.columns WHERE keyspace_name = ? AND (table_name, column_name) > ?",
    "SELECT kind FROM system_schema.columns WHERE keyspace_name = ? AND (table_name, column_name) IN ?",
    "SELECT kind FROM system_schema.columns WHERE keyspace_name = ? AND (table_name, column_name) IN \
     (?, ?)",
    "SELECT kind FROM system_schema.columns WHERE keyspace_name = ? AND (table_name, column_name) IN \
     ((?, ?), ('a', ?))",
    "SELECT key FROM system.local WHERE tokens CONTAINS ? AND tokens CONTAINS :t ALLOW FILTERING",
    "SELECT table_name FROM system_schema.tables WHERE flags = {'a', ?} AND caching = {?: ?} ALLOW \
     FILTERING",
    "SELECT table_name FROM system_schema.tables WHERE compaction CONTAINS KEY ? AND compaction \
     CONTAINS ? ALLOW FILTERING",
    "SELECT flags[?], compaction[?..:b], totimestamp((date)?), intasblob(?) FROM system_schema.tables",
    "SELECT key FROM system.local WHERE key = blobastext(?) AND rpc_port = blobasint(:b) ALLOW FILTERING",
    "SELECT min(position), sum(position) AS s, count(*), now(), uuid(), current_date(), \
     currentTime(), toJson(kind), cast(position AS decimal) FROM system_schema.columns",
    "SELECT key FROM system.local WHERE key = (text)? LIMIT :l",
];

/// Sends a request without values and returns the response.
pub(crate) async fn request(
    connection: &Connection,
    request: impl Into<Request<'static>>,
) -> Result<Response, Failed> {
    let frame = RequestFrame::new(Stream(0), request);
    Ok(connection.request(&frame, None).await?.response)
}

pub(crate) async fn connect(address: SocketAddr) -> Result<Connection, Failed> {
    let options = ConnectionOptions { version: Version::V4, ..Default::default() };
    Ok(Connection::connect(address, &options).await?)
}

/// Returns a result or an error in a form that can be compared.
pub(crate) fn summary(response: Response) -> Result<Vec<String>, Failed> {
    let columns = |metadata: &RowsMetadata| -> Vec<String> {
        let columns = metadata.columns.iter().flat_map(|columns| columns.iter());
        columns
            .map(|column| format!("{} {} {}", column.table, column.name, column.cql_type))
            .collect()
    };
    Ok(match response {
        Response::Error(error) => vec![format!("{:?}: {}", error.code, error.message)],
        Response::Result(ResultMessage::Rows(Rows { metadata, count, content })) => {
            let mut lines = columns(&metadata);
            let columns = metadata.columns.unwrap_or_default();
            for row in RowIter::<Vec<Value>>::new(&content, &columns, count)? {
                lines.push(format!("{:?}", row?));
            }
            lines
        }
        Response::Result(ResultMessage::Prepared(prepared)) => {
            let mut lines = columns(&prepared.result);
            lines.push(format!("{:?}", prepared.variables.columns));
            lines.push(format!("{:?}", prepared.variables.partition_key));
            lines
        }
        other => return Err(format!("unexpected response {other:?}").into()),
    })
}

/// `MockServer` answers SELECTs from the system tables as Cassandra 5.0 does.
pub(crate) fn mock_server_has_the_same_system_tables(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let server = MockServer::bind("127.0.0.1:0").await?;
        let real = connect(node.address).await?;
        let mock = connect(server.address()).await?;
        let mut differences = Vec::new();
        for statement in [RESULTS, ERRORS].concat() {
            let query = || Query { text: statement.into(), parameters: Consistency::One.into() };
            let expected = summary(request(&real, query()).await?)?;
            let found = summary(request(&mock, query()).await?)?;
            if found != expected {
                differences.push(format!("{statement}\n  {expected:?}\n  {found:?}"));
            }
        }
        for statement in SYNTAX_ERRORS {
            let query = || Query { text: (*statement).into(), parameters: Consistency::One.into() };
            let mut positions = Vec::new();
            for connection in [&real, &mock] {
                match request(connection, query()).await? {
                    Response::Error(error) if error.code == ErrorCode::Syntax => {
                        let position = error.message.split(' ').take(2).collect::<Vec<_>>();
                        positions.push(position.join(" "));
                    }
                    other => differences.push(format!("{statement}\n  {other:?}")),
                }
            }
            if positions.windows(2).any(|pair| pair[0] != pair[1]) {
                differences.push(format!("{statement}\n  {positions:?}"));
            }
        }
        for statement in PREPARED {
            let expected = summary(request(&real, Prepare::new(*statement)).await?)?;
            let found = summary(request(&mock, Prepare::new(*statement)).await?)?;
            if found != expected {
                differences.push(format!("PREPARE {statement}\n  {expected:?}\n  {found:?}"));
            }
        }
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        Ok(())
    })
}
