//! Simulations that `cargo test` runs.

use crate::{report::Report, run::run, schedule::Schedule};

fn simulate(seed: u64) -> Report {
    let schedule = Schedule::new(seed);
    let report = run(&schedule, false);
    assert_eq!(report.findings, [], "{schedule}");
    report
}

#[test]
fn a_hundred_schedules_break_no_promise() {
    let mut requests = 0;
    for seed in 0..100 {
        requests += simulate(seed).requests;
    }
    assert!(requests > 1_000, "{requests}");
}

#[test]
fn a_seed_is_one_history() {
    for seed in 0..30 {
        let [one, other] =
            [simulate(seed), simulate(seed)].map(|report| (report.events, report.hash));
        assert_eq!(one, other, "seed {seed}");
        assert!(one.0 > 0);
    }
}
