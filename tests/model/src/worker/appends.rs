//! Lists, to which unique tokens are appended. A request that is done twice leaves its token twice.

use cqlwire::session::Session;

use crate::{
    outcome::{Kind, Outcome, Outcomes},
    tables::Tables,
    tally::Tally,
    violation::Violation,
};

/// Number of tokens in a list.
const LENGTH: i64 = 64;

/// The lists of one worker.
pub(crate) struct Appends {
    worker: u32,
    outcomes: Outcomes,
}

impl Appends {
    pub(super) fn new(worker: u32) -> Self {
        Self { worker, outcomes: Outcomes::default() }
    }

    /// Returns the keys of the lists, each with the tokens of the list and their outcomes.
    pub(crate) fn expected(&self) -> impl Iterator<Item = (i64, Vec<(i64, Outcome)>)> {
        let tokens = self.outcomes.iter().map(|(number, outcome)| (i64::from(number), outcome));
        let tokens: Vec<_> = tokens.collect();
        let lists: Vec<_> = tokens.chunks(LENGTH as usize).map(<[_]>::to_vec).collect();
        (0..).zip(lists).map(|(list, tokens)| (self.key(list), tokens))
    }

    pub(super) async fn append(&mut self, session: &Session, tables: &Tables, tally: &mut Tally) {
        let token = i64::from(self.outcomes.begin());
        tally.begin(Kind::Append);
        let key = self.key(token / LENGTH);
        let result = session.execute(&tables.append, (vec![token], key)).await;
        self.outcomes.end(tally.end(Kind::Append, &result));
        if result.is_ok_and(|result| result.has_rows()) {
            tally.violation(Violation::MalformedAnswer, || format!("list {key} returned rows"));
        }
    }

    fn key(&self, list: i64) -> i64 {
        i64::from(self.worker) << 32 | list
    }
}
