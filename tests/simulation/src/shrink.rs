//! Finds the faults of a schedule that matter.

use crate::{report::Finding, run::run, schedule::Schedule};

/// Removes faults from a schedule as long as it still breaks the same promise. Returns the numbers of
/// the faults that remain.
pub(crate) fn shrink(schedule: &Schedule, finding: &Finding) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..schedule.faults.len()).collect();
    let is_broken = |kept: &[usize]| {
        let mut smaller = schedule.clone();
        smaller.keep(kept);
        run(&smaller, false).findings.iter().any(|other| other.is_same_kind(finding))
    };
    let mut size = kept.len() / 2;
    while size > 0 {
        let mut start = 0;
        while start < kept.len() {
            let end = (start + size).min(kept.len());
            let rest = [&kept[..start], &kept[end..]].concat();
            match is_broken(&rest) {
                true => kept = rest,
                false => start = end,
            }
        }
        size /= 2;
    }
    kept
}
