//! Finds the faults of a schedule that matter.

use std::sync::Arc;

use crate::{report::Finding, run::run, schedule::Schedule};

/// Number of schedules that are run at most.
const MAX_RUNS: u32 = 200;

/// Removes faults from a schedule as long as it still breaks the same promise. Returns the numbers of
/// the faults that remain.
pub(crate) fn shrink(schedule: &Schedule, finding: &Finding) -> Vec<usize> {
    shrink_with(schedule.faults.len(), |kept| {
        let mut smaller = schedule.clone();
        smaller.keep(kept);
        let report = run(&Arc::new(smaller), false);
        report.findings.iter().any(|other| other.is_same_kind(finding))
    })
}

/// Returns the numbers below `faults` that are left after removing those that `is_broken` does not need.
/// Calls it at most [`MAX_RUNS`] times.
fn shrink_with(faults: usize, mut is_broken: impl FnMut(&[usize]) -> bool) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..faults).collect();
    let mut size = kept.len().div_ceil(2);
    let mut runs = 0;
    while size > 0 {
        let mut start = 0;
        while start < kept.len() && runs < MAX_RUNS {
            let end = (start + size).min(kept.len());
            let rest = [&kept[..start], &kept[end..]].concat();
            runs += 1;
            match is_broken(&rest) {
                true => kept = rest,
                false => start = end,
            }
        }
        size /= 2;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_only_the_faults_that_matter() {
        for faults in 0..40 {
            let needed: Vec<_> = (0..faults).filter(|fault| fault % 13 == 4).collect();
            let kept = shrink_with(faults, |kept| needed.iter().all(|fault| kept.contains(fault)));
            assert_eq!(kept, needed);
        }
    }

    #[test]
    fn runs_a_limited_number_of_schedules() {
        let mut runs = 0;
        let kept = shrink_with(1_000, |_| {
            runs += 1;
            false
        });
        assert_eq!((runs, kept.len()), (MAX_RUNS, 1_000));
    }
}
