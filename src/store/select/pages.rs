//! Pages of SELECT.

use std::cell::Cell;
use std::sync::Arc;

use super::golden::Tables;
use super::{PageRequest, SelectPlan};
use crate::cql::parse_select;
use crate::message::ErrorCode;
use crate::store::clock::{Clock, UuidSource};
use crate::store::variables::BoundValues;
use crate::store::{Database, Row, Scan, TableSchema};
use crate::types::Value;

/// Reads all pages of a statement, and returns the rows of each.
fn pages(statement: &str, size: i32) -> Vec<Vec<Vec<Value>>> {
    let tables = Tables::new();
    let plan = SelectPlan::new(&parse_select(statement).unwrap(), &tables).unwrap();
    let bound = BoundValues::new(&plan.variables, &[]).unwrap();
    let uuids = UuidSource::new(1);
    let clock = Clock { now: 0, seconds: 0, uuids: &uuids };
    let mut pages = Vec::new();
    let mut state = None;
    loop {
        let page = PageRequest { size: Some(size), state: state.as_deref() };
        let result = plan.execute(&tables, &bound, &clock, page).unwrap();
        assert!(result.rows.len() <= size.unsigned_abs() as usize, "{statement}");
        pages.push(result.rows);
        state = result.paging_state;
        assert!(pages.len() < 20, "{statement}");
        if state.is_none() {
            return pages;
        }
    }
}

#[test]
fn pages_of_every_size_have_the_rows_of_the_whole_result() {
    for statement in [
        "SELECT * FROM ks.o",
        "SELECT * FROM ks.o LIMIT 4",
        "SELECT * FROM ks.o PER PARTITION LIMIT 2",
        "SELECT * FROM ks.o PER PARTITION LIMIT 2 LIMIT 3",
        "SELECT DISTINCT k, s FROM ks.o",
        "SELECT * FROM ks.o WHERE k = 0",
        "SELECT * FROM ks.o WHERE k = 0 ORDER BY c DESC",
        "SELECT * FROM ks.o WHERE k = 0 AND c = 1",
        "SELECT * FROM ks.o WHERE k = 0 AND c IN (1, 2)",
        "SELECT * FROM ks.o WHERE k = 0 AND c IN (1, 2) ORDER BY c DESC",
        "SELECT * FROM ks.o WHERE k IN (2, 0, 3)",
        "SELECT * FROM ks.o WHERE k IN (2, 0) AND c IN (1, 2, 5)",
        "SELECT * FROM ks.o WHERE token(k) > token(1)",
        "SELECT * FROM ks.o WHERE v > 1 ALLOW FILTERING",
        "SELECT k, c, count(*) FROM ks.o GROUP BY k, c",
        "SELECT k, count(*) FROM ks.o GROUP BY k LIMIT 3",
        "SELECT k, c, sum(v) FROM ks.o GROUP BY k, c PER PARTITION LIMIT 1",
    ] {
        let whole = pages(statement, i32::MAX).concat();
        assert!(!whole.is_empty(), "{statement}");
        for size in 1..8 {
            assert_eq!(pages(statement, size).concat(), whole, "{statement} {size}");
        }
    }
}

#[test]
fn the_page_that_reaches_the_limit_or_is_not_full_is_the_last() {
    let counts = |statement, size| pages(statement, size).iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(counts("SELECT * FROM ks.o", 4), [4, 2]);
    assert_eq!(counts("SELECT * FROM ks.o LIMIT 4", 2), [2, 2]);
    assert_eq!(counts("SELECT * FROM ks.o LIMIT 4", 4), [4]);
    // The server does not look for more rows.
    assert_eq!(counts("SELECT * FROM ks.o", 6), [6, 0]);
    // All rows are one group.
    assert_eq!(counts("SELECT count(*) FROM ks.o", 1), [1]);
}

#[test]
fn refuses_states_that_it_did_not_make_and_pages_of_sorted_partitions() {
    let tables = Tables::new();
    let error = |statement, page| {
        let plan = SelectPlan::new(&parse_select(statement).unwrap(), &tables).unwrap();
        let bound = BoundValues::new(&plan.variables, &[]).unwrap();
        let uuids = UuidSource::new(1);
        let clock = Clock { now: 0, seconds: 0, uuids: &uuids };
        plan.execute(&tables, &bound, &clock, page).unwrap_err()
    };
    let page = PageRequest { size: Some(2), state: Some(b"garbage") };
    let refusal = error("SELECT * FROM ks.o", page);
    assert_eq!(refusal.code, ErrorCode::Protocol);
    assert_eq!(refusal.message, "Invalid value for the paging state");
    let page = PageRequest { size: Some(2), state: None };
    let refusal = error("SELECT * FROM ks.o WHERE k IN (0, 1) ORDER BY c", page);
    assert_eq!(
        refusal.message,
        "Cannot page queries with both ORDER BY and a IN restriction on the partition key; you must \
         either remove the ORDER BY or the IN and sort client side, or disable paging for this query"
    );
}

/// The tables, and the number of rows that were read from them.
struct Counted(Tables, Cell<usize>);

impl Database for Counted {
    fn has_keyspace(&self, keyspace: &str) -> bool {
        self.0.has_keyspace(keyspace)
    }

    fn table(&self, keyspace: &str, table: &str) -> Option<Arc<TableSchema>> {
        self.0.table(keyspace, table)
    }

    fn scan<'d>(
        &'d self,
        table: &'d TableSchema,
        scan: &'d Scan,
    ) -> Box<dyn Iterator<Item = Row> + 'd> {
        let count = |_: &Row| self.1.set(self.1.get() + 1);
        Box::new(self.0.scan(table, scan).inspect(count))
    }
}

#[test]
fn reads_only_the_rows_of_the_key_of_the_range_or_of_the_page() {
    for (statement, size, read) in [
        ("SELECT v FROM ks.o WHERE k = 0 AND c = 1 AND d = 1", None, 1),
        ("SELECT v FROM ks.o WHERE k = 0 AND c IN (1, 2) AND d = 1", None, 2),
        ("SELECT v FROM ks.o WHERE k = 0 AND c > 1", None, 1),
        ("SELECT v FROM ks.o WHERE k = 0 AND (c, d) IN ((1, 2), (9, 9))", None, 1),
        ("SELECT v FROM ks.o WHERE k IN (1, 2)", None, 2),
        ("SELECT v FROM ks.o WHERE token(k) > 0", None, 1),
        ("SELECT v FROM ks.o LIMIT 2", None, 2),
        ("SELECT v FROM ks.o", Some(3), 3),
        // One row of each partition.
        ("SELECT DISTINCT k FROM ks.o", None, 4),
        ("SELECT v FROM ks.o PER PARTITION LIMIT 1", None, 4),
        ("SELECT v FROM ks.o", None, 6),
    ] {
        let tables = Counted(Tables::new(), Cell::new(0));
        let plan = SelectPlan::new(&parse_select(statement).unwrap(), &tables).unwrap();
        let bound = BoundValues::new(&plan.variables, &[]).unwrap();
        let uuids = UuidSource::new(1);
        let clock = Clock { now: 0, seconds: 0, uuids: &uuids };
        plan.execute(&tables, &bound, &clock, PageRequest { size, state: None }).unwrap();
        assert_eq!(tables.1.get(), read, "{statement}");
    }
}
