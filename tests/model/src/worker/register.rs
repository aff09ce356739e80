//! A register, which conditional writes change from one unique value to the next.

use std::collections::BTreeSet;

use cqlwire::session::{QueryResult, Session};

use crate::{
    outcome::{Kind, Outcome},
    tables::Tables,
    tally::Tally,
    violation::Violation,
};

/// The register of one worker. Each write has a new value, and the condition that the register still
/// has the value of the write before.
pub(crate) struct Register {
    pub(crate) key: i32,
    /// The value of the last write that is known to have been applied.
    current: i64,
    /// The value of the last write that was sent.
    sent: i64,
    /// The values of later writes that may have been applied.
    uncertain: BTreeSet<i64>,
    /// The values of writes that were not applied, according to their errors.
    not_applied: BTreeSet<i64>,
}

impl Register {
    pub(super) fn new(worker: u32) -> Self {
        let (uncertain, not_applied) = (BTreeSet::new(), BTreeSet::new());
        Self { key: worker.cast_signed(), current: 0, sent: 0, uncertain, not_applied }
    }

    pub(super) async fn swap(&mut self, session: &Session, tables: &Tables, tally: &mut Tally) {
        self.sent += 1;
        tally.begin(Kind::Swap);
        // A request that is cancelled stays uncertain.
        self.uncertain.insert(self.sent);
        let values = (self.sent, self.key, self.current);
        let result = session.execute(&tables.swap, values).await;
        let outcome = tally.end(Kind::Swap, &result);
        if outcome != Outcome::Uncertain {
            self.uncertain.remove(&self.sent);
        }
        match (outcome, result) {
            (Outcome::Uncertain, _) => {}
            (Outcome::NotApplied, _) => _ = self.not_applied.insert(self.sent),
            (Outcome::Acknowledged, result) => match result.map(|result| read(&result)) {
                Ok(Some(Swapped::Applied)) => self.set(self.sent),
                Ok(Some(Swapped::Refused(value))) => self.handle_refusal(value, tally),
                _ => {
                    self.uncertain.insert(self.sent);
                    tally.violation(Violation::MalformedAnswer, || {
                        format!("conditional write of register {} returned other rows", self.key)
                    });
                }
            },
        }
    }

    /// Checks the value with which the server refused the last write, and continues from it.
    fn handle_refusal(&mut self, value: i64, tally: &mut Tally) {
        if value == self.current {
            tally.violation(Violation::RefusedWrongly, || {
                format!("register {} is {value}, as the condition of the write required", self.key)
            });
        }
        self.observe(value, tally);
    }

    /// Checks the value that the register has, and continues from it.
    pub(crate) fn observe(&mut self, value: i64, tally: &mut Tally) {
        if value == self.current {
            return;
        }
        let violation = match value {
            _ if self.uncertain.contains(&value) => None,
            _ if self.not_applied.contains(&value) => Some(Violation::UntrueNotApplied),
            // The write was applied once, and refused when it was sent again.
            _ if value == self.sent => Some(Violation::DoneTwice),
            _ => Some(Violation::Lost),
        };
        if let Some(violation) = violation {
            tally.violation(violation, || {
                let Self { key, current, sent, .. } = self;
                format!("register {key} is {value}, expected {current} (last sent: {sent})")
            });
        }
        self.set(value);
    }

    fn set(&mut self, value: i64) {
        self.current = value;
        // The condition of an earlier write can no longer be true.
        self.uncertain.clear();
    }
}

enum Swapped {
    Applied,
    /// The condition was false, and the register has this value.
    Refused(i64),
}

/// Returns the result of a conditional write, or `None` if it is the answer to another request.
fn read(result: &QueryResult) -> Option<Swapped> {
    match result.applied().ok()? {
        true => Some(Swapped::Applied),
        false => result.one::<(bool, i64)>().ok().map(|(_, value)| Swapped::Refused(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(register: &mut Register, value: i64) -> Option<Violation> {
        let mut tally = Tally::default();
        register.observe(value, &mut tally);
        tally.violations.into_keys().next()
    }

    #[test]
    fn an_uncertain_write_may_have_been_applied_until_a_later_one_is() {
        let mut register = Register::new(1);
        register.sent = 3;
        register.uncertain = [1, 2].into();
        assert_eq!(violation(&mut register, 0), None);
        assert_eq!(violation(&mut register, 2), None);
        assert_eq!(violation(&mut register, 1), Some(Violation::Lost));
    }

    #[test]
    fn a_refusal_with_the_expected_value_is_a_violation() {
        let mut register = Register::new(1);
        register.sent = 2;
        register.uncertain = [1].into();
        let mut tally = Tally::default();
        register.handle_refusal(1, &mut tally);
        assert!(tally.violations.is_empty());
        register.handle_refusal(1, &mut tally);
        assert_eq!(tally.violations.into_keys().collect::<Vec<_>>(), [Violation::RefusedWrongly]);
    }

    #[test]
    fn tells_untrue_errors_and_repeated_writes_apart() {
        let mut register = Register::new(1);
        register.sent = 3;
        register.not_applied = [2].into();
        assert_eq!(violation(&mut register, 2), Some(Violation::UntrueNotApplied));
        assert_eq!(violation(&mut register, 3), Some(Violation::DoneTwice));
        assert_eq!(violation(&mut register, 2), Some(Violation::UntrueNotApplied));
    }
}
