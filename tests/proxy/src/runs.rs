//! Many seeds at the same time.

use std::sync::Arc;
use std::time::Duration;

use cqlwire_model::{SecretLog, Violation};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::{Failure, SeedRun, Server, Settings, Summary, panics};

/// Interval between reports of the progress.
const PROGRESS: Duration = Duration::from_secs(30);

/// Runs seeds, `concurrently` at a time.
///
/// `log` is checked for secrets, if it is given.
pub async fn run_seeds(
    seeds: impl IntoIterator<Item = SeedRun>,
    concurrently: usize,
    settings: &Settings,
    server: &Arc<Server>,
    log: Option<&SecretLog>,
) -> Summary {
    panics::record();
    let settings = Arc::new(settings.clone());
    let mut seeds = seeds.into_iter();
    let mut tasks = JoinSet::new();
    let mut summary = Summary::default();
    let begin = Instant::now();
    let mut progress = begin + PROGRESS;
    loop {
        while tasks.len() < concurrently.max(1) {
            let Some(run) = seeds.next() else { break };
            let (settings, server) = (Arc::clone(&settings), Arc::clone(server));
            tasks.spawn(async move { (run.run(&settings, &server).await, run) });
        }
        let Some(done) = tasks.join_next().await else { break };
        let panics = panics::take();
        match done {
            Ok((Ok(mut result), run)) => {
                for panic in panics {
                    // The panic may be that of another seed that runs now.
                    result.tally.violation(Violation::Unended, || panic);
                }
                if let Some(log) = log {
                    log.check(&mut result.tally);
                }
                summary.add(run.seed, &run.plans, result);
            }
            Ok((Err(error), SeedRun { seed, plans })) => {
                let violations = vec![format!("the server failed without a proxy: {error}")];
                summary.failures.push(Failure { seed, plans, violations });
            }
            Err(error) => {
                eprintln!("a seed panicked: {error} {panics:?}");
                std::process::abort();
            }
        }
        if Instant::now() > progress {
            progress += PROGRESS;
            let failed = summary.failures.len();
            eprintln!("{:.0?}: {} seeds, {failed} with violations", begin.elapsed(), summary.seeds);
        }
    }
    summary.elapsed = begin.elapsed();
    summary
}
