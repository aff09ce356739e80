//! Removing the faults that a violation does not need.

use std::sync::Arc;

use crate::{Failure, SeedRun, Server, Settings, run_seeds};

/// Number of times that plans are tried. The interleaving of tasks differs each time.
const TRIES: usize = 4;

/// Runs a failed seed again, and removes faults for as long as the seed still fails. Returns the smallest
/// failure, or `None` if the seed does not fail again.
pub async fn shrink(
    failure: &Failure,
    settings: &Settings,
    server: &Arc<Server>,
) -> Option<Failure> {
    let plans = failure.plans.clone();
    let mut smallest = fails(SeedRun { seed: failure.seed, plans }, settings, server).await?;
    loop {
        let mut found = None;
        for plans in smallest.plans.smaller() {
            let run = SeedRun { seed: failure.seed, plans };
            found = fails(run, settings, server).await;
            if found.is_some() {
                break;
            }
        }
        match found {
            Some(smaller) => smallest = smaller,
            None => return Some(smallest),
        }
    }
}

/// Returns the failure if one of some tries fails.
async fn fails(run: SeedRun, settings: &Settings, server: &Arc<Server>) -> Option<Failure> {
    let tries = std::iter::repeat_n(run.clone(), TRIES);
    let summary = run_seeds(tries, TRIES, settings, server, None).await;
    let failure = summary.failures.into_iter().next()?;
    Some(Failure { plans: run.plans, ..failure })
}
