//! Runs the schedules of many seeds.

use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
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
            let schedule = Arc::new(Schedule::new(self.options.first + number));
            let report = run_schedule(&schedule, false);
            if !report.findings.is_empty() {
                self.print_failure(&schedule, &report);
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

    /// Prints the broken promises, and then the schedule without the faults that do not matter.
    fn print_failure(&self, schedule: &Schedule, report: &Report) {
        let Some(finding) = report.findings.first() else { return };
        let seed = schedule.seed;
        let broken = report.findings.iter().map(|finding| format!("  BROKEN: {finding}\n"));
        print!("seed {seed}:\n{}", broken.collect::<String>());
        let (mut smaller, mut faults) = (schedule.clone(), String::new());
        if !self.options.no_shrink {
            let kept = shrink(schedule, finding);
            smaller.keep(&kept);
            let kept: Vec<_> = kept.iter().map(ToString::to_string).collect();
            faults = format!(" --faults {}", kept.join(","));
        }
        println!("{smaller}");
        match &self.options.save {
            Some(directory) => match save(directory, &smaller) {
                Ok(file) => println!("  replay: cargo simulate replay {file} --trace"),
                Err(error) => eprintln!("the schedule is not stored: {error}"),
            },
            None => println!("  replay: cargo simulate replay {seed}{faults} --trace"),
        }
    }
}

/// Stores a schedule, and returns its file.
fn save(directory: &Path, schedule: &Schedule) -> std::io::Result<String> {
    fs::create_dir_all(directory)?;
    let file = directory.join(format!("seed-{}.ron", schedule.seed));
    fs::write(&file, format!("{schedule}\n"))?;
    Ok(file.display().to_string())
}
