//! Reads that are repeated while the nodes are still busy with the load.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use cqlwire::{
    session::{Error, QueryResult, Session, Statement},
    types::ToValues,
    wire::Consistency,
};
use tokio::time::{Instant, sleep};

use crate::tally::Tally;

/// Delay before a read is repeated.
pub(super) const DELAY: Duration = Duration::from_millis(500);

/// Rows of a page. Pages are small, because the nodes of a soak may have short timeouts.
const PAGE_SIZE: i32 = 500;

/// Number of keys that one read names.
const MAX_KEYS: usize = 100;

/// A reader of the tables in a keyspace.
pub(super) struct Reader<'a> {
    pub(super) session: &'a Session,
    pub(super) keyspace: &'a str,
    /// Time within which each read must succeed.
    pub(super) wait: Duration,
    /// True if only the rows of some workers are read.
    pub(super) only_own: bool,
    /// The violations in the errors of reads.
    failures: Mutex<Tally>,
}

impl<'a> Reader<'a> {
    /// Creates a reader of all rows.
    pub(super) fn new(session: &'a Session, keyspace: &'a str, wait: Duration) -> Self {
        Self { session, keyspace, wait, only_own: false, failures: Mutex::default() }
    }

    /// Returns the violations in the errors of reads since the last call.
    pub(super) fn take_failures(&self) -> Tally {
        std::mem::take(&mut *self.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns a SELECT at ALL of this text, in which `{}` is the keyspace.
    pub(super) fn select(&self, text: &str) -> Statement {
        let statement = Statement::new(format!("SELECT {}", text.replace("{}", self.keyspace)));
        statement.consistency(Consistency::All).page_size(PAGE_SIZE)
    }

    /// Executes a read, and repeats it while it fails. Checks that no error contains a secret.
    pub(super) async fn execute(
        &self,
        select: Statement,
        values: impl ToValues + Send + Sync + Copy,
    ) -> Result<QueryResult, Error> {
        let deadline = Instant::now() + self.wait;
        loop {
            let error = match self.session.execute(&select, values).await {
                Ok(result) => return Ok(result),
                Err(error) => error,
            };
            self.failures.lock().unwrap_or_else(PoisonError::into_inner).check_error(&error);
            if Instant::now() > deadline {
                return Err(error);
            }
            sleep(DELAY).await;
        }
    }

    /// Reads a table, and passes each page to `handle`. Reads only the rows of the `own` keys, if the
    /// reader is limited to them.
    pub(super) async fn pages(
        &self,
        text: &str,
        key: &str,
        own: impl Iterator<Item = i64>,
        mut handle: impl FnMut(&QueryResult) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !self.only_own {
            return self.pages_of(self.select(text), (), &mut handle).await;
        }
        let own: Vec<_> = own.collect::<BTreeSet<_>>().into_iter().collect();
        for keys in own.chunks(MAX_KEYS) {
            let select = self.select(&format!("{text} WHERE {key} IN ?"));
            self.pages_of(select, (keys,), &mut handle).await?;
        }
        Ok(())
    }

    async fn pages_of(
        &self,
        select: Statement,
        values: impl ToValues + Send + Sync + Copy,
        handle: &mut impl FnMut(&QueryResult) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut next = None;
        loop {
            let page = self.execute(select.clone().paging_state(next.take()), values).await?;
            handle(&page)?;
            next = page.paging_state().cloned();
            if next.is_none() {
                return Ok(());
            }
        }
    }
}
