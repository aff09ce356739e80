//! Simulations that `cargo test` runs.

use crate::{report::Report, run::run, schedule::Schedule};

/// Seeds whose schedules broke a promise once, with the fault that was found.
const FOUND: &[(u64, &str)] = &[
    (4_712, "a response on the stream of events was ignored, and its request never ended"),
    (5_380, "the same in v3"),
];

fn simulate(seed: u64) -> Report {
    let schedule = Schedule::new(seed);
    let report = run(&schedule, false);
    assert_eq!(report.findings, [], "{schedule}");
    report
}

#[test]
fn faults_that_were_found_stay_away() {
    for &(seed, _) in FOUND {
        simulate(seed);
    }
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
