//! Compares the tables with what the load expects of them.

use std::{collections::BTreeSet, time::Duration};

use cqlwire::{
    session::{Error, QueryResult, Session, Statement},
    types::ToValues,
    wire::Consistency,
};

use tokio::time::{Instant, sleep};

use crate::{
    outcome::Kind,
    tables::Tables,
    tally::Tally,
    violation::Violation,
    worker::{Worker, payload},
};

/// Delay before a read is repeated.
const DELAY: Duration = Duration::from_millis(500);

/// Rows of a page. Pages are small, because the nodes of a soak may have short timeouts.
const PAGE_SIZE: i32 = 500;

/// Reads all tables at ALL, and returns the counts of all workers with the violations that their answers
/// and the tables show. `workers` are all workers of the tables.
///
/// # Errors
/// Returns an error if a read fails for longer than `wait`.
pub async fn verify(
    session: &Session,
    tables: &Tables,
    workers: Vec<Worker>,
    wait: Duration,
) -> Result<Tally, Error> {
    let reader = Reader { session, keyspace: tables.keyspace(), wait };
    let mut tally = Tally::default();
    let mut rows = reader.rows(&mut tally).await?;
    for mut worker in workers {
        for (key, outcome) in worker.rows.expected() {
            let times = usize::from(rows.remove(&key));
            if let Some(violation) = Violation::of(outcome, times) {
                tally.violation(violation, || {
                    format!("row {key}: {outcome:?}, found {times} times")
                });
            }
        }
        if worker.tally.requests.contains_key(&Kind::Increment) {
            reader.counter(&worker, &mut tally).await?;
        }
        if worker.tally.requests.contains_key(&Kind::Swap) {
            reader.register(&mut worker, &mut tally).await?;
        }
        reader.lists(&worker, &mut tally).await?;
        tally.add(worker.tally);
    }
    for key in rows {
        tally.violation(Violation::ForeignAnswer, || format!("row {key} was never written"));
    }
    Ok(tally)
}

struct Reader<'a> {
    session: &'a Session,
    keyspace: &'a str,
    /// Time within which each read must succeed.
    wait: Duration,
}

impl Reader<'_> {
    /// Returns the keys of all rows.
    async fn rows(&self, tally: &mut Tally) -> Result<BTreeSet<i64>, Error> {
        let mut found = BTreeSet::new();
        let mut next = None;
        loop {
            let select = self.select("k, payload FROM {}.rows").paging_state(next.take());
            let page = self.execute(select, ()).await?;
            for row in page.rows::<(i64, Option<&str>)>()? {
                let (key, text) = row?;
                if key >= 0 && text != Some(&payload(key)) {
                    tally.violation(Violation::ForeignAnswer, || format!("row {key} is {text:?}"));
                }
                found.insert(key);
            }
            next = page.paging_state().cloned();
            if next.is_none() {
                // The caller may write to rows with negative keys.
                found.retain(|key| *key >= 0);
                return Ok(found);
            }
        }
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
            let found = result.first::<(Vec<i64>,)>()?.unwrap_or_default().0;
            for (token, outcome) in tokens {
                let times = found.iter().filter(|found| **found == token).count();
                if let Some(violation) = Violation::of(outcome, times) {
                    tally.violation(violation, || {
                        format!("token {token} of list {key}: {outcome:?}, found {times} times")
                    });
                }
            }
        }
        Ok(())
    }

    fn select(&self, text: &str) -> Statement {
        let statement = Statement::new(format!("SELECT {}", text.replace("{}", self.keyspace)));
        statement.consistency(Consistency::All).page_size(PAGE_SIZE)
    }

    /// Executes a read, and repeats it while it fails.
    async fn execute(
        &self,
        select: Statement,
        values: impl ToValues + Send + Sync + Copy,
    ) -> Result<QueryResult, Error> {
        let deadline = Instant::now() + self.wait;
        loop {
            match self.session.execute(&select, values).await {
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => sleep(DELAY).await,
                Ok(result) => return Ok(result),
            }
        }
    }
}
