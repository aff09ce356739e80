//! Reads the pages of a system table one at a time.

use std::time::Duration;

use bytes::Bytes;

use super::system_tables::{MAX_PAGES, MIN_ROWS, ReadError, SHORT_PAGES, page};
use crate::connection::Connection;
use crate::message::Rows;

/// The pages of a statement.
pub(super) struct Pages<'a> {
    connection: &'a Connection,
    /// The timeout of each page.
    timeout: Duration,
    statement: &'a str,
    paging_state: Option<Bytes>,
    /// Number of pages that have been read.
    pages: usize,
    /// Number of rows of these pages.
    rows: usize,
}

impl<'a> Pages<'a> {
    pub(super) const fn new(
        connection: &'a Connection,
        timeout: Duration,
        statement: &'a str,
    ) -> Self {
        Self { connection, timeout, statement, paging_state: None, pages: 0, rows: 0 }
    }

    /// Reads the next page. Returns `None` after the last one.
    ///
    /// # Errors
    /// Returns [`ReadError::Interrupted`] if the server refuses a page after the first, and an error if
    /// the page cannot be read in time or is too long, or if there are too many pages.
    pub(super) async fn next(&mut self) -> Result<Option<Rows>, ReadError> {
        let is_first = self.pages == 0;
        if !is_first && self.paging_state.is_none() {
            return Ok(None);
        }
        let expected = self.pages.saturating_sub(SHORT_PAGES).saturating_mul(MIN_ROWS);
        if self.pages == MAX_PAGES || self.rows < expected {
            return Err(ReadError::Timeout);
        }
        let state = self.paging_state.as_deref();
        let mut page = match page(self.connection, self.timeout, self.statement, state).await {
            // The server has returned the first page, so it has the table.
            Err(ReadError::Missing) if !is_first => return Err(ReadError::Interrupted),
            page => page?,
        };
        self.pages += 1;
        self.rows += page.count;
        self.paging_state = page.metadata.paging_state.take();
        Ok(Some(page))
    }
}
