//! The CPU time of processes.

use std::{fs, time::Duration};

/// Length of a tick of `/proc/self/stat`, which is the same on all of Linux's architectures.
const TICK: Duration = Duration::from_millis(10);

/// Returns the CPU time that this process has used, or `None` if the system is not Linux.
pub(crate) fn used() -> Option<Duration> {
    used_by("self")
}

/// Returns the CPU time that the process with this id has used, or `None` if the system is not Linux.
pub(crate) fn used_by(process: &str) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program, in parentheses, may contain spaces.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some(TICK * (ticks()? + ticks()?))
}
