//! Many rows. The speed of an optimized build:
//!
//! ```sh
//! cargo test --release --all-features --lib store::database::tests::figures -- --nocapture
//! ```

use std::time::Instant;

use super::*;

/// Number of rows.
const ROWS: i32 = 100_000;

/// Number of rows in a page.
const PAGE: i32 = 5_000;

#[test]
fn writes_a_hundred_thousand_rows_and_reads_them_page_by_page() {
    let mut session = Session::with(&["CREATE TABLE users (username text PRIMARY KEY, n int)"]);
    let insert = "INSERT INTO users (username, n) VALUES (?, ?)";
    let prepared = session.store.prepare(insert, Some("ks"), &NoTables).unwrap();
    let started = Instant::now();
    for row in 0..ROWS {
        let values = [Some(Value::Text(format!("user_{row}"))), Some(Value::Int(row))];
        let encoded = encode(prepared.variables(), &values);
        session.now += 1;
        let execution =
            Execution { values: named(&encoded), now: session.now, ..Execution::default() };
        session.store.execute(&prepared, &execution, &NoTables).unwrap();
    }
    println!("{ROWS} inserts: {:?}", started.elapsed());

    let select = "SELECT username, n FROM users";
    let prepared = session.store.prepare(select, Some("ks"), &NoTables).unwrap();
    let started = Instant::now();
    let (mut count, mut pages, mut sum) = (0, 0, 0);
    let mut state: Option<bytes::Bytes> = None;
    loop {
        let page = PageRequest { size: Some(PAGE), state: state.as_deref() };
        let execution = Execution { page, now: session.now, ..Execution::default() };
        let outcome = session.store.execute(&prepared, &execution, &NoTables).unwrap();
        let Outcome::Rows { rows, paging_state, .. } = outcome else { panic!("no rows") };
        pages += 1;
        count += rows.len();
        sum += rows.iter().filter_map(|row| row[1].as_i64()).sum::<i64>();
        state = paging_state;
        if state.is_none() {
            break;
        }
    }
    println!("{pages} pages of {PAGE}: {:?}", started.elapsed());
    let rows = i64::from(ROWS);
    assert_eq!((count, sum), (100_000, rows * (rows - 1) / 2));

    let select = "SELECT n FROM users WHERE username = ?";
    let prepared = session.store.prepare(select, Some("ks"), &NoTables).unwrap();
    let started = Instant::now();
    for row in 0..ROWS {
        let values = [Some(Value::Text(format!("user_{row}")))];
        let encoded = encode(prepared.variables(), &values);
        let execution =
            Execution { values: named(&encoded), now: session.now, ..Execution::default() };
        let outcome = session.store.execute(&prepared, &execution, &NoTables).unwrap();
        let Outcome::Rows { rows, .. } = outcome else { panic!("no rows") };
        assert_eq!(rows, [[Value::Int(row)]]);
    }
    println!("{ROWS} reads by key: {:?}", started.elapsed());
}
