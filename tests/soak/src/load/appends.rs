//! Lists, to which unique tokens are appended. A request that is done twice leaves its token twice.

use cqlwire::session::Session;

use super::Tables;
use crate::{
    outcome::{Kind, Outcome, Violation},
    tally::Tally,
};

/// Number of tokens in a list.
const LENGTH: i64 = 64;

/// The lists of one task.
pub(crate) struct Appends {
    task: u32,
    outcomes: Vec<Outcome>,
}

impl Appends {
    pub(super) const fn new(task: u32) -> Self {
        Self { task, outcomes: Vec::new() }
    }

    /// Returns the keys of the lists, each with the tokens of the list and their outcomes.
    pub(crate) fn expected(&self) -> impl Iterator<Item = (i64, Vec<(i64, Outcome)>)> {
        let tokens: Vec<_> = (0..).zip(self.outcomes.iter().copied()).collect();
        let lists: Vec<_> = tokens.chunks(LENGTH as usize).map(<[_]>::to_vec).collect();
        (0..).zip(lists).map(|(list, tokens)| (self.key(list), tokens))
    }

    pub(super) async fn append(&mut self, session: &Session, tables: &Tables, tally: &mut Tally) {
        let token = i64::try_from(self.outcomes.len()).unwrap_or(i64::MAX);
        let key = self.key(token / LENGTH);
        let result = session.execute(&tables.append, (vec![token], key)).await;
        self.outcomes.push(tally.record(Kind::Append, &result));
        if result.is_ok_and(|result| result.has_rows()) {
            tally.violation(Violation::ForeignAnswer, || format!("list {key} returned rows"));
        }
    }

    fn key(&self, list: i64) -> i64 {
        i64::from(self.task) << 32 | list
    }
}
