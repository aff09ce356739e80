//! Counts of requests, failures and violations.

use std::{collections::BTreeMap, ops::AddAssign};

use cqlwire::session::{Error, ErrorKind};

use crate::{
    outcome::{Kind, Outcome},
    secret::shows_secret,
    violation::Violation,
};

/// Number of examples kept of each violation.
const MAX_EXAMPLES: usize = 3;

/// The counts of one worker, or of all workers.
#[derive(Debug, Default)]
pub struct Tally {
    /// Outcomes by kind of request.
    pub requests: BTreeMap<Kind, Counts>,
    /// Failures by kind of request and text, with an example.
    pub failures: BTreeMap<(Kind, String), (u64, String)>,
    /// Number of violations of each kind, with a few examples.
    pub violations: BTreeMap<Violation, (u64, Vec<String>)>,
}

/// The outcomes of the requests of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Number of requests that began.
    pub begun: u64,
    /// Number of requests that succeeded.
    pub acknowledged: u64,
    /// Number of requests that failed, and may have been applied.
    pub uncertain: u64,
    /// Number of requests that failed, and were not applied.
    pub not_applied: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.begun += other.begun;
        self.acknowledged += other.acknowledged;
        self.uncertain += other.uncertain;
        self.not_applied += other.not_applied;
    }
}

impl Counts {
    /// Returns the number of requests whose future was dropped before they ended.
    pub const fn cancelled(&self) -> u64 {
        self.begun - self.acknowledged - self.uncertain - self.not_applied
    }

    /// Returns the outcome of the request that has ended since the counts were `before`.
    pub(crate) const fn outcome_since(self, before: Self) -> Option<Outcome> {
        if self.acknowledged > before.acknowledged {
            Some(Outcome::Acknowledged)
        } else if self.uncertain > before.uncertain {
            Some(Outcome::Uncertain)
        } else if self.not_applied > before.not_applied {
            Some(Outcome::NotApplied)
        } else {
            None
        }
    }
}

impl Tally {
    /// Records that a request begins.
    pub(crate) fn begin(&mut self, kind: Kind) {
        self.requests.entry(kind).or_default().begun += 1;
    }

    /// Returns the counts of the requests of a kind.
    pub fn counts(&self, kind: Kind) -> Counts {
        self.requests.get(&kind).copied().unwrap_or_default()
    }

    /// Records the end of a request that began, and returns its outcome.
    pub(crate) fn end<T>(&mut self, kind: Kind, result: &Result<T, Error>) -> Outcome {
        let outcome = Outcome::of(result);
        let counts = self.requests.entry(kind).or_default();
        match outcome {
            Outcome::Acknowledged => counts.acknowledged += 1,
            Outcome::Uncertain => counts.uncertain += 1,
            Outcome::NotApplied => counts.not_applied += 1,
        }
        if let Err(error) = result {
            self.record_failure(kind, error);
        }
        outcome
    }

    /// Records a violation.
    pub fn violation(&mut self, violation: Violation, example: impl FnOnce() -> String) {
        self.add_violations(violation, 1, example);
    }

    /// Records several violations that have one example.
    pub fn add_violations(
        &mut self,
        violation: Violation,
        number: u64,
        example: impl FnOnce() -> String,
    ) {
        let (count, examples) = self.violations.entry(violation).or_default();
        *count += number;
        if examples.len() < MAX_EXAMPLES {
            examples.push(example());
        }
    }

    /// Checks the texts of an error, as [`Self::check_text`] does.
    pub fn check_error(&mut self, error: &Error) {
        self.check_text(|| format!("{error}\n{error:?}\n{error:#?}\n{:?}", error.history()));
    }

    /// Counts failed idempotent requests as violations. Call this if a healthy node was there for each
    /// request.
    pub fn require_idempotent_success(&mut self) {
        let failures = self.failures.iter().filter(|((kind, _), _)| kind.is_idempotent());
        let failures: Vec<_> = failures.map(|(_, failure)| failure.clone()).collect();
        for (count, example) in failures {
            self.add_violations(Violation::IdempotentFailed, count, || example);
        }
    }

    /// Counts a text of the driver that contains a secret as [`Violation::SecretShown`].
    pub fn check_text(&mut self, text: impl FnOnce() -> String) {
        let text = text();
        if shows_secret(&text) {
            self.violation(Violation::SecretShown, || text);
        }
    }

    /// Adds the counts of another tally.
    pub fn add(&mut self, other: Self) {
        for (kind, counts) in other.requests {
            *self.requests.entry(kind).or_default() += counts;
        }
        for (key, (count, example)) in other.failures {
            self.failures.entry(key).or_insert((0, example)).0 += count;
        }
        for (violation, (count, examples)) in other.violations {
            let (sum, kept) = self.violations.entry(violation).or_default();
            *sum += count;
            kept.extend(examples);
            kept.truncate(MAX_EXAMPLES);
        }
    }

    fn record_failure(&mut self, kind: Kind, error: &Error) {
        let last = error.history().last().map_or_else(|| error.to_string(), |a| a.failure.clone());
        let text = format!("{:?}: {}", error.kind(), without_numbers(&last));
        let example = || format!("{error} {:?}", error.history());
        self.check_error(error);
        self.failures.entry((kind, text)).or_insert_with(|| (0, example())).0 += 1;
        if is_unfit(error) {
            self.violation(Violation::MalformedAnswer, example);
        }
        if last.to_lowercase().contains("shutting down") {
            self.violation(Violation::RefusedByShutdown, example);
        }
    }
}

/// Returns true if the response does not fit the request.
fn is_unfit(error: &Error) -> bool {
    use ErrorKind::{Protocol, Read, ResultKind, RowCount, StatementChanged};
    matches!(error.kind(), Protocol | Read | ResultKind | RowCount | StatementChanged)
}

/// Replaces each number by `#`, so that failures which differ only in numbers are counted together.
fn without_numbers(text: &str) -> String {
    let mut output = String::new();
    for c in text.chars() {
        match c.is_ascii_digit() {
            true if output.ends_with('#') => {}
            true => output.push('#'),
            false => output.push(c),
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_differ_only_in_numbers_have_the_same_text() {
        assert_eq!(without_numbers("received 1 of 20 at 127.0.0.1"), "received # of # at #.#.#.#");
    }

    #[test]
    fn keeps_the_count_of_all_violations_and_a_few_examples() {
        let (mut one, mut other) = (Tally::default(), Tally::default());
        for n in 0..5 {
            one.violation(Violation::Lost, || format!("row {n}"));
            other.violation(Violation::Lost, || format!("row {n}"));
        }
        one.add(other);
        let (count, examples) = &one.violations[&Violation::Lost];
        assert_eq!(
            (*count, &**examples),
            (10, &["row 0", "row 1", "row 2"].map(str::to_owned)[..])
        );
    }
}
