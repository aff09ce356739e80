//! The progress of a program on the terminal.

use std::time::Duration;

use indicatif::{ProgressBar as Bar, ProgressStyle};

use crate::table::ScanProgress;

/// A progress bar on standard error. It is hidden if standard error is not a terminal.
#[derive(Debug)]
pub(super) struct ProgressBar(Bar);

/// Number of steps of the bar.
const STEPS: u64 = 1_000;

impl ProgressBar {
    /// Shows an empty bar after the name of what is done.
    pub(super) fn new(name: String) -> Self {
        let style = "{prefix} {wide_bar} {percent:>3}% {msg}";
        let bar = Bar::new(STEPS);
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_prefix(name);
        Self(bar)
    }

    /// Shows a part from 0 to 1, the number of rows, and the time left if it is known.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of the steps"
    )]
    pub(super) fn set(&self, fraction: f64, rows: u64, per_second: f64, left: Option<Duration>) {
        self.0.set_position((fraction.clamp(0.0, 1.0) * STEPS as f64) as u64);
        let left = left.map(|left| format!(", {} left", show_duration(left)));
        self.0.set_message(format!(
            "{} rows, {}/s{}",
            show_number(rows),
            show_number(per_second as u64),
            left.unwrap_or_default()
        ));
    }

    /// Shows the progress of a scan.
    pub(super) fn show_scan(&self, scan: ScanProgress) {
        self.set(scan.fraction(), scan.rows, scan.rows_per_second(), scan.time_left());
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// Returns a number with commas between its thousands.
pub(super) fn show_number(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Returns a size with a unit, such as `1.5 MB`.
#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
pub(super) fn show_bytes(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1_000.0 && unit + 1 < units.len() {
        size /= 1_000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && size < 100.0);
    format!("{size:.digits$} {}", units.get(unit).unwrap_or(&"bytes"))
}

/// Returns a time such as `850 ms`, `12.3 s` or `2h 5m`.
pub(super) fn show_duration(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 60..3_600 => format!("{}m {}s", seconds / 60, seconds % 60),
        seconds => format!("{}h {}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_for_people() {
        assert_eq!(show_number(0), "0");
        assert_eq!(show_number(999), "999");
        assert_eq!(show_number(1_234_567), "1,234,567");
        assert_eq!(show_bytes(999), "999 bytes");
        assert_eq!(show_bytes(1_500), "1.5 kB");
        assert_eq!(show_bytes(123_456_789), "123 MB");
        assert_eq!(show_duration(Duration::from_millis(850)), "850 ms");
        assert_eq!(show_duration(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(show_duration(Duration::from_secs(7_500)), "2h 5m");
    }
}
