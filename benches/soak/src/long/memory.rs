//! The memory of this process, and whether it is flat.

use std::fs;

use super::record::{Memory, Sample};

/// Growth that the allocator may cause, as a part of the early memory.
const TOLERANCE: f64 = 0.1;

/// Growth that the allocator may cause, in KiB.
const TOLERANCE_KIB: u64 = 4 * 1024;

/// Returns the resident memory of this process in KiB, or `None` if the system is not Linux.
pub(crate) fn resident() -> Option<u64> {
    status("self", "VmRSS:")
}

/// Returns the largest resident memory that a process has had, in KiB.
pub(crate) fn largest_of(process: &str) -> Option<u64> {
    status(process, "VmHWM:")
}

/// Returns a value of a process's status in KiB.
fn status(process: &str, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Compares the last quarter of a stage with its second quarter. The first quarter fills caches and
/// pools. The memory is flat if its median has grown by at most a tenth, 4 MiB, and `kept`, which are
/// the bytes that the load itself keeps to verify its writes.
pub(crate) fn growth(samples: &[Sample], kept: u64) -> Memory {
    let quarter = samples.len() / 4;
    let median = |samples: &[Sample]| {
        let mut values: Vec<_> = samples.iter().filter_map(|sample| sample.memory).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(0)
    };
    let early = median(&samples[quarter..2 * quarter]);
    let late = median(&samples[samples.len() - quarter..]);
    let limit = early + (early as f64 * TOLERANCE) as u64 + TOLERANCE_KIB + kept.div_ceil(1024);
    Memory { early, late, limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(values: impl IntoIterator<Item = u64>) -> Memory {
        let sample = |memory| Sample { memory: Some(memory), ..Sample::default() };
        growth(&values.into_iter().map(sample).collect::<Vec<_>>(), 0)
    }

    #[test]
    fn memory_that_stays_is_flat_and_memory_that_grows_is_not() {
        assert!(memory([50_000; 400]).is_flat());
        assert!(memory((0..400).map(|n| 50_000 + n % 7 * 300)).is_flat());
        assert!(memory((0..400).map(|n| 30_000 + 20_000 * n.min(99) / 99)).is_flat(), "warm-up");
        assert!(!memory((0..400).map(|n| 50_000 + n * 100)).is_flat());
    }

    #[test]
    fn reads_the_memory_of_this_process() {
        if cfg!(target_os = "linux") {
            assert!(resident().is_some_and(|kib| kib > 100));
        }
    }
}
