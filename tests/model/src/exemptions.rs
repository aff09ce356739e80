//! Violations that the faults of a run explain.

use crate::{tally::Tally, violation::Violation};

/// The properties of the faults of a run that explain violations. Default: none of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exemptions {
    /// True if a client or a server received bytes that looked valid but were wrong. The contents of all
    /// later answers, and of the tables, can be wrong.
    pub lies: bool,
    /// True if a fault that a client notices may have changed the body of an answer.
    pub malformed_answers: bool,
    /// True if a node announced that it shuts down. All nodes may do so at once.
    pub shutdowns: bool,
}

impl Exemptions {
    /// Returns true if the faults explain this violation, so that it proves nothing about the driver.
    /// Requests must end, the session must recover and return what it used, and no text may show a
    /// secret, whatever the faults were.
    pub const fn cover(self, violation: Violation) -> bool {
        match violation {
            Violation::ForeignAnswer
            | Violation::UntrueNotApplied
            | Violation::Lost
            | Violation::DoneTwice
            | Violation::RefusedWrongly
            | Violation::RepeatedRow
            | Violation::OutOfOrder
            | Violation::TornBatch => self.lies,
            Violation::MalformedAnswer => self.lies || self.malformed_answers,
            Violation::RefusedByShutdown => self.shutdowns,
            Violation::Unended
            | Violation::NotRecovered
            | Violation::NotReturned
            | Violation::SecretShown
            | Violation::IdempotentFailed
            | Violation::ConnectionLost => false,
        }
    }
}

impl Tally {
    /// Removes the violations that the faults of the run explain.
    pub fn exempt(&mut self, exemptions: Exemptions) {
        self.violations.retain(|violation, _| !exemptions.cover(*violation));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remaining(exemptions: Exemptions) -> Vec<Violation> {
        let mut tally = Tally::default();
        for violation in [
            Violation::MalformedAnswer,
            Violation::Lost,
            Violation::Unended,
            Violation::RefusedByShutdown,
        ] {
            tally.violation(violation, String::new);
        }
        tally.exempt(exemptions);
        tally.violations.into_keys().collect()
    }

    #[test]
    fn faults_explain_only_the_violations_that_they_can_cause() {
        use Violation::{Lost, MalformedAnswer, RefusedByShutdown, Unended};
        let none = Exemptions::default();
        assert_eq!(remaining(none), [MalformedAnswer, Lost, Unended, RefusedByShutdown]);
        let lies = Exemptions { lies: true, ..none };
        assert_eq!(remaining(lies), [Unended, RefusedByShutdown]);
        let malformed = Exemptions { malformed_answers: true, ..none };
        assert_eq!(remaining(malformed), [Lost, Unended, RefusedByShutdown]);
        let shutdowns = Exemptions { shutdowns: true, ..none };
        assert_eq!(remaining(shutdowns), [MalformedAnswer, Lost, Unended]);
    }
}
