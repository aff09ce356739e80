//! Seeds before `MockServer`: those of faults that were found, and some new ones.

use std::sync::Arc;

use cqlwire::wire::{Compression, Version};
use cqlwire_proxy::{Plans, SeedRun, Server, Settings, Summary, run_seeds};

/// Number of new seeds for each configuration.
const NEW_SEEDS: u64 = 12;

/// Number of seeds that run at the same time.
const CONCURRENTLY: usize = 12;

/// Number of times that the plans of each found fault run.
const TIMES: usize = 6;

/// Plans that broke a promise of the driver, or that the model or the proxy handled wrongly.
const FOUND: &[(Version, Option<Compression>, &[&str])] = &[
    // A response with the flag of another body has a RESULT kind that does not exist. The model took the
    // answer for that of another request, and a conditional write for applied.
    (Version::V4, Some(Compression::Lz4), &["1: responses@f12 compression-flag"]),
    (Version::V4, Some(Compression::Lz4), &["1: responses@f27 compression-flag"]),
    // The last cell of the rows is cut off, which only reading the cell shows.
    (Version::V5, Some(Compression::Lz4), &["1: responses@f40 shorter 9"]),
    (
        Version::V5,
        None,
        &["0: responses@f91 corrupt segment-header 98 16", "1: responses@f28 shorter 6"],
    ),
];

async fn run(settings: &Settings, runs: Vec<SeedRun>) -> Summary {
    let server = Arc::new(Server::mock(settings).await.unwrap());
    let summary = run_seeds(runs, CONCURRENTLY, settings, &server, None).await;
    for failure in &summary.failures {
        eprintln!("seed {}{}: {:#?}", failure.seed, failure.plans, failure.violations);
    }
    assert!(summary.failures.is_empty(), "{} seeds broke promises", summary.failures.len());
    summary
}

async fn run_new_seeds(settings: Settings) -> Summary {
    let runs = (0..NEW_SEEDS).map(|seed| SeedRun { seed, plans: settings.plans(seed) });
    run(&settings, runs.collect()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn found_faults_are_handled() {
    for &(version, compression, plans) in FOUND {
        let plans = plans.iter().map(|text| Plans::parse_numbered(text).unwrap()).collect();
        let plans = Plans::Fixed(plans);
        let runs = (0..TIMES as u64).map(|seed| SeedRun { seed, plans: plans.clone() });
        let settings = Settings { compression, ..Settings::new(version) };
        run(&settings, runs.collect()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_keep_their_promises_in_each_version_and_compression() {
    for (version, compression) in [
        (Version::V3, None),
        (Version::V4, Some(Compression::Lz4)),
        (Version::V4, Some(Compression::Snappy)),
        (Version::V5, None),
        (Version::V5, Some(Compression::Lz4)),
    ] {
        let settings = Settings { compression, ..Settings::new(version) };
        let summary = run_new_seeds(settings).await;
        assert_eq!(summary.seeds, NEW_SEEDS);
        assert!(summary.faults.total() > 0, "no faults were applied");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_keep_their_promises_over_tls() {
    let settings = Settings { tls: true, ..Settings::new(Version::V4) };
    assert!(run_new_seeds(settings).await.faults.total() > 0, "no faults were applied");
}
