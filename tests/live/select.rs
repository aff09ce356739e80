//! SELECTs on the store of `MockServer` beside those on a real node: rows, pages and errors.

use cqlwire::message::{Parameters, Query, Response, ResultMessage};
use cqlwire::testing::MockServer;
use cqlwire::types::{RowIter, Value};
use cqlwire::wire::Consistency;
use libtest_mimic::Failed;

use crate::fleet::{Node, runtime};
use crate::system_tables::{connect, request, summary};

const TABLES: &[&str] = &[
    "DROP KEYSPACE IF EXISTS select_test",
    "CREATE KEYSPACE select_test WITH replication = {'class': 'SimpleStrategy', \
     'replication_factor': 1}",
    "CREATE TYPE select_test.ud (x int, \"Y y\" text)",
    "CREATE TABLE select_test.o (k int, c int, d int, s int static, v int, PRIMARY KEY (k, c, d)) WITH \
     CLUSTERING ORDER BY (c ASC, d DESC)",
    "INSERT INTO select_test.o (k, c, d, s, v) VALUES (0, 1, 1, 10, 1)",
    "INSERT INTO select_test.o (k, c, d, v) VALUES (0, 1, 2, 2)",
    "INSERT INTO select_test.o (k, c, d, v) VALUES (0, 2, 1, 3)",
    "INSERT INTO select_test.o (k, c, d, v) VALUES (1, 1, 1, 4)",
    "INSERT INTO select_test.o (k, c, d, v) VALUES (2, 5, 1, 5)",
    "INSERT INTO select_test.o (k, s) VALUES (3, 7)",
    "CREATE TABLE select_test.u (k int PRIMARY KEY, de decimal, db double, fl float, ine inet, \
     ti time, da date, ts timestamp, vi varint, f frozen<ud>, n ud, m map<int, text>, \
     l list<int>, se set<int>, tt tuple<int, text>, v int)",
    "INSERT INTO select_test.u (k, de, db, fl, ine, ti, da, ts, vi, f, n, m, l, se, tt, v) VALUES (1, 1.50, \
     1, 1.1, '::1', '01:02:03.000000004', '2020-01-02', '2020-01-02 03:04:05.006+0000', \
     123456789012345678901234567890, {x: 1, \"Y y\": 'a'}, {x: 2}, {1: 'a', 2: 'b'}, [1, 2, 2], \
     {3, 1, 2}, (1, null), 5)",
    "INSERT INTO select_test.u (k, db, fl, de, m) VALUES (2, NaN, -Infinity, -0.00001, {})",
    "INSERT INTO select_test.u (k, db, fl, de, ts) VALUES (3, 1e22, 16777216, 1e20, -1)",
];

/// Statements whose results are read whole and in pages.
const PAGED: &[&str] = &[
    "SELECT * FROM select_test.o",
    "SELECT * FROM select_test.o LIMIT 4",
    "SELECT k, c FROM select_test.o PER PARTITION LIMIT 1",
    "SELECT k, c FROM select_test.o PER PARTITION LIMIT 2 LIMIT 3",
    "SELECT DISTINCT k, s FROM select_test.o",
    "SELECT DISTINCT k FROM select_test.o WHERE k IN (0, 3)",
    "SELECT * FROM select_test.o WHERE k = 0",
    "SELECT * FROM select_test.o WHERE k = 0 ORDER BY c DESC",
    "SELECT * FROM select_test.o WHERE k = 0 AND c IN (2, 1) ORDER BY c DESC",
    "SELECT * FROM select_test.o WHERE k = 0 AND (c, d) > (1, 1)",
    "SELECT * FROM select_test.o WHERE k = 0 AND (c, d) IN ((2, 1), (1, 1))",
    "SELECT * FROM select_test.o WHERE k IN (2, 0, 3)",
    "SELECT * FROM select_test.o WHERE token(k) > token(1)",
    "SELECT * FROM select_test.o WHERE v > 1 ALLOW FILTERING",
    "SELECT * FROM select_test.o WHERE d = 1 ALLOW FILTERING",
    "SELECT k, v FROM select_test.u",
];

/// Statements whose results or errors are equal.
const STATEMENTS: &[&str] = &[
    "SELECT JSON * FROM select_test.u",
    "SELECT n.x, f.\"Y y\", f.x AS q, m[1], se[2], m[..1], se[2..], m[7..8] FROM select_test.u",
    "SELECT toJson(n), toJson(f), toJson(vi), toJson(ti), toJson(da) FROM select_test.u",
    "SELECT cast(db AS text), cast(fl AS text), cast(de AS text), cast(ts AS text), cast(da AS text), \
     cast(ti AS text), cast(ine AS text), cast(vi AS text) FROM select_test.u",
    "SELECT cast(db AS int), cast(de AS double), cast(vi AS int), cast(vi AS bigint), cast(de AS varint), \
     cast(vi AS decimal) FROM select_test.u",
    "SELECT sum(de), avg(de), sum(fl), avg(fl), avg(vi), sum(vi), sum(db), min(db), max(db), min(fl), \
     avg(k), max(f), min(ts), min(l), max(m) FROM select_test.u",
    "SELECT k, count(*) FROM select_test.o GROUP BY k",
    "SELECT k, c, count(*), sum(v) FROM select_test.o GROUP BY k, c PER PARTITION LIMIT 1",
    "SELECT k, c, max(d) FROM select_test.o GROUP BY k, c LIMIT 3",
    "SELECT DISTINCT k, count(*) FROM select_test.o",
    "SELECT k FROM select_test.o WHERE k IN (2, 0, 1) ORDER BY c DESC",
    "SELECT v FROM select_test.o WHERE k IN (2, 0, 1) ORDER BY c LIMIT 3",
    "SELECT k FROM select_test.u WHERE m CONTAINS 'a' AND se CONTAINS 3 ALLOW FILTERING",
    "SELECT k FROM select_test.u WHERE m[1] = 'a' ALLOW FILTERING",
    "SELECT k FROM select_test.u WHERE f > {x: 0} ALLOW FILTERING",
    "SELECT k FROM select_test.u WHERE tt = (1, null) ALLOW FILTERING",
    "SELECT k FROM select_test.u WHERE db > 0 ALLOW FILTERING",
    "SELECT k FROM select_test.u WHERE de = 1.5 ALLOW FILTERING",
    "SELECT k FROM select_test.u WHERE n = {x: 2} ALLOW FILTERING",
    "SELECT k FROM select_test.u WHERE m[1] > 'a' ALLOW FILTERING",
    "SELECT k FROM select_test.u WHERE m CONTAINS 1 ALLOW FILTERING",
    "SELECT k, s FROM select_test.o WHERE k = 3 AND c = 1",
    "SELECT k FROM select_test.o WHERE k = 0 AND (c, d) > (1, 1) AND c > 0",
    "SELECT DISTINCT k FROM select_test.o WHERE c = 1",
    "SELECT collection_count(v) FROM select_test.u",
    "SELECT cast(fl AS decimal) FROM select_test.u WHERE k = 2",
];

/// Returns the rows of each page, or the error.
async fn pages(
    connection: &cqlwire::connection::Connection,
    statement: &'static str,
    size: i32,
) -> Result<Vec<String>, Failed> {
    let mut pages = Vec::new();
    let mut state = None;
    loop {
        let parameters = Parameters {
            page_size: Some(size),
            paging_state: state.take(),
            ..Consistency::One.into()
        };
        let query = Query { text: statement.into(), parameters };
        let rows = match request(connection, query).await? {
            Response::Result(ResultMessage::Rows(rows)) => rows,
            other => return summary(other),
        };
        let columns = rows.metadata.columns.unwrap_or_default();
        let mut page = Vec::new();
        for row in RowIter::<Vec<Value>>::new(&rows.content, &columns, rows.count)? {
            page.push(format!("{:?}", row?));
        }
        pages.push(page.join("; "));
        state = rows.metadata.paging_state.map(|state| state.to_vec().into());
        if state.is_none() {
            return Ok(pages);
        }
    }
}

/// The store of `MockServer` answers SELECTs as Cassandra 5.0 does, whole and in pages.
pub(crate) fn mock_server_selects_the_same_rows_and_pages(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let server = MockServer::bind("127.0.0.1:0").await?;
        let real = connect(node.address).await?;
        let mock = connect(server.address()).await?;
        let query =
            |text: &'static str| Query { text: text.into(), parameters: Consistency::One.into() };
        for connection in [&real, &mock] {
            for statement in TABLES {
                if let Response::Error(error) = request(connection, query(statement)).await? {
                    return Err(format!("{statement}: {}", error.message).into());
                }
            }
        }
        let mut differences = Vec::new();
        for statement in [PAGED, STATEMENTS].concat() {
            let expected = summary(request(&real, query(statement)).await?)?;
            let found = summary(request(&mock, query(statement)).await?)?;
            if found != expected {
                differences.push(format!("{statement}\n  {expected:?}\n  {found:?}"));
            }
        }
        for statement in PAGED {
            for size in 1..5 {
                let expected = pages(&real, statement, size).await?;
                let found = pages(&mock, statement, size).await?;
                if found != expected {
                    differences.push(format!("{size}: {statement}\n  {expected:?}\n  {found:?}"));
                }
            }
        }
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        Ok(())
    })
}
