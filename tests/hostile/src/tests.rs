//! A sample of the cases, which `cargo test` runs.

use crate::{
    arguments::{Options, Run, Sample},
    campaign::run_all,
};

#[test]
fn a_sample_of_lies_breaks_no_promise() {
    let options = Options { setups: Vec::new(), direction: None };
    let summary = run_all(&Run {
        options,
        first: 0,
        positions: usize::MAX,
        sample: Sample { fields: 20, seed: 0 },
        every: 211,
        failures: 5,
    });
    assert_eq!(summary.broken, 0, "see the output above");
    assert!(summary.cases > 300, "{summary}");
}
