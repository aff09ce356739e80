//! The counts of many seeds.

use std::fmt;
use std::time::Duration;

use cqlwire_faults::{Direction, FaultCounts, Honesty};
use cqlwire_model::Tally;

use crate::{Plans, SeedResult};

/// The counts of many seeds.
///
/// `Display` writes a table.
#[derive(Debug, Default)]
pub struct Summary {
    /// Number of seeds that ran.
    pub seeds: u64,
    /// Time that all seeds took together.
    pub elapsed: Duration,
    /// Number of seeds whose faults were lies.
    pub lying: u64,
    /// Number of connections through the proxies.
    pub connections: u64,
    /// The longest time that a session took to recover.
    pub slowest_recovery: Duration,
    /// The faults that were applied.
    pub faults: FaultCounts,
    /// The requests.
    pub tally: Tally,
    /// The seeds with violations.
    pub failures: Vec<Failure>,
}

/// A seed with violations.
#[derive(Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The faults of its connections.
    pub plans: Plans,
    /// The violations, with examples.
    pub violations: Vec<String>,
}

impl Summary {
    /// Adds the result of a seed.
    pub fn add(&mut self, seed: u64, plans: &Plans, result: SeedResult) {
        self.seeds += 1;
        self.connections += result.connections as u64;
        self.faults += &result.applied.counts();
        let is_lie = result.applied.honesty(Direction::Responses) == Some(Honesty::Lying);
        self.lying += u64::from(is_lie);
        self.slowest_recovery = self.slowest_recovery.max(result.recovery.unwrap_or_default());
        let violations = describe(&result.tally);
        if !violations.is_empty() {
            let plans = plans.fixed(result.connections);
            self.failures.push(Failure { seed, plans, violations });
        }
        self.tally.add(result.tally);
    }
}

/// Returns the violations in words, each with its number and examples.
pub(crate) fn describe(tally: &Tally) -> Vec<String> {
    let violations = tally.violations.iter();
    let describe = |(violation, (count, examples)): (&cqlwire_model::Violation, &(u64, Vec<_>))| {
        format!("{count} {}: {}", violation.description(), examples.join(" | "))
    };
    violations.map(describe).collect()
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, elapsed, lying, connections, slowest_recovery, faults, tally, .. } = self;
        for (kind, counts) in &tally.requests {
            writeln!(
                f,
                "{:<20} {:>8} begun {:>8} acknowledged {:>7} uncertain {:>7} not applied {:>7} cancelled",
                kind.name(),
                counts.begun,
                counts.acknowledged,
                counts.uncertain,
                counts.not_applied,
                counts.cancelled(),
            )?;
        }
        write!(f, "{faults}")?;
        let rate = *seeds as f64 / elapsed.as_secs_f64().max(0.001);
        writeln!(f, "{} faults on {connections} connections", faults.total())?;
        writeln!(f, "slowest recovery: {slowest_recovery:?}")?;
        let failed = self.failures.len();
        write!(
            f,
            "{seeds} seeds ({lying} with lies) in {elapsed:.0?}, {rate:.1} a second: {failed} with violations"
        )
    }
}
