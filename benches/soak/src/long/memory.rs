//! The memory of this process, and whether it is flat.

use std::fs;

use peak_alloc::PeakAlloc;

use super::record::{Memory, Sample};

/// The allocator, which counts the bytes in use.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Growth of the heap that counts as flat: what the records of a second take (a sample and a line of the
/// log), and the requests in flight at the time of a sample.
const TOLERANCE: u64 = 1 << 20;

/// Returns the bytes of the heap that are in use.
pub(crate) fn heap() -> u64 {
    u64::try_from(HEAP.current_usage()).unwrap_or(u64::MAX)
}

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
/// pools. The memory is flat if the median of the heap has grown by at most a mebibyte and `kept`, which
/// are the bytes that the load itself keeps to verify its writes. Returns `None` without four samples.
pub(crate) fn growth(samples: &[Sample], kept: u64) -> Option<Memory> {
    let quarter = samples.len() / 4;
    let median = |samples: &[Sample]| {
        let mut values: Vec<_> = samples.iter().map(|sample| sample.heap).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied()
    };
    let early = median(&samples[quarter..2 * quarter])?;
    let late = median(&samples[samples.len() - quarter..])?;
    Some(Memory { early, late, limit: early + TOLERANCE + kept })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_flat(values: impl IntoIterator<Item = u64>) -> bool {
        let sample = |heap| Sample { heap, ..Sample::default() };
        let samples: Vec<_> = values.into_iter().map(sample).collect();
        growth(&samples, 0).expect("there are samples").is_flat()
    }

    #[test]
    fn memory_that_stays_is_flat_and_memory_that_grows_is_not() {
        assert!(is_flat([5_000_000; 400]));
        assert!(is_flat((0..400).map(|n| 5_000_000 + n % 7 * 300_000)));
        assert!(is_flat((0..400).map(|n| 3_000_000 + 2_000_000 * n.min(99) / 99)), "warm-up");
        assert!(!is_flat((0..400).map(|n| 5_000_000 + n * 10_000)));
    }

    #[test]
    fn nothing_is_known_without_samples() {
        assert!(growth(&[], 0).is_none());
    }

    #[test]
    fn reads_the_memory_of_this_process() {
        if cfg!(target_os = "linux") {
            assert!(resident().is_some_and(|kib| kib > 100));
        }
        let (before, block) = (heap(), vec![0_u8; 1 << 24]);
        assert!(heap() > before + (1 << 23), "{} bytes are in use", block.len());
    }
}
