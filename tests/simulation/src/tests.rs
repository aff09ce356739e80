//! Simulations that `cargo test` runs.

use std::{fs, path::Path, sync::Arc};

use crate::{node_event::NodeEvent, report::Report, run::run, schedule::Schedule};

fn simulate(schedule: Schedule) -> Report {
    let schedule = Arc::new(schedule);
    let report = run(&schedule, false);
    assert_eq!(report.findings, [], "{schedule}");
    report
}

#[test]
fn a_hundred_schedules_break_no_promise() {
    let (mut requests, mut moves) = (0, 0);
    for seed in 0..100 {
        let report = simulate(Schedule::new(seed));
        requests += report.requests;
        moves += report.node_events.get(&NodeEvent::ChangeAddress).copied().unwrap_or_default();
    }
    assert!(requests > 1_000 && moves > 0, "{requests} requests, {moves} changes of addresses");
}

#[test]
fn a_seed_is_one_history() {
    for seed in 0..30 {
        let [one, other] = [seed, seed]
            .map(|seed| simulate(Schedule::new(seed)))
            .map(|report| (report.events, report.hash));
        assert_eq!(one, other, "seed {seed}");
        assert!(one.0 > 0);
    }
}

#[test]
fn a_schedule_is_the_same_after_it_is_written_and_read() {
    for seed in 0..1_000 {
        let schedule = Schedule::new(seed);
        let read: Schedule = schedule.to_string().parse().unwrap();
        assert_eq!(read, schedule);
    }
}

/// Each file has a schedule that broke a promise when the driver had the fault that its name says.
#[test]
fn schedules_that_found_a_fault_break_no_promise() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("found");
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension() == Some("ron".as_ref())).collect();
    files.sort();
    assert!(files.len() >= 18, "schedules are missing: {files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let schedule = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(run(&Arc::new(schedule), false).findings, [], "{}", file.display());
    }
}
