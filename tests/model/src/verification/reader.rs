//! Reads that are repeated while the nodes are still busy with the load.

use std::time::Duration;

use cqlwire::{
    session::{Error, QueryResult, Session, Statement},
    types::ToValues,
    wire::Consistency,
};
use tokio::time::{Instant, sleep};

/// Delay before a read is repeated.
pub(super) const DELAY: Duration = Duration::from_millis(500);

/// Rows of a page. Pages are small, because the nodes of a soak may have short timeouts.
const PAGE_SIZE: i32 = 500;

/// A reader of the tables in a keyspace.
pub(super) struct Reader<'a> {
    pub(super) session: &'a Session,
    pub(super) keyspace: &'a str,
    /// Time within which each read must succeed.
    pub(super) wait: Duration,
}

impl Reader<'_> {
    /// Returns a SELECT at ALL of this text, in which `{}` is the keyspace.
    pub(super) fn select(&self, text: &str) -> Statement {
        let statement = Statement::new(format!("SELECT {}", text.replace("{}", self.keyspace)));
        statement.consistency(Consistency::All).page_size(PAGE_SIZE)
    }

    /// Executes a read, and repeats it while it fails.
    pub(super) async fn execute(
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

    /// Executes a read without values, and passes each page to `handle`.
    pub(super) async fn pages(
        &self,
        text: &str,
        mut handle: impl FnMut(&QueryResult) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut next = None;
        loop {
            let select = self.select(text).paging_state(next.take());
            let page = self.execute(select, ()).await?;
            handle(&page)?;
            next = page.paging_state().cloned();
            if next.is_none() {
                return Ok(());
            }
        }
    }
}
