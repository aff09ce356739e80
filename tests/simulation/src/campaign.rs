//! Runs the schedules of many seeds.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    arguments::Run, report::Report, run::run as run_schedule, schedule::Schedule, shrink::shrink,
    summary::Summary,
};

/// Interval between two lines about the progress.
const PROGRESS: Duration = Duration::from_secs(10);

/// Runs the schedules, and prints a summary. Returns true if every promise was kept.
pub(crate) fn run(options: &Run) -> bool {
    let begin = Instant::now();
    let campaign = Campaign {
        options,
        next: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
        summary: Mutex::default(),
    };
    thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| campaign.work());
        }
        campaign.print_progress(begin);
    });
    let summary = campaign.summary.into_inner().unwrap_or_else(PoisonError::into_inner);
    let rate = summary.schedules as f64 / begin.elapsed().as_secs_f64();
    println!("{summary}{rate:.0} schedules per second");
    summary.failures == 0
}

struct Campaign<'o> {
    options: &'o Run,
    /// Number of schedules that were begun.
    next: AtomicU64,
    is_over: AtomicBool,
    summary: Mutex<Summary>,
}

impl Campaign<'_> {
    fn work(&self) {
        while !self.is_over.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.options.schedules {
                break;
            }
            let schedule = Schedule::new(self.options.first + number);
            let report = run_schedule(&schedule, false);
            if let Some(finding) = report.findings.first() {
                let kept = shrink(&schedule, finding);
                print_failure(&schedule, &report, &kept);
            }
            let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
            summary.add(&report);
            if summary.failures >= self.options.failures {
                self.is_over.store(true, Ordering::Relaxed);
            }
        }
        self.next.fetch_max(self.options.schedules, Ordering::Relaxed);
    }

    fn print_progress(&self, begin: Instant) {
        let mut printed = begin;
        while self.next.load(Ordering::Relaxed) < self.options.schedules {
            thread::sleep(Duration::from_millis(50));
            if printed.elapsed() >= PROGRESS {
                printed = Instant::now();
                let done = self.next.load(Ordering::Relaxed);
                eprintln!("{done} schedules in {:.0?}", begin.elapsed());
            }
        }
    }
}

fn print_failure(schedule: &Schedule, report: &Report, kept: &[usize]) {
    let faults: Vec<_> = kept.iter().map(ToString::to_string).collect();
    let mut smaller = schedule.clone();
    smaller.keep(kept);
    print!("{smaller}");
    for finding in &report.findings {
        println!("  BROKEN: {finding}");
    }
    println!(
        "  replay: cargo simulate replay {} --faults {} --trace",
        schedule.seed,
        faults.join(",")
    );
}
