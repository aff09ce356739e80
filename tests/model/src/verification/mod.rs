//! Compares the tables with what the load expects of them.

mod batches;
mod reader;

use std::{collections::BTreeMap, time::Duration};

use cqlwire::{
    session::{Error, Session},
    wire::Consistency,
};

use crate::{
    outcome::Kind,
    tables::Tables,
    tally::Tally,
    violation::Violation,
    worker::{Worker, payload},
};
use reader::Reader;

/// Reads all tables at ALL, and returns the counts of all workers with the violations that their answers
/// and the tables show. `workers` are all workers of the tables.
///
/// `wait` is the time within which each read must succeed, and within which a batch that is atomic but
/// was applied in part must be completed.
///
/// # Errors
/// Returns an error if a read fails for longer than `wait`.
pub async fn verify(
    session: &Session,
    tables: &Tables,
    workers: Vec<Worker>,
    wait: Duration,
) -> Result<Tally, Error> {
    let reader = Reader::new(session, tables.keyspace(), wait);
    reader.check(tables, workers).await
}

/// Reads what these workers wrote, as [`verify`] does. Other workers may use the tables at the same time.
/// Rows that no worker wrote are not detected.
///
/// # Errors
/// Returns an error if a read fails for longer than `wait`.
pub async fn verify_workers(
    session: &Session,
    tables: &Tables,
    workers: Vec<Worker>,
    wait: Duration,
) -> Result<Tally, Error> {
    let mut reader = Reader::new(session, tables.keyspace(), wait);
    reader.only_own = true;
    reader.check(tables, workers).await
}

/// Checks that the `Debug` texts of the session and its statements contain no secret.
fn check_debug_texts(session: &Session, tables: &Tables, tally: &mut Tally) {
    tally.check_text(|| format!("{session:?}"));
    for statement in tables.clone().statements_mut() {
        tally.check_text(|| format!("{statement:?}"));
    }
}

impl Reader<'_> {
    async fn check(&self, tables: &Tables, workers: Vec<Worker>) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        check_debug_texts(self.session, tables, &mut tally);
        let mut rows = self.rows(&workers, &mut tally).await?;
        let mut versions = self.versions(&workers, &mut tally).await?;
        batches::check(self, &workers, &mut tally).await?;
        for mut worker in workers {
            for (key, outcome) in worker.rows.expected() {
                let times = rows.remove(&key).unwrap_or(0);
                if let Some(violation) = Violation::of(outcome, times.min(1)) {
                    tally.violation(violation, || {
                        format!("row {key}: {outcome:?}, found {times} times")
                    });
                }
            }
            worker.versions.check(&mut versions, &mut tally);
            if worker.tally.requests.contains_key(&Kind::Increment) {
                self.counter(&worker, &mut tally).await?;
            }
            if worker.tally.requests.contains_key(&Kind::Swap) {
                self.register(&mut worker, &mut tally).await?;
            }
            self.lists(&worker, &mut tally).await?;
            tally.add(worker.tally);
        }
        for key in rows.into_keys().chain(versions.into_keys()) {
            tally.violation(Violation::ForeignAnswer, || format!("row {key} was never written"));
        }
        tally.add(self.take_failures());
        Ok(tally)
    }

    /// Returns the keys of all rows, with the number of times that each was read.
    async fn rows(
        &self,
        workers: &[Worker],
        tally: &mut Tally,
    ) -> Result<BTreeMap<i64, usize>, Error> {
        let mut found = BTreeMap::new();
        let own = workers.iter().flat_map(|worker| worker.rows.expected());
        let own = own.map(|(key, _)| key);
        self.pages("k, payload FROM {}.rows", "k", own, |page| {
            for row in page.rows::<(i64, Option<&str>)>()? {
                let (key, text) = row?;
                // The caller may write to rows with negative keys.
                if key < 0 {
                    continue;
                }
                if text != Some(&payload(key, 0)) {
                    tally.violation(Violation::ForeignAnswer, || format!("row {key} is {text:?}"));
                }
                let times = found.entry(key).or_insert(0);
                *times += 1;
                if *times > 1 {
                    tally.violation(Violation::RepeatedRow, || format!("row {key}"));
                }
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// Returns the keys of the rows that were replaced, with their versions.
    async fn versions(
        &self,
        workers: &[Worker],
        tally: &mut Tally,
    ) -> Result<BTreeMap<i64, i64>, Error> {
        let mut found = BTreeMap::new();
        let own = workers.iter().flat_map(|worker| worker.versions.keys());
        self.pages("k, v, payload FROM {}.versions", "k", own, |page| {
            for row in page.rows::<(i64, i64, &str)>()? {
                let (key, version, text) = row?;
                if text != payload(key, version) {
                    tally.violation(Violation::ForeignAnswer, || format!("row {key} is {text:?}"));
                }
                if found.insert(key, version).is_some() {
                    tally.violation(Violation::RepeatedRow, || format!("row {key}"));
                }
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }

    async fn counter(&self, worker: &Worker, tally: &mut Tally) -> Result<(), Error> {
        let (key, expected) = (worker.counter.key, worker.counter.expected());
        let select = self.select("n FROM {}.counters WHERE k = ?");
        let value = self.execute(select, (key,)).await?.first::<i64>()?.unwrap_or(0);
        let (violation, number) = match value < *expected.start() {
            true => (Violation::Lost, expected.start() - value),
            false => (Violation::DoneTwice, value - expected.end()),
        };
        if number > 0 {
            tally.add_violations(violation, number.unsigned_abs(), || {
                format!("counter {key} is {value}, expected {expected:?}")
            });
        }
        Ok(())
    }

    async fn register(&self, worker: &mut Worker, tally: &mut Tally) -> Result<(), Error> {
        // A serial read finishes the conditional writes that are still under way. It therefore hides
        // an acknowledged write that the replicas have accepted but not committed.
        let select = self.select("v FROM {}.registers WHERE k = ?");
        let select = select.consistency(Consistency::Serial);
        let value = self.execute(select, (worker.register.key,)).await?.one::<i64>()?;
        worker.register.observe(value, tally);
        Ok(())
    }

    async fn lists(&self, worker: &Worker, tally: &mut Tally) -> Result<(), Error> {
        for (key, tokens) in worker.appends.expected() {
            let select = self.select("tokens FROM {}.lists WHERE k = ?");
            let result = self.execute(select, (key,)).await?;
            let mut found = result.first::<(Vec<i64>,)>()?.unwrap_or_default().0;
            for (token, outcome) in tokens {
                let before = found.len();
                found.retain(|found| *found != token);
                let times = before - found.len();
                if let Some(violation) = Violation::of(outcome, times) {
                    tally.violation(violation, || {
                        format!("token {token} of list {key}: {outcome:?}, found {times} times")
                    });
                }
            }
            for token in found {
                tally.violation(Violation::ForeignAnswer, || {
                    format!("token {token} of list {key} was never written")
                });
            }
        }
        Ok(())
    }
}
