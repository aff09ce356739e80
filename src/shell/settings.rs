//! The settings that shell commands change.

use std::time::Duration;

use super::format::ValueFormat;
use super::table::{Layout, RecordFormat};
use crate::wire::Consistency;

/// Default page size of cqlsh, in rows.
const DEFAULT_PAGE_SIZE: i32 = 100;

/// The settings of a shell. A script that is run with SOURCE inherits them, and its changes end with it.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Consistency level that was chosen; `None` until then.
    pub(super) consistency: Option<Consistency>,
    /// Serial consistency level of conditional statements.
    pub(super) serial_consistency: Consistency,
    /// True to request rows in pages of `page_size`.
    pub(super) is_paging: bool,
    /// Rows in a page.
    pub(super) page_size: i32,
    /// True to trace every statement.
    pub(super) is_tracing: bool,
    /// Time to wait until a trace is complete.
    pub(super) max_trace_wait: Duration,
    /// Layout of rows.
    pub(super) layout: Layout,
    /// Format of rows for other programs; `None` prints them in `layout`.
    pub(super) records: Option<RecordFormat>,
    /// Format of values.
    pub(super) values: ValueFormat,
    /// True to print to stderr how long each statement took.
    pub(super) is_timing: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            consistency: None,
            serial_consistency: Consistency::Serial,
            is_paging: true,
            page_size: DEFAULT_PAGE_SIZE,
            is_tracing: false,
            max_trace_wait: Duration::from_secs(10),
            layout: Layout::Table,
            records: None,
            values: ValueFormat::default(),
            is_timing: false,
        }
    }
}

impl Settings {
    /// Returns the consistency level of statements.
    pub(super) fn effective_consistency(&self) -> Consistency {
        self.consistency.unwrap_or(Consistency::One)
    }

    /// Turns paging off, and resets the page size.
    pub(super) const fn end_paging(&mut self) {
        self.is_paging = false;
        self.page_size = DEFAULT_PAGE_SIZE;
    }
}

/// Changes a setting that is on or off, or leaves it for `None`. Returns the line to print.
pub(super) fn switch(name: &str, setting: &mut bool, change: Option<bool>) -> String {
    let state = |on: bool| if on { "ON" } else { "OFF" };
    match change {
        None => format!("{name} is {}", state(*setting)),
        Some(on) if on == *setting => format!("{name} is already {}", state(on)),
        Some(on) => {
            *setting = on;
            format!("{name} set to {}", state(on))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_returns_its_new_state() {
        let mut is_on = false;
        for (change, line) in [
            (None, "EXPAND is OFF"),
            (Some(true), "EXPAND set to ON"),
            (Some(true), "EXPAND is already ON"),
            (Some(false), "EXPAND set to OFF"),
        ] {
            assert_eq!(switch("EXPAND", &mut is_on, change), line);
        }
    }
}
