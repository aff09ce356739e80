//! The progress bar of a load.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// A progress bar on stderr, if stderr is a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    start: Instant,
    painted: Instant,
}

/// Time between two updates.
const INTERVAL: Duration = Duration::from_millis(100);

impl Progress {
    /// Shows the bar. `size` is the size of the inputs in bytes, if it is known.
    pub(super) fn start(size: Option<u64>) -> Self {
        let start = Instant::now();
        let bar = stderr().is_terminal().then(|| {
            let (bar, template) = match size {
                Some(size) => {
                    let template = "{wide_bar} {bytes}/{total_bytes}  {msg}  {eta} left";
                    (ProgressBar::new(size), template)
                }
                None => (ProgressBar::no_length(), "{spinner} {bytes} read  {msg}"),
            };
            let style = ProgressStyle::with_template(template);
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, start, painted: start }
    }

    /// Updates the bar.
    pub(super) fn update(&mut self, bytes: u64, rows: u64) {
        let Some(bar) = &self.bar else { return };
        if self.painted.elapsed() < INTERVAL {
            return;
        }
        self.painted = Instant::now();
        let rate = rows as f64 / self.start.elapsed().as_secs_f64();
        bar.set_message(format!("{} rows  {rate:.0} rows/s", HumanCount(rows)));
        bar.set_position(bytes);
    }

    /// Prints a line above the bar.
    pub(super) fn print(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// Removes the bar, and returns the time since its start.
    pub(super) fn finish(&self) -> Duration {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.start.elapsed()
    }
}
