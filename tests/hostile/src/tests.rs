//! A sample of the cases, which `cargo test` runs, and the cases that once broke a promise.

use std::sync::{Mutex, PoisonError};

use crate::{
    arguments::{Options, Run, Sample, Side},
    campaign::run_all,
    watchdog,
};

/// Held by each test that measures the memory of the process.
static MEASURING: Mutex<()> = Mutex::new(());

/// Returns the options of a run of all setups and positions.
fn all() -> Run {
    Run {
        options: Options { setups: Vec::new(), direction: None },
        first: 0,
        positions: usize::MAX,
        sample: Sample { fields: 20, seed: 0 },
        every: 1,
        named: String::new(),
        failures: 5,
    }
}

fn assert_kept(options: &Run, cases: u64) {
    let _guard = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    watchdog::start();
    let summary = run_all(options);
    assert_eq!(summary.broken, 0, "see the output above");
    assert!(summary.cases >= cases, "{summary}");
}

#[test]
fn a_sample_of_lies_breaks_no_promise() {
    // A prime number, so that each position has other mutations.
    assert_kept(&Run { every: 2_503, ..all() }, 70);
}

#[test]
fn rows_of_system_tables_without_columns_take_no_memory() {
    let options = Options { setups: vec!["v4".parse().unwrap()], direction: Some(Side::Response) };
    let named = "Rows of no columns".to_owned();
    assert_kept(&Run { options, named, positions: 40, ..all() }, 20);
}

#[test]
fn reads_of_system_tables_obey_the_limit_of_the_connection() {
    let options =
        Options { setups: vec!["v4-lz4".parse().unwrap()], direction: Some(Side::Response) };
    let named = "4194305 bytes in".to_owned();
    assert_kept(&Run { options, named, positions: 40, ..all() }, 20);
}
