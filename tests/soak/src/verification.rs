//! Compares the tables with what the load expects of them.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use cqlwire::{
    session::{Error, QueryResult, Session, Statement},
    types::ToValues,
    wire::Consistency,
};

use crate::{
    Result,
    load::{Tables, Worker, payload},
    outcome::{Kind, Violation},
    tally::Tally,
};

/// Time within which each read must succeed. The nodes may still be busy with the load.
const LIMIT: Duration = Duration::from_secs(120);

/// Delay before a read is repeated.
const DELAY: Duration = Duration::from_millis(500);

/// Rows of a page. Pages are small, because the nodes of a soak may have short timeouts.
const PAGE_SIZE: i32 = 500;

/// Reads all tables, and returns the counts of the load with the violations that the tables show.
pub(crate) async fn verify(
    session: &Session,
    tables: &Tables,
    workers: Vec<Worker>,
) -> Result<Tally> {
    let reader = Reader { session, keyspace: &tables.keyspace };
    let mut tally = Tally::default();
    let mut rows = reader.rows(&mut tally).await?;
    for mut worker in workers {
        for (key, outcome) in worker.rows.expected() {
            let times = usize::from(rows.remove(&key).is_some());
            if let Some(violation) = outcome.broken_promise(times) {
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
    for key in rows.into_keys() {
        tally.violation(Violation::ForeignAnswer, || format!("row {key} was never written"));
    }
    Ok(tally)
}

struct Reader<'a> {
    session: &'a Session,
    keyspace: &'a str,
}

impl Reader<'_> {
    /// Returns the keys of all rows.
    async fn rows(&self, tally: &mut Tally) -> Result<HashMap<i64, ()>> {
        let mut found = HashMap::new();
        let mut next = None;
        loop {
            let select = self.select("k, payload FROM {}.rows").paging_state(next.take());
            let page = self.execute(select, ()).await?;
            for row in page.rows::<(i64, Option<&str>)>()? {
                let (key, text) = row?;
                if key >= 0 && text != Some(&payload(key)) {
                    tally.violation(Violation::ForeignAnswer, || format!("row {key} is {text:?}"));
                }
                found.insert(key, ());
            }
            next = page.paging_state().cloned();
            if next.is_none() {
                // Negative keys belong to the test that all nodes are up.
                found.retain(|key, ()| *key >= 0);
                return Ok(found);
            }
        }
    }

    async fn counter(&self, worker: &Worker, tally: &mut Tally) -> Result<()> {
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

    async fn register(&self, worker: &mut Worker, tally: &mut Tally) -> Result<()> {
        // A serial read finishes the conditional writes that are still under way. It therefore hides
        // an acknowledged write that the replicas have accepted but not committed.
        let select = self.select("v FROM {}.registers WHERE k = ?");
        let select = select.consistency(Consistency::Serial);
        let value = self.execute(select, (worker.register.key,)).await?.one::<i64>()?;
        worker.register.observe(value, tally);
        Ok(())
    }

    async fn lists(&self, worker: &Worker, tally: &mut Tally) -> Result<()> {
        for (key, tokens) in worker.appends.expected() {
            let select = self.select("tokens FROM {}.lists WHERE k = ?");
            let result = self.execute(select, (key,)).await?;
            let found = result.first::<(Vec<i64>,)>()?.unwrap_or_default().0;
            for (token, outcome) in tokens {
                let times = found.iter().filter(|found| **found == token).count();
                if let Some(violation) = outcome.broken_promise(times) {
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
    ) -> std::result::Result<QueryResult, Error> {
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.session.execute(&select, values).await {
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => tokio::time::sleep(DELAY).await,
                Ok(result) => return Ok(result),
            }
        }
    }
}
