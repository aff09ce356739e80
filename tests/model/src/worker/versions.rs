//! Rows that are replaced again and again, and reads of their whole table.

use std::collections::BTreeMap;

use cqlwire::session::{Error, Session};

use super::payload::payload;
use crate::{
    outcome::{Kind, Outcome, Outcomes},
    tables::Tables,
    tally::Tally,
    violation::Violation,
};

/// Number of rows of a worker. The table stays small, however long a load runs.
const ROWS: u32 = 16;

/// The rows of one worker. Write number `n` gives the row `n % ROWS` the version `n`.
///
/// A later write has a later timestamp, because the session's timestamps increase. It therefore
/// replaces an earlier one, even if the earlier one reaches a node later.
pub(crate) struct Versions {
    worker: u32,
    outcomes: Outcomes,
}

impl Versions {
    pub(super) fn new(worker: u32) -> Self {
        Self { worker, outcomes: Outcomes::default() }
    }

    /// Writes the next version of the next row.
    pub(super) async fn write(&mut self, session: &Session, tables: &Tables, tally: &mut Tally) {
        let version = self.outcomes.begin();
        tally.begin(Kind::Overwrite);
        let key = self.key(version % ROWS);
        let (qualifier, text) = (tables.qualifier(), payload(key, version.into()));
        let insert = format!(
            "INSERT INTO {qualifier}versions (k, v, payload) VALUES ({key}, {version}, '{text}')"
        );
        let insert = tables.statement(insert).idempotent(true);
        tally.check_text(|| format!("{insert:?}"));
        let result = session.execute(insert, ()).await;
        self.outcomes.end(tally.end(Kind::Overwrite, &result));
        if result.is_ok_and(|result| result.has_rows()) {
            tally.violation(Violation::MalformedAnswer, || {
                format!("overwrite of {key} returned rows")
            });
        }
    }

    /// Reads the rows of all workers, and checks that the rows of this worker are there once and have a
    /// version that the outcomes allow.
    pub(super) async fn read(&mut self, session: &Session, tables: &Tables, tally: &mut Tally) {
        tally.begin(Kind::ReadTable);
        let result = read_table(session, tables, tally).await;
        tally.end(Kind::ReadTable, &result);
        if let Ok(mut found) = result {
            self.check(&mut found, tally);
        }
    }

    /// Removes the rows of this worker from the `found` versions, and checks them.
    pub(crate) fn check(&self, found: &mut BTreeMap<i64, i64>, tally: &mut Tally) {
        for row in 0..ROWS {
            let (key, version) = (self.key(row), found.remove(&self.key(row)));
            if let Some(violation) = self.violation(row, version) {
                tally.violation(violation, || {
                    format!("row {key} has version {version:?}, expected {:?}", self.latest(row))
                });
            }
        }
    }

    /// Returns the violation if a row has this version, or is missing.
    fn violation(&self, row: u32, version: Option<i64>) -> Option<Violation> {
        let acknowledged = self.latest(row);
        let Some(version) = version else { return acknowledged.map(|_| Violation::Lost) };
        let Ok(version) = u32::try_from(version) else { return Some(Violation::ForeignAnswer) };
        match self.outcomes.get(version) {
            _ if version >= self.outcomes.len() || version % ROWS != row => {
                Some(Violation::ForeignAnswer)
            }
            Outcome::NotApplied => Some(Violation::UntrueNotApplied),
            _ if acknowledged.is_some_and(|acknowledged| version < acknowledged) => {
                Some(Violation::Lost)
            }
            _ => None,
        }
    }

    /// Returns the latest acknowledged version of a row.
    fn latest(&self, row: u32) -> Option<u32> {
        let versions = (row..self.outcomes.len()).step_by(ROWS as usize).rev();
        let mut acknowledged =
            versions.filter(|version| self.outcomes.get(*version) == Outcome::Acknowledged);
        acknowledged.next()
    }

    /// Returns the keys of the rows that were written.
    pub(crate) fn keys(&self) -> impl Iterator<Item = i64> {
        (0..self.outcomes.len().min(ROWS)).map(|row| self.key(row))
    }

    fn key(&self, row: u32) -> i64 {
        i64::from(self.worker) << 32 | i64::from(row)
    }
}

/// Reads the whole table in pages. Returns the keys with their versions.
async fn read_table(
    session: &Session,
    tables: &Tables,
    tally: &mut Tally,
) -> Result<BTreeMap<i64, i64>, Error> {
    let mut found = BTreeMap::new();
    let mut rows = session.stream::<(i64, i64, String)>(&tables.read_versions, ());
    while let Some((key, version, text)) = rows.try_next().await? {
        if text != payload(key, version) {
            tally.violation(Violation::ForeignAnswer, || {
                format!("row {key} with version {version} is {text:?}")
            });
        }
        if found.insert(key, version).is_some() {
            tally.violation(Violation::RepeatedRow, || format!("row {key} of the table"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(outcomes: &[(usize, Outcome)]) -> Versions {
        let mut versions = Versions::new(3);
        for number in 0..40 {
            versions.outcomes.begin();
            let outcome = outcomes.iter().find(|(n, _)| *n == number);
            versions.outcomes.end(outcome.map_or(Outcome::NotApplied, |(_, outcome)| *outcome));
        }
        versions
    }

    #[test]
    fn a_row_has_its_latest_acknowledged_version_or_a_later_uncertain_one() {
        use Outcome::{Acknowledged, NotApplied, Uncertain};
        let versions =
            versions(&[(0, Uncertain), (16, Acknowledged), (32, Uncertain), (1, NotApplied)]);
        assert_eq!(versions.violation(0, Some(16)), None);
        assert_eq!(versions.violation(0, Some(32)), None);
        assert_eq!(versions.violation(0, Some(0)), Some(Violation::Lost));
        assert_eq!(versions.violation(0, None), Some(Violation::Lost));
        assert_eq!(versions.violation(0, Some(48)), Some(Violation::ForeignAnswer));
        assert_eq!(versions.violation(0, Some(1)), Some(Violation::ForeignAnswer));
        assert_eq!(versions.violation(1, Some(1)), Some(Violation::UntrueNotApplied));
        assert_eq!(versions.violation(1, None), None);
    }
}
